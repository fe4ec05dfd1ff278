"""Which lags instrument the dynamic models, how many, and does any set contradict the others?"""

import pandas as pd

from dti_core.lab.say import plain
from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.findings import CANNOT, Findings, reason
from dti_core.studies.esg_constraint.methods import DYNAMIC, METHODS
from dti_core.studies.esg_constraint.model.instrument_sets import DynamicModel, difference_in_hansen
from dti_core.studies.esg_constraint.model.packages import names_of

_COLUMNS = ["method", "set", "lags", "instruments", "difference in Hansen", "p", "no test because"]


def study_instrument_sets(sample: Sample) -> Findings:
    """A row a set of instruments: its lags, its number, and the difference-in-Hansen test."""
    found, rows = Findings(), []
    controls = dict(zip(names_of(sample.panel)[1:], map(plain, sample.controls), strict=True))
    for name, make in DYNAMIC.items():
        if set(METHODS[name].needs) & set(sample.panel.missing()):
            continue  # the estimator itself says what it lacks
        try:
            rows += _rows(METHODS[name].title, make(sample.panel), controls)
        except CANNOT as error:
            found.left_out.append((f"instruments of {METHODS[name].title}", reason(error)))
    found.series["instruments"] = pd.DataFrame(rows, columns=_COLUMNS)
    return found


def _rows(title: str, model: DynamicModel, controls: dict[str, str]) -> list[list[str | float]]:
    whole = model.fit()
    rows: list[list[str | float]] = []
    for name, one in difference_in_hansen(model, whole).items():
        lags = f"{one.lags.first} to {one.lags.last or 'all earlier'}"
        words = controls.get(name, name) + (
            ", one column a lag" if one.lags.collapse else ", one a lag and year"
        )
        numbers = (float(one.columns[0]), float(one.statistic[0]), float(one.p[0]))
        rows.append([title, words, lags, *numbers, one.why[0]])
    rest = float(whole.diagnostics["n_instruments"][0]) - sum(float(row[3]) for row in rows)
    dummies = "year dummies" + (", also of small firms" if model.plain is not None else "")
    return [*rows, [title, dummies, "0", rest, float("nan"), float("nan"), "they are no set"]]
