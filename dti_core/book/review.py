"""The review's own path: its sections 2 to 4, paragraph by paragraph, each sentence with its verdict."""

import difflib
from collections.abc import Iterable, Mapping

from dti_core.book.fitting import read_as
from dti_core.lab.citations import Strict, Text
from dti_core.lab.errors import ClaimError
from dti_core.lab.register import ClaimId, Register

SECTIONS = "experiments/review/sections.yaml"


class Paragraph(Strict):
    """What a paragraph is about, the row with which it begins, and all its rows once they are known."""

    about: Text
    first: ClaimId
    claims: tuple[ClaimId, ...] = ()


class Section(Strict):
    """A heading of the review in our words, and the paragraphs below it."""

    title: Text
    paragraphs: tuple[Paragraph, ...] = ()


class Sections(Strict):
    """The content of experiments/review/sections.yaml: number of a section -> section."""

    sections: Mapping[str, Section] = {}


def review_path(register: Register) -> dict[str, Section]:
    """The sections in the order of the review, every paragraph with its rows in theirs.

    Raises
    ------
    ClaimError names a row or a section that does not fit the register.
    """
    told = read_as(Sections, SECTIONS) or Sections()
    return {number: _with_rows(number, section, register) for number, section in told.sections.items()}


def _with_rows(number: str, section: Section, register: Register) -> Section:
    rows = [key for key, claim in register.claims.items() if claim.section == number]
    firsts = [paragraph.first for paragraph in section.paragraphs]
    refuse_unknown(f"{SECTIONS}: section {number}", firsts, register)
    places = [rows.index(first) if first in rows else -1 for first in firsts]
    if places[:1] != ([0] if rows else []) or places != sorted(set(places)):
        raise ClaimError(
            f"{SECTIONS}: section {number}: paragraphs begin with {', '.join(firsts)}; they must "
            f"begin with rows of that section in their order, the first with {rows[0] if rows else 'none'}."
        )
    cut = zip(section.paragraphs, places, [*places[1:], len(rows)], strict=False)
    filled = [one.model_copy(update={"claims": tuple(rows[start:end])}) for one, start, end in cut]
    return section.model_copy(update={"paragraphs": tuple(filled)})


def refuse_unknown(where: str, claims: Iterable[str], register: Register) -> None:
    """ClaimError with the nearest name if a claim is not in the register."""
    for claim in claims:
        if claim not in register.claims:
            near = difflib.get_close_matches(claim, register.claims, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else "`dti claims` lists them."
            raise ClaimError(f"{where}: no claim {claim} in the register. {hint}")
