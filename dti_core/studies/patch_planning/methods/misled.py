"""Planners that believe one thing while another is true: bids go by beliefs, limits by the truth."""

from collections.abc import Callable

import numpy as np

from dti_core.bridges.simulators import Actions, Observation, Outcome
from dti_core.studies.patch_planning.methods.agents import Planning
from dti_core.studies.patch_planning.methods.exact import Effort, best_plan
from dti_core.studies.patch_planning.methods.plan import as_known
from dti_core.studies.patch_planning.methods.rules import Price, Rule, bids
from dti_core.studies.patch_planning.model.estates import Estates, Ints
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.model.worth import expected_later


def run_misled(truth: Estates, believed: Estates, rule: Rule) -> Ints:
    """(N, B) plan of a rule that sees `believed`; what the truth does not allow is refused."""
    quarter = Quarter.begin(truth)
    for _ in range(truth.n_weeks):
        admit(truth, quarter, bids(believed, quarter, rule))
    return quarter.plan


def roll_misled(truth: Estates, believed: Estates, price: Price, effort: Effort | None = None) -> Ints:
    """(N, B) plan of exact programs made anew each week for what is believed of the rest of the quarter."""
    ones = [slice(at, at + 1) for at in range(len(truth))]
    return np.concatenate([_roll(truth.take(one), believed.take(one), price, effort) for one in ones])


def _roll(truth: Estates, believed: Estates, price: Price, effort: Effort | None) -> Ints:
    quarter = Quarter.begin(truth)
    for week in range(truth.n_weeks):
        seen = as_known(believed, week)
        now = float(price.now(seen, quarter)[0])
        weeks = best_plan(seen, expected_later(seen, week)[0], quarter, now, effort).weeks
        admit(truth, quarter, (weeks == week).astype(float)[None])
    return quarter.plan


def follow_misled(
    truth: Estates, believed: Estates, act: Callable[[Observation], Actions], rule: Rule
) -> Ints:
    """(N, B) plan of agents that see, and of a mediator that bids by, what is believed."""
    room = _Misled(truth, believed, rule)
    while not room.done:
        room.step(act(room.observe()))
    return room.quarter.plan


class _Misled(Planning):
    """A quarter of believed estates in which the true ones decide what goes in."""

    def __init__(self, truth: Estates, believed: Estates, rule: Rule) -> None:
        super().__init__(lambda seed: believed, believed, rule)
        self._truth = truth
        self.begin(believed)

    def step(self, actions: Actions) -> Outcome:
        """Let the truth admit the bids; nothing is learned, so that nothing is credited."""
        admit(self._truth, self.quarter, self.changed(actions))
        self._look()
        nothing = np.zeros((self.n_worlds, self.n_agents))
        return Outcome(nothing.sum(axis=1), nothing, nothing.sum(axis=1)[:, None])
