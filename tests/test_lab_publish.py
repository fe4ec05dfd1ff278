"""Freezing a run: what is kept, what is refused, and when a frozen chapter counts as stale."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import nbformat
import pytest

from dti_core.book.build import collect_sources
from dti_core.book.publish import FURTHER, publish
from dti_core.book.stale import stale
from dti_core.book.vector import draw_pictures
from dti_core.lab.data import sha256_of
from dti_core.lab.errors import BookError
from dti_core.lab.publishing.clean import Notebook, chapter_text, dump, figures_of, freeze, with_values
from dti_core.lab.record import Record
from dti_core.lab.running.figure_page import PLOTLY_MIME
from dti_core.lab.running.history import read_record
from tests.sample_book import QUICK, RUN, SECOND, SLUG, seal_run

_DRAWN: dict[str, dict[str, bytes]] = {}


def draw_once(record: Record, chapter: Notebook) -> dict[str, bytes]:
    """Pictures from a browser that is started once a figure; test_book_print judges how they are drawn."""
    key = json.dumps([record.slug, figures_of(chapter)])
    if key not in _DRAWN:
        _DRAWN[key] = draw_pictures(record, chapter)
    return _DRAWN[key]


@pytest.fixture
def house(sample_runs, tmp_path, monkeypatch):
    """A project with two full runs and a later quick one, which a test may spoil."""
    makers = [draw_once if maker is draw_pictures else maker for maker in FURTHER]
    assert draw_once in makers
    monkeypatch.setattr("dti_core.book.publish.FURTHER", tuple(makers))
    shutil.copytree(sample_runs, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))
    return tmp_path


def _run_folder(house, run=RUN):
    return house / "results" / SLUG / run


def _rewrite_record(house, run, /, **changes):
    path = _run_folder(house, run) / "result.json"
    Record.model_validate_json(path.read_bytes()).model_copy(update=changes).save(path)
    seal_run(path.parent)


def _manifest(house):
    return json.loads((house / "home" / "book" / "studies" / "manifest.json").read_text())[SLUG]


def _edit_notebook(house, old, new):
    path = house / "home" / "notebooks" / f"{SLUG}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_two_runs_give_the_same_chapter_byte_by_byte(house):
    folders = [_run_folder(house), _run_folder(house, SECOND)]
    raw = {(folder / "executed.ipynb").read_text(encoding="utf-8") for folder in folders}
    chapters = {chapter_text(folder, read_record(folder / "result.json")) for folder in folders}
    assert len(raw) == 2
    assert len(chapters) == 1


def test_chapter_shows_the_runs_parameters_and_no_noise(house):
    path = publish(SLUG)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    text = path.read_text(encoding="utf-8")
    assert [cell.id for cell in notebook.cells] == [f"{SLUG}-{n:02d}" for n in range(len(notebook.cells))]
    assert "n_days: int = 400  # steps of the walk" in notebook.cells[1].source
    assert "injected-parameters" not in text
    assert "iopub" not in text
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5, 6]
    assert not any(output.output_type == "stream" for cell in code for output in cell.outputs)


def test_publishing_writes_record_manifest_and_pages(house):
    publish(SLUG)
    book = house / "home" / "book"
    record = read_record(book / "studies" / f"{SLUG}.result.json")
    entry = _manifest(house)
    assert (record.run, record.profile) == (SECOND, "full")
    assert entry["run"] == SECOND
    assert entry["sha256"]["chapter"] == sha256_of(book / "studies" / f"{SLUG}.ipynb")
    assert entry["numbers"] == record.provenance.fingerprint.numbers.digest
    assert (book / "studies" / SLUG / "series" / "walk.parquet").is_file()
    assert f"studies/{SLUG}" in (book / "_toc.yml").read_text(encoding="utf-8")
    assert SECOND in (book / "status.md").read_text(encoding="utf-8")
    row = re.search(r'<tr id="C28a".*?</tr>', (book / "claims.md").read_text(), re.DOTALL).group(0)
    assert 'data-verdict="supported"' in row
    assert f'href="studies/{SLUG}.html#C28a"' in row


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (QUICK, "its profile is quick"),
        ("20200101-000000-00000000", "no finished, undamaged run"),
        (None, "no finished full run"),
    ],
)
def test_other_runs_are_refused_and_nothing_is_written(house, run, says):
    if run is None:
        shutil.rmtree(_run_folder(house))
        shutil.rmtree(_run_folder(house, SECOND))
    with pytest.raises(BookError, match=says) as refusal:
        publish(SLUG, run)
    assert f"dti run {SLUG} --profile full" in str(refusal.value) or "dti list" in str(refusal.value)
    assert not (house / "home" / "book" / "studies" / f"{SLUG}.ipynb").exists()


def test_full_run_with_other_parameters_is_refused(house):
    _rewrite_record(house, SECOND, parameters={"n_days": 400, "drift": 2.0, "seed": 1})
    with pytest.raises(BookError, match="its drift differ from the full profile"):
        publish(SLUG, SECOND)
    assert publish(SLUG).is_file()
    assert _manifest(house)["run"] == RUN


def test_run_on_a_readers_file_is_refused(house):
    record = read_record(_run_folder(house) / "result.json")
    _rewrite_record(house, RUN, data=replace(record.data, origin="yours"))
    with pytest.raises(BookError, match="file of yours"):
        publish(SLUG, RUN)


def test_run_without_executed_notebook_does_not_count_as_finished(house):
    (_run_folder(house, SECOND) / "executed.ipynb").unlink()
    publish(SLUG)
    assert _manifest(house)["run"] == RUN


def test_run_older_than_its_notebook_is_refused(house):
    _edit_notebook(house, "normal(config.drift, 1.0", "normal(config.drift, 2.0")
    with pytest.raises(BookError, match="notebook changed before its estimate since run"):
        publish(SLUG)


def test_prose_may_be_mended_without_a_new_run(house):
    _edit_notebook(house, "The mean step is", "The average step is")
    assert "The average step is" in publish(SLUG).read_text(encoding="utf-8")
    assert stale(SLUG) == []


def test_values_are_replaced_and_the_rest_of_the_cell_stays():
    source = 'n: int = 3  # seeds, µ-sized\nname: str = "a"  # a | b\ncost: float = 10.0\nother = 1'
    shown = with_values(source, {"n": 12, "name": "b", "cost": 10.0})
    assert shown == "n: int = 12  # seeds, µ-sized\nname: str = 'b'  # a | b\ncost: float = 10.0\nother = 1"


def _notebook(*outputs, source="1", count=1):
    cell = {"cell_type": "code", "source": source, "metadata": {}, "execution_count": count}
    cell |= {"outputs": list(outputs)}
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _shown(data, **more):
    return {"output_type": "display_data", "data": data, "metadata": {}} | more


_BARE_FIGURE = {"data": [], "layout": {"title": {"text": "A finding"}, "meta": {"caption": "What is shown."}}}


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ({"output_type": "error", "ename": "ValueError", "evalue": "no"}, "failed with ValueError"),
        (_shown({"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}), "shows .*widget"),
        (_shown({"text/html": '<script src="https://cdn.plot.ly/p.js">'}), "does not take: <script>"),
        (_shown({"text/html": '<img src="//example.org/a.png">'}), "does not take: <img>"),
        (_shown({"image/svg+xml": "<svg></svg>"}), "shows image/svg"),
        (_shown({"image/png": "aGk="}), "without alt text"),
        (_shown({PLOTLY_MIME: _BARE_FIGURE}), "without alt text"),
        (_shown({PLOTLY_MIME: {"data": [], "layout": {}}}), "without a title and a caption and alt text"),
        (_shown({"text/plain": "x" * 1_000_001}), r"1,000,\d+ bytes; 1,000,000 are allowed"),
    ],
)
def test_outputs_that_do_not_belong_in_a_book_are_refused(output, says):
    with pytest.raises(BookError, match=says):
        freeze(_notebook(), _notebook(output), "s", {})


def test_cell_that_never_ran_is_refused():
    """After a dead kernel papermill leaves cells that say 'completed' and have no count."""
    with pytest.raises(BookError, match="never executed"):
        freeze(_notebook(), _notebook(count=None), "s", {})


def test_links_and_addresses_do_no_harm():
    link = '<a href="https://example.org">out</a>'
    shown = _shown({"text/html": link, "text/plain": "\x1b[31m<A object at 0x7f12ab>\x1b[0m"})
    chapter = freeze(_notebook(), _notebook(shown), "s", {})
    data = chapter["cells"][0]["outputs"][0]["data"]
    assert data["text/plain"] == "<A object at 0x…>"
    assert data["text/html"] == '<a href="https://example.org" rel="noopener noreferrer">out</a>'


def test_chapter_that_is_too_large_is_refused():
    many = [_shown({"text/plain": "x" * 300_000}) for _ in range(4)]
    with pytest.raises(BookError, match="1,000,000 are allowed"):
        dump(freeze(_notebook(), _notebook(*many), "s", {}), "s")


def test_streams_are_merged_and_stderr_is_left_out():
    texts = [("stdout", "a"), ("stderr", "b"), ("stdout", ["c", "d"])]
    out = [{"output_type": "stream", "name": name, "text": text} for name, text in texts]
    chapter = json.loads(dump(freeze(_notebook(), _notebook(*out), "s", {}), "s"))
    assert [o["text"] for o in chapter["cells"][0]["outputs"]] == ["acd"]


def test_quick_book_takes_the_newest_run_of_the_profile_itself_or_exactly_the_given_ones(house):
    other = "20260104-030405-0badcafe"
    shutil.copytree(_run_folder(house, QUICK), _run_folder(house, other))
    _rewrite_record(house, other, run=other, parameters={"n_days": 40, "drift": 2.0, "seed": 1})
    source = collect_sources("quick", house / "site")
    assert read_record(source / "studies" / f"{SLUG}.result.json").run == QUICK
    wanted = read_record(_run_folder(house) / "result.json")
    source = collect_sources("full", house / "site", [wanted])
    assert read_record(source / "studies" / f"{SLUG}.result.json").run == RUN
    assert [path.name for path in (source / "studies").glob("*.ipynb")] == [f"{SLUG}.ipynb"]
    assert "Full profile: all sizes, but rerun on this machine" in (source / "_config.yml").read_text()
    assert not list((collect_sources("quick", house / "site", []) / "studies").glob("*.ipynb"))


def test_record_in_the_book_is_that_of_the_run(house):
    publish(SLUG, RUN)
    frozen = read_record(house / "home" / "book" / "studies" / f"{SLUG}.result.json")
    assert frozen == read_record(_run_folder(house) / "result.json")
    assert frozen.started < datetime.now(UTC)
