"""Rules of a SARIF run: by index, by id, of the driver or an extension, and the CWE that each stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dti_core.studies.vuln_priority.data.findings import Level
from dti_core.studies.vuln_priority.data.readers import bounds
from dti_core.studies.vuln_priority.data.readers.bounds import at, items
from dti_core.studies.vuln_priority.data.readers.tools import cwe_of

LEVELS: dict[Any, Level] = {"error": "error", "warning": "warning", "note": "note", "none": "none"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule says of its results, where they say nothing themselves."""

    id: str = ""
    level: Level = "warning"
    severity: float | None = None
    cwe: int | None = None
    messages: Any = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of a run: of the driver (component -1) and of each extension, in their order, and by id."""

    of: Mapping[int, list[Rule]]
    by_id: Mapping[tuple[int, str], Rule]
    components: Mapping[str, int]

    def rule_of(self, result: Mapping[str, Any], where: str) -> Rule:
        """The rule of a result: by index, id, or the id without its last parts; a bare one without any."""
        component = self._component(at(result, "rule", "toolComponent"))
        rule_id = bounds.name(result.get("ruleId") or at(result, "rule", "id"), where)
        index = result.get("ruleIndex", at(result, "rule", "index"))
        listed = self.of.get(component, [])
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(listed):
            found = listed[index]
            if not rule_id or rule_id == found.id or rule_id.startswith(f"{found.id}/"):
                return found
        short = rule_id
        while short:
            for place in (component, *self.of):
                if found_by_id := self.by_id.get((place, short)):
                    return found_by_id
            short = short.rpartition("/")[0]
        return Rule(rule_id)

    def _component(self, reference: Any) -> int:
        index = at(reference, "index")
        if isinstance(index, int) and index in self.of:
            return index
        return self.components.get(bounds.name(at(reference, "guid") or at(reference, "name")), -1)


def rules_of(run: Mapping[str, Any], where: str) -> Rules:
    """All rules of a run. DataError if a list of rules is none."""
    found: dict[int, list[Rule]] = {}
    by_id: dict[tuple[int, str], Rule] = {}
    components: dict[str, int] = {}
    extensions = bounds.objects(at(run, "tool", "extensions"), f"{where}.tool.extensions")
    for place, component in enumerate([at(run, "tool", "driver") or {}, *extensions], -1):
        listed = bounds.objects(at(component, "rules"), f"{where}: rules")
        found[place] = [_rule(one, run, f"{where}: rule {number}") for number, one in enumerate(listed)]
        by_id |= {(place, rule.id): rule for rule in reversed(found[place])}
        named = (bounds.name(at(component, key), where) for key in ("guid", "name"))
        components |= {one: place for one in named if one}
    return Rules(found, by_id, components)


def cwe_of_taxa(references: Any, run: Mapping[str, Any]) -> int | None:
    """The first CWE among references to a taxonomy, by name or by index into the run's taxonomies."""
    for reference in items(references):
        component = at(reference, "toolComponent")
        taxonomy = at(run, "taxonomies", _place(at(component, "index")))
        name = bounds.name(at(component, "name") or at(taxonomy, "name"))
        said = at(reference, "id") or at(taxonomy, "taxa", _place(at(reference, "index")), "id")
        if name.upper() in ("CWE", "") and (cwe := cwe_of(said)):
            return cwe
    return None


def _place(raw: Any) -> int:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else -1


def _rule(raw: Mapping[str, Any], run: Mapping[str, Any], where: str) -> Rule:
    told = at(raw, "properties") or {}
    related = [at(one, "target") for one in items(raw.get("relationships"))]
    cwe = cwe_of(at(told, "cwe")) or _cwe_of_tags(at(told, "tags")) or cwe_of_taxa(related, run)
    return Rule(
        bounds.name(raw.get("id"), where),
        LEVELS.get(_text(at(raw, "defaultConfiguration", "level")), "warning"),
        bounds.score(at(told, "security-severity")), cwe, raw.get("messageStrings"),
        bounds.message(at(raw, "shortDescription", "text") or at(raw, "fullDescription", "text")),
    )  # fmt: skip


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""


def _cwe_of_tags(raw: Any) -> int | None:
    """Of the tags that name a CWE: a bare number among them is none."""
    return cwe_of([one for one in items(raw) if isinstance(one, str) and "cwe" in one.lower()])
