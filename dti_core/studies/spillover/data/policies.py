"""Policies that patching's study trained and ships: read by their digest, and noted among what a run read."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from dti_core.bridges.policies import Policy, load_policies
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError
from dti_core.studies.spillover.model.knapsacks import ORDERS, Order, Rule

SLUG, TOLD, WEIGHTS = "patch_planning", "policies.json", "policies.safetensors"
#: sha256 of what is told of the policies, the digest of their weights among it.
DIGEST = "523b5b495195b10464a4d80bf3e28ea8cd53bee934d1fca291aa9431a09ab9b5"
#: The world, size and learner of patching whose policies are carried: the setting that its claims name first.
CARRIED = "tight_budget.11.mappo"
#: What patching calls the orders of the rule.
_THEIRS: dict[Order, str] = {
    "net": "net", "net_per_money": "net_per_dollar", "net_per_hour": "net_per_hour",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Patchers:
    """Policies of patching, in the order of their seeds.

    learned : trained as its study says. scrambled : trained at equal steps on rewards that were dealt to the
    wrong estates, so that there was nothing to learn. rounds : rounds of training of each. rule : whose bids
    they change, as tuned in their world.
    """

    learned: tuple[Policy, ...]
    scrambled: tuple[Policy, ...]
    rounds: int
    rule: Rule


@cache
def load_patchers() -> Patchers:
    """The policies of `CARRIED`.

    Raises
    ------
    DataError if the files are missing, damaged, or other ones than the code was made for.
    """
    told, weights = frozen_bytes(SLUG, TOLD), frozen_bytes(SLUG, WEIGHTS)
    if (found := hashlib.sha256(told).hexdigest()) != DIGEST:
        raise _refused(TOLD, f"its sha256 is {found}, not {DIGEST}")
    try:
        note = json.loads(told)
        policies = load_policies(weights, str(note["sha256"]))
        learned, scrambled = (_seeds(policies, variant) for variant in ("plain", "placebo"))
        briefing = note["briefings"][CARRIED.rpartition(".")[0]]
        order = max(ORDERS, key=lambda one: briefing["values"].get(_THEIRS[one], -np.inf))
        rule = Rule(order=order, **briefing["prices"][_THEIRS[order]])
        return Patchers(learned, scrambled, len(note["curves"][f"{CARRIED}.plain.0"]), rule)
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(WEIGHTS, str(error)) from error


def _seeds(policies: dict[str, Policy], variant: str) -> tuple[Policy, ...]:
    found: list[Policy] = []
    while (name := f"{CARRIED}.{variant}.{len(found)}") in policies:
        found.append(policies[name])
    if not found:
        raise KeyError(f"no policy {CARRIED}.{variant}.0")
    return tuple(found)


def _refused(name: str, why: str) -> DataError:
    return DataError(f"experiments/data/{SLUG}/{name}: {why}. Restore it with git.")
