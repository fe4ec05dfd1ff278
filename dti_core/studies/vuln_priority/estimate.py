"""Tools x orders of work -> measures -> Result: the lab, real records, catalogues, the scans at hand."""

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.errors import DataError, one_line
from dti_core.lab.findings import Findings, gather
from dti_core.lab.kept import keep
from dti_core.lab.record import Result
from dti_core.studies.vuln_priority.data import Parameters, Scans
from dti_core.studies.vuln_priority.measures.catalogue import study_catalogue
from dti_core.studies.vuln_priority.measures.checks import study_checks, study_relearning
from dti_core.studies.vuln_priority.measures.contest import hold_contest, study_contest
from dti_core.studies.vuln_priority.measures.exploits import study_listed_epss, study_public_exploits
from dti_core.studies.vuln_priority.measures.labels import study_labels
from dti_core.studies.vuln_priority.measures.orders import study_orders
from dti_core.studies.vuln_priority.measures.records import study_records
from dti_core.studies.vuln_priority.measures.repair import study_repair
from dti_core.studies.vuln_priority.measures.stability import study_stability
from dti_core.studies.vuln_priority.measures.subsets import study_subsets
from dti_core.studies.vuln_priority.measures.worklist import study_worklist
from dti_core.studies.vuln_priority.methods import METHODS
from dti_core.studies.vuln_priority.worlds import WORLDS

Part = Callable[[], Findings]
#: The single tool against which all fits are repeated: the best one in trial runs.
BEST_SINGLE = "prober"
#: Records of a simulated catalogue: fewer leave a planted world without exploited ones under an order.
RECORDS = 12_000


@keep
def estimate(config: Config, scans: Scans, card: DataCard) -> Result:
    """All estimates of the study, question by question.

    Source of the question: Zhou (2026), study [4] of the review.

    What a machine lacks data for is listed in the table `left_out`, with the command that brings it.
    """
    asked = config.typed(Parameters)
    evidence, severity = scans.lab.evidence, scans.lab.severity
    contest = hold_contest(evidence, config.seeds("contest"), asked.n_resamples, METHODS)
    chances = {method: told for (method, split), told in contest.chances.items() if split == "flows"}
    sizes = (asked.n_sets, asked.n_controls, asked.n_control_sets)
    parts: Mapping[str, Part] = {
        "contest": partial(study_contest, contest),
        "relearning": partial(study_relearning, evidence, BEST_SINGLE, 2 * asked.n_draws),
        "labels": partial(study_labels, evidence, BEST_SINGLE, config.seeds("labels"), asked.n_draws),
        "checks": partial(study_checks, evidence, config.seeds("checks"), asked.n_draws),
        "orders": partial(study_orders, evidence, severity, chances, config.seeds("orders"), *sizes),
        "subsets": partial(study_subsets, scans.lab, config.seeds("subsets"), *sizes),
        "stability": partial(
            study_stability, evidence, severity, chances, config.seeds("stability"), asked.n_sets
        ),
        **_of_records(asked, config),
        "worklist": partial(study_worklist, scans, asked.weekly_hours, config.stream("worklist")),
    }
    found = gather(_attempt(name, part) for name, part in parts.items())
    return Result(config, card, tuple(found.estimates), found.series)


def _of_records(asked: Parameters, config: Config) -> Mapping[str, Part]:
    """Real records of vulnerabilities, and catalogues and backlogs like them that are simulated."""
    return {
        "records": partial(
            study_records, config.seeds("records"), n_draws=asked.n_controls, n_resamples=asked.n_resamples
        ),
        "scores after listing": study_listed_epss,
        "public exploits": study_public_exploits,
        "catalogue": partial(
            study_catalogue, config.seeds("catalogue"), n_records=RECORDS,
            n_draws=asked.n_draws, n_resamples=asked.n_resamples,
        ),
        "repair": partial(
            study_repair, config.seeds("repair"), n_teams=max(8, asked.n_sets // 4), n_draws=asked.n_draws,
            n_control_teams=max(4, asked.n_sets // 8), n_resamples=asked.n_resamples,
        ),
    }  # fmt: skip


def _attempt(name: str, part: Part) -> Findings:
    """What a question yields, or why its data are not here."""
    try:
        return part()
    except DataError as error:
        return Findings(left_out=[(name, one_line(error, 200))])


def worlds_in_words() -> pd.DataFrame:
    """The worlds of every bar."""
    return pd.DataFrame([{"world": world.title, "role": world.role} for world in WORLDS.values()])


def methods_in_words() -> pd.DataFrame:
    """Who says how likely a flaw is real, and what that rests on."""
    rows = [
        {
            "method": one.title,
            "needs": ", ".join(one.needs) or "no tool",
            "assumes": "; ".join(one.assumes) or "none",
        }
        for one in METHODS.values()
    ]
    return pd.DataFrame(rows)
