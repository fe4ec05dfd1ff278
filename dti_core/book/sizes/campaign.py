"""People in a whole campaign: what all channels together can show, from the simulated surface."""

import math
from typing import Any

from dti_core.book.sizes.answers import Input, Line, Question
from dti_core.book.sizes.reading import Surface, Table, estimates, series, surface, three
from dti_core.lab.errors import ConfigError

STUDY = "private_lift"
MARKETS = ("campaign", "criteo")
METHODS = ("central", "two_noises", "skellam", "local")


def lifts(market: str, method: str, noisy: bool = True) -> Surface:
    """Smallest lift by users and epsilon, at finite epsilons if noisy, else without noise by users alone."""
    table = series(STUDY, "sizes")
    rows = table[(table["world"] == market) & (table["method"] == method)]
    found: Table = {
        (float(row.n_users), float(row.epsilon))[: 1 + noisy]: (float(row.smallest_lift), math.nan, math.nan)
        for row in rows.itertuples()
        if noisy == math.isfinite(row.epsilon)
    }
    return surface(["users", "epsilon"][: 1 + noisy], found, log=True)


def least_users(market: str, method: str) -> Surface:
    """Users from which on half of such campaigns show anything, by epsilon. RunError without any."""
    some = estimates(STUDY, measure="least size", market=market, method=method)
    found: Table = {(_epsilon(one.at),): three(one) for one in some if one.at["epsilon"] != "none"}
    return surface(["epsilon"], found, log=True)


def _epsilon(at: Any) -> float:
    return float(str(at["epsilon"]).replace("_", "."))


def _answer(users: float, epsilon: float, market: str, method: str) -> list[Line]:
    noisy = not (math.isinf(epsilon) and epsilon > 0)
    grid = lifts(market, method, noisy)
    found = grid.at(*([users, epsilon] if noisy else [users]))
    if not math.isfinite(found[0]):
        raise ConfigError(
            f"users {users:g}: by {method} at epsilon {epsilon:g} no lift is found with 80 % in the market "
            f"{market}, however large. Ask for more users, a larger epsilon or another method."
        )
    how = f"no interval: computed from the simulated market's exact cells; {grid.how}"
    says = "smallest lift of all channels together, found with 80 %"
    unit = "share of what sells without advertising"
    lines = [Line(says, found, unit, "conditional", how, STUDY, ("series sizes",))]
    some = estimates(STUDY, measure="least size", market=market, method=method if noisy else METHODS[0])
    some = [one for one in some if noisy != (one.at["epsilon"] == "none")]
    points = [_epsilon(one.at) for one in some] if noisy else []
    if noisy and points and min(points) <= epsilon <= max(points):
        sizes = least_users(market, method)
        numbers, how = sizes.at(epsilon), f"Wilson ends; {sizes.how}"
    elif not noisy and some:
        numbers, how = three(some[0]), some[0].how
    else:
        return lines
    says = "users from which on half of such campaigns show anything"
    return [*lines, Line(says, numbers, "users", "conditional", how, STUDY, tuple(one.key for one in some))]


CAMPAIGN = Question(
    name="campaign", title="How small a lift of all channels together?", study=STUDY, answer=_answer,
    text="A simulated campaign with held-out users: five channels that more than double sales (campaign), or "
    "one channel and a rare sale (criteo).",
    inputs={
        "users": Input("int", "users of the whole campaign, both arms"),
        "epsilon": Input("float", "privacy budget a user; inf for no noise", 1.0),
        "market": Input("str", f"simulated market: {', '.join(MARKETS)}", "campaign", MARKETS),
        "method": Input("str", f"way to add noise: {', '.join(METHODS)}", "central", METHODS),
    },
    typical={
        "small": {"users": 3000, "epsilon": 1.0},
        "middle": {"users": 30000, "epsilon": 1.0},
        "large": {"users": 1000000, "epsilon": 1.0},
    },
    uncovered="Markets with other base rates than the two simulated ones: the record has no grid over rates.",
)  # fmt: skip
