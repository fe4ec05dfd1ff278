"""What machines and citing readers are told of the book, out of one place: CITATION.cff."""

import datetime as dt
import re
import textwrap
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints

from dti_core.book.fitting import read_as

_SHORTEST, _LONGEST = 60, 200
Line = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
#: A group has a name, a person the other two.
Author = Annotated[Mapping[Literal["name", "family-names", "given-names"], Line], Field(min_length=1)]


class Citation(BaseModel):
    """The fields of CITATION.cff (Citation File Format 1.2.0) that this repository gives, or may."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cff_version: Literal["1.2.0"] = Field(alias="cff-version")
    message: Line
    title: Line
    type: Literal["software", "dataset"] = "software"
    authors: Annotated[tuple[Author, ...], Field(min_length=1)]
    abstract: Line = ""
    keywords: tuple[Line, ...] = ()
    version: Line
    license: Line
    date_released: dt.date | None = Field(None, alias="date-released")
    doi: Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}(\.\d+)?/\S+$")] | None = None
    url: HttpUrl | None = None
    repository_code: HttpUrl | None = Field(None, alias="repository-code")

    @property
    def buttons(self) -> dict[str, object]:
        """Options of the theme: repository buttons if an address is given whose host it knows, else none."""
        host = (self.repository_code.host or "") if self.repository_code else ""
        if not any(known in host for known in ("github", "gitlab", "bitbucket")):
            return {}
        place = {"repository_url": str(self.repository_code).rstrip("/"), "path_to_docs": "book"}
        return {**place, "use_repository_button": True, "use_issues_button": True}

    @property
    def creators(self) -> list[str]:
        """Authors as BibTeX reads them; a group stays one name."""
        told = [", ".join(text for _, text in sorted(one.items())) for one in self.authors]
        return [f"{{{one}}}" if "," not in one else one for one in told]


def load_citation() -> Citation | None:
    """CITATION.cff of the project, None without one. ConfigError names the field that does not fit."""
    return read_as(Citation, "CITATION.cff")


def description(paragraphs: Iterable[str]) -> str:
    """What a search engine shows of a page: its first sentences, of no more than 200 characters."""
    text = " ".join(" ".join(islice(paragraphs, 3)).split())
    told, *more = re.split(r"(?<=[.?!]) (?=[A-Z\"])", text)
    for sentence in more:
        if len(told) < _SHORTEST:
            told = f"{told} {sentence}"
    return textwrap.shorten(told, _LONGEST, placeholder=" ...")
