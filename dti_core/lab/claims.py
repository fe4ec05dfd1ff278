"""Verdicts on claims, from intervals and citations alone; no point estimate decides anything.

One bar asks for a difference d in the claimed direction, with an interval [low, high] and a smallest effect
of interest s: supported if low > 0 and high >= s, refuted if high < s, else inconclusive. Where low >= s too,
the effect is `at least` that large; else its `size` stays `open`. A test of several bars is supported if all
are, refuted if any is, else inconclusive.

Controls can only weaken a verdict. Each bar that decides it is judged in each control world by itself: if it
is cleared in the world without the effect, or not cleared in the world with a planted effect, or one of both
is missing, the verdict falls to inconclusive. A world that was drawn many times is judged by the share of
draws that clear the bar: above FALSE_RATE it shows an effect that is not there, below POWER it misses one,
and fewer than LEAST_DRAWS draws are none. A refutation falls too where more than FALSE_RATE of the draws
with the effect are refuted, or of those of a world in which a threat weakens it, such as error in what is
measured. A conditional verdict needs the share of its assumptions.

Gates are specification tests: where one fails or is missing, nothing is decided. Bars of several samples
are judged sample by sample, and a verdict needs all samples to agree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from dti_core.lab.bars import FALSE_RATE, cleared, judge_bar, share_of
from dti_core.lab.citations import Finding
from dti_core.lab.record import OBSERVED, Estimate, Grade, Record, Result, Size, Verdict, VerdictWord
from dti_core.lab.register import Bar, Claim, ExperimentTest, Gate, Register, load_register
from dti_core.lab.say import number, plain
from dti_core.lab.tables import Rows, Table, show_table

#: Profiles whose records may decide a claim, the stronger first.
DECIDING_PROFILES = ("full", "quick")
#: From the weakest to the strongest.
_GRADES: tuple[Grade, ...] = ("conditional", "observed", "derived")


class Verdicts(tuple[Verdict, ...]):
    """Verdicts in the order of the register; a notebook shows them as a table beside the claims' words."""

    says: Mapping[str, str]
    readings: Mapping[str, str]

    def __new__(cls, verdicts: Iterable[Verdict], register: Register, study: str = "") -> "Verdicts":
        """Beside the verdicts, what each of their claims says and how `study` reads it."""
        self = super().__new__(cls, verdicts)
        claims = {verdict.claim: register.claims[verdict.claim] for verdict in self}
        self.says = {key: claim.says for key, claim in claims.items()}
        tests = {(key, test.study): test for key, claim in claims.items() for test in claim.tests}
        self.readings = {key: tests[key, study].reading for key in claims if (key, study) in tests}
        return self

    @property
    def table(self) -> Table:
        """The claims in words, each with its verdict and the reason."""
        rows: Rows = {
            f"{one.claim}: {self.says[one.claim]}": {"verdict": _badge(one), "because": self._because(one)}
            for one in self
        }
        return show_table(
            rows, name="verdicts", title="Claims of this study and their verdicts", stub="claim"
        )

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        return self.table._repr_mimebundle_()

    def _because(self, verdict: Verdict) -> Markup:
        """How the claim is read, then a line a bar; what the controls show is folded."""
        reading, control = self.readings.get(verdict.claim, ""), plain(verdict.control or "")
        read = Markup("<small>Read here as: {}</small><br>").format(reading) if reading else Markup()
        bars = Markup(";<br>").join(plain(verdict.because).split("; "))
        seen = "<details><summary>Controls, bar by bar in that order</summary>{}.</details>"
        return read + bars + (Markup(seen).format(control) if control else Markup())


def _badge(verdict: Verdict) -> Markup:
    word = verdict.verdict
    badge = Markup('<span class="dti-badge dti-{}">{}</span>').format(word.replace(" ", "-"), word)
    return badge + Markup("<br><small>{}</small>").format(verdict.qualified) if verdict.qualified else badge


def judge(result: Result | Record, register: Register | None = None) -> Verdicts:
    """Verdicts on the claims that are bound to the study of `result`, from its estimates."""
    register = register or load_register()
    slug = result.slug if isinstance(result, Record) else result.config.slug
    bound = register.bound_to(slug)
    card = result.data if isinstance(result, Record) else result.card
    simulated, verdicts = card.origin == "simulated", []
    for key, claim in bound.items():
        for test in claim.tests:
            if test.study == slug:
                found = judge_test(key, test, result.estimates, simulated=simulated)
                part = f"This study's part of the claim. {found.because}" if claim.parts else found.because
                verdicts.append(found.model_copy(update={"because": part}))
    return Verdicts(verdicts, register, slug)


def all_verdicts(records: Iterable[Record], register: Register | None = None) -> Verdicts:
    """A verdict on every claim, in the order of the register.

    Parameters
    ----------
    records : of any studies and profiles; the newest full run of a study decides, without one its newest
        quick run. Verdicts stored in a record are not read: estimates are judged by today's register.
    """
    register = register or load_register()
    decisive = _decisive_records(records)
    verdicts = (_verdict(register, key, claim, decisive) for key, claim in register.claims.items())
    return Verdicts(verdicts, register)


def _decisive_records(records: Iterable[Record]) -> dict[str, Record]:
    """The record of each study that may decide its claims."""
    fitting = [record for record in records if record.profile in DECIDING_PROFILES]
    ranked = sorted(fitting, key=lambda one: (-DECIDING_PROFILES.index(one.profile), one.started))
    return {record.slug: record for record in ranked}


def _verdict(register: Register, key: str, claim: Claim, records: Mapping[str, Record]) -> Verdict:
    if claim.tests:
        return _together([_judge_part(key, test, records) for test in claim.tests])
    if claim.not_testable is not None:
        return Verdict(claim=key, verdict="not testable", because=_sentence(claim.not_testable))
    if claim.decided_by_rules:
        found = _all_of([register.apply(rule) for rule in claim.rules])
        return Verdict(claim=key, verdict=found.verdict, because=_sentence(found.because), grade="derived")
    plan = f"Planned in {claim.planned.study}: {claim.planned.by}" if claim.planned else "No plan yet"
    return Verdict(claim=key, verdict="not yet tested", because=_sentence(plan))


def _judge_part(key: str, test: ExperimentTest, records: Mapping[str, Record]) -> Verdict:
    if record := records.get(test.study):
        return judge_test(key, test, record.estimates, simulated=record.data.origin == "simulated")
    because = f"Bound to {test.study}, of which no quick or full run is at hand."
    return Verdict(claim=key, verdict="not yet tested", because=because)


def _together(parts: Sequence[Verdict]) -> Verdict:
    """One verdict of several parts: all must hold, one refuted refutes, and the weakest grade counts."""
    if len(parts) == 1:
        return parts[0]
    words = [part.verdict for part in parts]
    if "not yet tested" in words and "refuted" not in words:
        return parts[words.index("not yet tested")]
    found = _all_of([Finding(verdict=p.verdict, because=p.because.rstrip("."), size=p.size) for p in parts])
    return Verdict(
        claim=parts[0].claim, verdict=found.verdict, because=_sentence(found.because), size=found.size,
        estimates=tuple(name for part in parts for name in part.estimates),
        control="; ".join(part.control for part in parts if part.control),
        grade=next((grade for grade in _GRADES if grade in {part.grade for part in parts}), None),
        share=min((part.share for part in parts if part.share is not None), default=None),
    )  # fmt: skip


def judge_test(
    key: str, test: ExperimentTest, estimates: Sequence[Estimate], *, simulated: bool = False
) -> Verdict:
    """The verdict of one test, controls included.

    Parameters
    ----------
    simulated : whether the observed world of the run is a simulated one too; then what is observed there is
        conditional. What algebra gives is as true there.
    """
    by_key = {estimate.key: estimate for estimate in estimates}
    parts = [_judge_sample(test, bars, by_key) for bars in test.samples.values()]
    whole, deciding = _agreement(list(test.samples), parts), [bar for part in parts for bar in part[1]]
    word, because = whole.verdict, whole.because
    share = by_key.get(test.share) if test.share else None
    objections = list(failed_gates(test.gates, by_key))
    if test.share and (share is None or not 0 <= share.value <= 1):
        objections.append(f"{test.share}, the share of the assumption set behind the sign, was not estimated")
    if word != "inconclusive" and objections:
        word, because = "inconclusive", f"{because}. But {'; '.join(objections)}"
    made = any(bar.estimate in by_key for bar in test.estimates)
    bars = sorted(test.estimates, key=lambda bar: bar not in deciding)  # as the reasons are
    return Verdict(
        claim=key, verdict=word, because=_sentence(because),
        estimates=tuple(bar.estimate for bar in test.estimates),
        control="; ".join(_control_in_words(bars, world, by_key) for world in (*test.worlds, *test.weakened)),
        grade=("conditional" if simulated and test.grade == "observed" else test.grade) if made else None,
        size=whole.size if word == "supported" else None, share=share.value if share else None,
    )  # fmt: skip


def _judge_sample(
    test: ExperimentTest, bars: Sequence[Bar], by_key: Mapping[str, Estimate]
) -> tuple[Finding, list[Bar]]:
    """What the bars of one sample say, controls included, and those of them that decide."""
    found = [judge_bar(bar, by_key.get(_key(bar, OBSERVED))) for bar in bars]
    whole = _all_of(found)
    deciding = [bar for bar, one in zip(bars, found, strict=True) if one.verdict == whole.verdict]
    objections = list(held_back(test, deciding, by_key, whole.verdict))
    if whole.verdict == "inconclusive" or not objections:
        return whole, deciding
    return Finding(
        verdict="inconclusive", because=f"{whole.because}. But {'; '.join(objections)}"
    ), deciding  # fmt: skip


def _agreement(samples: Sequence[str], parts: Sequence[tuple[Finding, list[Bar]]]) -> Finding:
    """One finding of several samples, each a replication of the others: they agree, or nothing is decided."""
    if len(parts) == 1:
        return parts[0][0]
    told = "; ".join(
        f"{name}: {one.verdict}, {one.because}" for name, (one, _) in zip(samples, parts, strict=True)
    )
    words = {one.verdict for one, _ in parts}
    if len(words) > 1:
        return Finding(verdict="inconclusive", because=f"the samples disagree. {told}")
    sizes = {one.size for one, _ in parts}
    return Finding(verdict=words.pop(), because=told, size=sizes.pop() if len(sizes) == 1 else "size open")


def failed_gates(gates: Sequence[Gate], by_key: Mapping[str, Estimate]) -> Iterator[str]:
    """Why specification tests do not let the bars decide."""
    for gate in gates:
        sign = 1.0 if gate.direction == "greater" else -1.0
        if (seen := by_key.get(gate.estimate)) is None:
            yield f"{gate.label}: {gate.estimate} was not estimated"
        elif not sign * (seen.value - gate.than) > 0:
            more = "above" if sign > 0 else "below"
            yield f"{gate.label} is {number(seen.value, 3)}; it must lie {more} {number(gate.than, 3)}"


def held_back(
    test: ExperimentTest, bars: Sequence[Bar], by_key: Mapping[str, Estimate], word: VerdictWord
) -> Iterator[str]:
    """Why the controls do not let these bars decide that the claim is `word`."""
    if test.positive_control is None:
        yield "no world with a planted effect shows that the method would find one"
    for world in (*test.worlds, *(test.weakened if word == "refuted" else ())):
        planted = world != test.control.world
        for bar in bars:
            one = by_key.get(_key(bar, world))
            seen = cleared(bar, one, planted=planted)
            if one is None or seen is None:
                yield f"the control was not run: {bar.estimate} is missing in the world {world}"
            elif planted and word == "refuted" and share_of(word, bar, one).value > FALSE_RATE:
                yield f"{bar.label}: refutes the effect that is planted in the world {world}"
            elif planted and not seen[0] and world in test.worlds:
                yield f"{bar.label}: misses the effect that is planted in the world {world}"
            elif seen[0] and not planted:
                yield f"{bar.label}: the control world {world} also shows the effect"


def _control_in_words(bars: Sequence[Bar], world: str, by_key: Mapping[str, Estimate]) -> str:
    seen = [cleared(bar, by_key.get(_key(bar, world)), planted=False) for bar in bars]
    return f"{world}: {', '.join(one[1] if one else 'not run' for one in seen)}"


def _all_of(findings: Sequence[Finding]) -> Finding:
    """Supported if all are, refuted if any is, else inconclusive; the findings that decide come first."""
    words = [finding.verdict for finding in findings]
    word: VerdictWord = "inconclusive"
    if "refuted" in words:
        word = "refuted"
    elif all(one == "supported" for one in words):
        word = "supported"
    ordered = sorted(findings, key=lambda finding: finding.verdict != word)
    sizes = {finding.size for finding in findings}
    size: Size = "at least" if sizes == {"at least"} else "size open"
    because = "; ".join(dict.fromkeys(one.because for one in ordered))
    measured = word == "supported" and sizes != {None}
    return Finding(verdict=word, because=because, size=size if measured else None)


def _key(bar: Bar, world: str) -> str:
    return bar.estimate if world == OBSERVED else f"{bar.estimate}@{world}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:].rstrip(".") + "."
