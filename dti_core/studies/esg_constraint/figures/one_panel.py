"""Figures of one panel: every estimator, the years around a policy, the timing of effects."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import plain, sign_of, signed, value, ways
from dti_core.lab.theme import NEUTRAL, style
from dti_core.studies.esg_constraint.figures.dress import (
    BLUE,
    NO_RATING,
    ORANGE,
    bars,
    chance,
    nothing,
    test_of,
)
from dti_core.studies.esg_constraint.methods import METHODS
from dti_core.studies.esg_constraint.worlds import WORLDS


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
    ranked = sorted(found.values(), key=lambda one: one.value)
    negative = sum(one.high < 0 for one in ranked)
    ending = "" if true is None else f"; the truth is {true.value:.3f}"
    told = f"in the world '{plain(world)}'" if true else "even if ratings move constraints"
    effect = WORLDS[world].settings.effect
    figure = plot_forest(
        rows, what="Effect of last year's constraint on the rating", x=rows[0].estimate.unit,
        title=f"One panel, {len(rows)} estimators, from {value(ranked[0])} to {value(ranked[-1])}: "
        f"{negative} call the effect negative{ending}", card=result.card, alt=ending.removeprefix("; "),
        caption=f"Points and 95 % intervals (each estimator's own). Blue: offered as valid {told}."
        + (f" Orange: the truth, {effect:g} sd of ESG a sd of constraint within firms." if true else ""),
    )  # fmt: skip
    if true is not None:
        figure.add_vline(x=true.value, line_color=ORANGE, line_width=2, layer="below")
    return figure


def plot_event_study(result: Result) -> go.Figure:
    """Rating and constraint of reached firms around the policy shock."""
    table = result.series.get("event_study")
    found = {one.at["outcome"]: one for one in result.where(measure="event study")}
    if table is None or "rating" not in found:
        why = "No policy shock in this panel: a column 'cohort' would open the event study"
        return nothing(result, why)
    units = {"rating": "rating, grades", "constraint": "constraint, units of its measure"}
    groups = dict(iter(table.groupby("outcome")))
    shown = [name for name in units if name in groups]
    figure = make_subplots(rows=len(shown), shared_xaxes=True, vertical_spacing=0.08)
    for number, name in enumerate(shown, start=1):
        rows, colour = groups[name], {"rating": BLUE, "constraint": ORANGE}[name]
        figure.add_scatter(
            x=rows["years"], y=rows["coef"], mode="lines+markers", name=name, showlegend=False,
            line={"color": colour}, error_y=bars(rows, color=colour), row=number, col=1,
        )  # fmt: skip
        figure.update_yaxes(title_text=units[name].replace(", ", ",<br>"), row=number, col=1)
    figure.add_hline(y=0, line_color=NEUTRAL)
    figure.add_vline(x=-0.5, line_color=NEUTRAL, line_dash="dot")
    rating, fall = found["rating"], found.get("constraint")
    p = test_of(result, "Event study of rating, leads p")
    first = f"Relief lowers the constraint by {value(fall).removeprefix('-')} and " if fall else "Relief "
    rose = sign_of(rating, "raises", "lowers", "does not clearly move")
    figure = style(
        figure, title=f"{first}{rose} the rating: {signed(rating)} grades in the years after",
        x="", y="", card=result.card, series="event_study",
        caption="Against firms never reached, the year before is 0. Points and 95 % intervals "
        f"({ways(found.values())}). That ratings moved alike before: {chance(p)}.",
        alt=f"Event study. Rating after relief {signed(rating)} grades"
        + (f"; constraint {signed(fall)}" if fall else "") + f"; leads of the rating {chance(p)}.",
    )  # fmt: skip
    figure.update_xaxes(title_text="years since the policy<br>reached the firm", row=len(shown), col=1)
    return figure.update_layout(height=560)


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
    rows = [
        f"{row.years:+d}: {row.coef:+.3f} [{row.low:+.3f}, {row.high:+.3f}]" for row in table.itertuples()
    ]
    return style(
        figure, card=result.card, series="leads_lags", x="years from the rating to the constraint",
        y="effect, grades a unit of constraint", alt=f"Coefficients by year: {'; '.join(rows)}.",
        title=f"Coming constraints {'do' if p < 0.05 else 'do not clearly'} predict the rating "
        f"({chance(p, 2)})",
        caption="One regression with firm and year effects. Points and 95 % intervals (firm errors). Right "
        "of 0: constraints of later years, which a rating cannot feel yet. Where only the reverse is true "
        f"they predict it in {100 * found.value:.1f} % of panels, with the present year in "
        f"{100 * wider.value:.1f} %.",
    )  # fmt: skip
