"""Verdicts on claims, from intervals and citations alone; no point estimate decides anything.

One bar asks for a difference d in the claimed direction, with an interval [low, high] and a smallest effect
of interest s: supported if low > 0 and high >= s, refuted if high < s, else inconclusive. A test of several
bars is supported if all are, refuted if any is, else inconclusive. Controls can only weaken a verdict:

- `supported` falls to inconclusive if the world without the effect also clears the bars, or was not run;
- `refuted` falls to inconclusive if the world with a planted effect does not clear them, or was not run.
"""

import html
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from dti_core.lab.citations import Finding
from dti_core.lab.record import OBSERVED, Estimate, Record, Result, Verdict, VerdictWord
from dti_core.lab.register import Bar, Claim, ExperimentTest, Register, load_register

#: Profiles whose records may decide a claim, the stronger first.
DECIDING_PROFILES = ("full", "quick")


@dataclass(frozen=True, slots=True)
class Verdicts(Sequence[Verdict]):
    """Verdicts in the order of the register; a notebook shows them as a table beside the claims' words."""

    verdicts: tuple[Verdict, ...]
    says: Mapping[str, str] = field(repr=False)

    @overload
    def __getitem__(self, index: int) -> Verdict: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Verdict, ...]: ...
    def __getitem__(self, index: int | slice) -> Verdict | tuple[Verdict, ...]:
        return self.verdicts[index]

    def __len__(self) -> int:
        return len(self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def counts(self) -> Counter[VerdictWord]:
        """How many claims got each verdict."""
        return Counter(verdict.verdict for verdict in self.verdicts)

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        for verdict in self.verdicts:
            because = verdict.because + (f" Controls: {verdict.control}." if verdict.control else "")
            yield verdict.claim, self.says[verdict.claim], verdict.verdict, because

    def _repr_markdown_(self) -> str:
        lines = ["| claim | verdict | because |", "|---|---|---|"]
        for claim, says, word, because in self._rows():
            cells = (f"**{claim}** {says}", f"**{word}**", because)
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{title}</th>' for title in ("claim", "verdict", "because"))
        body = "".join(
            f'<tr><th scope="row">{claim}: {html.escape(says)}</th>'
            f'<td class="verdict-{word.replace(" ", "-")}">{word}</td><td>{html.escape(because)}</td></tr>'
            for claim, says, word, because in self._rows()
        )
        return f'<table class="verdicts"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def judge(result: Result | Record, register: Register | None = None) -> Verdicts:
    """Verdicts on the claims that are bound to the study of `result`, from its estimates."""
    register = register or load_register()
    slug = result.slug if isinstance(result, Record) else result.config.slug
    bound = register.bound_to(slug)
    verdicts = tuple(_judge_test(key, claim, result.estimates) for key, claim in bound.items())
    return Verdicts(verdicts, {key: claim.says for key, claim in bound.items()})


def all_verdicts(records: Iterable[Record], register: Register | None = None) -> Verdicts:
    """A verdict on every claim, in the order of the register.

    Parameters
    ----------
    records : of any studies and profiles; the newest full run of a study decides, without one its newest
        quick run. Verdicts stored in a record are not read: estimates are judged by today's register.
    """
    register = register or load_register()
    decisive = _decisive_records(records)
    verdicts = tuple(_verdict(register, key, claim, decisive) for key, claim in register.claims.items())
    return Verdicts(verdicts, {key: claim.says for key, claim in register.claims.items()})


def _decisive_records(records: Iterable[Record]) -> dict[str, Record]:
    """The record of each study that may decide its claims."""
    fitting = [record for record in records if record.profile in DECIDING_PROFILES]
    ranked = sorted(fitting, key=lambda one: (-DECIDING_PROFILES.index(one.profile), one.started))
    return {record.slug: record for record in ranked}


def _verdict(register: Register, key: str, claim: Claim, records: Mapping[str, Record]) -> Verdict:
    if claim.test is not None:
        if record := records.get(claim.test.study):
            return _judge_test(key, claim, record.estimates)
        because = f"Bound to {claim.test.study}, of which no quick or full run is at hand."
        return Verdict(claim=key, verdict="not yet tested", because=because)
    if claim.not_testable is not None:
        return Verdict(claim=key, verdict="not testable", because=_sentence(claim.not_testable))
    if claim.decided_by_rules:
        finding = _all_of([register.apply(rule) for rule in claim.rules])
        return Verdict(claim=key, verdict=finding.verdict, because=_sentence(finding.because))
    plan = f"Planned in {claim.planned.study}: {claim.planned.by}" if claim.planned else "No plan yet"
    return Verdict(claim=key, verdict="not yet tested", because=_sentence(plan))


def _judge_test(key: str, claim: Claim, estimates: Sequence[Estimate]) -> Verdict:
    """The verdict on a bound claim, controls included."""
    if claim.test is None:
        raise ValueError(f"{key} is bound to no study")
    test, by_key = claim.test, {estimate.key: estimate for estimate in estimates}
    found, controls = _judge_world(test, by_key, OBSERVED), _judge_controls(test, by_key)
    word, because = found.verdict, found.because
    if objection := _objection(test, word, controls):
        word, because = "inconclusive", f"{because}. But {objection}"
    return Verdict(
        claim=key,
        verdict=word,
        because=_sentence(because),
        estimates=tuple(bar.estimate for bar in test.estimates),
        control="; ".join(
            f"{world}: {what.verdict if what else 'not run'}" for world, what in controls.items()
        ),
    )


def _judge_controls(test: ExperimentTest, by_key: Mapping[str, Estimate]) -> dict[str, Finding | None]:
    """Finding in each control world; None where the run lacks one of its estimates."""
    worlds = [control.world for control in (test.control, test.positive_control) if control is not None]
    return {
        world: _judge_world(test, by_key, world)
        if all(_key(bar, world) in by_key for bar in test.estimates)
        else None
        for world in worlds
    }


def _objection(test: ExperimentTest, word: str, controls: Mapping[str, Finding | None]) -> str | None:
    """Why the controls do not let this verdict stand, if they do not."""
    if word == test.control.must_not_be:
        without = controls[test.control.world]
        if without is None:
            return f"the control was not run: its estimates in the world {test.control.world} are missing"
        if without.verdict == test.control.must_not_be:
            return f"the control world {test.control.world} also shows the effect"
    if word == "refuted" and test.positive_control is not None:
        planted = controls[test.positive_control.world]
        if planted is None:
            return f"the positive control {test.positive_control.world} was not run"
        if planted.verdict != test.positive_control.must_be:
            return f"the method could not find a planted effect (world {test.positive_control.world})"
    return None


def _judge_world(test: ExperimentTest, by_key: Mapping[str, Estimate], world: str) -> Finding:
    return _all_of([judge_bar(bar, by_key.get(_key(bar, world))) for bar in test.estimates])


def judge_bar(bar: Bar, estimate: Estimate | None) -> Finding:
    """Whether the interval of one estimate clears its bar, by the rule at the head of this module."""
    if estimate is None:
        return Finding(
            verdict="inconclusive", because=f"{bar.label}: the run did not estimate {bar.estimate}"
        )
    sign = 1.0 if bar.direction == "greater" else -1.0
    ends = sorted((sign * (estimate.low - bar.than), sign * (estimate.high - bar.than)))
    low, high = ends
    digits = max(2, 1 - math.floor(math.log10(bar.smallest_effect)))
    base, goal = (f"{number:.{digits}f}" for number in (bar.than, bar.than + sign * bar.smallest_effect))
    beyond, short = ("above", "below") if sign > 0 else ("below", "above")
    numbers = (
        f"{bar.label} {estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}] "
        f"against a smallest interesting {goal}"
    )
    if high < bar.smallest_effect:
        return Finding(verdict="refuted", because=f"{numbers}: the whole interval lies {short} {goal}")
    if low > 0:
        because = f"{numbers}: the whole interval lies {beyond} {base} and reaches {goal}"
        return Finding(verdict="supported", because=because)
    return Finding(verdict="inconclusive", because=f"{numbers}: the interval contains both {base} and {goal}")


def _all_of(findings: Sequence[Finding]) -> Finding:
    """Supported if all are, refuted if any is, else inconclusive; the findings that decide come first."""
    words = [finding.verdict for finding in findings]
    word: VerdictWord = "inconclusive"
    if "refuted" in words:
        word = "refuted"
    elif all(one == "supported" for one in words):
        word = "supported"
    ordered = sorted(findings, key=lambda finding: finding.verdict != word)
    return Finding(verdict=word, because="; ".join(dict.fromkeys(one.because for one in ordered)))


def _key(bar: Bar, world: str) -> str:
    return bar.estimate if world == OBSERVED else f"{bar.estimate}@{world}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:].rstrip(".") + "."
