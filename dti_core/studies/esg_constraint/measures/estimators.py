"""What do all estimators say on one panel, and do their own tests hold?"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from dti_core.lab.methods import left_out
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.data.sample import Sample, ranks_of
from dti_core.studies.esg_constraint.data.schema import MADE_FROM
from dti_core.studies.esg_constraint.measures.coverage import STANDARD, standardised
from dti_core.studies.esg_constraint.measures.findings import Findings, reason
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING, GATES, METHODS, fit_draws
from dti_core.studies.esg_constraint.model.bootstrap import wild_cluster_p_value
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.instruments import BOUNDED
from dti_core.studies.esg_constraint.model.panel import CONTROLS
from dti_core.studies.esg_constraint.model.regression import hausman

GATED = "test of the deciding estimate, no interval"
#: The column of a user's file behind each optional array of `Panel`.
COLUMNS = {
    "small": "assets",
    "cohort": "cohort",
    "second_rating": "rating_b",
    "excluded": "index_member",
    "industry": "industry",
    "country": "country",
    "weight": "weight",
    "size": "assets",
}


def study_estimators(sample: Sample, rng: np.random.Generator, real: bool) -> Findings:
    """All registered estimators, their specification tests, and `rating_effect` where firms are real."""
    found, panel = Findings(), sample.panel
    fits = dict(_fit_all(sample, found))
    for name, fit in fits.items():
        found.add(f"effect_{name}", fit, sample.unit, measure="effect", method=name)
        for diagnostic, (title, reads) in METHODS[name].tests.items():
            found.test(title, float(fit.diagnostics[diagnostic][0]), reads)
    if real:
        _note_unknown_size(sample, found)
        _decide(sample, fits, found)
    if "policy_iv" in fits:
        _anderson_rubin(fits["policy_iv"], sample.unit, found)
    p = float(hausman(panel.outcome, panel.regressors(), panel.rated)[1][0])
    found.test("Hausman, p", p, "small: random effects differ from fixed effects")
    if panel.industry is not None and panel.industry.max() > 1:
        p = wild_cluster_p_value(panel.outcome, panel.regressors(), panel.rated, panel.industry, rng)
        found.test("Wild bootstrap by industry, p", p, "two-way effects, few clusters, null imposed")
    return found


def _note_unknown_size(sample: Sample, found: Findings) -> None:
    """How many rated firms belong to no group of size."""
    rated = sample.panel.rated.any(axis=2)
    if (ranks := ranks_of(sample.laid)) is not None and (n := int((rated & np.isnan(ranks)).sum())):
        why = f"{n} of {int(rated.sum())} rated firms have no assets, or none until after their first rating"
        found.left_out.append(("size group", f"{why}: they count as other firms, not as small ones"))


def _decide(sample: Sample, fits: Mapping[str, Fit], found: Findings) -> None:
    """The estimate that decides the claim, the same of all firms beside it, and the tests that gate it.

    Neither without size, leverage and profitability, since a shock to any of them passes for an effect.
    """
    panel = sample.panel
    if lacking := [name for name in CONTROLS if name not in sample.controls]:
        columns = ", ".join(MADE_FROM[name][0] for name in lacking)
        remedy = f"add the column {columns}, and leave controls= empty or name all of {', '.join(CONTROLS)}"
        found.left_out.append(
            ("rating_effect, which decides the claim", f"lacks {', '.join(lacking)}: {remedy}")
        )
        return
    for name, method in (("rating_effect", DECIDING), ("rating_effect_all_firms", AVERAGE)):
        if fit := fits.get(method):
            value, *ends = standardised(panel, fit)[0]
            at = {"measure": name, "method": method}
            found.keep(name, value, ends, STANDARD, int(fit.n_obs[0]), fit.how, **at)
    if fit := fits.get(DECIDING):
        for gate in (*GATES, "ar2_p"):
            value = float(fit.diagnostics[gate][0])
            unit = "p-value" if gate.endswith("_p") else "instruments a firm"
            at = {"measure": "gate", "method": DECIDING, "of": gate}
            found.keep(f"rating_gate_{gate}", value, (value, value), unit, int(fit.n_obs[0]), GATED, **at)


def estimator_table(found: Iterable[Estimate]) -> pd.DataFrame:
    """A row an estimator of this panel, with what it assumes."""
    effects = {one.at["method"]: one for one in found if one.at["measure"] == "effect"}
    rows = [
        [method.title, one.value, one.low, one.high, one.n, "; ".join(method.assumes)]
        for name, method in METHODS.items()
        if (one := effects.get(name))
    ]
    return pd.DataFrame(rows, columns=["estimator", "effect", "low", "high", "firm-years", "assumes"])


def _fit_all(sample: Sample, found: Findings) -> Iterator[tuple[str, Fit]]:
    lacking = left_out(METHODS, COLUMNS.keys() - sample.panel.missing())
    for name, method in METHODS.items():
        if name in lacking:
            columns = ", ".join(COLUMNS[need] for need in lacking[name])
            found.left_out.append((method.title, f"needs the column {columns}"))
            continue
        try:
            yield name, fit_draws(method, sample.panel)
        except (ValueError, np.linalg.LinAlgError) as error:
            found.left_out.append((method.title, reason(error)))


def _anderson_rubin(fit: Fit, unit: str, found: Findings) -> None:
    """The set of effects that the policy does not refute, if it is an interval."""
    if fit.diagnostics["anderson_rubin_kind"][0] == BOUNDED:
        value = float(fit.coef[0, 0])
        low, high = (float(fit.diagnostics[f"anderson_rubin_{end}"][0]) for end in ("low", "high"))
        ends, n = (min(low, value), max(high, value)), int(fit.n_obs[0])
        at = {"measure": "anderson_rubin", "method": "policy_iv"}
        how = "Anderson-Rubin set by firm"
        found.keep("effect_policy_anderson_rubin", value, ends, unit, n, how, **at)
