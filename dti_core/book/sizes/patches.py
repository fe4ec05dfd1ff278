"""Services and hours a week: how good plans are, how much work stays, what an hour more is worth."""

from dti_core.book.sizes.answers import Input, Line, Question
from dti_core.book.sizes.reading import Surface, Table, estimate, estimates, inside, surface, three

STUDY = "patch_planning"
#: Names of worlds as the record has them: the first is the one that it calls observed.
WORLDS = {"tight_budget": "observed", "scarce": "scarce"}
PLANNERS = {"tuned_rule": "tuned rule", "mappo": "agents", "exact": "exact plan"}
CAPACITIES = ("low", "median", "high")
ORDER = "weighed"


def shares(method: str, world: str) -> Surface:
    """Share of the bound that no plan exceeds, by services."""
    some = estimates(STUDY, WORLDS[world], measure="share of the bound", method=method)
    found: Table = {(float(one.at["services"]),): three(one) for one in some}
    return surface(["services"], found)


def work_left() -> Surface:
    """Share of the hours asked that stays undone, by hours asked for an hour there is."""
    found: Table = {
        (estimate(STUDY, f"need_asked_over_hours_{name}").value,): three(
            estimate(STUDY, f"need_work_left_{ORDER}_{name}")
        )
        for name in CAPACITIES
    }
    return surface(["hours asked for an hour there is"], found)


def _answer(services: float, hours: float, asked: float, world: str) -> list[Line]:
    lines = []
    for method, says in PLANNERS.items():
        grid = shares(method, world)
        if method == "exact" and services > grid.axes[0].points[-1]:
            continue
        keys = tuple(
            one.key for one in estimates(STUDY, WORLDS[world], measure="share of the bound", method=method)
        )
        how = f"resampled simulated estates; {grid.how}"
        lines.append(Line(f"share of the best plan's bound, {says}", grid.at(services), "share of the bound",
                          "conditional", how, STUDY, keys))  # fmt: skip
    grid = work_left()
    few, *_, many = grid.axes[0].points
    inside("hours", hours, asked / many, asked / few,
           f"That is where {asked:g} a week are asked for: give hours within, or other --asked.")  # fmt: skip
    keys = tuple(
        f"need_{what}_{name}" for what in ("asked_over_hours", f"work_left_{ORDER}") for name in CAPACITIES
    )
    how = f"resampled quarters; {grid.how}; the error of the recorded ratios is left out"
    ratio = min(max(asked / hours, few), many)
    lines.append(Line("work left undone by the best order", grid.at(ratio), "share of the hours asked",
                      "conditional", how, STUDY, keys))  # fmt: skip
    one = estimate(STUDY, "shadow_hour_usd")
    how = f"{one.how}; the record has no grid over sizes or hours, so this is one range for all"
    lines.append(Line("worth of one hour more", three(one), one.unit, "conditional", how, STUDY, (one.key,)))
    return lines


PATCHES = Question(
    name="patches", title="How well can I plan my patches?", study=STUDY, answer=_answer,
    text="Simulated estates of services that call each other; the bound is what no plan exceeds.",
    inputs={
        "services": Input("int", "services of the estate"),
        "hours": Input("float", "hours a week there are for patches"),
        "asked": Input("float", "hours a week that open patches ask for"),
        "world": Input("str", f"simulated world: {', '.join(WORLDS)}", "tight_budget", tuple(WORLDS)),
    },
    typical={
        "small": {"services": 10, "hours": 4.0, "asked": 20.0},
        "middle": {"services": 50, "hours": 20.0, "asked": 50.0},
        "large": {"services": 500, "hours": 200.0, "asked": 300.0},
    },
    uncovered="Real estates: sizes, prices and exploits are simulated. Of large ones there is no exact plan.",
)  # fmt: skip
