"""Claim C6c: do agents that learned earn more than a tuned rule, at equal hours and money?

The rule is the one the agents start from, so that what they gain is what learning brings. The assumption set
has a tuning and a training of its own in each of its worlds.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.patch_planning.measures.findings import Findings
from dti_core.studies.patch_planning.measures.ratios import gain
from dti_core.studies.patch_planning.methods.agents import follow
from dti_core.studies.patch_planning.methods.briefings import mediated
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, SMALL, Variant, faulty
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.plans import account
from dti_core.studies.patch_planning.worlds.assumed import N_ASSUMED, PREFIX
from dti_core.studies.patch_planning.worlds.draws import draw_estates

#: World in which controls are trained.
_HOME = "tight_budget"
CONTROLS: dict[str, Variant] = {"placebo": "placebo", "faulty_rule": "planted"}
Task = tuple[str, Variant, int, int, int, np.random.SeedSequence, int]
Span = tuple[float, float, float]


def study_learned(
    seeds: np.random.SeedSequence, n_small: int, n_large: int, n_draws: int, n_resamples: int, large: int = 50
) -> Findings:
    """What the favourite gains on the rule over the assumption set, and in both control worlds.

    Parameters
    ----------
    n_small, n_large : estates on which each training is judged, at 11 services and, untaught, at `large`.
    n_draws : trainings of each control world, and worlds of the assumption set, that are judged.
    """
    places = [(OBSERVED, f"{PREFIX}{number}", "plain", number) for number in range(min(n_draws, N_ASSUMED))]
    places += [(name, _HOME, variant, one) for name, variant in CONTROLS.items() for one in range(n_draws)]
    tasks = {
        (who, number, size): (world, variant, number, size, n, own, n_resamples)
        for (who, world, variant, number), own in zip(places, seeds.spawn(len(places)), strict=True)
        for size, n in ((SMALL, n_small), (large, n_large))
    }
    spans = run_keyed(_judge_training, tasks, "trainings judged")
    found, rows = Findings(), []
    for size in (SMALL, large):
        for who in (OBSERVED, *CONTROLS):
            drawn = [span for (name, _, at), span in spans.items() if (name, at) == (who, size)]
            found.estimates.append(_over(drawn, who, size))
            rows += [{"world": who, "services": size, "gain": value, "low": low, "high": high}
                     for value, low, high in drawn]  # fmt: skip
        found.estimates.append(_share(spans, size))
    found.estimates.append(_planted_room(seeds.spawn(1)[0], 4 * n_small, n_resamples))
    found.series["trainings"] = pd.DataFrame(rows)
    return found


def _judge_training(task: Task) -> Span:
    """Gain of one trained policy on the rule from which it started, with its interval over estates."""
    world, variant, number, size, n_estates, seeds, n_resamples = task
    drawn, chance = seeds.spawn(2)
    estates = draw_estates(world, size, drawn.generate_state(n_estates, np.uint64).tolist())
    shipped = load_shipped()
    briefing = shipped.briefing(world, SMALL if world.startswith(PREFIX) else size)
    rule = faulty(briefing.rule) if variant == "planted" else briefing.rule
    policy = shipped.policies[f"{world}.{SMALL}.{FAVOURITE}.{variant}.{number}"]
    nets = account(estates, follow(estates, policy.act, rule, mediated(world))).net_usd
    rivals = account(estates, run_rule(estates, rule)).net_usd
    part = gain(nets, rivals, np.random.default_rng(chance), n_resamples)
    return part.value, part.low, part.high


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


def _over(drawn: Sequence[Span], who: str, size: int) -> Estimate:
    """Gains of many trainings: their middle, and from where to where those of 95 % of worlds reach.

    Each world's own uncertainty is in: its interval's ends take part as its value does.
    """
    values = np.array([value for value, _, _ in drawn])
    ends = np.array([[low, high] for _, low, high in drawn])
    low, high = np.quantile(ends[:, 0], 0.025), np.quantile(ends[:, 1], 0.975)
    how = f"from the lowest to the highest end of 95 % of {len(drawn)} trainings' intervals over estates"
    return Estimate(
        f"agents_gain_{size}", float(np.median(values)), float(min(low, np.median(values))),
        float(max(high, np.median(values))), "share of what the tuned rule earns", len(drawn), how=how,
        world=who, at={"measure": "gain of agents", "method": FAVOURITE, "services": size},
        draws=() if who == OBSERVED else tuple((low, high) for _, low, high in drawn),
    )  # fmt: skip


def _share(spans: dict[tuple[str, int, int], Span], size: int) -> Estimate:
    from dti_core.lab.intervals import share

    above = [span[0] > 0 for (who, _, at), span in spans.items() if (who, at) == (OBSERVED, size)]
    return share(sum(above), len(above)).estimate(
        f"agents_gain_share_{size}", "share of the assumption set", measure="sign", services=size
    )
