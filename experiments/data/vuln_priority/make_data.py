"""Write the lab into build/targets, run all the tools on it, and record what they say in recorded/.

Run it as `python experiments/data/vuln_priority/make_data.py`; it opens no socket but on 127.0.0.1. semgrep
runs where it is installed (DTI_SEMGREP names its command); else its record stays as it is.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from dti_core.lab.files import write
from dti_core.studies.vuln_priority.methods.scanners import prober
from dti_core.studies.vuln_priority.methods.scanners.dependencies import read_advisories, run_pip_audit
from dti_core.studies.vuln_priority.methods.scanners.observed import Observed, observe
from dti_core.studies.vuln_priority.methods.scanners.sarif import Scan, sarif_text
from dti_core.studies.vuln_priority.methods.scanners.static import find_semgrep, run_bandit, run_semgrep
from dti_core.studies.vuln_priority.targets.cases import SERVICES
from dti_core.studies.vuln_priority.targets.lab import write_lab
from dti_core.studies.vuln_priority.targets.running import USERS, serving

HERE = Path(__file__).resolve().parent
LAB = HERE.parents[2] / "build" / "targets"
AGENT = "dti_core.studies.vuln_priority.targets.agent"
LOGINS = {role: {"user": name, "password": USERS[name]} for role, name in (("user", "ann"), ("admin", "ada"))}


def tested(folder: Path) -> tuple[str, str]:
    """What prober and agent say of all services, as SARIF."""
    with ThreadPoolExecutor(2) as two:
        seen = list(two.map(lambda service: _observed(folder, service), SERVICES))
    usual, sent = sum(one.n_usual for one in seen), sum(one.n_requests for one in seen)
    counts = {"n_services": len(seen), "n_requests": sent}
    named = f"make_data.py (own prober; Flask {version('flask')})"
    probed = Scan("prober", prober.VERSION, named, counts)
    watched = Scan("agent", prober.VERSION, named.replace("prober", "agent"), counts | {"n_usual": usual})
    return (
        sarif_text(probed, [hit for one in seen for hit in one.prober]),
        sarif_text(watched, [hit for one in seen for hit in one.agent]),
    )


def _observed(folder: Path, service: str) -> Observed:
    with serving(folder, service, AGENT) as served:
        return observe(folder / service, served.url, served.log, LOGINS)


def timed(name: str, run: Callable[[], str]) -> None:
    """Record what a tool says, and print how much that is and how long it took."""
    start = time.monotonic()
    text = run()
    record(name, text, time.monotonic() - start)


def record(name: str, text: str, seconds: float) -> None:
    """Write one record and say whether it changed."""
    path = HERE / "recorded" / name
    same = path.is_file() and path.read_text(encoding="utf-8") == text
    write(path, text)
    found = text.count('"ruleId"') or text.count('"fix_versions"')
    print(f"{name}: {found} findings, {seconds:.1f} s, {'as before' if same else 'changed'}")


def main() -> None:
    """Run every tool that is there."""
    write_lab(LAB)
    timed("bandit.sarif", lambda: run_bandit(LAB))
    timed("pip_audit.json", lambda: run_pip_audit(LAB, read_advisories(HERE / "osv")))
    start = time.monotonic()
    probed, watched = tested(LAB)
    seconds = time.monotonic() - start
    record("prober.sarif", probed, seconds)
    record("agent.sarif", watched, seconds)
    if semgrep := find_semgrep():
        timed("semgrep.sarif", lambda: run_semgrep(LAB, HERE / "rules", semgrep))
    else:
        print("semgrep.sarif: left out, semgrep is not installed; set DTI_SEMGREP to its command")


if __name__ == "__main__":
    main()
