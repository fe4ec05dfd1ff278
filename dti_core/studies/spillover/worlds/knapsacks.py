"""Budgets of marketing and of ESG measures, drawn from public moments and assumptions; all of it simulated.

What each field's moments are, and what is assumed:

| what | marketing, dollars, weeks | ESG, yuan a million of assets, months |
|---|---|---|
| programme, measure | one of 11 channels, a campaign | one of 11 topics, an action |
| earnings a period | reach x .00292 x lift x margin | debt x cut of its rate / 12 |
| public | conversions .00292 (Criteo uplift v2.1); lifts 29, 18, 5 % by funnel (663 trials) | debt .438 of \
assets, 5-95 % .125-.749 (496 firms); cash flow .043 of assets a year |
| assumed | reach 20,000 a week, spread 1; margin $40 | a cut by 2 basis points a year, spread 1.2 |
| cost | hours at $60, and $5 for 1,000 shows, four a head | work, half of a cut's spread, 50 in the middle |
| budget | 12 % of what all would cost | 1 % of a year's cash flow |

Sources: Diemert et al. (2018), Criteo uplift v2.1; Gordon et al. (2023) for lifts by trials, and that
observational estimates (83, 58, 24 %) overstate them, which is the planted world's flaw; moments of Chinese
machinery firms, 2000-2017. Arrivals, surges, windows and chains are those of patching, which no source gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from dti_core.studies.spillover.model.knapsacks import NEVER, Array, Flags, Ints, Knapsacks, Surge, join

Target = Literal["marketing", "esg"]
N_PROGRAMMES, N_MEASURES, N_PERIODS, N_PARTNERS = 11, 6, 12, 3
#: Of trials with top, middle and bottom of the funnel, median lift; and what attribution makes of it.
LIFTS, ATTRIBUTED = (0.29, 0.18, 0.05), (0.83, 0.58, 0.24)
CONVERSIONS, REACH, MARGIN_USD, WAGE_USD, SHOW_USD = 0.00292, 20_000.0, 40.0, 60.0, 0.005
LEVERAGE, CASH_FLOW, CUT, MILLION = (0.438, 0.19), 0.043, 2e-4, 1e6


@dataclass(frozen=True, slots=True)
class Setting:
    """What makes a world of budgets.

    late : share of measures that become known after the first period. windows : share of periods in which a
    programme may begin anything. hours : capacity of all periods together, in work of all measures. budget :
    in cost of all measures; of ESG the share of a year's cash flow. chained : share that need the one before.
    overstated : whether half of the programmes, which bear a sign, earn less than is stated, by as much as
    attribution overstates lifts.
    """

    late: float = 0.8
    windows: float = 0.6
    hours: float = 0.7
    budget: float = 0.12
    chained: float = 0.3
    surges: Surge = field(default_factory=lambda: Surge(3.0, 0.03, 4))
    overstated: bool = False


#: Money of the planted world of ESG, as a multiple of the real one's.
RICHER = 3.0
SETTINGS: dict[Target, Setting] = {
    "marketing": Setting(),
    "esg": Setting(budget=0.01, surges=Surge(3.0, 0.03, 12)),
}


def planted(target: Target) -> Setting:
    """The field's world in which half of the programmes earn less than is stated, and nothing surges.

    ESG has three times its money there: with so little as it has, one measure more or less is all of a plan.
    """
    plain = SETTINGS[target]
    budget = plain.budget * (RICHER if target == "esg" else 1.0)
    return replace(plain, overstated=True, budget=budget, surges=Surge(1.0, 0.0, plain.surges.tail))


def draw_all(target: Target, setting: Setting, seeds: Sequence[int]) -> Knapsacks:
    """One instance a seed; each follows from its own seed, alone or in a batch."""
    return join([draw(target, setting, int(seed)) for seed in seeds])


def draw(target: Target, setting: Setting, seed: int) -> Knapsacks:
    """The one instance of a seed."""
    rng = np.random.default_rng(seed)
    size = (1, N_PROGRAMMES, N_MEASURES)
    value, hours, cost, unit = (_marketing if target == "marketing" else _esg)(rng, size)
    known = np.where(rng.random(size) < setting.late, rng.integers(1, N_PERIODS, size), 0)
    fee = rng.uniform(0.15, 0.6, size[:2])
    setup_hours, setup_cost = fee * hours.mean(), fee * unit
    total = cost.sum() if target == "marketing" else CASH_FLOW * MILLION
    flagged = rng.random(size[:2]) < 0.5
    overstated = np.mean(np.divide(ATTRIBUTED, LIFTS))
    return Knapsacks(
        value=value, truth=np.where(flagged & setting.overstated, 1 / overstated, 1.0),
        hours=hours, cost=cost, chained=_chained(setting, size, rng), known=known,
        surge=_surges(setting.surges, known, rng), setup_hours=setup_hours, setup_cost=setup_cost,
        open=_windows(setting, rng), capacity=setting.hours * hours.sum(axis=(1, 2)) / N_PERIODS,
        budget=np.array([setting.budget * total]), unit=np.array([unit]), partners=_partners(rng),
        flagged=flagged & setting.overstated, surges=setting.surges,
    )  # fmt: skip


def _marketing(rng: np.random.Generator, size: tuple[int, ...]) -> tuple[Array, Array, Array, float]:
    """Earnings a week and cost in dollars, hours, and dollars that are small for a campaign."""
    lift = np.array(LIFTS)[rng.integers(0, 3, size[:2])][..., None]
    reach, margin = REACH * rng.lognormal(0.0, 1.0, size), MARGIN_USD * rng.lognormal(0.0, 0.5, size)
    hours = 5 + rng.exponential(15.0, size)
    cost = WAGE_USD * hours + SHOW_USD * 4 * reach
    return reach * CONVERSIONS * lift * margin, hours, cost, WAGE_USD * 15.4 + SHOW_USD * 4 * REACH


def _esg(rng: np.random.Generator, size: tuple[int, ...]) -> tuple[Array, Array, Array, float]:
    """Earnings a month and cost in yuan for a million of assets, hours, and yuan small for an action."""
    debt = MILLION * float(np.clip(rng.normal(*LEVERAGE), 0.05, 0.95))
    cut = CUT * rng.lognormal(0.0, 1.2, size)
    hours = 5 + rng.exponential(15.0, size)
    return debt * cut / 12, hours, 50.0 * (hours / 15.4) * rng.lognormal(0.0, 0.4, size), 50.0


def _chained(setting: Setting, size: tuple[int, ...], rng: np.random.Generator) -> Flags:
    chained = rng.random(size) < setting.chained
    chained[..., 0] = False
    return chained


def _surges(surges: Surge, known: Ints, rng: np.random.Generator) -> Ints:
    """Period from which each measure surges, at the same chance in each period after it is known."""
    if surges.hazard <= 0:
        return np.full(known.shape, NEVER)
    period = known + rng.geometric(surges.hazard, known.shape)
    return np.where(period < N_PERIODS + surges.tail, period, NEVER)


def _windows(setting: Setting, rng: np.random.Generator) -> Flags:
    """(1, A, T) periods in which programmes may begin something, at least one each."""
    found = rng.random((1, N_PROGRAMMES, N_PERIODS)) < setting.windows
    least = rng.integers(0, N_PERIODS, N_PROGRAMMES)
    found[0, np.arange(N_PROGRAMMES), least] |= ~found[0].any(axis=1)
    return found


def _partners(rng: np.random.Generator) -> Ints:
    """(1, A, D) up to three earlier programmes that share an audience or a topic with each, -1 beyond."""
    found = np.full((1, N_PROGRAMMES, N_PARTNERS), -1)
    for one in range(1, N_PROGRAMMES):
        n = min(one, int(rng.integers(0, N_PARTNERS + 1)))
        found[0, one, :n] = rng.choice(one, n, replace=False)
    return found
