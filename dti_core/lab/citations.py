"""What dates and public contents of the cited studies settle without any experiment."""

from collections.abc import Mapping
from typing import Annotated, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dti_core.lab.record import Size, VerdictWord

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
PublicationDate = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]


class Strict(BaseModel):
    """A part of a file that people write: fixed, and without fields that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Study(Strict):
    """A cited study: when it became public, and what its public text contains or rules out."""

    slug: str
    title: Text
    author: Text
    domain: Literal["commerce", "finance", "security"]
    published: PublicationDate
    has: tuple[str, ...]
    lacks: tuple[str, ...]


class Technology(Strict):
    """A technique that is older than the studies, and the work that made it public."""

    published: PublicationDate
    source: Text


class Precedes(Strict):
    """`first` was public before `then`; each is a study's number or a technology's name."""

    rule: Literal["precedes"]
    first: int | str
    then: int | str


class Has(Strict):
    """The public text of `study` contains `term`."""

    rule: Literal["has"]
    study: int
    term: Text


class Misprinted(Strict):
    """The study under the printed number is the one with `term` (refuted: it is the study `meant`)."""

    rule: Literal["misprinted"]
    printed: int
    meant: int
    term: Text


Rule = Annotated[Precedes | Has | Misprinted, Field(discriminator="rule")]


class Finding(Strict):
    """What a rule, a bar or a test says, and why."""

    verdict: VerdictWord
    because: str
    size: Size | None = None


class Library(Strict):
    """The studies by their printed number, and older techniques by name."""

    studies: Mapping[int, Study]
    technologies: Mapping[str, Technology]

    def knows(self, rule: Rule) -> bool:
        """Whether all that the rule names is in the library."""
        named = set(rule.model_dump(exclude={"rule", "term"}).values())
        return named <= {*self.studies, *self.technologies}

    def apply(self, rule: Rule) -> Finding:
        """What dates and contents of the cited studies say about one rule."""
        match rule:
            case Precedes():
                return self._precedes(rule.first, rule.then)
            case Has():
                return self._has(rule.study, rule.term)
            case Misprinted():
                return self._misprinted(rule)

    def _precedes(self, first: int | str, then: int | str) -> Finding:
        one, other = self._published(first), self._published(then)
        dates = f"{_named(first)} is of {one}, {_named(then)} of {other}"
        earlier, later = pd.Period(one), pd.Period(other)
        if earlier.end_time < later.start_time:
            return Finding(verdict="supported", because=f"{dates}, so the first could lead to the second")
        if earlier.start_time > later.end_time:
            return Finding(verdict="refuted", because=f"{dates}, so the first cannot have led to the second")
        return Finding(verdict="inconclusive", because=f"{dates}, too close to say which came first")

    def _has(self, number: int, term: str) -> Finding:
        study = self.studies[number]
        if term in study.has:
            return Finding(verdict="supported", because=f"the public text of [{number}] has {term}")
        if term in study.lacks:
            return Finding(verdict="refuted", because=f"[{number}] has no {term}: {study.title}")
        return Finding(verdict="inconclusive", because=f"nothing public of [{number}] shows {term}")

    def _misprinted(self, rule: Misprinted) -> Finding:
        printed, meant = self._has(rule.printed, rule.term), self._has(rule.meant, rule.term)
        if printed.verdict == "refuted" and meant.verdict == "supported":
            return Finding(verdict="refuted", because=f"{printed.because}; {meant.because}")
        if printed.verdict == "supported":
            return printed
        because = f"{printed.because}, {meant.because}: whether the number is right stays open"
        return Finding(verdict="inconclusive", because=because)

    def _published(self, what: int | str) -> str:
        return self.studies[what].published if isinstance(what, int) else self.technologies[what].published


def _named(what: int | str) -> str:
    return f"[{what}]" if isinstance(what, int) else what
