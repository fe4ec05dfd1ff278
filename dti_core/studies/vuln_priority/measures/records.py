"""Real records: how well scores sort the exploited, at the time and afterwards, and what orders cover.

A flag that is set because of an exploit sorts the exploited of its own day, and says nothing of those to
come. The same score is therefore judged twice: on what was listed as exploited at the snapshot (concurrent),
and, among all that was not, on what was listed afterwards (later).
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.studies.vuln_priority.data.records import SNAPSHOT, Records, load_kev, load_records
from dti_core.studies.vuln_priority.measures.catalogue import EFFORT, EFFORTS, append_rows, over_draws
from dti_core.studies.vuln_priority.model.effort import (
    Area,
    Array,
    Flags,
    areas,
    coverage_interval,
    coverage_ratio,
    curve,
    gap,
    reached,
    resample,
)  # fmt: skip

AREA, SHARE = "area under the curve", "share of the exploited"
TIMES = "times as many exploited as by CVSS"
#: What is told in estimates; the rest stands in tables.
TOLD = ("concurrent", "later")
MAIN = ("cvss", "exploitation", "ssvc", "combined")
SCORES: dict[str, Callable[[Records], Array]] = {
    "cvss": lambda records: records.cvss,
    "exploitation": lambda records: records.exploitation,
    "automatable": lambda records: records.automatable,
    "impact": lambda records: records.total,
    "ssvc": lambda records: records.points,
    "combined": lambda records: records.points + records.cvss / 100,
}
RULES: dict[str, Callable[[Records], Flags]] = {
    "cvss_7": lambda records: records.cvss >= 7,
    "cvss_9": lambda records: records.cvss >= 9,
    "poc": lambda records: records.exploitation > 0,
    "poc_and_easy_or_total": lambda records: (
        (records.exploitation > 0) & ((records.automatable > 0) | (records.total > 0))
    ),
}
#: State of exploitation of what is said to be exploited.
ACTIVE = 2
#: Area of the score that is planted in the positive control.
PLANTED = 0.9
When = Mapping[str, tuple[Records, Flags]]


def study_records(seeds: np.random.SeedSequence, *, n_draws: int, n_resamples: int) -> Findings:
    """Areas, leaks, rules, curves and coverage of real scores, with both controls.

    Parameters
    ----------
    n_draws : of each control world.

    Raises
    ------
    DataError if the files are not on this machine, with the command that brings them.
    """
    found, records = Findings(), load_records()
    drawing, resampling = seeds.spawn(2)
    sets = labelled(records)
    _tell_list(found)
    active = records.exploitation == ACTIVE
    listed = share(int((active & (records.listed | records.later)).sum()), int(active.sum()))
    found.estimates.append(listed.estimate("records_active_listed", "share of records said to be exploited"))
    by_set = {when: _tell_areas(found, when, *one) for when, one in sets.items()}
    for which, name in enumerate(SCORES):
        leak = gap(by_set["concurrent"], by_set["later"], which)
        found.estimates.append(leak.estimate(f"records_leak_{name}", AREA, score=name))
    every = records.take(~records.listed)
    alone = areas(every.exploitation, every.later).interval()
    found.estimates.append(alone.estimate("records_auc_exploitation_later_all", AREA, score="exploitation"))
    for when, seed in zip(TOLD, resampling.spawn(len(TOLD)), strict=True):
        weights = resample(int(sets[when][1].sum()), np.random.default_rng(seed), n_resamples)
        _tell_coverage(found, when, *sets[when], weights)
    found.series["records_rules"] = _rules({when: sets[when] for when in ("listed_ever", *TOLD)})
    _tell_controls(found, sets, np.random.default_rng(drawing), n_draws)
    return found


def labelled(every: Records) -> When:
    """Records with a CVSS score and which of them count as exploited, by what is counted.

    concurrent : all, those listed at the snapshot. later : those not yet listed, what was listed afterwards.
    concurrent_new, later_new : the same of names given in the year of the records, since an old flaw may have
    got its record for being exploited. listed_ever : all, both at once, as is often done.
    reported_later : neither listed nor reported at the snapshot, what the community reported afterwards.
    """
    records = every.take(every.scored)
    fresh, young = ~records.listed, records.year == SNAPSHOT.year
    new, unheard = fresh & young, fresh & ~records.reported
    return {
        "concurrent": (records, records.listed),
        "later": (records.take(fresh), records.later[fresh]),
        "concurrent_new": (records.take(young), records.listed[young]),
        "later_new": (records.take(new), records.later[new]),
        "listed_ever": (records, records.listed | records.later),
        "reported_later": (records.take(unheard), records.reported_later[unheard]),
    }


def _tell_list(found: Findings) -> None:
    kev = load_kev()
    table = kev.groupby(kev["added"].dt.year).agg(added=("cve", "size"), ransomware=("ransomware", "sum"))
    found.series["records_kev"] = table.rename_axis("year").reset_index()


def _tell_areas(found: Findings, when: str, records: Records, exploited: Flags) -> Area:
    area = areas(np.stack([score(records) for score in SCORES.values()]), exploited)
    rows = []
    for which, name in enumerate(SCORES):
        one = area.interval(which)
        rows.append({"when": when, "score": name, "records": one.n, "exploited": area.n_exploited}
                    | _bounds(one))  # fmt: skip
        if when in TOLD:
            found.estimates.append(one.estimate(f"records_auc_{name}_{when}", AREA, score=name, when=when))
    if when in TOLD:
        less = area.difference(*map(list(SCORES).index, ("exploitation", "cvss")))
        found.estimates.append(less.estimate(f"records_exploitation_less_cvss_{when}", AREA, when=when))
    append_rows(found, "records_areas", pd.DataFrame(rows))
    return area


def _tell_coverage(found: Findings, when: str, records: Records, exploited: Flags, weights: Array) -> None:
    """Coverage at `EFFORT` of each order, beside CVSS, and whole curves."""
    scores = {name: score(records) for name, score in SCORES.items()}
    scores |= {"random": np.zeros(len(exploited)), "oracle": exploited.astype(np.float64)}
    chances = {name: reached(score, EFFORT)[exploited] for name, score in scores.items()}
    for name, score in scores.items():
        covered = coverage_interval(chances[name])
        times = coverage_ratio(chances[name], chances["cvss"], weights)
        row = {"when": when, "score": name} | _bounds(covered)
        if times:
            row |= {f"ratio_{key}": one for key, one in _bounds(times).items()}
        append_rows(found, "records_coverage", pd.DataFrame([row]))
        if name in MAIN:
            found.estimates.append(
                covered.estimate(
                    f"records_coverage_{name}_{when}", SHARE, score=name, when=when, effort=EFFORT
                )
            )
        if name in MAIN and name != "cvss" and times:
            found.estimates.append(times.estimate(
                f"records_{name}_over_cvss_{when}", TIMES, score=name, when=when, effort=EFFORT))  # fmt: skip
        coverage, efficiency = curve(score, exploited, EFFORTS)
        line = {"when": when, "score": name, "effort": EFFORTS, "coverage": coverage}
        append_rows(found, "records_curves", pd.DataFrame(line | {"efficiency": efficiency}))


def _rules(sets: When) -> pd.DataFrame:
    """Effort, efficiency and coverage of each rule, with Wilson intervals."""
    rows = []
    for when, (records, exploited) in sets.items():
        for name, rule in RULES.items():
            chosen = rule(records)
            hits = int((chosen & exploited).sum())
            row: dict[str, str | float] = {"when": when, "rule": name}
            for measure, of, n in (
                ("effort", int(chosen.sum()), len(chosen)),
                ("efficiency", hits, int(chosen.sum())),
                ("coverage", hits, int(exploited.sum())),
            ):
                one = share(of, n)
                row |= {measure: one.value, f"{measure}_low": one.low, f"{measure}_high": one.high}
            rows.append(row)
    return pd.DataFrame(rows)


def _bounds(one: Interval) -> dict[str, float]:
    return {"value": one.value, "low": one.low, "high": one.high}


def _tell_controls(found: Findings, sets: When, rng: np.random.Generator, n_draws: int) -> None:
    """The deciding numbers where labels are shuffled within their year, and for scores of known worth.

    In the planted world CVSS stands for a score of area `PLANTED` at both times, exploitation for one that
    has it at the snapshot alone and is worth nothing afterwards.
    """
    drawn: dict[tuple[str, str], list[Array]] = {}
    for _ in range(n_draws):
        for world, draw in (("shuffled", _shuffled), ("planted", _planted)):
            part = [draw(*sets[when], rng, when) for when in TOLD]
            for name, one in _judged(*part).items():
                drawn.setdefault((world, name), []).append(np.array([one.value, one.low, one.high]))
    for (world, name), rows in drawn.items():
        found.estimates.append(over_draws(name, AREA, world, np.array(rows)))


def _judged(concurrent: Area, later: Area) -> dict[str, Interval]:
    """The deciding numbers of a draw by the names that they have in the observed world."""
    told = {}
    for which, name in enumerate(("cvss", "exploitation")):
        told[f"records_auc_{name}_concurrent"] = concurrent.interval(which)
        told[f"records_auc_{name}_later"] = later.interval(which)
        told[f"records_leak_{name}"] = gap(concurrent, later, which)
    told["records_exploitation_less_cvss_later"] = later.difference(1, 0)
    return told


def _shuffled(records: Records, exploited: Flags, rng: np.random.Generator, when: str) -> Area:
    mixed = np.lexsort((rng.random(len(exploited)), records.year))
    labels = np.empty_like(exploited)
    labels[np.argsort(records.year, kind="stable")] = exploited[mixed]
    return areas(np.stack([records.cvss, records.exploitation]), labels)


def _planted(records: Records, exploited: Flags, rng: np.random.Generator, when: str) -> Area:
    from scipy.stats import norm

    scores = rng.standard_normal((2, len(exploited)))
    scores[: 2 if when == "concurrent" else 1, exploited] += np.sqrt(2) * norm.ppf(PLANTED)
    return areas(scores, exploited)
