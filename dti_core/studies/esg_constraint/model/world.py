"""A simulated panel of listed firms in which the effect of constraints on ESG, and its reverse, are known."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.esg_constraint.model.firms import Array
from dti_core.studies.esg_constraint.model.noise import Noise, draw_noise
from dti_core.studies.esg_constraint.model.raters import grade, grade_slope, is_rated
from dti_core.studies.esg_constraint.model.sheets import Sheets, make_sheets

Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]

#: Published negative link of ESG with constraints, -0.16 to -0.32 (Lin 2025); its units are not known to us,
#: so
#: the magnitude is borrowed and the scale (sd of constraint a sd of ESG) is ours.
PUBLISHED_REVERSE = -0.3
#: No standardised estimate in the studied direction was found; .1 is a small effect by Cohen's convention.
SMALL_EFFECT = -0.10


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What is true in a simulated world. Each effect may be 0.

    Structure, for firm i and year t (all noise of unit variance before its weight):

    - constraint[i,t] = firm + year + industry-year + AR(1) of unit variance + reverse_effect * esg[i,t]
      - shock_size * (relaxed[i,t]);
    - esg[i,t] = firm + year + industry-year + AR(1) + effect * constraint[i,t-1]; variance about 1.

    Firm effects of both are correlated (large, healthy firms rate well), years too: pooled and firm-only
    estimators are confounded by design. Sheets' controls carry no effect on ESG within firms.

    Attributes
    ----------
    effect : sd of latent ESG a within-firm sd of last year's constraint.
    reverse_effect : within-firm sd of constraint a sd of this year's latent ESG.
    selection_strength : weight of (ESG - last year's constraint) in being rated; 0 makes coverage ignorable.
    rater_noise : error sd of one rater in sd of latent ESG; .90 gives the published correlation of .54.
    shock_size : fall of constraint of relaxed firms from the shock year on, in within-firm sd.
    shock_years : years of the policy shock, a cohort each; share_treated : firms relaxed in any of them.
    first_rating_year : no ratings before it (Chinese ESG ratings reach back to about 2009).
    """

    effect: float = SMALL_EFFECT
    reverse_effect: float = 0.0
    selection_strength: float = 0.0
    rater_noise: float = 0.90
    shock_size: float = 1.0
    shock_years: tuple[int, ...] = (2012,)
    share_treated: float = 0.3
    n_firms: int = 496
    n_years: int = 18
    first_year: int = 2000
    first_rating_year: int = 2009

    def __post_init__(self) -> None:
        if self.n_firms < 2 or self.n_years < 3:
            raise ValueError(
                f"{self.n_firms} firms x {self.n_years} years: at least 2 firms and 3 years needed"
            )
        if self.rater_noise < 0 or not 0 <= self.share_treated < 1:
            raise ValueError("rater_noise must be >= 0 and share_treated within [0, 1)")

    @property
    def years(self) -> Codes:
        """(n_years,) calendar years."""
        return np.arange(self.first_year, self.first_year + self.n_years)

    @property
    def n_first(self) -> int:
        """Firms listed in the first year: 80 of 496, as measured."""
        return max(1, round(self.n_firms * 80 / 496))


#: The worlds of the Monte Carlo. All but `effect`, `selection` and `rater_noise` have no effect to find.
WORLDS: Mapping[str, WorldSettings] = MappingProxyType(
    {
        "effect": WorldSettings(),
        "no_effect": WorldSettings(effect=0.0),
        "reverse_only": WorldSettings(effect=0.0, reverse_effect=PUBLISHED_REVERSE),
        "selection": WorldSettings(selection_strength=1.0),
        "rater_noise": WorldSettings(rater_noise=1.80),
    }
)


@dataclass(frozen=True, slots=True)
class Truth:
    """The coefficient that estimators aim at, for a within-firm sd of lagged constraint, by unit of outcome.

    esg_sd : on latent ESG in its sd. rating_sd : on a rater's score in its sd (smaller by the rater's noise).
    grades : on the printed grade 1..9 (rating_sd times the mean slope of the grading).
    reverse : of constraint in its within-firm sd on latent ESG of the same year in its sd.
    """

    esg_sd: float
    rating_sd: float
    grades: float
    reverse: float


def truth(settings: WorldSettings) -> Truth:
    """What is true in a world; the same for both raters."""
    rating_sd = settings.effect / math.sqrt(1.0 + settings.rater_noise**2)
    return Truth(settings.effect, rating_sd, rating_sd * grade_slope(), settings.reverse_effect)


@dataclass(frozen=True, slots=True)
class PanelDraws:
    """A batch of simulated panels; arrays are (n_draws, n_firms, n_years), NaN where a firm is not listed.

    Money is over total assets of the same year; log_assets is ln of millions of RMB; age in years.
    constraint is what drives ESG, in within-firm sd, higher = more constrained; esg is latent, in sd.
    rating_a, rating_b : grades 1..9, NaN where not rated. rated, observed, index_member : flags
    (index members are rated more often, and membership has no other link with ESG).
    state, industry, cohort : (n_draws, n_firms); cohort is the year of the shock, 0 = never relaxed.
    """

    settings: WorldSettings
    log_assets: Array
    leverage: Array
    roa: Array
    cash_flow: Array
    cash: Array
    fixed_assets: Array
    tobin_q: Array
    dividends: Array
    long_term_debt: Array
    sales_growth: Array
    industry_growth: Array
    investment: Array
    age: Array
    constraint: Array
    esg: Array
    rating_a: Array
    rating_b: Array
    rated: Flags
    observed: Flags
    index_member: Flags
    state: Flags
    industry: Codes
    cohort: Codes

    @property
    def relaxed(self) -> Flags:
        """(n_draws, n_firms, n_years): treated and at or after the shock."""
        cohort = self.cohort[..., None]
        return (cohort > 0) & (self.settings.years >= cohort)

    def columns(self) -> dict[str, Array]:
        """The floating-point firm-year variables by name, as indices and estimators take them."""
        return {
            field.name: array
            for field in fields(self)
            if isinstance(array := getattr(self, field.name), np.ndarray) and array.dtype == np.float64
        }


def simulate_panel(settings: WorldSettings, n_draws: int, rng: np.random.Generator) -> PanelDraws:
    """`n_draws` independent panels of one world; each has its own child of `rng`."""
    return simulate_batch(settings, rng.spawn(n_draws))


def simulate_chunks(
    settings: WorldSettings, n_draws: int, rng: np.random.Generator, draws_per_chunk: int = 20
) -> Iterator[PanelDraws]:
    """The panels of `simulate_panel`, the same whatever the size of a chunk (about 2 MB a draw)."""
    children = rng.spawn(n_draws)
    for start in range(0, n_draws, draws_per_chunk):
        yield simulate_batch(settings, children[start : start + draws_per_chunk])


def simulate_batch(settings: WorldSettings, generators: list[np.random.Generator]) -> PanelDraws:
    """One panel a generator; spread chunks of `rng.spawn(n_draws)` over processes with it."""
    noise = draw_noise(settings, generators)
    sheets = make_sheets(settings, noise)
    cohort = _cohorts(settings, noise)
    relaxed = (cohort[..., None] > 0) & (settings.years >= cohort[..., None])
    constraint, esg = _interact(settings, noise, sheets, relaxed)
    member = noise.membership > 0.25
    lagged = np.concatenate([constraint[..., :1], constraint[..., :-1]], axis=-1)
    score = settings.selection_strength * (esg - lagged)
    rated = is_rated(settings, noise, sheets.size, member, score) & sheets.observed
    ratings = [
        np.where(rated, grade(esg, error, settings.rater_noise), np.nan) for error in noise.rater_errors
    ]
    listed = {name: np.where(sheets.observed, values, np.nan) for name, values in sheets.columns.items()}
    return PanelDraws(
        settings=settings, **listed,
        constraint=np.where(sheets.observed, constraint, np.nan),
        esg=np.where(sheets.observed, esg, np.nan), rating_a=ratings[0], rating_b=ratings[1],
        rated=rated, observed=sheets.observed, index_member=member & sheets.observed,
        state=sheets.state, industry=noise.industry, cohort=cohort,
    )  # fmt: skip


def _cohorts(settings: WorldSettings, noise: Noise) -> Codes:
    """Relief goes to constrained firms first: treatment rises with the constraint's firm effect."""
    chance = settings.share_treated
    odds = chance / (1.0 - chance) * np.exp(0.5 * noise.constraint_factor)
    treated = noise.treatment < odds / (1.0 + odds)
    which = (noise.cohort * len(settings.shock_years)).astype(np.int64)
    return np.where(treated, np.asarray(settings.shock_years, dtype=np.int64)[which], 0)


def _interact(settings: WorldSettings, noise: Noise, sheets: Sheets, relaxed: Flags) -> tuple[Array, Array]:
    """(n_draws, n_firms, n_years) constraint and latent ESG, made year by year through the warm-up."""
    warm_up = noise.esg_path.shape[-1] - settings.n_years
    fall = np.zeros_like(noise.esg_path)
    fall[..., warm_up:] = settings.shock_size * relaxed
    own = noise.constraint_path - fall
    esg = noise.esg_path.copy()
    constraint = np.empty_like(own)
    constraint[..., 0] = own[..., 0] + settings.reverse_effect * esg[..., 0]
    for year in range(1, own.shape[-1]):
        esg[..., year] += settings.effect * constraint[..., year - 1]
        constraint[..., year] = own[..., year] + settings.reverse_effect * esg[..., year]
    return constraint[..., warm_up:], esg[..., warm_up:]
