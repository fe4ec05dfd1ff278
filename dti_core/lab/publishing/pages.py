"""Pages of the book that are written by code: claims, status, data, bridges, verdicts so far, contents."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from dti_core.lab.claims import all_verdicts
from dti_core.lab.config import load_experiment
from dti_core.lab.data import DataCard, load_registry
from dti_core.lab.files import write
from dti_core.lab.publishing.bridge_map import Bridge, list_bridges
from dti_core.lab.publishing.claim_pages import plain, raw, register_table, verdicts_so_far
from dti_core.lab.record import Record
from dti_core.lab.register import load_register
from dti_core.lab.running.history import read_record

_NOTE = "% Written by `dti_core.lab.publishing.pages`; change the register or the runs, not this file.\n\n"
_CLAIMS = """# Claims

Every sentence of the review that asserts something is one row here, in our words.
[How to read and rerun](how_to_read.md) says what the verdicts mean.

"""
_STATUS = """# Status

The book never computes. Each chapter is the frozen output of one recorded run, and a test compares the
sources of that run with those in the repository.

"""
_DATA = """# Data

The data ship inside ordinary Python packages, so nothing is downloaded while a study runs. A file whose
hash has changed is refused. Licences are those that the packages state; the rights of the first sources
were not checked.

"""
_BRIDGES = """# Bridges

The review says that technology spills over from one sector to another. Here that sentence has a form that
can be counted: a bridge is a module that knows no study, and spillover is a second study that uses it,
directly or through another bridge. A bridge with one user has not spilled over.

"""
_CONTENTS = """# Written by dti_core.lab.publishing.pages.
format: jb-book
root: intro
parts:
  - caption: Start
    chapters:
      - file: how_to_read
{studies}  - caption: The review
    chapters:
      - file: claims
      - file: bridges
      - file: data
  - caption: Back matter
    chapters:
      - file: status
      - file: notation
      - file: references
"""


def frozen_records(book: Path) -> dict[str, Record]:
    """Records of the published chapters, in the order of the review's references."""
    return in_order(read_record(path) for path in (book / "studies").glob("*.result.json"))


def in_order(records: Iterable[Record]) -> dict[str, Record]:
    """Records by study, in the order of the review's references."""
    found = sorted(records, key=lambda record: (load_experiment(record.slug).source, record.slug))
    return {record.slug: record for record in found}


def page_texts(records: Mapping[str, Record]) -> dict[str, str]:
    """Every generated page of a book with chapters of these records: path below the book -> text."""
    register = load_register()
    verdicts = list(all_verdicts(list(records.values())))
    return {
        "_generated/verdicts.md": _NOTE + verdicts_so_far(verdicts, register, records),
        "claims.md": _NOTE + _CLAIMS + register_table(verdicts, register, records),
        "status.md": status_page(list(records.values())),
        "data.md": data_page(record.data for record in records.values()),
        "bridges.md": bridges_page(list_bridges(), set(records)),
        "_toc.yml": contents(list(records)),
    }


def write_pages(book: Path, records: Mapping[str, Record]) -> None:
    """Write every generated page of the book in `book`; those that stand there already are left alone."""
    for name, text in page_texts(records).items():
        path = book / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write(path, text)


def status_page(records: Sequence[Record]) -> str:
    """What was run, when, on which commit, data and versions."""
    if not records:
        return _NOTE + _STATUS + "No chapter has been published yet.\n"
    parts = [f"## {plain(load_experiment(r.slug).title)}\n\n{raw(_run_facts(r))}\n" for r in records]
    return _NOTE + _STATUS + "\n".join(parts)


def data_page(used: Iterable[DataCard]) -> str:
    """A card for each packaged data set, and whether a chapter rests on it."""
    in_chapters = {card.sha256 for card in used}
    parts = []
    for name, data in load_registry().items():
        card = data.card(name)
        facts = {
            "size": f"{card.rows:,} rows, {card.columns} columns",
            "comes with": escape(f"{data.package} {data.version}"),
            "licence": escape(card.licence),
            "used in a chapter": "yes" if card.sha256 in in_chapters else "not yet",
            "sha256": _code(card.sha256),
        }
        warning = f'<p><span class="dti-badge dti-data">{escape(card.badge)}</span></p>'
        about = raw(f"{warning}<p>{escape(card.caveat)}</p>{_facts(facts)}")
        parts.append(f"## {plain(card.title)}\n\n{about}\n")
    return _NOTE + _DATA + "\n".join(parts)


def bridges_page(bridges: Sequence[Bridge], published: set[str]) -> str:
    """What each bridge is, what it offers and which study uses it."""
    parts = []
    for bridge in bridges:
        links = {slug: f"[{slug}](studies/{slug}.ipynb)" for slug in published}
        users = ", ".join(links.get(slug, f"`{slug}`") for slug in bridge.users)
        offers = "\n".join(f"- `{name}`: {what}" for name, what in bridge.offers.items())
        parts.append(
            f"## {bridge.name}\n\n{bridge.summary}\n\nUsed by: {users or 'no study yet'}.\n\n{offers}\n"
        )
    return _NOTE + _BRIDGES + ("\n".join(parts) or "No bridge has been built yet.\n")


def contents(slugs: Sequence[str]) -> str:
    """The table of contents; the part `Studies` appears with the first chapter."""
    files = "".join(f"      - file: studies/{slug}\n" for slug in slugs)
    return _CONTENTS.format(studies=f"  - caption: Studies\n    chapters:\n{files}" if files else "")


def _run_facts(record: Record) -> str:
    source = record.provenance
    commit = _code(source.git_commit[:12] if source.git_commit else "none")
    changed = ", with changes that were not committed" if source.git_dirty else ""
    packages = {name: told for name, told in source.fingerprint.numbers.packages.items() if name != "python"}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    parameters = ", ".join(f"{name} = {value}" for name, value in record.parameters.items() if value != "")
    return _facts(
        {
            "profile": escape(record.profile),
            "run": _code(record.run),
            "started": f"{record.started:%Y-%m-%d %H:%M} UTC",
            "took": f"{record.seconds:.0f} s on {escape(source.machine)}",
            "commit": f"{commit}{changed}",
            "data": f"{escape(record.data.title)}, {_code(record.data.sha256[:12])}",
            "fingerprint": f"<code>{source.fingerprint.numbers.digest[:12]}</code> made the numbers, "
            f"<code>{source.fingerprint.telling.digest[:12]}</code> tells them",
            "versions": f"<details><summary>Python {escape(source.python)}, {len(packages)} packages"
            f"</summary>{escape(versions)}</details>",
            "parameters": escape(parameters),
        }
    )


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f'<dl class="dti-facts">{rows}</dl>'
