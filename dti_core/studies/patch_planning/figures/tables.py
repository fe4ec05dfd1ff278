"""Tables of the study in words."""

from typing import Any

import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.tables import Table, show_table
from dti_core.studies.patch_planning.methods import METHODS
from dti_core.studies.patch_planning.worlds import WORLDS

#: Rows of the calendar that a page shows; all are in the files of the run.
MOST_ROWS = 60


def shown(result: Result, series: str, **texts: Any) -> Table:
    """A table of the result as it is, a sentence where its data are not here."""
    return show_table(result.series.get(series, pd.DataFrame()), name=series, **texts)


def calendar_table(result: Result) -> Table:
    """The calendar: when, where, what, why, and what it would cost to leave each upgrade out."""
    rows = result.series["calendar"].head(MOST_ROWS)
    table = pd.DataFrame({
        "upgrade": [f"{one.service}: {one.bundle}" for one in rows.itertuples()],
        "starts": [f"{one:%a %d %b %Y, %H:%M}" for one in rows["start"]],
        "hours": rows["hours"].round(1), "minutes down": rows["downtime_minutes"].round(0),
        "lost if left out, USD": rows["lost_if_left_out_usd"].round(0),
        "due by": rows["due_by"], "why": rows["why"],
    })  # fmt: skip
    return show_table(
        table, name="calendar", title="The patch calendar, in local time",
        note="Lost if left out: what the best plan without the upgrade earns less. Due dates are told, not "
        "enforced. The files of the run hold it as CSV and iCalendar, with money and risk removed in columns "
        "of their own.",
    )  # fmt: skip


def left_table(result: Result) -> Table:
    """What is not planned, and what keeps it out."""
    rows = result.series["not_planned"]
    table = pd.DataFrame({
        "upgrade": [f"{one.service}: {one.bundle}" for one in rows.itertuples()],
        "expected loss today, USD a week": rows["weekly_risk_usd"].round(0), "due by": rows["due_by"],
        "why": rows["kept_out"],
    })  # fmt: skip
    return show_table(table, name="not_planned", title="What stays open, and why")


def binding_table(result: Result) -> Table:
    """What is used of hours, money and objectives, and what one more would be worth."""
    rows = result.series["binding"]
    names = dict(enumerate(result.series["services"]["service"]))
    table = pd.DataFrame({
        "limit": [_limit(one, names) for one in rows["limit"]],
        "used": rows["used"].round(1), "available": rows["available"].round(1), "unit": rows["unit"],
        "one more is worth, USD": rows["one_more_usd"].round(2),
    })  # fmt: skip
    return show_table(
        table[rows["used"] > 0].reset_index(drop=True), name="binding",
        title="Limits: used, available, worth of one more",
        note="Worth of one more: shadow price of the linear relaxation, net of what it costs; of "
        f"objectives not told.{_tuned(*result.series['alike'].itertuples())}",
    )  # fmt: skip


def _tuned(alike: Any) -> str:
    """Where the solver of the estate at hand was tuned; nothing of the exact plan, which is not."""
    title, budget = WORLDS[alike.world].title, WORLDS[alike.world].settings.budget
    told = f" The solver was tuned in the world '{title}', whose budget is nearest to this estate's: "
    told += f"{budget:.0%} and {alike.budget_share:.0%} of what all upgrades cost."
    return "" if alike.solver == "exact" else told


def contest_table(result: Result, services: int = 11) -> Table:
    """Every planner as a share of the exact plan with money priced, by world."""
    rows = result.series["contest"]
    rows = rows[rows["services"] == services]
    if "priced_milp" not in rows or rows["priced_milp"].isna().all():
        return show_table(
            pd.DataFrame(), name=f"contest_{services}", title=f"Shares, {services} services",
            empty=f"This profile plans no estates of {services} services exactly: nothing to share.",
        )  # fmt: skip
    table = pd.DataFrame({"planner": [METHODS[name].title for name in METHODS]}, index=list(METHODS))
    solved_rows = rows[rows["priced_milp"].notna()]
    for world, some in solved_rows.groupby("world", sort=False):
        part = some.set_index("method")
        title = WORLDS[str(world)].title
        for end in ("", "_low", "_high"):
            table[f"{title}{end}"] = part[f"priced_milp{end}"]
    table = table.dropna(how="all", subset=table.columns[1:])
    counts = solved_rows[solved_rows["method"] == "priced_milp"].set_index("world")["estates"]
    solved = ", ".join(f"{WORLDS[str(world)].title.lower()} {n}" for world, n in counts.items())
    return show_table(
        table.reset_index(drop=True), name=f"contest_{services}",
        title=f"Net dollars as a share of the exact plan's with money priced, {services} services",
        note=f"Ratio of sums on the same estates, those that solvers planned: {solved}. 1 is the exact plan "
        "made anew each week, its price tuned; above 1 it is beaten. Dollars expected in the week of each "
        "patch; of the clairvoyant and the exact plan beside it, those that came out.",
    )  # fmt: skip


def claims_of_services(result: Result) -> Table:
    """What one service gains by claiming more than its downtime costs."""
    rows = result.series["claims"].sort_values(["borne", "claim"])
    table = rows[rows["others claim"] == 1][["borne", "claim"]].reset_index(drop=True)
    for others, some in rows.groupby("others claim"):
        head = f"others claim {'the truth' if others == 1 else f'{others:g} times'}"
        for column, ending in (("gain_usd", ""), ("low", "_low"), ("high", "_high")):
            if column in some:
                table[f"{head}{ending}"] = some[column].round(0).to_numpy()
    for column, shape in (("borne", "{:.0%}"), ("claim", "{:g} times")):
        table[column] = table[column].map(shape.format)
    return show_table(
        table, name="claims_of_services", groups=["borne"],
        titles={"borne": "it bears of its loss", "claim": "it claims"},
        title="What a service gains by its claim, dollars a quarter, summed over 11",
        note="Against telling the truth. A service earns the share that it bears of the loss avoided on "
        "its own flaws, less its own downtime. Means over estates, with 95 % intervals (Student's t).",
    )  # fmt: skip


def shadow_table(result: Result) -> Table:
    """What an hour and a dollar more would be worth, over the assumption set."""
    wide = result.series["shadow_quantiles"].pivot(index="quantile", columns="of", values="usd")
    table = pd.DataFrame({"share of worlds below": [f"{one:.1%}" for one in wide.index]})
    table["an hour more, USD above its wage"] = wide["hour"].round(1).to_numpy()
    table["a dollar more, USD above itself"] = wide["dollar"].round(2).to_numpy()
    return show_table(
        table, name="shadow_quantiles", title="What an hour or a dollar more would be worth",
        note="Shadow prices of the linear relaxation, for one who knows what comes; means over the estates "
        "of each world of the assumption set.",
    )  # fmt: skip


def _limit(name: str, services: dict[int, str]) -> str:
    before, _, number = name.rpartition(" ")
    return f"downtime of {services[int(number)]}" if before == "objective of service" else name
