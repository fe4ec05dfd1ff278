"""The world of firms of study closed_loop: by hand, its balances, symmetries, algebra and coverage."""

import os
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dti_core.lab.errors import DataError
from dti_core.lab.intervals import mean_over_seeds
from dti_core.studies.closed_loop.data import load_cards, loop_of
from dti_core.studies.closed_loop.measures.effects import Trial, follow
from dti_core.studies.closed_loop.measures.worth import Order, players, worth_of
from dti_core.studies.closed_loop.methods import METHODS
from dti_core.studies.closed_loop.model import world
from dti_core.studies.closed_loop.model.draws import draw_places, sizes_at
from dti_core.studies.closed_loop.model.firms import HABITS, LARGE, SMALL, Habits, Shocks, deaf, draw_shocks
from dti_core.studies.closed_loop.model.ratio import matrices, runs_away
from dti_core.studies.closed_loop.model.world import SIGNALS, outcome, simulate, told, welfare
from tests.closed_loop_by_hand import follow_by_hand
from tests.closed_loop_small import made, random_loop

#: Repeats of a sample of worlds in which an interval must cover, and worlds in each.
REPEATS, WORLDS = 4000 if os.environ.get("DTI_DEEP") else 400, 6
NODES = {
    "t": ("commerce", "technology", ""), "u": ("security", "technology", ""),
    "n": ("commerce", "need", "less"), "m": ("security", "money", "more"), "r": ("commerce", "resource", ""),
}  # fmt: skip
#: The same where everything is an outcome, since a world tells the levels of outcomes alone.
WATCHED = {name: (field, role, better or "more") for name, (field, role, better) in NODES.items()}
ROWS = [
    ("t", "n", "technology", -0.8), ("u", "m", "technology", 0.5), ("n", "m", "nature", -0.4),
    ("r", "n", "nature", -0.3),
    ("n", "t", "need", 0.7), ("n", "u", "need", 0.2), ("m", "u", "money", 0.6), ("m", "t", "money", -0.3),
    ("n", "r", "deal", 0.9), ("t", "u", "technology", 0.4), ("u", "t", "technology", -0.3),
]  # fmt: skip


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def cards():
    return loop_of(load_cards()[0])


@pytest.fixture(scope="module")
def drawn(cards):
    """Six draws of all sizes, and a world of 33 firms and 5 quarters."""
    rng = np.random.default_rng(7)
    sizes = sizes_at(cards, draw_places(cards, 6, rng), "uniform")
    return sizes, draw_shocks(cards.roles, 33, 5, rng)


def _two_firms():
    """A small firm and a large one, whose news of two quarters differ; shuffled, each tells the other's."""
    own = np.array(
        [[[0, 0, 0.3, -0.2, 0], [0, 0, -0.1, 0.4, 0]], [[0, 0, 0.2, 0.1, 0], [0, 0, 0.05, -0.3, 0]]]
    )
    here, there = np.array([[0, 1], [0, 1]]), np.array([[1, 0], [1, 0]])
    return Shocks(np.array([1.0, 3.0]), np.array([SMALL, LARGE]), own, there, here)


@pytest.mark.parametrize("signal", SIGNALS)
def test_two_firms_and_two_quarters_by_hand(signal):
    loop, shocks = made(WATCHED, ROWS), _two_firms()
    signals = told(loop, 1, signal)
    found = simulate(loop, loop.middle[None], shocks, signals)
    wanted = follow_by_hand(loop, loop.middle, shocks, signals[0].tolist(), HABITS)
    assert found.levels[0] == pytest.approx(np.array(wanted.levels), abs=1e-12)
    assert found.clipped.tolist() == [0.0]


def test_one_quarter_with_a_pencil():
    """Needs .3 and -.1 of firms of size 1 and 3 draw development one for one; technology takes .1 of it.

    Weights exp(.3) and 3 exp(-.1) for a total of 4: shares ln(4 / W) + .3 and - .1; the needs go half the way
    to their news less the technology.
    """
    loop = made({k: WATCHED[k] for k in "tn"}, [("n", "t", "need", 1.0), ("t", "n", "technology", -1.0)])
    own = np.array([[[0, 0.3], [0, -0.1]]])
    shocks = Shocks(np.array([1.0, 3.0]), np.array([0, 1]), own, np.array([[0, 1]]), np.array([[0, 1]]))
    levels = simulate(loop, loop.middle[None], shocks, told(loop, 1, "closed")).levels[0, 0]
    pot = np.log(4 / (np.exp(0.3) + 3 * np.exp(-0.1)))
    small, large = 0.1 * (pot + 0.3), 0.1 * (pot - 0.1)
    assert levels[:2, 0] == pytest.approx([small, large], abs=1e-12)
    assert levels[:2, 1] == pytest.approx([0.3 - 0.5 * small, -0.1 - 0.5 * large], abs=1e-12)
    assert levels[2, 0] == pytest.approx(np.log((np.exp(small) + 3 * np.exp(large)) / 4), abs=1e-12)


def test_knowledge_of_another_technology_comes_a_quarter_later():
    """Nobody asks for any: t is known by .01 q; u adds half of what t was, v half of what u was."""
    nodes = dict.fromkeys("tuv", ("commerce", "technology", "more"))
    loop = made(nodes, [("t", "u", "technology", 0.5), ("u", "v", "technology", 0.5)])
    shocks = draw_shocks(loop.roles, 22, 5, np.random.default_rng(1))
    levels = simulate(loop, loop.middle[None], shocks, told(loop, 1, "closed")).levels[0]
    path = [(0.01 * q, 0.01 * q + 0.5 * 0.01 * max(q - 1, 0)) for q in range(5)]
    wanted = [(*path[q], 0.01 * q + 0.5 * (path[q - 1][1] if q else 0.0)) for q in range(5)]
    for group in range(3):
        assert levels[:, group] == pytest.approx(np.array(wanted), abs=1e-12)


def test_levels_are_told_of_outcomes_alone(cards, drawn):
    sizes, shocks = drawn
    levels = simulate(cards, sizes, shocks, told(cards, len(sizes), "closed")).levels
    assert np.isfinite(levels).all(axis=(0, 1, 2)).tolist() == [word != "" for word in cards.better]


@pytest.mark.parametrize("seed", range(4))
def test_any_mixture_of_signals_by_hand(seed):
    """Three draws, 22 firms, every arrow told in its own way to each class, with cells at the bound."""
    rng = np.random.default_rng(seed)
    loop, habits = random_loop(rng, 1.5), Habits(bound=0.6)
    shocks = deaf(draw_shocks(loop.roles, 22, 4, rng, habits), rng)
    sizes = loop.middle * rng.uniform(0.5, 1.5, (3, len(loop.arrows)))
    signals = rng.integers(len(SIGNALS), size=(3, 2, len(loop.arrows)))
    found = simulate(loop, sizes, shocks, signals, habits)
    for draw in range(3):
        wanted = follow_by_hand(loop, sizes[draw], shocks, signals[draw].tolist(), habits)
        assert found.levels[draw] == pytest.approx(np.array(wanted.levels), abs=1e-12)
        assert found.clipped[draw] == pytest.approx(wanted.clipped / wanted.cells, abs=1e-12)
        assert wanted.clipped > 0


@pytest.fixture
def dealt(monkeypatch):
    """All that a world deals: development and resources, each quarter, (n_nodes, n_draws, n_firms)."""
    seen, deal = [], world._Dealing.deal

    def noted(self, state, start, quarter, *, check):
        seen.append(deal(self, state, start, quarter, check=check))
        return seen[-1]

    monkeypatch.setattr(world._Dealing, "deal", noted)
    return seen


@pytest.mark.parametrize("method", METHODS)
def test_development_and_resources_balance(method, cards, drawn, dealt):
    """What is dealt is what there is, by the world's own count and by one from outside."""
    sizes, shocks = drawn
    signals = METHODS[method].run(cards, len(sizes))
    course = simulate(cards, sizes, shocks, signals)
    assert course.imbalance < 1e-9
    base = shocks.base
    for draw in (0, 5):
        hand = follow_by_hand(cards, sizes[draw], shocks, signals[draw].tolist(), HABITS)
        assert hand.developed == pytest.approx(hand.wanted_total, rel=1e-9)
        for quarter, (developed, resources) in enumerate(dealt):
            amounts = base * np.exp(np.concatenate([developed, resources])[:, draw])
            assert amounts[: len(developed)].sum() == pytest.approx(hand.wanted_total[quarter], rel=1e-9)
            assert amounts[len(developed) :].sum(axis=1) == pytest.approx(np.full(2, base.sum()), rel=1e-9)
            nodes = cards.role("technology") + cards.role("resource")
            wanted = [[hand.dealt[quarter][firm, node] for firm in range(len(base))] for node in nodes]
            assert amounts == pytest.approx(np.array(wanted), rel=1e-9)


def test_dealing_and_design_are_mixed_up_apart(cards, drawn, dealt):
    """Mixed up design leaves resources to those who need them, and the other way round."""
    sizes, shocks = drawn
    first = {}
    for name in ("closed", "permuted", "deal_permuted"):
        dealt.clear()
        simulate(cards, sizes, shocks, METHODS[name].run(cards, len(sizes)))
        first[name] = dealt[0]
    assert np.array_equal(first["permuted"][1], first["closed"][1])
    assert not np.array_equal(first["permuted"][0], first["closed"][0])
    assert np.array_equal(first["deal_permuted"][0], first["closed"][0])
    assert not np.array_equal(first["deal_permuted"][1], first["closed"][1])


def test_what_dealing_and_design_add_apart_is_what_both_add():
    """Where neither touches what the other does."""
    nodes = {"t": NODES["t"], "n": NODES["n"], "r": NODES["r"], "o": ("security", "need", "less")}
    rows = [("t", "n", "technology", -0.8), ("n", "t", "need", 0.7), ("r", "o", "nature", -0.6),
            ("o", "r", "deal", 0.9)]  # fmt: skip
    loop = made(nodes, rows)
    shocks = draw_shocks(loop.roles, 33, 6, np.random.default_rng(2))
    signals = {name: METHODS[name].run(loop, 1) for name in ("closed", "permuted", "deal_permuted")}
    signals["both"] = told(loop, 1, "permuted")
    feedback = loop.kind("need", "deal")
    apart = np.maximum(signals["permuted"], signals["deal_permuted"])
    assert np.array_equal(signals["both"][..., feedback], apart[..., feedback])
    found = {name: outcome(loop, simulate(loop, loop.middle[None], shocks, one))[..., [1, 3]]
             for name, one in signals.items()}  # fmt: skip
    lost = {name: found["closed"] - one for name, one in found.items()}
    assert lost["both"] == pytest.approx(lost["permuted"] + lost["deal_permuted"], abs=1e-12)
    assert (np.abs(lost["both"]) > 1e-4).all()


def test_without_arrows_of_money_no_signal_moves_total_development(cards, drawn, dealt):
    sizes, shocks = drawn
    poor = np.where(cards.kind("money"), 0.0, sizes)
    usual, furthest = 3 * shocks.base.sum(), []
    for one in (poor, sizes):
        dealt.clear()
        simulate(cards, one, shocks, told(cards, len(one), "closed"))
        totals = [(np.exp(developed) @ shocks.base).sum(axis=0) for developed, _ in dealt]
        furthest.append(np.abs(np.array(totals) / usual - 1).max())
    assert furthest[0] < 1e-9
    assert furthest[1] > 1e-3


def test_relabelled_firms_do_the_same(cards, drawn, rng):
    sizes, shocks = drawn
    order = np.concatenate([rng.permutation(np.flatnonzero(shocks.classes == one)) for one in (LARGE, SMALL)])
    place = np.argsort(order)
    other = Shocks(
        shocks.base[order], shocks.classes[order], shocks.own[:, order], place[shocks.mixed[:, order]],
        place[shocks.heard[:, order]],
    )  # fmt: skip
    for method in METHODS.values():
        signals = method.run(cards, len(sizes))
        one, two = (simulate(cards, sizes, some, signals).levels for some in (shocks, other))
        assert one == pytest.approx(two, abs=1e-12, nan_ok=True)


def test_relabelled_nodes_and_arrows_do_the_same(cards, drawn, rng):
    sizes, shocks = drawn
    nodes, arrows = rng.permutation(len(cards.nodes)), rng.permutation(len(cards.arrows))
    place = np.argsort(nodes)
    words = {
        word: tuple(getattr(cards, word)[n] for n in nodes)
        for word in ("nodes", "titles", "fields", "roles", "better")
    }
    words |= {
        word: tuple(getattr(cards, word)[n] for n in arrows)
        for word in ("arrows", "kinds", "grades", "papers", "sources")
    }
    ranges = {word: getattr(cards, word)[arrows] for word in ("middle", "low", "high")}
    other = replace(
        cards, starts=place[cards.starts[arrows]], ends=place[cards.ends[arrows]], **words, **ranges
    )
    moved = replace(shocks, own=shocks.own[..., nodes])
    signals = rng.integers(len(SIGNALS), size=(len(sizes), 2, len(arrows)))
    here = outcome(cards, simulate(cards, sizes, shocks, signals))
    there = outcome(other, simulate(other, sizes[:, arrows], moved, signals[..., arrows]))
    assert here[..., nodes] == pytest.approx(there, abs=1e-10, nan_ok=True)
    assert welfare(cards, here) == pytest.approx(welfare(other, there), abs=1e-10)


def test_outcomes_and_welfare_by_hand():
    """Means over quarters, in percent, good upwards; welfare is the mean of the means of fields."""
    nodes = NODES | {"o": ("commerce", "money", "more")}
    loop = made(nodes, ROWS)
    levels = np.zeros((1, 2, 3, 6))
    levels[0, :, :, 2], levels[0, :, :, 3], levels[0, :, :, 5] = [[0.1], [0.3]], 0.5, [[0.0], [0.2]]
    found = outcome(loop, world.Course(levels, 0.0, np.zeros(1)))
    assert found[0, 0] == pytest.approx([np.nan, np.nan, -20.0, 50.0, np.nan, 10.0], nan_ok=True)
    assert welfare(loop, found)[0] == pytest.approx([((-20 + 10) / 2 + 50) / 2] * 3)


def test_placebo_arrows_are_worth_nothing():
    """One of size 0 back into a technology, and one into a node that nobody counts and that leads nowhere."""
    nodes = NODES | {"void": ("finance", "need", "")}
    rows = [*ROWS, ("m", "t", "need", 0.0), ("u", "void", "technology", 0.9)]
    loop = made(nodes, rows)
    worth = worth_of(Order(loop, np.tile(loop.middle, (2, 1)), 22, 5, 3))
    names = [loop.arrows[place] for place in players(loop)]
    placebo = np.isin(np.arange(len(names)), [len(names) - 2, len(names) - 1])
    for found in (worth.shapley, worth.alone, worth.last):
        assert found[:, placebo] == pytest.approx(0.0, abs=1e-12)
    assert (np.abs(worth.shapley[:, ~placebo]) > 1e-6).all()


def test_in_deaf_worlds_a_true_signal_is_a_shuffled_one(cards, drawn, rng):
    """Exactly: closed and permuted change places when both shuffles do, which are drawn alike."""
    sizes, shocks = drawn
    numb = deaf(shocks, rng)
    other = replace(numb, heard=numb.mixed, mixed=numb.heard)
    one, two = (
        simulate(cards, sizes, some, told(cards, len(sizes), signal)).levels
        for some, signal in ((numb, "closed"), (other, "permuted"))
    )
    assert np.array_equal(one, two, equal_nan=True)
    assert (numb.classes[numb.heard] == numb.classes).all()
    assert (numb.heard != np.arange(33)).any()


def test_in_deaf_worlds_closed_and_permuted_are_alike_in_distribution(cards):
    """Kolmogorov and Smirnov on welfare in 200 worlds of their own; where signals are heard they differ."""
    sizes = sizes_at(cards, np.full((1, len(set(cards.papers))), 0.9), "uniform")
    found = {}
    for signal, silent, first in (("closed", True, 0), ("permuted", True, 200), ("closed", False, 400)):
        values = []
        for seed in range(first, first + 200):
            rng = np.random.default_rng(seed)
            shocks = draw_shocks(cards.roles, 22, 4, rng)
            shocks = deaf(shocks, rng) if silent else shocks
            course = simulate(cards, sizes, shocks, told(cards, 1, signal))
            values.append(welfare(cards, outcome(cards, course))[0, SMALL])
        found[signal, silent] = np.array(values)
    assert stats.ks_2samp(found["closed", True], found["permuted", True]).pvalue > 0.05
    assert stats.ks_2samp(found["closed", True], found["closed", False]).pvalue < 0.001


def test_a_calm_world_comes_to_rest_where_the_algebra_says(cards):
    """Firms alike, no news, no push, needs and deals silent: a lasting pulse ends at (I - M)^-1 times it."""
    calm = Habits(large_over_small=1.0, spread=(0.0, 0.0), shock=1e-9, push=0.0)
    shocks = draw_shocks(cards.roles, 22, 200, np.random.default_rng(1), calm)
    sizes = cards.middle[None]
    signals = told(cards, 1, "closed")
    signals[:, :, cards.kind("need", "deal")] = SIGNALS.index("off")
    matrix = matrices(cards, np.where(cards.kind("need", "deal"), 0.0, sizes))
    assert not runs_away(cards, matrix).any()
    counted = [place for place, word in enumerate(cards.better) if word]
    for node in cards.role("need", "money"):
        pulse = np.zeros(len(cards.nodes))
        pulse[node] = 1e-3
        levels = simulate(cards, sizes, shocks, signals, calm, {node: np.full(200, 1e-3)}).levels[0, -1]
        wanted = np.linalg.solve(np.eye(len(pulse)) - matrix[0], pulse)
        for group in levels:
            assert group[counted] == pytest.approx(wanted[counted], rel=0.01, abs=1e-8)


def test_too_many_cells_at_the_bound_are_refused(cards):
    sizes = cards.middle[None] * np.where(cards.kind("nature"), 4.0, 1.0)
    with pytest.raises(
        DataError, match=r"cards: these sizes drive \d+\.\d% of cells beyond .*at most 1%.*smaller"
    ):
        follow(Trial(cards, sizes, 44, 24, (1,)))
    follow(Trial(cards, cards.middle[None], 44, 24, (1,)))


def _covered(samples, truth):
    """Share of samples of worlds whose Student interval holds the truth."""
    told = [mean_over_seeds(sample) for sample in samples.reshape(REPEATS, WORLDS)]
    return np.mean([one.low <= truth <= one.high for one in told])


def test_students_interval_over_worlds_covers_a_worth_that_is_known():
    """A technology grows by .01 a quarter and lowers a need by .8 of it: the arrow's worth is exact.

    With it in one world, without it in another, so that the luck of both stands in between.
    """
    loop, seeds = (
        made({k: NODES[k] for k in "tn"}, [("t", "n", "technology", -0.8)]),
        np.random.SeedSequence(5),
    )
    level, path = 0.0, []
    for quarter in range(3):
        level += HABITS.adjustment * (-0.8 * HABITS.push * quarter - level)
        path.append(level)
    values = []
    for seed in seeds.spawn(REPEATS * WORLDS):
        rng = np.random.default_rng(seed)
        first, second = (draw_shocks(loop.roles, 22, 3, rng) for _ in range(2))
        both = [simulate(loop, np.array([[size]]), some, told(loop, 1, "closed"))
                for size, some in ((-0.8, first), (0.0, second))]  # fmt: skip
        one, other = (outcome(loop, course)[0, SMALL, 1] for course in both)
        values.append(one - other)
    assert 0.93 <= _covered(np.array(values), -100 * np.mean(path)) <= 0.97


def test_students_interval_over_deaf_worlds_covers_nought():
    """Information is worth nothing where a firm's own signal is another's."""
    loop = made(NODES, ROWS)
    sizes, signals = np.tile(loop.middle, (2, 1)), told(loop, 2, "closed")
    signals[1] = SIGNALS.index("permuted")
    values = []
    for seed in np.random.SeedSequence(66).spawn(REPEATS * WORLDS):
        rng = np.random.default_rng(seed)
        shocks = deaf(draw_shocks(loop.roles, 22, 3, rng), rng)
        one, other = welfare(loop, outcome(loop, simulate(loop, sizes, shocks, signals)))[:, SMALL]
        values.append(one - other)
    assert 0.93 <= _covered(np.array(values), 0.0) <= 0.97
