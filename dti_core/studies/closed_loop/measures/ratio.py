"""Does the loop close, and how strongly: return ratios over all assumptions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.errors import DataError
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.measures.spans import both, of_world, span
from dti_core.studies.closed_loop.model.draws import PRIORS, Prior, draw_places, sizes_at
from dti_core.studies.closed_loop.model.ratio import (
    break_even,
    by_fields,
    by_routes,
    gain_percent,
    matrices,
    return_ratio,
    runs_away,
)
from dti_core.studies.closed_loop.worlds.loops import dealt_anew, reinforcing

Array = NDArray[np.float64]
RATIO, PERCENT = "return ratio", "% of what the technology does in an open loop"
SHARE = "share of the assumption set"
#: A return ratio that amplifies by a tenth and more is of interest.
GOAL = 0.1
#: Draws of all sizes in one control world, and points of a curve that a figure shows.
CONTROL_DRAWS, N_POINTS = 1000, 200
#: Corners of the ranges from which the largest value is looked for.
STARTS = 6
#: How many percent more new drugs one percent more market brings.
DRUGS = 4.0, 6.0
#: What the verdicts rest on, in words. Knowledge: with arrows from technology to technology counted as a
#: way back.
SENTENCES = {
    "largest_ratio": "largest of the return ratios of all technologies, by need and money",
    "smallest_ratio": "smallest of the return ratios of all technologies, by need and money",
    "three_fields": "largest part of a return ratio through all three fields, knowledge included",
    "other_fields": "largest part of a return ratio through another field, knowledge included",
}


@dataclass(frozen=True, slots=True)
class Ratios:
    """Return ratios of all technologies, (n_technologies, n_draws).

    whole : by feedback, need and money, alone; what a field knows already is no news when it comes back.
    parts : of these by fields, and by the last arrow. echoing : with knowledge that comes back counted as
    news each time; echoes : parts of these by fields. away : share of the draws that run away, which are left
    out.
    """

    whole: Array
    parts: Mapping[str, Array]
    echoing: Array
    echoes: Mapping[str, Array]
    away: float

    def sentence(self, name: str) -> Array:
        """(n_draws,) what a verdict rests on."""
        match name:
            case "largest_ratio":
                found = self.whole.max(axis=0)
            case "smallest_ratio":
                found = self.whole.min(axis=0)
            case "three_fields":
                found = self.echoes["three"].max(axis=0)
            case _:
                found = (self.echoes["two"] + self.echoes["three"]).max(axis=0)
        return np.asarray(found)


@dataclass(frozen=True, slots=True)
class Control:
    """A control world to be drawn: by name, with the loop of the cards and a seed."""

    world: str
    loop: Loop
    seed: int


def ratios(loop: Loop, sizes: Array) -> Ratios:
    """Return ratios of all technologies under many draws of sizes."""
    everything = matrices(loop, sizes)
    away = runs_away(loop, everything)
    kept, those = sizes[~away], loop.role("technology")
    fed = [np.where(loop.kind("technology") & (loop.ends == one), 0.0, kept) for one in those]
    used = [matrices(loop, some) for some in fed]
    fields = [by_fields(loop, one, place) for one, place in zip(used, those, strict=True)]
    routes = [by_routes(loop, one, place) for one, place in zip(fed, those, strict=True)]
    echoes = [by_fields(loop, everything[~away], one) for one in those]
    parts = {name: np.array([one[name] for one in fields]) for name in fields[0]}
    parts |= {name: np.array([one[name] for one in routes]) for name in ("need", "money")}
    return Ratios(
        np.array([return_ratio(one, place) for one, place in zip(used, those, strict=True)]), parts,
        np.array([return_ratio(everything[~away], one) for one in those]),
        {name: np.array([one[name] for one in echoes]) for name in echoes[0]}, float(away.mean()),
    )  # fmt: skip


def study_ratio(loop: Loop, n_draws: int, n_controls: int, seeds: np.random.SeedSequence) -> Findings:
    """Return ratios and their parts under both priors, what would close the loop, and two control worlds."""
    first, second = seeds.spawn(2)
    places = draw_places(loop, n_draws, np.random.default_rng(first))
    found = {prior: ratios(loop, sizes_at(loop, places, prior)) for prior in PRIORS}
    if any(one.away == 1 for one in found.values()):
        raise DataError("cards: under every draw of sizes the loop runs away. Give smaller elasticities.")
    findings = Findings([one for prior in PRIORS for one in _of_prior(loop, prior, found[prior])])
    for name in SENTENCES:
        values = {prior: one.sentence(name) for prior, one in found.items()}
        pooled = np.concatenate(list(values.values()))
        above = share(int((pooled > GOAL).sum()), len(pooled))
        findings.estimates += [
            both(values).estimate(name, RATIO),
            above.estimate(f"{name}_share", SHARE, of=name),
        ]
    gains = {prior: gain_percent(one.whole).mean(axis=0) for prior, one in found.items()}
    findings.estimates.append(both(gains).estimate("amplification", PERCENT))
    echoing = {prior: gain_percent(one.echoing).mean(axis=0) for prior, one in found.items()}
    findings.estimates.append(both(echoing).estimate("amplification_with_knowledge", PERCENT))
    findings.estimates += list(_most(loop))
    local = {prior: _local(one) for prior, one in found.items()}
    findings.estimates += [
        both(one).estimate(f"{key}_part", "% of what comes back") for key, one in _turned(local)
    ]
    findings.estimates += list(_controls(loop, n_controls, second))
    findings.series["ratio_curves"] = pd.DataFrame(_curves(loop, found))
    findings.series["break_even"] = pd.DataFrame(_break_even(loop))
    findings.series["variants"] = pd.DataFrame(_variants(loop, places))
    return findings


def _of_prior(loop: Loop, prior: Prior, found: Ratios) -> Iterator[Estimate]:
    word = prior.replace("-", "_")
    n_drawn = round(found.whole.shape[1] / (1 - found.away))
    yield share(round(found.away * n_drawn), n_drawn).estimate(f"runs_away_{word}", SHARE, prior=prior)
    for row, place in enumerate(loop.role("technology")):
        at = {"technology": loop.nodes[place], "prior": prior}
        end = f"{loop.nodes[place]}_{word}"
        yield span(found.whole[row]).estimate(f"return_ratio_{end}", RATIO, **at)
        yield span(gain_percent(found.whole[row])).estimate(f"gain_{end}", PERCENT, **at)
        for part, values in found.parts.items():
            yield span(values[row]).estimate(f"part_{part}_{end}", RATIO, part=part, **at)


def _local(found: Ratios) -> dict[str, Array]:
    """Percent of what comes back, signs aside, within one field, through two, through three."""
    sizes = {part: np.abs(found.parts[part]).sum(axis=0) for part in ("one", "two", "three")}
    total = np.maximum(sum(sizes.values()), 1e-300)
    return {part: 100 * size / total for part, size in sizes.items()}


def _turned(local: Mapping[Prior, Mapping[str, Array]]) -> Iterator[tuple[str, dict[Prior, Array]]]:
    for part in ("one", "two", "three"):
        yield part, {prior: one[part] for prior, one in local.items()}


def _controls(loop: Loop, n_controls: int, seeds: np.random.SeedSequence) -> Iterator[Estimate]:
    words = seeds.generate_state(2 * n_controls).reshape(2, -1)
    tasks = {
        f"{world} {k}": Control(world, loop, int(word))
        for world, row in zip(("null", "planted"), words, strict=True)
        for k, word in enumerate(row)
    }
    done = run_keyed(of_control, tasks, "control loops")
    for name in SENTENCES:
        for world in ("null", "planted"):
            drawn = [done[key][name] for key in tasks if key.startswith(world)]
            yield of_world(name, RATIO, world, drawn)


def of_control(asked: Control) -> dict[str, Interval]:
    """What the verdicts rest on, in one draw of a control world."""
    rng = np.random.default_rng(asked.seed)
    loop = dealt_anew(asked.loop, rng) if asked.world == "null" else reinforcing(rng)
    places = draw_places(loop, CONTROL_DRAWS, rng)
    found = {prior: ratios(loop, sizes_at(loop, places, prior)) for prior in PRIORS}
    told = {prior: one for prior, one in found.items() if one.whole.shape[1] >= CONTROL_DRAWS / 2}
    return {
        name: both({prior: one.sentence(name) for prior, one in told.items()} or {PRIORS[0]: np.zeros(2)})
        for name in SENTENCES
    }


def _as_drugs(loop: Loop, sizes: Array) -> Array:
    """Arrows of money as strong as new drugs follow their market (Acemoglu and Linn 2004)."""
    low, high = DRUGS
    share = np.clip((sizes - loop.low) / np.where(loop.high > loop.low, loop.high - loop.low, 1.0), 0, 1)
    return np.where(loop.kind("money"), low + (high - low) * share, sizes)


def _most(loop: Loop) -> Iterator[Estimate]:
    """Largest value found within all ranges, by ascent from corner to corner, for what no draw may reach."""
    for name in SENTENCES:
        rng, best = np.random.default_rng(STARTS), -np.inf
        for _ in range(STARTS):
            place, value = rng.integers(0, 2, len(loop.arrows)).astype(bool), -np.inf
            while True:
                tried = np.vstack([place, place ^ np.eye(len(place), dtype=bool)])
                values = _at_corners(loop, tried, name)
                if not (top := int(values.argmax())) or values[top] <= value:
                    break
                place, value = tried[top], float(values[top])
            best = max(best, value)
        how = f"ascent over the corners of all ranges from {STARTS} starts, no interval"
        yield Estimate(f"{name}_most", best, best, best, RATIO, 1, how=how, at={"of": name})


def _at_corners(loop: Loop, corners: NDArray[np.bool_], name: str) -> Array:
    """(n_corners,) what a verdict rests on; runaway corners count as nothing."""
    sizes = np.where(corners, loop.high, loop.low)
    away = runs_away(loop, matrices(loop, sizes))
    found = np.full(len(corners), -np.inf)
    if not away.all():
        found[~away] = ratios(loop, sizes[~away]).sentence(name)
    return found


def _curves(loop: Loop, found: Mapping[Prior, Ratios]) -> list[dict[str, object]]:
    grid = (np.arange(N_POINTS) + 0.5) / N_POINTS
    return [
        {"prior": prior, "technology": loop.titles[place], "share": float(at), "ratio": float(value)}
        for prior, one in found.items()
        for row, place in enumerate(loop.role("technology"))
        for at, value in zip(grid, np.quantile(one.whole[row], grid), strict=True)
    ]


def _break_even(loop: Loop) -> list[dict[str, object]]:
    """Size of each arrow alone, all others at the middle, at which a technology's ratio reaches the goal.

    By need and money, as for the verdicts; none where nothing comes to rest at that size.
    """
    rows = []
    for place in loop.role("technology"):
        sizes = np.where(loop.kind("technology") & (loop.ends == place), 0.0, loop.middle)
        for arrow, name in enumerate(loop.arrows):
            size = break_even(loop, sizes, arrow, place, GOAL)
            tried = np.where(np.arange(len(sizes)) == arrow, size, sizes)[None]
            news = loop.kinds[arrow] == "technology" and loop.ends[arrow] == place
            if news or not np.isfinite(size) or runs_away(loop, matrices(loop, tried))[0]:
                size = np.nan
            rows.append({
                "technology": loop.titles[place], "arrow": name, "middle": loop.middle[arrow],
                "low": loop.low[arrow], "high": loop.high[arrow], "needed": size,
                "within": bool(loop.low[arrow] <= size <= loop.high[arrow]),
            })  # fmt: skip
    return rows


def _variants(loop: Loop, places: Array) -> list[dict[str, object]]:
    """The same under other readings of the cards."""
    fields = np.array(loop.fields)
    technology = loop.kind("technology")
    own = technology & (fields[loop.starts] == fields[loop.ends])
    sign = np.array([{"more": 1.0, "less": -1.0}.get(word, 0.0) for word in loop.better])[loop.ends]
    rows = []
    for prior in PRIORS:
        sizes = sizes_at(loop, places, prior)
        helpful = np.where(technology & ~own & (sizes * sign < 0), 0.0, sizes)
        needs = own & np.isin(loop.ends, loop.role("need"))
        for title, those in {
            "the cards": sizes,
            "spillover is taken over only where it helps": helpful,
            "all arrows twice as strong": 2 * sizes,
            "technology removes its field's whole loss": np.where(needs, sign, sizes),
            "new drugs: money draws technology four to six times": _as_drugs(loop, sizes),
            "no knowledge from technology to technology": np.where(
                technology & np.isin(loop.ends, loop.role("technology")), 0.0, sizes
            ),
            "no arrow of money": np.where(loop.kind("money"), 0.0, sizes),
            "no arrow of need": np.where(loop.kind("need"), 0.0, sizes),
        }.items():
            found = ratios(loop, those)
            told = span(found.sentence("largest_ratio")), span(gain_percent(found.whole).mean(axis=0))
            rows.append({
                "prior": prior, "variant": title, "away": found.away,
                **{f"{word}_{end}": getattr(one, end) for word, one in zip(("largest", "gain"), told,
                strict=True)
                   for end in ("value", "low", "high")},
                "above_goal": float((found.sentence("largest_ratio") > GOAL).mean()),
            })  # fmt: skip
    return rows
