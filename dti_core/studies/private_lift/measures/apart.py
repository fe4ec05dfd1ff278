"""Channels that measure apart against one private measurement of all: whose lift, credit and reach are right?

Apart, each platform knows whom it showed an advertisement and which of these bought, and claims them all. Or,
the stronger rival, it also holds out users of its own at random. Jointly, each user sends two one-hot reports
through aggregators, of eligible and of exposed coalition with conversion, which share one epsilon. All ways
get the same campaigns and, where they add noise, the same epsilon a user in total.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds, share
from dti_core.lab.methods import Method
from dti_core.studies.private_lift.measures.telling import keep, released
from dti_core.studies.private_lift.model.cells import Array, Counts, bits
from dti_core.studies.private_lift.model.lift import factorial_shapley, intent_to_treat
from dti_core.studies.private_lift.model.payouts import misallocated, paid_shares
from dti_core.studies.private_lift.worlds import AUDIENCES, CAMPAIGN
from dti_core.studies.private_lift.worlds.market import Truth, joint, truth
from dti_core.studies.private_lift.worlds.settings import Market

#: Ends of the assumptions from which markets are drawn: what is added to each channel's slope of exposure on
#: activity (even), reach as a multiple of the campaign's and users (even in logarithms).
TARGETING, REACH, USERS = (0.0, 2.0), (0.1, 1.0), (20_000, 1_000_000)
#: The same slopes where audiences must meet, and upper ends at which their part in the answer is told.
STEEP, ENDS = (3.0, 4.0), (0.0, 0.2, 0.4, 0.6, 1.0, 2.0)
#: Markets of each draw of a control world, campaigns of each market there and where the ends are told.
DRAW_MARKETS, FEW_CAMPAIGNS = 16, 4
BARS = ("credit", "reach")
#: The strongest that channels can do apart, and the error of either measure from which it matters.
RIVAL, MATTERS = "tested", 0.05
PAIR = (RIVAL, "joint_private")
MEASURED = {"credit": "share of the budget", "reach": "share of the reach", "lift": "share of the lift"}

#: Of campaigns (k, 2^C, 2^C, 2) at an epsilon: incremental conversions an eligible user (k, C), credit
#: (k, C), share of users reached (k,).
Answer = tuple[Array, Array, Array]
Errors = dict[str, dict[str, Array]]
Way = Callable[[Counts, float, np.random.Generator], Answer]


def _claims(counts: Counts, epsilon: float, rng: np.random.Generator) -> Answer:
    shown, bought, eligible = _of_each(counts)
    return bought / eligible, bought, shown.sum(axis=-1) / _users(counts)


def _tested(counts: Counts, epsilon: float, rng: np.random.Generator) -> Answer:
    """Each platform's own holdout: four buckets, and its reach, each at an equal part of the epsilon.

    Reaches are joined as those of independent audiences, the field's formula where nobody can join users.
    Source: Sainsbury, after Agostini (1961).
    """
    n_channels = counts.shape[1].bit_length() - 1
    by_eligible, inside = counts.sum(axis=2), bits(n_channels)
    part = epsilon / (2 * n_channels)
    on, off = (np.einsum("sc,ksy->kcy", side.astype(float), by_eligible) for side in (inside, ~inside))
    on, off = released(on, part, rng), released(off, part, rng)
    lift = on[..., 1] / on.sum(axis=-1) - off[..., 1] / off.sum(axis=-1)
    shown = released(_of_each(counts)[0], part, rng) / _users(counts)[:, None]
    return lift, lift, 1 - np.prod(1 - shown, axis=-1)


def _joint(counts: Counts, epsilon: float, rng: np.random.Generator) -> Answer:
    by_eligible = released(counts.sum(axis=2), epsilon / 2, rng)
    by_exposed = released(counts.sum(axis=1), epsilon / 2, rng)
    lift = intent_to_treat(by_eligible).value
    users = by_exposed.sum(axis=(1, 2))
    return lift, np.nan_to_num(factorial_shapley(by_eligible)[0]), 1 - by_exposed[:, 0].sum(axis=-1) / users


def _joint_plain(counts: Counts, epsilon: float, rng: np.random.Generator) -> Answer:
    return _joint(counts, np.inf, rng)


def _shuffled(counts: Counts, epsilon: float, rng: np.random.Generator) -> Answer:
    """The placebo: each column of the joined table belongs to other users than the next."""
    users, n_channels = _users(counts).astype(np.int64), counts.shape[1].bit_length() - 1
    rate = counts[..., 1].sum(axis=(1, 2)) / users
    by_eligible = counts.sum(axis=(2, 3))
    bought = rng.binomial(by_eligible, rate[:, None])
    cells = np.stack([by_eligible - bought, bought], axis=-1)[:, :, None]
    lift, credit, _ = _joint(cells, epsilon, rng)
    shown, inside = _of_each(counts)[0] / users[:, None], bits(n_channels)
    nobody = np.prod(np.where(inside[0], shown, 1 - shown), axis=-1)
    missed = released(rng.binomial(users, nobody), epsilon / 2, rng)
    return lift, credit, 1 - missed / users


WAYS: dict[str, Method[Way]] = {
    "claims": Method("Apart: each platform's own buyers", _claims, ("nobody would have bought unshown",)),
    "tested": Method("Apart: each platform's own holdout", _tested, ("audiences do not meet",)),
    "joint_private": Method("Joint, private", _joint),
    "joint": Method("Joint, no noise", _joint_plain),
    "shuffled": Method("Join of shuffled users", _shuffled, counts_as_trial=False),
}


def study_apart(
    seeds: np.random.SeedSequence, n_users: int, n_campaigns: int, n_draws: int, epsilon: float = 1.0
) -> Findings:
    """Errors of each way, and how much worse channels apart do than the private joint measurement.

    Intervals hold 95 % of campaigns, or of drawn markets, so that they tell what one advertiser may meet.
    """
    found, at = Findings(), dict[str, str | float](epsilon=epsilon, n_users=n_users, against="joint_private")
    ours, curve, grid, *controls = (np.random.default_rng(one) for one in seeds.spawn(3 + 2 * len(AUDIENCES)))
    _told(found, errors(CAMPAIGN, n_users, n_campaigns, epsilon, ours), at)
    for (world, made), rng, drawing in zip(AUDIENCES.items(), controls[::2], controls[1::2], strict=True):
        drawn = [errors(made.settings, n_users, n_campaigns, epsilon, rng, PAIR) for _ in range(n_draws)]
        each = [_worst(one) for one in drawn]
        _control(found, "apart_worst_excess_campaign", world, each, at | {"way": RIVAL})
        ranges = [_range(world, epsilon, drawing) for _ in range(n_draws)]
        _control(found, "apart_worst_excess", world, ranges, {"epsilon": epsilon, "way": RIVAL})
    found.series["apart_users"] = _by_users(n_campaigns, epsilon, curve)
    _over_markets(found, n_draws, n_campaigns, epsilon, grid)
    return found


def errors(
    market: Market, n_users: int, n_campaigns: int, epsilon: float, rng: np.random.Generator,
    ways: Collection[str] = tuple(WAYS),
) -> Errors:  # fmt: skip
    """Way -> measure -> (n_campaigns,).

    credit : part of a budget split by it that goes wrong. reach : relative error of the number of users shown
    anything. lift : root mean square error over channels, and bias : error of their sum, in parts of the sum
    of true lifts.
    """
    true, cells = _known(market)
    reach = 1 - cells[:, 0].sum()
    counts = np.zeros((n_campaigns, cells.size), dtype=np.int64)
    possible = np.flatnonzero(cells)
    counts[:, possible] = rng.multinomial(n_users, cells.ravel()[possible], size=n_campaigns)
    counts = counts.reshape(n_campaigns, *cells.shape)
    found = {}
    for name in ways:
        lift, credit, reached = WAYS[name].run(counts, epsilon, rng)
        gap = (lift - true.itt) / true.itt.sum()
        found[name] = {
            "credit": misallocated(paid_shares(credit), true.shares),
            "reach": np.abs(reached / reach - 1),
            "lift": np.sqrt((gap**2).mean(axis=-1)),
            "bias": gap.sum(axis=-1),
        }
    return found


@lru_cache(maxsize=16)
def _known(market: Market) -> tuple[Truth, Array]:
    cells = joint(market)
    return truth(market), cells / cells.sum()


def _told(found: Findings, wrong: Errors, at: dict[str, str | float]) -> None:
    rows = []
    for name, way in WAYS.items():
        for measure, unit in (*MEASURED.items(), ("bias", MEASURED["lift"])):
            one = mean_over_seeds(wrong[name][measure])
            keep(found, f"{measure}_error_{name}", one, unit, at | {"way": name})
            rows.append({"way": name, "title": way.title, "measure": measure, "error": one.value,
                         "low": one.low, "high": one.high})  # fmt: skip
    found.series["apart"] = pd.DataFrame(rows)
    for rival, prefix in {"claims": "apart", "tested": "apart_tested", "shuffled": "shuffled"}.items():
        for measure in BARS:
            one = _middle(_excess(wrong, rival, measure))
            keep(found, f"{prefix}_{measure}_excess", one, MEASURED[measure], at | {"way": rival})
    keep(found, "apart_worst_excess_campaign", _middle(_worst(wrong)), "share", at | {"way": RIVAL})


def _excess(wrong: Errors, rival: str, measure: str) -> Array:
    return wrong[rival][measure] - wrong["joint_private"][measure]


def _worst(wrong: Errors) -> Array:
    """How far the rival falls behind on the measure on which it does worst: one that is wrong is a need."""
    return np.max([_excess(wrong, RIVAL, measure) for measure in BARS], axis=0)


def _control(found: Findings, name: str, world: str, each: list[Array], at: dict[str, str | float]) -> None:
    """A bar in a control world: all draws together, and the range of each."""
    keep(found, name, _middle(np.concatenate(each)), "share", at, world=world)
    spans = tuple((one.low, one.high) for one in map(_middle, each))
    found.estimates[-1] = replace(found.estimates[-1], draws=spans)


def _middle(values: Array, what: str = "campaigns") -> Interval:
    low, high = np.quantile(values, (0.025, 0.975))
    how = f"middle 95 % of {len(values)} {what}"
    return Interval(
        float(np.median(values)), float(low), float(high), float(values.std(ddof=1)), len(values), how
    )


def _by_users(n_campaigns: int, epsilon: float, rng: np.random.Generator) -> pd.DataFrame:
    """Errors of each way by size of the campaign, a row a size, way and measure.

    mean, low, high : over campaigns, with its interval by Student's t, which more campaigns narrow. least,
    most : ends of the middle 95 % of campaigns, what one advertiser may meet, which none narrow.
    """
    rows = []
    for n_users in (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 2_000_000):
        wrong = errors(CAMPAIGN, n_users, n_campaigns, epsilon, rng)
        for name, measure in product(WAYS, MEASURED):
            mean, one = mean_over_seeds(wrong[name][measure]), _middle(wrong[name][measure])
            rows.append((n_users, name, WAYS[name].title, measure, mean.value, mean.low, mean.high, one.low,
                         one.high, n_campaigns))  # fmt: skip
    columns = ["users", "way", "title", "measure", "mean", "low", "high", "least", "most", "n"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A market of the assumptions; `slope` in [0, 1] is its place between the ends of the added slopes."""

    slope: float
    reach: float
    n_users: int

    def market(self, ends: tuple[float, float], base: float = 1.0) -> Market:
        """The campaign with this reach and a slope between these ends added to `base` times its own."""
        added = ends[0] + self.slope * (ends[1] - ends[0])
        channels = tuple(
            (name, replace(one, targeting=base * one.targeting + added, reach=self.reach * one.reach))
            for name, one in CAMPAIGN.channels
        )
        return replace(CAMPAIGN, channels=channels)


def draw_market(rng: np.random.Generator) -> Drawn:
    """A place in the assumptions on targeting, reach and users."""
    slope, reach = float(rng.uniform()), math.exp(rng.uniform(*np.log(REACH)))
    return Drawn(slope, reach, round(math.exp(rng.uniform(*np.log(USERS)))))


def _behind(
    drawn: Drawn, market: Market, n_campaigns: int, epsilon: float, rng: np.random.Generator
) -> tuple[float, ...]:
    """Medians over campaigns of the worse excess, and of each."""
    wrong = errors(market, drawn.n_users, n_campaigns, epsilon, rng, PAIR)
    each = (_excess(wrong, RIVAL, measure) for measure in BARS)
    return tuple(float(np.median(one)) for one in (_worst(wrong), *each))


def _range(world: str, epsilon: float, rng: np.random.Generator) -> Array:
    """The worse excess in a few markets without targeting, or with slopes far above the range's."""
    ends, base = ((0.0, 0.0), 0.0) if world == "separate" else (STEEP, 1.0)
    places = [draw_market(rng) for _ in range(DRAW_MARKETS)]
    return np.array([_behind(one, one.market(ends, base), FEW_CAMPAIGNS, epsilon, rng)[0] for one in places])


def _over_markets(
    found: Findings, n_markets: int, n_campaigns: int, epsilon: float, rng: np.random.Generator
) -> None:
    """The claim's bar over markets drawn from the assumptions, and in which share of them it is cleared."""
    places = [draw_market(rng) for _ in range(n_markets)]
    worst, *each = np.array(
        [_behind(one, one.market(TARGETING), n_campaigns, epsilon, rng) for one in places]
    ).T
    at: dict[str, str | float] = {"epsilon": epsilon, "way": RIVAL}
    what = "markets drawn from the assumptions"
    keep(found, "apart_worst_excess", _middle(worst, what), "share", at)
    for measure, behind in zip(BARS, each, strict=True):
        keep(found, f"apart_{measure}_excess_over_markets", _middle(behind, what), MEASURED[measure], at)
    for name, held in (
        ("apart_share_of_markets", worst >= MATTERS), ("apart_share_reach_is_worse", each[1] > each[0]),
        ("apart_share_credit_matters", each[0] >= MATTERS), ("apart_share_reach_matters", each[1] >= MATTERS),
    ):  # fmt: skip
        keep(found, name, share(int(held.sum()), n_markets), "share of markets", at)
    found.series["apart_by_slope"] = _by_slope(places, epsilon, rng)


def _by_slope(places: Sequence[Drawn], epsilon: float, rng: np.random.Generator) -> pd.DataFrame:
    """The worse excess in the same markets by the upper end of the slopes that are added."""
    rows = []
    for end in ENDS:
        markets = [(one, one.market((0.0, end))) for one in places]
        worst = np.array([_behind(*one, FEW_CAMPAIGNS, epsilon, rng)[0] for one in markets])
        one = _middle(worst)
        rows.append((end, one.value, one.low, one.high, float((worst >= MATTERS).mean()), len(worst)))
    return pd.DataFrame(rows, columns=["slope_to", "median", "low", "high", "share_that_matters", "n"])


def _users(counts: Counts) -> Array:
    return counts.sum(axis=(1, 2, 3)).astype(float)


def _of_each(counts: Counts) -> tuple[Array, Array, Array]:
    """Users shown each channel, buyers among them, and eligible users, (k, C) each."""
    inside = bits(counts.shape[1].bit_length() - 1).astype(float)
    by_exposed = counts.sum(axis=1)
    return by_exposed.sum(axis=-1) @ inside, by_exposed[..., 1] @ inside, counts.sum(axis=(2, 3)) @ inside
