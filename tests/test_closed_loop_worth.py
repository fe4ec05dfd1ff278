"""What arrows are worth, and which assumptions decide, in study closed_loop: axioms and known shares."""

from dataclasses import replace
from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest

from dti_core.studies.closed_loop.data import load_cards, loop_of
from dti_core.studies.closed_loop.measures import worth
from dti_core.studies.closed_loop.measures.decisive import _sobol, shapley_effects
from dti_core.studies.closed_loop.model.firms import LARGE_OVER_SMALL, draw_habits, draw_shocks
from dti_core.studies.closed_loop.model.world import outcome, simulate, told, welfare
from tests.closed_loop_small import made

NODES = {
    "t": ("commerce", "technology", ""), "u": ("security", "technology", ""),
    "n": ("commerce", "need", "less"), "m": ("security", "money", "more"),
}  # fmt: skip
#: Five arrows that can be switched, and one of nature that cannot.
ROWS = [
    ("t", "n", "technology", -2.0), ("u", "m", "technology", 1.5), ("n", "t", "need", 0.9),
    ("m", "u", "money", 0.8), ("n", "u", "need", 0.4), ("n", "m", "nature", -0.6),
]  # fmt: skip
FIRMS, QUARTERS = 22, 5


@pytest.fixture
def fixed(monkeypatch):
    """One world of firms for all orders."""
    shocks = draw_shocks([role for _, role, _ in NODES.values()], FIRMS, QUARTERS, np.random.default_rng(3))
    monkeypatch.setattr(worth, "draw_shocks", lambda *_: shocks)
    return shocks


@pytest.fixture(scope="module")
def loop():
    return made(NODES, ROWS)


def _order(loop, seed, n_draws=2):
    sizes = loop.middle * np.linspace(0.7, 1.0, n_draws)[:, None]
    return worth.Order(loop, sizes, FIRMS, QUARTERS, seed)


def _by_subsets(order, shocks):
    """Shapley value from what every one of the 2^n subsets of arrows achieves."""
    those = worth.players(order.loop)
    n = len(those)
    subsets = [some for k in range(n + 1) for some in combinations(range(n), k)]
    masks = np.array([[player in some for player in range(n)] for some in subsets])
    values = dict(zip(subsets, worth.values_of(order, those, masks, shocks).T, strict=True))
    found = np.zeros((len(order.sizes), n))
    for some in subsets:
        for player in set(range(n)) - set(some):
            joined = tuple(sorted((*some, player)))
            found[:, player] += (values[joined] - values[some]) / (n * comb(n - 1, len(some)))
    return found, values


def test_all_orders_give_what_all_subsets_give(loop, fixed):
    """A seed for each of the sixty orders of five arrows that are not each other's reverse."""
    wanted, values = _by_subsets(_order(loop, 0), fixed)
    seeds = {}
    for seed in range(5000):
        line = tuple(np.random.default_rng(seed).permutation(5).tolist())
        seeds.setdefault(min(line, line[::-1]), seed)
    assert set(seeds) == {min(line, line[::-1]) for line in permutations(range(5))}
    each = [worth.worth_of(_order(loop, seed)) for seed in seeds.values()]
    assert np.mean([one.shapley for one in each], axis=0) == pytest.approx(wanted, abs=1e-10)
    everything, nothing = values[0, 1, 2, 3, 4], values[()]
    for player in range(5):
        others = tuple(other for other in range(5) if other != player)
        assert each[0].alone[:, player] == pytest.approx(values[player,] - nothing, abs=1e-12)
        assert each[0].last[:, player] == pytest.approx(everything - values[others], abs=1e-12)


def test_nothing_everything_and_technology_alone_are_plain_runs(loop, fixed):
    """Nothing: no arrow out of a technology, feedback frozen at its start. Everything: the closed loop."""
    order = _order(loop, 0)
    _, values = _by_subsets(order, fixed)
    for key, signal, sizes in (
        ((0, 1, 2, 3, 4), "closed", order.sizes),
        ((), "frozen", np.where(loop.kind("technology"), 0.0, order.sizes)),
        ((0, 1), "frozen", order.sizes),
    ):
        course = simulate(loop, sizes, fixed, told(loop, 2, signal))
        assert values[key] == pytest.approx(welfare(loop, outcome(loop, course))[:, -1], abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_shares_add_up_to_everything_less_nothing(seed):
    """In the cards, whatever the order."""
    cards = loop_of(load_cards()[0])
    order = worth.Order(cards, cards.middle[None], 22, 4, seed)
    rng = np.random.default_rng(seed)
    rng.permutation(len(worth.players(cards)))
    habits = draw_habits(rng)
    shocks = draw_shocks(cards.roles, 22, 4, rng, habits)
    those = worth.players(cards)
    ends = worth.values_of(order, those, np.array([[False] * len(those), [True] * len(those)]), shocks)
    found = worth.worth_of(order)
    assert found.shapley.sum(axis=1) == pytest.approx(ends[:, 1] - ends[:, 0], abs=1e-10)
    alone = worth.worth_of(replace(order, beside=False))
    assert alone.shapley.tolist() == found.shapley.tolist()
    assert alone.last.shape == (1, 0)


def test_players_that_do_the_same_are_worth_the_same(monkeypatch):
    """Two technologies with a need each, alike in all, news included."""
    nodes = {"t": ("commerce", "technology", ""), "u": ("commerce", "technology", ""),
             "n": ("commerce", "need", "less"), "o": ("commerce", "need", "less")}  # fmt: skip
    rows = [("t", "n", "technology", -1.0), ("n", "t", "need", 0.8), ("u", "o", "technology", -1.0),
            ("o", "u", "need", 0.8)]  # fmt: skip
    twins = made(nodes, rows)
    shocks = draw_shocks(twins.roles, FIRMS, QUARTERS, np.random.default_rng(4))
    shocks.own[..., 3] = shocks.own[..., 2]
    monkeypatch.setattr(worth, "draw_shocks", lambda *_: shocks)
    found, _ = _by_subsets(worth.Order(twins, twins.middle[None], FIRMS, QUARTERS, 0), shocks)
    assert found[:, :2] == pytest.approx(found[:, 2:], abs=1e-10)
    assert (np.abs(found) > 1e-6).all()
    told_apart = worth.worth_of(worth.Order(twins, twins.middle[None], FIRMS, QUARTERS, 0))
    assert told_apart.alone[:, :2] == pytest.approx(told_apart.alone[:, 2:], abs=1e-10)
    assert told_apart.last[:, :2] == pytest.approx(told_apart.last[:, 2:], abs=1e-10)


def test_where_arrows_only_add_every_way_to_weigh_them_agrees():
    """Growth of two technologies that reaches a node each: no arrow depends on another."""
    rows = [("t", "n", "technology", -2.0), ("u", "m", "technology", 1.5)]
    found = worth.worth_of(_order(made(NODES, rows), 8, 1))
    level, path = 0.0, []
    for quarter in range(QUARTERS):
        level += 0.5 * (0.01 * quarter - level)
        path.append(level)
    wanted = 0.7 * 100 * np.mean(path) * np.array([[2.0, 1.5]]) / 2
    for way in (found.shapley, found.alone, found.last):
        assert way == pytest.approx(wanted, abs=1e-10)


def test_bridges_are_arrows_of_technology_abroad(loop):
    """By hand: none of ROWS leads abroad but one that is added, worth 7 where the mean of all six is 2.

    All six move 12, signs aside, at the median of the draws, and 5 more is 41.7 percent of that.
    """
    wider = made(NODES, [*ROWS, ("t", "m", "technology", 0.1)])
    each = np.array([[1.0, 1, 1, 1, 1, 7], [-1.0, 1, 1, 1, 1, 9], [-1.0, 1, 1, 1, 1, 3]])
    shares = worth.Worth(each, np.zeros((3, 0)), np.zeros((3, 0)))
    wanted = [5 / 0.12, 7 / 0.12, 2 / 0.12]
    assert worth._over_random(wider, shares).tolist() == pytest.approx(wanted)


def test_a_technology_that_feeds_another_abroad_is_a_bridge(loop):
    wider = made(NODES, [*ROWS, ("t", "u", "technology", 0.1)])
    shares = worth.Worth(np.array([[1.0, 1.0, 1.0, 1.0, 1.0, 7.0]]), np.zeros((1, 0)), np.zeros((1, 0)))
    assert worth._over_random(wider, shares).tolist() == pytest.approx([5 / 0.12])


def test_firms_differ_in_size_by_five_to_fifty():
    rng = np.random.default_rng(1)
    found = [draw_habits(rng).large_over_small for _ in range(2000)]
    low, high = LARGE_OVER_SMALL
    assert (low, high) == (5, 50)
    assert low <= min(found) < 5.3
    assert 47 < max(found) <= high
    assert np.median(np.log(found)) == pytest.approx(np.log(low * high) / 2, abs=0.1)


def _shares(model, n, n_orders=60):
    return shapley_effects(model, n, n_orders, np.random.default_rng(9))


def test_additive_inputs_own_the_shares_of_their_variances():
    """Variances go with squared weights: 16, 4, 1 and 0 of 21."""
    found = _shares(lambda places: places @ np.array([4.0, -2.0, 1.0, 0.0]), 4)
    assert found == pytest.approx(np.array([16, 4, 1, 0]) / 21, abs=0.03)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_product_of_two_inputs_is_owned_by_halves():
    """Neither explains anything alone, together all; a third that does nothing owns nothing."""
    found = _shares(lambda places: (places[:, 0] - 0.5) * (places[:, 1] - 0.5), 3)
    assert found == pytest.approx([0.5, 0.5, 0.0], abs=0.06)


@pytest.mark.parametrize("n_orders", [1, 7])
def test_shares_add_up_to_one_whatever_the_orders(n_orders):
    found = _shares(lambda places: np.exp(places).prod(axis=1) + places[:, 0] ** 3, 5, n_orders)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


def test_shares_lie_between_first_order_and_total_indices():
    """SALib's own: what an input explains alone, and with all that it takes part in (Ishigami's function)."""

    def ishigami(places):
        x, y, z = np.pi * (2 * places.T - 1)
        return np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)

    found = _shares(ishigami, 3, 120)
    first, whole = _sobol(ishigami, ["x", "y", "z"], 4)
    assert (found >= first - 0.04).all()
    assert (found <= whole + 0.04).all()
    assert found == pytest.approx([0.4357, 0.4424, 0.1219], abs=0.04)
