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
    assert {word: part[0] for word, part in routes.items()} == pytest.approx(
        {"need": -0.02, "money": 0.034, "knowledge": 0.0}, **TIGHT
    )


def test_knowledge_that_comes_back_is_an_echo_by_hand():
    """t -> n -> t gives .1; over u, which takes half of what t knows and gives back .4 of it, .2 more.

    u meets no need and earns nothing, so that all that comes back to it is knowledge: .5 * .4 / (1 - .1).
    """
    nodes = TWO | {"u": ("finance", "technology", "")}
    rows = [("t", "n", "technology", 0.5), ("n", "t", "need", 0.2), ("t", "u", "technology", 0.5),
            ("u", "t", "technology", 0.4)]  # fmt: skip
    loop = made(nodes, rows)
    found = measure.ratios(loop, loop.middle[None])
    assert found.whole[:, 0] == pytest.approx([0.1, 0.0], **TIGHT)
    assert found.echoing[:, 0] == pytest.approx([0.3, 0.2 / 0.9], **TIGHT)
    assert found.parts["need"][:, 0] == pytest.approx([0.1, 0.0], **TIGHT)
    assert found.echoes["one"][:, 0] == pytest.approx([0.1, 0.0], **TIGHT)
    assert found.echoes["two"][:, 0] == pytest.approx([0.2, 0.2 / 0.9], **TIGHT)
    assert by_routes(loop, loop.middle[None], 0)["knowledge"] == pytest.approx([0.2], **TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_verdict_is_deaf_to_knowledge_that_comes_back(seed):
    """It is the ratio where the arrows of technology into this one are silenced, whatever their sizes."""
    loop = random_loop(np.random.default_rng(seed), 0.3)
    louder = loop.middle[None] * np.ones((2, 1))
    found = measure.ratios(loop, louder)
    assert found.away == 0
    for row, technology in enumerate(loop.role("technology")):
        back = loop.kind("technology") & (loop.ends == technology)
        silent = np.where(back, 0.0, louder)
        assert found.whole[row] == pytest.approx(return_ratio(matrices(loop, silent), technology), **TIGHT)
        assert found.whole[row] == pytest.approx(
            found.parts["need"][row] + found.parts["money"][row], **TIGHT
        )
        turned = measure.ratios(loop, np.where(back, -0.5 * louder, louder))
        assert turned.whole[row] == pytest.approx(found.whole[row], **TIGHT)
        knowledge = by_routes(loop, louder, technology)["knowledge"]
        assert found.echoing[row] - found.whole[row] == pytest.approx(knowledge, **TIGHT)
    for parts, whole in ((found.parts, found.whole), (found.echoes, found.echoing)):
        assert sum(parts[word] for word in ("one", "two", "three")) == pytest.approx(whole, **TIGHT)
    own = [loop.roles[start] == "technology" == loop.roles[end]
           for start, end in zip(loop.starts, loop.ends, strict=True)]  # fmt: skip
    assert (np.abs(found.echoing - found.whole).max() > 1e-6) == any(own)


def test_no_draw_reaches_beyond_the_most(cards):
    """Neither of the cards under either prior, nor of loops by chance; the most is that of some corner."""
    some = [random_loop(np.random.default_rng(seed)) for seed in range(1)]
    for loop in (cards, *(replace(one, low=one.middle - 0.2, high=one.middle + 0.2) for one in some)):
        most = {one.name: one for one in measure._most(loop)}
        assert [one.at for one in most.values()] == [{"of": name} for name in measure.SENTENCES]
        places = draw_places(loop, 1000, np.random.default_rng(5))
        for prior in PRIORS:
            drawn = measure.ratios(loop, sizes_at(loop, places, prior))
            for name in measure.SENTENCES:
                assert drawn.sentence(name).max() <= most[f"{name}_most"].value + 1e-12


def test_the_most_of_a_small_loop_is_that_of_all_its_corners():
    """Found once more by trying every corner of five ranges."""
    nodes = TWO | {"u": ("finance", "technology", ""), "m": ("security", "money", "more")}
    rows = [("t", "n", "technology", -0.5, 0.4), ("n", "t", "need", -0.2, 0.7),
            ("t", "u", "technology", 0.0, 0.5), ("u", "m", "technology", -0.3, 0.6),
            ("m", "t", "money", 0.1, 0.8)]  # fmt: skip
    loop = made(nodes, rows)
    corners = np.array(np.meshgrid(*zip(loop.low, loop.high, strict=True))).reshape(5, -1).T
    found = measure.ratios(loop, corners)
    for one in measure._most(loop):
        assert one.value == pytest.approx(found.sentence(str(one.at["of"])).max(), **TIGHT)


@pytest.fixture(scope="module")
def needed(cards):
    """Rows of the series of break-even sizes, each with the loop at that size."""
    rows = measure._break_even(cards)
    for row in rows:
        row["sizes"] = np.where(np.array(cards.arrows) == row["arrow"], row["needed"], cards.middle)
        row["place"] = cards.titles.index(row["technology"])
        row["echo"] = cards.kind("technology") & (cards.ends == row["place"])
    return rows


def test_sizes_that_are_needed_bring_the_ratio_by_need_and_money_to_the_goal(needed, cards):
    """But for arrows of knowledge into the technology; and nothing runs away at these sizes."""
    told = [
        row
        for row in needed
        if np.isfinite(row["needed"]) and not row["echo"][cards.arrows.index(row["arrow"])]
    ]
    assert len(told) > 40
    for row in told:
        found = measure.ratios(cards, np.where(row["echo"], 0.0, row["sizes"])[None])
        assert found.away == 0
        assert found.whole[cards.role("technology").index(row["place"])] == pytest.approx(
            [measure.GOAL], abs=1e-8
        )
        assert row["within"] == (row["low"] <= row["needed"] <= row["high"])


def test_no_arrow_of_knowledge_into_a_technology_is_needed(needed, cards):
    told = [row["needed"] for row in needed if row["echo"][cards.arrows.index(row["arrow"])]]
    assert len(told) == 6
    assert np.isnan(told).all()


def test_no_size_is_needed_at_which_the_loop_runs_away():
    """t needs a to drive itself by .5 * x with t held still: .1 is reached at x = -18, far beyond rest."""
    nodes = TWO | {"a": ("finance", "money", "more"), "b": ("finance", "money", "more")}
    rows = [("t", "a", "technology", 0.1), ("a", "t", "money", 10.0), ("a", "b", "nature", 0.5),
            ("b", "a", "nature", 0.4)]  # fmt: skip
    loop = made(nodes, rows)
    assert break_even(loop, loop.middle, 3, 0, measure.GOAL) == pytest.approx(-18.0)
    row = measure._break_even(loop)[3]
    assert np.isnan(row["needed"])
    assert not row["within"]


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
    silent = {word: part - 9 for word, part in parts.items()}
    found = measure.Ratios(whole, silent, whole + 9, parts, 0.0)
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
        ends = cards.kind("technology") & np.isin(cards.ends, cards.role("technology"))
        for title, gone in {
            "no arrow of need": cards.kind("need"), "no arrow of money": cards.kind("money"),
            "no knowledge from technology to technology": ends,
        }.items():  # fmt: skip
            without = loop_of(load_cards()[0], np.array(cards.arrows)[gone].tolist())
            found = measure.ratios(without, sizes[:, ~gone])
            told = (
                np.median(found.sentence("largest_ratio")),
                np.median(gain_percent(found.whole).mean(axis=0)),
            )
            row = rows[prior, title]
            assert (row["largest_value"], row["gain_value"]) == pytest.approx(told, **TIGHT)
            assert row["away"] == found.away == 0
