"""How many firms does an answer take, if constraints persist and are measured as badly as they may be?"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from dti_core.lab.config import Config
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.esg_constraint.measures.coverage import fit_or_miss
from dti_core.studies.esg_constraint.measures.power import WANTED_POWER
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING, METHODS
from dti_core.studies.esg_constraint.model.arrays import Array
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.raters import truth
from dti_core.studies.esg_constraint.worlds.settings import PERSISTENCE, PUBLISHED_REVERSE
from dti_core.studies.esg_constraint.worlds.simulate import Batch, batches

PERSISTENCES, RELIABILITIES = (0.3, PERSISTENCE, 0.7, 0.85), (1.0, 0.8, 0.6)
#: What everybody uses, what survives reverse effects (for all firms and for small ones), and the policy.
NEEDED_BY = ("two_way", AVERAGE, DECIDING, "policy_iv")
#: Pairs hold an effect of this size and its opposite: large, so that little else moves the estimate.
CONTRAST = abs(PUBLISHED_REVERSE)
#: Asked of panels past the gates at most, where few pass.
MOST_POWER = 0.99
#: Pairs of panels a cell: this share of the draws of the power curve.
PAIRS_SHARE, LEAST_PAIRS, PAIRS_PER_TASK = 0.2, 2, 4

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cell:
    """One estimator at one persistence and reliability.

    shown : (n_pairs,) share of the planted effect by which its estimate moves between the panels of a pair.
    std_error : (n_pairs,) of its estimate. n_firms : of the panels.
    """

    shown: Array
    std_error: Array
    n_firms: int

    def needed(self, effect: float, passed: float = 1.0) -> tuple[float, float]:
        """Firms for the wanted power at 5 %, and the standard error of its logarithm over draws.

        Where gates let only a share `passed` of panels speak, those must find the effect the more often, so
        that of all panels the wanted share does; MOST_POWER at most.
        Where the constraint is badly measured an estimator aims at less than the truth; then this is the
        power to tell from 0 what is left of it. Errors fall with the root of the number of firms.
        """
        reach = float(
            stats.norm.ppf(0.975) + stats.norm.ppf(min(WANTED_POWER / max(passed, 0.01), MOST_POWER))
        )
        middle, share, n = float(np.median(self.std_error)), float(self.shown.mean()), len(self.shown)
        spreads = (
            math.sqrt(math.pi / 2) * self.std_error.std(ddof=1) / middle,
            self.shown.std(ddof=1) / share,
        )
        firms = self.n_firms * (reach * middle / (share * effect)) ** 2
        return firms, 2 * math.hypot(*spreads) / math.sqrt(n)


def firms_needed(config: Config, passed: float) -> Iterator[Estimate]:
    """Firms, rated over nine years, by persistence and reliability of the constraint and by estimator.

    passed : share of panels with the planted effect that pass the gates of the deciding estimator; the
    others have none.

    One number for each estimator stands for the plain world, and its bounds are the range over the surface:
    nobody knows persistence and reliability, and beside that the error of a simulation is nothing.
    """
    cells = _cells(config)
    settings = WORLDS["effect"].settings
    plain = truth(settings).grades
    for name in NEEDED_BY:
        speaks = passed if name == DECIDING else 1.0
        surface = {place: found[name] for place, found in cells.items() if name in found}
        for place, cell in surface.items():
            yield from _in_cell(name, place, cell, plain, speaks)
        if len(surface) < len(cells):
            continue
        for suffix, size in {"": settings.effect, "_published_size": PUBLISHED_REVERSE}.items():
            true = truth(replace(settings, effect=size)).grades
            firms = {place: math.ceil(cell.needed(true, speaks)[0]) for place, cell in surface.items()}
            yield Estimate(
                f"firms_needed_{name}{suffix}", firms[PERSISTENCE, 1.0], min(firms.values()),
                max(firms.values()), "firms", len(surface[PERSISTENCE, 1.0].shown),
                how=f"range over persistence {PERSISTENCES[0]:g} to {PERSISTENCES[-1]:g} and reliability "
                f"{RELIABILITIES[-1]:g} to {RELIABILITIES[0]:g} of the constraint"
                + (f", {speaks:.1%} of panels past the gates" if speaks < 1 else ""),
                at={"measure": "firms_needed", "method": name, "effect": size},
            )  # fmt: skip


def _in_cell(name: str, place: Place, cell: Cell, effect: float, passed: float) -> Iterator[Estimate]:
    firms, error = cell.needed(effect, passed)
    at: dict[str, str | float] = {"method": name, "persistence": place[0], "reliability": place[1]}
    where, n = f"{name}_persistence_{100 * place[0]:.0f}_reliability_{100 * place[1]:.0f}", len(cell.shown)
    low, high = (firms * math.exp(sign * 1.96 * error) for sign in (-1, 1))
    how = "delta method over pairs of panels with opposite effects"
    yield Estimate(
        f"firms_needed_{where}", firms, low, high, "firms", n, how=how, at=at | {"measure": "firms_needed_in"}
    )
    share, margin = float(cell.shown.mean()), 1.96 * float(stats.sem(cell.shown))
    yield Estimate(
        f"effect_shown_{where}", share, share - margin, share + margin, "share of the planted effect", n,
        how="normal, over pairs of panels with opposite effects", at=at | {"measure": "effect_shown"},
    )  # fmt: skip


def _cells(config: Config) -> dict[Place, dict[str, Cell]]:
    """By persistence and reliability: what each of `NEEDED_BY` gives that could be estimated there."""
    n_pairs = max(LEAST_PAIRS, round(PAIRS_SHARE * config.n_power_draws))
    settings = {
        (persistence, reliability): replace(
            WORLDS["effect"].settings, persistence=persistence, reliability=reliability
        )
        for persistence in PERSISTENCES
        for reliability in RELIABILITIES
    }
    tasks: dict[tuple[Place, int], tuple[Batch, Batch]] = {}
    for place, planted in settings.items():
        good, bad = (
            batches(replace(planted, effect=effect), config.seeds("firms needed"), n_pairs, PAIRS_PER_TASK)
            for effect in (CONTRAST, -CONTRAST)
        )
        tasks |= {(place, start): (good[start], bad[start]) for start in good}
    done = run_keyed(compare_pairs, tasks, "firms needed")
    found: dict[Place, dict[str, Cell]] = {}
    for place, planted in settings.items():
        parts = [part for (at, _), part in done.items() if at == place]
        found[place] = {}
        for name in NEEDED_BY:
            moved, error = np.concatenate([part[name] for part in parts]).T
            known = np.isfinite(moved) & np.isfinite(error)
            if known.sum() > 1 and moved[known].mean():
                shown = moved[known] / truth(replace(planted, effect=CONTRAST)).grades
                found[place][name] = Cell(shown, error[known], planted.n_firms)
    return found


def compare_pairs(pair: tuple[Batch, Batch]) -> dict[str, Array]:
    """Method -> (n_pairs, 2): half the difference of its estimates in a pair, and their mean standard error.

    Both panels of a pair have the same noise, so that the difference shows what is planted and little else.
    """
    panels = [batch.panel() for batch in pair]
    found = {}
    for name in NEEDED_BY:
        first, second = (fit_or_miss(METHODS[name], panel) for panel in panels)
        moved = (first.coef[:, 0] - second.coef[:, 0]) / 2
        found[name] = np.stack([moved, (first.std_error[:, 0] + second.std_error[:, 0]) / 2], axis=1)
    return found
