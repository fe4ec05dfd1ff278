"""Did a run read what it was planned to read? Asked at its end, of the bytes that were really read."""

import json
from pathlib import Path

from dti_core.lab.record import Record
from dti_core.lab.running.runs import RunSpec

#: Below a run's folder: each data file that its processes read, with its hash.
READS = "reads.jsonl"


def strange_input(spec: RunSpec, record: Record) -> str | None:
    """What reached the run that was not planned, in words; None if all is as planned."""
    if spec.inputs.digest() != spec.inputs_digest:
        return "the copies of code, notebook or data that this run executes were changed while it ran"
    planned = spec.state.fingerprint.numbers
    if record.provenance.fingerprint.digest != spec.state.fingerprint.digest:
        return "result.json names other sources than those that were planned"
    for name, sha256 in really_read(spec.folder / READS):
        if name not in planned.data:
            return (
                f"the run read the data set {name}, which was not planned. "
                f"Name it in `reads:` of experiments/{spec.state.slug}.yaml"
            )
        if planned.data[name] != sha256:
            return f"the data set {name} changed while the run waited or ran; run it again"
    return None


def really_read(ledger: Path) -> list[tuple[str, str]]:
    """Name and sha256 of each file in a run's ledger of reads."""
    if not ledger.is_file():
        return []
    rows = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(row["name"], row["sha256"]) for row in rows]
