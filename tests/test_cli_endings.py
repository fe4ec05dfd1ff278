"""How commands end when something is wrong: one line, a stated exit code, no traceback, no secret."""

import errno
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import dti_core.studies
from dti_core.cli import listing, main
from dti_core.cli.ending import BADLY, FAULT, INPUT, PLACE, STOPPED, UNREAD, ending
from dti_core.lab.errors import BookError, ClaimError, ConfigError, DataError, RunError, one_line, printable
from dti_core.lab.running import cluster
from tests.toy_project import build_toy_project

ROOT = Path(__file__).resolve().parents[1]
SECRET = "s3cr3t"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DTI_DEBUG", raising=False)
    return build_toy_project(tmp_path / "home")


@pytest.fixture
def dti(monkeypatch, capsys):
    """Call the command in this process; exit code and what it wrote to stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["dti", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return call


def results() -> Path:
    folder = Path(os.environ["DTI_RESULTS"])
    folder.mkdir(exist_ok=True)
    return folder


class World:
    """What is wrong, one method a case; each gets the home of a toy project and pytest's monkeypatch."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.set = home, monkeypatch.setenv
        self.patch, self.forget = monkeypatch.setattr, monkeypatch.delitem
        self.toy = home / "experiments" / "toy.yaml"

    def nothing(self) -> None: ...

    def no_driver(self) -> None:
        self.set("MLFLOW_TRACKING_URI", f"postgresql://user:{SECRET}@host/db")

    def no_server(self) -> None:
        self.set("MLFLOW_TRACKING_URI", f"http://user:{SECRET}@127.0.0.1:9")
        self.set("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    def no_cluster(self) -> None:
        self.patch(cluster, "_CONNECT_SECONDS", 1)

    def no_database(self) -> None:
        (results() / "mlflow.db").write_bytes(b"this is no database" * 99)

    def foreign_database(self) -> None:
        with sqlite3.connect(results() / "mlflow.db") as database:
            database.execute("update alembic_version set version_num = 'feedc0de'")

    def locked_database(self) -> None:
        self.other = sqlite3.connect(results() / "mlflow.db")
        self.other.execute("begin exclusive")

    def results_below_a_file(self) -> None:
        (self.home / "file").touch()
        self.set("DTI_RESULTS", str(self.home / "file" / "results"))

    def results_in_proc(self) -> None:
        self.set("DTI_RESULTS", "/proc/results")

    def no_home(self) -> None:
        self.set("DTI_HOME", str(self.home / "absent"))

    def home_without_experiments(self) -> None:
        self.set("DTI_HOME", str(self.home / "notebooks"))

    def yaml_in_latin_1(self) -> None:
        self.toy.write_bytes(self.toy.read_bytes().replace(b"Does the toy work", b"Geht der Spa\xdf"))

    def yaml_is_a_folder(self) -> None:
        self.toy.unlink()
        self.toy.mkdir()

    def yaml_is_a_list(self) -> None:
        self.toy.write_text("- slug: toy\n")

    def binary_record(self) -> None:
        (results() / "r.json").write_bytes(b"\x80\xff\x00PK")

    def data_module(self, code: str = "def check(table): return []\n") -> None:
        folder = self.home / "studies" / "toy"
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "data.py").write_text(code)
        self.patch(dti_core.studies, "__path__", [str(folder.parent)])
        for name in ("dti_core.studies.toy", "dti_core.studies.toy.data"):
            self.forget(sys.modules, name, raising=False)

    def data_module_fails(self) -> None:
        self.data_module("1 / 0\n")

    def no_notebook(self) -> None:
        (self.home / "notebooks" / "toy.ipynb").unlink()

    def temporary_folder_in_proc(self) -> None:
        self.set("TMPDIR", "/proc")

    def _raise(self, error: BaseException) -> None:
        def fail() -> None:
            raise error

        self.patch(listing, "show_studies", fail)

    def full_disk(self) -> None:
        self._raise(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/results/x"))

    def full_memory(self) -> None:
        self._raise(MemoryError())

    def endless_recursion(self) -> None:
        self._raise(RecursionError("maximum recursion depth exceeded"))

    def overflow(self) -> None:
        self._raise(OverflowError("int too large to convert to float"))

    def our_fault(self) -> None:
        self._raise(KeyError(f"\x1b[31m http://me:{SECRET}@host\nand more"))


LONG = "/a" * 2500
SMOKE = ("run", "toy", "--profile", "smoke")
CASES = [
    ("nothing", ("run", "toy", "-p", f"seed={'9' * 400}"), INPUT, r"seed = '9{39}\.\.\. \(402 char"),
    ("nothing", ("run", "toy", "-p", f"seed={'9' * 5000}"), INPUT, r"seed = '9{39}\.\.\. \(5002 char"),
    ("nothing", ("run", "toy", "-p", "seed=nan"), INPUT, "seed = 'nan' is not allowed. Give whole number"),
    ("nothing", ("run", "toy", "-p", "cost_bps=1e999"), INPUT, "cost_bps = '1e999' is not allowed"),
    ("nothing", ("run", "toy", "--data", LONG), INPUT, r"/a/a.* \.\.\. .*: no such file or folder"),
    ("data_module", ("data", "check", "toy", LONG), INPUT, "."),
    ("data_module", ("data", "check", "toy", "{home}"), INPUT, "."),
    ("nothing", ("compare", LONG, "b"), INPUT, "."),
    ("nothing", ("book", "--port", "99999"), INPUT, r"'--port'.*65535\. `dti book --help` shows what"),
    ("nothing", (*SMOKE, "--jobs", 10**9), INPUT, "'--jobs'.*1024. `dti run --help`"),
    ("no_cluster", (*SMOKE, "--cluster", "tcp://256.1.1.1:1"), PLACE, "no Dask scheduler answers at tcp://2"),
    ("nothing", (*SMOKE, "--cluster", "localhost"), INPUT, "give the scheduler's address"),
    ("nothing", ("frobnicate",), INPUT, "No such command 'frobnicate'. `dti --help`"),
    ("nothing", ("list", "--frob"), INPUT, "No such option: --frob. `dti list --help`"),
    ("nothing", ("list", "toy\x1b[2J[/x]"), INPUT, re.escape(r"no study 'toy\x1b[2J[/x]'.")),
    ("no_driver", SMOKE, PLACE, "psycopg"),
    ("no_server", SMOKE, PLACE, re.escape("http://***@127.0.0.1:9")),
    ("no_server", ("ui",), INPUT, re.escape("http://***@127.0.0.1:9")),
    ("no_database", SMOKE, PLACE, "database"),
    ("foreign_database", SMOKE, PLACE, "feedc0de|mlflow.db"),
    ("locked_database", SMOKE, PLACE, "mlflow.db does not work.*locked"),
    ("results_below_a_file", SMOKE, PLACE, r"file/results\S*: Not a directory.*DTI_RESULTS"),
    ("results_in_proc", SMOKE, PLACE, r"/proc/results\S*: No such file.*DTI_RESULTS"),
    ("no_home", ("list",), INPUT, "absent: holds no folder experiments. Set DTI_HOME"),
    ("home_without_experiments", ("list",), INPUT, "notebooks: holds no folder experiments. Set DTI_HOME"),
    ("yaml_in_latin_1", ("list",), INPUT, "toy.yaml"),
    ("yaml_is_a_folder", ("list", "toy"), INPUT, "toy"),
    ("yaml_is_a_list", ("list",), INPUT, "toy.yaml"),
    ("binary_record", ("compare", "{results}/r.json", "b"), INPUT, "r.json: not a readable record"),
    ("data_module_fails", ("data", "check", "toy", ROOT / "README.md"), FAULT, r"ZeroDivisionError"),
    ("no_notebook", SMOKE, INPUT, "toy.ipynb"),
    ("temporary_folder_in_proc", SMOKE, PLACE, "/proc.*TMPDIR"),
    ("full_disk", ("list",), PLACE, "/results/x: No space left on device. Free some room"),
    ("full_memory", ("list",), PLACE, "the memory is full"),
    ("endless_recursion", ("list",), FAULT, "RecursionError: maximum"),
    ("overflow", ("list",), FAULT, "OverflowError: int too large"),
    ("our_fault", ("list",), FAULT, re.escape(r"\x1b[31m http://***@host") + ".*line .*`dti --debug`"),
]  # fmt: skip


@pytest.mark.usefixtures("ready_store")
@pytest.mark.parametrize(("world", "arguments", "code", "words"), CASES)
def test_whatever_is_wrong_is_one_line_and_a_stated_exit_code(
    home, dti, monkeypatch, world, arguments, code, words
):
    wrong = World(home, monkeypatch)
    getattr(wrong, world)()
    told = [str(one).format(results=os.environ["DTI_RESULTS"], home=home) for one in arguments]
    found, said = dti(*told)
    assert re.fullmatch(r"error: [^\n]+\n", said), said
    assert re.search(words, said), said
    assert found == code, said
    assert len(said) < 700
    assert "Traceback" not in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), INPUT), (DataError("x"), INPUT), (RunError("x"), INPUT), (ClaimError("x"), INPUT),
        (BookError("x"), BADLY), (PermissionError(errno.EACCES, "denied", "/x"), PLACE),
        (ConnectionRefusedError("x"), PLACE), (sqlite3.OperationalError("database is locked"), PLACE),
        (OSError(errno.EADDRINUSE, "in use"), PLACE), (KeyboardInterrupt(), STOPPED),
        (BrokenPipeError(), UNREAD), (ImportError("cannot import name 'x'"), FAULT),
        (ModuleNotFoundError("x", name="torch"), PLACE), (AssertionError(), FAULT),
        (ModuleNotFoundError("x", name="dti_core.x"), FAULT),
    ],
)  # fmt: skip
def test_exit_codes_tell_input_place_and_fault_apart(error, code):
    assert ending(error)[0] == code


@pytest.mark.parametrize(
    ("cause", "code"), [(PermissionError("x"), PLACE), (sqlite3.Error("x"), PLACE), (ValueError("x"), INPUT),
                        (ModuleNotFoundError("x", name="psycopg"), PLACE), (FileNotFoundError("x"), INPUT),
                        (None, INPUT)],
)  # fmt: skip
def test_an_error_of_ours_that_the_machine_caused_is_no_wrong_input(cause, code):
    error = RunError("the store does not work")
    error.__cause__ = cause
    assert ending(error) == (code, "the store does not work")


def test_only_debug_shows_the_trace_and_it_keeps_secrets_too(home, dti, monkeypatch):
    World(home, monkeypatch).our_fault()
    assert dti("--debug", "list")[1].startswith("Traceback")
    monkeypatch.setenv("DTI_DEBUG", "1")
    code, said = dti("list")
    assert code == FAULT
    assert said.startswith("Traceback")
    assert said.splitlines()[-1].startswith("error: KeyError")
    assert SECRET not in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("{dti} list >&-", 0, ""),
        ("{dti} list 2>&-", 0, ""),
        ("{dti} claims > /dev/full", PLACE, "error: No space left on device. Free some room"),
        ("{dti} claims | true; exit ${{PIPESTATUS[0]}}", UNREAD, ""),
        ("PYTHONIOENCODING=ascii {dti} claims > /dev/null", 0, ""),
    ],
)
def test_streams_that_are_closed_full_or_left(home, shell, code, said):
    command = shell.format(dti=f"{sys.executable} -c 'from dti_core.cli import main; main()'")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == bool(said)


def test_what_was_printed_before_an_error_is_not_lost(home):
    code = (
        "from dti_core.cli import listing\n"
        "def fail():\n    print('kept'); raise OSError('no')\n"
        "listing.show_studies = fail\nfrom dti_core.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "list"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (PLACE, "kept\n")


def test_readme_and_help_state_every_exit_code(home, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dti", "--help"])
    with pytest.raises(SystemExit):
        main()
    shown = " ".join(capsys.readouterr().out.split())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for code in (0, BADLY, INPUT, PLACE, FAULT, STOPPED, UNREAD):
        assert re.search(rf"\b{code} [a-z]", shown.partition("Exit codes:")[2])
        assert re.search(rf"^\| {code} \|", readme, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://user:pa@ss%2F@host/db", "postgresql://***@host/db"),
        ("http://host/a@b and https://token@h/x", "http://host/a@b and https://***@h/x"),
        ("x?password=abc&a=1 token=t", "x?password=***&a=1 token=***"),
        ("\x1b[2J\x07a\u202eb\x9bc\ud800", r"\x1b[2J\x07a\u202eb\x9bc\ud800"),
        ("[/x] [red] ä → line\n\tnext", "[/x] [red] ä → line\n\tnext"),
    ],
)
def test_foreign_text_shows_no_secret_and_moves_no_cursor(text, shown):
    assert printable(text) == shown


def test_a_long_line_keeps_its_beginning_and_its_advice():
    line = one_line("what\n" + "x" * 5000 + " do that")
    assert line.startswith("what xxx")
    assert line.endswith("x do that")
    assert len(line) < 610
