"""CycloneDX JSON: the components of a service, and the vulnerabilities that it names, if any."""

from collections.abc import Iterator, Mapping
from typing import Any

from dti_core.studies.vuln_priority.data.findings import Finding
from dti_core.studies.vuln_priority.data.readers import bounds
from dti_core.studies.vuln_priority.data.readers.bounds import at, items, objects
from dti_core.studies.vuln_priority.data.readers.scan import Scan
from dti_core.studies.vuln_priority.data.readers.tools import (
    advisory_of,
    cwe_of,
    known_tool,
    level_of,
    package_name,
)

#: States of an analysis that say that nothing is left to do.
_SETTLED = ("not_affected", "false_positive", "resolved", "resolved_with_pedigree")
_MOST_NESTED = 20


def read_cyclonedx(bill: Mapping[str, Any], name: str) -> Scan:
    """Components with their versions, and a finding for each vulnerability and component that it affects."""
    components = list(_components(bill.get("components"), f"{name}: components"))
    tools = at(bill, "metadata", "tools")
    said = at(tools, 0, "name") or at(tools, "components", 0, "name")
    known, kind = known_tool(bounds.name(said, name))
    tool = "bill of materials" if kind == "unknown" else known
    found = tuple(_findings(bill, name, tool, components))
    listed = dict.fromkeys(
        (package_name(one.get("name"), name), bounds.name(one.get("version"), name)) for one in components
    )
    return Scan(
        name, f"CycloneDX {bounds.name(bill.get('specVersion'), name)}", (tool,), found, (), tuple(listed)
    )


def _components(raw: Any, where: str, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Components, those within others too."""
    for one in objects(raw, where):
        yield one
        if one.get("components") and depth < _MOST_NESTED:
            yield from _components(one["components"], where, depth + 1)


def _findings(
    bill: Mapping[str, Any], name: str, tool: str, components: list[dict[str, Any]]
) -> Iterator[Finding]:
    service = bounds.name(at(bill, "metadata", "component", "name"), name)
    known = {one.get("bom-ref"): one for one in components if isinstance(one.get("bom-ref"), str)}
    for place, flaw in enumerate(objects(bill.get("vulnerabilities"), f"{name}: vulnerabilities")):
        where = f"{name}#vulnerabilities[{place}]"
        ratings = items(flaw.get("ratings"))
        scores = [bounds.score(at(one, "score")) for one in ratings]
        named = [flaw.get("id"), *(at(one, "id") for one in items(flaw.get("references")))]
        for affected in items(flaw.get("affects")) or [{}]:
            reference = at(affected, "ref")
            part = known.get(reference if isinstance(reference, str) else "", {})
            yield Finding(
                tool, "sca", bounds.name(flaw.get("id"), where), bounds.message(flaw.get("description")),
                cwe_of(flaw.get("cwes")), service, package=package_name(part.get("name"), where),
                version=bounds.name(part.get("version"), where), cve=advisory_of(named, where),
                level=level_of(at(ratings, 0, "severity")),
                severity=max((one for one in scores if one is not None), default=None),
                suppressed=at(flaw, "analysis", "state") in _SETTLED, origin=where,
            )  # fmt: skip
