"""Installed versions of the packages that a study's numbers rest on."""

import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata

#: Libraries that only GPU builds of torch bring: where they stand depends on the machine, not on the lock.
_GPU_ONLY = ("nvidia-", "cuda-", "triton")
#: Distributions that are not named like what they offer; others are found too, but that takes half a second.
_OTHERWISE_NAMED = {"sklearn": "scikit-learn", "yaml": "pyyaml"}


def package_versions(top_level_names: Iterable[str]) -> dict[str, str]:
    """Version of each distribution that carries one of the names, and of all that it requires, and Python's.

    Parameters
    ----------
    top_level_names : as in an import; those of the standard library and unknown ones are passed over.
    """
    waiting = [name for top in set(top_level_names) - sys.stdlib_module_names for name in _carriers(top)]
    found = {"python": ".".join(map(str, sys.version_info[:2]))}
    while waiting:
        name = _normal(waiting.pop())
        if name in found or name.startswith(_GPU_ONLY):
            continue
        version, required = _describe(name)
        if version:
            found[name] = version
            waiting += required
    return dict(sorted(found.items()))


@cache
def _describe(name: str) -> tuple[str, tuple[str, ...]]:
    """Version without its build, and names of what is required; '' if it is not installed."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "", ()
    required = []
    for line in told.get_all("Requires-Dist") or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            required.append(requirement.name)
    return told["Version"].split("+")[0], tuple(required)


@cache
def _carriers(top: str) -> tuple[str, ...]:
    """Distributions that offer a top-level name."""
    name = _OTHERWISE_NAMED.get(top, top)
    if _describe(_normal(name))[0]:
        return (name,)
    return tuple(_distributions().get(top, ()))


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
