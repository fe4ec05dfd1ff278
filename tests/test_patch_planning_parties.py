"""Parties that want different things: their file, the Nash bargain by hand, and the control worlds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dti_core.lab import data
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError
from dti_core.lab.findings import Findings
from dti_core.studies.patch_planning.data.parties import FILE, SLUG, load_games, read_games
from dti_core.studies.patch_planning.measures.parties import (
    DECIDES,
    MORE_TABLES,
    OF_BEST,
    Task,
    _tell,
    bargain_of,
    study_parties,
    worst_off,
)
from dti_core.studies.patch_planning.methods import feasible
from dti_core.studies.patch_planning.methods.bargains import bargain, distance_to_nash, log_product
from dti_core.studies.patch_planning.methods.exact import Effort, best_plan
from dti_core.studies.patch_planning.methods.feasible import GAP, feasible_plans
from dti_core.studies.patch_planning.model.estates import NONE, Estates
from dti_core.studies.patch_planning.model.parties import Stakes
from dti_core.studies.patch_planning.model.plans import account, broken_limits
from dti_core.studies.patch_planning.model.weeks import Quarter
from dti_core.studies.patch_planning.model.worth import expected_later
from dti_core.studies.patch_planning.worlds.parties import CENTRAL, TABLES, draw_setting, lay_table
from dti_core.studies.patch_planning.worlds.settings import Setting
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates
from tests.kit import planned_inputs

NAMES = ("one", "other")


def estate_for_one_patch(n_bundles: int = 3) -> Estates:
    """One service, open in the first of two weeks, whose hours allow one bundle."""
    made = simulate_estates(Setting(n_weeks=2, slots=n_bundles, windows=1.0), 1, 1, np.random.default_rng(0))
    hour, free = np.ones((1, n_bundles)), np.zeros((1, 1))
    return replace(
        made, hours=hour, cost_usd=0 * hour, minutes=0 * hour, setup_hours=free, setup_usd=free,
        setup_minutes=free, weekly_hours=np.ones((1, 2)), open=np.array([[[True, False]]]),
        after=np.full((1, n_bundles), NONE),
    )  # fmt: skip


def stakes(worth: list[list[float]]) -> Stakes:
    """Parties by rows, bundles of one service by columns, alike in both weeks."""
    values = np.repeat(np.array(worth)[..., None], 2, axis=2)
    return Stakes(values, np.zeros((len(worth), 1, 2)), np.zeros(values.shape[1], int), np.zeros(len(worth)))


def bargained(told: Stakes, dealt: tuple[int, ...] = (1, 0)) -> dict[str, int]:
    """Plan -> the one bundle that is patched."""
    made = bargain(
        feasible_plans(estate_for_one_patch(told.values.shape[1])), told, told.weighed(np.ones(2)),
        np.array(dealt), NAMES,
    )  # fmt: skip
    return {name: int(np.flatnonzero(plan == 0)[0]) for name, plan in made.plans.items()}


def test_the_nash_bargain_of_two_parties_by_hand() -> None:
    """One of three patches: shares (1, .1), (.6, .6), (.1, 1); products .1, .36, .1."""
    found = bargained(stakes([[10, 6, 1], [1, 6, 10]]))
    assert (found["own_one"], found["own_other"], found["joint"]) == (0, 2, 1)


def test_the_bargain_asks_for_no_common_currency_and_dollars_do() -> None:
    told = stakes([[10, 6, 1], [10, 60, 100]])
    found = bargained(told)
    assert found["joint"] == 1
    assert found["dollars"] == 2


def test_dealt_weights_give_the_plan_to_the_wrong_party() -> None:
    """The small party's share taken of the large one's best is nothing, and the other way round all."""
    assert bargained(stakes([[10, 6, 1], [10, 60, 100]]))["dealt"] == 2
    assert bargained(stakes([[10, 6, 1], [10, 60, 100]]), dealt=(0, 1))["dealt"] == 1


def test_weights_that_are_equal_may_be_dealt() -> None:
    told = stakes([[10, 6, 1], [1, 6, 10]])
    assert bargained(told, (1, 0)) == bargained(told, (0, 1))


def test_a_party_that_no_plan_serves_is_named() -> None:
    with pytest.raises(DataError, match="other"):
        bargained(stakes([[1, 2, 3], [-1, -2, -3]]))


@pytest.mark.parametrize(("nodes", "seconds"), [(1, 3600.0), (500, 0.0)])
def test_a_search_that_ends_early_is_told_at_its_nodes_and_an_error_at_its_seconds(
    monkeypatch: pytest.MonkeyPatch, nodes: int, seconds: float
) -> None:
    """Without a gap to stop at, one node does not prove the best plan."""
    for name, value in (("GAP", 0.0), ("NODES", nodes), ("SECONDS", seconds)):
        monkeypatch.setattr(feasible, name, value)
    plans = feasible_plans(simulate_estates(CENTRAL, 1, 11, np.random.default_rng(3)))
    values = np.random.default_rng(0).uniform(1, 2, (plans.begin.plan.shape[1], CENTRAL.n_weeks))
    nothing = np.zeros((11, CENTRAL.n_weeks))
    if not seconds:
        with pytest.raises(RuntimeError, match="Time limit"):
            plans.best(values, nothing)
        return
    plans.best(values, nothing)
    assert plans.proven == [False]


def test_distance_to_the_bargain() -> None:
    assert distance_to_nash(np.array([0.6, 0.6]), float(2 * np.log(0.6))) == pytest.approx(0.0)
    assert distance_to_nash(np.array([0.3, 0.3]), float(2 * np.log(0.6))) == pytest.approx(0.5)
    assert distance_to_nash(np.array([-0.1, 1.0]), 0.0) == 1.0


def test_the_best_plan_in_dollars_is_that_of_the_exact_planner() -> None:
    for seed in range(2):
        table = lay_table(load_games()[DECIDES], np.random.default_rng(seed), 5, setting=CENTRAL)
        plan = feasible_plans(table.estate).best(*table.dollars)
        exact = best_plan(
            table.estate, expected_later(table.estate, 0)[0], Quarter.begin(table.estate), 0.0, Effort(1e-6)
        )
        spent = account(table.estate, plan[None])
        worth = expected_later(table.estate, 0)[0][plan < CENTRAL.n_weeks, plan[plan < CENTRAL.n_weeks]].sum()
        assert worth - spent.spent_usd[0] - spent.outage_usd[0] >= (1 - 2 * GAP) * exact.value_usd


def test_plans_keep_all_limits_and_nobody_gets_more_than_its_best() -> None:
    game = load_games()[DECIDES]
    for seed in range(2):
        table = lay_table(game, np.random.default_rng(seed), 5, setting=CENTRAL)
        made = bargain(feasible_plans(table.estate), table.reported, table.dollars,
                       np.roll(np.arange(4), 1), tuple(game.parties))  # fmt: skip
        for name, plan in made.plans.items():
            assert not any(flags.any() for flags in broken_limits(table.estate, plan[None]).values()), name
            shares = table.truth.of(plan) / made.best
            assert (shares <= 1 + 3 * GAP).all()
            assert log_product(shares) <= made.log_bound + 4 * 3 * GAP
        for one, name in enumerate(game.parties):
            assert table.truth.of(made.plans[f"own_{name}"])[one] == pytest.approx(made.best[one])


def test_parties_weigh_what_their_plan_does() -> None:
    """Finance's worth of a plan is its part of the loss avoided less money, as `account` counts it."""
    game = load_games()[DECIDES]
    table = lay_table(game, np.random.default_rng(3), 6, game.central_weights(), CENTRAL)
    plan = feasible_plans(table.estate).best(*table.dollars)
    ledger, done = account(table.estate, plan[None]), plan < CENTRAL.n_weeks
    avoided = expected_later(table.estate, 0)[0][done, plan[done]].sum()
    by_hand = 0.3 * avoided - 1.25 * ledger.spent_usd[0]
    assert table.truth.of(plan)[list(game.parties).index("finance")] == pytest.approx(by_hand)


def test_ties_tiny_parties_and_searches_cut_short_are_counted() -> None:
    """Of four sets the plans are one in the first, nearly so in the second; the first has a tiny party."""
    game, found = load_games()[DECIDES], Findings()
    names = ("joint", "equal", "dollars", "dealt", *(f"own_{one}" for one in game.parties))
    pieces = [
        {name: np.full(4, 0.5) for name in names}
        | {"joint": np.full(4, 0.5 + more), "bound": np.zeros(1), "redrawn": np.zeros(1),
           "tiny": np.array([float(more == 0)]), "proven": np.array([1.0, 1.0, float(more > 0)])}
        for more in (0.0, GAP / 2, 0.3, 0.4)
    ]  # fmt: skip
    _tell(found, DECIDES, game, pieces)
    told = {one.name: one.value for one in found.estimates if one.unit != OF_BEST}
    assert told["patches_joint_equal_tied"] == 0.5
    assert told["patches_tiny_own_best"] == 0.25
    assert told["patches_not_proven"] == pytest.approx(1 / 12)


def test_a_party_is_tiny_beside_the_firm() -> None:
    game = load_games()[DECIDES]
    for share_of, tiny in ((1e-3, 1.0), (1.0, 0.0)):
        lay = replace(game, parties={
            name: replace(party, weights={"avoided_usd": (share_of if name == "vendor" else 1.0,) * 2})
            for name, party in game.parties.items()
        })  # fmt: skip
        assert bargain_of(Task(np.random.SeedSequence(1), lay, n_services=8))["tiny"].tolist() == [tiny]


def test_control_worlds_are_what_they_say() -> None:
    game = load_games()[DECIDES]
    for seed in range(3):
        alike = TABLES["common_wish"].settings(game, np.random.default_rng(seed), 6)
        ratio = alike.truth.values / alike.truth.values[:1]
        assert np.allclose(ratio, ratio[:, :1, :1])
        assert not np.allclose(alike.reported.values[0], alike.truth.values[0])
    apart = [bargain_of(Task(seed, game, "opposed_wishes", 4)) for seed in np.random.SeedSequence(1).spawn(2)]
    assert all(worst_off(one)["joint"] > worst_off(one)["dollars"] + 0.1 for one in apart)


def test_drawn_settings_stay_within_the_assumptions() -> None:
    drawn = [draw_setting(np.random.default_rng(seed)) for seed in range(50)]
    assert all(0.25 <= one.windows <= 0.5 and 20 <= one.risk_usd <= 120 for one in drawn)


def test_the_study_tells_all_games_and_both_controls() -> None:
    found = study_parties(np.random.SeedSequence(0), n_sets=2, n_draws=2, n_control_sets=1, n_services=4)
    keys = {one.key for one in found.estimates}
    assert {f"{game}_nash_distance_joint" for game in load_games()} <= keys
    assert {f"{DECIDES}_joint_minus_dealt@{world}" for world in TABLES} <= keys
    assert {f"{DECIDES}_not_proven@{world}" for world in TABLES} <= keys
    alike, apart = (
        one for one in found.estimates if one.name == f"{DECIDES}_joint_minus_dealt" and one.draws
    )
    assert (alike.n, apart.n) == (2 * MORE_TABLES, 2)
    assert set(found.series["parties_front"]["point"]) >= {"joint", "dollars", "0.5"}
    assert len(keys) == len(found.estimates)


def test_our_own_file_is_sound_and_says_why() -> None:
    games = load_games()
    assert set(games) == {"patches", "ad_budget", "green_credit"}
    assert all(party.why for game in games.values() for party in game.parties.values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("licence_usd: [0.8, 1.0]", "licences: [0.8, 1.0]", "no quantity 'licences'"),
        ("spent_usd: [-1.5, -1.0]", "spent_usd: [1.0, 1.5]", "must weigh 0 or less"),
        ("hours: [-80.0, -20.0]", "hours: [-20.0, -80.0]", "put the smaller first"),
        ("avoided_usd: [0.8, 1.0]", "avoided_usd: [.nan, 1.0]", "finite number"),
        ("avoided_usd: [0.8, 1.0]", "avoided_usd: [-1.0, 1.0]", "must weigh 0 or more"),
        ("no_deal: 0.0", "no_deal: nothing", "no_deal"),
        ("    outage_usd: cost of downtime\n", "", "must name each of"),
        ("{avoided_usd: [0.8, 1.0], hours: [-80.0, -20.0]}", "{hours: [-80.0, -20.0]}", "gains from no plan"),
        ("      why: Answers", "      because: Answers", "why"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_named(old: str, new: str, said: str) -> None:
    content = frozen_bytes(SLUG, FILE)
    assert old.encode() in content
    with pytest.raises(DataError, match=said) as raised:
        read_games(content.replace(old.encode(), new.encode(), 1))
    assert "patches" in str(raised.value)


def test_a_missing_or_empty_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content, said in ((b"[]", "needs games"), (b"a: [", "not readable as YAML"), (b"\xe9", "utf-8")):
        with pytest.raises(DataError, match=said):
            read_games(content)
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"no file games/parties\.yaml"):
        load_games()


def test_a_changed_byte_of_the_parties_is_another_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read is noted under the name, and with the hash, by which a run plans for it."""
    place = tmp_path / "experiments" / "data" / SLUG / FILE
    place.parent.mkdir(parents=True)
    content = frozen_bytes(SLUG, FILE)
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    monkeypatch.delenv(data.READS_FILE, raising=False)
    found = []
    for one in (content, content.replace(b"Answers", b"answers", 1)):
        place.write_bytes(one)
        data.forget_reads()
        load_games()
        assert data.reads() == planned_inputs(SLUG)
        found.append(data.reads())
    assert found[0] != found[1]
