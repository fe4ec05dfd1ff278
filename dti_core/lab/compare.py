"""What changed between two runs: parameters, sources, estimates with intervals, verdicts."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from dti_core.lab.errors import RunError
from dti_core.lab.fingerprint import DATA_PATH
from dti_core.lab.record import Estimate, Record


@dataclass(frozen=True, slots=True)
class Difference:
    """Second run minus first, for one estimate, with a 95 % interval, how it was made and what it covers."""

    key: str
    first: float
    second: float
    low: float
    high: float
    how: str
    seed_noise_only: bool = False

    @property
    def value(self) -> float:
        """Second minus first."""
        return self.second - self.first

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0

    @property
    def text(self) -> str:
        """The difference with its interval."""
        return f"{self.value:+.3g} [{self.low:.3g}, {self.high:.3g}]"

    @property
    def reads(self) -> str:
        """How the interval is to be read."""
        if not self.clear:
            return "within noise"
        return "clear of seed noise" if self.seed_noise_only else "clear"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences between two records; a mapping's values are (first, second), None where absent.

    `deciding` names the estimates behind verdicts, `other_sample` what may have changed the observations.
    """

    parameters: Mapping[str, tuple[object, object]]
    sources: tuple[str, ...]
    differences: tuple[Difference, ...]
    verdicts: Mapping[str, tuple[object, object]]
    deciding: frozenset[str] = frozenset()
    other_sample: tuple[str, ...] = ()

    @property
    def moved(self) -> list[Difference]:
        """Estimates with another value: those behind verdicts first, then clear ones, then the rest."""
        moved = [one for one in self.differences if one.value != 0]
        return sorted(moved, key=lambda one: (one.key not in self.deciding, not one.clear))

    @property
    def pairing(self) -> str:
        """Whether seeds could be paired, as a sentence; "" if the runs judge the same sample."""
        if not self.other_sample:
            return ""
        names = ", ".join(self.other_sample)
        return f"Not the same sample ({names}): nothing is paired, and a difference is also one of samples."


def compare_records(first: Record, second: Record, keep_sample: Collection[str] = ()) -> Comparison:
    """Compare two runs of one study.

    Parameters
    ----------
    keep_sample : parameters that may differ without another set of observations. Seeds are paired if the runs
        differ in no others and read the same data, and if an estimate has as many observations in both.

    Raises
    ------
    RunError if the studies differ.
    """
    if first.slug != second.slug:
        raise RunError(
            f"{first.run} is a run of {first.slug}, {second.run} of {second.slug}: name two of one study."
        )
    parameters = _changed(first.parameters, second.parameters)
    other_sample = tuple(_other_sample(first, second, {*keep_sample, DATA_PATH} - {"seed"}))
    after = {estimate.key: estimate for estimate in second.estimates}
    return Comparison(
        parameters=parameters,
        sources=tuple(sorted(_changed(_all_sources(first), _all_sources(second)))),
        differences=tuple(
            difference(one, after[one.key], paired=not other_sample and one.n == after[one.key].n)
            for one in first.estimates
            if one.key in after
        ),
        verdicts=_changed(_verdicts(first), _verdicts(second)),
        deciding=frozenset(name for run in (first, second) for one in run.claims for name in one.estimates),
        other_sample=other_sample,
    )


def _other_sample(first: Record, second: Record, keep_sample: Collection[str]) -> Iterator[str]:
    """What differs and may have changed the observations: parameters, data, code that reads or makes them."""
    yield from (name for name in _changed(first.parameters, second.parameters) if name not in keep_sample)
    files = first.provenance.data_sha256 == second.provenance.data_sha256
    if not files or first.data.sha256 != second.data.sha256:
        yield "data"
    one, other = (run.provenance.fingerprint.numbers.code for run in (first, second))
    makers = re.compile(rf"studies/{first.slug}/(data|worlds)\b")
    yield from sorted(name for name in _changed(one, other) if makers.match(name))


def difference(first: Estimate, second: Estimate, *, paired: bool) -> Difference:
    """Second minus first.

    With `paired`, seeds that both runs share are subtracted pair by pair and a t interval covers the seed
    noise; the sampling noise of the common data cancels only in part and is left out, as `how` says.
    Otherwise both standard errors add up as if the runs were independent, too wide when they share data.
    """
    gap = second.value - first.value
    shared = min(len(first.per_seed), len(second.per_seed)) if paired else 0
    if shared >= 2:
        from dti_core.lab.intervals import paired_difference

        seeds = paired_difference(second.per_seed[:shared], first.per_seed[:shared])
        half = (seeds.high - seeds.low) / 2
        how = f"t over {shared} common seeds (seed noise only)"
        return Difference(first.key, first.value, second.value, gap - half, gap + half, how, True)
    half = math.hypot(_half_width(first), _half_width(second))
    how = "both intervals combined as independent"
    if first == second:
        half, how = 0.0, "identical"
    return Difference(first.key, first.value, second.value, gap - half, gap + half, how)


def _half_width(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / 2


def _changed(first: Mapping[str, object], second: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    names = [*first, *(name for name in second if name not in first)]
    return {n: (first.get(n), second.get(n)) for n in names if first.get(n) != second.get(n)}


def _verdicts(record: Record) -> dict[str, str]:
    return {verdict.claim: verdict.verdict for verdict in record.claims}


def _all_sources(record: Record) -> dict[str, str]:
    """Hash or version of all that made the numbers of a run or told them, by name."""
    numbers, telling = record.provenance.fingerprint.numbers, record.provenance.fingerprint.telling
    named = {f"data {name}": told for name, told in numbers.data.items()}
    return {
        **{f"dti_core/{name}": told for name, told in (*telling.code.items(), *numbers.code.items())},
        **named,
        **numbers.packages,
        f"notebooks/{record.slug}.ipynb": telling.notebook,
        "claims": telling.claims,
    }
