"""What is true in a simulated world: the parameters of the panel, frozen."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Integers

Threat = Literal[
    "firm_effects", "common_shocks", "reverse_effect", "selection", "rater_noise", "observed_shock",
    "hidden_shock", "constraint_error", "size_bias", "late_coverage", "unequal_relief", "persistence",
    "unequal_effect", "size_like",
]  # fmt: skip

#: Published negative link of ESG with constraints, -0.16 to -0.32 (Lin 2025); its units are not known to us:
#: the magnitude is borrowed, and the scale (sd of constraint a sd of ESG) is ours.
PUBLISHED_REVERSE = -0.3
#: No standardised estimate in the studied direction was found; .1 is a small effect by Cohen's convention.
SMALL_EFFECT = -0.10
#: AR(1) of the constraint; assumed, because an index that mixes ratios of the year has no agreed one.
PERSISTENCE = 0.5


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
    effect : sd of latent ESG a within-firm sd of last year's constraint, among small firms.
    effect_large : the same among all other firms; None: as among small ones.
    reverse_effect : within-firm sd of constraint a sd of this year's latent ESG.
    selection_strength : weight of (ESG - last year's constraint) in being rated; 0 makes coverage ignorable.
    rater_noise : error sd of one rater in sd of latent ESG; .95 gives the published correlation of .54.
    shock_size : fall of constraint of relaxed firms from the shock year on, in within-firm sd.
    shock_years : years of the policy shock, a cohort each; share_treated : firms relaxed in any of them.
    shock_shares : what each cohort gets of `shock_size`; () is all of it.
    persistence : AR(1) of the constraint.
    reliability : share of the measured constraint's variance within firms that is not white error.
    observed_shock : what a sd of return on assets takes from the constraint of its year, in sd, and adds to
        the next year's ESG; the usual controls hold it. hidden_shock : the same of an AR(1) nobody measures.
    size_bias : sd of a rater's error a sd of log assets, which also lowers the constraint of its year.
    size_overlap : share of the measured constraint, within firms and years, that is a parabola of log assets,
        as in the SA index, the rest white noise; 0: the constraint is none. size_bend : what a sd of last
        year's log assets adds to ESG, with a third of it for its square.
    coverage_starts : years in which raters take up further firms, equally many each time and the largest
        first; () is all in the first.
    first_rating_year : no ratings before it (Chinese ESG ratings reach back to about 2009).
    """

    effect: float = SMALL_EFFECT
    effect_large: float | None = None
    reverse_effect: float = 0.0
    selection_strength: float = 0.0
    rater_noise: float = 0.95
    shock_size: float = 1.0
    shock_years: tuple[int, ...] = (2012,)
    shock_shares: tuple[float, ...] = ()
    share_treated: float = 0.3
    persistence: float = PERSISTENCE
    reliability: float = 1.0
    observed_shock: float = 0.0
    hidden_shock: float = 0.0
    size_bias: float = 0.0
    size_overlap: float = 0.0
    size_bend: float = 0.0
    coverage_starts: tuple[int, ...] = ()
    n_firms: int = 496
    n_years: int = 18
    first_year: int = 2000
    first_rating_year: int = 2009

    def __post_init__(self) -> None:
        if self.n_firms < 2 or self.n_years < 3:
            sizes = f"{self.n_firms} firms x {self.n_years} years"
            raise ValueError(f"{sizes}: at least 2 firms and 3 years needed")
        if self.rater_noise < 0 or not 0 <= self.share_treated < 1:
            raise ValueError("rater_noise must be >= 0 and share_treated within [0, 1)")
        if not 0 <= self.persistence < 1 or not 0 < self.reliability <= 1:
            raise ValueError("persistence must lie within [0, 1) and reliability within (0, 1]")
        if self.shock_shares and len(self.shock_shares) != len(self.shock_years):
            raise ValueError(f"need a share of the shock for each of {len(self.shock_years)} cohorts")

    @property
    def years(self) -> Integers:
        """(n_years,) calendar years."""
        return np.arange(self.first_year, self.first_year + self.n_years)

    @property
    def n_first(self) -> int:
        """Firms listed in the first year: 80 of 496, as measured."""
        return max(1, round(self.n_firms * 80 / 496))
