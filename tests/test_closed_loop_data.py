"""Arrow cards of study closed_loop: every fault has its message, sizes are those of records, dates hold."""

from copy import deepcopy

import pandas as pd
import pytest
import yaml

from dti_core.book import arrows as book_arrows
from dti_core.lab.borrowed import borrow
from dti_core.lab.config import load_config
from dti_core.lab.data import frozen_table
from dti_core.lab.errors import DataError
from dti_core.lab.frozen import record_file
from dti_core.lab.register import load_register
from dti_core.studies.closed_loop.data import check, load, load_cards, loop_of, read
from dti_core.studies.closed_loop.measures import effects, evidence, ratio, worth
from dti_core.studies.closed_loop.measures.dates import cycles, ruled_out
from dti_core.studies.closed_loop.measures.evidence import renamed

CARDS = {
    "nodes": {
        "tool": {"title": "A tool", "field": "commerce", "role": "technology"},
        "gap": {"title": "A need", "field": "finance", "role": "need", "better": "less"},
        "purse": {"title": "Money", "field": "security", "role": "money", "better": "more"},
        "hours": {"title": "Hours", "field": "security", "role": "resource"},
    },
    "arrows": {
        "helps": {"from": "tool", "to": "gap", "kind": "technology", "grade": "assumed", "low": -0.5,
                  "high": 0.0, "source": "by hand"},
        "calls": {"from": "gap", "to": "tool", "kind": "need", "grade": "published", "low": 0.1, "high": 0.3,
                  "source": "by hand", "paper": "one"},
        "pays": {"from": "purse", "to": "tool", "kind": "money", "grade": "assumed", "low": 0.2, "high": 0.2,
                 "source": "by hand"},
    },
}  # fmt: skip
RECORD = {"study": "spillover", "key": "gain_federated_firms", "scale": -0.01}


@pytest.fixture
def cards():
    return deepcopy(CARDS)


def _arrow(**changed):
    return lambda cards: cards["arrows"]["helps"].update(changed)


def _node(name, **changed):
    return lambda cards: cards["nodes"][name].update(changed)


def _without(*words):
    def change(cards):
        for word in words:
            del cards["arrows"]["helps"][word]

    return change


def _many(n):
    def change(cards):
        cards["nodes"] = {f"n{k}": cards["nodes"]["tool"] for k in range(n)}
        cards["arrows"] = {}

    return change


def _no_technology(cards):
    cards["nodes"]["tool"]["role"] = "need"
    cards["arrows"] = {"a": cards["arrows"]["helps"] | {"kind": "nature"}}


def _no_outcome(cards):
    for node in cards["nodes"].values():
        node.pop("better", None)


def _twice(cards):
    cards["arrows"]["again"] = dict(cards["arrows"]["calls"])


def _observed(cards):
    cards["arrows"]["helps"]["grade"] = "observed"


def _partly_sized(cards):
    del cards["arrows"]["helps"]["high"]
    cards["arrows"]["helps"]["record"] = RECORD


FAULTS = {
    "unknown start": (_arrow(**{"from": "tol"}),
                      "arrows.helps.from: no node 'tol'; there are tool, gap, purse, hours"),
    "unknown end": (_arrow(to="gaps"), "arrows.helps.to: no node 'gaps'; there are tool, gap, purse, hours"),
    "wrong start": (_arrow(**{"from": "purse"}),
                    "arrows.helps.from: purse is a money; an arrow of kind technology takes technology"),
    "wrong end": (_arrow(to="hours"),
                  "arrows.helps.to: hours is a resource; an arrow of kind technology"),
    "low above high": (_arrow(low=0.5), "arrows.helps: low 0.5 lies above high 0"),
    "low and record": (_arrow(record=RECORD), "arrows.helps: needs either low and high, or record"),
    "no size": (_without("low", "high"), "arrows.helps: needs either low and high, or record"),
    "half a range": (_without("high"), "arrows.helps: needs either low and high, or record"),
    "observed without record": (_observed,
                                "arrows.helps: is observed, so it names the record that it was read from"),
    "two of a pair": (_twice, "arrows: two from gap to tool; make them one"),
    "to itself": (_arrow(kind="nature", **{"from": "gap"}), "arrows.helps: leads from gap to itself"),
    "no technology": (_no_technology,
                      "nodes: none has the role technology, so that there is no loop through one"),
    "no outcome": (_no_outcome,
                   "nodes: none says `better: more` or `better: less`, so that nothing counts"),
    "too large": (_arrow(low=-100.5), "arrows.helps: no elasticity beyond 100 in size is read"),
    "not finite": (_arrow(low=float("-inf")), "arrows.helps.low: Input should be a finite number"),
    "not a number": (_arrow(low="much"), "arrows.helps.low: Input should be a valid number"),
    "unknown grade": (_arrow(grade="guessed"),
                      "arrows.helps.grade: Input should be 'observed', 'published' or 'assumed'"),
    "unknown kind": (_arrow(kind="magic"),
                     "arrows.helps.kind: Input should be 'technology', 'need', 'money', 'deal' or"),
    "unknown role": (_node("tool", role="hero"),
                     "nodes.tool.role: Input should be 'technology', 'need', 'money' or"),
    "unknown field": (_node("tool", field="sport"),
                      "nodes.tool.field: Input should be 'commerce', 'finance' or"),
    "unknown better": (_node("gap", better="most"), "nodes.gap.better: Input should be 'more' or 'less'"),
    "extra of an arrow": (_arrow(sign="up"), "arrows.helps.sign: Extra inputs are not permitted"),
    "extra of a node": (_node("gap", unit="%"), "nodes.gap.unit: Extra inputs are not permitted"),
    "extra of the file": (lambda cards: cards.update(loop=1), "loop: Extra inputs are not permitted"),
    "no source": (_without("source"), "arrows.helps.source: Field required"),
    "blank source": (_arrow(source=" "), "arrows.helps.source: String should have at least 1 character"),
    "no arrows": (lambda cards: cards.pop("arrows"), "arrows: Field required"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_one_clear_message(fault, cards):
    change, message = FAULTS[fault]
    change(cards)
    (found,) = check(cards)
    assert found.text.startswith(f"cards: {message}")
    assert found.blocks


def test_half_a_range_beside_a_record_is_refused(cards):
    _partly_sized(cards)
    (found,) = check(cards)
    assert found.text.startswith("cards: arrows.helps: needs either low and high, or record")


def test_too_many_nodes_are_refused(cards):
    _many(61)(cards)
    texts = [problem.text for problem in check(cards)]
    assert any("nodes: " in text and "60" in text for text in texts)
    assert any("arrows: " in text and "at least 1" in text for text in texts)


def test_all_faults_are_told_at_once(cards):
    _twice(cards)
    _no_outcome(cards)
    cards["arrows"]["pays"]["to"] = "tol"
    assert [problem.text.split(":")[1].strip() for problem in check(cards)] == [
        "arrows.pays.to",
        "arrows",
        "nodes",
    ]


def test_fit_cards_have_no_problem_and_become_a_loop(cards):
    assert check(cards) == []
    assert check(read()[0]) == []


def _file(place, content, name="own.yaml"):
    file = place / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("nodes: [", "own.yaml", "own.yaml: not readable as YAML"),
        ("a: 1\na: 2\n", "own.yml", "a stands there twice"),
        (b"a: \xff\xfe", "own.yaml", "own.yaml: not readable as YAML in UTF-8"),
        ("a,b\n1,2\n", "own.csv", "own.csv: ends in '.csv'. Give a YAML file"),
        ("", "own.yaml", "own.yaml: 1 problem.\n- cards: file: "),
        ("- a\n", "own.yaml", "own.yaml: 1 problem.\n- cards: file: "),
        ("# " + "x" * (257 << 10), "own.yaml", "own.yaml: is longer than 256 kB. Shorten it."),
        ("a: &x [1]\nb: [" + ", ".join(["*x"] * 17) + "]\n", "own.yaml", "more than 16 aliases"),
    ],
)
def test_files_that_are_no_cards_are_refused(content, name, message, tmp_path):
    with pytest.raises(DataError) as told:
        load_cards(_file(tmp_path, content, name))
    assert message in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    for place in (tmp_path / "none.yaml", tmp_path / "folder.yaml"):
        (tmp_path / "folder.yaml").mkdir(exist_ok=True)
        with pytest.raises(DataError, match=r"no such file\. Give a YAML file of nodes and arrows"):
            load_cards(str(place))


def _config(**changed):
    return load_config("closed_loop", {}).replace(**changed)


def test_own_cards_are_loaded_with_their_own_card(tmp_path):
    loop, card = load(
        _config(arrows="yours", data_path=_file(tmp_path, yaml.safe_dump(CARDS, sort_keys=False)))
    )
    assert loop.nodes == ("tool", "gap", "purse", "hours")
    assert loop.arrows == ("helps", "calls", "pays")
    assert (loop.low.tolist(), loop.high.tolist()) == ([-0.5, 0.1, 0.2], [0.0, 0.3, 0.2])
    assert loop.middle.tolist() == pytest.approx([-0.25, 0.2, 0.2])
    assert loop.papers == ("helps", "one", "pays")
    assert (loop.starts.tolist(), loop.ends.tolist()) == ([0, 1, 2], [1, 0, 0])
    assert loop.crosses().tolist() == [True, True, True]
    assert (card.origin, card.title, card.rows) == ("yours", "own.yaml", 3)
    with pytest.raises(DataError, match="needs data_path"):
        load(_config(arrows="yours"))


def test_all_problems_of_an_own_file_are_listed(tmp_path, cards):
    _twice(cards)
    _no_outcome(cards)
    with pytest.raises(
        DataError, match=r"own.yaml: 2 problems.\n- cards: arrows: two from gap to tool.*\n- cards: nodes"
    ):
        load_cards(_file(tmp_path, yaml.safe_dump(cards)))


BOTH_OFF = (
    "[esg_to_cash, sales_to_cash]",
    "esg_to_cash,sales_to_cash",
    "['esg_to_cash', \"sales_to_cash\"]",
    " esg_to_cash , sales_to_cash, ",
)


@pytest.mark.parametrize("written", BOTH_OFF)
def test_arrows_are_switched_off_by_name(written):
    whole, card = load(_config())
    loop, _ = load(_config(arrows_off=written))
    assert set(whole.arrows) - set(loop.arrows) == {"esg_to_cash", "sales_to_cash"}
    assert len(loop.middle) == len(whole.middle) - 2
    assert loop.nodes == whole.nodes
    assert card.origin == "packaged"


def test_an_unknown_arrow_is_refused_with_the_list():
    with pytest.raises(DataError) as told:
        load(_config(arrows_off="sales_to_cash, sales_to_cahs"))
    assert "no arrow 'sales_to_cahs'. There are privacy_to_ad_error, " in str(told.value)
    assert all(name in str(told.value) for name in load_cards()[0].arrows)


def test_measured_cards_are_their_records():
    """Scale times value and both ends of the interval, the smaller one first; never typed by hand."""
    cards, _ = load_cards()
    loop, measured = loop_of(cards), set()
    for place, card in enumerate(cards.arrows.values()):
        if card.record:
            found, scale = borrow(card.record.study, card.record.key), card.record.scale
            ends = sorted((scale * found.low, scale * found.high))
            assert (loop.low[place], loop.high[place]) == tuple(ends)
            assert loop.middle[place] == scale * found.value
            assert ends[0] <= loop.middle[place] <= ends[1]
            measured.add(card.grade)
        else:
            assert card.grade != "observed"
            assert (loop.low[place], loop.high[place]) == (card.low, card.high)
    assert "observed" in measured


def test_a_study_without_chapter_or_estimate_is_told_with_its_arrow(tmp_path, cards):
    for changed, message in (
        ({"study": "tenant_platform"}, "arrows.helps.record: tenant_platform: no frozen record can be read"),
        (
            {"key": "gain"},
            "arrows.helps.record: spillover: the frozen record has no estimate 'gain'. `dti list spillover`",
        ),
    ):
        _without("low", "high")(one := deepcopy(cards))
        one["arrows"]["helps"]["record"] = RECORD | changed
        with pytest.raises(DataError) as told:
            load(_config(arrows="yours", data_path=_file(tmp_path, yaml.safe_dump(one))))
        assert message in str(told.value)


def test_a_record_times_its_scale_is_held_to_the_largest_size_too(tmp_path, cards):
    _without("low", "high")(cards)
    cards["arrows"]["helps"]["record"] = RECORD | {"scale": 1e9}
    with pytest.raises(DataError, match="no elasticity beyond 100 in size is read"):
        load(_config(arrows="yours", data_path=_file(tmp_path, yaml.safe_dump(cards))))


@pytest.mark.parametrize("study", ["spill\0over", "../spillover", "Spillover", "", 7])
def test_a_study_is_named_by_its_slug(study, tmp_path, cards):
    _without("low", "high")(cards)
    cards["arrows"]["helps"]["record"] = RECORD | {"study": study}
    with pytest.raises(DataError, match=r"arrows.helps\.record"):
        load(_config(arrows="yours", data_path=_file(tmp_path, yaml.safe_dump(cards))))


def test_what_is_borrowed_bears_our_name_and_says_whose_it_is():
    one = borrow("spillover", "gain_federated_firms")
    ours = renamed(one, "best", "spillover")
    assert (ours.name, ours.at) == ("best", {"study": "spillover", "key": "gain_federated_firms"})
    assert (ours.value, ours.low, ours.high, ours.world) == (one.value, one.low, one.high, one.world)
    for slug, key, message in (
        ("nobody", "x", "nobody: no frozen record"),
        ("spillover", "x", "no estimate 'x'"),
    ):
        with pytest.raises(DataError, match=message):
            borrow(slug, key)
    assert record_file("spillover").is_file()


@pytest.mark.parametrize(
    ("first", "then", "out"),
    [
        ("2026-02", "2026-02-12", False), ("2026-02-12", "2026-02", False),
        ("2026-02-28", "2026-02-12", True),
        ("2026-02-12", "2026-02-28", False), ("2026-03", "2026-02-28", True), ("2026-03-01", "2026-02", True),
        ("2026", "2025-12-31", True), ("2026-02", "2026", False), ("2026", "2026-02", False),
        ("2022", "2026", False),
        ("2026-02-12", "2026-02-12", False), ("2023-01", "2022-12", True),
    ],
)  # fmt: skip
def test_dates_rule_out_what_came_later_for_certain(first, then, out):
    """A month begins before its 12th day, so that either may have come first."""
    assert ruled_out(first, then) is out


@pytest.mark.parametrize(
    ("links", "n"),
    [
        ("ab bc ca", 1), ("ab ba bc cb", 2), ("ab bc cd", 0), ("ab ab ba", 1), ("ab bc ca ba cb ac", 5),
        ("aa ab", 1),
    ],
)  # fmt: skip
def test_cycles_by_hand(links, n):
    """Links twice are one; three nodes that are all linked have three cycles of two and two of three."""
    assert cycles(pd.DataFrame([tuple(link) for link in links.split()], columns=["first", "then"])) == n


def test_influences_are_those_of_the_register():
    """Each row's claim exists and its dates are those of the studies."""
    register, table = load_register(), frozen_table("closed_loop", "influences.csv")
    studies = register.studies
    assert not table.duplicated().any()
    for row in table.itertuples():
        assert row.claim in register.claims, row
        assert {row.first, row.then} <= set(studies)
        assert (row.first_published, row.then_published) == (
            studies[row.first].published,
            studies[row.then].published,
        )
        assert row.first != row.then
        assert row.reading in ("named", "field")
    assert set(table.reading) == {"named", "field"}


def test_numbers_typed_on_cards_are_those_of_the_records():
    """Scales divide by a loss of the same record, and the best deal follows from a measured curvature."""
    arrows = load_cards()[0].arrows

    def found(study: str, key: str) -> float:
        return borrow(study, key).value

    alone = (
        1
        - found("private_lift", "booking_auc_central_no_noise")
        + found("private_lift", "booking_auc_lost_alone_no_noise")
    )
    assert arrows["privacy_to_ad_error"].record.scale == pytest.approx(-1 / alone, rel=0.01)
    egarch = found("lstm_portfolio", "qlike_egarch")
    assert arrows["forecast_to_forecast_error"].record.scale == pytest.approx(-1 / egarch, rel=0.01)
    for arrow, key in (("ad_error_to_epsilon", "lift_error"), ("breaches_to_hours", "residual_risk")):
        best = 1 / (1 + found("spillover", f"frontiers_curvature_{key}"))
        assert arrows[arrow].high == pytest.approx(best, abs=0.01)
    plenty, scarce = (borrow("patch_planning", f"gain_severity_11{end}") for end in ("", "@scarce"))
    assert (arrows["patch_to_flaws"].low, arrows["patch_to_flaws"].high) == pytest.approx(
        (scarce.low, plenty.high), abs=0.001
    )


def test_what_counts_as_of_interest_is_what_the_register_asks():
    """Shares beside verdicts and the page of arrows use the marks of the bars."""
    register = load_register()
    bars = {bar.estimate: bar for claim in register.bound_to("closed_loop").values() for test in claim.tests
            if test.study == "closed_loop" for bar in test.estimates}  # fmt: skip
    for name in ratio.SENTENCES:
        assert bars[name].than == ratio.GOAL == book_arrows.GOAL
    for name in effects.SENTENCES:
        assert name not in bars or bars[name].smallest_effect == effects.MATTERS
    assert bars[worth.BRIDGES].smallest_effect == worth.MATTERS
    assert bars[evidence.BRAKE].than == evidence.NO_BRAKE
