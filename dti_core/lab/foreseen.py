"""What was foreseen of each claim before the full run, beside what came out."""

import hashlib
from typing import Any

from dti_core.lab.claims import judge
from dti_core.lab.errors import ConfigError
from dti_core.lab.paths import project_root
from dti_core.lab.publishing.table import Label
from dti_core.lab.record import Result
from dti_core.lab.tables import Cell, Table, show_table
from dti_core.lab.yaml_files import parse_yaml, read_text


def beside_foreseen(result: Result) -> Table:
    """Expected and found verdict of each claim of the study, a hit or a miss, and the file's hash.

    Raises
    ------
    ConfigError if experiments/preregistered has no readable file of the study.
    """
    slug = result.config.slug
    path = project_root() / "experiments" / "preregistered" / f"{slug}.yaml"
    if not path.is_file():
        raise ConfigError(f"{slug}: nothing was foreseen; experiments/preregistered/{slug}.yaml is missing.")
    text = read_text(path)
    foreseen: dict[str, Any] = parse_yaml(text, path.name)["claims"]
    rows: dict[Label, dict[str, Cell]] = {}
    for verdict in judge(result):
        line = foreseen.get(verdict.claim, {})
        expected = line.get("expected", "nothing")
        rows[verdict.claim] = {
            "expected": expected, "found": verdict.verdict,
            "hit": "hit" if expected == verdict.verdict else "miss",
            "why it was expected": " ".join(str(line.get("because", "")).split()),
        }  # fmt: skip
    digest = hashlib.sha256(text.encode()).hexdigest()
    return show_table(
        rows, name="foreseen", title="What was expected before the full run, and what came out", stub="claim",
        note=f"experiments/preregistered/{slug}.yaml, sha256 {digest}; its history shows since when.",
    )  # fmt: skip
