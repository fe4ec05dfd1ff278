"""The bridge `federated`: a plain loop's answers, sensitivity, unlike sites, refusals, attacks."""

import os
import signal
import tracemalloc
from dataclasses import dataclass, replace

import dask
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from dp_accounting import dp_event, rdp
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from scipy.special import expit
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from dti_core.bridges.federated import (
    POISONS,
    SCHEMES,
    Clients,
    FederatedSettings,
    Logistic,
    Mlp,
    RecordSettings,
    TorchModel,
    advantage_limit,
    attack_by_score,
    fine_tune,
    gaussian_noise,
    guarantee_of,
    log_losses,
    malicious_clients,
    on_workers,
    poisoned,
    sum_of_updates,
    train,
    train_record_level,
)

D = 4
HERE = {"dashboard_address": "127.0.0.1:0", "silence_logs": 50}
PLAIN = FederatedSettings(rounds=8, local_steps=3, sampling_rate=0.5)


def some_clients(n: int = 40, seed: int = 3, unlike: float = 0.0, rows: int = 12) -> Clients:
    """Clients of 0 to `rows` rows; `unlike` spreads the coefficients of the clients."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(n), rng.integers(0, rows + 1, n))
    features = rng.normal(size=(len(owner), D))
    slopes = rng.normal(size=D) + unlike * rng.normal(size=(n, D))
    chances = expit((features * slopes[owner]).sum(axis=1))
    return Clients.from_table(features, (rng.random(len(owner)) < chances) * 1.0, owner, n)


def torch_logits(kind: str, w: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The two models in torch, from flat weights."""
    if kind == "logistic":
        return x @ w[:D] + w[D]
    h, cut = 6, 6 * D
    return torch.relu(x @ w[:cut].view(D, h) + w[cut : cut + h]) @ w[cut + h : -1] + w[-1]


def plain_loop(kind, start, clients, settings, rng, proximal=0.0):
    """DP-FedAvg without noise: one client after the other, gradients by torch. Weights and share clipped."""
    sampling, weights, n_clipped, n = rng.spawn(4)[1], torch.from_numpy(start.copy()), 0, 0
    for _ in range(settings.rounds):
        total = torch.zeros_like(weights)
        for i in np.flatnonzero(sampling.random(clients.n_clients) < settings.sampling_rate):
            part = slice(clients.starts[i], clients.starts[i + 1])
            x, y = (torch.from_numpy(one[part]) for one in (clients.features, clients.labels))
            if not len(y):
                continue
            own = weights.clone().requires_grad_()
            for _ in range(settings.local_steps):
                loss = binary_cross_entropy_with_logits(torch_logits(kind, own, x), y)
                (slope,) = torch.autograd.grad(loss + proximal / 2 * ((own - weights) ** 2).sum(), own)
                own = (own - settings.learning_rate * slope).detach().requires_grad_()
            update = (own - weights).detach()
            total += update * min(1.0, settings.clipping_norm / float(update.norm()))
            n_clipped, n = n_clipped + int(update.norm() > settings.clipping_norm), n + 1
        weights = weights + total / (settings.sampling_rate * clients.n_clients)
    return weights.numpy(), n_clipped / n


@pytest.mark.parametrize("proximal", [0.0, 0.7])
@pytest.mark.parametrize(("kind", "model"), [("logistic", Logistic(D)), ("mlp", Mlp(D, 6))])
def test_without_noise_the_weights_are_those_of_a_plain_loop(kind, model, proximal):
    clients, settings = some_clients(30), replace(PLAIN, rounds=5, proximal=proximal)
    start = model.start(np.random.default_rng(9))
    loop, share = plain_loop(kind, start, clients, settings, np.random.default_rng(1), proximal)
    assert share > 0.5
    for precision, chunk_rows, gap in (("float64", 16, 1e-9), ("float64", 9999, 1e-9), ("float32", 16, 1e-6)):
        told = replace(settings, precision=precision, chunk_rows=chunk_rows)
        found = train(model, clients, told, np.random.default_rng(1), start=start)
        assert np.abs(found.weights - loop).max() < gap


def test_a_torch_module_trains_as_the_kernel_does():
    torch.manual_seed(0)
    module, clients = nn.Linear(D, 1).double(), some_clients()
    model = TorchModel(module)
    found = train(model, clients, PLAIN, np.random.default_rng(1))
    ours = train(
        Logistic(D), clients, PLAIN, np.random.default_rng(1), start=model.start(np.random.default_rng())
    )
    assert np.abs(found.weights - ours.weights).max() < 1e-9
    assert np.allclose(found.predict(clients.features), ours.predict(clients.features))
    with pytest.raises(ValueError, match="batch statistics"):
        TorchModel(nn.Sequential(nn.BatchNorm1d(D), nn.Linear(D, 1)))


def scaffold_loop(clients, settings, rng):
    """SCAFFOLD, option II, of logistic regression, client by client."""
    n, k, rate = clients.n_clients, settings.local_steps, settings.learning_rate
    sampling, weights = rng.spawn(4)[1], np.zeros(D + 1)
    own, shared = np.zeros((n, D + 1)), np.zeros(D + 1)
    for _ in range(settings.rounds):
        moves, changes = np.zeros(D + 1), np.zeros(D + 1)
        for i in np.flatnonzero(sampling.random(n) < settings.sampling_rate):
            part = slice(clients.starts[i], clients.starts[i + 1])
            x, y = (
                np.column_stack([clients.features[part], np.ones(len(clients.labels[part]))]),
                clients.labels[part],
            )
            if not len(y):
                continue
            here = weights.copy()
            for _ in range(k):
                here -= rate * (x.T @ (expit(x @ here) - y) / len(y) - own[i] + shared)
            after = own[i] - shared + (weights - here) / (k * rate)
            moves, changes, own[i] = moves + here - weights, changes + after - own[i], after
        weights = weights + moves / (settings.sampling_rate * n)
        shared = shared + changes / n
    return weights


def test_scaffold_is_that_of_its_paper():
    clients, settings = some_clients(unlike=1.0), replace(PLAIN, clipping_norm=None, control=True)
    found = train(Logistic(D), clients, settings, np.random.default_rng(2))
    assert np.abs(found.weights - scaffold_loop(clients, settings, np.random.default_rng(2))).max() < 1e-9


def test_scaffold_ends_at_the_common_optimum_where_fedavg_drifts():
    """Full participation, sites of unlike data and many local steps: the known failure of averaging."""
    rng = np.random.default_rng(5)
    owner = np.repeat(np.arange(6), 50)
    features = rng.normal(size=(300, D)) * (1 + 2 * (owner % 3))[:, None] + (owner % 2)[:, None]
    labels = (rng.random(300) < expit((features * rng.normal(size=(6, D))[owner]).sum(axis=1))) * 1.0
    sites, model = Clients.from_table(features, labels, owner), Logistic(D, ridge=0.1)
    settings = FederatedSettings(
        unit="site", rounds=150, local_steps=20, sampling_rate=1.0, learning_rate=0.1, clipping_norm=None
    )
    best = SCHEMES["central"].run(model, sites, settings, rng, None).weights
    gaps = {
        name: np.abs(SCHEMES[name].run(model, sites, settings, rng, None).weights - best).max()
        for name in ("fedavg", "fedprox", "scaffold")
    }
    assert gaps["scaffold"] < 1e-6 < 0.05 < gaps["fedavg"]
    assert gaps["fedprox"] < gaps["fedavg"]


@given(seed=st.integers(0, 10_000), control=st.booleans(), boost=st.sampled_from([1.0, 100.0, -1e9]))
@given_settings(deadline=None, max_examples=40)
def test_one_client_moves_the_sum_by_the_clipping_norm_at_most(seed, control, boost):
    """Whatever the data, the weights and what the client sends."""
    clients, rng = some_clients(8, seed, unlike=3.0), np.random.default_rng(seed)
    weights, one = rng.normal(size=D + 1), int(rng.integers(8))
    settings = replace(PLAIN, control=control, clipping_norm=0.1)
    tamper = poisoned(np.arange(8) == one, boost)
    sums = []
    for ids in (np.arange(8), np.delete(np.arange(8), one)):
        training = _states(control, np.random.default_rng(seed + 1))
        sums.append(sum_of_updates(Logistic(D), weights, clients, ids, settings, rng, training, tamper)[0])
    assert np.linalg.norm(sums[0] - sums[1]) <= 0.1 * (1 + 1e-9)


def _states(control, rng):
    from dti_core.bridges.federated.training import Controls

    return Controls(rng.normal(size=(8, D + 1)), rng.normal(size=D + 1)) if control else None


def test_cohorts_are_poisson_and_the_noise_moves_none():
    clients = some_clients(2000, rows=1)
    settings = replace(PLAIN, rounds=300, local_steps=1, sampling_rate=0.1)
    found = train(Logistic(D), clients, settings, np.random.default_rng(0))
    noisy = train(Logistic(D), clients, settings, np.random.default_rng(0), gaussian_noise(1.0, settings))
    sizes = found.counts["cohort"]
    assert abs(sizes.mean() - 200) < 4 * np.sqrt(180 / 300)
    assert 0.7 < sizes.var() / 180 < 1.4
    assert (sizes == noisy.counts["cohort"]).all()
    assert (found.weights != noisy.weights).all()


def test_the_denominator_is_fixed_and_a_round_without_clients_adds_noise_alone():
    """Rate 1e-9: nobody comes, and what is left is noise of a known size over the fixed denominator."""
    clients = some_clients()
    settings = replace(PLAIN, rounds=4000, sampling_rate=1e-9, expected_cohort=20.0, clipping_norm=0.1)
    found = train(Logistic(D), clients, settings, np.random.default_rng(4), gaussian_noise(2.0, settings))
    assert found.counts["cohort"].sum() == 0
    expected = 2.0 * 0.1 / 20 * np.sqrt(4000)
    assert 0.4 < found.weights.std() / expected < 1.6
    assert (train(Logistic(D), clients, settings, np.random.default_rng(4)).weights == 0).all()
    half = replace(PLAIN, sampling_rate=1.0, rounds=1)
    one, two = (train(Logistic(D), clients, s, np.random.default_rng(0)).weights
                for s in (half, replace(half, expected_cohort=80.0)))  # fmt: skip
    assert np.allclose(one, 2 * two)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_malformed_client_is_left_out_and_counted(bad):
    clients = some_clients()
    features, one = clients.features.copy(), int(np.argmax(np.diff(clients.starts)))
    features[clients.starts[one]] = bad
    broken = replace(clients, features=features)
    settings = replace(PLAIN, rounds=1, sampling_rate=1.0, chunk_rows=10_000)
    found = train(Logistic(D), broken, settings, np.random.default_rng(0))
    told = sum_of_updates(
        Logistic(D),
        np.zeros(D + 1),
        clients,
        np.delete(np.arange(40), one),
        settings,
        np.random.default_rng(0),
    )
    assert np.allclose(found.weights, told[0] / 40)
    assert found.counts["malformed"].tolist() == [1]
    assert found.counts["without_rows"].tolist() == [int((np.diff(clients.starts) == 0).sum())]
    assert found.counts["without_rows"][0] > 0


def test_what_voids_the_guarantee_is_refused():
    clients, rng = some_clients(), np.random.default_rng(0)
    with pytest.raises(ValueError, match="there is no client"):
        train(Logistic(D), Clients(np.zeros((0, D)), np.zeros(0), np.array([0])), PLAIN, rng)
    for settings in (replace(PLAIN, clipping_norm=None), replace(PLAIN, weighting="rows")):
        with pytest.raises(ValueError, match=r"with protect|needs clipping_norm"):
            train(Logistic(D), clients, settings, rng, lambda total, _: total)
    with pytest.raises(ValueError, match="train_record_level"):
        SCHEMES["central"].run(Logistic(D), clients, PLAIN, rng, lambda total, _: total)
    with pytest.raises(ValueError, match="no bounded sensitivity"):
        guarantee_of(replace(PLAIN, clipping_norm=None), 1.0, 1e-6)
    with pytest.raises(ValueError, match="beyond the 3 clients"):
        Clients.from_table(np.zeros((2, D)), np.zeros(2), np.array([0, 3]), 3)
    for wrong in ({"rounds": 0}, {"sampling_rate": 1.5}, {"clipping_norm": 0.0}, {"proximal": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            replace(PLAIN, **wrong)


def test_the_guarantee_names_its_unit_and_is_that_of_other_accountants():
    """FL-1: PRV accounting brackets epsilon within 5.139 and 5.159 (prv-accountant), RDP gives 5.885."""
    settings = FederatedSettings(unit="site", rounds=50, sampling_rate=0.1)
    told = guarantee_of(settings, 1.0, 1e-5)
    assert told.text.endswith("delta 1e-05 a site (add or remove one), PLD accounting")
    assert told.epsilon == pytest.approx(5.148, abs=0.002)
    assert guarantee_of(settings, 1.0, 1e-5, "rdp").epsilon == pytest.approx(5.885, abs=0.005)


def test_each_scheme_is_deterministic_and_own_models_win_where_clients_disagree():
    clients = some_clients(12, seed=8, unlike=4.0, rows=200)
    settings = FederatedSettings(rounds=30, sampling_rate=1.0, clipping_norm=None)
    owner = np.repeat(np.arange(12), np.diff(clients.starts))
    losses = {}
    for name, scheme in SCHEMES.items():
        found, again = (
            scheme.run(Logistic(D), clients, settings, np.random.default_rng(6), None) for _ in "ab"
        )
        assert (found.weights == again.weights).all(), name
        losses[name] = log_losses(found.predict(clients.features, owner), clients.labels).mean()
    assert losses["alone"] < losses["personal"] < losses["fedavg"]
    with pytest.raises(ValueError, match="tell the owner"):
        SCHEMES["alone"].run(Logistic(D), clients, settings, np.random.default_rng(6), None).predict(
            clients.features
        )


def test_own_steps_from_a_common_model_are_those_of_each_client_alone():
    clients = some_clients()
    common = train(Logistic(D), clients, PLAIN, np.random.default_rng(1))
    tuned = fine_tune(common, clients, PLAIN, np.random.default_rng(1), steps=4)
    empty = np.flatnonzero(np.diff(clients.starts) == 0)
    assert (tuned.weights[empty] == common.weights).all()
    one = int(np.argmax(np.diff(clients.starts)))
    part = slice(clients.starts[one], clients.starts[one + 1])
    alone = Clients(clients.features[part], clients.labels[part], np.array([0, part.stop - part.start]))
    by_hand = replace(PLAIN, rounds=4, local_steps=1, sampling_rate=1.0, clipping_norm=None)
    told = train(Logistic(D), alone, by_hand, np.random.default_rng(0), start=common.weights)
    assert np.allclose(tuned.weights[one], told.weights)


def test_rows_drawn_for_each_step_give_the_same_answer_on_average():
    clients, settings = some_clients(rows=40), replace(PLAIN, rounds=1, local_steps=1, sampling_rate=1.0)
    settings = replace(settings, clipping_norm=None)
    full = train(Logistic(D), clients, settings, np.random.default_rng(0)).weights
    drawn = [
        train(Logistic(D), clients, replace(settings, local_batch=4), np.random.default_rng(seed)).weights
        for seed in range(200)
    ]
    error = np.std(drawn, axis=0) / np.sqrt(200)
    assert (np.abs(np.mean(drawn, axis=0) - full) < 4 * error).all()


def test_sums_of_parts_of_a_cohort_add_up():
    """So that parts of a cohort may be summed by different workers."""
    clients, weights = some_clients(), np.linspace(-1, 1, D + 1)
    parts = [np.arange(0, 17), np.arange(17, 40), np.arange(40)]
    sums = [
        sum_of_updates(Logistic(D), weights, clients, ids, PLAIN, np.random.default_rng(0)) for ids in parts
    ]
    assert np.allclose(sums[0][0] + sums[1][0], sums[2][0])
    assert all(sums[0][1][name] + sums[1][1][name] == count for name, count in sums[2][1].items())


@dataclass
class Endless:
    """Clients of 20 rows that are made when they are asked for."""

    n_clients: int
    asked: int = 0

    def n_rows(self, ids):
        return np.full(len(ids), 20)

    def rows(self, ids, picks):
        self.asked = max(self.asked, picks.size)
        x = np.sin((ids[:, None] * 20 + picks)[..., None] * np.arange(1, 11) * 0.7)
        return x, (x[..., 0] > 0) * 1.0


def test_many_clients_take_the_memory_of_a_chunk():
    clients = Endless(50_000)
    settings = FederatedSettings(rounds=1, local_steps=1, sampling_rate=1.0)
    tracemalloc.start()
    train(Logistic(10), clients, settings, np.random.default_rng(0))
    peak_mb = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert clients.asked <= settings.chunk_rows
    assert peak_mb < 20 < 50_000 * 20 * 10 * 8 / 2**20


def test_record_level_states_opacus_epsilon_and_leaves_the_global_generator():
    """Rényi accounting by dp-accounting is the second opinion."""
    clients = some_clients(60, rows=40)
    settings = RecordSettings(noise_multiplier=1.1, batch=100, epochs=2, accountant="rdp")
    runs = []
    for _ in range(2):
        torch.manual_seed(1)
        module, state = nn.Linear(D, 1), torch.get_rng_state()
        runs.append(train_record_level(module, clients.features, clients.labels, settings, seed=5))
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(runs[0].module.weight, runs[1].module.weight)
    found = runs[0]
    accountant = rdp.RdpAccountant()
    step = dp_event.PoissonSampledDpEvent(found.sampling_rate, dp_event.GaussianDpEvent(1.1))
    accountant.compose(dp_event.SelfComposedDpEvent(step, found.steps))
    assert found.epsilon == pytest.approx(accountant.get_epsilon(settings.delta), rel=0.01)
    assert found.guarantee.text.endswith("delta 1e-06 a record (add or remove one), opacus' RDP accounting")
    assert ((found.predict(clients.features) > 0.5) == clients.labels).mean() > 0.6
    assert not np.isfinite(
        train_record_level(
            nn.Linear(D, 1), clients.features, clients.labels, replace(settings, noise_multiplier=0.0), 5
        ).epsilon
    )


def test_record_level_refuses_samplers_that_void_the_accountant():
    clients, settings = some_clients(), RecordSettings(1.0)
    data = torch.utils.data
    for sampler in (
        data.WeightedRandomSampler([1.0] * 5, 5),
        data.RandomSampler(range(5), replacement=True, num_samples=5),
        data.SubsetRandomSampler([1, 2]),
    ):
        with pytest.raises(ValueError, match="voids the accountant"):
            train_record_level(nn.Linear(D, 1), clients.features, clients.labels, settings, 0, sampler)
    with pytest.raises(ValueError, match="not finite"):
        train_record_level(nn.Linear(D, 1), clients.features * np.nan, clients.labels, settings, 0)


def test_an_attack_that_knows_nothing_has_no_advantage():
    """Over 300 draws the 95 % interval holds zero in 92 to 98 %, and the mean advantage is zero."""
    rng = np.random.default_rng(3)
    found = [attack_by_score(rng.normal(size=120), rng.normal(size=150), rng, rates=()) for _ in range(300)]
    covered = np.mean([one.advantage[1] <= 0 <= one.advantage[2] for one in found])
    assert 0.92 <= covered <= 0.985
    assert abs(np.mean([one.advantage[0] for one in found])) < 0.01


def test_attacks_have_known_answers():
    rng = np.random.default_rng(1)
    apart = attack_by_score(np.arange(100.0) + 1000, np.arange(100.0), rng)
    assert apart.advantage[0] == 1.0
    assert apart.tpr_at[0.01] == pytest.approx((1.0, 0.9638, 1.0), abs=1e-4)
    assert np.isnan(apart.tpr_at[0.001][0])
    gaussian = attack_by_score(rng.normal(1.0, 1.0, 40_000), rng.normal(size=40_000), rng)
    assert gaussian.advantage[0] == pytest.approx(0.3829, abs=0.02)  # 2 Phi(1/2) - 1
    assert gaussian.tpr_at[0.01][0] == pytest.approx(0.0924, abs=0.01)  # 1 - Phi(2.3263 - 1)
    assert advantage_limit(0.0, 0.0) == 0
    assert advantage_limit(1.0, 0.0) == pytest.approx(np.tanh(0.5))
    with pytest.raises(ValueError, match="at least 4"):
        attack_by_score(np.array([1.0, np.nan, 1, 1]), np.zeros(9), rng)


def test_noise_hides_who_took_part_in_an_overfitted_model():
    """As many features as users of one row: found without noise (the control), within the limit with it."""
    rng, n = np.random.default_rng(4), 500
    features = rng.normal(size=(2 * n, n)) / np.sqrt(n)
    labels = (rng.random(2 * n) < expit(features @ rng.normal(size=n))) * 1.0
    members = Clients(features[:n], labels[:n], np.arange(n + 1))
    settings = FederatedSettings(
        rounds=60, local_steps=1, sampling_rate=0.3, learning_rate=1.0, server_rate=60.0, clipping_norm=1.0
    )

    def advantage(noise_multiplier: float):
        protect = gaussian_noise(noise_multiplier, settings) if noise_multiplier else None
        found = train(Logistic(n), members, settings, np.random.default_rng(1), protect)
        scores = -log_losses(found.predict(features), labels)
        return attack_by_score(scores[:n], scores[n:], np.random.default_rng(2)).advantage

    plain, noisy = advantage(0.0), advantage(8.0)
    limit = advantage_limit(guarantee_of(settings, 8.0, 1e-5, "rdp").epsilon, 1e-5)
    assert plain[1] > 0.05
    assert noisy[0] < plain[1]
    assert noisy[1] <= limit < 0.6


def test_boosted_clients_ruin_a_model_without_a_bound_and_not_with_one():
    clients = some_clients(400, seed=1, rows=30)
    bad = malicious_clients(400, 0.05, np.random.default_rng(0))
    settings = FederatedSettings(rounds=40, sampling_rate=0.25, clipping_norm=0.5)
    assert bad.sum() == 20

    def loss(name: str | None, norm: float | None) -> float:
        tamper = None if name is None else poisoned(bad, POISONS[name])
        found = train(
            Logistic(D),
            clients,
            replace(settings, clipping_norm=norm),
            np.random.default_rng(5),
            tamper=tamper,
        )
        assert (found.counts["malformed"].sum() > 0) == (name == "malformed")
        return float(log_losses(found.predict(clients.features), clients.labels).mean())

    clean = loss(None, None)
    assert loss("reverse_boost", None) > 2 * clean
    assert loss("reverse_boost", 0.5) < 1.1 * clean
    assert loss("reverse", 0.5) < 1.1 * clean
    assert loss("malformed", None) < 1.1 * clean
    with pytest.raises(ValueError, match="share"):
        malicious_clients(10, 1.5, np.random.default_rng(0))


@pytest.fixture(scope="module")
def cluster():
    """Two workers in this process."""
    with LocalCluster(n_workers=2, processes=False, **HERE) as made, Client(made) as client:
        yield client


@pytest.mark.parametrize("batch", [None, 3])
def test_workers_give_the_weights_of_one_machine_to_the_last_digit(cluster, batch):
    clients, settings = some_clients(60), replace(PLAIN, rounds=4, chunk_rows=40, local_batch=batch)
    for protect in (None, gaussian_noise(1.0, settings)):
        tamper = poisoned(np.arange(60) == 9, np.nan)
        told = Logistic(D), clients, settings
        alone, spread = (
            train(*told, np.random.default_rng(1), protect, tamper, summed_by=by)
            for by in (None, on_workers(cluster))
        )
        assert (alone.weights == spread.weights).all()
        assert all((alone.counts[name] == spread.counts[name]).all() for name in alone.counts)
        assert min(count.sum() for count in alone.counts.values()) > 0


def test_a_round_without_clients_has_nothing_for_workers_to_add(cluster):
    found = train(Logistic(D), some_clients(), replace(PLAIN, sampling_rate=1e-9), np.random.default_rng(1),
                  summed_by=on_workers(cluster))  # fmt: skip
    assert (found.weights == 0).all()


def breaking(clients: Clients, broken) -> Clients:
    """Clients of whom the seventh breaks the computation that asks for his rows."""

    class Breaking(Clients):
        def rows(self, ids, picks):
            return broken() if 7 in ids else Clients.rows(self, ids, picks)

    return Breaking(clients.features, clients.labels, clients.starts)


def refuses(client: Client, broken, said: str) -> None:
    settings = replace(PLAIN, sampling_rate=1.0, chunk_rows=40)
    told = Logistic(D), breaking(some_clients(), broken), settings, np.random.default_rng(1)
    with pytest.raises(
        RuntimeError, match=rf"chunk \d+ of \d+ failed on the workers: {said}[\s\S]*same seed"
    ):
        train(*told, summed_by=on_workers(client))


def test_a_chunk_that_fails_on_a_worker_is_named(cluster):
    refuses(cluster, lambda: [][0], "IndexError: list index out of range")
    control = replace(PLAIN, control=True)
    with pytest.raises(ValueError, match="train without workers"):
        train(Logistic(D), some_clients(), control, np.random.default_rng(1), summed_by=on_workers(cluster))


def test_a_chunk_whose_worker_is_killed_is_named():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", **HERE) as made,
        Client(made) as client,
    ):
        refuses(client, lambda: os.kill(os.getpid(), signal.SIGKILL), r"(KilledWorker|FutureCancelledError)")
