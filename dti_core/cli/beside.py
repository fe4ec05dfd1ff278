"""The verdicts of runs of this machine beside those of the book, and why some differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dti_core.cli.display import coloured, judged, say, table
from dti_core.lab.claims import judge
from dti_core.lab.fingerprint import numbers_changed
from dti_core.lab.frozen import frozen_record, frozen_slugs
from dti_core.lab.record import Record, Verdict


@dataclass(frozen=True, slots=True)
class Pair:
    """What the book (None without a chapter) and a run of its study say of a claim, by today's register."""

    record: Record
    book: Verdict | None
    here: Verdict

    @property
    def differs(self) -> bool:
        """Whether both say something, and not the same."""
        return self.book is not None and self.book.verdict != self.here.verdict


def pairs_of(records: Sequence[Record]) -> Iterator[Pair]:
    """Each claim that these runs judge beside its verdict in the book."""
    frozen = frozen_slugs()
    for record in records:
        chapter = judge(frozen_record(record.slug)) if record.slug in frozen else ()
        book = {verdict.claim: verdict for verdict in chapter}
        for here in judge(record):
            yield Pair(record, book.get(here.claim), here)


def show_beside_book(records: Sequence[Record], profile: str) -> None:
    """Print each verdict of these runs beside that of the book, then a sentence on those that differ."""
    pairs = list(pairs_of(records))
    if not pairs:
        return
    rows = [
        (pair.here.claim, pair.record.slug, judged(pair.book) if pair.book else "no chapter yet",
         judged(pair.here), coloured("differs" if pair.differs else "", "yellow"))
        for pair in pairs
    ]  # fmt: skip
    title = "Verdicts of the book beside those of this run"
    table(title, ["claim", "study", "book says (full, frozen)", f"this run says ({profile})", ""], rows)
    say(sentence(pairs))


def sentence(pairs: Sequence[Pair]) -> str:
    """Which verdicts differ from the book's, and in what their runs differ from the frozen ones."""
    other = [pair for pair in pairs if pair.differs]
    if not other:
        compared = [pair for pair in pairs if pair.book]
        return f"All {len(compared)} verdicts that the book holds too are the same here."
    told = []
    for record in {pair.record.slug: pair.record for pair in other}.values():
        claims = ", ".join(pair.here.claim for pair in other if pair.record.slug == record.slug)
        told.append(f"{claims} ({record.slug}: {why(record)})")
    verb = "differs" if len(other) == 1 else "differ"
    return f"{len(other)} of {len(pairs)} verdicts {verb} from the book, which decides: {'; '.join(told)}."


def why(record: Record) -> str:
    """In what a run differs from the frozen one of its study: smaller counts first, as "less data"."""
    frozen = frozen_record(record.slug)
    less: list[str] = []
    other: list[str] = []
    for name, full in frozen.parameters.items():
        here = record.parameters.get(name)
        if here != full:
            smaller = isinstance(here, int | float) and isinstance(full, int | float) and here < full
            (less if smaller else other).append(f"{name} {here} instead of {full}")
    same = record.provenance.fingerprint.numbers.model_copy(update={"parameters": frozen.parameters})
    moved = numbers_changed(frozen.provenance.fingerprint.numbers, same)
    parts = [f"less data, {', '.join(less)}"] if less else []
    parts += [f"other settings, {', '.join(other)}"] if other else []
    parts += [f"other code, data or packages: `dti compare {record.slug} {record.run}`"] if moved else []
    return "; ".join(parts) or "although parameters, code, data and packages are the same"
