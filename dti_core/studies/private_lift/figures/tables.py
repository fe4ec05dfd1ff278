"""Tables of the study in words, and where a target was missed."""

from typing import Any

import numpy as np
import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.say import plain
from dti_core.lab.tables import Table, show_table
from dti_core.studies.private_lift.figures.accuracy import PROMISE
from dti_core.studies.private_lift.figures.promises import promise
from dti_core.studies.private_lift.figures.trials import HEADLINES
from dti_core.studies.private_lift.measures.accountants import DELTA as RUN_DELTA
from dti_core.studies.private_lift.measures.accountants import SAMPLING_RATE, STEPS_AN_EPOCH
from dti_core.studies.private_lift.measures.practitioner import MONEY
from dti_core.studies.private_lift.measures.reconcile import ONE, SPENT
from dti_core.studies.private_lift.methods.learners import LEARNERS
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.worlds import MARKETS

#: What advertising brought and cost, which the report begins with.
FIRST = ("incremental conversions", "lift", "effect on treated", *MONEY)
#: What a cell of the table of the campaign says before its interval, by epsilon.
NO_PRIVACY = "no privacy"
#: Series -> the epsilons that its table shows.
AT = {"uplift": (1.0, np.inf), "paths": (1.0, np.inf)}
#: What the report by region, size and retailer keeps.
PARTS = ("conversions", "incremental conversions", *MONEY, "lift")
#: What the names of trials within a region or a size contain.
_PART = "_region_|_size_"
_OWN = "Each row is its own release."
_PURE = "Epsilon is of a user, add or remove one, delta 0, pure."
#: Series -> what stands below its table, behind what its column of guarantees says.
NOTES = {
    "trials": _OWN, "campaign": _OWN, "choices": _OWN, "uplift": _OWN, "collision": _PURE,
    "paths": "A release holds all channels of one rule. The log names paths, not who walked them: who walks "
    "several is promised less. Intervals of linear credit are too wide rather than too narrow.",
    "report": "All histograms share it; retailers have a release of their own, whose epsilon adds to it. "
    "Cost is that of bills, which it does not cover. A dash: an interval without an end, where nothing may "
    "have been brought.",
    "coverage": f"Each epsilon is of {PROMISE}.",
    "missed": f"Each epsilon is of {PROMISE}.",
    "apart_by_slope": f"All at the epsilon of the figure. {_PURE}",
    "region_pairs": "The cap is on epsilon of a user and epoch, add or remove one, delta 0, pure.",
    "left_out": "Each epsilon is of a person or household of the trial, add or remove one, delta 0, pure.",
    "reconcile": "RMSE: of a creator's conversions, over creators and draws of noise. Bias: mean error of "
    "the quarter of creators with the fewest, in its standard deviations. Event epsilon: of its report; "
    f'totals have {SPENT[0][1]:g} more, and "{ONE}" has both on one histogram of creators. Epsilon is of a '
    "user, replace one, delta 0, basic composition.",
    "accountants": f"A record, add or remove one, delta {RUN_DELTA:g}; Poisson sampling of "
    f"{SAMPLING_RATE:.3g} of the records a step, {STEPS_AN_EPOCH} steps an epoch.",
}  # fmt: skip


def shown(result: Result, series: str, **texts: Any) -> Table:
    """A table of the result in words, as `show_table`; a sentence where its data are not here."""
    table = result.series.get(series, pd.DataFrame())
    return show_table(table, name=series, **({"note": _note(series, table)} | texts))


def told(result: Result, *series: str, **texts: Any) -> Table:
    """Tables in `VIEWS`, one below the other, laid out for readers, and what their epsilons promise."""
    tables = {one: result.series[one] for one in series if not result.series.get(one, pd.DataFrame()).empty}
    for one in AT.keys() & tables.keys():
        tables[one] = tables[one][tables[one]["epsilon"].isin(AT[one])]
    rows = [VIEWS[one][1](table) for one, table in tables.items()]
    if len(series) > 1:
        rows = [part.assign(about=VIEWS[one][0]) for one, part in zip(tables, rows, strict=True)]
        texts = {"groups": ["about"]} | texts
    whole = pd.concat(tables.values()) if tables else pd.DataFrame()
    texts = {"title": VIEWS[series[0]][0], "note": _note(series[0], whole)} | texts
    return show_table(pd.concat(rows, ignore_index=True) if rows else whole, name=series[0], **texts)


def report_parts(result: Result) -> Table:
    """The practitioner's report by part of its users, whose rows the whole report leaves out."""
    table = result.series.get("report", pd.DataFrame())
    rows = table if table.empty else _parts(table)
    return show_table(
        rows, name="report_parts", title="The same report by region, size of business and retailer",
        groups=["users"], note=_note("report", table),
    )  # fmt: skip


def campaign_parts(result: Result) -> Table:
    """The report of this run's campaign by region and by size, whose rows the whole report leaves out."""
    table = result.series["campaign"]
    rows = table[table["trial"].str.contains(_PART)]
    return show_table(
        rows if rows.empty else _answers(rows), name="campaign_parts", note=_note("campaign", table),
        title="The report of this run's campaign, by region and by size",
        empty="The campaign names neither regions nor sizes.",
    )  # fmt: skip


def _note(series: str, table: pd.DataFrame) -> str:
    return " ".join(filter(None, [promise(table), NOTES.get(series, "")]))


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
        if f", {plain(quantity)}," in f", {title},"
        else f"{title}, {plain(quantity)}, {unit}"
        for title, quantity, unit in zip(rows["title"], rows["quantity"], rows["unit"], strict=True)
    ]
    return _by_epsilon(rows, ["question"])


def _by_epsilon(rows: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    wide = rows[labels].drop_duplicates().set_index(labels)
    for epsilon in (np.inf, *sorted(rows["epsilon"][np.isfinite(rows["epsilon"])].unique())):
        part = rows[rows["epsilon"] == epsilon].drop_duplicates(labels).set_index(labels)
        name = NO_PRIVACY if np.isinf(epsilon) else f"epsilon {epsilon:g}"
        wide[name] = part["value"]
        wide[f"{name}_low"], wide[f"{name}_high"] = part["low"], part["high"]
    return wide.reset_index()


def _credit(table: pd.DataFrame) -> pd.DataFrame:
    """A row a rule and channel, a column an epsilon."""
    rows = table.rename(columns={"title": "rule"})
    rows["channel"] = rows["quantity"].map(plain) + ", " + rows["unit"]
    return _by_epsilon(rows, ["channel", "rule"])


def _whole_campaign(table: pd.DataFrame) -> pd.DataFrame:
    """Questions on all users alone: regions and sizes are in the table's file."""
    return _answers(table[~table["trial"].str.contains(_PART)])


def _trials(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the figure; the others are in the file of the series."""
    rows = table.set_index(["trial", "quantity"], drop=False)
    rows = pd.concat([
        rows.loc[[key]].assign(title=label, quantity=label)
        for key, (label, _) in HEADLINES.items() if key in rows.index
    ])  # fmt: skip
    return _answers(rows.reset_index(drop=True))


def _report(table: pd.DataFrame) -> pd.DataFrame:
    """What a retailer pays for first, then who was reached; intent to treat is in the file of the series."""
    rows = table[(table["dimension"] == "all") & (table["quantity"] != "intent to treat")].copy()
    rows = rows.sort_values("quantity", key=lambda one: ~one.isin(FIRST), kind="stable")
    rows["quantity"] = [
        f"{quantity}, {unit}" if channel == "all" else f"{channel}: {quantity}, {unit}"
        for channel, quantity, unit in zip(rows["channel"], rows["quantity"], rows["unit"], strict=True)
    ]
    return _by_method(rows, ["quantity"])


def _parts(table: pd.DataFrame) -> pd.DataFrame:
    """Of each part of users: conversions, what advertising brought and cost, the lift of each channel."""
    rows = table[(table["dimension"] != "all") & table["quantity"].isin(PARTS)]
    rows = rows[(rows["channel"] == "all") | (rows["quantity"] == "lift")].copy()
    rows["users"] = rows["dimension"].replace({"size": "size of business"}) + " " + rows["segment"]
    rows["quantity"] = [
        quantity if channel == "all" else f"{channel}: {quantity}"
        for channel, quantity in zip(rows["channel"], rows["quantity"], strict=True)
    ]
    rows.loc[rows["quantity"] == "conversions", "quantity"] += " of users"
    rows.loc[(rows["channel"] != "all") | rows["quantity"].isin(MONEY), "quantity"] += ", " + rows["unit"]
    return _by_method(rows, ["users", "quantity"])


def _by_method(rows: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """A row a label, a column a way to publish; a dash where an end is not finite."""
    numbers = ["value", "low", "high"]
    rows = rows.copy()
    rows.loc[~np.isfinite(rows[numbers]).all(axis=1), numbers] = np.nan
    wide = rows[labels].drop_duplicates().set_index(labels)
    for name in rows["method"].unique():
        part = rows[rows["method"] == name].drop_duplicates(labels).set_index(labels)
        for end, column in (("", "value"), ("_low", "low"), ("_high", "high")):
            wide[METHODS[name].title + end] = part[column]
    return wide.reset_index()


def _reconciled(table: pd.DataFrame) -> pd.DataFrame:
    bias, views = "bias of small creators, sd", zip(table["epsilon_event"], table["view"], strict=True)
    rows = pd.DataFrame(
        {"view": [f"event epsilon {epsilon:g}: {view}" for epsilon, view in views],
         "RMSE, conversions": table["rmse"], bias: table["bias_small"]}
    )  # fmt: skip
    return rows.assign(**{f"{bias}_low": table["low"], f"{bias}_high": table["high"]})


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
    alarms = "campaigns that raise the alarm"
    ends = {f"{alarms}_low": table["low"], f"{alarms}_high": table["high"]}
    rows = {"reports lost": labels, alarms: table["alarms"], **ends, "bias of the effect": table["bias"]}
    return pd.DataFrame(rows)


def _accountants(table: pd.DataFrame) -> pd.DataFrame:
    """A row a training run, a column an accountant."""
    multiplier = table["noise multiplier"].map("noise multiplier {:g}, ".format)
    rows = table.assign(run=multiplier + table["epochs"].map("{:g} epochs".format))
    wide = rows.pivot(index="run", columns="accountant", values="epsilon")
    return wide.loc[rows["run"].unique(), rows["accountant"].unique()].reset_index()


def _lacking(table: pd.DataFrame) -> pd.DataFrame:
    """A row a reason, with all that it kept from being analysed."""
    names = table["analysis"].map(plain).groupby(table["why"], sort=False).agg(", ".join)
    return names.reset_index()[["analysis", "why"]]


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
    "coverage": (
        "Share of intervals of all incremental conversions that hold the truth, where they are offered",
        _coverage,
    ),
    "campaign": ("The report of this run's campaign", _whole_campaign),
    "trials": ("The trials of the figure", _trials),
    "paths": ("Credit on real paths, without and with noise", _credit),
    "uplift": ("What ranking users by their group gains, without and with noise", _answers),
    "choices": ("Brands on display or in the leaflet", _answers),
    "report": ("The practitioner's report of a simulated campaign, all histograms on one budget", _report),
    "reconcile": ("Event and summary reports reconciled", _reconciled),
    "broken_reports": ("How far broken reports move the lift of one channel", _broken),
    "lost_reports": ("Lost reports, and the alarm of the sample ratio", _lost),
    "accountants": ("Epsilon of one training run by three accountants", _accountants),
    "left_out": ("Left out", _lacking),
    "federated": ("Who books: every learner at every epsilon", _learned),
}
