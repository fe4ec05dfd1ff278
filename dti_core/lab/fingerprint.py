"""What decides a run's numbers, and what decides only how they are told, each part hashed by content."""

import hashlib
import json
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

Value = bool | int | float | str

#: The user's own data: judged by what it holds, wherever it lies.
DATA_PATH = "data_path"


class Numbers(BaseModel):
    """All that can move an estimate.

    Parameters
    ----------
    data : name of each file that the run reads -> sha256 of its bytes.
    code : module file below dti_core -> hash of its meaning: comments, docstrings, layout do not count.
    cells : hash of the notebook's code up to the estimate; of all its code if it estimates by itself.
    packages : installed version of each package which that code imports, directly or through others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str
    parameters: Mapping[str, Value]
    data: Mapping[str, str]
    code: Mapping[str, str]
    cells: str
    packages: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One sha256 over all parts; where the user's file lies does not count, what it holds does."""
        parts = self.model_dump(mode="json")
        parts["parameters"] = {k: repr(v) for k, v in self.parameters.items() if k != DATA_PATH}
        return _digest(parts)

    @property
    def data_sha256(self) -> str:
        """The hash of the only file that is read, one over all if there are several, "none" without."""
        if len(self.data) < 2:
            return next(iter(self.data.values()), "none")
        return _digest(dict(self.data))


class Telling(BaseModel):
    """What decides how the numbers are shown and judged: figures, prose, tests of the bound claims."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Mapping[str, str]
    notebook: str
    claims: str

    @property
    def digest(self) -> str:
        """One sha256 over all parts."""
        return _digest(self.model_dump(mode="json"))


class Fingerprint(BaseModel):
    """Identity of a run: what made its numbers, and what tells them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: Numbers
    telling: Telling

    @property
    def slug(self) -> str:
        """The study."""
        return self.numbers.slug

    @property
    def digest(self) -> str:
        """One sha256 over numbers and telling."""
        return _digest([self.numbers.digest, self.telling.digest])


def numbers_changed(old: Numbers, new: Numbers) -> list[str]:
    """What differs between two sets of numbers, in words: parameters, code, notebook, data, packages."""
    found = list(_changed_parameters(old.parameters, new.parameters))
    found += _changed_names(old.code, new.code)
    if old.cells != new.cells:
        found.append("notebook changed before its estimate")
    found += _changed_names(old.data, new.data, "data ")
    for name in sorted({*old.packages, *new.packages}):
        one, other = old.packages.get(name, "absent"), new.packages.get(name, "absent")
        if one != other:
            found.append(f"{name} {one} -> {other}")
    return found


def telling_changed(old: Telling, new: Telling) -> list[str]:
    """What differs between two tellings, in words."""
    found = _changed_names(old.code, new.code)
    if old.notebook != new.notebook:
        found.append("notebook changed")
    if old.claims != new.claims:
        found.append("claims changed")
    return found


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _changed_parameters(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[str]:
    for name in (*new, *(name for name in old if name not in new)):
        if name == DATA_PATH:
            continue
        if name not in old:
            yield f"parameter {name} added"
        elif name not in new:
            yield f"parameter {name} removed"
        elif old[name] != new[name]:
            yield f"{name} {_short(old[name])} -> {_short(new[name])}"


def _changed_names(old: Mapping[str, str], new: Mapping[str, str], kind: str = "") -> list[str]:
    changed = [f"{kind}{name} changed" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]]
    added = [f"{kind}{name} added" for name in sorted(new.keys() - old.keys())]
    return changed + added + [f"{kind}{name} removed" for name in sorted(old.keys() - new.keys())]


def _short(value: Value) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value) if value != "" else "''"
