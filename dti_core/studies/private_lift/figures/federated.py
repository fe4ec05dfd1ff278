"""What privacy costs a model of who books, and what malicious users do to it."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from dti_core.lab.cards import registered
from dti_core.lab.record import Result
from dti_core.lab.say import value
from dti_core.lab.theme import NEUTRAL, style
from dti_core.studies.private_lift.figures.colours import MODELS
from dti_core.studies.private_lift.figures.promises import promise
from dti_core.studies.private_lift.methods.learners import LEARNERS

#: Where no noise is drawn on an axis of epsilons.
NO_NOISE_AT = 16.0
#: Of learners without an epsilon, which are all grey, then of the others.
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "star", "x")
INTERVAL = "Bars: 95 %, for other runs and other test users alike."


def at_epsilon(epsilon: ArrayLike) -> NDArray[np.float64]:
    """Places of epsilons on an axis that ends with no noise."""
    return np.minimum(np.asarray(epsilon, dtype=float), NO_NOISE_AT)


def label_epsilons(figure: go.Figure, **where: int) -> None:
    """An axis of epsilons on a log scale whose last tick is no noise."""
    ticks = (0.5, 1, 2, 4, 8, NO_NOISE_AT)
    figure.update_xaxes(
        type="log", tickvals=ticks, ticktext=[*(f"{one:g}" for one in ticks[:-1]), "none"], **where
    )


def plot_federated(result: Result) -> go.Figure:
    """Area under the curve and calibration slope by epsilon; learners without an epsilon as one point."""
    table = result.series["federated"]
    figure = make_subplots(rows=2, vertical_spacing=0.16)
    private = [name for name in LEARNERS if LEARNERS[name].needs]
    shown = sorted(LEARNERS, key=private.__contains__)
    for row, score in enumerate(("auc", "calibration_slope"), start=1):
        for place, name in enumerate(one for one in shown if one in set(table["learner"])):
            rows = table[table["learner"] == name].dropna(subset=[score])
            colour, own = MODELS.get(name, NEUTRAL), name in private
            aside = 1 + 0.06 * (private.index(name) - 1.5) if own else 1.25 * 1.16**place
            low, high = (rows[f"{score}_{end}"] for end in ("low", "high"))
            ends = {"array": high - rows[score], "arrayminus": rows[score] - low, "width": 0}
            figure.add_scatter(
                x=at_epsilon(rows["epsilon"]) * aside, y=rows[score], error_y=ends,
                mode="lines+markers" if own else "markers", name=LEARNERS[name].title,
                marker={"color": colour, "size": 8, "symbol": SYMBOLS[place % len(SYMBOLS)]},
                line={"color": colour}, showlegend=row == 1,
                customdata=rows[[f"{score}_low", f"{score}_high"]],
                hovertemplate=f"{LEARNERS[name].title}: %{{y:.3f}} [%{{customdata[0]:.3f}}, "
                "%{customdata[1]:.3f}]<extra></extra>", row=row, col=1,
            )  # fmt: skip
        label_epsilons(figure, row=row, col=1)
    lost, alone = result["booking_auc_lost_user_eps1"], result["booking_auc_lost_alone_no_noise"]
    free = result["booking_auc_lost_user_no_noise"]
    rates = result["booking_auc_lost_channel_rates_eps1"]
    figure = style(
        figure, x="", y="", card=registered("expedia"), series="federated",
        title=f"Users as clients lose {value(lost)} of the area under the curve at epsilon 1 and "
        f"{value(free)} without noise; each site alone loses {value(alone)}",
        caption=f"Expedia searches; test users search later than those learned from. {INTERVAL} Grey: "
        f"without an epsilon. {promise(table)}",
        alt=f"Loss against the central model: a user a client {value(lost)}, each site alone {value(alone)}, "
        f"a noisy rate of each channel {value(rates)}.",
    )  # fmt: skip
    figure.update_xaxes(title_text="epsilon (delta and unit below)")
    figure.update_yaxes(title_text="area under the ROC curve", row=1, col=1)
    figure.update_yaxes(title_text="calibration slope", range=[-0.6, 3], row=2, col=1)
    return figure.update_layout(height=860)


def plot_poisoning(result: Result) -> go.Figure:
    """Area under the curve with malicious users, with and without a bound on their updates."""
    table = result.series["poisoning"]
    rows = table[table["score"] == "auc"]
    figure = go.Figure()
    looks = (MODELS["user"], "circle", -0.08), (NEUTRAL, "diamond", 0.08)
    attacks = list(dict.fromkeys(rows["attack"]))
    for (colour, symbol, aside), (bound, some) in zip(looks, rows.groupby("bound"), strict=True):
        ends = {"array": (some["high"] - some["value"]).clip(upper=0.5), "width": 0,
                "arrayminus": (some["value"] - some["low"]).clip(upper=0.5)}  # fmt: skip
        figure.add_scatter(x=[attacks.index(one) + aside for one in some["attack"]], y=some["value"],
                           error_y=ends, mode="markers", name=bound,
                           marker={"color": colour, "size": 10, "symbol": symbol})  # fmt: skip
    figure.update_xaxes(tickvals=list(range(len(attacks))), ticktext=attacks, zeroline=False)
    free, bound = result["booking_auc_boosted_unbounded"], result["booking_auc_boosted_bounded"]
    return style(
        figure, x="what malicious users do", y="area under the ROC curve", card=registered("expedia"),
        series="poisoning",
        title=f"One user in twenty who boosts brings the area to {value(free)}; a bound holds it at "
        f"{value(bound)}",
        caption="Boosted: 5 % of users send their update times -100. Reversed: 20 % send it times -1, which "
        f"no bound sees. Without noise. {INTERVAL}",
        alt=f"Area under the curve with boosting users: {value(free)} without, {value(bound)} with a bound.",
    )  # fmt: skip
