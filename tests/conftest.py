"""Nothing a test does may touch the project's own results, tracking store or frozen book."""

import os
import resource
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(autouse=True)
def _own_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking database with its tables and nothing in it: making one takes seconds, copying none."""
    from dti_core.lab.running.track import sync

    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_RESULTS", str(folder))
        sync()
        import mlflow

        mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def ready_store(_empty_store: Path, _own_results: None) -> None:
    """Start the test with an empty tracking database instead of none."""
    results = Path(os.environ["DTI_RESULTS"])
    results.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty_store, results / "mlflow.db")


#: CPU seconds that a test file may take before the summary says "over"; two files run side by side.
FILE_BUDGET_SECONDS = 60
_spent = {"seconds": 0.0}


def _cpu_seconds() -> float:
    """CPU seconds of this process and of all its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note with each report the CPU seconds since the one before."""
    report = yield
    now = _cpu_seconds()
    report.user_properties.append(("cpu_seconds", now - _spent["seconds"]))
    _spent["seconds"] = now
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """CPU seconds of each test file, the dearest first."""
    files: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                told = [value for name, value in report.user_properties if name == "cpu_seconds"]
                files[report.nodeid.partition("::")[0]] += told[-1] if told else 0.0
    terminalreporter.section(f"CPU seconds by file: {sum(files.values()):.0f} in all")
    for name, seconds in files.most_common(12):
        over = f"  over {FILE_BUDGET_SECONDS} s" if seconds > FILE_BUDGET_SECONDS else ""
        terminalreporter.line(f"{seconds:6.0f}  {name}{over}")
