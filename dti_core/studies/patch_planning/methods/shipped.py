"""What was tuned and trained before, and ships with the book: read by its digest, never unpickled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dti_core.bridges.policies import Policy, load_policies
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root
from dti_core.studies.patch_planning.methods.briefings import Briefing
from dti_core.studies.patch_planning.methods.lessons import Lesson, Variant

#: sha256 of the weights, as `experiments/train_policies.py` prints it.
DIGEST = "c3e9848dbe15f2970583b74c6cf8a987505edf296a6f8f742b9be5f529fe4fdd"
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
    path = project_root() / "experiments" / "policies" / "patch_planning.safetensors"
    try:
        policies = load_policies(path, DIGEST)
        told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        briefings = {
            (name.rsplit(".", 1)[0], int(name.rsplit(".", 1)[1])): Briefing.from_json(found)
            for name, found in told["briefings"].items()
        }
        return Shipped(policies, briefings, told["curves"], float(told["cpu_seconds"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{_shown(path)}: {error}. Restore it with git, or make it anew: {RETRAIN}"
        ) from error


def _shown(path: Path) -> str:
    return str(path.relative_to(project_root()))
