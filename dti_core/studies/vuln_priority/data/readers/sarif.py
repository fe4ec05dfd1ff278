"""SARIF 2.1.0: one finding a result, whatever the tool."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dti_core.studies.vuln_priority.data.findings import Finding
from dti_core.studies.vuln_priority.data.readers import bounds
from dti_core.studies.vuln_priority.data.readers.bounds import at, items
from dti_core.studies.vuln_priority.data.readers.sarif_places import place_of
from dti_core.studies.vuln_priority.data.readers.sarif_rules import LEVELS, Rule, Rules, cwe_of_taxa, rules_of
from dti_core.studies.vuln_priority.data.readers.scan import Scan
from dti_core.studies.vuln_priority.data.readers.tools import cwe_of, known_tool

_ARGUMENT = re.compile(r"\{(\d{1,2})\}")
#: Properties of a result that speak of a package, as our own logs have them.
_PACKAGED = ("package", "version", "fixed_in", "cve")
#: Kinds of results that report nothing wrong.
_HARMLESS = ("pass", "notApplicable", "informational")


def read_sarif(log: Mapping[str, Any], name: str) -> Scan:
    """The findings of all runs; a note tells of results left out: passed, or gone since the baseline."""
    findings: list[Finding] = []
    tools: list[str] = []
    notes: list[str] = []
    for place, run in enumerate(bounds.objects(log.get("runs"), f"{name}: runs")):
        where = f"{name}#runs[{place}]"
        said = bounds.name(at(run, "tool", "driver", "name"), where)
        tool, kind = known_tool(said)
        tools.append(tool)
        notes += _failures(run, where)
        rules, n_left_out = rules_of(run, where), 0
        for number, result in enumerate(bounds.objects(run.get("results"), f"{where}.results")):
            if result.get("kind") in _HARMLESS or result.get("baselineState") == "absent":
                n_left_out += 1
            else:
                findings.append(_finding(result, run, rules, (tool, kind, f"{where}.results[{number}]")))
        if n_left_out:
            notes.append(
                f"{where}: {n_left_out:,} results that passed or are gone since the baseline are left out."
            )
    return Scan(name, "SARIF 2.1.0", tuple(dict.fromkeys(tools)), tuple(findings), tuple(notes))


def _finding(
    result: Mapping[str, Any], run: Mapping[str, Any], rules: Rules, told: tuple[str, Any, str]
) -> Finding:
    tool, kind, where = told
    rule, place = rules.rule_of(result, where), place_of(result, run, where)
    cwe = cwe_of(at(result, "properties", "cwe")) or cwe_of_taxa(result.get("taxa"), run) or rule.cwe
    severity = bounds.score(at(result, "properties", "security-severity"))
    level = result.get("level")
    told_of = {key: bounds.name(at(result, "properties", key), where) for key in _PACKAGED}
    silent = "none" if result.get("kind") in ("open", "review") else rule.level
    return Finding(
        tool, kind, rule.id, _message(result, rule), cwe or cwe_of(rule.id), place.service, place.file,
        place.line, place.route, place.method, place.parameter, **told_of,
        level=LEVELS.get(level if isinstance(level, str) else "", silent),
        severity=rule.severity if severity is None else severity,
        suppressed=_suppressed(result.get("suppressions")), origin=where,
    )  # fmt: skip


def _message(result: Mapping[str, Any], rule: Rule) -> str:
    """The message itself, or the one of the rule that it names, with its arguments."""
    raw = at(result, "message", "text") or at(result, "message", "markdown")
    key = at(result, "message", "id")
    if raw is None and isinstance(key, str):
        raw = at(rule.messages, key, "text")
    if not isinstance(raw, str):
        return rule.text
    arguments = items(at(result, "message", "arguments"))

    def filled(found: re.Match[str]) -> str:
        return bounds.message(at(arguments, int(found[1]))) or found[0]

    return bounds.message(_ARGUMENT.sub(filled, raw[: 4 * bounds.MAX_MESSAGE]) if arguments else raw)


def _suppressed(raw: Any) -> bool:
    """Suppressed is what has suppressions, none of which is under review or rejected."""
    listed = items(raw)
    return bool(listed) and all(at(one, "status") in (None, "accepted") for one in listed)


def _failures(run: Mapping[str, Any], where: str) -> Iterator[str]:
    """What says that a run did not see all: silence of such a run is no clean bill."""
    if "results" not in run or run["results"] is None:
        yield f"{where}: has no list of results, so the tool did not finish; nothing is known to be clean."
    for one in items(run.get("invocations")):
        if at(one, "executionSuccessful") is False:
            yield f"{where}: the tool says that it failed; what it is silent on is not known to be clean."
        told = items(at(one, "toolExecutionNotifications"))
        if n_errors := sum(at(notice, "level") == "error" for notice in told):
            yield f"{where}: the tool reports {n_errors:,} errors, such as files that it could not parse."
