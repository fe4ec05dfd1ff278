"""Firms x years: how small an effect of constraints on ratings can be shown."""

from dti_core.book.sizes.answers import Input, Line, Question
from dti_core.book.sizes.reading import Surface, Table, Three, estimate, estimates, surface, three

STUDY = "esg_constraint"
METHODS = ("two_way", "difference_gmm", "difference_gmm_small")
WANTED = 0.8


def power(method: str) -> Surface:
    """Share of panels in which the planted effect is found, by firms and years."""
    some = estimates(STUDY, measure="power", method=method)
    found: Table = {(float(one.at["firms"]), float(one.at["years"])): three(one) for one in some}
    return surface(["firms", "years"], found)


def firms_for(method: str, years: float) -> float:
    """Firms at which the power reaches WANTED, read in log firms; infinite if it never does."""
    grid = power(method)
    points = grid.axes[0].points
    curve = [grid.at(firms, years)[0] for firms in points]
    for k in range(1, len(points)):
        if curve[k - 1] < WANTED <= curve[k]:
            share = (WANTED - curve[k - 1]) / (curve[k] - curve[k - 1])
            return float(points[k - 1] * (points[k] / points[k - 1]) ** share)
    return float("inf")


def smallest(method: str, firms: float, years: float) -> Three:
    """Smallest effect found with 80 %: the recorded firms needed, by the root law.

    The record counts the firms needed at the most years; at fewer, as many more as the power curve says.
    """
    most = max(power(method).axes[1].points)
    more = 1.0 if years == most else firms_for(method, years) / firms_for(method, most)
    planted = abs(estimate(STUDY, "true_effect").value)
    value, low, high = (
        planted * (more * one / firms) ** 0.5 for one in three(estimate(STUDY, f"firms_needed_{method}"))
    )
    return value, low, high


def _answer(firms: float, years: float, method: str) -> list[Line]:
    grid, needed = power(method), f"firms_needed_{method}"
    planted = estimate(STUDY, "true_effect")
    keys = tuple(one.key for one in estimates(STUDY, measure="power", method=method))
    says = f"share of panels that show an effect of {abs(planted.value):.3g} grades"
    lines = [
        Line(
            says, grid.at(firms, years), "share of panels", "conditional", f"Wilson; {grid.how}", STUDY, keys
        )
    ]
    found = smallest(method, firms, years)
    how = (
        f"the recorded {needed} and the root law of errors; interval: {estimate(STUDY, needed).how}; years "
        "other than the most by the power curve"
    )
    says, sources = "smallest effect found with 80 %", (needed, "true_effect", *keys)
    return [*lines, Line(says, found, planted.unit, "conditional", how, STUDY, sources)]


EFFECT = Question(
    name="effect", title="How small an effect on ratings can be shown?", study=STUDY, answer=_answer,
    text="Simulated panels of rated firms with a planted effect of financial constraints on ESG ratings.",
    inputs={
        "firms": Input("int", "firms of the panel"),
        "years": Input("float", "years with ratings"),
        "method": Input("str", f"estimator: {', '.join(METHODS)}", "two_way", METHODS),
    },
    typical={
        "small": {"firms": 124, "years": 3.0},
        "middle": {"firms": 496, "years": 5.0},
        "large": {"firms": 1984, "years": 9.0},
    },
    uncovered="Real panels: the chapter says what they could show, at their size. Few small firms are rated.",
)  # fmt: skip
