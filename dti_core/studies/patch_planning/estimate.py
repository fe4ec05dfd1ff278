"""Worlds x planners -> measures -> Result: simulated estates, an observed calendar, the estate at hand."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.errors import DataError, one_line
from dti_core.lab.findings import Findings, gather
from dti_core.lab.kept import keep
from dti_core.lab.record import Result
from dti_core.studies.patch_planning.data import OwnEstate, Parameters
from dti_core.studies.patch_planning.measures.ablations import study_ablations
from dti_core.studies.patch_planning.measures.arrivals import study_arrivals
from dti_core.studies.patch_planning.measures.conflict import study_conflict
from dti_core.studies.patch_planning.measures.contest import LEAST_SOLVED, study_contest
from dti_core.studies.patch_planning.measures.controls import study_controls
from dti_core.studies.patch_planning.measures.finance import study_finance
from dti_core.studies.patch_planning.measures.graphs import study_graphs
from dti_core.studies.patch_planning.measures.learned import study_learned
from dti_core.studies.patch_planning.measures.need import study_need
from dti_core.studies.patch_planning.measures.parties import study_parties
from dti_core.studies.patch_planning.measures.plan import study_plan
from dti_core.studies.patch_planning.measures.shadow import study_shadow
from dti_core.studies.patch_planning.measures.sizes import study_sizes
from dti_core.studies.patch_planning.measures.stress import study_stress
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.worlds import WORLDS

Part = Callable[[], Findings]
Seeds = Callable[..., np.random.SeedSequence]
#: How near to the best a plan has to be in contests, and after how many nodes a solver gives what it has:
#: seconds would give another answer elsewhere. The estate at hand is planned to a tenth of that gap.
CONTEST, OWN_GAP = Effort(gap=5e-3, seconds=3600.0, nodes=200), 5e-4


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
    return {
        **_planners(asked, estate, config.seeds), **_claims(asked, config.seeds),
        **_limits(asked, config.seeds),
    }  # fmt: skip


def _planners(asked: Parameters, estate: OwnEstate, seeds: Seeds) -> Mapping[str, Part]:
    """The estate at hand, who plans best, and where nobody may or everybody must find something."""
    own = Effort(OWN_GAP, asked.solver_seconds)
    return {
        "plan": partial(study_plan, estate, asked.solver, own, seeds("plan")),
        "contest": partial(
            study_contest, seeds("contest"), asked.n_small, asked.n_large, asked.n_exact, asked.n_policies,
            asked.n_resamples, CONTEST,
        ),
        "conflict": partial(
            study_conflict, seeds("conflict"), max(2, asked.n_exact // 3), asked.n_policies,
            asked.n_resamples, CONTEST,
        ),
        "controls": partial(
            study_controls, seeds("controls"), max(4, asked.n_exact // 15), min(2, asked.n_policies),
            asked.n_resamples, CONTEST,
        ),
        "ablations": partial(
            study_ablations, seeds("ablations"), asked.n_small, asked.n_policies, asked.n_resamples
        ),
    }  # fmt: skip


def _claims(asked: Parameters, seeds: Seeds) -> Mapping[str, Part]:
    """What decides the claims: learning, the need to weigh, several parties, and cost in the objective."""
    few = max(1, asked.n_sets // 8)
    return {
        "learned": partial(
            study_learned, seeds("learned"), 2 * asked.n_small, 4 * asked.n_large, asked.n_draws,
            asked.n_policies, max(4, asked.n_exact // 6), asked.n_resamples, CONTEST,
        ),
        "need": partial(
            study_need, seeds, n_sets=asked.n_sets, n_estates=max(1, asked.n_small // 40),
            n_draws=asked.n_draws, n_resamples=max(20, asked.n_resamples // 4),
        ),
        "parties": partial(study_parties, seeds("parties"), asked.n_sets, asked.n_draws, few),
        "finance": partial(
            study_finance, seeds("finance"), asked.n_sets, max(4, asked.n_small // 3),
            max(4, asked.n_small // 2), asked.n_draws, max(1, asked.n_sets // 2),
        ),
    }  # fmt: skip


def _limits(asked: Parameters, seeds: Seeds) -> Mapping[str, Part]:
    """How far it carries: sizes, wrong assumptions, real call graphs and arrivals, worth of an hour."""
    few, solved, policies = max(4, asked.n_small // 4), asked.n_exact // 2, min(3, asked.n_policies)
    return {
        "sizes": partial(
            study_sizes, seeds("sizes"), asked.largest, few, few, policies, asked.n_resamples
        ),
        "stress": partial(
            study_stress, seeds("stress"), asked.n_small, solved if solved >= LEAST_SOLVED else 0, few,
            policies, asked.n_resamples, CONTEST,
        ),
        "graphs": partial(
            study_graphs, seeds("graphs"), max(4, asked.n_small // 10), max(1, asked.n_exact // 60), policies,
            asked.n_resamples, CONTEST, 1 + asked.n_small // 20,
        ),
        "shadow": partial(study_shadow, seeds("shadow"), asked.n_draws, max(2, asked.n_small // 30)),
        "arrivals": partial(study_arrivals, seeds("arrivals"), max(20, asked.n_resamples // 4)),
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
