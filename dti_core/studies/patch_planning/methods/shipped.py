"""What was tuned and trained before, and ships with the book: read by its digest, never unpickled."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from dti_core.bridges.policies import Policy, load_policies
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError
from dti_core.studies.patch_planning.methods.briefings import Briefing
from dti_core.studies.patch_planning.methods.lessons import Lesson, Variant

SLUG, TOLD, WEIGHTS = "patch_planning", "policies.json", "policies.safetensors"
#: sha256 of what is told of the policies, their weights' sha256 among it; `RETRAIN` prints it.
DIGEST = "523b5b495195b10464a4d80bf3e28ea8cd53bee934d1fca291aa9431a09ab9b5"
RETRAIN = "python experiments/train_policies.py"


@dataclass(frozen=True, slots=True)
class Shipped:
    """Policies by the key of their lesson, briefings by world and size, and learning curves by key."""

    policies: Mapping[str, Policy]
    briefings: Mapping[tuple[str, int], Briefing]
    curves: Mapping[str, list[float]]
    cpu_seconds: float

    def briefing(self, world: str, n_services: int) -> Briefing:
        """Of a world, at the tuned size that is nearest."""
        sizes = [size for name, size in self.briefings if name == world]
        return self.briefings[world, min(sizes, key=lambda size: abs(size - n_services))]

    def seeds_of(
        self, world: str, algorithm: str, variant: Variant = "plain", n_services: int = 11
    ) -> tuple[Policy, ...]:
        """The policies of an algorithm, in the order of their seeds."""
        found: list[Policy] = []
        while (key := Lesson(world, n_services, algorithm, variant, len(found)).key) in self.policies:
            found.append(self.policies[key])
        return tuple(found)


@cache
def load_shipped() -> Shipped:
    """What ships with the book.

    Raises
    ------
    DataError if the files are missing, or not those that the code was made for.
    """
    content, weights = frozen_bytes(SLUG, TOLD), frozen_bytes(SLUG, WEIGHTS)
    if (found := hashlib.sha256(content).hexdigest()) != DIGEST:
        raise _refused(TOLD, f"its sha256 is {found}, not {DIGEST}")
    try:
        told = json.loads(content)
        briefings = {
            (name.rsplit(".", 1)[0], int(name.rsplit(".", 1)[1])): Briefing.from_json(found)
            for name, found in told["briefings"].items()
        }
        curves, sha256, seconds = told["curves"], str(told["sha256"]), float(told["cpu_seconds"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(TOLD, str(error)) from error
    try:
        return Shipped(load_policies(weights, sha256), briefings, curves, seconds)
    except ValueError as error:
        raise _refused(WEIGHTS, str(error)) from error


def _refused(name: str, why: str) -> DataError:
    return DataError(
        f"experiments/data/{SLUG}/{name}: {why}. Restore it with git, or make it anew: {RETRAIN}"
    )
