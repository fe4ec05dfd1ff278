"""Real vulnerabilities: what scores told before and after, what effort covers, and time to repair."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.cards import nothing_drawn
from dti_core.lab.data import simulated_card
from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import spoken
from dti_core.lab.tables import Cell, Span, Table, show_table
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.vuln_priority.figures.cards import place_badge, real_records

#: Scores in a reader's words.
SCORE_TITLES = {
    "cvss": "CVSS", "exploitation": "SSVC: exploitation", "automatable": "SSVC: automatable",
    "impact": "SSVC: technical impact", "ssvc": "SSVC: all points", "combined": "SSVC and CVSS",
}  # fmt: skip
WHEN = {"concurrent": "listed before the records", "later": "listed after the records"}
_WHEN_COLOURS = {"concurrent": PALETTE[1], "later": PALETTE[0]}
_AREA = Axis("area under the ROC, .5 is chance")
ORDER_TITLES = {"risk": "learnt risk", "epss": "EPSS-like score", "cvss": "CVSS", "random": "random order"}
_ORDER_COLOURS = dict(zip(ORDER_TITLES, (*PALETTE[:3], NEUTRAL), strict=True))
RULES = {
    "cvss_7": "CVSS 7 or more", "cvss_9": "CVSS 9 or more", "poc": "exploit known or active",
    "poc_and_easy_or_total": "exploit known, and automatable or total impact",
}  # fmt: skip
_LACKING = "The records are not on this machine: dti data get vuln_dates brings them"
_CAPACITIES = {"low": "6.6 %", "median": "15.2 %", "high": "27.1 %"}


def plot_leaks(result: Result) -> go.Figure:
    """Area of each score where the label came first, and where it came after."""
    if "records_areas" not in result.series:
        return nothing_drawn(result, _LACKING)
    rows = [
        Row(title, result[f"records_auc_{score}_{when}"], _WHEN_COLOURS[when], series=legend, axis=_AREA)
        for score, title in SCORE_TITLES.items()
        for when, legend in WHEN.items()
    ]
    before, after = (result[f"records_auc_exploitation_{when}"] for when in WHEN)
    figure = plot_forest(
        rows, what="Area under the ROC", card=real_records(result), zero=False, series="records_areas",
        title=f"SSVC's exploitation flag tells what was listed before it ({before.value:.2f}), and nothing "
        "of what "
        f"comes after ({spoken(after)})",
        caption=f"CISA's records of {before.n:,} scored vulnerabilities, October 2024. Before: in the list "
        "of exploited "
        f"ones at that date; after: entered until August 2025. {after.how}.",
    )  # fmt: skip
    return place_badge(figure)


def plot_effort(result: Result) -> go.Figure:
    """Share of exploited vulnerabilities that is covered by mending the first so many, before and after."""
    if "records_curves" not in result.series:
        return nothing_drawn(result, _LACKING)
    table = result.series["records_curves"]
    figure = make_subplots(rows=len(WHEN), shared_xaxes=True, vertical_spacing=0.1,
                           subplot_titles=list(WHEN.values()))  # fmt: skip
    shown = {name: SCORE_TITLES[name] for name in ("cvss", "exploitation", "combined")}
    for row, when in enumerate(WHEN, start=1):
        for (score, title), colour in zip(shown.items(), PALETTE, strict=False):
            mine = table[(table["when"] == when) & (table["score"] == score)]
            figure.add_scatter(
                x=100 * mine["effort"], y=100 * mine["coverage"], mode="lines", name=title, legendgroup=title,
                showlegend=row == 1, line={"color": colour, "width": 2}, row=row, col=1,
            )  # fmt: skip
        figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", name="random order", legendgroup="random",
                           showlegend=row == 1, row=row, col=1,
                           line={"color": NEUTRAL, "dash": "dash"})  # fmt: skip
        figure.add_vline(x=15, line_color=NEUTRAL, line_dash="dot", row=row, col=1)
    ratios = [result[f"records_combined_over_cvss_{when}"] for when in WHEN]
    figure = style(
        figure, x="", y="", card=real_records(result), series="records_curves",
        title=f"Mending 15 % by SSVC and CVSS covers {spoken(ratios[0])} times what CVSS covers of what was "
        "known, and "
        f"{spoken(ratios[1])} times of what came after",
        caption="Vulnerabilities are mended from the highest score down; ties in any order. Dotted: effort "
        "of 15 %. "
        "Only what entered the list after the records is a forecast.",
        alt="Coverage at an effort of 15 %: " + "; ".join(
            f"{SCORE_TITLES[score]}, {legend}, {result[f'records_coverage_{score}_{when}'].value:.0%}"
            for score in shown for when, legend in WHEN.items()) + ".",
    )  # fmt: skip
    figure.update_xaxes(title_text="effort: share mended, %", row=len(WHEN), col=1)
    figure.update_yaxes(title_text="coverage, %")
    return place_badge(figure.update_layout(height=760), titled=True)


def plot_repair(result: Result) -> go.Figure:
    """Share of exploited vulnerabilities still open by time, by order, at each capacity; simulated."""
    table = result.series["repair_curves"]
    figure = make_subplots(
        rows=len(_CAPACITIES), shared_xaxes=True, vertical_spacing=0.08,
        subplot_titles=[f"capacity {words} of open work a month" for words in _CAPACITIES.values()],
    )  # fmt: skip
    for row, capacity in enumerate(_CAPACITIES, start=1):
        for order, title in ORDER_TITLES.items():
            mine = table[(table["capacity"] == capacity) & (table["order"] == order)]
            figure.add_scatter(
                x=mine["months"], y=100 * mine["open"], mode="lines", name=title, legendgroup=order,
                showlegend=row == 1, row=row, col=1,
                line={"color": _ORDER_COLOURS[order], "shape": "hv", "width": 2},
            )  # fmt: skip
    saved = result["repair_saved_risk_over_cvss_median"]
    figure = style(
        figure, x="", y="", series="repair_curves",
        card=simulated_card(result.card, "repair", "backlogs of a catalogue like CISA's"),
        title=f"Of what gets exploited, an order by learnt risk saves {spoken(saved)} months of the first 12 "
        "months against CVSS "
        "at middle capacity",
        caption="Kaplan-Meier over teams. The order moves only who waits: all vulnerabilities together wait "
        "as long under "
        f"every order that is blind to age. Interval: {saved.how}.",
        alt="Mean months open of exploited ones within the first 12: " + "; ".join(
            f"{ORDER_TITLES[order]}, {words}, {result[f'repair_mean_12_{order}_{capacity}'].value:.1f}"
            for capacity, words in _CAPACITIES.items() for order in ORDER_TITLES) + ".",
    )  # fmt: skip
    figure.update_xaxes(title_text="months since it was found", row=len(_CAPACITIES), col=1)
    figure.update_yaxes(title_text="still open, %")
    return place_badge(figure.update_layout(height=980), titled=True)


def rules_table(result: Result) -> Table:
    """Rules of thumb on real records: effort, efficiency and coverage, before and after."""
    frame = result.series.get("records_rules")
    cells: dict[tuple[str, str], dict[str, Cell]] = {}
    for one in frame.to_dict("records") if frame is not None else ():
        if one["when"] in WHEN:
            cells[WHEN[one["when"]], RULES[one["rule"]]] = {
                f"{name}, %": Span(*(100 * one[f"{name}{end}"] for end in ("", "_low", "_high")))
                for name in ("effort", "efficiency", "coverage")
            }
    return show_table(
        cells, name="rules", title="Rules of thumb on real records", stub="rule",
        empty=f"{_LACKING}.",
        note="Effort: share of all records that a rule asks for. Efficiency: share of these that are "
        "listed. Coverage: "
        "share of the listed that it catches. Wilson intervals.",
    )  # fmt: skip


def plot_catalogue(result: Result) -> go.Figure:
    """Coverage at an effort of 15 % as a multiple of CVSS's, in each simulated world."""
    names = {
        "risk": "learnt risk",
        "epss": "EPSS-like score",
        "ssvc": "SSVC's flag",
        "random": "random order",
    }
    worlds = {"observed": "like ours", "informative_cvss": "CVSS that tells more",
              "leaky_flag": "a flag that leaks",
              "independent": "control: nothing tells", "planted": "control: a strong signal"}  # fmt: skip
    keys = {one.key: one for one in result}
    rows = [
        Row(f"{title}, {words}", keys[key], PALETTE[0] if world == "observed" else NEUTRAL,
            control=world in ("independent", "planted"), axis=Axis("times the coverage of CVSS", upto=8))
        for world, words in worlds.items()
        for name, title in names.items()
        if (key := f"catalogue_{name}_over_cvss" + ("" if world == "observed" else f"@{world}")) in keys
        and (world == "observed" or name == "risk")
    ]  # fmt: skip
    told = keys["catalogue_risk_over_cvss"]
    return place_badge(plot_forest(
        rows, what="Coverage as a multiple of CVSS's", zero=False, smallest=2.0, series="catalogue_curves",
        card=simulated_card(result.card, "catalogue", "a catalogue with the moments of CISA's records"),
        title=f"On a simulated catalogue learnt risk covers {spoken(told)} times what CVSS covers; twice "
        "was expected",
        caption=f"Effort of 15 %. Whiskers: {told.how}. Where the exploitation flag is set after the fact, "
        "the "
        "multiple is "
        "twice as large: a leak looks like skill.",
    ))  # fmt: skip
