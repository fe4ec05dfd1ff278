"""What one file of a scan holds."""

from dataclasses import dataclass

from dti_core.studies.vuln_priority.data.findings import Finding


@dataclass(frozen=True, slots=True)
class Scan:
    """One file as read.

    name : of the file. shape : such as "SARIF 2.1.0". tools : that wrote it. findings : in their order.
    notes : what a user must know of it. components : (name, version) of a bill of materials.
    """

    name: str
    shape: str
    tools: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()
