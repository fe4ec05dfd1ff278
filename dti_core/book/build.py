"""Build the book from frozen chapters, or a separate site from quick runs; serve it on this machine."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import yaml

from dti_core.book.arrows import SYNTHESIS
from dti_core.book.attachments import copy_beside
from dti_core.book.chromium import NoBrowserError
from dti_core.book.pages import frozen_records, write_pages
from dti_core.book.publish import files_beside, series_beside
from dti_core.book.serving import SqueezedFiles
from dti_core.book.weight import lighten
from dti_core.lab.config import PROFILES, list_slugs
from dti_core.lab.errors import BookError
from dti_core.lab.files import write
from dti_core.lab.frozen import book_folder
from dti_core.lab.paths import project_root, study_results
from dti_core.lab.publishing.clean import chapter_text
from dti_core.lab.publishing.policy import add_policies
from dti_core.lab.record import Record
from dti_core.lab.running.history import profile_run
from dti_core.lab.running.runs import RESULT

_NO_COPY = shutil.ignore_patterns("_build", "__pycache__", "*.ipynb", f"*.{RESULT}", "manifest.json")
#: Pages become trees of millions of nodes, which Python by itself would search for garbage over and over.
_JUPYTER_BOOK = "import gc; gc.set_threshold(50_000); from jupyter_book.cli.main import main; main()"
_WARNING = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|^\S*(Error|Exception):")


def build_book(profile: str = "full", runs: Sequence[Record] | None = None, *, strict: bool = True) -> Path:
    """Build the HTML site and return its folder.

    `full` prints the frozen chapters of book/studies. `quick` and `smoke` print its latest runs
    in a site of its own under build/, which says so on each page; a study without one has no chapter.

    Parameters
    ----------
    runs : print exactly these, of whatever profile, in a site of its own. strict : a warning is an error.

    Raises
    ------
    BookError with the first warnings if the book does not build.
    """
    if profile not in PROFILES:
        raise BookError(f"no book of profile '{profile}'. Allowed: {', '.join(PROFILES)}.")
    if profile == "full" and runs is None:
        write_pages(book_folder(), frozen_records())
        return build_html(book_folder(), book_folder(), strict=strict)
    place = project_root() / "build" / f"book-{profile}"
    return build_html(collect_sources(profile, place, runs), place, strict=strict)


def collect_sources(profile: str, place: Path, runs: Sequence[Record] | None = None) -> Path:
    """Copy the book to `place`/source, with a banner and chapters from `runs`, else the latest ones."""
    if runs is None:
        found = (profile_run(slug, profile, executed=True) for slug in list_slugs())
        runs = [record for record in found if record is not None]
    source = place / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(book_folder(), source, ignore=_NO_COPY)
    studies = source / "studies"
    shutil.rmtree(studies, ignore_errors=True)
    studies.mkdir()
    for record in runs:
        chapter = chapter_text(study_results(record.slug) / record.run, record)
        write(studies / f"{record.slug}.ipynb", chapter)
        for name, content in _beside(study_results(record.slug) / record.run, record, chapter).items():
            write(studies / record.slug / name, content)
        record.save(studies / f"{record.slug}.{RESULT}")
    write_pages(source, {record.slug: record for record in runs}, studies / SYNTHESIS)
    size = "all sizes, but rerun on this machine" if profile == "full" else "small sizes"
    _announce(source / "_config.yml", f"{profile.capitalize()} profile: {size}, not the frozen results.")
    return source


def build_html(source: Path, output: Path, *, strict: bool = True) -> Path:
    """Run Jupyter Book on `source` and give its pages a policy; the site is `output`/_build/html."""
    command = [sys.executable, "-c", _JUPYTER_BOOK, "build", str(source)]
    command += ["--path-output", str(output), "--all", "--keep-going", "-n", *(["-W"] if strict else [])]
    site = output / "_build" / "html"
    shutil.rmtree(site, ignore_errors=True)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=output
    )
    if done.returncode != 0 or not (site / "index.html").is_file():
        raise BookError(f"the book did not build:\n{_first_warnings(done.stdout, source)}")
    lighten(site)
    copy_beside(source, site)
    add_policies(site)
    return site


def serve(path: Path, port: int = 8000) -> None:
    """Serve a built site on 127.0.0.1 until interrupted; BookError if there is none or the port is taken."""
    if not (path / "index.html").is_file():
        raise BookError(f"{path.name}: no site there. Build it with `dti book`.")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(SqueezedFiles, directory=str(path)))
    except OSError as error:
        raise BookError(f"port {port} is not free ({error.strerror}). Choose another port.") from error
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _beside(folder: Path, record: Record, chapter: str) -> dict[str, bytes]:
    """What lies beside a chapter that is not frozen; without a browser its figures are drawn by the page."""
    try:
        return files_beside(folder, record, chapter)
    except NoBrowserError:
        return series_beside(folder, record)


def _announce(config: Path, text: str) -> None:
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["html"]["announcement"] = text
    write(config, yaml.safe_dump(settings, sort_keys=False))


def _first_warnings(output: str, source: Path, most: int = 8) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output).replace(f"{source}/", "")
    lines = plain.strip().splitlines()
    telling = [line for line in lines if _WARNING.search(line)] or lines[-most:]
    more = f"\n... and {len(telling) - most} more" if len(telling) > most else ""
    return "\n".join(telling[:most]) + more
