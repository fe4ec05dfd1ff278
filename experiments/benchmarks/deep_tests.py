"""Run the tests with large counts (kills, histories, mutations, vectors) in full and write down the outcome.

Run it with `make test-deep` from a clean checkout; it takes about half an hour on two cores.
"""

import json
import os
import platform
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPORT = Path(__file__).with_suffix(".json")
FILES = (
    "tests/test_lab_files.py", "tests/test_lab_histories.py", "tests/test_lab_stale.py",
    "tests/test_lab_reaper.py", "tests/test_lab_track.py", "tests/test_determinism.py",
    "tests/test_book_security.py",
    "tests/test_bridges_ledger.py", "tests/test_private_lift_data.py",
)  # fmt: skip


def main() -> int:
    """Run the deep tests; the exit status of pytest."""
    xml = ROOT / "build" / "deep.xml"
    xml.parent.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        f"--junitxml={xml}",
        *FILES,
    ]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "DTI_DEEP": "1"}, check=False)
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _git("rev-parse", "HEAD"),
        "changed_since": bool(_git("status", "--porcelain", "--", "dti_core", "tests")),
        "command": "make test-deep",
        "python": platform.python_version(),
        "tests": _cases(xml),
    }
    REPORT.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return done.returncode


def _cases(xml: Path) -> list[dict[str, object]]:
    """One row a test that counts something, and one a test that did not pass."""
    rows: list[dict[str, object]] = []
    for case in ET.parse(xml).getroot().iter("testcase"):
        counted = {one.get("name", ""): one.get("value") for one in case.iter("property")}
        counted.pop("cpu_seconds", None)  # every test has it
        ended = next(
            (kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None), "passed"
        )
        if counted or ended != "passed":
            name = f"{case.get('classname')}.{case.get('name')}"
            rows.append(
                {"test": name, "outcome": ended, "seconds": round(float(case.get("time", 0))), **counted}
            )
    return rows


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
