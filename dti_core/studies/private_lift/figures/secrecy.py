"""What the secure sums keep secret: one view, rounds with dropouts, guessed masks, malformed reports."""

import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.record import Result
from dti_core.lab.tables import Table, show_table
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.measures.views import BAND

HONEST = "Honest but curious aggregators that do not collude. Research code, not constant-time."
#: Tables of the question: title, and what stands below.
TABLES = {
    "dropouts": (
        "Rounds of masked sums with clients that drop out",
        f"Six of ten clients must stay. Exact: to the last bit. Ended: an error and no sum. {HONEST}",
    ),
    "guessed_masks": (
        "A vector that came late, when all short seeds are tried on its mask",
        "The server holds the vector, and all that it is given for a missing client. Wilson intervals.",
    ),
    "malformed": (
        "One malformed report among a thousand honest ones",
        "No report is proved valid; only impossible sums are seen. Median move of a count; Wilson intervals.",
    ),
    "bytes": ("Bytes that one client sends", "Counted, without what a connection adds."),
}


def plot_one_view(result: Result) -> go.Figure:
    """AUC between two inputs from one aggregator's view, by what its masks are drawn from."""
    table = result.series["one_view"]
    views = list(zip(table["aggregator"], table["mask drawn from"], strict=True))
    labels = [f"{aggregator}:<br>{drawn}" for aggregator, drawn in views]
    ours = table["mask drawn from"] == "the whole field"
    figure = go.Figure()
    figure.add_hrect(y0=0.5 - BAND, y1=0.5 + BAND, fillcolor=SHADE, line_width=0, layer="below")
    figure.add_hline(y=0.5, line_color=NEUTRAL)
    figure.add_scatter(
        x=labels, y=table["AUC"], mode="markers", name="classifier",
        marker={"size": 10, "color": [PALETTE[0] if own else PALETTE[1] for own in ours]},
        error_y={"array": table["high"] - table["AUC"], "arrayminus": table["AUC"] - table["low"]},
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=labels, y=table["best possible AUC"], mode="markers", name="best possible",
        marker={"size": 14, "symbol": "line-ew-open", "color": NEUTRAL, "line": {"width": 2}},
        hovertemplate="best possible at %{x}: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    own, weak = table[ours], table[~ours]
    furthest = float(own.loc[(own["AUC"] - 0.5).abs().idxmax(), "AUC"])
    said = "; ".join(f"{a}, masks of {m} {auc:.3f}" for (a, m), auc in zip(views, table["AUC"], strict=True))
    inside = bool(((own["low"] > 0.5 - BAND) & (own["high"] < 0.5 + BAND)).all())
    verdict = "a guess" if inside else "not shown to be a guess"
    return style(
        figure, card=made_up(result, "random masks and inputs"), series="one_view",
        x="what the aggregator holds: its masks are drawn from",
        y="AUC between two users (no unit)",
        title=f"Two users, one aggregator's view: AUC {furthest:.3f}, {verdict}; "
        f"{weak['AUC'].max():.2f} under weak masks",
        caption=f"Means over draws with 95 % intervals (Student t). Shaded: a guess, 0.5 ± {BAND:g}. Dash: "
        f"the best AUC that anybody can reach. {HONEST}",
        alt=f"AUC by view: {said}.",
    )  # fmt: skip


def secrecy_table(result: Result, name: str) -> Table:
    """One of the tables in `TABLES`."""
    title, note = TABLES[name]
    table, groups = result.series.get(name, pd.DataFrame()), ["stage"] if name == "dropouts" else []
    if groups:
        table = table.assign(dropped=table["dropped"].map("{} drop out".format))
        table["within threshold"] = table["within threshold"].map({True: "yes", False: "no"})
        table = table[["dropped", *table.columns.drop("dropped")]]
    return show_table(table, name=name, title=title, note=note, groups=groups)
