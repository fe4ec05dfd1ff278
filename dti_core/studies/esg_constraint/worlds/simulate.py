"""A simulated panel of listed firms in which the effect of constraints on ESG, and its reverse, are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.panel import CONTROLS, Panel
from dti_core.studies.esg_constraint.model.shock import relaxed
from dti_core.studies.esg_constraint.worlds.noise import Noise, draw_noise
from dti_core.studies.esg_constraint.worlds.raters import grade, is_rated
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.sheets import make_sheets


@dataclass(frozen=True, slots=True)
class PanelDraws:
    """A batch of simulated panels; firm-year arrays are (n_draws, n_firms, n_years).

    columns : name -> firm-year values, NaN where a firm is not listed. Money is over total assets of the same
        year; log_assets is ln of millions of RMB; age in years. constraint is what drives ESG, in within-firm
        sd, higher = more constrained; esg is latent, in sd. rating_a, rating_b : grades 1..9, NaN where not
        rated.
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


def simulate(settings: WorldSettings, generators: Sequence[np.random.Generator]) -> PanelDraws:
    """One panel a generator, so that a panel does not depend on the others of its batch."""
    noise = draw_noise(settings, generators)
    sheets = make_sheets(settings, noise)
    cohort = _cohorts(settings, noise)
    constraint, esg = _interact(settings, noise, relaxed(cohort, settings.n_years))
    member = noise.membership > 0.25
    lagged = np.concatenate([constraint[..., :1], constraint[..., :-1]], axis=-1)
    news = settings.selection_strength * (esg - lagged)
    rated = is_rated(settings, noise, sheets.size, member, news) & sheets.observed
    columns = sheets.columns | {"constraint": constraint, "esg": esg}
    listed = {name: np.where(sheets.observed, values, np.nan) for name, values in columns.items()}
    for name, error in zip(("rating_a", "rating_b"), noise.rater_errors, strict=True):
        listed[name] = np.where(rated, grade(esg, error, settings.rater_noise), np.nan)
    return PanelDraws(
        settings, listed, rated, sheets.observed, member & sheets.observed, sheets.state, noise.industry,
        cohort,
    )  # fmt: skip


def _cohorts(settings: WorldSettings, noise: Noise) -> Integers:
    """Relief goes to constrained firms first: treatment rises with the constraint's firm effect."""
    chance = settings.share_treated
    odds = chance / (1.0 - chance) * np.exp(0.5 * noise.constraint_factor)
    treated = noise.treatment < odds / (1.0 + odds)
    years = np.asarray(settings.shock_years, dtype=np.int64) - settings.first_year
    return np.where(treated, years[(noise.cohort * len(years)).astype(np.int64)], -1)


def _interact(settings: WorldSettings, noise: Noise, shock: Array) -> tuple[Array, Array]:
    """(n_draws, n_firms, n_years) constraint and latent ESG, made year by year through the warm-up."""
    warm_up = noise.esg_path.shape[-1] - settings.n_years
    fall = np.zeros_like(noise.esg_path)
    fall[..., warm_up:] = settings.shock_size * shock
    own = noise.constraint_path - fall
    esg = noise.esg_path.copy()
    constraint = np.empty_like(own)
    constraint[..., 0] = own[..., 0] + settings.reverse_effect * esg[..., 0]
    for year in range(1, own.shape[-1]):
        esg[..., year] += settings.effect * constraint[..., year - 1]
        constraint[..., year] = own[..., year] + settings.reverse_effect * esg[..., year]
    return constraint[..., warm_up:], esg[..., warm_up:]


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
