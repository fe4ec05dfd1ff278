"""The planners that are compared: name -> Method; one entry adds a planner everywhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dti_core.lab.methods import Method
from dti_core.studies.patch_planning.methods.agents import follow_all
from dti_core.studies.patch_planning.methods.briefings import Briefing
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import LARGE, SMALL
from dti_core.studies.patch_planning.methods.plan import run_clairvoyant, run_rolling, run_rule
from dti_core.studies.patch_planning.methods.reports import mediated
from dti_core.studies.patch_planning.methods.rules import Order, Rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Estates, Ints


@dataclass(frozen=True, slots=True)
class Task:
    """What a planner is given.

    world : whose briefing and policies it may use. estates : to plan for. briefing : what was tuned on other
    estates of that world. effort : how hard solvers look. n_seeds : trained policies of each algorithm that
    take part.
    """

    world: str
    estates: Estates
    briefing: Briefing
    effort: Effort
    n_seeds: int
    seed: int


#: A plan (N, B) a seed of training; one for a planner that was not trained; none where nobody was taught.
Plans = tuple[Ints, ...]
Run = Callable[[Task], Plans]


def _by(order: Order) -> Run:
    def run(task: Task) -> Plans:
        rng = np.random.default_rng(task.seed)
        return (run_rule(task.estates, task.briefing.of(order), rng),)

    return run


def _learned(algorithm: str, taught_at: int = SMALL) -> Run:
    """Agents that were taught on estates of some size; those of large ones are not used on smaller ones."""

    def run(task: Task) -> Plans:
        policies = load_shipped().seeds_of(task.world, algorithm, n_services=taught_at)[: task.n_seeds]
        if not policies or taught_at > max(SMALL, task.estates.n_services):
            return ()
        view = mediated(task.world, task.briefing.outage_usd)
        return follow_all(task.estates, [policy.act for policy in policies], task.briefing.rule, view)

    return run


def _plain(task: Task) -> Plans:
    return (run_rule(task.estates, Rule("risk", only_worthwhile=False)),)


def _tuned(task: Task) -> Plans:
    return (run_rule(task.estates, task.briefing.rule),)


def _rolling(task: Task) -> Plans:
    return (run_rolling(task.estates, None, task.effort).plan,)


def _priced(task: Task) -> Plans:
    return (run_rolling(task.estates, task.briefing.rolling, task.effort).plan,)


def _clairvoyant(task: Task) -> Plans:
    return (run_clairvoyant(task.estates, task.effort).plan,)


_SEES_ALL = ("knows which flaws come and which are exploited, and when",)
_CENTRAL = ("all is reported truly to one planner",)
_LEARNED = ("estates like those it was trained on",)
METHODS: Mapping[str, Method[Run]] = MappingProxyType({
    "random": Method("Random order, what is worth its price", _by("random"), counts_as_trial=False),
    "severity": Method("Severity (CVSS) order", _by("severity"), _CENTRAL),
    "exploit_probability": Method("Exploit probability order", _by("exploit_probability"), _CENTRAL),
    "exploited_first": Method("Known exploited first", _by("exploited_first"), _CENTRAL),
    "risk_greedy": Method("Largest risk first, untuned", _plain, _CENTRAL),
    "risk": Method("Largest risk first", _by("risk"), _CENTRAL),
    "net": Method("Largest net value first", _by("net"), _CENTRAL),
    "net_per_hour": Method("Net value an hour", _by("net_per_hour"), _CENTRAL),
    "net_per_dollar": Method("Net value a dollar", _by("net_per_dollar"), _CENTRAL),
    "tuned_rule": Method("Tuned rule", _tuned, _CENTRAL),
    "rolling_milp": Method("Exact plan made anew weekly", _rolling, _CENTRAL),
    "priced_milp": Method("Exact plan made anew weekly, money priced", _priced, _CENTRAL),
    "clairvoyant": Method("Clairvoyant exact plan", _clairvoyant, _SEES_ALL, counts_as_trial=False),
    "single": Method("One agent for the estate (PPO)", _learned("single"), _LEARNED),
    "ippo": Method("Independent agents (IPPO)", _learned("ippo"), _LEARNED),
    "selfish": Method("Agents each for itself", _learned("selfish"), _LEARNED),
    "mappo": Method("Agents taught together (MAPPO)", _learned("mappo"), _LEARNED),
    "mappo_large": Method("MAPPO taught at 50 services", _learned("mappo", LARGE), _LEARNED),
    "hierarchical": Method("Agents under a manager", _learned("hierarchical"), _LEARNED),
    "cem": Method("Linear agents (cross-entropy)", _learned("cem"), _LEARNED),
})  # fmt: skip
