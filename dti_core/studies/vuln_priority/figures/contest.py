"""Which tool's word tells real flaws, how many false reports it costs, and where tools are blind."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import spoken
from dti_core.lab.tables import Cell, Span, Table, show_table
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.vuln_priority.figures.cards import SPLITS, method_title, place_badge
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE, METHODS, TITLES, TOOLS

_COLOURS = {"flows": PALETTE[0], "rows": PALETTE[1]}
_FALSE = {"raw": NEUTRAL, "calibrated": PALETTE[1], FAVOURITE: PALETTE[0]}
_WHO = {"raw": "the tool as it comes", "calibrated": "the tool, calibrated", FAVOURITE: "all four tools"}
#: Columns of the table of scores.
SCORES = {
    "ap": "average precision", "auc": "area under the ROC", "brier": "squared error", "ece": "calibration "
    "error",
}  # fmt: skip


def plot_contest(result: Result) -> go.Figure:
    """Average precision of every method, on flows held out and on rows held out."""
    rows = [
        Row(method_title(name), result[f"ap_{name}_{split}"], _COLOURS[split], series=legend)
        for name in METHODS
        for split, legend in SPLITS.items()
        if f"ap_{name}_{split}" in {one.name for one in result}
    ]
    gain = result["ap_over_best_single_flows"]
    best = TITLES[str(gain.at["best"])]
    figure = plot_forest(
        rows, what="Average precision", x="average precision, 1 is perfect", card=result.card, zero=False,
        title=f"Four tools against the best one alone ({best}): {spoken(gain, '+')} average precision on "
        "flows "
        "that nobody learnt from",
        caption=f"{result.card.rows} endpoints, half of them with a proven flaw. Whiskers: {gain.how}. "
        "Votes learn "
        "nothing; a kind of flaw alone is what nobody needs a tool for.",
    )  # fmt: skip
    return place_badge(figure)


def plot_false(result: Result) -> go.Figure:
    """Share of safe endpoints that are reported, at the share of flaws that each tool finds as it comes."""
    rows = []
    for tool in TOOLS:
        recall = result[f"recall_{tool}"]
        axis = Axis(f"{TITLES[tool]} at its recall of {recall.value:.0%}: safe endpoints reported, %", 100)
        for who, legend in _WHO.items():
            name = f"false_share_{tool}" if who == "raw" else f"false_share_at_{tool}_{who}_flows"
            rows.append(Row(legend, result[name], _FALSE[who], axis=axis))
    falls = [result[f"false_fall_{tool}_calibrated_flows"] for tool in TOOLS]
    clear = sum(one.low > 0 for one in falls)
    figure = plot_forest(
        rows, what="False reports", card=result.card,
        title="Safe endpoints reported at the same recall: four tools lie below the tool alone, calibrated, "
        "with "
        f"an interval that excludes 0 for {clear} of {len(falls)}",
        caption="Flows held out; less is better, and each panel has a scale of its own. The recall is that "
        "of the tool "
        f"as it comes, in every resample. Whiskers: {falls[0].how}, cut at 0.",
    )  # fmt: skip
    return place_badge(figure)


def scores_table(result: Result) -> Table:
    """Every method by every score on flows held out."""
    keys = {one.key: one for one in result}
    cells: dict[str, dict[str, Cell]] = {
        method_title(name): {
            words: _span(keys[f"{score}_{name}_flows"].value, keys[f"{score}_{name}_flows"].low,
                         keys[f"{score}_{name}_flows"].high)
            for score, words in SCORES.items()
        }
        for name in METHODS
        if f"ap_{name}_flows" in keys
    }  # fmt: skip
    return show_table(
        cells, name="scores", title="Who tells real flaws, on flows held out", stub="method",
        note="Squared and calibration error: less is better. Votes are no chances, and their errors say so.",
    )  # fmt: skip


def kinds_table(result: Result) -> Table:
    """What share of real flaws of each kind every tool reports, and of safe endpoints."""
    frame = result.series["kinds"]
    cells: dict[str, dict[str, Cell]] = {}
    for one in frame.to_dict("records"):
        head = f"{one['tool']}: {'real' if one['what'] == 'found' else 'safe'}"
        label = f"{one['kind']}"
        cells.setdefault(label, {})[head] = _span(one["share"], one["low"], one["high"])
    blind = frame[(frame["what"] == "found") & (frame["share"] == 0)]
    loud = frame[(frame["what"] == "false") & (frame["share"] >= 0.5)]
    return show_table(
        cells, name="kinds", title="Which kinds of flaw each tool reports", stub="kind of flaw",
        note=f"Share of endpoints reported, with Wilson intervals of 95 %. In {len(blind)} of "
        f"{(frame['what'] == 'found').sum()} pairs of tool and kind a tool finds none; in {len(loud)} it "
        "reports half "
        "of the safe endpoints or more.",
    )  # fmt: skip


def _span(value: float, low: float, high: float) -> Span:
    return Span(value, low, high)


def plot_labels(result: Result) -> go.Figure:
    """Average precision by the number of labels, of all tools and of one, beside votes without any."""
    figure, told = go.Figure(), []
    single = next(str(one.at["method"]) for one in result.where(score="ap") if "labels" in one.at
                  and one.at["method"] not in (FAVOURITE, "votes"))  # fmt: skip
    for who, colour in ((FAVOURITE, PALETTE[0]), (single, PALETTE[1])):
        rows = [one for one in result.where(score="ap", method=who) if "labels" in one.at]
        told.append(f"{method_title(who)} {rows[0].value:.2f} with {rows[0].at['labels']:.0f} labels and "
                    f"{rows[-1].value:.2f} with {rows[-1].at['labels']:.0f}")  # fmt: skip
        figure.add_scatter(
            x=[one.at["labels"] for one in rows], y=[one.value for one in rows], mode="lines+markers",
            name=method_title(who), line={"color": colour, "width": 2},
            error_y={"type": "data", "symmetric": False, "array": [one.high - one.value for one in rows],
                     "arrayminus": [one.value - one.low for one in rows]},
        )  # fmt: skip
    votes = result["ap_votes_with_0_labels"]
    figure.add_hline(
        y=votes.value, line_dash="dash", line_color=NEUTRAL, annotation_text="number of votes, no labels"
    )
    first = [one for one in result.where(score="ap", method=FAVOURITE) if "labels" in one.at][1]
    return style(
        figure, x="labelled places that are learnt from", y="average precision", card=result.card,
        title=f"With {first.at['labels']:.0f} labels four tools sort flaws with {spoken(first)}, votes "
        "alone with "
        f"{spoken(votes)}",
        caption="Labels are of places drawn from half of the flows; the other half judges. Whiskers: mean "
        "over dealings "
        f"of flows, {first.how}.",
        alt="; ".join(told) + f"; votes {votes.value:.2f}.",
    )  # fmt: skip
