"""Figures of regions and consent: what fitting to a region's rules gains, what breaks, whom refusal hides."""

import plotly.graph_objects as go

from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.say import plain, spoken
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.private_lift.measures.consent import CONSENT_WORLDS
from dti_core.studies.private_lift.measures.regions import JUDGED_USERS, SMALLEST_EXCESS
from dti_core.studies.private_lift.methods.dealing import POLICIES
from dti_core.studies.private_lift.methods.weighting import WEIGHTINGS
from dti_core.studies.private_lift.worlds import WORLDS
from dti_core.studies.private_lift.worlds.regions import REGION_WORLDS

_SCALE = [[0.0, "#DCE6EC"], [0.5, "#E9C9B0"], [1.0, "#D55E00"]]


def plot_region_errors(result: Result) -> go.Figure:
    """Error of lift under each way to deal rules against fitted ones, with the breaches of each."""
    table = result.series["regions"].set_index(["policy", "users"])
    others = [name for name in POLICIES if name != "fitted"]
    rows = [Row(_labelled(name, table), result[f"regions_excess_{name}"]) for name in others]
    strict = result["regions_excess_strictest"]
    rows.append(Row("Strictest, over drawn profiles", result["regions_excess_strictest_over_profiles"]))
    for world in REGION_WORLDS:
        if world != OBSERVED:
            one = result[f"regions_excess_strictest@{world}"]
            rows.append(Row(f"Strictest: {plain(world)}", one, NEUTRAL, control=True))
    laxest = result["regions_excess_laxest"]
    return plot_forest(
        rows, what="Error of lift beyond that under fitted rules", smallest=SMALLEST_EXCESS, scale=100,
        x="RMSE of lift beyond that of own rules, %", card=result.card,
        title=f"The strictest rules everywhere cost {_percent(strict)} % more error and break nothing; the "
        f"laxest would change it by {_percent(laxest)} % and break the law of most regions",
        caption=f"Campaigns of {JUDGED_USERS:,} users a region, rules of the EU, California and China as we "
        "assume them; in brackets the breaches a campaign. Hollow: control worlds. Bars: 95 % intervals over "
        "campaigns; of drawn profiles and controls, the middle 95 % of draws.",
    )  # fmt: skip


def plot_breaches(result: Result) -> go.Figure:
    """Kinds of breach where the rules of one region are applied in another."""
    table = result.series["region_breaches"]
    names = list(dict.fromkeys([*table["law"], *table["applied"]]))
    kinds = table.pivot_table(index="applied", columns="law", values="kind", aggfunc="count").reindex(
        index=names, columns=names
    )
    counts = kinds.fillna(0).to_numpy()
    listed = table.groupby(["applied", "law"])["kind"].agg(", ".join)
    figure = go.Figure(
        go.Heatmap(
            z=counts, x=names, y=names, text=counts.astype(int), texttemplate="%{text}", showscale=False,
            colorscale=_SCALE, xgap=2, ygap=2, textfont={"color": "#111111", "size": 14},
            hovertemplate="rules of %{y} in %{x}: %{z} kinds of breach<extra></extra>",
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    wrong = result["regions_wrong_share"]
    return style(
        figure, x="region where users live", y="region whose rules are applied", card=result.card,
        series="region_breaches",
        title=f"{100 * wrong.value:.0f} % of rules dealt to another region with a law break one of its own",
        caption="Kinds of breach under our profiles, of seven: epsilon, batch, consent, minors, retention, "
        "place of the sum, untargeted arm. The share in the title leaves out the place without a law.",
        alt="; ".join(f"rules of {one} in {law}: {what}" for (one, law), what in listed.items()) + ".",
    )  # fmt: skip


def plot_consent_bias(result: Result) -> go.Figure:
    """Bias of the ITT as fewer agree, with and without weights, where effects are even and where not."""
    table, figure, told = result.series["consent_bias"], go.Figure(), []
    for world, colour in zip(CONSENT_WORLDS, PALETTE, strict=False):
        for method, dash in zip(WEIGHTINGS, ("solid", "dot"), strict=True):
            rows = table[(table["world"] == world) & (table["weights"] == method)]
            label = f"{WORLDS[world].title.lower()}, {method}"
            figure.add_scatter(
                x=100 * rows["consent"], y=100 * rows["bias"], name=label, mode="lines+markers",
                line={"color": colour, "dash": dash},
                error_y={"array": 100 * (rows["bias_high"] - rows["bias"]),
                         "arrayminus": 100 * (rows["bias"] - rows["bias_low"])},
            )  # fmt: skip
            pairs = zip(rows["consent"], rows["bias"], strict=True)
            told.append(f"{label}: " + ", ".join(f"{bias:+.1%} at {share:.0%}" for share, bias in pairs))
    figure.add_hline(y=0, line_color=NEUTRAL)
    figure.update_xaxes(autorange="reversed")
    worst = table[(table["world"] == CONSENT_WORLDS[1]) & (table["consent"] == table["consent"].min())]
    bare, weighted = (float(worst.loc[worst["weights"] == name, "bias"].iloc[0]) for name in WEIGHTINGS)
    return style(
        figure, x="users who agree, %", y="bias of the ITT in all users, %", card=result.card,
        series="consent_bias", alt="; ".join(told) + ".",
        title=f"Where active users agree less and are moved more, lift is {100 * bare:+.0f} % off at "
        f"{worst['consent'].iloc[0]:.0%} consent; weights make it {100 * weighted:+.0f} %",
        caption="Bias of expected outcomes, 95 % Student t intervals over campaigns. Weights are entropy "
        "balanced on two noisy readings of activity, which is why some bias stays.",
    )  # fmt: skip


def _labelled(policy: str, table: object) -> str:
    return f"{POLICIES[policy].title} ({table.loc[(policy, JUDGED_USERS), 'breaches']:g})"  # type: ignore[attr-defined]


def _percent(one: Estimate) -> str:
    return spoken(one, "+", scale=100)
