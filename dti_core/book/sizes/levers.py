"""Policy levers: consent, a cap on epsilon, a smallest batch, and who can still find a lift."""

import math

from dti_core.book.sizes.answers import Input, Line, Question
from dti_core.book.sizes.lift import checked, lift_at, noise, sd_at, smallest
from dti_core.book.sizes.reading import estimate, inside, series

STUDY = "spillover"
#: The lift that is asked for, and at which base rate.
LIFT, RATE = 0.1, 0.1
UNITS = {"sites": "Expedia sites", "stores": "stores of a grocer"}


def can_find(people: float, rate: float, epsilon: float, lift: float) -> bool:
    """Whether two arms of so many people each find the lift; fewer than were checked find less.

    ConfigError where that does not settle it: more people than were checked.
    """
    here = checked()
    least = math.ceil(here.conversions / rate)
    if people < least:
        return False
    return lift_at(people, rate, epsilon) <= lift


def share(
    of: str, consent: float, epsilon: float, batch: float, rate: float, lift: float
) -> tuple[int, int, int]:
    """Units that find the lift, units whose size is frozen, and all units of the data."""
    sizes = series(STUDY, f"pooling_{of}_units")["size"] * consent
    able = sum(one >= batch and can_find(one / 2, rate, epsilon, lift) for one in sizes)
    return able, len(sizes), estimate(STUDY, f"added_pooling_{of}").n


def _answer(consent: float, epsilon: float, batch: float, rate: float, lift: float) -> list[Line]:
    here = checked()
    inside("consent", consent, 0.0, 1.0, "It is a share of users.")
    inside("batch", batch, 0.0, math.inf, "Give a number of people.")
    inside("rate", rate, *here.rates, "Rates beyond were in no recorded trial: give one within.")
    edge = smallest(math.ceil(here.conversions / rate), rate, sd_at(noise("central"), epsilon)) / rate
    inside("lift", lift, 0.0, edge, "Larger ones might be found by fewer people than were ever checked.")
    lines = []
    for of, says in UNITS.items():
        able, known, all_units = share(of, consent, epsilon, batch, rate, lift)
        how = (
            f"counted, {able} of {known} whose size is frozen; bounds: of all {all_units}, if "
            "none or all of the others could; half of those who consent in each arm; the formula of "
            "dti size lift"
        )
        bounds = able / all_units, (able + all_units - known) / all_units
        value = min(max(able / known, bounds[0]), bounds[1])
        keys = (f"series pooling_{of}_units", f"added_pooling_{of}")
        told, unit = f"{says} that can find a lift of {100 * lift:g} %", f"share of {all_units} {of}"
        lines.append(Line(told, (value, *bounds), unit, "derived", how, STUDY, keys))
    return lines


LEVERS = Question(
    name="levers", title="Whom does a policy lever leave out?", study=STUDY, answer=_answer, lever=True,
    text="Who can still find a lift if fewer consent, epsilon is capped, or small batches are refused. "
    f"Unless said otherwise the lift is {100 * LIFT:g} %; {100 * RATE:g} % buy without advertising.",
    inputs={
        "consent": Input("float", "share of users who agree to be measured", 1.0),
        "epsilon": Input("float", "cap on the budget a user; inf for none", math.inf),
        "batch": Input("int", "fewest people about whom anything may be published", 0),
        "rate": Input("float", "share who convert without advertising", RATE),
        "lift": Input("float", "lift to be found", LIFT),
    },
    typical={
        "no rule": {},
        "40 % consent": {"consent": 0.4},
        "epsilon at most 0.5": {"epsilon": 0.5},
        "batch of 1,000": {"batch": 1000},
        "all three": {"consent": 0.4, "epsilon": 0.5, "batch": 1000},
        "no rule, a lift of 30 %": {"lift": 0.3},
        "all three, a lift of 30 %": {"consent": 0.4, "epsilon": 0.5, "batch": 1000, "lift": 0.3},
    },
    uncovered="A basket or search counts as a person, which flatters small units; sizes are of the past "
    "from which the study learns, and of units without a later row none is frozen. Those who refuse are "
    "taken to be like those who agree. Subsidy and cost a tenant: no study of them is built yet.",
)  # fmt: skip
