"""Rules: an order among the week's bundles, and a price on money that makes the less urgent ones wait."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from dti_core.studies.patch_planning.model.estates import Array, Estates, Flags
from dti_core.studies.patch_planning.model.weeks import Quarter, can_bid
from dti_core.studies.patch_planning.model.worth import expected_worth

Order = Literal[
    "random", "severity", "exploit_probability", "exploited_first", "risk",
    "net", "net_per_hour", "net_per_dollar", "net_per_hour_and_dollar",
]  # fmt: skip
ORDERS: tuple[Order, ...] = get_args(Order)
#: Share of what waits behind a bundle that is credited to it.
CREDIT_OF_WAITING = 0.5
#: Least share of money left that pacing reckons with.
_LAST_MONEY = 1e-3


@dataclass(frozen=True, slots=True)
class Price:
    """What a dollar costs above itself: price x (time left)^decay x (time left / money left)^pace.

    Times and money are shares of the quarter's. The price rises where money goes faster than time. It is 0 in
    the last week, when money has no other use, unless decay and pace are 0.

    price : >= 0. decay, pace : exponents >= 0. level : what a dollar then counts for, itself included, as a
    multiple; agents move it.
    """

    price: float = 0.0
    decay: float = 0.0
    pace: float = 0.0
    level: float = 1.0

    def now(self, estates: Estates, quarter: Quarter) -> Array:
        """(N,) in this week."""
        time = (estates.n_weeks - 1 - quarter.week) / max(estates.n_weeks - 1, 1)
        money = quarter.money_usd / np.maximum(estates.budget_usd, 1e-9)
        pacing = (time / np.clip(money, _LAST_MONEY, 1.0)) ** self.pace
        return self.level * (1 + self.price * time**self.decay * pacing) - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """An order, and the price under which a bundle has to be worth its money.

    order : who goes first. price : on money. only_worthwhile : whether bundles that are not worth what they
    cost at that price are left; those who go by a score alone do not ask.
    """

    order: Order
    price: Price = field(default_factory=Price)
    only_worthwhile: bool = True


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What planners think of the bundles in one week, (N, B): what orders are made of.

    likely : may bid. worth_usd : loss that a patch is expected to avoid. net_usd : worth less priced money,
    downtime and a share of the set-up, with credit for what waits behind. money_usd, hours : with the share
    of the set-up.
    """

    likely: Flags
    worth_usd: Array
    net_usd: Array
    money_usd: Array
    hours: Array


def appraise(estates: Estates, quarter: Quarter, price: Array) -> Appraisal:
    """What planners think by what is known in the week; (N,) `price` on a dollar.

    A set-up is shared alike among the bundles of its service that may bid.
    """
    outage, likely = estates.outage_usd[:, :, quarter.week], can_bid(estates, quarter)
    share = 1 / np.maximum(estates.by_service(likely.astype(float)), 1.0)
    money = estates.cost_usd + estates.of_service(estates.setup_usd * share)
    hours = estates.hours + estates.of_service(estates.setup_hours * share)
    downtime = estates.minutes * estates.of_service(outage)
    downtime += estates.of_service(estates.setup_minutes * share * outage)
    worth = expected_worth(estates, quarter.week)
    net = worth - (1 + price[:, None]) * money - downtime
    waiting = (estates.known <= quarter.week) & quarter.open_bundles
    credited = net + CREDIT_OF_WAITING * _behind(estates, np.where(waiting, np.maximum(net, 0.0), 0.0))
    return Appraisal(likely, worth, credited, money, hours)


def _behind(estates: Estates, gain: Array) -> Array:
    """(N, B) sums of gains of all that comes after a bundle, directly or not."""
    rows, later = np.nonzero(estates.after >= 0)
    first = estates.after[rows, later]
    behind = np.zeros(gain.shape)
    for _ in range(estates.n_bundles):
        once_more = np.zeros(gain.shape)
        np.add.at(once_more, (rows, first), gain[rows, later] + behind[rows, later])
        if np.array_equal(once_more, behind):
            break
        behind = once_more
    return behind


def _exploit_probability(estates: Estates, seen: Appraisal, week: int) -> Array:
    """What severity leaves out of the risk: the loss that is expected for each point of it.

    Stands in for a score of how probable an exploit is; like it, it knows nothing of costs.
    """
    return seen.worth_usd / np.maximum(estates.severity, 0.1)


def _exploited_first(estates: Estates, seen: Appraisal, week: int) -> Array:
    """What is known to be exploited, then the rest, each by risk: above 1 or below."""
    return (estates.exploited <= week) + seen.worth_usd / (1 + seen.worth_usd)


def _severity(estates: Estates, seen: Appraisal, week: int) -> Array:
    """The base score alone, as one who patches by CVSS does: nothing of exposure, exploits or costs."""
    return estates.severity + 0.01


_SCORES: Mapping[Order, Callable[[Estates, Appraisal, int], Array]] = {
    "severity": _severity,
    "exploit_probability": _exploit_probability,
    "exploited_first": _exploited_first,
    "risk": lambda estates, seen, week: seen.worth_usd,
    "net": lambda estates, seen, week: seen.net_usd,
    "net_per_hour": lambda estates, seen, week: seen.net_usd / seen.hours,
    "net_per_dollar": lambda estates, seen, week: seen.net_usd / seen.money_usd,
    "net_per_hour_and_dollar": lambda estates, seen, week: (
        seen.net_usd / np.sqrt(seen.hours * seen.money_usd)
    ),
}


def bids(estates: Estates, quarter: Quarter, rule: Rule, rng: np.random.Generator | None = None) -> Array:
    """(N, B) what `admit` goes by; 0 for what the rule leaves.

    Assumes: no look-ahead; exploits and bundles of later weeks do not enter.

    Parameters
    ----------
    rng : which the random order asks for, and no other.
    """
    seen = appraise(estates, quarter, rule.price.now(estates, quarter))
    if rule.order == "random":
        if rng is None:
            raise ValueError("The random order draws: give it a generator, rng=np.random.default_rng(...).")
        score = rng.uniform(0.01, 1.0, seen.net_usd.shape)
    else:
        score = _SCORES[rule.order](estates, seen, quarter.week)
    goes = seen.likely & (seen.net_usd > 0) if rule.only_worthwhile else seen.likely
    return np.where(goes, score, 0.0)
