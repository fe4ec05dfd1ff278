"""What do maintained packages say on one panel, and the regression table that a paper would print."""

from dti_core.lab.methods import left_out
from dti_core.lab.say import plain
from dti_core.studies.esg_constraint.data.sample import Sample
from dti_core.studies.esg_constraint.measures.estimators import COLUMNS
from dti_core.studies.esg_constraint.measures.findings import CANNOT, Findings, reason
from dti_core.studies.esg_constraint.methods import ON_ONE_PANEL
from dti_core.studies.esg_constraint.model.packages import GRADES, PackageFit, names_of, regression_table


def study_packages(sample: Sample) -> Findings:
    """Effects by what is offered for one panel only, its tests, and the table of packages' regressions."""
    found, fits = Findings(), dict[str, PackageFit]()
    lacking = left_out(ON_ONE_PANEL, COLUMNS.keys() - sample.panel.missing())
    for name, method in ON_ONE_PANEL.items():
        if name in lacking:
            columns = ", ".join(COLUMNS[need] for need in lacking[name])
            found.left_out.append((method.title, f"needs the column {columns}"))
            continue
        try:
            fit = method.run(sample.panel)
        except CANNOT as error:
            found.left_out.append((method.title, reason(error)))
            continue
        at: dict[str, str | float] = {"measure": "effect", "method": name}
        unit = fit.unit if isinstance(fit, PackageFit) else GRADES
        if unit != GRADES:
            at = {"measure": "effect of outcome", "outcome": "grade"}
        found.add(f"effect_{name}", fit, sample.unit.replace(GRADES, unit), 0, **at)
        for diagnostic, (title, reads) in method.tests.items():
            found.test(title, float(fit.diagnostics[diagnostic][0]), reads)
        if isinstance(fit, PackageFit):
            fits[method.title] = fit
    if fits:
        words = [f"{plain(name)} of last year" for name in (sample.measure, *sample.controls)]
        terms = dict(zip(names_of(sample.panel), words, strict=True))
        found.series["regression_table"] = regression_table(fits, terms)
    return found
