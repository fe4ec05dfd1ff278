"""The bridge `policies`: known best plans, limits that hold, weights that resume, travel and refuse."""

import pickle
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import torch

from dti_core.bridges.policies import (
    ALGORITHMS,
    Cem,
    Hierarchical,
    Ippo,
    Mappo,
    Policy,
    Shape,
    Single,
    Sizes,
    load_policies,
    save_policies,
    train,
)
from dti_core.bridges.policies.network import Mlp, agent_view
from dti_core.bridges.policies.ppo import PpoSettings
from tests.toy_worlds import ToyWorlds, best_each_step, mean_return

SMALL = {"n_estates": 16, "n_replicas": 4}
TINY = {
    name: kind(n_iterations=4, n_estates=4, **({} if name == "cem" else {"n_replicas": 2}))
    for name, kind in ALGORITHMS.items()
}
LIMIT = 6.4


@cache
def share_of_best(kind: str, algorithm, n_agents: int = 4, seed: int = 0) -> float:
    make = partial(ToyWorlds, kind, n_agents)
    policy, simulator = train(make, algorithm, seed), make()
    return mean_return(simulator, policy.act)[0] / mean_return(simulator, best_each_step(simulator))[0]


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("own", Ippo(n_iterations=20, **SMALL)),
        ("own", Mappo(n_iterations=20, **SMALL)),
        ("own", Hierarchical(n_iterations=20, **SMALL)),
        ("own", Cem(n_iterations=12, n_estates=16)),
        ("shared", Single(n_iterations=20, **SMALL)),
        ("neighbour", Ippo(n_iterations=20, graph=True, **SMALL)),
    ],
)
def test_the_best_choice_is_learned(kind, algorithm):
    assert share_of_best(kind, algorithm) >= 0.95


def test_what_is_not_seen_is_not_learned():
    """Without the graph a neighbour's feature is unknown; without a manager the regime is."""
    assert share_of_best("neighbour", Ippo(n_iterations=20, **SMALL)) < 0.1
    assert share_of_best("regime", Ippo(n_iterations=20, **SMALL), 2) < 0.2


def test_a_manager_tells_agents_what_only_the_estate_shows():
    """Of what the regime pays, agents without a manager get less than a fifth whatever the seed."""
    shares = [share_of_best("regime", Hierarchical(n_iterations=60, **SMALL), 2, seed) for seed in range(3)]
    assert np.mean(shares) > 0.4


def test_agents_that_learn_from_their_own_share_learn_too():
    assert share_of_best("own", Ippo(n_iterations=20, own_reward=True, **SMALL)) >= 0.95


@pytest.mark.parametrize(
    "algorithm",
    [Ippo(n_iterations=20, neutral_action=1, **SMALL), Cem(n_iterations=20, neutral_action=1, n_estates=16)],
)
def test_agents_learn_to_wait(algorithm):
    """The best stopping rule for n offers from (0, 1) earns v(n) = (1 + v(n - 1)^2) / 2 (Moser 1956)."""
    simulator, worth = ToyWorlds("stopping", 4, 6), 0.0
    for _ in range(6):
        worth = (1.0 + worth**2) / 2.0
    policy = train(lambda: ToyWorlds("stopping", 4, 6), algorithm, 0)
    found = mean_return(simulator, policy.act, 1_000)[0] / 4
    assert 97 * worth <= found <= 101 * worth
    assert mean_return(simulator, lambda seen: np.ones(seen.mask.shape[:2], int), 1_000)[0] / 4 < 52


def test_multipliers_meet_a_limit_that_shaping_at_another_price_does_not():
    """With two fifths of all chances allowed, the best policy takes those above 60 dollars: 512 in all."""
    points = []
    settings = Ippo(n_iterations=60, limits=(LIMIT,), own_reward=True, **SMALL)
    policy = train(lambda: ToyWorlds("limited"), settings, 0, points.append)
    dollars, cost = mean_return(ToyWorlds("limited"), policy.act)
    assert cost <= 1.05 * LIMIT
    assert dollars >= 0.9 * 512
    assert points[-1].prices[0] == pytest.approx(60, rel=0.1)
    shaped = replace(settings, constraint="shaping", prices=(20.0,), n_iterations=20)
    policy = train(lambda: ToyWorlds("limited"), shaped, 0, points.append)
    assert mean_return(ToyWorlds("limited"), policy.act)[1] > 1.5 * LIMIT
    assert points[-1].prices == (20.0,)


def test_the_cross_entropy_method_meets_a_limit():
    policy = train(lambda: ToyWorlds("limited"), Cem(n_iterations=40, limits=(LIMIT,)), 0)
    dollars, cost = mean_return(ToyWorlds("limited"), policy.act)
    assert cost <= 1.05 * LIMIT
    assert dollars >= 0.95 * 512


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_stopped_training_ends_where_it_would_have(name, tmp_path):
    class Stopped(Exception):
        pass

    def stop(point):
        if point.n_done == 3:
            raise Stopped

    whole, again, keep = [], [], tmp_path / "state.safetensors"
    expected = train(ToyWorlds, TINY[name], 7, whole.append)
    with pytest.raises(Stopped):
        train(ToyWorlds, TINY[name], 7, stop, keep, keep_every=2)
    resumed = train(ToyWorlds, TINY[name], 7, again.append, keep, keep_every=2)
    assert again == whole
    for part, network in expected.networks.items():
        assert torch.equal(network.theta, resumed.networks[part].theta)
    never = lambda: pytest.fail("a finished training plays no more")  # noqa: E731

    class Unplayed(ToyWorlds):
        def step(self, actions):
            never()

    done = train(Unplayed, TINY[name], 7, None, keep)
    assert torch.equal(done.networks["actor"].theta, expected.networks["actor"].theta)
    other = train(ToyWorlds, TINY[name], 8)
    assert not torch.equal(other.networks["actor"].theta, expected.networks["actor"].theta)


def test_a_kept_training_is_not_mistaken_for_another(tmp_path):
    keep = tmp_path / "state.safetensors"
    train(ToyWorlds, TINY["ippo"], 7, keep=keep)
    with pytest.raises(ValueError, match=r"(?s)seed 7, not of .* seed 8\. Remove it to begin anew"):
        train(ToyWorlds, TINY["ippo"], 8, keep=keep)
    keep.write_bytes(keep.read_bytes()[:-9])
    with pytest.raises(ValueError, match="damaged or another kind of file"):
        train(ToyWorlds, TINY["ippo"], 7, keep=keep)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_policies_travel_in_one_file_and_act_at_any_size(name, tmp_path):
    policy = train(ToyWorlds, TINY[name], 1)
    path = tmp_path / "policies.safetensors"
    digest = save_policies(path, {"a": policy, "b": policy})
    assert save_policies(tmp_path / "again.safetensors", {"b": policy, "a": policy}) == digest
    loaded = load_policies(path.read_bytes(), digest)
    assert set(loaded) == {"a", "b"}
    large = ToyWorlds("own", n_agents=50)
    large.reset(range(5))
    seen = large.observe()
    actions, chances = loaded["b"].act(seen), loaded["b"].probabilities(seen)
    assert np.array_equal(actions, policy.act(seen))
    assert actions.shape == (5, 50)
    assert np.allclose(chances.sum(axis=-1), 1.0, atol=1e-5)
    assert (chances[~seen.mask] < 1e-6).all()
    assert np.take_along_axis(seen.mask, actions[..., None], axis=-1).all()
    with pytest.raises(ValueError, match=f"sha256 is {digest}, not 00"):
        load_policies(path.read_bytes(), "00")


def test_damaged_and_foreign_files_give_one_error(tmp_path):
    path = tmp_path / "policies.safetensors"
    save_policies(path, {"a": Policy(Shape(Sizes(3, 2, 3)))})
    content = path.read_bytes()
    broken = [
        b"",
        content[:-1],
        content[:40],
        pickle.dumps({"a": 1}),
        content.replace(b"n_actions", b"n_axxions"),
    ]
    broken += [content.replace(b"a/actor", b"a/acton"), content[:-4] + b"\x00\x00\xc0\x7f"]
    for one in broken:
        with pytest.raises(ValueError, match=r"gives no policies: .*save_policies"):
            load_policies(one)
    train(ToyWorlds, TINY["cem"], 1, keep=path.with_name("state"))
    with pytest.raises(ValueError, match="gives no policies"):
        load_policies(path.with_name("state").read_bytes())


def test_before_learning_all_prefer_the_neutral_action():
    simulator = ToyWorlds("own")
    simulator.reset(range(20))
    for kind in ALGORITHMS.values():
        policy = kind(neutral_action=1).learner(Sizes(3, 2, 3), torch.Generator()).policy
        assert (policy.act(simulator.observe()) == 1).all()


def test_the_network_is_tanh_layers_with_the_gradients_of_torch():
    network, inputs = Mlp(5, 3, 8).initialise(torch.Generator().manual_seed(1), 0), torch.randn(7, 5)
    layers = [(weight.detach().clone(), bias.detach().clone()) for weight, bias in network.layers]
    leaves = [leaf.requires_grad_() for layer in layers for leaf in layer]
    plain = inputs
    for weight, bias in layers[:-1]:
        plain = torch.tanh(plain @ weight + bias)
    plain = plain @ layers[-1][0] + layers[-1][1]
    assert torch.allclose(network(inputs), plain, atol=1e-6)
    plain.square().sum().backward()
    network(inputs).square().sum().backward()
    assert torch.allclose(network.grad, torch.cat([leaf.grad.flatten() for leaf in leaves]), atol=1e-5)


def test_neighbours_are_averaged_by_hand():
    simulator = ToyWorlds("own", n_agents=3)
    simulator.reset([4])
    seen = replace(simulator.observe(), neighbours=np.array([[[1, 2], [0, -1], [-1, -1]]]))
    f = seen.features[0]
    assert np.allclose(agent_view(seen, True)[0, :, 3:], [(f[1] + f[2]) / 2, f[0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Ippo(n_iterations=0), "n_iterations = 0 must be positive"),
        (lambda: Mappo(learning_rate=-1.0), "learning_rate"),
        (lambda: Hierarchical(n_levels=0), "n_levels"),
        (lambda: Single(graph=True), "sees no neighbours"),
        (lambda: Cem(elite_share=0.01), "at least two"),
        (lambda: Ippo(limits=(0.0,)), "must be positive"),
        (lambda: Ippo(limits=(1.0,), constraint="shaping"), "one price"),
        (lambda: train(ToyWorlds, Ippo(neutral_action=3), 0), "must be below 3"),
        (lambda: train(ToyWorlds, replace(TINY["ippo"], limits=(1.0, 2.0)), 0), "as many costs"),
    ],
)
def test_wrong_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_policy_refuses_a_simulator_that_shows_something_else():
    simulator = ToyWorlds()
    simulator.reset([1])
    with pytest.raises(ValueError, match=r"n_features=3.*n_features=9"):
        Policy(Shape(Sizes(9, 2, 3))).act(simulator.observe())
    with pytest.raises(NotImplementedError):
        PpoSettings().critics()
