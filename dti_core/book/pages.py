"""Pages of the book that are written by code: claims, status, data, bridges, verdicts so far, contents."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from dti_core.book.advice import counsels
from dti_core.book.answer import first_screen
from dti_core.book.arrows import SYNTHESIS, frozen_arrows, shown_of
from dti_core.book.bridge_graph import MEASURED_BY, draw_graph
from dti_core.book.bridge_map import list_bridges
from dti_core.book.ledger import ledger
from dti_core.book.loop import WORDS, counts_of
from dti_core.book.metadata import load_citation
from dti_core.book.readings import readings, shelves
from dti_core.book.review import review_path
from dti_core.book.sized_loop import dashes_of, draw_sized
from dti_core.book.sizes.page import questions_told
from dti_core.book.sizes.standards import STANDARDS
from dti_core.book.speed import load_benchmarks
from dti_core.lab.claims import all_verdicts
from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.files import write
from dti_core.lab.frozen import frozen_folder, frozen_record, frozen_slugs
from dti_core.lab.publishing.rendering import render
from dti_core.lab.record import Record
from dti_core.lab.register import load_register

#: Pages below the book; each has a template of that name.
PAGES = (
    "_static/loop.svg", "_generated/answer.md", "_generated/decided.md", "_generated/verdicts.md",
    "_generated/sized_loop.md",
    "claims.md",
    "review.md", "what_to_do.md", "for_your_size.md", "bridges.md", "data.md", "status.md", "speed.md",
    "cite.md", "_toc.yml",
)  # fmt: skip
#: A page that is there only with the chapter that it shows the series of.
LOOP_PAGE = "loop.md"


def frozen_records() -> dict[str, Record]:
    """Records of the published chapters, in the order of the review's references."""
    return in_order(map(frozen_record, frozen_slugs()))


def in_order(records: Iterable[Record]) -> dict[str, Record]:
    """Records by study, in the order of the review's references."""
    found = sorted(records, key=lambda record: (load_experiment(record.slug).source, record.slug))
    return {record.slug: record for record in found}


def page_texts(records: Mapping[str, Record], store: Path | None = None) -> dict[str, str]:
    """Every generated page of a book with chapters of these records: path below the book -> text.

    The series of the loop lie in `store`, else beside its frozen chapter.
    """
    sized = frozen_arrows(records, store or frozen_folder() / SYNTHESIS)
    shown = {
        "records": records,
        "experiments": {slug: load_experiment(slug) for slug in records},
        "sizes": ledger(),
        **_claims(records),
        **_more(records),
        **shown_of(sized),
        "sized": draw_sized(sized) if sized else None,
        "dashes_of": dashes_of,
    }
    pages = (*PAGES, LOOP_PAGE) if sized else PAGES
    return {name: render(name, room=__package__, **shown) for name in pages}


def write_pages(book: Path, records: Mapping[str, Record], store: Path | None = None) -> None:
    """Write every generated page of the book in `book`; those that stand there already are left alone."""
    for name, text in page_texts(records, store).items():
        path = book / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write(path, text)


def _claims(records: Mapping[str, Record]) -> dict[str, object]:
    """What the pages show of the register: claims, their verdicts, and the cited studies that they rest on.

    The cited studies are (title, domain, slug), those with a chapter first.
    """
    register = load_register()
    claims, verdicts = register.claims, all_verdicts(records.values(), register)
    cited: list[tuple[str, str, str]] = [
        (f"[{number}] {one.title}", one.domain, one.slug) for number, one in register.studies.items()
    ]
    cited += [(title, "all three", slug) for slug, title in register.syntheses.items()]
    said = {slug: [v for v in verdicts if claims[v.claim].owner == slug] for *_, slug in cited}
    return {
        "claims": claims,
        "verdicts": verdicts,
        "counts": counts_of(verdicts),
        "by_rules": counts_of(v for v in verdicts if claims[v.claim].decided_by_rules),
        "cited": sorted(cited, key=lambda row: row[2] not in records),
        "said": said,
        "deciding": sorted({claim.owner for claim in claims.values()} - {""}),
        "words": WORDS,
        **first_screen(register, verdicts, records),
    }


def _more(records: Mapping[str, Record]) -> dict[str, object]:
    """What the pages beside the claims show: the path of the review, advice, bridges, data, speed."""
    register, bridges = load_register(), list_bridges()
    verdicts = all_verdicts(records.values(), register)
    studies = [*(one.slug for one in register.studies.values()), *register.syntheses]
    return {
        "path": review_path(register),
        "word_of": {verdict.claim: verdict.verdict for verdict in verdicts},
        "counsels": counsels(register, verdicts, records),
        "bridges": bridges,
        "graph": draw_graph(bridges, studies, records),
        "measured_by": MEASURED_BY,
        "built": list_slugs(),
        "readings": readings(records),
        "shelves": shelves(records),
        "benchmarks": load_benchmarks(),
        "own_sizes": questions_told(records),
        "standards": STANDARDS,
        "citation": load_citation(),
        "year": max((record.started.year for record in records.values()), default=""),
    }
