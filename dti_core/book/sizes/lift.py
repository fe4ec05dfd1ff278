"""People in an arm, base rate, epsilon: the smallest lift that can be found.

Two equal arms, counts with noise. The formula is that of a difference of two rates with 80 % power at 5 %;
it is answered within the sizes at which it meets the answers that `private_lift` recorded.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from dti_core.book.sizes.answers import Input, Line, Question
from dti_core.book.sizes.reading import Surface, Table, inside, series, surface
from dti_core.lab.frozen import record_digest

STUDY = "private_lift"
#: Standard errors that an effect must measure to be found with 80 % at 5 %, as the record has it.
REACH = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
METHODS = ("central", "two_noises", "skellam")
FORMULA = (
    f"q - p = {REACH:.2f} sqrt(p(1-p)/n + q(1-q)/n + noise), noise = s² (p² + (1-p)² + q² + (1-q)²) / n², "
    "s the recorded error of a count"
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded answer of two arms: people an arm, both rates, epsilon, and the smallest effect found."""

    key: str
    people: float
    rate: float
    other: float
    epsilon: float
    found: float


@dataclass(frozen=True, slots=True)
class Range:
    """Where the formula was met, and by how much the record differs from it."""

    rates: tuple[float, float]
    conversions: float
    people: float
    ratios: tuple[float, float]
    n: int


def noise(method: str) -> Surface:
    """Error of one published count by epsilon, of the noise alone."""
    table = series(STUDY, "accuracy")
    rows = table[table["method"] == method]
    found: Table = {
        (float(e),): (float(s), float("nan"), float("nan"))
        for e, s in zip(rows["epsilon"], rows["rmse"], strict=True)
    }
    return surface(["epsilon"], found, log=True)


def smallest(people: float, rate: float, noise_sd: float, other: float | None = None) -> float:
    """Smallest difference of rates that two arms of `people` each show; `other` : second rate, if known."""
    effect = 0.0
    for _ in range(200):
        q = rate + effect if other is None else other
        bucket = noise_sd**2 * (rate**2 + (1 - rate) ** 2 + q**2 + (1 - q) ** 2) / people**2
        new = REACH * math.sqrt(max(0.0, (rate * (1 - rate) + q * (1 - q)) / people + bucket))
        if abs(new - effect) < 1e-15:
            break
        effect = new
    return effect


def recorded() -> tuple[Recorded, ...]:
    """Answers of two arms whose base rate the record tells: e-mail trials, channels of the campaign."""
    found = []
    for name in ("trials", "campaign"):
        table = series(STUDY, name)
        keyed = {(r.trial, r.quantity, r.epsilon): r for r in table.itertuples()}
        for (trial, quantity, epsilon), row in keyed.items():
            plain, lift = (
                keyed.get((trial, quantity, math.inf)),
                keyed.get((trial, f"{quantity}_lift", math.inf)),
            )
            if plain is None or lift is None or row.unit != "percentage points":
                continue
            base = plain.value / lift.value
            key = f"{trial}_{quantity} at epsilon {epsilon:g}"
            found.append(
                Recorded(key, row.n / 2, base, base + plain.value / 100, epsilon, row.smallest_found / 100)
            )
    return tuple(found)


def checked() -> Range:
    """Where the formula was met: rates, fewest conversions, most people in an arm, worst ratios."""
    return _checked(record_digest(STUDY))


@lru_cache(maxsize=4)
def _checked(digest: str) -> Range:
    some, sd = recorded(), noise("central")
    ratios = [one.found / smallest(one.people, one.rate, sd_at(sd, one.epsilon), one.other) for one in some]
    return Range(
        (min(one.rate for one in some), max(one.rate for one in some)),
        min(one.people * one.rate for one in some), max(one.people for one in some),
        (min(1.0, *ratios), max(1.0, *ratios)), len(some),
    )  # fmt: skip


def sd_at(noise_by_epsilon: Surface, epsilon: float) -> float:
    """Error of a count; none at an infinite epsilon."""
    return 0.0 if math.isinf(epsilon) and epsilon > 0 else noise_by_epsilon.at(epsilon)[0]


def lift_at(people: float, rate: float, epsilon: float, method: str = "central") -> float:
    """Smallest lift as a share of the base rate. ConfigError outside what was checked."""
    here = checked()
    inside("rate", rate, *here.rates, "Rates beyond were in no recorded trial: give one within.")
    advice = (
        f"An arm needs {here.conversions:.0f} conversions without advertising: pool weeks, or ask "
        "`dti size campaign`."
    )
    inside("people", people, math.ceil(here.conversions / rate), here.people, advice)
    return smallest(people, rate, sd_at(noise(method), epsilon)) / rate


def _answer(people: float, rate: float, epsilon: float, method: str) -> list[Line]:
    private, plain = (lift_at(people, rate, one, method) for one in (epsilon, math.inf))
    here = checked()
    low, high = here.ratios
    how = (
        f"{FORMULA}; interval: how far {here.n} recorded answers of two arms lie from the formula, "
        f"{100 * (low - 1):+.1f} to {100 * (high - 1):+.1f} %; noise between recorded epsilons by logarithms"
    )
    keys = ("series trials", "series campaign", "series accuracy")
    rows = (
        ("smallest lift found with 80 %", 100 * private, "% of the base rate"),
        ("the same as a difference of rates", 100 * private * rate, "percentage points"),
        ("smallest lift without any noise", 100 * plain, "% of the base rate"),
    )
    return [Line(says, (v, v * low, v * high), unit, "derived", how, STUDY, keys) for says, v, unit in rows]


LIFT = Question(
    name="lift", title="How small a lift can I find?", study=STUDY, answer=_answer,
    text="Two equal arms, one with advertising and one without, counts published with noise.",
    inputs={
        "people": Input("int", "people in each of two arms"),
        "rate": Input("float", "share of them who convert without advertising, such as 0.02"),
        "epsilon": Input("float", "privacy budget a person; inf for no noise", 1.0),
        "method": Input("str", f"way to add noise: {', '.join(METHODS)}", "central", METHODS),
    },
    typical={
        "small": {"people": 7000, "rate": 0.02, "epsilon": 1.0},
        "middle": {"people": 20000, "rate": 0.02, "epsilon": 1.0},
        "large": {"people": 200000, "rate": 0.02, "epsilon": 1.0},
    },
    uncovered="Other designs than two equal arms; people who are in both arms; outcomes in money.",
)  # fmt: skip
