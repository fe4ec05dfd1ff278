"""Figures of real trials: what privacy costs them, and what peeking does to reports."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.cards import nothing_drawn
from dti_core.lab.data import DataCard, published
from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import signed
from dti_core.lab.theme import NEUTRAL, PALETTE
from dti_core.studies.private_lift.figures.promises import promise

#: Privacy of a row -> colour; the plain answer is grey.
_COLOURS = (NEUTRAL, *PALETTE)
_TURNOUT, _BOUGHT = "turnout or call-backs", "purchases or deaths"
#: What is drawn of each trial, in the order of the rows: its label, and what is counted.
HEADLINES = {
    ("email_mens_e_mail", "conversion"): ("men's e-mail, purchases", _BOUGHT),
    ("email_womens_e_mail", "conversion"): ("women's e-mail, purchases", _BOUGHT),
    ("mammogram", "effect"): ("trial without an effect", _BOUGHT),
    ("email_mens_e_mail", "spend_cut"): ("men's e-mail, spend up to a limit", "spend"),
    ("email_womens_e_mail", "spend_cut"): ("women's e-mail, spend up to a limit", "spend"),
    ("rock_the_vote", "effect"): ("TV advertisements by region, turnout", _TURNOUT),
    ("rock_the_vote", "as_if_people"): ("the same, people taken as independent", _TURNOUT),
    ("resume_names", "name"): ("factorial: name on a CV", _TURNOUT),
    ("resume_names", "quality"): ("factorial: quality of a CV", _TURNOUT),
    ("politicians_by_group", "interaction"): ("e-mail to legislators, difference of groups", "replies"),
    ("jobs", "attended"): ("seminar, on those who came", "depression"),
}
#: Outcomes of a campaign that are drawn, and what is counted.
OUTCOMES = {"visit": "users who visit", "conversion": "users who convert", "spend_cut": "spend"}


def plot_trials(result: Result) -> go.Figure:
    """Effects of real trials in their own units, plainly and with privacy."""
    return _cost(
        result, "trials", _real(result),
        lambda row: HEADLINES.get((str(row["trial"]), str(row["quantity"]))), "Effect in real trials",
    )  # fmt: skip


def plot_campaign(result: Result) -> go.Figure:
    """The same for the campaign at hand, each arm or channel and outcome."""
    table = result.series.get("campaign")
    parts = () if table is None else table["title"].unique()
    whole = {title for title in parts if title.count(", ") < 2}

    def told(row: pd.Series) -> tuple[str, str] | None:
        counted = OUTCOMES.get(str(row["quantity"]))
        return (str(row["title"]), counted) if counted and row["title"] in whole else None

    return _cost(result, "campaign", result.card, told, "Effect of the campaign")


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
    result: Result, name: str, card: DataCard, told: Callable[[pd.Series], tuple[str, str] | None], what: str
) -> go.Figure:
    table = _drawn(result.series.get(name, pd.DataFrame()), told)
    if table.empty:
        return nothing_drawn(result, "No trial is on this machine; the table of what was left out says why")
    colours = dict(zip(sorted(table["epsilon"].unique(), reverse=True), _COLOURS, strict=False))
    at_one = table[table["epsilon"] == 1.0]
    widest, first = at_one.loc[at_one["wider"].idxmax()], at_one.iloc[0]
    plain = table[(table["label"] == first["label"]) & np.isinf(table["epsilon"])].iloc[0]
    figure = plot_forest(
        [_row(row, colours[row["epsilon"]]) for _, row in table.iterrows()], what=what, card=card,
        title=f"{_capital(first['label'])}: {signed(_effect(plain))} {first['unit']} without privacy, "
        f"{signed(_effect(first))} at epsilon 1, which widens no interval by more than "
        f"{100 * (widest['wider'] - 1):.2g} % ({widest['label']})",
        caption=f"Effects in the units below each panel: 0 is none, 95 % intervals, noise included, mean "
        f"over draws of it. {promise(table)} Each row is its own release. Shaded: below the smallest "
        "effect, up or down, that such a trial finds with 80 % without privacy.",
    )  # fmt: skip
    for note in figure.layout.annotations:
        note.text = note.text.replace("matters from", "found from")
    return figure


def _drawn(table: pd.DataFrame, told: Callable[[pd.Series], tuple[str, str] | None]) -> pd.DataFrame:
    """The rows with a label, without privacy, at epsilon 1 and at the least epsilon, panel by panel."""
    if table.empty:
        return table
    labels = [told(row) for _, row in table.iterrows()]
    table = table.assign(
        label=[one and one[0] for one in labels],
        axis=[one and f"{one[1]}, {unit}" for one, unit in zip(labels, table["unit"], strict=True)],
        place=table["trial"] + table["quantity"],
    )
    order = {"".join(key): place for place, key in enumerate(HEADLINES)}
    table["place"] = table["place"].map(order).fillna(len(order))
    kept = table["label"].notna() & table["epsilon"].isin((table["epsilon"].min(), 1.0, np.inf))
    return table[kept].sort_values("place", kind="stable")


def _row(row: pd.Series, colour: str) -> Row:
    series = "no privacy" if np.isinf(row["epsilon"]) else f"epsilon {row['epsilon']:g}"
    smallest = float(f"{row['smallest_found']:.2g}")
    return Row(row["label"], _effect(row), colour, series=series, smallest=smallest, axis=Axis(row["axis"]))


def _effect(row: pd.Series) -> Estimate:
    value, low, high = (float(row[end]) for end in ("value", "low", "high"))
    return Estimate("drawn", value, low, high, str(row["unit"]), int(row["n"]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _real(result: Result) -> DataCard:
    """The card of the trials as a whole; each has its own in the list of data."""
    return DataCard(
        name="trials", title="Real randomised trials", origin="packaged", badge="Real randomised trials",
        source="Inside packages and published files; see the list of data.", licence="see the list of data",
        rows=int(result.series["trials"]["n"].max()) if "trials" in result.series else 0, columns=0,
        sha256="none", caveat="Some are not advertising; the table says which.",
    )  # fmt: skip
