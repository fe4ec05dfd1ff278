"""Who says how likely a flaw is real: single tools, calibrated like the fusion; votes; and the fusion."""

from collections.abc import Callable, Sequence
from functools import partial

from dti_core.lab.methods import Method
from dti_core.studies.vuln_priority.model.evidence import Evidence, Floats, Ints
from dti_core.studies.vuln_priority.model.learners import LearnerName, held_out

#: (evidence of all tools, fold of each case) -> (n,) chance, or vote, that each case is real.
Told = Callable[[Evidence, Ints], Floats]
#: Tools of a kind of test. Software composition speaks of packages, not of places in own code.
KINDS: dict[str, tuple[str, ...]] = {
    "sast": ("bandit", "semgrep"),
    "dast": ("prober",),
    "iast": ("agent",),
}
TOOLS = tuple(tool for tools in KINDS.values() for tool in tools)
TITLES = {"bandit": "Bandit", "semgrep": "Semgrep", "prober": "Prober", "agent": "Agent"}
#: The fusion that decides, named before the first run; the others stand beside it.
FAVOURITE = "fused"


def learnt(tools: Sequence[str], learner: LearnerName, evidence: Evidence, folds: Ints) -> Floats:
    """Chances learnt from what these tools say."""
    return held_out(learner, evidence.of(tools), folds)


def votes(needed: int, evidence: Evidence, folds: Ints) -> Floats:
    """1 where at least so many tools report, else 0; nothing is learnt."""
    return (evidence.flags.sum(axis=1) >= needed).astype(float)


def of_kind(evidence: Evidence, folds: Ints) -> Floats:
    """Share of the learning cases of the same kind of flaw that are real: what nobody needs a tool for."""
    return held_out("bayes", evidence.of(()), folds)


def _single(tool: str) -> Method[Told]:
    return Method(f"{TITLES[tool]}, calibrated", partial(learnt, (tool,), "logistic"), needs=(tool,))


def _without(tool: str) -> Method[Told]:
    others = tuple(one for one in TOOLS if one != tool)
    return Method(f"All but {TITLES[tool]}", partial(learnt, others, "logistic"), needs=others)


_INDEPENDENT = ("tools err independently, given the kind of flaw",)
METHODS: dict[str, Method[Told]] = {
    **{tool: _single(tool) for tool in TOOLS},
    "static": Method("Both static tools", partial(learnt, KINDS["sast"], "logistic"), needs=KINDS["sast"]),
    "running": Method("Prober and agent", partial(learnt, ("prober", "agent"), "logistic"),
                      needs=("prober", "agent")),
    FAVOURITE: Method("All four, logistic", partial(learnt, TOOLS, "logistic"), needs=TOOLS),
    **{f"without_{tool}": _without(tool) for tool in TOOLS},
    "bayes": Method("All four, naive Bayes", partial(learnt, TOOLS, "bayes"), _INDEPENDENT, TOOLS),
    "boosted": Method("All four, boosted trees", partial(learnt, TOOLS, "boosted"), needs=TOOLS),
    "any_of": Method("Any of the four reports", partial(votes, 1), needs=TOOLS, counts_as_trial=False),
    "majority": Method("Two of the four report", partial(votes, 2), needs=TOOLS, counts_as_trial=False),
    "kind": Method("Kind of flaw alone", of_kind, counts_as_trial=False),
}  # fmt: skip
