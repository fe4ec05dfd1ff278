"""Claim C6c: do agents that learned earn more than a tuned rule, at equal hours and money?

The rule is the one the agents start from, so that what they gain is what learning brings. The assumption set
has a tuning and a training of its own in each of its worlds.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.patch_planning.measures.ratios import gain, resampled_gains
from dti_core.studies.patch_planning.methods.agents import follow
from dti_core.studies.patch_planning.methods.briefings import mediated
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, N_CONTROLS, SMALL, Variant, faulty
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.model.plans import account, expected_net_usd
from dti_core.studies.patch_planning.worlds.assumed import N_ASSUMED, PREFIX
from dti_core.studies.patch_planning.worlds.draws import draw_estates

#: World in which controls are trained.
_HOME = "tight_budget"
CONTROLS: dict[str, Variant] = {"placebo": "placebo", "faulty_rule": "planted"}
Task = tuple[str, Variant, int, int, int, np.random.SeedSequence, int]
#: A gain, and (n_resamples,) what it is in resampled estates.
Judged = tuple[float, Array]


def study_learned(
    seeds: np.random.SeedSequence, n_small: int, n_large: int, n_draws: int, n_resamples: int, large: int = 50
) -> Findings:
    """What the favourite gains on the rule over the assumption set, and in both control worlds.

    Parameters
    ----------
    n_small, n_large : estates on which each training is judged, at 11 services and, untaught, at `large`.
    n_draws : trainings of each control world, and worlds of the assumption set, that are judged.
    """
    places: list[tuple[str, str, Variant, int]] = [
        (OBSERVED, f"{PREFIX}{number}", "plain", number) for number in range(min(n_draws, N_ASSUMED))
    ]
    n_controls = min(n_draws, N_CONTROLS)
    places += [(name, _HOME, variant, one) for name, variant in CONTROLS.items() for one in range(n_controls)]
    tasks = {
        (who, number, size): (world, variant, number, size, n, own, n_resamples)
        for (who, world, variant, number), own in zip(places, seeds.spawn(len(places)), strict=True)
        for size, n in ((SMALL, n_small), (large, n_large))
    }
    spans = run_keyed(_judge_training, tasks, "trainings judged")
    found, rows = Findings(), []
    for size in (SMALL, large):
        for who in (OBSERVED, *CONTROLS):
            drawn = [one for (name, _, at), one in spans.items() if (name, at) == (who, size)]
            found.estimates.append(_over(drawn, who, size))
            rows += [{"world": who, "services": size, "gain": value, "low": low, "high": high}
                     for value, (low, high) in ((value, _ends(many)) for value, many in drawn)]  # fmt: skip
        above = [value > 0 for (who, _, at), (value, _) in spans.items() if (who, at) == (OBSERVED, size)]
        found.estimates.append(
            share(sum(above), len(above)).estimate(
                f"agents_gain_share_{size}", "share of the assumption set", measure="sign", services=size
            )
        )
    found.estimates.append(_planted_room(seeds.spawn(1)[0], 4 * n_small, n_resamples))
    found.series["trainings"] = pd.DataFrame(rows)
    return found


def _judge_training(task: Task) -> Judged:
    """Gain of one trained policy on the rule from which it started, and as estates are resampled."""
    world, variant, number, size, n_estates, seeds, n_resamples = task
    drawn, chance = seeds.spawn(2)
    estates = draw_estates(world, size, drawn.generate_state(n_estates, np.uint64).tolist())
    shipped = load_shipped()
    briefing = shipped.briefing(world, size)
    rule = faulty(briefing.rule) if variant == "planted" else briefing.rule
    policy = shipped.policies[f"{world}.{SMALL}.{FAVOURITE}.{variant}.{number}"]
    nets = expected_net_usd(estates, follow(estates, policy.act, rule, mediated(world)))
    rivals = expected_net_usd(estates, run_rule(estates, rule))
    drawn_gains = resampled_gains(nets, rivals, np.random.default_rng(chance), n_resamples)
    return float(nets.sum() / rivals.sum() - 1), drawn_gains


def _planted_room(seeds: np.random.SeedSequence, n_estates: int, n_resamples: int) -> Estimate:
    """What the tuned rule earns more than the faulty one: what there is to be found in the planted world."""
    drawn, chance = seeds.spawn(2)
    estates = draw_estates(_HOME, SMALL, drawn.generate_state(n_estates, np.uint64).tolist())
    rule = load_shipped().briefing(_HOME, SMALL).rule
    nets, rivals = (account(estates, run_rule(estates, one)).net_usd for one in (rule, faulty(rule)))
    return gain(nets, rivals, np.random.default_rng(chance), n_resamples).estimate(
        f"planted_room_{SMALL}", "share of what the faulty rule earns", "faulty_rule", measure="room",
        services=SMALL,
    )  # fmt: skip


def _ends(resampled: Array) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _over(drawn: Sequence[Judged], who: str, size: int) -> Estimate:
    """Gains of many trainings: their median, and 95 % of worlds and resampled estates together."""
    middle = float(np.median([value for value, _ in drawn]))
    low, high = _ends(np.concatenate([many for _, many in drawn]))
    return Estimate(
        f"agents_gain_{size}", middle, min(low, middle), max(high, middle),
        "share of what the tuned rule earns", len(drawn),
        how=f"95 % of {len(drawn)} trainings and resampled estates together", world=who,
        at={"measure": "gain of agents", "method": FAVOURITE, "services": size},
        draws=() if who == OBSERVED else tuple(_ends(many) for _, many in drawn),
    )  # fmt: skip
