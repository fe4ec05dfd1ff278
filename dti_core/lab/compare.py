"""What changed between two runs: parameters, sources, estimates with intervals, verdicts."""

import math
from collections.abc import Collection, Mapping
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences between two records; a mapping's values are (first, second), None where absent."""

    parameters: Mapping[str, tuple[object, object]]
    sources: tuple[str, ...]
    differences: tuple[Difference, ...]
    verdicts: Mapping[str, tuple[object, object]]


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
    one_sample = _same_data(first, second) and parameters.keys() <= {*keep_sample, DATA_PATH} - {"seed"}
    after = {estimate.key: estimate for estimate in second.estimates}
    return Comparison(
        parameters=parameters,
        sources=tuple(sorted(_changed(_all_sources(first), _all_sources(second)))),
        differences=tuple(
            difference(one, after[one.key], paired=one_sample and one.n == after[one.key].n)
            for one in first.estimates
            if one.key in after
        ),
        verdicts=_changed(_verdicts(first), _verdicts(second)),
    )


def _same_data(first: Record, second: Record) -> bool:
    files = first.provenance.data_sha256 == second.provenance.data_sha256
    return files and first.data.sha256 == second.data.sha256


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
