"""What a score with a known error says: as what is explained, and as what explains."""

from typing import Any

import numpy as np
import pandas as pd

from dti_core.studies.esg_constraint.data.layout import Rectangle
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.model.errors_in_variables import errors_in_variables
from dti_core.studies.esg_constraint.model.regression import least_squares, shifted

MEASURE = "score with known error"


def study_uncertain_score(laid: Rectangle, unmatched: pd.DataFrame | None = None) -> Findings:
    """Score on last year's size and Tobin's q, and q on last year's score, with and without its error.

    As an outcome a posterior mean is shrunk towards the mean of all, and so is every slope on it; the score
    freed of shrinkage is not. As a regressor it is the other way round: least squares on the posterior mean
    is right, on the freed score it is attenuated, and the known error variance repairs that.
    """
    found, columns, seen = Findings(), laid.columns, laid.observed
    if unmatched is not None:
        found.series["unmatched"] = unmatched
    accounts = np.stack([shifted(columns[name], 1) for name in ("log_sales", "log_q")], axis=3)
    for kind, name in {"posterior_mean": "rating_a", "freed": "signal"}.items():
        fit = least_squares(columns[name], accounts, seen)
        for place, account in enumerate(("log_sales", "log_q")):
            where = {"measure": MEASURE, "outcome": "score", "by": kind, "account": account}
            found.add(f"kld_{account}_{kind}", fit, "score a log point", place, **where)
    size = shifted(columns["log_sales"], 1)
    designs = {name: np.stack([shifted(columns[name], 1), size], axis=3) for name in ("rating_a", "signal")}
    at: dict[str, Any] = {"measure": MEASURE, "outcome": "log_q", "account": "score"}
    unit = "log points of q a unit of score"
    q = columns["log_q"]
    found.add(
        "kld_q_posterior_mean", least_squares(q, designs["rating_a"], seen), unit, by="posterior_mean", **at
    )
    found.add("kld_q_freed", least_squares(q, designs["signal"], seen), unit, by="freed", **at)

    def corrected() -> None:
        fit = errors_in_variables(q, designs["signal"], shifted(columns["error_variance"], 1), seen)
        found.add("kld_q_corrected", fit, unit, by="errors in variables", **at)
        share = float(fit.diagnostics["reliability"][0])
        found.test("Score, reliability inside firms", share, "what effects leave of it that is no error")

    found.attempt("q on the score, freed of its error", corrected)
    return found
