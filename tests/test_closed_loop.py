"""closed_loop from end to end at its smallest; worlds in which each bar must fail, or must pass."""

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.data import frozen_table
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.parallel import CORES
from dti_core.studies.closed_loop.data import load_cards, loop_of
from dti_core.studies.closed_loop.measures import dates, effects, flips, ratio, worth
from dti_core.studies.closed_loop.measures.decisive import study_decisive
from dti_core.studies.closed_loop.measures.evidence import BESIDE, BRAKE, TAKEN, study_evidence
from dti_core.studies.closed_loop.methods import METHODS
from dti_core.studies.closed_loop.model.draws import PRIORS, draw_places, sizes_at
from dti_core.studies.closed_loop.worlds import WORLDS
from dti_core.studies.closed_loop.worlds.loops import bridging, reinforcing, responsive
from tests.kit import tiny_run

#: What each sentence must clear, and by how much its range must reach beyond that.
RATIO_BAR, BRAKE_BAR = (0.1, 0.001), 0.1
FIRM_BAR, BRIDGE_BAR = (0.0, effects.MATTERS), (0.0, worth.MATTERS)
#: Draws of each world, of those of firms too, and firms and quarters as in a quick run, since luck is larger
#: in fewer.
DRAWS, FIRM_DRAWS, SIZE = 4, 2, (220, 24)
#: Sentences whose effect the planted world of firms lacks, or has too small.
UNPLANTED = ("resources_dealt", "small_over_large")


@pytest.fixture(scope="module")
def cards():
    return loop_of(load_cards()[0])


@pytest.fixture(scope="module")
def result():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CORES, "1")
        return tiny_run("closed_loop")


def test_the_tiny_run_says_all_that_verdicts_rest_on(result):
    """Each sentence as observed and in both control worlds; of each draw there its own range."""
    found = {one.key: one for one in result.estimates}
    sentences = [*ratio.SENTENCES, *effects.SENTENCES, worth.BRIDGES, "cycles_possible", BRAKE]
    assert len(found) == len(result.estimates)
    for name in sentences:
        assert np.isfinite([found[name].low, found[name].value, found[name].high]).all()
        for world in ("null", "planted"):
            control = found[f"{name}@{world}"]
            assert len(control.draws) == control.n >= 4
    for name in (*ratio.SENTENCES, *effects.SENTENCES, worth.BRIDGES):
        assert 0 <= found[f"{name}_share"].value <= 1
    assert {one.world for one in result.estimates} >= set(WORLDS)
    assert all(one.low - 1e-12 <= one.value <= one.high + 1e-12 for one in result.estimates)


def test_the_tiny_run_says_what_stands_beside_verdicts(result):
    """Knowledge counted, the most of what any draw reaches, luck of worlds, and signs told by a tree."""
    found = {one.key: one for one in result.estimates}
    assert {"amplification", "amplification_with_knowledge"} <= set(found)
    for name in ratio.SENTENCES:
        assert found[f"{name}_most"].value >= found[name].high
    for name in effects.SENTENCES:
        assert found[f"worlds_{name}"].unit == effects.OF_TECHNOLOGY
        assert found[f"worlds_{name}"].n == result.config.values["n_worlds"]
    signs = result.series["flips"]
    assert list(signs) == ["prior", "of", "positive", "agree", "accuracy", "n", "first", "second"]
    assert len(signs) == len(PRIORS) * len(effects.SENTENCES)
    assert {one.at["effect"] for one in result.where(outcome="welfare")} == set(effects.EFFECTS)


def test_the_share_that_runs_away_is_of_as_many_draws_as_there_were(result):
    found = {one.key: one for one in result.estimates}
    assert {found[f"runs_away_{prior}"].n for prior in ("uniform", "log_uniform")} == {200}


def test_the_tiny_run_tells_the_loop_and_every_arrow(result, cards):
    series = result.series
    assert list(series["nodes"].node) == list(cards.nodes)
    assert list(series["cards"].arrow) == list(cards.arrows)
    switched = {cards.arrows[place] for place in worth.players(cards)}
    assert set(series["worth"].arrow) == switched
    assert set(series["worth"].prior) == set(PRIORS)
    assert set(series["decisive"].paper) == set(cards.papers)
    assert len(series["break_even"]) == 3 * len(cards.arrows)
    parts = [series["decisive"][series["decisive"].prior == prior].shapley.sum() for prior in PRIORS]
    assert parts == pytest.approx([1.0, 1.0])
    told = {one.name for one in result.estimates}
    assert {*TAKEN, *BESIDE} <= told


def _without(cards, *kinds, abroad=False):
    those = cards.kind(*kinds) & (cards.crosses() | (not abroad))
    return loop_of(load_cards()[0], np.array(cards.arrows)[those].tolist())


@pytest.mark.parametrize("kinds", [("need", "money", "technology"), ("technology",)])
def test_a_loop_that_is_switched_off_still_has_a_result(kinds, cards):
    """Where nothing comes back no assumption decides anything, which is said and does not end the run."""
    findings = study_decisive(_without(cards, *kinds), 1, np.random.default_rng(1))
    assert all(np.isfinite([one.low, one.value, one.high]).all() for one in findings.estimates)
    assert [name for name, _ in findings.left_out] == [f"decisive assumptions, {prior}" for prior in PRIORS]


def test_what_decides_is_asked_of_the_gain_by_need_and_money(cards):
    """As the amplification is: without either nothing comes back."""
    findings = study_decisive(_without(cards, "need", "money"), 1, np.random.default_rng(1))
    assert findings.estimates == []


def test_a_loop_without_bridges_still_has_a_result(cards):
    loop = _without(cards, "technology", abroad=True)
    places = draw_places(loop, 2, np.random.default_rng(1))
    findings = worth.study_worth(loop, places, 22, 4, 1, 1, np.random.SeedSequence(1))
    assert len(findings.series["worth"]) == len(PRIORS) * len(worth.players(loop))
    assert [name for name, _ in findings.left_out] == ["bridges over arrows"]


def _supported(drawn, bar):
    """Share of draws whose range lies above the bar and reaches so far beyond it that it matters."""
    than, matters = bar
    return np.mean([one.low > than and one.high >= than + matters for one in drawn])


@pytest.fixture(scope="module")
def ratios(cards):
    return {world: [ratio.of_control(ratio.Control(world, cards, seed)) for seed in range(DRAWS)]
            for world in ("null", "planted")}  # fmt: skip


@pytest.mark.parametrize("name", ratio.SENTENCES)
def test_bars_of_ratios_fail_and_pass(name, ratios):
    assert _supported([one[name] for one in ratios["null"]], RATIO_BAR) == 0
    assert _supported([one[name] for one in ratios["planted"]], RATIO_BAR) == 1


@pytest.fixture(scope="module")
def firms(cards):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "CONTROL_DRAWS", 20)
        return {
            world: [
                effects.of_control(effects.Control(world, cards, *SIZE, seed)) for seed in range(FIRM_DRAWS)
            ]
            for world in ("null", "planted")
        }


@pytest.mark.parametrize("name", effects.SENTENCES)
def test_bars_of_firms_fail_where_no_signal_helps(name, firms):
    assert _supported([one[name] for one in firms["null"]], FIRM_BAR) == 0


@pytest.mark.parametrize("name", [name for name in effects.SENTENCES if name not in UNPLANTED])
def test_bars_of_firms_pass_where_needs_are_met_as_they_are_told(name, firms):
    """But for that of resources, of which there are none, and on which no verdict rests."""
    assert _supported([one[name] for one in firms["planted"]], FIRM_BAR) == 1


@pytest.mark.xfail(strict=True, reason="what is planted is about as large as the smallest effect that counts")
def test_the_bar_of_small_firms_passes_where_needs_are_met_as_they_are_told(firms):
    assert _supported([one["small_over_large"] for one in firms["planted"]], FIRM_BAR) == 1


def test_the_bar_of_bridges_fails_and_passes(cards):
    drawn = {world: [worth.of_control(worth.Control(world, cards, 24, seed)) for seed in range(DRAWS)]
             for world in ("null", "planted")}  # fmt: skip
    assert _supported(drawn["null"], BRIDGE_BAR) <= 0.25
    assert _supported(drawn["planted"], BRIDGE_BAR) == 1


def test_the_bar_of_cycles_fails_and_passes():
    null, planted = dates._controls(20, np.random.default_rng(1))
    assert (null.world, planted.world) == ("null", "planted")
    assert {high for _, high in null.draws} == {0}
    assert all(low >= 1 for low, _ in planted.draws)


def _links(*rows):
    columns = ["claim", "first", "then", "first_published", "then_published", "reading"]
    return pd.DataFrame([("C1", *row) for row in rows], columns=columns)


@pytest.mark.parametrize(
    ("rows", "claimed", "possible"),
    [
        ([(1, 2, "2025", "2025", "named"), (2, 1, "2025", "2025", "named")], (1, 1), (1, 1)),
        ([(1, 2, "2025", "2025", "named"), (2, 1, "2025", "2025", "field")], (0, 1), (0, 1)),
        ([(1, 2, "2024", "2025", "named"), (2, 1, "2025", "2024", "field")], (0, 1), (0, 0)),
        ([(1, 2, "2024", "2025", "field"), (2, 1, "2025", "2024", "named"), (1, 2, "2024", "2025", "named")],
         (1, 1), (0, 0)),
    ],
)  # fmt: skip
def test_cycles_lie_between_named_links_and_all(rows, claimed, possible, monkeypatch):
    """A sentence that names a field is read as its studies at the upper end alone."""
    monkeypatch.setattr(dates, "frozen_table", lambda *_: _links(*rows))
    found = {one.key: one for one in dates.study_dates(20, np.random.default_rng(1)).estimates}
    for name, (few, many) in (("cycles_claimed", claimed), ("cycles_possible", possible)):
        one = found[name]
        assert (one.value, one.low, one.high) == (few, few, many)


def test_cycles_among_the_cited_studies_are_counted_apart_from_the_study():
    """By trying every order of every set of studies; no date is taken from there either."""
    table = frozen_table("closed_loop", "influences.csv")
    allowed = [first + "-00-00"[len(first) - 4 :] <= then + "-99-99"[len(then) - 4 :]
               for first, then in zip(table.first_published, table.then_published, strict=True)]  # fmt: skip
    findings = dates.study_dates(20, np.random.default_rng(1))
    found = {one.key: one for one in findings.estimates}
    assert findings.series["influences"].possible.tolist() == allowed
    for end, those in (("low", table.reading == "named"), ("high", table.reading != "")):
        for name, kept in (("claimed", those), ("possible", those & np.array(allowed))):
            links = set(zip(table["first"][kept], table["then"][kept], strict=True))
            assert getattr(found[f"cycles_{name}"], end) == _cycles(links)
            assert getattr(found[f"links_{name}"], end) == len(links)


def _cycles(links):
    """Each cycle once, from its smallest study on."""
    studies = sorted({one for pair in links for one in pair})
    return sum(
        {*pairwise((*order, order[0]))} <= links
        for n in range(2, len(studies) + 1)
        for order in permutations(studies, n)
        if order[0] == min(order)
    )


def test_the_bar_of_the_brake_fails_and_passes():
    """The sentence is that security is no brake: in its planted world one dollar more earns nothing."""
    found = {one.key: one for one in study_evidence(20, np.random.default_rng(2)).estimates}
    assert not any(high < BRAKE_BAR for _, high in found[f"{BRAKE}@null"].draws)
    assert all(high < BRAKE_BAR for _, high in found[f"{BRAKE}@planted"].draws)


def test_evidence_of_others_comes_with_their_controls():
    findings = study_evidence(20, np.random.default_rng(2))
    keys = {one.key for one in findings.estimates}
    assert {f"{name}{world}" for name in TAKEN for world in ("", "@null", "@planted")} <= keys
    assert findings.left_out == []


@pytest.mark.parametrize("plant", [reinforcing, responsive, bridging])
def test_planted_loops_are_loops_of_the_same_kind(plant):
    """All nodes of three fields, arrows whose ends their kind allows, and no arrow twice."""
    roles = {"technology": ("technology", "need money"), "need": ("need", "technology"),
             "money": ("money", "technology"), "nature": ("need money", "need money")}  # fmt: skip
    for seed in range(5):
        loop = plant(np.random.default_rng(seed))
        pairs = set(zip(loop.starts.tolist(), loop.ends.tolist(), strict=True))
        assert len(pairs) == len(loop.arrows) == len(set(loop.arrows))
        assert set(loop.fields) == {"commerce", "finance", "security"}
        for start, end, kind in zip(loop.starts, loop.ends, loop.kinds, strict=True):
            assert loop.roles[start] in roles[kind][0]
            assert loop.roles[end] in roles[kind][1]


def test_methods_tell_each_class_and_kind_in_its_way(cards):
    """Signals: (draws, classes, arrows), closed 0, frozen 1, permuted 2."""
    found = {name: method.run(cards, 3) for name, method in METHODS.items()}
    design = "need", "money"
    wanted = {
        "closed": (0, design, (0, 1)), "frozen": (1, design, (0, 1)), "permuted": (2, design, (0, 1)),
        "deal_permuted": (2, ("deal",), (0, 1)), "need_permuted": (2, ("need",), (0, 1)),
        "small_permuted": (2, design, (0,)), "large_permuted": (2, design, (1,)),
    }  # fmt: skip
    assert set(found) == set(wanted)
    for name, (signal, kinds, classes) in wanted.items():
        told = np.zeros((3, 2, len(cards.arrows)), dtype=int)
        for one in classes:
            told[:, one, cards.kind(*kinds)] = signal
        assert np.array_equal(found[name], told), name


def test_sentences_of_firms_by_hand(cards):
    """Outcomes that are alike but for sales and welfare of each group, so that each difference is known.

    Technology adds 6 + 2 to sales of all and 60 + 20 to what they achieve, of which each is told in percent.
    """
    sales, nodes = cards.nodes.index("sales"), len(cards.nodes) + 1
    told = {"closed": (5, 4, 6), "frozen": (1, 1, 1), "permuted": (2, 3, 2), "need_permuted": (0, 0, 3),
            "small_permuted": (0, 0, 2), "large_permuted": (0, 0, 5), "deal_permuted": (9, 9, 1),
            "without": (7, 7, -2)}  # fmt: skip
    found = {name: np.zeros((1, 3, nodes)) for name in told}
    for name, groups in told.items():
        found[name][0, :, sales] = groups
        found[name][0, :, -1] = np.array(groups) * 10
    wanted = {
        "sales_of_the_lesser": min(5 - 2, 4 - 3), "sales_of_all": 6 - 1, "sales_of_small": 5 - 1,
        "needs_told": 60 - 30, "needs_over_push": 60 - 10, "feedback_told": 60 - 20,
        "resources_dealt": 60 - 10, "small_over_large": 50 - 20,
    }  # fmt: skip
    for name in effects.SENTENCES:
        whole = 8 if name.startswith("sales") else 80
        assert effects.gained(cards, found, name).tolist() == [wanted[name]]
        assert effects.added(cards, found, name) == pytest.approx(whole / 100)
        assert effects.sentence(cards, found, name) == pytest.approx([100 * wanted[name] / whole])


def test_luck_of_worlds_is_told_over_worlds(cards):
    """Mean over draws and both priors in each world, in percent of what technology adds to all draws."""
    shape = 2, 3, len(cards.nodes) + 1
    found = {}
    for prior, adds in zip(PRIORS, (50.0, 200.0), strict=True):
        one = {name: np.zeros(shape) for name in (*METHODS, effects.WITHOUT)}
        one["closed"] = one["closed"] + adds
        alone = np.array([[1.0, 2.0], [3.0, 6.0], [8.0, 10.0]])
        found[prior] = one | dict.fromkeys(effects.SENTENCES, alone)
    told = {one.key: one for one in effects.study_effects(cards, found).estimates}
    worlds = np.mean([[100 * gain / adds for gain in (1.5, 4.5, 9.0)] for adds in (50, 200)], axis=0)
    wanted = mean_over_seeds(worlds)
    for name in effects.SENTENCES:
        one = told[f"worlds_{name}"]
        assert (one.value, one.low, one.high) == pytest.approx((wanted.value, wanted.low, wanted.high))
        assert one.n == 3


def test_what_is_gained_in_each_world_is_what_is_gained_on_average(cards):
    """But for the lesser of two, which is least in each world; tasks of draws are joined as they were cut."""
    sizes = sizes_at(cards, draw_places(cards, 3, np.random.default_rng(4)), "uniform")
    trial = effects.Trial(cards, sizes, 33, 4, (1, 2))
    whole = effects.follow(trial)
    parts = [effects.follow(replace(trial, sizes=some)) for some in (sizes[:1], sizes[1:])]
    joined = effects._joined(parts)
    assert set(joined) == set(whole)
    for name, one in whole.items():
        assert joined[name] == pytest.approx(one, nan_ok=True, abs=1e-12), name
    for name in effects.SENTENCES:
        assert whole[name].shape == (2, 3)
        gained = effects.gained(cards, whole, name)
        if name == "sales_of_the_lesser":
            assert (whole[name].mean(axis=0) <= gained + 1e-12).all()
        else:
            assert whole[name].mean(axis=0) == pytest.approx(gained, abs=1e-12)


def _signs(first, second):
    """Outcomes of two worlds for a study of flips: gains of one sentence, (n_draws,) in each."""
    return {prior: {"needs_told": np.array([first, second])} for prior in PRIORS}


def test_a_sign_that_one_arrow_decides_is_told_and_luck_is_not(cards, monkeypatch):
    """Above the middle of an arrow all worlds gain; where each world tosses coins nothing is learned."""
    monkeypatch.setattr(flips, "SHUFFLES", 2)
    rng = np.random.default_rng(3)
    sizes = sizes_at(cards, draw_places(cards, 400, rng), "uniform")
    name = "sales_to_cash"
    sign = np.where(sizes[:, cards.arrows.index(name)] > 3.0, 1.0, -1.0)
    by_prior = dict.fromkeys(PRIORS, sizes)
    told = flips.study_flips(cards, by_prior, _signs(sign, 2 * sign), rng).series["flips"].iloc[0]
    assert (told["first"], told.n, told.agree) == (name, 200, 1.0)
    assert told.accuracy > 0.97
    assert told.positive == pytest.approx(np.mean(sign > 0))
    coins = rng.choice([-1.0, 1.0], (2, 400))
    lucky = flips.study_flips(cards, by_prior, _signs(*coins), rng).series["flips"].iloc[0]
    assert lucky.agree == pytest.approx(0.5, abs=0.1)
    assert lucky.accuracy == pytest.approx(0.5, abs=0.15)
    found = flips.study_flips(cards, by_prior, _signs(sign, coins[0]), rng)
    assert found.series["flips"].accuracy.iloc[0] == pytest.approx(0.5, abs=0.15)
    assert [one.name for one in found.estimates] == [
        "flip_told_needs_told_log_uniform",
        "flip_told_needs_told_uniform",
    ]
    rare = np.where(np.arange(400) < 4, -1.0, 1.0)
    silent = flips.study_flips(cards, by_prior, _signs(rare, rare), rng)
    assert silent.series["flips"].accuracy.isna().all()
    assert silent.estimates == []


def test_a_share_of_draws_counts_those_above_the_bar():
    drawn = [
        Interval(0.0, low, low + wide, 0.1, 1, "by hand")
        for low, wide in ((-1, 9), (0, 1), (0.01, 0.02), (1, 0))
    ]
    assert _supported(drawn, (0.0, 0.02)) == 0.5
