"""Static analysis (SAST): bandit, and semgrep with the project's own rules where it is installed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.methods.scanners.sarif import Hit, Level, Scan, sarif_text

BANDIT_LEVEL: dict[str, Level] = {"HIGH": "error", "MEDIUM": "warning", "LOW": "note"}
SEMGREP_LEVEL: dict[str, Level] = {"ERROR": "error", "WARNING": "warning", "INFO": "note"}
#: What semgrep must not do: send how it is used, or look for a newer version.
QUIET = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"}
LONGEST_SECONDS = 300


def run_bandit(folder: Path) -> str:
    """What bandit finds in the Python files below `folder`, as SARIF.

    Raises
    ------
    DataError if a file was not parsed: a newer syntax would else count as clean.
    """
    command = ["python", "-m", "bandit", "-q", "-r", ".", "-f", "json"]
    found = _json_of([sys.executable, *command[1:]], folder, "bandit")
    parsed = {name for name in found["metrics"] if name != "_totals"}
    _refuse_unparsed("bandit", folder, [error["filename"] for error in found["errors"]], parsed)
    hits = [
        Hit(
            rule=one["test_id"], cwe=one["issue_cwe"]["id"], message=one["issue_text"],
            level=BANDIT_LEVEL[one["issue_severity"]],
            file=_relative(one["filename"]), line=one["line_number"],
            details={key: one[f"issue_{key}"].lower() for key in ("severity", "confidence")},
        )
        for one in found["results"]
    ]  # fmt: skip
    return sarif_text(Scan("bandit", version("bandit"), " ".join(command), {"n_files": len(parsed)}), hits)


def find_semgrep() -> str | None:
    """The semgrep command: what DTI_SEMGREP names, or the first on the path; None where there is none."""
    return shutil.which(os.environ.get("DTI_SEMGREP", "semgrep"))


def run_semgrep(folder: Path, rules: Path, semgrep: str) -> str:
    """What semgrep finds below `folder` with the rules of a folder, offline, as SARIF.

    Raises
    ------
    DataError if a file was not parsed, or a rule is wrong.
    """
    said = ("semgrep", "scan", "--metrics=off", "--disable-version-check", "--no-git-ignore", "--json")
    options = ("--project-root", ".", "--config", "rules", ".")
    real = [str(rules.resolve()) if one == "rules" else one for one in options]
    found = _json_of([semgrep, *said[1:], "--quiet", *real], folder, "semgrep", QUIET)
    parsed = {name for name in found["paths"]["scanned"] if name.endswith(".py")}
    wrong = [str(error.get("path") or error.get("message", "")) for error in found["errors"]]
    _refuse_unparsed("semgrep", folder, wrong, parsed)
    hits = [
        Hit(
            rule=one["check_id"].rsplit(".", 1)[-1], cwe=one["extra"]["metadata"]["cwe"],
            message=one["extra"]["message"], level=SEMGREP_LEVEL[one["extra"]["severity"]],
            file=_relative(one["path"]), line=one["start"]["line"],
            details={"confidence": one["extra"]["metadata"]["confidence"]},
        )
        for one in found["results"]
    ]  # fmt: skip
    return sarif_text(
        Scan("semgrep", found["version"], " ".join((*said, *options)), {"n_files": len(parsed)}), hits
    )


def _json_of(command: Sequence[str], folder: Path, tool: str, more: dict[str, str] | None = None) -> Any:
    environment = {**os.environ, **(more or {})}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, check=False, timeout=LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired as late:
        raise DataError(f"{tool} ran past {LONGEST_SECONDS} s on {folder}; scan a smaller folder.") from late
    try:
        return json.loads(done.stdout)
    except ValueError as wrong:
        last = done.stderr.decode(errors="replace").strip()[-400:]
        raise DataError(f"{tool} gave no JSON for {folder} (exit {done.returncode}): {last}") from wrong


def _refuse_unparsed(tool: str, folder: Path, errors: Sequence[str], parsed: set[str]) -> None:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    unread = sorted({_relative(name) for name in errors} | (there - {_relative(name) for name in parsed}))
    if unread or not there:
        shown = ", ".join(unread[:5]) or "no Python file is there"
        raise DataError(
            f"{tool} did not parse {len(unread)} of {len(there)} files in {folder}: {shown}. A file that is "
            "not parsed is not clean: scan with the Python version that the code is written for."
        )


def _relative(name: str) -> str:
    return name.removeprefix("./")
