"""Real ratings beside real accounts: the published panel csr_africa, asked in every run that has it."""

import numpy as np

from dti_core.lab.data import published
from dti_core.studies.esg_constraint.data.africa import NAME, clean, doubts_in, without_doubts
from dti_core.studies.esg_constraint.data.layout import Rectangle, lay_out
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.measures.score import UNIT, in_sd, score_on_accounts, study_score
from dti_core.studies.esg_constraint.model.regression import least_squares

#: The score on accounts that are in no doubt, and on all of them.
PREFIX, LENIENT = "csr", "csr_lenient"
#: Size before any repair of units, by which the known answers of others were made.
PRINTED = "log_assets_printed"


def study_real_panel(rng: np.random.Generator) -> Findings:
    """The score on last year's accounts in csr_africa; left out, with its command, where it is absent."""
    if published(NAME).find() is None:
        why = f"the published panel {NAME} is not on this machine: `dti data get {NAME}` brings it"
        return Findings(left_out=[("real scores on real accounts", why)])
    table = clean(published(NAME).table(encoding="latin1"))
    numbers = [str(name) for name in table if name not in ("firm", "year")]
    found, laid = study_score(lay_out(without_doubts(table), numbers), rng, PREFIX), lay_out(table, numbers)
    found.series["csr_doubts"] = doubts_in(table)
    score_on_accounts(laid, LENIENT, found)
    _as_printed(laid, found)
    return found


def _as_printed(laid: Rectangle, found: Findings) -> None:
    """Size of the same year as it stands in the file, thousands and millions mixed."""
    score, size = laid.columns["rating_a"], laid.columns[PRINTED]
    used = laid.observed & np.isfinite(score) & np.isfinite(size)
    y, x = in_sd(score, used), in_sd(size, used)[..., None]
    country = laid.columns["country"]
    codes = np.nan_to_num(country).astype(np.int64)
    dummies = np.eye(int(codes.max()) + 1)[codes][..., 1:]
    fits = {
        "pooled": least_squares(y, np.concatenate([x, dummies], axis=3), used, ("year",)),
        "within": least_squares(y, x, used),
    }
    for name, fit in fits.items():
        at = {"measure": "score on size as printed", "of": PREFIX, "firms": name}
        found.add(f"{PREFIX}_printed_size_{name}", fit, UNIT, 0, **at)
