"""What the page of sizes shows: every question at typical sizes, as far as its chapter is frozen."""

from collections.abc import Collection
from dataclasses import dataclass

from dti_core.book.sizes import QUESTIONS
from dti_core.book.sizes.answers import Line, Question, ways
from dti_core.lab.errors import DtiError


@dataclass(frozen=True, slots=True)
class Asked:
    """One typical size: its label with what was asked, and the answer, or why there is none."""

    label: str
    inputs: str
    lines: tuple[Line, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One question with its typical sizes, the ways to its numbers, and the runs that they come from."""

    question: Question
    asked: tuple[Asked, ...]

    @property
    def ways(self) -> dict[tuple[str, str], list[str]]:
        """How its numbers were read and whence, and what they say."""
        return ways(line for one in self.asked for line in one.lines)


def questions_told(chapters: Collection[str]) -> list[Told]:
    """All questions, those whose chapter is not among `chapters` without answers."""
    return [
        Told(one, tuple(_ask(one, label, chapters) for label in one.typical)) for one in QUESTIONS.values()
    ]


def _ask(question: Question, label: str, chapters: Collection[str]) -> Asked:
    given = question.typical[label]
    inputs = question.words(given)
    if question.study not in chapters:
        return Asked(label, inputs, why=f"no chapter of {question.study} is frozen here")
    try:
        return Asked(label, inputs, tuple(question.ask(**given)))
    except DtiError as error:
        return Asked(label, inputs, why=str(error))
