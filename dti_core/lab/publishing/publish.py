"""Freeze a full run as a chapter of the book; tell when a chapter no longer matches its sources."""

import json
from pathlib import Path
from typing import Any

from dti_core.lab.claims import judge
from dti_core.lab.config import load_experiment
from dti_core.lab.data import sha256_of
from dti_core.lab.errors import BookError
from dti_core.lab.paths import notebook_file, project_root, study_results
from dti_core.lab.publishing.clean import Notebook, dump, freeze, text_of
from dti_core.lab.publishing.pages import frozen_records, write_pages
from dti_core.lab.record import Record
from dti_core.lab.running.cache import changes, data_hashes, source_hashes
from dti_core.lab.running.fingerprint import Fingerprint
from dti_core.lab.running.history import read_record, why_unfit
from dti_core.lab.running.runs import EXECUTED, RESULT, is_finished, list_runs, read_state
from dti_core.lab.running.sources import hash_code, notebook_code

MANIFEST = "manifest.json"


def book_folder() -> Path:
    """Sources of the book."""
    return project_root() / "book"


def publish(slug: str, run: str | None = None) -> Path:
    """Freeze the latest finished full run of `slug` (or `run`) into the book and rewrite the generated pages.

    Returns
    -------
    The chapter, book/studies/<slug>.ipynb.

    Raises
    ------
    BookError if there is no such run, it is not a full one, it used a reader's own file, its sources have
    changed since, or its notebook does not fit a book. Nothing is written then.
    """
    folder, record = accepted_run(slug, run)
    if differences := run_differences(record):
        raise BookError(f"{slug}: {', '.join(differences)} since run {record.run}. {_advice(slug)}")
    chapter = chapter_text(folder, record)
    studies = book_folder() / "studies"
    studies.mkdir(parents=True, exist_ok=True)
    path = studies / f"{slug}.ipynb"
    path.write_text(chapter, encoding="utf-8")
    record.save(studies / f"{slug}.{RESULT}")
    records = frozen_records(book_folder())
    _write_manifest(studies, records)
    write_pages(book_folder(), records)
    return path


def accepted_run(slug: str, run: str | None = None) -> tuple[Path, Record]:
    """Folder and record of the run to publish: the latest finished full one, or the named one if fit."""
    names = [folder.name for folder in list_runs(slug) if _finished(folder)]
    if run is not None and run not in names:
        raise BookError(f"{slug}: no finished run '{run}'. `dti list {slug}` shows all runs.")
    for name in [run] if run is not None else names:
        folder = study_results(slug) / name
        record = read_record(folder / RESULT)
        if not (refusal := why_unfit(record, "full")):
            return folder, record
        if run is not None:
            raise BookError(f"{slug}: run {run} cannot be published: {refusal}. {_advice(slug)}")
    raise BookError(f"{slug}: there is no finished full run on the study's own data. {_advice(slug)}")


def chapter_text(folder: Path, record: Record) -> str:
    """The cleaned chapter of a run, as it is written to the book."""
    source = _read_notebook(notebook_file(record.slug))
    executed = _read_notebook(folder / EXECUTED)
    return dump(freeze(source, executed, record.slug, record.parameters), record.slug)


def stale(slug: str) -> list[str]:
    """Why the published chapter no longer matches its sources, one reason an item; empty if it does.

    The notebook's code and prose, every file of ours that it imports, its parameters and data are compared
    with those of the frozen run, today's verdicts with the printed ones, the chapter with the manifest.
    Package versions are left to the comparison with the reference numbers.
    """
    studies = book_folder() / "studies"
    chapter, record_file = studies / f"{slug}.ipynb", studies / f"{slug}.{RESULT}"
    if not chapter.is_file() or not record_file.is_file():
        return [f"{slug} has no published chapter"]
    record = read_record(record_file)
    entry = read_manifest(studies).get(slug, {})
    reasons = run_differences(record)
    if entry.get("run") != record.run or entry.get("chapter_sha256") != sha256_of(chapter):
        reasons.append("the chapter differs from the manifest")
    frozen, source = _read_notebook(chapter), _read_notebook(notebook_file(slug))
    words = {verdict.claim: verdict.verdict for verdict in record.claims}
    reasons += [
        f"{now.claim} is now judged {now.verdict}"
        for now in judge(record)
        if words.get(now.claim) != now.verdict
    ]
    if _prose(frozen) != _prose(source):
        reasons.append("prose changed")
    return reasons


def run_differences(record: Record) -> list[str]:
    """What decides a run's numbers and has changed since `record`, in words; verdicts are judged anew."""
    slug, then = record.slug, record.provenance
    config = load_experiment(slug).resolve("full")
    new = Fingerprint(
        slug=slug, parameters=config.values, sources=source_hashes(slug),
        notebook=hash_code(notebook_code(notebook_file(slug))), data=data_hashes(config), lock="",
    )  # fmt: skip
    seen = {"parameters": record.parameters, "sources": then.sources, "notebook": then.notebook_sha256}
    old = new.model_copy(update=seen)
    found = changes(old, new) if old != new else []
    return found if new.data_sha256 == then.data_sha256 else [*found, "data changed"]


def read_manifest(studies: Path) -> dict[str, Any]:
    """Entries of all chapters, {} before the first."""
    path = studies / MANIFEST
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _finished(folder: Path) -> bool:
    state = read_state(folder)
    return is_finished(folder) and (state is None or state.status == "finished")


def _advice(slug: str) -> str:
    return f"Run `dti run {slug} --profile full`, then `dti publish {slug}`."


def _read_notebook(path: Path) -> Notebook:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BookError(f"{path.name}: not a readable notebook ({error}).") from error


def _prose(notebook: Notebook) -> list[str]:
    return [text_of(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def _write_manifest(studies: Path, records: dict[str, Record]) -> None:
    entries = {slug: _entry(record, studies / f"{slug}.ipynb") for slug, record in records.items()}
    text = json.dumps(entries, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (studies / MANIFEST).write_text(text, encoding="utf-8")


def _entry(record: Record, chapter: Path) -> dict[str, Any]:
    source = record.provenance
    return {
        "run": record.run,
        "profile": record.profile,
        "started": record.started.isoformat(),
        "seconds": round(record.seconds, 1),
        "commit": source.git_commit,
        "dirty": source.git_dirty,
        "data_sha256": source.data_sha256,
        "lock_sha256": source.lock_sha256,
        "notebook_sha256": source.notebook_sha256,
        "chapter_sha256": sha256_of(chapter),
        "fingerprint": source.fingerprint,
        "python": source.python,
        "packages": dict(source.packages),
        "parameters": dict(record.parameters),
    }
