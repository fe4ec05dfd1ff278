"""What holds for one's own size: recorded numbers at recorded sizes, something between, nothing beyond."""

import io
import itertools
import json
import math
import re
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from dti_core.book.sizes import QUESTIONS, campaign, effect, forecast, levers, lift, patches, pooling
from dti_core.book.sizes.answers import PROMISES
from dti_core.book.sizes.page import questions_told
from dti_core.book.sizes.reading import Axis, Surface, estimate, estimates, series, surface
from dti_core.book.sizes.standards import STANDARDS
from dti_core.cli import main
from dti_core.lab.errors import ConfigError, RunError
from dti_core.lab.frozen import frozen_record, frozen_result, frozen_slugs
from dti_core.lab.publishing.rendering import render

ROOT = Path(__file__).resolve().parents[1]
ALL = [
    pytest.param(one, label, id=f"{one.name}-{label}") for one in QUESTIONS.values() for label in one.typical
]
SMALL = {name: next(iter(one.typical.values())) for name, one in QUESTIONS.items()}


@pytest.fixture(autouse=True)
def _checkout(monkeypatch):
    monkeypatch.delenv("DTI_HOME", raising=False)


def dti(*words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["dti", *words])
        with pytest.raises(SystemExit) as end:
            main()
    return int(end.value.code or 0), out.getvalue(), err.getvalue()


def page() -> str:
    told = questions_told(frozen_slugs())
    return render("for_your_size.md", room="dti_core.book", own_sizes=told, standards=STANDARDS)


def value(name: str, at: int = 0, **given: object) -> float:
    return QUESTIONS[name].ask(**given)[at].numbers[0]


# At recorded sizes


def test_a_recorded_campaign_is_answered_by_its_record():
    table = frozen_result("private_lift").series["sizes"]
    for row in table.itertuples():
        asked = {"users": row.n_users, "epsilon": row.epsilon, "market": row.world, "method": row.method}
        if math.isinf(row.smallest_lift):
            with pytest.raises(ConfigError, match="no lift is found"):
                QUESTIONS["campaign"].ask(**asked)
        else:
            assert value("campaign", **asked) == row.smallest_lift
    for one in estimates("private_lift", measure="least size"):
        epsilon = float(str(one.at["epsilon"]).replace("_", ".").replace("none", "inf"))
        asked = {"epsilon": epsilon, "market": one.at["market"], "method": one.at["method"]}
        found = QUESTIONS["campaign"].ask(users=1_000_000, **asked)[1]
        assert found.numbers == (one.value, one.low, one.high)


def test_recorded_plans_are_answered_by_their_record():
    for world, told in patches.WORLDS.items():
        for one in estimates("patch_planning", told, measure="share of the bound"):
            at = list(patches.PLANNERS).index(str(one.at["method"]))
            lines = QUESTIONS["patches"].ask(services=one.at["services"], hours=10.0, asked=20.0, world=world)
            assert lines[at].numbers == (one.value, one.low, one.high)
    for name in patches.CAPACITIES:
        ratio = estimate("patch_planning", f"need_asked_over_hours_{name}").value
        one = estimate("patch_planning", f"need_work_left_weighed_{name}")
        found = QUESTIONS["patches"].ask(services=10, hours=1.0, asked=ratio)[3]
        assert found.numbers == (one.value, one.low, one.high)
    hour = estimate("patch_planning", "shadow_hour_usd")
    assert found is not None
    assert QUESTIONS["patches"].ask(**SMALL["patches"])[-1].numbers == (hour.value, hour.low, hour.high)


@pytest.mark.parametrize("against", forecast.RIVALS)
def test_recorded_costs_are_answered_by_their_record(against):
    some = estimates("lstm_portfolio", measure="break_even", against=against)
    assert len(some) == 3
    for one in some:
        for traded in (0.0, estimate("lstm_portfolio", "turnover_good_forecast").value):
            found = QUESTIONS["forecast"].ask(cost=one.at["cost_bps"], turnover=traded, against=against)[0]
            assert found.numbers == (one.value, one.low, one.high)


def test_recorded_panels_are_answered_by_their_record():
    some = estimates("esg_constraint", measure="power")
    assert len(some) == 25
    for one in some:
        asked = {name: one.at[name] for name in ("firms", "years", "method")}
        assert QUESTIONS["effect"].ask(**asked)[0].numbers == (one.value, one.low, one.high)


@pytest.mark.parametrize("of", pooling.OF)
def test_recorded_classes_of_sizes_are_answered_by_their_record(of):
    table = series("spillover", f"pooling_{of}_sizes")
    table = table[~table["units"].str.contains("quarter") & table["contrast"].isin(list(pooling.CONTRASTS))]
    assert len(table) == 12
    for row in table.itertuples():
        at = list(pooling.CONTRASTS).index(row.contrast)
        for size in (row.least, row.most):
            found = QUESTIONS["pooling"].ask(baskets=size, of=of)[at]
            assert found.numbers == (row.value, row.low, row.high)


# Formulas meet the record


def test_the_formula_of_two_arms_meets_every_recorded_answer():
    """Rates of the e-mail trials and of the campaign, with and without noise: within a hundredth."""
    some, noise = lift.recorded(), lift.noise("central")
    assert len(some) == 36
    for one in some:
        found = lift.smallest(one.people, one.rate, lift.sd_at(noise, one.epsilon), one.other)
        assert found == pytest.approx(one.found, rel=0.01), one.key


def test_the_formula_adds_as_much_noise_as_was_recorded():
    """Noise of the difference of rates, which the record has from draws of it."""
    noise = lift.noise("central")
    for one in lift.recorded():
        if one.key.startswith("email") and math.isfinite(one.epsilon):
            key = one.key.split(" at ")[0] + f"_eps{one.epsilon:g}_noise_sd".replace(".", "_")
            told = estimate("private_lift", key)
            parts = sum(q**2 + (1 - q) ** 2 for q in (one.rate, one.other))
            sd = 100 * lift.sd_at(noise, one.epsilon) * math.sqrt(parts) / one.people
            assert told.low * 0.95 <= sd <= told.high * 1.05, one.key


def test_the_lift_is_a_fixed_point_of_its_own_formula():
    found = lift.smallest(20_000, 0.02, 0.0)
    assert lift.smallest(20_000, 0.02, 0.0, 0.02 + found) == pytest.approx(found, rel=1e-12)
    by_hand = 2.801585 * math.sqrt((0.02 * 0.98 + (0.02 + found) * (0.98 - found)) / 20_000)
    assert found == pytest.approx(by_hand, rel=1e-6)


def test_the_drag_of_costs_meets_the_rival_that_it_was_not_solved_from():
    traded = estimate("lstm_portfolio", "turnover_good_forecast").value
    for rival in forecast.RIVALS:
        assert forecast.drag(traded, rival) == pytest.approx(forecast.slope(rival), rel=0.02)


@pytest.mark.parametrize("method", effect.METHODS)
def test_the_smallest_effect_meets_the_recorded_firms_needed(method):
    planted = abs(estimate("esg_constraint", "true_effect").value)
    needed = estimate("esg_constraint", f"firms_needed_{method}")
    assert effect.smallest(method, needed.value, 9.0)[0] == pytest.approx(planted, rel=1e-12)
    larger = estimate("esg_constraint", f"firms_needed_{method}_published_size")
    times = float(larger.at["effect"]) / float(needed.at["effect"])
    whole = needed.value / (larger.value - 0.5)  # the record counts whole firms
    assert times == pytest.approx(math.sqrt(whole), rel=0.02)
    assert effect.smallest(method, larger.value, 9.0)[0] == pytest.approx(times * planted, rel=0.03)


def test_fewer_years_need_more_firms():
    small = [effect.smallest("two_way", 496, years)[0] for years in (3.0, 4.0, 5.0, 7.0, 9.0)]
    assert small == sorted(small, reverse=True)
    assert effect.firms_for("two_way", 9.0) <= estimate("esg_constraint", "firms_needed_two_way").high


# Between recorded sizes, in the direction that theory says


def falling(values: list[float]) -> bool:
    return all(one >= other for one, other in itertools.pairwise(values))


def test_more_people_or_less_noise_find_smaller_lifts():
    people = [int(n) for n in np.geomspace(6_200, 200_000, 25)]
    assert falling([value("lift", people=n, rate=0.02, epsilon=0.5) for n in people])
    assert falling([value("lift", people=7_000, rate=0.02, epsilon=e) for e in np.geomspace(0.25, 4, 25)])
    for method in lift.METHODS:
        noisy = value("lift", people=7_000, rate=0.02, epsilon=0.25, method=method)
        assert noisy > value("lift", people=7_000, rate=0.02, epsilon=math.inf, method=method)
    users = [int(n) for n in np.geomspace(1_000, 1_000_000, 40)]
    for market in campaign.MARKETS:
        assert falling([value("campaign", users=n, market=market) for n in users])
        some = [value("campaign", users=4_000, epsilon=e, market=market) for e in np.geomspace(0.25, 4, 25)]
        assert falling(some)


def test_costs_turnover_firms_and_years_move_answers_as_they_must():
    assert falling([-value("forecast", cost=c) for c in np.linspace(10, 50, 17)])
    assert falling([-value("forecast", cost=20.0, turnover=t) for t in np.linspace(3.5, 9, 12)])
    assert falling([-value("effect", firms=n, years=3.0) for n in np.geomspace(124, 1984, 20)])
    assert falling([-value("effect", firms=200, years=y) for y in np.linspace(3, 9, 13)])
    assert falling([value("effect", 1, firms=n, years=5.0) for n in np.geomspace(124, 1984, 20)])
    assert falling([value("patches", 3, services=10, hours=h, asked=60.0) for h in np.linspace(10, 40, 20)])


def test_a_stricter_rule_lets_no_more_units_find_a_lift():
    asked = {"rate": 0.1, "lift": 0.3}
    for of in levers.UNITS:
        for name, some in (
            ("consent", (1, 0.7, 0.4, 0.1)),
            ("epsilon", (4, 1, 0.25)),
            ("batch", (0, 1000, 9000)),
        ):
            full = {"consent": 1.0, "epsilon": math.inf, "batch": 0} | asked
            counts = [levers.share(of, **(full | {name: one}))[0] for one in some]  # type: ignore[arg-type]
            assert falling([float(one) for one in counts])


def test_the_units_that_find_a_lift_are_those_above_the_least_size():
    sizes = series("spillover", "pooling_sites_units")["size"]
    able, known, whole = levers.share("sites", 1.0, math.inf, 0, 0.1, 0.3)
    least = min(n for n in range(600, 6000) if lift.smallest(n, 0.1, 0.0) / 0.1 <= 0.3 and n * 0.1 >= 122)
    assert able == int((sizes / 2 >= least).sum())
    assert (known, whole) == (len(sizes), 42)
    assert levers.share("stores", 1.0, math.inf, 0, 0.1, 0.3)[2] == 457


def test_what_lies_between_two_points_lies_between_their_numbers():
    table = {(1.0, 1.0): (1.0, 0.5, 2.0), (4.0, 1.0): (16.0, 8.0, 32.0),
             (1.0, 2.0): (2.0, 1.0, 4.0), (4.0, 2.0): (32.0, 16.0, 64.0)}  # fmt: skip
    power_law = surface(["n", "years"], table, log=True)
    assert power_law.at(2.0, 1.0) == pytest.approx((4.0, 2.0, 8.0))
    assert power_law.at(2.0, math.sqrt(2)) == pytest.approx((4.0 * 2**0.5, 2.0 * 2**0.5, 8.0 * 2**0.5))
    straight = Surface(
        (Axis("cost", (10.0, 20.0), log=False),), {(10.0,): (0.0, -1.0, 1.0), (20.0,): (4.0, 1.0, 7.0)}
    )
    assert straight.at(15.0) == (2.0, 0.0, 4.0)
    assert "log" not in straight.how
    hole = surface(["n", "years"], {key: one for key, one in table.items() if key != (4.0, 2.0)})
    with pytest.raises(ConfigError, match="the record holds nothing at n 4, years 2"):
        hole.at(3.0, 2.0)
    with pytest.raises(RunError, match="no recorded numbers over n"):
        surface(["n"], {})


# Beyond recorded sizes

NUMBERS = [
    (name, one)
    for name, question in QUESTIONS.items()
    for one, its in question.inputs.items()
    if its.kind != "str"
]


#: No batch is too large: then nobody finds anything.
BAD = [
    (*at, bad)
    for at in NUMBERS
    for bad in (-1.0, 1e12, math.nan, -math.inf)
    if (at[1], bad) != ("batch", 1e12)
]


@pytest.mark.parametrize(("name", "which", "bad"), BAD)
def test_beyond_the_recorded_sizes_there_is_no_answer(name, which, bad):
    with pytest.raises(ConfigError, match=r"lies outside what the record holds, .* to .*\. \w") as refused:
        QUESTIONS[name].ask(**(dict(SMALL[name]) | {which: bad}))
    assert "\n" not in str(refused.value)


def test_a_lift_that_even_too_few_might_find_is_refused():
    with pytest.raises(ConfigError, match="fewer people than were ever checked"):
        QUESTIONS["levers"].ask(lift=0.6)


def test_words_that_are_none_are_refused():
    with pytest.raises(ConfigError, match="Did you mean skellam"):
        QUESTIONS["campaign"].ask(users=5000, method="skelam")
    with pytest.raises(ConfigError, match=r"takes no size\. It takes people, rate"):
        QUESTIONS["lift"].ask(size=3)
    with pytest.raises(ConfigError, match="lift needs rate: share of them"):
        QUESTIONS["lift"].ask(people=20_000)


# Answers


@pytest.mark.parametrize(("question", "label"), ALL)
def test_every_answer_has_interval_unit_grade_keys_and_run(question, label):
    record = frozen_record(question.study)
    for line in question.ask(**question.typical[label]):
        numbers, low, high = line.numbers
        assert low <= numbers <= high or (math.isnan(low + high) and "no interval: " in line.how)
        assert line.unit
        assert line.grade in ("observed", "derived", "conditional")
        known = {one.key for one in frozen_record(line.study).estimates}
        for key in line.keys:
            series_name = key.removeprefix("series ")
            assert key in known or (
                key.startswith("series ") and series_name in frozen_record(line.study).series
            )
        assert (line.study, line.run) == (record.slug, record.run)


def test_answers_follow_the_frozen_record(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    shutil.copytree(ROOT / "book" / "studies", tmp_path / "book" / "studies")
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    path = tmp_path / "book" / "studies" / "patch_planning.result.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    [one] = [one for one in told["estimates"] if one["name"] == "shadow_hour_usd"]
    one["value"] = 5.5
    path.write_text(json.dumps(told), encoding="utf-8")
    assert value("patches", -1, **SMALL["patches"]) == 5.5
    told["estimates"].remove(one)
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(RunError, match="no number shadow_hour_usd"):
        QUESTIONS["patches"].ask(**SMALL["patches"])


def test_an_epsilon_promises_what_its_method_does():
    from dti_core.studies.private_lift.methods.noise import METHODS

    for name, promise in PROMISES.items():
        release = METHODS[name].run(np.array([[50, 950]]), 1.0, np.random.default_rng(0))
        assert release.guarantee is not None
        assert release.guarantee.text == f"epsilon 1.0, {promise}"


# The command


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_command_tells_people_and_machines_the_same(name):
    words = ["size", name, *(word for key, one in SMALL[name].items() for word in (f"--{key}", str(one)))]
    code, out, err = dti(*words)
    assert (code, err) == (0, "")
    code, told, err = dti(*words, "--json")
    assert (code, err) == (0, "")
    answer = json.loads(told)
    assert answer["question"] == name
    lines = QUESTIONS[name].ask(**SMALL[name])
    assert [one["value"] for one in answer["answers"]] == [line.numbers[0] for line in lines]
    for line, one in zip(lines, answer["answers"], strict=True):
        assert {"low", "high", "unit", "grade", "how", "keys", "study", "run"} <= one.keys()
        assert line.text in out
        assert line.run in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "lift --people 200 --rate 0.02",
            "people 200 lies outside what the record holds, 6101 to 200000. An arm",
        ),
        ("lift --people 20000 --rate 0.5", "rate 0.5 lies outside"),
        ("lift --people 20000", "Missing option '--rate'"),
        ("lift --people many --rate 0.02", "Invalid value for '--people'"),
        ("campaign --users 5000 --method skelam", "Did you mean skellam?"),
        ("campaign --users 1000 --method local", "no lift is found"),
        ("patches --services 30 --hours 100 --asked 30", "hours 100 lies outside"),
        ("forecast --cost 25 --turnover 90", "acts as"),
        ("effect --firms 124 --years 4 --method difference_gmm", "years 4 lies outside"),
        ("growth", "No such command"),
    ],
)
def test_a_wrong_question_is_one_clear_line(words, says):
    if says == "acts as":
        says = "90 act as"
    code, out, err = dti("size", *words.split())
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


def test_the_command_lists_its_questions():
    code, out, _ = dti("size", "--help")
    assert code == 0
    for name in QUESTIONS:
        assert name in out


# The page


def test_the_page_is_what_the_records_say():
    assert (ROOT / "book" / "for_your_size.md").read_text(encoding="utf-8") == page()
    assert "file: for_your_size" in (ROOT / "book" / "_toc.yml").read_text(encoding="utf-8")


def test_the_page_answers_every_question_at_every_typical_size():
    text = page()
    assert "not answered" not in text
    assert "no census" in text
    assert not re.search(r"\b(nan|inf)\b", text)
    for question in QUESTIONS.values():
        assert question.form in text
        for given in question.typical.values():
            for line in question.ask(**given):
                assert f"<td>{line.text}</td><td>{line.unit}</td><td>{line.grade}</td>" in text


def test_every_epsilon_on_the_page_has_its_promise():
    blocks = re.findall(r"<tr\b.*?</tr>|\n[^<\n]+\n", page())
    some = [one for one in blocks if re.search(r"epsilon(\s|=|of)*\.?\d", one)]
    assert len(some) >= 8
    assert all("a user (add or remove one), pure epsilon accounting" in one for one in some)


def test_without_its_chapter_a_question_is_not_answered():
    told = questions_told([])
    assert all(one.why and not one.lines for each in told for one in each.asked)
    text = render("for_your_size.md", room="dti_core.book", own_sizes=told, standards=STANDARDS)
    assert text.count("not answered") == sum(len(one.typical) for one in QUESTIONS.values())


def test_standards_are_shown_by_tests_that_exist():
    for one in STANDARDS:
        if one.test:
            file, name = one.test.split("::")
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), one.name


def test_what_is_not_built_yet_is_not_built():
    """Once a study reads or writes one of these, its row names the test."""
    words = [word.lower() for one in STANDARDS if not one.test for word in re.findall(r"[A-Z]\w+", one.name)]
    assert "prio3" in words
    sources = (ROOT / "dti_core").rglob("*.py")
    texts = {
        path: path.read_text(encoding="utf-8").lower() for path in sources if path.name != "standards.py"
    }
    for word in set(words) - {"vdaf", "vex"}:
        assert [
            path for path, text in texts.items() if re.search(rf"\b(import|from) {word}|def \w*{word}", text)
        ] == []
