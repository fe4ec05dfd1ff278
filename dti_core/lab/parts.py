"""Evidence that grows: independent parts of a study, each kept under what made it alone."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import dti_core
from dti_core.lab.data import planned_reads
from dti_core.lab.parallel import run_keyed
from dti_core.lab.pieces import KEPT, encode, read_piece, sha256, write_piece
from dti_core.lab.running.cache import TELLING_ONLY
from dti_core.lab.running.sources import Code
from dti_core.lab.running.versions import package_versions

Part = TypeVar("Part")
Out = TypeVar("Out")


def run_parts(
    function: Callable[[Part], Out], parts: Mapping[str, Part], label: str, reads: Iterable[str] = ()
) -> dict[str, Out]:
    """Apply `function` to each part, as `run_keyed` does, and keep each outcome beyond the run.

    Another part, or another parameter of the study, leaves the others as they are: a part is made again only
    if its content, the code that its function imports, that code's packages or the data in `reads` have
    changed. So the function's module must not import the list of parts, or all depend on all.

    Parameters
    ----------
    parts : name -> what `lab.pieces.encode` takes; random numbers belong in it, as seeds.
    reads : registered data sets that the function reads; each must also stand in the experiment's `reads`.
    """
    place = os.environ.get(KEPT)
    if not place:
        return run_keyed(function, parts, label)
    code = Code(Path(dti_core.__file__).parent)
    ours, outside = code.reached({function.__module__}, TELLING_ONLY)
    data, packages = planned_reads((), reads), package_versions(outside)
    told = json.dumps([label, function.__qualname__, code.meanings(ours), packages, data], sort_keys=True)
    digests = {name: sha256(told.encode() + encode(part))[:32] for name, part in parts.items()}
    folder = Path(place).parent / "parts"
    found: dict[str, Out] = {}
    for name, digest in digests.items():
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # never made, or damaged
            found[name] = read_piece(folder / f"{digest}.npz")
    missing = {digests[name]: part for name, part in parts.items() if name not in found}
    made = run_keyed(function, missing, label)
    for digest, outcome in made.items():
        write_piece(folder / f"{digest}.npz", outcome)
    return {name: found[name] if name in found else made[digest] for name, digest in digests.items()}
