"""Figures of one panel: every estimator, the years around a policy, the timing of effects."""

import plotly.graph_objects as go

from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import plain, sign_of
from dti_core.lab.theme import NEUTRAL
from dti_core.studies.esg_constraint.figures.dress import (
    BLUE,
    NO_RATING,
    ORANGE,
    bars,
    dress,
    nothing,
    roomy,
    test_of,
)
from dti_core.studies.esg_constraint.methods import METHODS


def plot_estimators(result: Result) -> go.Figure:
    """Every estimator on the one panel, with the line of the truth where it is known."""
    found = {name: one for name in METHODS for one in result.where(measure="effect", method=name)}
    if not found:
        return nothing(result, NO_RATING)
    true = next(iter(result.where(measure="truth", of="true_effect")), None)
    world = result.config.world if result.card.origin == "simulated" else "reverse_only"
    rows = [
        Row(plain(name), one, BLUE if METHODS[name].offered_in(world) else NEUTRAL)
        for name, one in found.items()
    ]
    values, negative = [one.value for one in found.values()], sum(one.high < 0 for one in found.values())
    ending = "" if true is None else f"; the truth is {true.value:.2f}"
    told = f"in the world '{plain(world)}'" if true else "even if ratings move constraints"
    figure = plot_forest(
        rows, what="Effect of last year's constraint on the rating", x=rows[0].estimate.unit,
        title=f"One panel, {len(rows)} estimators, from {min(values):.2f} to {max(values):.2f}: "
        f"{negative} call the effect negative{ending}", card=result.card, alt=ending.removeprefix("; "),
        caption=f"Points and 95 % intervals. Blue: offered as valid {told}."
        + (" Dashed: the truth." if true else ""),
    )  # fmt: skip
    if true is not None:
        figure.add_vline(x=true.value, line_color=ORANGE, line_dash="dash", line_width=2)
    return roomy(figure)


def plot_event_study(result: Result) -> go.Figure:
    """Rating and constraint of reached firms around the policy shock."""
    table = result.series.get("event_study")
    found = {one.at["outcome"]: one for one in result.where(measure="event study")}
    if table is None or "rating" not in found:
        why = "No policy shock in this panel: a column 'cohort' would open the event study"
        return nothing(result, why)
    figure, looks = go.Figure(), {"constraint": (ORANGE, -0.08), "rating": (BLUE, 0.08)}
    for name, rows in table.groupby("outcome"):
        colour, shift = looks[str(name)]
        figure.add_scatter(
            x=rows["years"] + shift, y=rows["coef"], mode="lines+markers", name=str(name),
            line={"color": colour}, error_y=bars(rows, color=colour),
        )  # fmt: skip
    figure.add_hline(y=0, line_color=NEUTRAL)
    figure.add_vline(x=-0.5, line_color=NEUTRAL, line_dash="dot")
    rating, fall = found["rating"], found.get("constraint")
    p = test_of(result, "Event study of rating, leads p")
    first = f"Relief lowers the constraint by {-fall.value:.2f} and " if fall else "Relief "
    rose = sign_of(rating, "raises", "lowers", "does not clearly move")
    return dress(
        figure, title=f"{first}{rose} the rating ({rating.value:+.2f} grades in the years after)",
        x="years since the policy reached the firm", y="grades; units of constraint", card=result.card,
        series="event_study",
        caption="Against firms never reached, the year before is 0. Points and 95 % intervals, clustered by "
        f"firm. That ratings moved alike before: p = {p:.3f}.",
        alt=f"Event study. Rating after relief {rating.text}"
        + (f"; constraint {fall.text}" if fall else "") + f"; leads of the rating p = {p:.3f}.",
    )  # fmt: skip


def plot_timing(result: Result) -> go.Figure:
    """Coefficients of coming, present and past constraints in one regression."""
    table = result.series.get("leads_lags")
    if table is None:
        return nothing(result, NO_RATING)
    figure = go.Figure()
    figure.add_scatter(
        x=table["years"], y=table["coef"], mode="markers", marker={"color": BLUE, "size": 10},
        showlegend=False, error_y=bars(table),
    )  # fmt: skip
    figure.add_hline(y=0, line_color=NEUTRAL)
    p = test_of(result, "Leads, p")
    found, wider = (result[f"{name}@reverse_only"] for name in ("leads_found", "present_found"))
    rows = [f"{row.years:+d}: {row.coef:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in table.itertuples()]
    return dress(
        figure, card=result.card, series="leads_lags", x="year of the constraint, relative to the rating",
        y="grades a unit of constraint", alt=f"Coefficients by year: {'; '.join(rows)}.",
        title=f"Coming constraints {'do' if p < 0.05 else 'do not clearly'} predict the rating (p = {p:.2f})",
        caption="One regression with firm and year effects. Points and 95 % intervals. Right of 0: "
        "constraints of later years, which a rating cannot feel yet. Where only the reverse is true "
        f"they predict it in {found.value:.0%} of panels, with the present year in {wider.value:.0%}.",
    )  # fmt: skip
