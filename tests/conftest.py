"""Nothing a test does may touch the project's own results, tracking store or frozen book."""

import os
import pickle
import resource
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.sample_book import QUICK, RUN, SECOND, SLUG, at_home, build_house, run_sample

Make = Callable[[Path], None]

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
#: Test files run side by side already: a study starts processes of its own, which import everything once
#: more, only where a test asks for them.
os.environ["DTI_CORES"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)
#: The same examples each time: what fails here fails everywhere.
settings.register_profile("seeded", derandomize=True, deadline=None)
settings.load_profile("seeded")


@pytest.fixture(autouse=True)
def _own_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))


#: Files in which a test takes long, the longest first: begun last, one would run on alone at the end. Those
#: of the book that read the same site stand apart, so that none waits while another makes it.
LONGEST = (
    "test_studies", "test_book", "test_lab_run", "test_cli_new", "test_book_security", "test_book_print",
    "test_cli", "test_lab_reaper", "test_house", "test_lab_track", "test_lab_stale", "test_cli_endings",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Hand out files in the order below; xdist would begin with those that have the most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, all others as they are."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, Make], Path]:
    """Folders that are made once for all processes that run tests side by side; nobody may write in them."""
    base = tmp_path_factory.getbasetemp()
    place = base if worker_id == "master" else base.parent

    def shared(name: str, make: Make) -> Path:
        folder, made = place / name, place / f"{name}.made"
        with FileLock(place / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return shared


@pytest.fixture(scope="session")
def empty_store(shared: Callable[[str, Make], Path]) -> Path:
    """A tracking database with its tables and nothing in it: making one takes seconds, copying none."""
    from dti_core.lab.running.track import sync

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DTI_RESULTS", str(folder))
            sync()

    return shared("empty store", make) / "mlflow.db"


@pytest.fixture(scope="session")
def sample_runs(shared: Callable[[str, Make], Path]) -> Path:
    """`home`, a copy of the project with the sample study, and `results` of it: RUN, SECOND and QUICK."""

    def make(place: Path) -> None:
        home, results = build_house(place / "home"), place / "results"
        run_sample(home, results, RUN)
        run_sample(home, results, SECOND)
        run_sample(home, results, QUICK, n_days=40)

    return shared("sample runs", make)


@pytest.fixture(scope="session")
def sample_house(shared: Callable[[str, Make], Path], sample_runs: Path) -> Path:
    """The same, with the sample chapter published."""
    from dti_core.book.publish import publish

    def make(place: Path) -> None:
        shutil.copytree(sample_runs, place, dirs_exist_ok=True)
        with at_home(place):
            publish(SLUG)

    return shared("sample house", make)


@pytest.fixture(scope="session")
def sample_site(shared: Callable[[str, Make], Path], sample_house: Path) -> Path:
    """The book of that project as a reader gets it."""
    from dti_core.book.build import build_book

    def make(place: Path) -> None:
        shutil.copytree(sample_house, place, dirs_exist_ok=True)
        with at_home(place):
            build_book()

    return shared("sample site", make) / "home" / "book" / "_build" / "html"


@pytest.fixture(scope="session")
def esg_result(shared: Callable[[str, Make], Path]) -> Any:
    """The study esg_constraint on its simulated panel, at few draws of each world."""
    from tests.test_esg_constraint import load, small_config, study

    def make(folder: Path) -> None:
        config = small_config()
        (folder / "result").write_bytes(pickle.dumps(study.estimate(config, *load(config))))

    return pickle.loads((shared("esg result", make) / "result").read_bytes())


@pytest.fixture
def ready_store(empty_store: Path, _own_results: None) -> None:
    """Start the test with an empty tracking database instead of none."""
    copy_store(empty_store, Path(os.environ["DTI_RESULTS"]))


def copy_store(store: Path, results: Path) -> None:
    """Begin a folder of results with a copy of the tracking database `store`."""
    results.mkdir(parents=True, exist_ok=True)
    shutil.copy(store, results / "mlflow.db")


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
