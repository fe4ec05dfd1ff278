"""Worlds x planners -> measures -> Result: simulated estates, an observed calendar, the estate at hand."""

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.errors import DataError, one_line
from dti_core.lab.kept import keep
from dti_core.lab.record import Result
from dti_core.studies.patch_planning.data import OwnEstate, Parameters
from dti_core.studies.patch_planning.measures.conflict import study_conflict
from dti_core.studies.patch_planning.measures.contest import study_contest
from dti_core.studies.patch_planning.measures.findings import Findings, gather
from dti_core.studies.patch_planning.measures.learned import study_learned
from dti_core.studies.patch_planning.measures.plan import study_plan
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.worlds import WORLDS

Part = Callable[[], Findings]
#: How near to the best a plan has to be in the contests; the estate at hand is planned to a tenth of that.
CONTEST_GAP, OWN_GAP = 5e-3, 5e-4
#: Nodes after which a solver in a contest gives what it has; seconds would give another answer elsewhere.
CONTEST_NODES, _LONG = 200, 3600.0


@keep
def estimate(config: Config, estate: OwnEstate, card: DataCard) -> Result:
    """All estimates of the study, question by question; each spreads its own work over the cores.

    Source of the question: Zhou (2025), study [5] of the review.

    What a machine lacks data for is listed in the table `left_out`, with the command that brings it.
    """
    asked = config.typed(Parameters)
    found = gather(_attempt(name, part) for name, part in _questions(asked, estate, config).items())
    return Result(config, card, tuple(found.estimates), found.series)


def _questions(asked: Parameters, estate: OwnEstate, config: Config) -> Mapping[str, Part]:
    contest, own = Effort(CONTEST_GAP, _LONG, CONTEST_NODES), Effort(OWN_GAP, asked.solver_seconds)
    seeds = config.seeds
    return {
        "plan": partial(study_plan, estate, asked.solver, own, seeds("plan")),
        "contest": partial(
            study_contest, seeds("contest"), asked.n_small, asked.n_large, asked.n_exact, asked.n_policies,
            asked.n_resamples, contest,
        ),
        "learned": partial(
            study_learned, seeds("learned"), 2 * asked.n_small, asked.n_large, asked.n_draws,
            asked.n_resamples,
        ),
        "conflict": partial(
            study_conflict, seeds("conflict"), asked.n_exact, asked.n_policies, asked.n_resamples, contest
        ),
    }  # fmt: skip


def _attempt(name: str, part: Part) -> Findings:
    """What a question yields, or why its data are not here."""
    try:
        return part()
    except DataError as error:
        return Findings(left_out=[(name, one_line(error, 200))])


def worlds_in_words() -> pd.DataFrame:
    """The worlds in which planners are compared, with their settings."""
    rows = [
        {"world": world.title, "role": world.role, "flaws that come later": world.settings.late,
         "weeks with a window": world.settings.windows, "hours by work": world.settings.hours,
         "money by costs": world.settings.budget, "a minute's traffic, USD": world.settings.traffic_usd}
        for world in WORLDS.values()
    ]  # fmt: skip
    return pd.DataFrame(rows)
