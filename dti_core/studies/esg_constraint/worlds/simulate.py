"""A simulated panel of listed firms in which the effect of constraints on ESG, and its reverse, are known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.effects import within_sd
from dti_core.studies.esg_constraint.model.panel import CONTROLS, SMALL_SHARE, Panel, size_rank
from dti_core.studies.esg_constraint.model.shock import relaxed
from dti_core.studies.esg_constraint.worlds.firms import SERIES
from dti_core.studies.esg_constraint.worlds.noise import WARM_UP, Noise, draw_noise
from dti_core.studies.esg_constraint.worlds.raters import grade, is_rated, leaning
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.sheets import Sheets, make_sheets

#: Of log assets in these worlds, rounded.
MIDDLE_SIZE, SIZE_SD = 7.1, 1.3


@dataclass(frozen=True, slots=True)
class PanelDraws:
    """A batch of simulated panels; firm-year arrays are (n_draws, n_firms, n_years).

    columns : name -> firm-year values, NaN where a firm is not listed. Money is over total assets of the same
        year; log_assets is ln of millions of RMB; age in years. constraint is what drives ESG, in within-firm
        sd, higher = more constrained, as it is measured; esg is latent, in sd. rating_a, rating_b :
        grades 1..9, NaN where not rated.
    rated, observed, index_member : firm-year flags (index members are rated more often, and membership has no
        other link with ESG).
    state, industry, cohort : (n_draws, n_firms); cohort is the index of the shock's year, -1 = never relaxed.
    """

    settings: WorldSettings
    columns: dict[str, Array]
    rated: Mask
    observed: Mask
    index_member: Mask
    state: Mask
    industry: Integers
    cohort: Integers

    def __getitem__(self, column: str) -> Array:
        return self.columns[column]

    def panel(self) -> Panel:
        """The batch as the estimators take it."""
        controls = np.stack([self[name] for name in CONTROLS], axis=3)
        return Panel(
            self["rating_a"], self["constraint"], controls, self.observed, self.industry, self.cohort,
            self["rating_b"], self.index_member.astype(float),
            size_rank(self["log_assets"], self.observed, before_ratings(self.settings)) < SMALL_SHARE,
            size=self["log_assets"],
        )  # fmt: skip

    def table(self, draw: int = 0) -> pd.DataFrame:
        """One panel as a long table, as an analyst would see it: listed firm-years, without latent ESG."""
        firm, year = np.nonzero(self.observed[draw])
        cohort = self.cohort[draw]
        fixed = {
            "state": self.state[draw],
            "industry": self.industry[draw],
            "cohort": np.where(cohort >= 0, self.settings.first_year + cohort, 0),
        }
        table = {"firm": firm, "year": self.settings.years[year]}
        table |= {name: values[draw, firm, year] for name, values in self.columns.items() if name != "esg"}
        table |= {name: values[firm].astype(float) for name, values in fixed.items()}
        return pd.DataFrame(table | {"index_member": self.index_member[draw, firm, year].astype(float)})


def before_ratings(settings: WorldSettings) -> int:
    """Index of the last year without ratings, by whose sizes firms count as small; 0 if there is none."""
    return max(0, settings.first_rating_year - settings.first_year - 1)


def simulate(settings: WorldSettings, generators: Sequence[np.random.Generator]) -> PanelDraws:
    """One panel a generator, so that a panel does not depend on the others of its batch."""
    noise = draw_noise(settings, generators)
    sheets = make_sheets(settings, noise)
    rank = size_rank(sheets.size, sheets.observed, before_ratings(settings))
    cohort = _cohorts(settings, noise)
    pushes = _pushes(settings, noise, sheets, cohort)
    constraint, esg = _interact(settings, noise, pushes, rank < SMALL_SHARE)
    member = noise.membership > 0.25
    lagged = np.concatenate([constraint[..., :1], constraint[..., :-1]], axis=-1)
    news = settings.selection_strength * (esg - lagged)
    rated = is_rated(settings, noise, sheets.size, rank, member, news) & sheets.observed
    shown = (
        size_like(settings, noise, sheets) if settings.size_overlap else measured(settings, noise, constraint)
    )
    columns = sheets.columns | {"constraint": shown, "esg": esg}
    listed = {name: np.where(sheets.observed, values, np.nan) for name, values in columns.items()}
    for name, error in zip(("rating_a", "rating_b"), noise.rater_errors, strict=True):
        biased = leaning(error, sheets.size, settings.size_bias)
        listed[name] = np.where(rated, grade(esg, biased, settings.rater_noise), np.nan)
    return PanelDraws(
        settings, listed, rated, sheets.observed, member & sheets.observed, sheets.state, noise.industry,
        cohort,
    )  # fmt: skip


def measured(settings: WorldSettings, noise: Noise, constraint: Array) -> Array:
    """The constraint as accounts show it: with white error, by its reliability within firms (variance 1)."""
    if noise.measurement is None:
        return constraint
    return constraint + math.sqrt(1 / settings.reliability - 1) * noise.measurement[..., WARM_UP:]


def size_like(settings: WorldSettings, noise: Noise, sheets: Sheets) -> Array:
    """A measure of constraint that is size bent, in its within-firm sd, and a rest of white noise."""
    size = sheets.columns["log_assets"]
    index = -0.737 * size + 0.043 * size**2  # SA without age and caps
    white = cast(Array, noise.measurement)[..., WARM_UP:]
    spread = within_sd(index, sheets.observed)[:, None, None]
    return np.asarray(index / spread + math.sqrt(1 / settings.size_overlap - 1) * white)


def _pushes(settings: WorldSettings, noise: Noise, sheets: Sheets, cohort: Integers) -> tuple[Array, Array]:
    """What else moves the constraint of a year, and the next year's ESG; 0 in the warm-up."""
    shares = np.array([*(settings.shock_shares or np.ones(len(settings.shock_years))), 0.0])
    own = np.select([cohort == year - settings.first_year for year in settings.shock_years], shares[:-1], 0.0)
    fall = settings.shock_size * own[..., None] * relaxed(cohort, settings.n_years)
    profit = settings.observed_shock * SERIES["roa"].shape.standard(sheets.columns["roa"])
    push = np.zeros_like(noise.constraint_path)
    push[..., WARM_UP:] = -fall - profit - settings.size_bias * sheets.size
    esg = np.zeros_like(push)
    size = (sheets.columns["log_assets"] - MIDDLE_SIZE) / SIZE_SD
    esg[..., WARM_UP:] = profit + settings.size_bend * (size + size**2 / 3)
    if noise.hidden is not None:
        push, esg = push - settings.hidden_shock * noise.hidden, esg + settings.hidden_shock * noise.hidden
    return push, esg


def _cohorts(settings: WorldSettings, noise: Noise) -> Integers:
    """Relief goes to constrained firms first: treatment rises with the constraint's firm effect."""
    chance = settings.share_treated
    odds = chance / (1.0 - chance) * np.exp(0.5 * noise.constraint_factor)
    treated = noise.treatment < odds / (1.0 + odds)
    years = np.asarray(settings.shock_years, dtype=np.int64) - settings.first_year
    return np.where(treated, years[(noise.cohort * len(years)).astype(np.int64)], -1)


def _interact(
    settings: WorldSettings, noise: Noise, pushes: tuple[Array, Array], small: Mask
) -> tuple[Array, Array]:
    """(n_draws, n_firms, n_years) constraint and latent ESG, made year by year through the warm-up."""
    large = settings.effect if settings.effect_large is None else settings.effect_large
    effect = np.where(small, settings.effect, large)
    own, pushed = noise.constraint_path + pushes[0], pushes[1]
    esg = noise.esg_path.copy()
    constraint = np.empty_like(own)
    constraint[..., 0] = own[..., 0] + settings.reverse_effect * esg[..., 0]
    for year in range(1, own.shape[-1]):
        esg[..., year] += effect * constraint[..., year - 1] + pushed[..., year - 1]
        constraint[..., year] = own[..., year] + settings.reverse_effect * esg[..., year]
    return constraint[..., WARM_UP:], esg[..., WARM_UP:]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some panels of one world, before they are simulated: what a process is given to do."""

    settings: WorldSettings
    generators: tuple[np.random.Generator, ...]

    def panel(self) -> Panel:
        """The simulated panels."""
        return simulate(self.settings, self.generators).panel()


def batches(
    settings: WorldSettings, seeds: np.random.SeedSequence, n_draws: int, size: int
) -> dict[int, Batch]:
    """`n_draws` panels in batches, by the number of their first; a panel is the same in any batch."""
    generators = [np.random.default_rng(child) for child in seeds.spawn(n_draws)]
    starts = range(0, n_draws, size)
    return {start: Batch(settings, tuple(generators[start : start + size])) for start in starts}
