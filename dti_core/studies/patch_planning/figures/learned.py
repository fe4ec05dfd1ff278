"""What trainings gained in each world of the assumption set."""

import plotly.graph_objects as go

from dti_core.lab.forest import smallest_effects
from dti_core.lab.record import OBSERVED, Result
from dti_core.lab.say import signed
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.figures.cards import simulated
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, SMALL
from dti_core.studies.patch_planning.methods.planners import METHODS

#: What else is drawn in each world: its name, colour and mark.
_RIVALS = {"gain": ("exact plan, money priced", PALETTE[1], "diamond-open"),
           "retuned": ("rule tuned anew", PALETTE[2], "x-thin-open")}  # fmt: skip


def plot_trainings(result: Result) -> go.Figure:
    """A row a world: a mark a training, and what the exact plan and a rule tuned anew gain there."""
    told, rivals = result.series["trainings"], result.series["rooms"].set_index("place")
    some = told[(told["world"] == OBSERVED) & (told["services"] == SMALL)]
    means = some.groupby("place")["gain"].mean().sort_values()
    ranks = {place: rank for rank, place in enumerate(means.index, start=1)}
    figure = go.Figure()
    for place, part in some.groupby("place"):
        figure.add_scatter(x=100 * part["gain"], y=[ranks[place]] * len(part), mode="lines", hoverinfo="skip",
                           line={"color": NEUTRAL, "width": 1}, showlegend=False)  # fmt: skip
    figure.add_scatter(x=100 * some["gain"], y=some["place"].map(ranks), mode="markers", name="a training",
                       marker={"color": PALETTE[0], "size": 8})  # fmt: skip
    for column, (name, colour, symbol) in _RIVALS.items():
        figure.add_scatter(x=100 * rivals[column], y=rivals.index.map(ranks), mode="markers", name=name,
                           marker={"color": colour, "size": 9, "symbol": symbol})  # fmt: skip
    figure.add_vline(x=0, line_color=NEUTRAL)
    matters = smallest_effects(result.config.slug, "C6c")[f"agents_gain_{SMALL}"]
    figure.add_vline(x=100 * matters, line_color=NEUTRAL, line_dash="dash")
    mean, luck = result[f"agents_gain_mean_{SMALL}"], result.where(measure="of worlds", services=SMALL)
    share = "".join(
        f" Of the variance of gains {one.value:.0%} [{one.low:.0%}, {one.high:.0%}] belongs to the world, "
        "the rest to trainings and their estates." for one in luck
    )  # fmt: skip
    figure = style(
        figure, x="gain on the tuned rule, %", y="worlds, sorted",
        card=simulated(result), series="trainings",
        title="Do agents gain in some worlds, or in some trainings? Mean over worlds "
        f"{signed(mean, scale=100)} %",
        caption=f"{METHODS[FAVOURITE].title}, {SMALL} services; each world is drawn from the assumptions and "
        "has a rule tuned for it, from which its trainings start, each judged on unseen estates of its own. "
        "Diamonds: an exact plan at the rule's own price; crosses: the rule tuned anew by expected dollars "
        f"(at 0 where the same rule was chosen); both on other estates. Dashed: the smallest effect of "
        f"C6c.{share} Worlds are sorted by the mean of their trainings. Mean: 95 %, Student t over worlds.",
        alt="; ".join(
            f"{what} go from {100 * ends.min():+.1f} to {100 * ends.max():+.1f} %"
            for what, ends in {"means by world": means, "trainings": some["gain"],
                               "exact plans": rivals["gain"], "rules tuned anew": rivals["retuned"]}.items()
        ).capitalize() + ".",
    )  # fmt: skip
    figure.update_yaxes(
        showticklabels=False, ticks="", showgrid=False, zeroline=False, range=[0, len(means) + 1]
    )
    return figure.update_layout(height=220 + 16 * len(means))
