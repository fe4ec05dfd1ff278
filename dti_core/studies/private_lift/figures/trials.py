"""Figures of real trials: what privacy costs them, and what peeking does to reports."""

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.data import DataCard, published
from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.theme import NEUTRAL, PALETTE
from dti_core.studies.private_lift.figures.cards import nothing_drawn

Z, POWER_80 = 1.96, 2.8
#: Privacy of a row -> colour; the plain answer is grey.
_COLOURS = (NEUTRAL, *PALETTE)
#: What is drawn of each trial, in the order of the rows.
HEADLINES = {
    ("rock_the_vote", "effect"): "TV advertisements by region, turnout",
    ("rock_the_vote", "as_if_people"): "the same, people taken as independent",
    ("email_mens_e_mail", "conversion"): "men's e-mail, purchases",
    ("email_womens_e_mail", "conversion"): "women's e-mail, purchases",
    ("email_mens_e_mail", "spend_cut"): "men's e-mail, spend up to a limit",
    ("resume_names", "name"): "factorial: name on a CV",
    ("resume_names", "quality"): "factorial: quality of a CV",
    ("politicians_by_group", "interaction"): "e-mail to legislators, difference of groups",
    ("jobs", "attended"): "seminar, on those who came",
    ("mammogram", "effect"): "trial without an effect",
}


def plot_trials(result: Result) -> go.Figure:
    """Effects over the standard error of the plain answer, so that all trials share an axis."""
    return _cost(
        result, "trials", _real(result),
        lambda row: HEADLINES.get((str(row["trial"]), str(row["quantity"])), ""), "Effect in real trials",
    )  # fmt: skip


def plot_campaign(result: Result) -> go.Figure:
    """The same for the campaign at hand, each arm or channel and outcome."""
    table = result.series.get("campaign")
    parts = () if table is None else table["title"].unique()
    whole = {title for title in parts if title.count(", ") < 2}
    wanted = ("visit", "conversion", "spend_cut")
    return _cost(
        result, "campaign", result.card,
        lambda row: str(row["title"]) if row["title"] in whole and row["quantity"] in wanted else "",
        "Effect of the campaign",
    )  # fmt: skip


def plot_peeking(result: Result) -> go.Figure:
    """Share of real experiments that are significant at their end and at any look, and without any effect."""
    series = {"end": ("at the end", PALETTE[0]), "any_look": ("at any look", PALETTE[1])}
    found = [one for when in series for one in result.where(when=when)]
    null = {one.at["when"]: one for when in series for one in result.where(world="no_effect", when=when)}
    if not found:
        return nothing_drawn(result, "The published experiments are not on this machine: dti data get asos")
    rows = [Row(f"metric {one.at['metric']:.0f}", one, *_said(series, one)) for one in _by_metric(found)]
    rows += [Row("no effect, simulated", one, *_said(series, one, control=True)) for one in null.values()]
    first = {one.at["when"]: one for one in found if one.at["metric"] == 1}
    end, any_look, by_chance = first["end"], first["any_look"], null["any_look"]
    return plot_forest(
        rows, what="Share of experiments that are significant", x="share of experiments", smallest=0.05,
        zero=False, card=published("asos").card("asos"),
        title=f"{end.value:.0%} of real experiments are significant at the end, {any_look.value:.0%} at some "
        f"look; looking alone makes {by_chance.value:.0%} of tests without an effect so",
        caption="78 online experiments, 99 comparisons, 95 % intervals (Wilson). Hollow: the same looks at "
        "tests that do nothing, simulated. Shaded: the 5 % that a test promises.",
    )  # fmt: skip


def _by_metric(found: list[Estimate]) -> list[Estimate]:
    return sorted(found, key=lambda one: (one.at["metric"], one.at["when"] == "any_look"))


def _said(
    series: dict[str, tuple[str, str]], one: Estimate, *, control: bool = False
) -> tuple[str, bool, str]:
    words, colour = series[str(one.at["when"])]
    return colour, control, words


def _cost(
    result: Result, name: str, card: DataCard, label: Callable[[pd.Series], str], what: str
) -> go.Figure:
    table = result.series.get(name)
    if table is None or table.empty:
        return nothing_drawn(result, "No trial is on this machine; the table of what was left out says why")
    table = table.assign(label=table.apply(label, axis=1))
    drawn = (table["epsilon"].min(), 1.0, float("inf"))
    table = table[(table["label"] != "") & table["epsilon"].isin(drawn)]
    plain = table[table["epsilon"] == float("inf")].set_index(["trial", "quantity"])
    error = (plain["high"] - plain["low"]) / (2 * Z)
    order = {text: i for i, text in enumerate(HEADLINES.values())}
    rows, colours = [], dict(zip(sorted(table["epsilon"].unique(), reverse=True), _COLOURS, strict=False))
    place = table["label"].map(order).fillna(len(order))
    for _, row in table.loc[place.sort_values(kind="stable").index].iterrows():
        unit, private = error[row["trial"], row["quantity"]], row["epsilon"] != float("inf")
        middle, low, high = (float(row[end]) / unit for end in ("value", "low", "high"))
        one = Estimate("drawn", middle, low, high, "standard errors", int(row["n"]))
        told = f"epsilon {row['epsilon']:g}" if private else "no privacy"
        rows.append(Row(row["label"], one, colours[row["epsilon"]], series=told))
    at_one = table[table["epsilon"] == 1.0].sort_values("wider")
    most, least = at_one.iloc[-1], at_one.iloc[0]
    promise = str(at_one["guarantee"].iloc[0]).replace(f" a {_person(at_one)} ", " a person ")
    return plot_forest(
        rows, what=what, x="effect over the standard error of the plain answer", smallest=POWER_80, card=card,
        title=f"At epsilon 1 privacy widens intervals by {least['wider'] - 1:.1%} ({least['label']}) to "
        f"{most['wider'] - 1:.0%} ({most['label']})",
        caption=f"95 % intervals, noise included, mean over draws of it; {promise}, each row its own "
        "release. Shaded: below the smallest effect found with 80 % without privacy, 2.8 standard errors.",
    )  # fmt: skip


def _person(table: pd.DataFrame) -> str:
    return str(table["guarantee"].iloc[0]).split(" a ", 1)[1].split(" (", 1)[0]


def _real(result: Result) -> DataCard:
    """The card of the trials as a whole; each has its own in the list of data."""
    return DataCard(
        name="trials", title="Real randomised trials", origin="packaged", badge="Real randomised trials",
        source="Inside packages and published files; see the list of data.", licence="see the list of data",
        rows=int(result.series["trials"]["n"].max()) if "trials" in result.series else 0, columns=0,
        sha256="none", caveat="Some are not advertising; the table says which.",
    )  # fmt: skip
