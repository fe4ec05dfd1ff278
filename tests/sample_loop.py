"""A small book with the page of the loop: nodes and cards as the synthesis freezes them, and its record."""

import hashlib
import shutil
from pathlib import Path

import pandas as pd
import yaml

from dti_core.lab.frozen import frozen_record
from dti_core.lab.kept import series_files
from dti_core.lab.record import Record
from dti_core.studies.closed_loop.data import load_cards, loop_of
from dti_core.studies.closed_loop.data.loop import Loop
from tests.sample_book import CHECKOUT, EXPERIMENT, SLUG

FRONT = "# Front\n\nWhat stands on the first page.\n\n```{include} _generated/sized_loop.md\n```\n"
TOC = {"format": "jb-book", "root": "intro", "chapters": [{"file": "loop"}]}


def sample_loop() -> Loop:
    """The loop of the project's cards."""
    return loop_of(load_cards()[0])


def tables_of(loop: Loop) -> dict[str, pd.DataFrame]:
    """The two series of the synthesis."""
    ends = {end: [loop.nodes[place] for place in getattr(loop, f"{end}s")] for end in ("start", "end")}
    node = {"node": loop.nodes, "title": loop.titles, "field": loop.fields, "role": loop.roles}
    card = {"arrow": loop.arrows, **ends, "kind": loop.kinds, "grade": loop.grades, "paper": loop.papers}
    sizes = {"middle": loop.middle, "low": loop.low, "high": loop.high}
    told = load_cards()[0].arrows
    sources = {"source": [told[name].source for name in loop.arrows]}
    return {
        "nodes": pd.DataFrame(node | {"better": loop.better}),
        "cards": pd.DataFrame(card | sizes | sources),
    }


def freeze_loop(home: Path) -> Record:
    """Lay experiments, a book and the series of the synthesis below `home`; returns a record of it."""
    shutil.copytree(CHECKOUT / "experiments", home / "experiments", ignore=shutil.ignore_patterns("data"))
    path = home / "experiments" / "closed_loop.yaml"
    if not path.exists():
        path.write_text(EXPERIMENT.replace(SLUG, "closed_loop"), encoding="utf-8")
    shutil.copy(CHECKOUT / "CITATION.cff", home)
    book = home / "book"
    for folder in ("_ext", "_static"):
        shutil.copytree(
            CHECKOUT / "book" / folder, book / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("_config.yml", "references.bib"):
        shutil.copy(CHECKOUT / "book" / name, book)
    files = series_files(tables_of(sample_loop()))
    for name, content in files.items():
        place = book / "studies" / "closed_loop" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    told = {Path(name).stem: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    update = {"slug": "closed_loop", "series": told, "estimates": (), "claims": ()}
    return frozen_record("lstm_portfolio").model_copy(update=update)


def bind(book: Path) -> None:
    """Leave of the book a front and the page of the loop."""
    (book / "intro.md").write_text(FRONT, encoding="utf-8")
    (book / "_toc.yml").write_text(yaml.safe_dump(TOC), encoding="utf-8")
