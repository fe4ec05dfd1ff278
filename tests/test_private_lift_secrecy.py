"""What private_lift says of its secure sums: known best AUCs, guessed masks, rounds that are counted."""

from types import SimpleNamespace

import numpy as np
import pytest

from dti_core.bridges.secure_sum import ClientRefusal, UnmaskingRequest, implausible
from dti_core.lab.data import DataCard
from dti_core.lab.parallel import CORES
from dti_core.studies.private_lift.figures import guess_times
from dti_core.studies.private_lift.figures import secrecy as figures
from dti_core.studies.private_lift.measures import secrecy
from dti_core.studies.private_lift.measures.secrecy import (
    guess_update,
    late_vector,
    malformed_report,
    study_bytes,
    study_dropouts,
    study_malformed,
    study_secrecy,
)
from dti_core.studies.private_lift.measures.views import BAND, ViewTask, auc_error, best_auc, view_auc

CARD = DataCard(
    name="x", title="x", origin="simulated", badge="x", source="x", licence="MIT", rows=1, columns=1,
    sha256="0", caveat="",
)  # fmt: skip


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def auc(aggregator: str, weak_range: int | None, n_views: int = 8000, seed: int = 1) -> float:
    return view_auc(ViewTask(aggregator, weak_range, n_views, np.random.SeedSequence(seed)))


def test_the_best_auc_under_weak_masks_is_that_of_the_likelihood_ratio():
    """Masks in 0, 1: 1 or -1 gives a place away; counted over all 4 x 4 pairs of two users' shares."""
    size = 2
    masks = [(a, b) for a in range(size) for b in range(size)]

    def told(first: int, second: int) -> int:
        """1 for a view that only the first place makes, -1 for one that only the second makes."""
        return int(first == 1 or second == 1 - size) - int(second == 1 or first == 1 - size)

    wins = [
        (told(1 - a, 0 - b) > told(0 - c, 1 - d)) + 0.5 * (told(1 - a, 0 - b) == told(0 - c, 1 - d))
        for a, b in masks
        for c, d in masks
    ]
    assert best_auc(size) == pytest.approx(np.mean(wins))
    assert best_auc(10**9) == pytest.approx(0.5)


@pytest.mark.parametrize("weak_range", [4, 16])
def test_the_classifier_finds_what_can_be_found_under_weak_masks(weak_range):
    """Positive control: within three standard errors of the best AUC there is."""
    found = auc("shares", weak_range, 6000)
    assert found == pytest.approx(best_auc(weak_range), abs=3 * auc_error(3000))
    assert found > 0.5 + 3 * BAND


@pytest.mark.parametrize("aggregator", ["seeds", "shares"])
def test_one_view_of_the_bridge_is_a_guess(aggregator):
    """Mean of three seeded draws of 8000 views; the standard error of one is .009."""
    found = np.mean([auc(aggregator, None, seed=seed) for seed in range(3)])
    margin = 1.96 * auc_error(4000) / 3**0.5
    assert abs(found - 0.5) < margin < BAND


def test_the_error_of_an_auc_is_that_of_random_scores():
    """Known answer: the spread of the AUC of scores that do not look."""
    from sklearn.metrics import roc_auc_score

    labels, draws = np.arange(400) % 2, rng()
    spread = np.std([roc_auc_score(labels, draws.random(400)) for _ in range(300)])
    assert spread == pytest.approx(auc_error(400), rel=0.12)


def test_a_late_vector_under_a_short_seed_is_uncovered_to_the_last_step():
    left, update, code = late_vector(rng(), 10)
    assert np.array_equal(guess_update(left, code, 10), update)


def test_the_same_attack_on_our_seeds_finds_nothing():
    left, _, code = late_vector(rng(), 256)
    assert guess_update(left, code, 10) is None


def test_a_short_seed_is_not_found_among_fewer_seeds_than_there_are():
    """The attack knows nothing but the seeds it tries: half of them find half of the clients."""
    hits = []
    for seed in range(16):
        left, _, code = late_vector(rng(seed), 8)
        hits.append(guess_update(left, code, 7) is not None)
    assert 2 <= sum(hits) <= 14


def test_a_client_that_sees_its_own_vector_called_missing_does_not_help(monkeypatch):
    """The late client refuses; the attack rests on what the others must give for a missing one."""
    seen = {}
    collect = secrecy.MaskedSumServer.collect_vectors

    def watched(server, masked):
        seen["request"] = collect(server, masked)
        return seen["request"]

    monkeypatch.setattr(secrecy.MaskedSumServer, "collect_vectors", watched)
    late_vector(rng(), 8)
    assert seen["request"] == UnmaskingRequest(frozenset({1, 2, 3, 4}), frozenset({0}))
    with pytest.raises(ClientRefusal, match="with no round"):
        secrecy.MaskedSumClient(0, secrecy.LATE).reveal(seen["request"])


def test_rounds_are_exact_within_the_threshold_and_ended_beyond_it():
    found = study_dropouts(rng(), 2)
    value = {one.name: one.value for one in found.estimates}
    assert value["rounds_exact_within_threshold"] == 1
    assert value["rounds_ended_beyond_threshold"] == 1
    assert value["rounds_exact_without_recovery"] == 0, "the count of exact rounds can fail"
    table = found.series["dropouts"]
    assert set(table["stage"]) == set(secrecy.STAGES)
    assert set(table.loc[~table["within threshold"], "exact"]) == {0}


def test_malformed_reports_are_seen_only_where_sums_become_impossible():
    found = study_malformed(rng(), 3)
    seen = found.series["malformed"].set_index("malformed report")
    assert seen["seen in the sums"].to_dict() == {
        "none": 0, "two buckets": 1, "boosted": 1, "random": 1, "moved": 0,
    }  # fmt: skip
    assert seen.loc["moved", "a count moves by"] > 100, "more than a tenth of all reports, unseen"


def test_a_report_that_moves_users_adds_up():
    counts = np.array([700, 300, *[0] * 62])
    report = malformed_report("moved", counts, rng())
    assert report.sum() == 1
    assert implausible(counts + report, 1001) == ()


def test_bytes_are_those_of_the_messages():
    """A histogram: a seed of 32 and 64 elements of 8. Neighbours save bytes; masks and shares cost some."""
    value = {one.name: one.value for one in study_bytes(rng()).estimates}
    assert value["histogram_bytes"] == 32 + 64 * 8
    assert value["masked_bytes_8_clients_7_neighbours"] == 76 + 4 + 7 * 86 + 4 + 4 * 705 + 4 + 8 * 37
    assert value["masked_bytes_24_clients_8_neighbours"] < value["masked_bytes_24_clients_23_neighbours"]


def test_the_same_seed_gives_the_same_findings_and_they_are_shown(monkeypatch):
    monkeypatch.setenv(CORES, "1")
    sizes = {"n_views": 200, "n_draws": 2, "n_rounds": 1, "n_attacks": 1, "seed_bits": 6}
    first, second = (study_secrecy(np.random.SeedSequence(3), **sizes) for _ in range(2))
    assert first.estimates == second.estimates
    assert all(first.series[name].equals(second.series[name]) for name in first.series)
    assert len({one.key for one in first.estimates}) == len(first.estimates)
    (shares,) = (one for one in first.estimates if one.name == "view_auc_shares")
    assert len(shares.draws) == 2
    shown = SimpleNamespace(series=first.series, card=CARD)
    meta = figures.plot_one_view(shown).layout.meta
    assert "Simulated data" in meta["caption"]
    assert "not collude" in meta["caption"]
    assert f"masks of the whole field {shares.value:.3f}" in meta["alt"]
    assert [len(figures.secrecy_table(shown, name).rows) for name in figures.TABLES] == [16, 2, 5, 4]


def test_the_time_to_guess_32_bits_is_called_an_extrapolation():
    rows = guess_times().set_index("seed")
    assert rows["how"].to_dict() == {
        "16 bits": "measured",
        "18 bits": "measured",
        "20 bits": "measured",
        "32 bits": "extrapolated",
        "256 bits": "extrapolated, as long as ours",
    }
    took = {bits: float(rows.loc[f"{bits} bits", "time on one core"].split()[0]) for bits in (20, 32)}
    assert 3600 * took[32] == pytest.approx(2**12 * took[20], rel=0.05)
    assert rows.loc["32 bits", "time on one core"].endswith("hours")
