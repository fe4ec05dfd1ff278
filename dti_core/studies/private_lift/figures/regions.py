"""Figures of regions and consent: what fitting to a region's rules gains, and whom refusal hides."""

import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import number, signed
from dti_core.lab.tables import Table, show_table
from dti_core.lab.theme import PALETTE, style
from dti_core.studies.private_lift.data.regions import profile_table
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.measures.consent import CONSENT_WORLDS
from dti_core.studies.private_lift.measures.regions import JUDGED_USERS, SHOWN_USERS, SMALLEST_EXCESS
from dti_core.studies.private_lift.methods.dealing import POLICIES
from dti_core.studies.private_lift.methods.weighting import WEIGHTINGS
from dti_core.studies.private_lift.worlds import MARKETS

#: Rules in the table of profiles, and words for their values.
RULES = {
    "consent_default": "consent, by default",
    "minors_under": "no minors under, years",
    "least_batch": "smallest batch, users",
    "epsilon_epoch": "epsilon of a user and epoch",
    "retention_epochs": "reports are kept, epochs",
    "local_aggregator": "aggregator in the region",
}
RULE_WORDS = {"opt_in": "opt in", "opt_out": "opt out", "inf": "no noise", "true": "yes", "false": "no",
              "none": "not asked"}  # fmt: skip


def profiles_table() -> Table:
    """The rules under which each region is measured, from the frozen table of profiles."""
    table = profile_table()
    wide = table.assign(value=table["value"].astype(str).replace(RULE_WORDS)).pivot(
        index="parameter", columns="region", values="value"
    )
    wide = wide.loc[list(RULES), table["region"].unique()]
    wide.index = pd.Index(RULES.values(), name="rule")
    return show_table(
        wide.reset_index(), name="region_profiles", title="Rules of each region, as we assume them",
        titles={"eu": "EU", "none": "no law"} | {key: key.capitalize() for key in ("california", "china")},
        note="Our assumptions, no legal advice: consent and age follow articles that the table of data "
        "names, numbers are ours. Epsilon is of a user and epoch, add or remove one, delta 0, pure; a user "
        "reports once.",
    )  # fmt: skip


def plot_region_errors(result: Result) -> go.Figure:
    """Error of lift under each way to deal rules against fitted ones, with the breaches of each."""
    table = result.series["regions"].query("users == @JUDGED_USERS").set_index("policy")
    ours = {name: f"regions_excess_{name}" + "_ours" * (name == "strictest") for name in POLICIES}
    strict, laxest = (result[ours[name]] for name in ("strictest", "laxest"))
    rows = [
        Row(f"{POLICIES[name].title} ({broken:g})", result[ours[name]])
        for name, broken in table["breaches"].items() if name != "fitted"
    ]  # fmt: skip
    rows += [
        Row(f"Strictest, {name}", result[f"regions_excess_strictest_{name.lower()}"])
        for name in ("EU", "California", "China")
    ]
    rows += [Row(f"Strictest, {n // 1000},000 users", result[f"regions_excess_strictest_n{n}"])
             for n in SHOWN_USERS if n != JUDGED_USERS]  # fmt: skip
    rows.append(Row("Strictest, drawn profiles", result["regions_excess_strictest"]))
    return plot_forest(
        rows, what="Error of lift beyond that under fitted rules, percent", smallest=100 * SMALLEST_EXCESS,
        scale=100, x="RMSE of lift beyond that of own rules, %",
        card=made_up(result, "campaigns, under rules of regions as we assume them"),
        title=f"The strictest rules move the error by {signed(strict, 0, 100)} %, breaking nothing; "
        f"the laxest by {signed(laxest, 0, 100)} %, breaking rules",
        caption=f"Simulated campaigns of {JUDGED_USERS:,} users a region, under rules of the EU, California "
        "and China as we assume them; in brackets the breaches a campaign. Intervals of 95 % over campaigns; "
        "of drawn profiles the middle 95 %. Epsilon, as the profiles say, is of a user and epoch, add or "
        "remove one, delta 0, pure; a user reports once. At 2,000 users the strictest rules publish "
        "nothing, which reads as no lift.",
    )  # fmt: skip


def plot_consent_bias(result: Result) -> go.Figure:
    """Bias of the ITT as fewer agree, with and without weights, where effects are even and where not."""
    table, figure, told, ends = result.series["consent"], go.Figure(), [], {}
    table = table[table["epsilon"] == table["epsilon"].max()]
    for world, colour in zip(CONSENT_WORLDS, PALETTE, strict=False):
        for method, dash in zip(WEIGHTINGS, ("solid", "dot"), strict=True):
            rows = table[(table["world"] == world) & (table["weights"] == method)]
            percent = 100 * rows[["consent", "bias_value", "bias_low", "bias_high"]]
            label = f"{MARKETS[world].title.lower()}, {method}"
            figure.add_scatter(
                x=percent["consent"], y=percent["bias_value"], name=label,
                line={"color": colour, "dash": dash},
                error_y={"array": percent["bias_high"] - percent["bias_value"],
                         "arrayminus": percent["bias_value"] - percent["bias_low"], "thickness": 2},
                marker_size=4, customdata=percent[["bias_low", "bias_high"]],
                hovertemplate="%{y:.2f} [%{customdata[0]:.2f}, %{customdata[1]:.2f}] % at %{x:.0f} %",
            )  # fmt: skip
            pairs = zip(percent["consent"], percent["bias_value"], strict=True)
            told.append(
                f"{label}: " + ", ".join(f"{number(bias, 1, '+')} at {agree:.0f}" for agree, bias in pairs)
            )
            ends[world, method] = percent.iloc[-1]
    half = 50 * (table["bias_high"] - table["bias_low"]).max()
    figure.update_xaxes(autorange="reversed")
    bare, weighted = (ends[CONSENT_WORLDS[1], method] for method in WEIGHTINGS)
    return style(
        figure, x="users who agree, %", y="bias of the ITT in all users, %",
        card=made_up(result, "campaigns, with consent as we assume it"), series="consent",
        alt=f"Bias in percent by percent who agree. {'; '.join(told)}.",
        title=f"Where active users agree less and are moved more, lift is {bare['bias_value']:+.0f} % off "
        f"when {bare['consent']:.0f} % agree; with weights, {weighted['bias_value']:+.0f} %",
        caption="Simulated. Bias of expected outcomes with 95 % Student t intervals over campaigns, at "
        f"most {half:.2f} % to each side, so that most marks hide theirs. Weights are balanced on "
        "two noisy readings of activity, which is why some bias stays. Counts without noise of "
        "privacy; with it, epsilon of a user who agreed, add or remove one, delta 0, pure, is in the file.",
    )  # fmt: skip
