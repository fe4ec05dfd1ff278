"""Return ratios: over all assumptions, in parts, and under other readings of the cards."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import spoken
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.closed_loop.figures.words import COLOURS, PRIOR_WORDS, PRIORS, technologies, word
from dti_core.studies.closed_loop.measures.ratio import GOAL

_PARTS = {
    "one": "within its own field", "two": "through two fields", "three": "through all three",
    "need": "by unmet need", "money": "by money",
}  # fmt: skip
_DASHES = {"log-uniform": "solid", "uniform": "dash"}


def plot_ratios(result: Result) -> go.Figure:
    """Share of the assumptions in which a technology's return ratio lies below each value."""
    table, figure = result.series["ratio_curves"], go.Figure()
    for title, colour in zip(technologies(result).values(), PALETTE, strict=False):
        for prior in PRIORS:
            part = table[(table["technology"] == title) & (table["prior"] == prior)]
            figure.add_scatter(
                x=part["ratio"], y=100 * part["share"], mode="lines", name=f"{title}, {prior}",
                line={"color": colour, "dash": _DASHES[prior]},
            )  # fmt: skip
    figure.add_vline(x=0, line_color=NEUTRAL)
    figure.add_vline(x=GOAL, line_color=NEUTRAL, line_dash="dot", annotation_text="a tenth")
    largest, share = result["largest_ratio"], result["largest_ratio_share"]
    if largest.high < GOAL:
        finding = "By need and money, no technology's return ratio comes near a tenth"
    else:
        finding = f"In {share.value:.1%} of all draws some technology's return ratio is above a tenth"
    figure = style(
        figure, title=finding, x="return ratio L (below 0 damps, above 0 amplifies, at 1 runs away)",
        y="assumptions below, %", card=result.card, series="ratio_curves",

        caption="Return ratio of each technology over all draws of sizes within the ranges of the cards: "
        "what comes back to it by need and money, through all that it changes. Closing its loop "
        "multiplies what it does by 1/(1 - L): a tenth makes 10 % of gain 11.1 %.",
        alt=f"Largest of the ratios {spoken(largest)}; above {GOAL:g} in {spoken(share)} of the draws.",
    )  # fmt: skip
    return figure.update_layout(height=560)


def plot_parts(result: Result) -> go.Figure:
    """Parts of each return ratio by the fields that it passes through, and by need and money."""
    rows = [
        Row(label, result[f"part_{part}_{name}_{word(prior)}"], COLOURS[prior], series=PRIOR_WORDS[prior],
            axis=Axis(f"{title}: part of its return ratio"))
        for name, title in technologies(result).items()
        for part, label in _PARTS.items()
        for prior in PRIORS
    ]  # fmt: skip
    one, three = result["one_part"], result["three_part"]
    finding = (
        f"{one.value:.0f} % of what comes back by need and money stays within one field, {three.value:.0f} % "
        "passes through all three"
    )
    return plot_forest(
        rows, what="Parts of the return ratio", title=finding, card=result.card,
        caption="Parts by fields add up to a technology's return ratio, and so do need and money; "
        "knowledge that comes back from another technology is no news and not counted. Median "
        "and middle 95 % of all draws.",
    )  # fmt: skip


def plot_variants(result: Result) -> go.Figure:
    """Largest return ratio under other readings of the cards."""
    table = result.series["variants"]
    rows = []
    for one in table.to_dict("records"):
        found = Estimate(
            "variant", one["largest_value"], one["largest_low"], one["largest_high"], "return ratio", 1,
            how="quantiles of draws",
        )  # fmt: skip
        rows.append(
            Row(
                str(one["variant"]),
                found,
                COLOURS[one["prior"]],
                series=PRIOR_WORDS[one["prior"]],
                smallest=GOAL,
            )
        )
    reached = sorted({row.label for row in rows if row.estimate.high > GOAL})

    told = "; ".join(
        f"{one['variant']} ({one['prior']}): above a tenth in {one['above_goal']:.1%} of draws that rest"
        for one in table.to_dict("records")
    )
    finding = "No other reading of the cards lets the loop amplify by much"
    if reached:
        finding = (
            f"A return ratio of a tenth is within the range of {len(reached)} of "
            f"{table['variant'].nunique()} readings of the cards"
        )
    return plot_forest(
        rows, what="Largest return ratio", x="largest return ratio", card=result.card, title=finding,
        alt=told + ".",
        caption="Largest return ratio of the three technologies, median and middle 95 % of the draws "
        "that come to rest. Twice as strong: all sizes doubled. Whole loss: one percent more "
        "technology takes one percent off its field's error, risk or gap, far more than was "
        "measured.",
    )  # fmt: skip
