"""Worlds x methods -> measures -> Result: markets whose truth is known, real trials, one campaign."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.errors import ConfigError, DataError, one_line
from dti_core.lab.findings import Findings, gather
from dti_core.lab.kept import keep
from dti_core.lab.parallel import CORES, run_keyed
from dti_core.lab.record import Result
from dti_core.studies.private_lift.data import Parameters
from dti_core.studies.private_lift.data.campaign import Campaign
from dti_core.studies.private_lift.data.expedia import load_expedia
from dti_core.studies.private_lift.data.hillstrom import load_hillstrom
from dti_core.studies.private_lift.data.paths import load_paths
from dti_core.studies.private_lift.data.regions import load_regions
from dti_core.studies.private_lift.data.targeting import hillstrom_offers, load_politicians, trial_of_arm
from dti_core.studies.private_lift.measures.accountants import study_accountants
from dti_core.studies.private_lift.measures.accuracy import study_accuracy
from dti_core.studies.private_lift.measures.apart import study_apart
from dti_core.studies.private_lift.measures.attribution import study_attribution
from dti_core.studies.private_lift.measures.audit import study_audits
from dti_core.studies.private_lift.measures.campaign import check_clip, study_campaign
from dti_core.studies.private_lift.measures.choices import study_choices
from dti_core.studies.private_lift.measures.clients import study_clients
from dti_core.studies.private_lift.measures.collision import study_collision
from dti_core.studies.private_lift.measures.consent import study_consent
from dti_core.studies.private_lift.measures.coverage import study_coverage
from dti_core.studies.private_lift.measures.federated import study_federated, study_poisoning
from dti_core.studies.private_lift.measures.groups import measure_groups
from dti_core.studies.private_lift.measures.offers import (
    study_offer_controls,
    study_offer_price,
    study_offers,
)
from dti_core.studies.private_lift.measures.paths import study_paths, study_private_paths
from dti_core.studies.private_lift.measures.payouts import study_payouts
from dti_core.studies.private_lift.measures.peeking import study_peeking
from dti_core.studies.private_lift.measures.practitioner import study_report
from dti_core.studies.private_lift.measures.promotion import study_promotion
from dti_core.studies.private_lift.measures.reach import study_reach
from dti_core.studies.private_lift.measures.reconcile import study_reconcile
from dti_core.studies.private_lift.measures.regions import study_regions
from dti_core.studies.private_lift.measures.reports import Plan, Report
from dti_core.studies.private_lift.measures.secrecy import study_secrecy
from dti_core.studies.private_lift.measures.sizes import study_sizes
from dti_core.studies.private_lift.measures.trials import study_trials
from dti_core.studies.private_lift.measures.uplift import study_uplift_simulated, study_uplift_trial
from dti_core.studies.private_lift.methods.budget import Budget, budgets
from dti_core.studies.private_lift.model.journeys import journeys_from
from dti_core.studies.private_lift.model.searches import some_users
from dti_core.studies.private_lift.worlds import MARKETS

#: Budget at which claims are judged and controls are drawn, in every run.
JUDGED = 1.0
#: Users of the campaigns in which pay is shared, and at most of the trials of offers whose truth is known.
PAID_USERS, OFFERED_USERS = 20_000, 80_000
#: Budgets of which the gain of personal offers is told where it is known.
PRICED = (0.1, 0.5, 1.0, 2.0, 8.0)

#: Trials of whom a treatment moves: what their table of groups is called, and whom its promise protects.
RANKED = {
    "politicians": ("Replies of legislators, ranked by race, party and chamber", "legislator"),
    "hillstrom": ("Visits after the men's e-mail, ranked by twelve segments", "user"),
}

Part = Callable[[], Findings]


@keep
def estimate(config: Config, campaign: Campaign, card: DataCard) -> Result:
    """All estimates of the study, question by question.

    Source of the question: Yi (2026), study [1] of the review.

    What a machine lacks for is listed in the table `left_out`, with the command that brings it.
    """
    asked = config.typed(Parameters)
    plan = Plan(config.seeds("campaign"), asked.n_resamples)
    check_clip(asked.spend_clip, plan)
    told = model_budgets(asked.model_epsilons)
    parts: dict[str, Part] = {
        **_real_data(asked, config.seeds, told), **_known_truth(asked, config.seeds),
        **_safeguards(asked, config.seeds),
        "report": partial(
            study_report, MARKETS[asked.world].settings, asked.n_users, asked.epsilon, config.seeds("report")
        ),
        "campaign": partial(
            study_campaign, campaign, plan, asked.spend_clip
        ),
    }  # fmt: skip
    found = gather(
        run_keyed(_attempt, {name: (name, part) for name, part in parts.items()}, "questions").values()
    )
    return Result(config, card, tuple(found.estimates), found.series)


def _known_truth(asked: Parameters, seeds: Callable[[str], np.random.SeedSequence]) -> Mapping[str, Part]:
    """Questions that only a market whose truth is known can answer."""
    few, many = max(20, asked.n_campaigns // 20), asked.n_campaigns
    return {
        "accuracy": partial(study_accuracy, seeds("accuracy"), 2 * many),
        "coverage": partial(study_coverage, seeds("coverage"), 2 * many),
        "sizes": partial(study_sizes, seeds("sizes"), many // 2),
        "reach": partial(study_reach, seeds("reach"), max(5, min(100, many // 4))),
        "collision": partial(study_collision, seeds("collision"), max(20, asked.n_draws // 2), many // 2),
        "attribution": partial(
            study_attribution, seeds("attribution"), asked.n_users // 2, asked.n_runs, max(5, many // 10),
            asked.epsilon,
        ),
        "apart": partial(study_apart, seeds("apart"), asked.n_users, few, asked.n_draws, asked.epsilon),
        "payouts": partial(study_payouts, seeds("payouts"), PAID_USERS, max(10, many // 10)),
        "reconcile": partial(study_reconcile, seeds("reconcile"), many // 2),
        "regions": partial(
            study_regions, load_regions(), seeds("regions"), n_campaigns=many, n_draws=asked.n_draws
        ),
        "consent": partial(
            study_consent, seeds("consent"), n_users=asked.n_users // 10, n_campaigns=many
        ),
        "uplift": partial(
            study_uplift_simulated, {name: MARKETS[name].settings for name in ("campaign", "uneven")},
            max(1_000, asked.n_users // 40), asked.n_runs, 2, seeds("uplift"),
        ),
    }  # fmt: skip


def _safeguards(asked: Parameters, seeds: Callable[[str], np.random.SeedSequence]) -> Mapping[str, Part]:
    """Whether the machinery keeps its promises: audits, secrecy of sums, broken clients, personal offers."""
    n_audits, many = max(2, asked.n_draws // 10), asked.n_campaigns
    return {
        "accountants": study_accountants,
        "audits": partial(study_audits, seeds("audits").spawn(n_audits), max(4_000, 50 * many)),
        "secrecy": partial(
            study_secrecy, seeds("secrecy"), 3 * many, max(2, asked.n_draws // 8),
            2 * asked.n_runs, 2 * asked.n_runs, 12,
        ),
        "clients": partial(study_clients, seeds("clients"), n_users=PAID_USERS, n_campaigns=many),
        "offer controls": partial(
            study_offer_controls, JUDGED, min(OFFERED_USERS, asked.n_users), asked.n_draws,
            seeds("offer controls"),
        ),
        "offer price": partial(
            study_offer_price, PRICED, (4_000, 16_000, 64_000), 2 * asked.n_runs,
            np.random.default_rng(seeds("offer price")),
        ),
    }  # fmt: skip


def _real_data(
    asked: Parameters, seeds: Callable[[str], np.random.SeedSequence], told: Sequence[Budget]
) -> Mapping[str, Part]:
    """Real trials and logs, each measured with and without privacy."""
    plan = Plan(seeds("trials"), asked.n_resamples)
    return {
        "trials": partial(study_trials, plan),
        "asos": partial(study_peeking, plan),
        "promotions": partial(study_promotion, plan),
        "choices": partial(study_choices, plan),
        "paths": partial(_paths, asked, seeds("paths")),
        "who books": partial(_searches, asked, seeds("who books"), told),
        "real offers": partial(_real_offers, asked, seeds("real offers"), told),
        "whom it moves": partial(_targeting, asked, seeds("whom it moves")),
    }


def _paths(asked: Parameters, seeds: np.random.SeedSequence) -> Findings:
    paths, _ = load_paths()
    journeys = journeys_from(paths.steps, paths.converted.astype(float), paths.not_converted.astype(float))
    found = study_paths(journeys, np.random.default_rng(seeds), asked.n_resamples)
    found.add(study_private_paths(journeys, Plan(seeds, asked.n_resamples)))
    return found


def _searches(asked: Parameters, seeds: np.random.SeedSequence, told: Sequence[Budget]) -> Findings:
    chosen, models, attacks = seeds.spawn(3)
    log = some_users(load_expedia()[0], asked.n_searchers, np.random.default_rng(chosen))
    found = study_federated(log, told, asked.n_runs, models)
    table = found.series["federated"]
    setting = table[(table["learner"] == "user") & np.isinf(table["epsilon"])]["setting"].iloc[0]
    found.add(study_poisoning(log, float(setting), asked.n_runs, attacks))
    return found


def _real_offers(asked: Parameters, seeds: np.random.SeedSequence, told: Sequence[Budget]) -> Findings:
    campaign, _ = load_hillstrom()
    return study_offers(hillstrom_offers(campaign), told, max(2, asked.n_runs // 2), seeds)


def model_budgets(text: str) -> tuple[Budget, ...]:
    """The budgets in `text`, ascending; the one that claims are judged at and none at all always come along.

    Raises
    ------
    ConfigError if it is no list of positive numbers.
    """
    try:
        asked = {float(one) for one in text.split(",")}
    except ValueError:
        asked = {math.nan}
    if not all(one > 0 for one in asked):
        raise ConfigError(
            f"private_lift: model_epsilons = '{text}'. Give positive numbers with commas between: 0.5, 1, 4."
        )
    return budgets(sorted(asked | {JUDGED, math.inf}))


def _targeting(asked: Parameters, seeds: np.random.SeedSequence) -> Findings:
    n_resamples, report = max(19, asked.n_resamples // 3), Report(Plan(seeds, asked.n_resamples))
    trials, found = {"politicians": load_politicians()}, Findings()
    try:
        trial = trial_of_arm(load_hillstrom()[0], "Mens E-Mail", "visit")
        trials["hillstrom"] = trial.part(np.arange(min(len(trial.outcome), asked.n_users)))
    except DataError as error:
        found.left_out.append(("whom the e-mails move", one_line(error, 200)))
    for (name, trial), own in zip(trials.items(), seeds.spawn(len(trials)), strict=True):
        found.add(study_uplift_trial(name, trial, n_resamples, 2 * asked.n_runs, own))
        measure_groups(report, name, *RANKED[name], trial)
    found.add(report.gathered("uplift"))
    return found


def _attempt(question: tuple[str, Part]) -> Findings:
    """What a question yields, or why its data are not here; each works its own tasks off one by one."""
    os.environ[CORES] = "1"
    name, part = question
    try:
        return part()
    except DataError as error:
        return Findings(left_out=[(name, one_line(error, 200))])


def markets_in_words() -> pd.DataFrame:
    """The markets in which ways to measure are compared, with their settings."""
    rows = [
        {"world": world.title, "role": world.role, "converts unshown": world.settings.base_rate,
         "held out": world.settings.holdout, "consent": world.settings.consent,
         "channels": len(world.settings.channels)}
        for world in MARKETS.values()
    ]  # fmt: skip
    return pd.DataFrame(rows)
