"""Return ratios of study closed_loop: by hand, by Mason's formula, by Bode's identity, and what must hold."""

from dataclasses import replace
from itertools import combinations, pairwise
from math import prod

import networkx
import numpy as np
import pytest

from dti_core.studies.closed_loop.data import load_cards, loop_of
from dti_core.studies.closed_loop.measures import ratio as measure
from dti_core.studies.closed_loop.model.draws import PRIORS, draw_places, sizes_at
from dti_core.studies.closed_loop.model.ratio import (
    break_even,
    by_fields,
    by_routes,
    gain_percent,
    matrices,
    return_ratio,
    runs_away,
)
from dti_core.studies.closed_loop.worlds.loops import dealt_anew, reinforcing
from tests.closed_loop_small import made, random_loop

TIGHT = {"rel": 1e-12, "abs": 1e-12}
SEEDS = range(12)
TWO = {"t": ("commerce", "technology", ""), "n": ("commerce", "need", "less")}


def _matrix(loop):
    return matrices(loop, loop.middle[None])


def _two(there, back):
    return made(TWO, [("t", "n", "technology", there), ("n", "t", "need", back)])


def _technology(loop):
    return loop.role("technology")[0]


@pytest.fixture(scope="module")
def cards():
    return loop_of(load_cards()[0])


def test_a_loop_of_two_nodes_by_hand():
    """One percent more technology lowers the need by .5, which lowers development by .2 of that: L = -.1.

    A closed loop leaves 1 / 1.1 of what the technology does, so that closing it changes -9.09 percent.
    """
    loop = _two(-0.5, 0.2)
    found = return_ratio(_matrix(loop), 0)
    assert found == pytest.approx([-0.1], **TIGHT)
    assert gain_percent(found) == pytest.approx([-100 / 11], **TIGHT)
    assert return_ratio(_matrix(loop), 0, [0]) == pytest.approx([0.0])


def test_a_chain_with_a_loop_inside_against_its_closed_form():
    """t -> a (.8), a <-> b (.5, .4), b -> t (.3): L = .8 * .5 * .3 / (1 - .5 * .4) = .15."""
    nodes = {
        "t": ("finance", "technology", ""),
        "a": ("finance", "money", "more"),
        "b": ("finance", "money", "more"),
    }
    rows = [("t", "a", "technology", 0.8), ("a", "b", "nature", 0.5), ("b", "a", "nature", 0.4),
            ("b", "t", "money", 0.3)]  # fmt: skip
    assert return_ratio(_matrix(made(nodes, rows)), 0) == pytest.approx([0.15], **TIGHT)


def _determinant(graph):
    """Mason's determinant: 1 - loops + pairs that do not touch - triples that do not touch + ..."""
    loops = [(frozenset(cycle), _gain(graph, [*cycle, cycle[0]])) for cycle in networkx.simple_cycles(graph)]
    total = 1.0
    for count in range(1, len(graph) + 1):
        for some in combinations(loops, count):
            if sum(len(nodes) for nodes, _ in some) == len(frozenset().union(*(nodes for nodes, _ in some))):
                total += (-1) ** count * prod(gain for _, gain in some)
    return total


def _gain(graph, walk):
    return prod(graph[a][b]["size"] for a, b in pairwise(walk))


def _mason(graph, technology):
    """Gain from a technology, split into where it acts and where it is acted upon, to itself."""
    split = networkx.DiGraph()
    for a, b, told in graph.edges(data=True):
        split.add_edge(a, "back" if b == technology else b, size=told["size"])
    if not {technology, "back"} <= set(split):
        return 0.0
    paths = networkx.all_simple_paths(split, technology, "back")
    total = sum(_gain(split, path) * _determinant(split.subgraph(set(split) - set(path))) for path in paths)
    return total / _determinant(split)


def _some(rng):
    """A small graph by chance: technology 0, five others, a third of all arrows, none to itself."""
    names = "tabcde"
    nodes = {"t": ("commerce", "technology", "")} | dict.fromkeys(names[1:], ("finance", "money", "more"))
    rows = [
        (a, b, "nature", float(rng.normal(0, 0.6)))
        for a in names
        for b in names
        if a != b and rng.random() < 0.35
    ]
    return made(nodes, rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_masons_formula_gives_the_same_ratio(seed):
    loop = _some(np.random.default_rng(seed))
    graph = networkx.DiGraph()
    for a, b, size in zip(loop.starts, loop.ends, loop.middle, strict=True):
        graph.add_edge(int(a), int(b), size=size)
    assert return_ratio(_matrix(loop), 0) == pytest.approx([_mason(graph, 0)], **TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ratio_is_one_less_the_inverse_of_what_remains_of_a_push(seed):
    """L = 1 - 1 / [(I - M)^-1]_tt."""
    elasticities = _matrix(random_loop(np.random.default_rng(seed)))
    whole = np.linalg.inv(np.eye(elasticities.shape[1]) - elasticities[0])
    for technology in range(3):
        found = return_ratio(elasticities, technology)[0]
        assert found == pytest.approx(1 - 1 / whole[technology, technology], **TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_closing_multiplies_the_effect_on_any_outcome_alike(seed):
    """By 1 / (1 - L), against the full inverse with the arrows into the technology cut."""
    elasticities = _matrix(random_loop(np.random.default_rng(seed)))
    identity = np.eye(elasticities.shape[1])
    for technology in range(3):
        cut = elasticities[0].copy()
        cut[technology] = 0.0
        closed, opened = (np.linalg.inv(identity - one)[:, technology] for one in (elasticities[0], cut))
        ratio = return_ratio(elasticities, technology)[0]
        assert closed == pytest.approx(opened / (1 - ratio), **TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_bodes_sensitivity_identity(seed):
    """With T = e / (1 - k L) the closed effect, d ln T / d ln k = L / (1 - L) at k = 1 of all arrows back.

    A factor common to all arrows out of it multiplies e as well: 1 / (1 - L). By central differences.
    """
    loop, step = random_loop(np.random.default_rng(seed), 0.3), 1e-5
    for technology in range(3):
        ratio = return_ratio(_matrix(loop), technology)[0]
        for ends, wanted in ((loop.ends, ratio / (1 - ratio)), (loop.starts, 1 / (1 - ratio))):
            effects = []
            for sign in (1, -1):
                sizes = np.where(ends == technology, np.exp(sign * step), 1.0) * loop.middle
                matrix = matrices(loop, sizes[None])[0]
                effects.append(np.linalg.inv(np.eye(len(matrix)) - matrix)[:, technology])
            moved = np.abs(effects[1]) > 1e-9
            moved[technology] = False  # the effect on itself has no arrow out of it
            found = np.log(effects[0][moved] / effects[1][moved]) / (2 * step)
            assert found == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_add_up_to_the_whole(seed):
    loop = random_loop(np.random.default_rng(seed))
    for technology in range(3):
        whole = return_ratio(_matrix(loop), technology)
        assert sum(by_fields(loop, _matrix(loop), technology).values()) == pytest.approx(whole, **TIGHT)
        assert sum(by_routes(loop, loop.middle[None], technology).values()) == pytest.approx(whole, **TIGHT)


def test_parts_by_hand():
    """A loop at home (-.02), one over finance (.03), one over security and finance (.004): nothing else."""
    nodes = {
        "t": ("commerce", "technology", ""), "n": ("commerce", "need", "less"),
        "m": ("finance", "money", "more"), "s": ("security", "need", "less"),
        "f": ("finance", "money", "more"),
    }  # fmt: skip
    rows = [
        ("t", "n", "technology", -0.1), ("n", "t", "need", 0.2), ("t", "m", "technology", 0.3),
        ("m", "t", "money", 0.1),
        ("t", "s", "technology", 0.4), ("s", "f", "nature", 0.1), ("f", "t", "money", 0.1),
    ]  # fmt: skip
    loop = made(nodes, rows)
    fields = by_fields(loop, _matrix(loop), 0)
    assert [fields[word][0] for word in ("one", "two", "three")] == pytest.approx(
        [-0.02, 0.03, 0.004], **TIGHT
    )
    routes = by_routes(loop, loop.middle[None], 0)
    assert [routes[word][0] for word in ("need", "money")] == pytest.approx([-0.02, 0.034], **TIGHT)


def test_arrows_of_resources_change_nothing(cards):
    sizes = np.tile(cards.middle, (2, 1))
    resources = cards.role("resource")
    dealt = np.isin(cards.starts, resources) | np.isin(cards.ends, resources)
    assert dealt.sum() == 4
    sizes[1, dealt] = 77.0
    found = matrices(cards, sizes)
    assert np.array_equal(*found)


@pytest.mark.parametrize("goal", [0.1, -0.3])
@pytest.mark.parametrize("seed", [*SEEDS][:6])
def test_an_arrow_at_its_break_even_reaches_the_goal(seed, goal):
    """Of those that move the ratio."""
    loop, reached = random_loop(np.random.default_rng(seed)), 0
    for technology in range(3):
        for arrow in range(len(loop.arrows)):
            sizes = np.tile(loop.middle, (3, 1))
            sizes[:, arrow] = break_even(loop, loop.middle, arrow, technology, goal), 0.3, 0.7
            if moves(loop, sizes[1:], technology):
                found = return_ratio(matrices(loop, sizes[:1]), technology)
                assert found == pytest.approx([goal], abs=1e-6)
                reached += 1
    assert reached > len(loop.arrows)


def moves(loop, sizes, technology):
    one, other = return_ratio(matrices(loop, sizes), technology)
    return abs(one - other) > 1e-12


def test_break_even_by_hand_and_where_there_is_none():
    """.5 * x = .1 at x = .2; no arrow of resources, and none that leads nowhere, can bring it about."""
    nodes = TWO | {"m": ("commerce", "money", "more"), "r": ("commerce", "resource", "")}
    rows = [("t", "n", "technology", 0.5), ("n", "t", "need", 0.7), ("n", "r", "deal", 0.3),
            ("r", "n", "nature", 0.3), ("n", "m", "nature", 0.4)]  # fmt: skip
    loop = made(nodes, rows)
    found = [break_even(loop, loop.middle, arrow, 0, 0.1) for arrow in range(len(rows))]
    assert found == pytest.approx([1 / 7, 0.2, np.nan, np.nan, np.nan], nan_ok=True, **TIGHT)


@pytest.mark.xfail(strict=True, reason="break_even takes the root that numerator and denominator share")
def test_no_arrow_of_a_loop_apart_has_a_break_even():
    """What the technology does not touch cannot move its ratio, not even where it makes the rest unstable."""
    nodes = TWO | {"a": ("finance", "money", "more"), "b": ("finance", "money", "more")}
    rows = [
        ("t", "n", "technology", 0.5),
        ("n", "t", "need", 0.7),
        ("a", "b", "nature", 0.4),
        ("b", "a", "nature", 0.5),
    ]
    loop = made(nodes, rows)
    assert np.isnan([break_even(loop, loop.middle, arrow, 0, 0.1) for arrow in (2, 3)]).all()


@pytest.mark.parametrize(("there", "back", "away"), [(1.1, 1.1, True), (0.9, 0.9, False), (-1.1, 1.1, True),
                                                     (-0.9, 0.9, False), (1.0, 1.0001, True)])  # fmt: skip
def test_what_does_not_die_out_runs_away(there, back, away):
    """Eigenvalues of two arrows are the roots of their product, of either sign."""
    loop = _two(there, back)
    assert runs_away(loop, _matrix(loop)).tolist() == [away]


def test_what_only_a_technology_holds_back_runs_away_too():
    """a drives itself over b by 1.05; t damps it to 1.05 - .5 * .5, but held still it would not."""
    nodes = {
        "t": ("finance", "technology", ""),
        "a": ("finance", "money", "more"),
        "b": ("finance", "money", "more"),
    }
    rows = [("a", "b", "nature", 1.05), ("b", "a", "nature", 1.0), ("a", "t", "money", -0.5),
            ("t", "a", "technology", 0.5)]  # fmt: skip
    loop = made(nodes, rows)
    assert np.abs(np.linalg.eigvals(_matrix(loop))).max() < 1
    assert runs_away(loop, _matrix(loop)).all()
    assert not runs_away(loop, 0.5 * _matrix(loop)).any()


def test_planted_loops_reinforce_and_do_not_run_away():
    for seed in range(200):
        loop = reinforcing(np.random.default_rng(seed))
        found = [return_ratio(_matrix(loop), one)[0] for one in loop.role("technology")]
        assert 0.1 < min(found) <= max(found) < 1
        assert not runs_away(loop, _matrix(loop)).any()


def test_a_null_deals_the_same_ranges_within_each_kind(cards):
    rng = np.random.default_rng(2)
    for _ in range(20):
        dealt = dealt_anew(cards, rng)
        for kind in set(cards.kinds):
            here, there = cards.kind(kind), dealt.kind(kind)
            for width in (lambda one: one.high - one.low, lambda one: np.maximum(-one.low, one.high)):
                assert np.sort(width(dealt)[there]) == pytest.approx(np.sort(width(cards)[here]), **TIGHT)
        assert dealt.low.tolist() != cards.low.tolist()
        assert (dealt.low <= dealt.middle + 1e-12).all()
        assert (dealt.middle <= dealt.high + 1e-12).all()
        assert len(set(dealt.papers)) == len(dealt.arrows)


def test_ratios_leave_out_what_runs_away(cards):
    """One draw in three is made to run away; the others are as they were."""
    places = draw_places(cards, 3, np.random.default_rng(1))
    sizes = sizes_at(cards, places, "uniform")
    sizes[1, cards.kind("nature")] *= 90
    found = measure.ratios(cards, sizes)
    assert found.away == pytest.approx(1 / 3)
    kept = measure.ratios(cards, sizes[[0, 2]])
    assert found.whole.tolist() == kept.whole.tolist()
    assert found.whole.shape == (3, 2)


def test_sentences_by_hand():
    whole = np.array([[0.1, -0.3], [0.2, -0.1]])
    parts = {"two": np.array([[0.1, 0.0], [0.3, -0.2]]), "three": np.array([[0.05, 0.01], [-0.2, 0.3]])}
    found = measure.Ratios(whole, parts, 0.0)
    told = {name: found.sentence(name).tolist() for name in measure.SENTENCES}
    assert told["largest_ratio"] == [0.2, -0.1]
    assert told["smallest_ratio"] == [0.1, -0.3]
    assert told["three_fields"] == [0.05, 0.3]
    assert told["other_fields"] == pytest.approx([0.15, 0.1])


def test_variants_change_what_they_say(cards):
    """Against a loop from which the arrows of need are taken away."""
    places = draw_places(cards, 40, np.random.default_rng(3))
    rows = {(row["prior"], row["variant"]): row for row in measure._variants(cards, places)}
    for prior in PRIORS:
        sizes = sizes_at(cards, places, prior)
        plain = measure.ratios(cards, sizes)
        assert rows[prior, "the cards"]["largest_value"] == np.median(plain.whole.max(axis=0))
        without = replace(
            cards, starts=cards.starts[~cards.kind("need")], ends=cards.ends[~cards.kind("need")]
        )
        elasticities = matrices(without, sizes[:, ~cards.kind("need")])
        found = np.max([return_ratio(elasticities, one) for one in cards.role("technology")], axis=0)
        assert rows[prior, "no arrow of need"]["largest_value"] == pytest.approx(np.median(found), **TIGHT)
