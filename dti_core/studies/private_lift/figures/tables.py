"""Tables of the study in words, and where a target was missed."""

from typing import Any

import numpy as np
import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.say import plain
from dti_core.lab.tables import Table, show_table
from dti_core.studies.private_lift.figures.trials import HEADLINES
from dti_core.studies.private_lift.methods.learners import LEARNERS
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.worlds import MARKETS

#: What advertising brought and cost, which the report begins with.
FIRST = ("incremental conversions", "lift", "effect on treated", "cost per incremental conversion",
         "incremental return on spend")  # fmt: skip
#: What a cell of the table of the campaign says before its interval, by epsilon.
NO_PRIVACY = "no privacy"


def shown(result: Result, series: str, **texts: Any) -> Table:
    """A table of the result in words, as `show_table`; a sentence where its data are not here."""
    return show_table(result.series.get(series, pd.DataFrame()), name=series, **texts)


def told(result: Result, series: str, **texts: Any) -> Table:
    """One of the tables in `VIEWS`, laid out for readers."""
    title, view = VIEWS[series]
    table = result.series.get(series, pd.DataFrame())
    return show_table(table if table.empty else view(table), name=series, title=title, **texts)


def _coverage(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["offered"]].copy()
    rows["where"] = [
        f"{MARKETS[w].title}, {n:,} users" for w, n in zip(rows["world"], rows["n_users"], strict=True)
    ]
    rows["cell"] = [
        f"{100 * a:.1f} to {100 * b:.1f}" for a, b in zip(rows["lowest"], rows["highest"], strict=True)
    ]
    wide = rows.pivot(index="where", columns="method", values="cell")[list(METHODS)]
    wide.columns = [METHODS[name].title for name in wide.columns]
    return wide.rename_axis("interval in %, least and most over epsilons").reset_index()


def _answers(table: pd.DataFrame) -> pd.DataFrame:
    """A row a question, a column an epsilon."""
    rows = table.copy()
    rows["question"] = [
        f"{title}, {unit}"
        if f", {title}".endswith(f", {plain(quantity)}")
        else f"{title}, {plain(quantity)}, {unit}"
        for title, quantity, unit in zip(rows["title"], rows["quantity"], rows["unit"], strict=True)
    ]
    wide = pd.DataFrame({"question": rows["question"].unique()}).set_index("question")
    for epsilon in (np.inf, *sorted(rows["epsilon"][np.isfinite(rows["epsilon"])].unique())):
        part = rows[rows["epsilon"] == epsilon].drop_duplicates("question").set_index("question")
        name = NO_PRIVACY if np.isinf(epsilon) else f"epsilon {epsilon:g}"
        wide[name] = part["value"]
        wide[f"{name}_low"], wide[f"{name}_high"] = part["low"], part["high"]
    return wide.reset_index()


def _whole_campaign(table: pd.DataFrame) -> pd.DataFrame:
    """Questions on all users alone: regions and sizes are in the table's file."""
    return _answers(table[~table["trial"].str.contains("_region_|_size_")])


def _trials(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the figure, plainly and at epsilon 1; the others are in the file of the series."""
    rows = table[table["epsilon"].isin((1.0, np.inf))].set_index(["trial", "quantity"], drop=False)
    rows = pd.concat([
        rows.loc[[key]].assign(title=label, quantity=label)
        for key, (label, _) in HEADLINES.items() if key in rows.index
    ])  # fmt: skip
    return _answers(rows.reset_index(drop=True))


def _report(table: pd.DataFrame) -> pd.DataFrame:
    """What a retailer pays for first, then who was reached; intent to treat is in the file of the series."""
    rows = table[(table["dimension"] == "all") & (table["quantity"] != "intent to treat")].copy()
    rows = rows.sort_values("quantity", key=lambda one: ~one.isin(FIRST), kind="stable")
    numbers = ["value", "low", "high"]
    rows.loc[~np.isfinite(rows[numbers]).all(axis=1), numbers] = np.nan
    rows["quantity"] = [
        f"{quantity}, {unit}" if channel == "all" else f"{channel}: {quantity}, {unit}"
        for channel, quantity, unit in zip(rows["channel"], rows["quantity"], rows["unit"], strict=True)
    ]
    wide = pd.DataFrame({"quantity": rows["quantity"].unique()}).set_index("quantity")
    for name in rows["method"].unique():
        part = rows[rows["method"] == name].drop_duplicates("quantity").set_index("quantity")
        title = METHODS[name].title
        wide[title] = part["value"]
        wide[f"{title}_low"], wide[f"{title}_high"] = part["low"], part["high"]
    return wide.reset_index()


def _reconciled(table: pd.DataFrame) -> pd.DataFrame:
    views = zip(table["epsilon_event"], table["view"], strict=True)
    rows = pd.DataFrame(
        {"view": [f"event epsilon {epsilon:g}: {view}" for epsilon, view in views],
         "RMSE, conversions": table["rmse"], "bias of small creators, sd": table["bias_small"]}
    )  # fmt: skip
    rows["bias of small creators, sd_low"], rows["bias of small creators, sd_high"] = (
        table["low"],
        table["high"],
    )
    return rows


def _broken(table: pd.DataFrame) -> pd.DataFrame:
    wide = table.pivot(index=["kind", "broken"], columns="checked", values="shift").reset_index()
    labels = [f"{n:,} {plain(k)}" for k, n in zip(wide["kind"], wide["broken"], strict=True)]
    return pd.DataFrame({"broken reports": labels, "without a check, standard errors": wide[False],
                         "with a check on the device": wide[True]})  # fmt: skip


def _lost(table: pd.DataFrame) -> pd.DataFrame:
    labels = [
        f"{100 * n:g} % of {'users' if a == 'all' else a}"
        for a, n in zip(table["among"], table["lost"], strict=True)
    ]
    rows = pd.DataFrame({"reports lost": labels, "campaigns that raise the alarm": table["alarms"]})
    rows["campaigns that raise the alarm_low"], rows["campaigns that raise the alarm_high"] = (
        table["low"],
        table["high"],
    )
    return rows.assign(**{"bias of the effect": table["bias"]})


def _breaches(table: pd.DataFrame) -> pd.DataFrame:
    wide = table.pivot_table(
        index=["law", "applied"], columns="kind", values="users", aggfunc="sum"
    ).reset_index()
    labels = [
        f"law of {law}, rules of {rules}" for law, rules in zip(wide["law"], wide["applied"], strict=True)
    ]
    return (
        wide.drop(columns=["law", "applied"])
        .assign(where=labels)
        .set_index("where")
        .fillna(0.0)
        .reset_index()
    )


def _learned(table: pd.DataFrame) -> pd.DataFrame:
    words = {"auc": "area under the curve", "log_loss": "log loss", "miscalibration": "mean chance less rate",
             "calibration_slope": "calibration slope"}  # fmt: skip
    labels = [
        LEARNERS[name].title + (", no noise" if np.isinf(epsilon) else f", epsilon {epsilon:g}")
        for name, epsilon in zip(table["learner"], table["epsilon"], strict=True)
    ]
    rows = pd.DataFrame({"learner": labels})
    for name, word in words.items():
        rows[word], rows[f"{word}_low"], rows[f"{word}_high"] = (
            table[f"{name}{end}"] for end in ("", "_low", "_high")
        )
    by_opacus = table["epsilon_by_opacus"].replace(np.inf, np.nan)
    return rows.assign(**{"epsilon by opacus": by_opacus, "guarantee": table["guarantee"]})


def _collision(table: pd.DataFrame) -> pd.DataFrame:
    """A row a way to publish, a column a size; in percent."""
    wide = pd.DataFrame({"way": table["way"].unique()}).set_index("way")
    for size, rows in table.groupby("n_users"):
        part, name = rows.set_index("way"), f"{size:,} users, %"
        wide[name], wide[f"{name}_low"], wide[f"{name}_high"] = (
            100 * part[column] for column in ("median", "low", "high")
        )
    return wide.reset_index()


def _slopes(table: pd.DataFrame) -> pd.DataFrame:
    error = "worse error, apart less joint"
    rows = pd.DataFrame({"slope added up to": table["slope_to"].map("{:g}".format), error: table["median"]})
    rows[f"{error}_low"], rows[f"{error}_high"] = table["low"], table["high"]
    return rows.assign(**{"share of markets where it matters": table["share_that_matters"]})


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    return table[["left_out", "pairs", "of"]].rename(columns={"left_out": "rule left out", "of": "of pairs"})


#: Series -> title and layout of its table.
VIEWS = {
    "collision": ("Growth of the error of lift by privacy, over drawn markets", _collision),
    "apart_by_slope": ("C13a by how much more than this campaign the markets target", _slopes),
    "region_pairs": ("Pairs of regions in which the other's rules break the law, by rule left out", _pairs),
    "coverage": ("Share of intervals of lift that hold the truth, where they are offered", _coverage),
    "campaign": ("The report of this run's campaign", _whole_campaign),
    "trials": ("The trials of the figure, without and with noise", _trials),
    "choices": ("Brands on display or in the leaflet, without and with noise", _answers),
    "report": ("The practitioner's report of a simulated campaign, all histograms on one budget", _report),
    "reconcile": ("Event and summary reports reconciled", _reconciled),
    "broken_reports": ("How far broken reports move the lift of one channel", _broken),
    "lost_reports": ("Lost reports, and the alarm of the sample ratio", _lost),
    "region_breaches": ("Users whose rules are broken where rules of another region are applied", _breaches),
    "federated": ("Who books: every learner at every epsilon", _learned),
}
