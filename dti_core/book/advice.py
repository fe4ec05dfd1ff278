"""The review's advice: its rows, what became of them, what would change that, how to repeat it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dti_core.book.fitting import read_as
from dti_core.book.review import refuse_unknown
from dti_core.lab.bars import LEVEL, judge_bar
from dti_core.lab.citations import Strict, Text
from dti_core.lab.claims import failed_gates, held_back
from dti_core.lab.config import Experiment, list_slugs, load_experiment
from dti_core.lab.record import Estimate, Record, Verdict, VerdictWord
from dti_core.lab.register import Bar, Claim, ClaimId, Register
from dti_core.lab.say import listed

ADVICE = "experiments/review/advice.yaml"
#: What is said of advice by the first of these verdicts that one of its rows has.
_LEADS: Mapping[VerdictWord, str] = {
    "refuted": "not borne out",
    "inconclusive": "undecided",
    "not yet tested": "not yet tested",
    "supported": "borne out",
    "not testable": "not testable",
}


class Reader(Strict):
    """Whom advice addresses, and the group of readers they belong to."""

    title: Text
    group: Literal["Researchers", "Practitioners", "Policymakers"]


class Advice(Strict):
    """A piece of advice in our words, the row that gives it, and the rows that say why it should help."""

    says: Text
    row: ClaimId
    readers: Annotated[tuple[str, ...], Field(min_length=1)]
    leans_on: Annotated[tuple[ClaimId, ...], Field(min_length=1)]


class AdviceFile(Strict):
    """The content of experiments/review/advice.yaml."""

    readers: Mapping[str, Reader] = {}
    advice: tuple[Advice, ...] = ()

    @model_validator(mode="after")
    def _addresses_known_readers(self) -> "AdviceFile":
        named = {reader for one in self.advice for reader in one.readers}
        if unknown := sorted(named - self.readers.keys()):
            raise ValueError(f"no reader {', '.join(unknown)}; there are {', '.join(self.readers)}")
        return self


@dataclass(frozen=True, slots=True)
class Flip:
    """An end of an interval, the mark it would have to pass, and the verdict of the bar from there on."""

    end: str
    now: float
    mark: float
    becomes: VerdictWord


@dataclass(frozen=True, slots=True)
class Told:
    """One bar with its estimate, what would flip it, and the decimals that show both."""

    bar: Bar
    estimate: Estimate | None
    flips: tuple[Flip, ...]
    digits: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row that advice leans on.

    `alone` is what its bars say without controls, `bars` are those that say it, `held_back` tells why the
    controls do not let them; `experiment` repeats it.
    """

    verdict: Verdict
    alone: VerdictWord
    bars: tuple[Told, ...]
    held_back: tuple[str, ...]
    experiment: Experiment | None


@dataclass(frozen=True, slots=True)
class Counsel:
    """A piece of advice with its rows: the word it must bear by them, in plain words too, and their count."""

    advice: Advice
    rows: tuple[Row, ...]
    word: VerdictWord
    lead: str
    counted: str


def counsels(
    register: Register, verdicts: Iterable[Verdict], records: Mapping[str, Record]
) -> dict[str, dict[str, list[Counsel]]]:
    """Group of readers -> reader -> the advice for them. ClaimError names a row that the register lacks."""
    book, by_claim = read_as(AdviceFile, ADVICE) or AdviceFile(), {one.claim: one for one in verdicts}
    groups: dict[str, dict[str, list[Counsel]]] = {}
    for name, reader in book.readers.items():
        told = groups.setdefault(reader.group, {}).setdefault(reader.title, [])
        for advice in (one for one in book.advice if name in one.readers):
            refuse_unknown(f"{ADVICE}: '{advice.says}'", (advice.row, *advice.leans_on), register)
            rows = tuple(_row(register.claims[key], by_claim[key], records) for key in advice.leans_on)
            told.append(Counsel(advice, rows, *standing([row.verdict for row in rows])))
    return groups


def standing(verdicts: Iterable[Verdict]) -> tuple[VerdictWord, str, str]:
    """The word that advice must bear by its rows, that in plain words, and a sentence that counts them."""
    verdicts = list(verdicts)
    counts = Counter(verdict.verdict for verdict in verdicts)
    word = next(one for one in _LEADS if counts[one])
    lead = _LEADS[word]
    if word == "supported" and counts["not testable"]:
        lead = "borne out in part"
    elif word == "supported" and any(verdict.grade == "conditional" for verdict in verdicts):
        lead = "borne out under stated assumptions"
    told = [f"{counts[one]} {'is' if counts[one] == 1 else 'are'} {one}" for one in _LEADS if counts[one]]
    return word, lead, f"Of the claims that it leans on, {listed(told)}."


def _row(claim: Claim, verdict: Verdict, records: Mapping[str, Record]) -> Row:
    """Bars decide as the verdict's rule says, before controls are heard: any refuted, or all supported."""
    experiment = load_experiment(claim.owner) if claim.owner in list_slugs() else None
    bars: list[tuple[Bar, Estimate | None, VerdictWord]] = []
    held: list[str] = []
    for test in claim.tests if verdict.verdict != "not yet tested" else ():
        record = records.get(test.study)
        by_key = {one.key: one for one in record.estimates} if record else {}
        words: set[VerdictWord] = set()
        for sample in test.samples.values():
            judged = [(bar, one := by_key.get(bar.estimate), judge_bar(bar, one).verdict) for bar in sample]
            words.add(word := _together(judged))
            if word != "inconclusive":
                held += held_back(test, [bar for bar, _, one in judged if one == word], by_key, word)
            bars += judged
        held += failed_gates(test.gates, by_key) if words != {"inconclusive"} else ()
        held += ["the samples disagree"] if len(words) > 1 else []
    word = _together(bars)
    told = tuple(_tell(bar, estimate) for bar, estimate, one in bars if one == word)
    return Row(verdict, word, told, tuple(held), experiment)


def _together(judged: Iterable[tuple[Bar, Estimate | None, VerdictWord]]) -> VerdictWord:
    words = {word for *_, word in judged}
    if "refuted" in words:
        return "refuted"
    return "supported" if words == {"supported"} else "inconclusive"


def _tell(bar: Bar, estimate: Estimate | None) -> Told:
    shown = len(estimate.text.split()[0].partition(".")[2]) if estimate else 0
    digits = max(shown, 1 - math.floor(math.log10(bar.smallest_effect)))
    return Told(bar, estimate, tuple(flips(bar, estimate)) if estimate else (), digits)


def flips(bar: Bar, estimate: Estimate) -> list[Flip]:
    """What would change the verdict of one bar: each end of the interval that has a mark to pass.

    None if the interval's level is too low to decide anything.
    """
    sign = 1.0 if bar.direction == "greater" else -1.0
    low, high = ("low", estimate.low), ("high", estimate.high)
    near, far = (low, high) if sign > 0 else (high, low)
    goal = bar.than + sign * bar.smallest_effect
    match judge_bar(bar, estimate).verdict:
        case _ if estimate.level < LEVEL:
            return []
        case "supported":
            return [Flip(*near, bar.than, "inconclusive")]
        case "refuted":
            beyond = sign * (near[1] - bar.than) > 0
            return [Flip(*far, goal, "supported" if beyond else "inconclusive")]
        case _:
            return [Flip(*near, bar.than, "supported"), Flip(*far, goal, "refuted")]
