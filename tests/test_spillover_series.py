"""The forecaster carried between panels: no look-ahead, equal steps, known traps; and a user's series."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dti_core.studies.spillover.data.panels import PANELS, Panel
from dti_core.studies.spillover.data.yours import check, panel_of
from dti_core.studies.spillover.methods.feedback import FROZEN, OLD, changed_stream, contest, followed, rounds
from dti_core.studies.spillover.methods.forecaster import (
    Crossing,
    Lesson,
    cross,
    crossed,
    learn,
    planted_losses,
    planted_panels,
    read,
    split,
)
from dti_core.studies.spillover.methods.task import Effort, Task
from dti_core.studies.spillover.model.gains import gains, null_gains
from dti_core.studies.spillover.model.losses import PLACEBO, WITH, WITHOUT
from dti_core.studies.spillover.model.sequences import (
    RIVALS,
    fit_ridge,
    judged_ends,
    learning_ends,
    naive,
    promoted,
    sample,
)
from dti_core.studies.spillover.worlds.series import Tent

TASK = Task(5, Effort(8, 20, 4, 60), 1)


def _panel(rng, n_rows=80, n_series=6):
    return Panel(rng.normal(size=(n_rows, n_series)).cumsum(axis=0), tuple("abcdef"), 1, 12, 4)


def test_no_forecast_moves_with_what_comes_after_it():
    rng = np.random.default_rng(0)
    panel = _panel(rng)
    learning, ends = learning_ends(48, 12, 1), judged_ends(80, 48, 1)
    changed = panel.levels.copy()
    changed[60:] += 100.0
    for forecast in (naive, *RIVALS.values()):
        first, second = (forecast(levels, learning, ends, 12, 1) for levels in (panel.levels, changed))
        np.testing.assert_array_equal(first[ends < 60], second[ends < 60])
    lesson = Lesson(panel.levels, learning, 12, 1, 20, (1, 2))
    again = Lesson(changed, learning, 12, 1, 20, (1, 2))
    np.testing.assert_array_equal(learn(lesson), learn(again))


def test_learning_ends_before_the_test_begins():
    assert learning_ends(48, 12, 7)[-1] + 7 == 47
    assert judged_ends(80, 48, 7)[0] + 7 == 48
    assert judged_ends(80, 48, 7)[-1] + 7 == 79


def test_windows_are_in_their_own_units():
    levels = np.arange(40.0)[:, None] * np.array([1.0, 5.0])
    found = sample(levels, np.array([20, 30]), 12, 1)
    np.testing.assert_allclose(found.values[:, 0], found.values[:, 1])
    np.testing.assert_allclose(found.unscale(found.scaled), levels[[21, 31]])


def test_ridge_equals_the_normal_equations():
    rng = np.random.default_rng(1)
    found = sample(rng.normal(size=(60, 3)), np.arange(11, 58), 12, 1)
    weights, intercept = fit_ridge(found, 10.0)
    x, y = found.values.reshape(-1, 12), found.scaled.ravel()
    xc, yc = x - x.mean(axis=0), y - y.mean()
    exact = np.linalg.solve(xc.T @ xc + 10.0 * np.eye(12), xc.T @ yc)
    np.testing.assert_allclose(weights, exact, atol=1e-10)
    assert intercept == pytest.approx(y.mean() - x.mean(axis=0) @ exact)


def test_smoothing_is_holts_recursion():
    levels = np.array([[1.0], [3.0], [2.0], [5.0], [4.0], [6.0], [5.0], [7.0]])
    smooth = RIVALS["smoothing"](levels, np.array([2, 3, 4, 5]), np.array([7]), 2, 1)
    candidates = []
    for weight in (0.05, 0.1, 0.2, 0.4, 0.7):
        level = 1.0
        for value in levels[1:, 0]:
            level = weight * value + (1 - weight) * level
        candidates.append(level)
    assert any(smooth[0, 0] == pytest.approx(one) for one in candidates)


def test_arms_differ_in_what_was_learned_and_in_nothing_else():
    """Shuffled and true targets give equal steps on equal windows; equal seeds give equal networks."""
    rng = np.random.default_rng(2)
    panel = _panel(rng)
    asked = Crossing(rng.normal(size=(200, 4)).cumsum(axis=0), panel, 20, (1, 5))
    first, second = cross(asked), cross(asked)
    for arm, losses in first.items():
        np.testing.assert_array_equal(losses, second[arm])
        assert losses.shape == (2, len(judged_ends(80, 48, 1)), 6)


def test_a_planted_transfer_is_found_and_none_between_two_placebos():
    rng = np.random.default_rng(3)
    source, panel = planted_panels(_panel(rng), rng)
    task = Task(5, Effort(20, 40, 4, 600), 1)
    losses, _ = crossed(source, panel, task, 20, "test, planted")
    assert gains(losses).lesser.low > 0
    drawn = [null_gains(losses.without_effect(10, rng)).lesser.low > 0 for _ in range(60)]
    assert np.mean(drawn) <= 0.05


def test_planted_worlds_have_networks_of_their_own():
    like = _panel(np.random.default_rng(3))
    first, second = planted_losses(Task(5, Effort(16, 20, 4, 20), 1), like, "test")
    assert len(first.arms[WITH]) == len(second.arms[WITH]) == 8
    assert first.mean(WITH) != second.mean(WITH)


def test_a_straight_line_cannot_forecast_the_planted_series():
    rng = np.random.default_rng(4)
    levels = Tent().draw(400, 10, rng)
    learning, ends = learning_ends(240, 12, 1), judged_ends(400, 240, 1)
    truth = levels[ends + 1]
    line = np.mean((RIVALS["ridge"](levels, learning, ends, 12, 1) - truth) ** 2)
    bend = np.mean((np.clip(1.0 - 1.6 * np.abs(levels[ends]), -1.5, 1.5) - truth) ** 2)
    assert bend < 0.2 * line


def test_only_feedback_teaches_what_happens_after():
    task = Task(5, Effort(10, 20, 4, 300), 1)
    panel = changed_stream(_panel(np.random.default_rng(5)), task)
    losses = followed(panel, task, "test, changed")
    assert gains(contest(losses)).learned.low > 0
    assert losses.mean(WITHOUT) == min(losses.mean(OLD), losses.mean(FROZEN))
    first = len(rounds(panel)[0]) // panel.block
    for arm in (PLACEBO, OLD, FROZEN):
        np.testing.assert_array_equal(losses.arms[WITH][..., :first], losses.arms[arm][..., :first])


def test_feedback_that_is_more_steps_is_not_found():
    """A stream that never changes, learned too briefly: as many steps on old rows teach as much."""
    rng, task = np.random.default_rng(7), Task(5, Effort(10, 20, 4, 60), 1)
    panel = Panel(Tent().draw(300, 6, rng), tuple("abcdef"), 1, 12, 4)
    losses = followed(panel, task, "test, unchanged")
    assert losses.gain(FROZEN).low > 0
    assert losses.best_rival != FROZEN
    assert gains(contest(losses)).learned.low <= 0


def test_a_gain_that_is_more_steps_is_not_found():
    """The known trap: trained longer on anything a network beats one trained briefly; so does its placebo."""
    rng = np.random.default_rng(9)
    source, target = rng.normal(size=(300, 6)), Tent().draw(120, 6, rng)
    panel = Panel(target, tuple("abcdef"), 1, 12, 4)
    losses, _ = crossed(source, panel, Task(5, Effort(20, 20, 4, 200), 1), 20, "test, steps")
    learning, ends = learning_ends(panel.n_learning, 12, 1), judged_ends(120, panel.n_learning, 1)
    brief = learn(Lesson(target, learning, 12, 1, 10, tuple(range(20))))
    asked = sample(target, ends, 12, 1)
    briefly = float(np.mean((read(brief, asked, 1) - asked.target) ** 2))
    assert losses.mean(WITH) < briefly
    assert gains(losses).lesser.low <= 0


def test_no_two_networks_share_a_shuffle():
    """From equal weights, networks whose batches differ end apart where targets are dealt."""
    levels = np.random.default_rng(3).normal(size=(60, 4)).cumsum(axis=0)
    lesson = Lesson(levels, np.arange(11, 50), 12, 1, 30, (1, 2, 3))
    start = np.repeat(learn(lesson)[:1], 3, axis=0)
    dealt = learn(replace(lesson, start=start, shuffled=True))
    assert len({one.tobytes() for one in dealt}) == 3


def test_networks_stop_where_rows_held_back_are_forecast_best():
    """Noise that ends in a rise: more steps on the noise only harm, so that few are taken."""
    rng = np.random.default_rng(4)
    learning = learning_ends(100, 12, 1)
    early, held = split(learning, 1)
    assert early[-1] + 1 < held[0]
    assert len(held) == pytest.approx(len(learning) / 3, abs=1)
    levels = rng.normal(size=(100, 3))
    long = Lesson(levels, early, 12, 1, 1500, tuple(range(8)))
    asked = sample(levels, held, 12, 1)
    error = [float(np.mean((read(learn(one), asked, 1) - asked.target) ** 2))
             for one in (long, replace(long, held=held))]  # fmt: skip
    assert error[1] < error[0]


def test_plans_known_ahead_are_a_rival_where_they_move_sales():
    rng = np.random.default_rng(5)
    planned = rng.normal(size=(80, 5))
    levels = 2.0 * planned + 0.1 * rng.normal(size=(80, 5))
    learning, ends = learning_ends(48, 12, 1), judged_ends(80, 48, 1)
    truth, dull = levels[ends + 1], np.mean((levels[ends] - levels[ends + 1]) ** 2)
    assert np.mean((promoted(levels, planned, learning, ends, 1) - truth) ** 2) < 0.02 * dull
    still = promoted(levels, np.zeros_like(planned), learning, ends, 1)
    np.testing.assert_array_equal(still, levels[ends])
    panel = Panel(levels, tuple("abcde"), 1, 12, 4, planned)
    losses, _ = crossed(levels, panel, Task(5, Effort(4, 20, 4, 10), 1), 4, "test, plans")
    assert losses.best_rival == "plans"


def test_promotions_of_shops_are_laid_out_as_their_sales_are():
    panel = PANELS["shops"].load_target()
    assert panel.planned.shape == panel.levels.shape
    assert np.isfinite(panel.planned).all()
    assert (panel.planned.max(axis=0) > 0).mean() > 0.9


@pytest.mark.parametrize("name", list(PANELS))
def test_panels_are_finite_and_chosen_by_their_past_alone(name):
    panel = PANELS[name].load()
    assert np.isfinite(panel.levels).all()
    assert panel.levels.shape[1] == len(panel.names) == len(set(panel.names))
    assert panel.n_learning - panel.window - panel.horizon >= 10
    assert len(panel.levels) - panel.n_learning >= 4 * panel.block


def _long(n_rows=60, n_series=3, freq="W", rng=None):
    rng = rng or np.random.default_rng(6)
    dates = pd.date_range("2024-01-07", periods=n_rows, freq=freq)
    frame = [
        pd.DataFrame(
            {"series": f"shop {k}", "date": dates.strftime("%Y-%m-%d"), "value": rng.poisson(20, n_rows)}
        )
        for k in range(n_series)
    ]
    return pd.concat(frame, ignore_index=True)


def test_a_clean_table_becomes_a_panel():
    assert check(_long()) == []
    panel = panel_of(_long())
    assert panel.levels.shape == (60, 3)
    assert (panel.horizon, panel.window) == (1, 12)
    assert panel_of(_long(100, freq="D")).horizon == 7


def test_a_map_renames_columns():
    theirs = _long().rename(columns={"series": "shop", "value": "units"})
    assert check(theirs, "shop=series,units=value") == []


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda t: t.drop(columns="value"), "no column value"),
    (lambda t: t.assign(value="many"), "no finite numbers"),
    (lambda t: t.assign(date="yesterday?"), "dates are none"),
    (lambda t: pd.concat([t, t.iloc[:1]]), "repeat a series and date"),
    (lambda t: t.iloc[1:], "cells are missing"),
    (lambda t: t[t["date"] != t["date"].iloc[9]], "days apart"),
    (lambda t: t[t["date"] <= t["date"].iloc[30]], "at least 40"),
])  # fmt: skip
def test_a_bad_table_is_refused_with_what_to_do(spoil, says):
    problems = check(spoil(_long()))
    assert any(problem.blocks and says in problem.text for problem in problems)


def test_negative_values_are_told_and_taken_as_they_are():
    table = _long().assign(value=lambda t: t["value"] - 20.0)
    (problem,) = check(table)
    assert not problem.blocks
    assert panel_of(table).levels.min() < 0
