"""The user's services: what each is worth, who owns it, what it calls; from a YAML file."""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EXPOSURES = ("internet", "internal")
KINDS_OF_TEST = ("sast", "dast", "iast", "sca")
#: Loss in USD once data of a class are out, and hours of lost revenue by criticality: assumptions of this
#: study, which `impact_usd` of a service replaces.
DATA_USD: Mapping[str, float] = {"public": 0.0, "internal": 2e4, "personal": 2e5, "payment": 5e5}
HOURS_LOST: Mapping[int, float] = {1: 1.0, 2: 2.0, 3: 4.0, 4: 8.0, 5: 24.0}
#: Chance that an attack goes on from a service to one that it calls, and hops of what no entry reaches.
DECAY, UNREACHED = 0.6, 12
MAX_SERVICES = 5_000
#: Service of findings that none of the user's services claims.
UNASSIGNED = "unassigned"
#: Service of all that names none, where the user gives no services.
ALL = "all"
_MOST_NEAR = 500
_NAME = re.compile(r"[\w<>~^][\w .,:;/@+<>=~^()*-]{0,99}")


@dataclass(frozen=True, slots=True)
class Service:
    """One service. paths : prefixes of its files. repository, hosts : as scans name them. calls : names."""

    name: str
    paths: tuple[str, ...] = ()
    repository: str = ""
    hosts: tuple[str, ...] = ()
    criticality: int = 3
    exposure: str = "internal"
    data_class: str = "internal"
    owner: str = ""
    revenue_usd_per_hour: float = 0.0
    calls: tuple[str, ...] = ()
    impact_usd: float | None = None

    @property
    def loss_usd(self) -> float:
        """Loss if one of its flaws is exploited: as given, else lost revenue and the data's class."""
        reckoned = self.revenue_usd_per_hour * HOURS_LOST[self.criticality] + DATA_USD[self.data_class]
        return reckoned if self.impact_usd is None else self.impact_usd


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours to check one finding, to mend a real flaw, and to upgrade a package; assumed unless told."""

    triage_hours: float = 0.7
    mend_hours: float = 4.0
    upgrade_hours: float = 3.0


@dataclass(frozen=True)
class Services:
    """All services in the order of the file; the last one, `UNASSIGNED`, takes what no other claims.

    tools : name of a tool in small letters -> its kind, as the user says.
    """

    each: tuple[Service, ...]
    hours: Hours = Hours()
    tools: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def index(self) -> pd.Index:
        """Names, in order."""
        return pd.Index([one.name for one in self.each], dtype="str")

    @cached_property
    def hops(self) -> NDArray[np.int64]:
        """(S,) calls from the nearest service that the internet reaches to each; `UNREACHED` without one."""
        places = {one.name: place for place, one in enumerate(self.each)}
        found = np.full(len(self.each), UNREACHED)
        front = [place for place, one in enumerate(self.each) if one.exposure == "internet"]
        found[front], depth = 0, 0
        while front and depth < UNREACHED - 1:
            depth += 1
            called = {places[name] for place in front for name in self.each[place].calls if name in places}
            front = [place for place in sorted(called) if found[place] > depth]
            found[front] = depth
        return found

    def owners_of(self, findings: pd.DataFrame) -> pd.Series:
        """(n,) service of each finding: as the scan says, by host, the longest path, repository or scan."""
        wanted = findings[["service", "file", "origin"]].copy()
        wanted["origin"] = wanted["origin"].str.replace("#.*", "", regex=True)
        folder = wanted["file"].str.replace("/?[^/]*$", "", regex=True)
        ends = {path.rpartition("/")[2] for path in self._paths}
        named = wanted["file"].str.replace("^.*/", "", regex=True).isin(list(ends))
        wanted["folder"] = wanted["file"].where(named, folder)
        keys = ["service", "folder", "origin"]
        distinct = wanted.drop_duplicates(keys)
        rows = zip(distinct["service"], distinct["file"], distinct["origin"], strict=True)
        claimed = pd.array([self._claim(*one) for one in rows], dtype="str")
        distinct = distinct.drop(columns="file").assign(claimed=claimed)
        found: pd.Series = wanted.merge(distinct, on=keys, how="left")["claimed"]
        return found.set_axis(findings.index)

    @cached_property
    def _told(self) -> Mapping[str, str]:
        """What a scan may call a service -> its name."""
        hosts = {host: one.name for one in self.each for host in one.hosts}
        named = {_repository(one.repository): one.name for one in self.each if one.repository}
        return named | hosts | {one.name: one.name for one in self.each}

    @cached_property
    def _paths(self) -> Mapping[str, str]:
        return {path: one.name for one in self.each for path in one.paths or (one.name,)}

    def _inside(self, parts: list[str]) -> str:
        """The longest path of a service that lies within a file's, the first of equal ones; or ""."""
        for length in sorted({path.count("/") + 1 for path in self._paths}, reverse=True):
            for at in range(1, len(parts) - length + 1):
                if (path := "/".join(parts[at : at + length])) in self._paths:
                    return path
        return ""

    def _claim(self, said: str, file: str, origin: str) -> str:
        """Name of the service that claims a finding."""
        if said in self._told:
            return self._told[said]
        parts = file.split("/")
        begins = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
        if path := next((one for one in begins if one in self._paths), ""):
            return self._paths[path]
        if said and _repository(said) in self._told:
            return self._told[_repository(said)]
        if (path := self._inside(parts)) in self._paths:
            return self._paths[path]
        names = dict.fromkeys(self._paths.values())
        named = [one for one in names if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", origin)]
        alone = [one.name for one in self.each if one.name != UNASSIGNED]
        return max(named, key=len) if named else alone[0] if len(alone) == 1 else UNASSIGNED


def services_of(content: Any) -> Services:
    """The services of a YAML file's content, as far as it can be read; see `problems_of` for the rest.

    What none claims counts as open to the internet, with the middle impact of the others.
    """
    rows = [one for one in _rows(content) if isinstance(one, dict)][:MAX_SERVICES]
    told = [{key: value for key, value, _ in _values(one, KEYS) if value is not None} for one in rows]
    each = [Service(**one) for one in told if "name" in one]
    middle = float(np.median([one.loss_usd for one in each])) if each else None
    top = {key: value for key, value, _ in _values(content, TOP) if value is not None}
    hours = Hours(**{one.name: top[one.name] for one in fields(Hours) if one.name in top})
    unclaimed = Service(UNASSIGNED, exposure="internet", impact_usd=middle)
    return Services((*each, unclaimed), hours, top.get("tools", {}))


def assumed_services(said: pd.Series) -> Services:
    """A service for each name that scans give, one for the rest: open to the internet, of middle worth."""
    names = [one for one in said.unique()[:MAX_SERVICES] if _NAME.fullmatch(one)]
    assumed = (Service(name, exposure="internet") for name in names if name not in (ALL, UNASSIGNED))
    return Services((*assumed, Service(ALL, paths=("",), exposure="internet"), Service(UNASSIGNED)))


def problems_of(content: Any, file: str) -> Iterator[str]:
    """All that is wrong in a services file, each with its place and a remedy."""
    rows = _rows(content)
    if not rows:
        yield f"{file}: no list 'services'. Begin it with 'services:', and each service with '- name: ...'."
    if len(rows) > MAX_SERVICES:
        yield f"{file}: {len(rows):,} services; at most {MAX_SERVICES:,} are read. Split it."
    if isinstance(content, dict) and "services" in content:
        yield from (f"{file}: unknown '{_shown(key)}'. {near(key, TOP)}" for key in content if key not in TOP)
        yield from (f"{file}: {key}: {wrong}." for key, _, wrong in _values(content, TOP) if wrong)
    names = Counter(str(one.get("name")) for one in rows if isinstance(one, dict) and one.get("name"))
    for name in sorted(one for one, n in names.items() if n > 1 or one == UNASSIGNED):
        yield f"{file}: service {_shown(name)} stands there twice, or bears a name that is taken. Rename one."
    for place, one in enumerate(rows[:MAX_SERVICES], 1):
        if not isinstance(one, dict):
            yield f"{file}: service {place}: '{_shown(one)}' is no mapping. Begin it with '- name: ...'."
            continue
        where = f"{file}: service {_shown(one.get('name') or place)}"
        yield from (f"{where}: unknown '{_shown(key)}'. {near(key, KEYS)}" for key in one if key not in KEYS)
        yield from (f"{where}: {key}: {wrong}." for key, _, wrong in _values(one, KEYS) if wrong)
        yield from () if one.get("name") else (f"{where}: name is missing. Add it.",)
        calls = one.get("calls")
        for called in calls if isinstance(calls, list) else ():
            if str(called) not in names:
                yield f"{where}: calls the unknown service '{_shown(called)}'. {near(called, names)}"


def near(name: object, known: Iterable[str]) -> str:
    """A hint at the known name that is nearest, or at the first of them."""
    names = list(islice(known, _MOST_NEAR))
    found = difflib.get_close_matches(str(name)[:100], names, n=1, cutoff=0.6)
    return f"Did you mean '{found[0]}'?" if found else f"Known: {', '.join(names[:15])}."


def _rows(content: Any) -> list[Any]:
    listed = content.get("services") if isinstance(content, dict) else content
    if isinstance(listed, dict):
        return [{"name": name, **one} if isinstance(one, dict) else one for name, one in listed.items()]
    return listed if isinstance(listed, list) else []


def _values(row: Any, keys: "Keys") -> Iterator[tuple[str, Any, str]]:
    """(key, value or None, what is wrong or "") of each known key that a service, or the file, gives."""
    for key, read in keys.items() if isinstance(row, dict) else ():
        if (raw := row.get(key)) is not None:
            try:
                yield key, read(raw), ""
            except ValueError as error:
                yield key, None, str(error)


def _text(raw: Any) -> str:
    if not isinstance(raw, str) or len(raw) > 500 or not raw.isprintable():
        raise ValueError(f"'{_shown(raw)}' is no text of one line; put it in quotation marks")
    return raw


def _name(raw: Any) -> str:
    if not _NAME.fullmatch(_text(raw)):
        raise ValueError(f"'{_shown(raw)}' is no name of at most 100 letters, digits, blanks and .,:;/@+-()*")
    return str(raw)


def _texts(raw: Any) -> tuple[str, ...]:
    listed = raw if isinstance(raw, list) else [raw]
    return tuple(_text(one) for one in listed)


def _paths(raw: Any) -> tuple[str, ...]:
    return tuple(re.sub(r"^(\./|/|\.$)+", "", one).rstrip("/") for one in _texts(raw))


def _one_of(allowed: Iterable[Any]) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        if raw not in list(allowed) or isinstance(raw, bool):
            raise ValueError(f"'{_shown(raw)}' is none of {', '.join(map(str, allowed))}")
        return raw

    return read


def _number(what: str, most: float) -> Callable[[Any], float]:
    def read(raw: Any) -> float:
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= most:
            raise ValueError(f"'{_shown(raw)}' is no {what}; write a bare number, 0 to {most:,g}")
        return float(raw)

    return read


def _tools(raw: Any) -> Mapping[str, str]:
    if not isinstance(raw, dict):
        raise ValueError(f"'{_shown(raw)}' gives no kinds; write '{{Snyk Code: sast}}'")
    return {str(name).lower(): _one_of(KINDS_OF_TEST)(kind) for name, kind in raw.items()}


_MONEY, _HOURS = _number("amount of US dollars", 1e15), _number("number of hours", 1e4)
Keys = Mapping[str, Callable[[Any], Any]]
KEYS: Keys = {
    "name": _name, "paths": _paths, "repository": _text, "hosts": _texts, "criticality": _one_of(HOURS_LOST),
    "exposure": _one_of(EXPOSURES), "data_class": _one_of(DATA_USD), "owner": _text,
    "revenue_usd_per_hour": _MONEY, "calls": _texts, "impact_usd": _MONEY,
}  # fmt: skip


#: Keys at the top of the file.
TOP: Keys = {
    "services": lambda raw: raw, "tools": _tools, **{one.name: _HOURS for one in fields(Hours)},
}  # fmt: skip


def _repository(said: str) -> str:
    """A repository as all write it: without scheme, user, ending and case."""
    return re.sub(r"^(https?://|ssh://)?([^@/]*@)?|(\.git)?/*$", "", said.lower()).replace(":", "/")


def _shown(raw: object) -> str:
    text = " ".join(str(raw)[:200].split())
    return text if len(text) <= 60 else f"{text[:57]}..."
