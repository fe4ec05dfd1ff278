"""The bridge `forecaster`: folds and windows by hand, no look-ahead, torch's gradients, what is learned."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.bridges.forecaster.lstm import (
    LstmSettings,
    fit_lstm,
    forecast_fold,
    target_values,
    target_windows,
    training_samples,
)
from dti_core.bridges.forecaster.network import Lstm
from dti_core.bridges.forecaster.sequences import (
    SCALE_FLOOR,
    TARGET_LIMIT,
    Fold,
    future_log_volatility,
    future_returns,
    return_windows,
    trailing_volatility,
    volatility_windows,
    walk_forward_folds,
)

TINY = LstmSettings(
    hidden=4, window_days=8, horizon_days=3, n_steps=12, batch=16, learning_rate=0.01, check_every=4,
    shared_windows=2, shared_spacing_days=2, device="cpu",
)  # fmt: skip
FOLD_LENGTHS = {"horizon_days": 3, "window_days": 8, "validation_days": 12}


def random_returns(n_rows: int = 90, n_assets: int = 3, seed: int = 5) -> np.ndarray:
    return 0.01 * np.random.default_rng(seed).standard_normal((n_rows, n_assets))


def momentum_returns(n_rows: int = 1500, n_assets: int = 6, persistence: float = 0.6) -> np.ndarray:
    """A planted signal: returns that follow a first-order autoregression."""
    noise = 0.01 * np.random.default_rng(7).standard_normal((n_rows, n_assets))
    returns = np.zeros_like(noise)
    for row in range(1, n_rows):
        returns[row] = persistence * returns[row - 1] + noise[row]
    return returns


# Folds


def test_folds_are_those_counted_by_hand():
    """Decision at row 20, horizon 2: validation ends at 18, its 3 days begin at 16; training ends at 14."""
    folds = walk_forward_folds(
        [20, 25, 30], refit_every=2, horizon_days=2, window_days=5, validation_days=3, train_days=6
    )
    assert folds == (
        Fold(range(9, 15), range(16, 19), (20, 25), 2),
        Fold(range(19, 25), range(26, 29), (30,), 2),
    )


def test_expanding_folds_begin_at_the_first_full_window():
    first, second = walk_forward_folds(
        [40, 50], refit_every=1, horizon_days=1, window_days=5, validation_days=3, embargo_days=4
    )
    assert first.train == range(4, 31)
    assert second.train == range(4, 41)
    assert second.validation == range(44, 47)


@given(
    horizon=st.integers(1, 6),
    extra=st.integers(0, 4),
    validation=st.integers(1, 20),
    refit_every=st.integers(1, 5),
    step=st.integers(1, 9),
)
def test_no_target_reaches_past_what_comes_next(horizon, extra, validation, refit_every, step):
    decisions = list(range(120, 200, step))
    folds = walk_forward_folds(
        decisions, refit_every=refit_every, horizon_days=horizon, window_days=10,
        validation_days=validation, train_days=30, embargo_days=horizon + extra,
    )  # fmt: skip
    assert [day for fold in folds for day in fold.decisions] == decisions
    for fold in folds:
        assert len(fold.train) == 30
        assert len(fold.validation) == validation
        assert fold.train[-1] + horizon <= fold.validation[0]
        assert fold.validation[-1] + horizon <= fold.decisions[0]


def test_folds_refuse_what_would_look_ahead():
    with pytest.raises(ValueError, match="embargo_days = 2 is shorter"):
        walk_forward_folds([80], refit_every=1, embargo_days=2, **FOLD_LENGTHS)
    with pytest.raises(ValueError, match="ascending"):
        walk_forward_folds([80, 70], refit_every=1, **FOLD_LENGTHS)
    with pytest.raises(ValueError, match="at least 1"):
        walk_forward_folds([80], refit_every=0, **FOLD_LENGTHS)


def test_first_possible_decision_day_is_the_one_named_when_refused():
    with pytest.raises(ValueError, match="the first can be 28") as refusal:
        walk_forward_folds([15], refit_every=1, train_days=5, **FOLD_LENGTHS)
    assert "15" in str(refusal.value)
    (fold,) = walk_forward_folds([28], refit_every=1, train_days=5, **FOLD_LENGTHS)
    assert fold.train == range(7, 12)
    with pytest.raises(ValueError, match="too little history"):
        walk_forward_folds([27], refit_every=1, train_days=5, **FOLD_LENGTHS)


# Windows


def test_a_window_by_hand():
    """Returns 3 % and 4 %: root mean square sqrt(12.5) %; a horizon of 4 days doubles it."""
    returns = np.array([[0.0], [0.03], [0.04], [0.01], [0.02], [-0.01], [0.03]])
    windows = return_windows(returns, [2], window_days=2, horizon_days=4)
    volatility = np.sqrt(12.5) / 100
    np.testing.assert_allclose(windows.values[0, :, 0], np.array([0.03, 0.04]) / volatility, rtol=1e-6)
    np.testing.assert_allclose(windows.spread, [[2 * volatility]])
    total = future_returns(returns, [2], horizon_days=4)
    np.testing.assert_allclose(total, [[0.05]])
    np.testing.assert_allclose(windows.standardise(total), [0.05 / (2 * volatility)])
    np.testing.assert_allclose(windows.unscale(windows.standardise(total)), total)


def test_future_volatility_by_hand():
    returns = np.array([[0.5], [0.03], [-0.04], [0.9]])
    np.testing.assert_allclose(future_log_volatility(returns, [0], 2), [[np.log(np.sqrt(12.5) / 100)]])
    np.testing.assert_allclose(trailing_volatility(returns, [2], 2, 0.001), [[np.sqrt(12.5) / 100]])


def test_windows_are_pooled_day_by_day():
    returns = random_returns()
    windows = return_windows(returns, [10, 20], 5, 3)
    np.testing.assert_allclose(
        windows.values[4, :, 0], returns[16:21, 1] / windows.spread[1, 1] * np.sqrt(3), rtol=1e-5
    )


def test_a_stock_that_stands_still_gives_finite_forecasts():
    returns = random_returns()
    returns[20:70, 1] = 0.0
    (fold,) = walk_forward_folds([60, 80], refit_every=2, **FOLD_LENGTHS)
    forecasts = forecast_fold(returns, fold, TINY, [0])
    assert np.isfinite(forecasts).all()
    windows = return_windows(returns, [60], 8, 3)
    assert windows.spread[0, 1] == pytest.approx(SCALE_FLOOR * np.sqrt(3))
    assert (windows.values[1] == 0).all()
    assert windows.standardise(np.full((1, 3), 5.0)).max() == TARGET_LIMIT


def log_returns(prices: np.ndarray) -> np.ndarray:
    return np.diff(np.log(prices), axis=0)


def prices_and_changed(day: int, row: int, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Prices of 90 days, and the same with one asset's price on a later day than that of return row `day`."""
    prices = 100 * np.exp(np.cumsum(random_returns(91), axis=0))
    changed = prices.copy()
    changed[max(row, day + 2), 1] *= factor
    return log_returns(prices), log_returns(changed)


@settings(max_examples=30, deadline=None)
@given(day=st.integers(12, 80), row=st.integers(0, 90), factor=st.floats(0.1, 10.0))
def test_windows_do_not_move_with_later_prices(day, row, factor):
    known, changed = prices_and_changed(day, row, factor)
    for make in (lambda r: return_windows(r, [day], 8, 3), lambda r: volatility_windows(r, [day], 8)):
        before, after = make(known), make(changed)
        np.testing.assert_array_equal(before.values, after.values)
        np.testing.assert_array_equal(before.location, after.location)
        np.testing.assert_array_equal(before.spread, after.spread)


@settings(max_examples=12, deadline=None)
@given(
    changed_row=st.integers(60, 90),
    factor=st.floats(0.2, 5.0),
    target=st.sampled_from(["return", "log_volatility"]),
)
def test_no_forecast_moves_with_a_later_price(changed_row, factor, target):
    """Train, stop early and forecast over three folds: what was forecast before a change stays as it was."""
    decisions = [58, 62, 66, 70, 74, 78]
    folds = walk_forward_folds(decisions, refit_every=2, **FOLD_LENGTHS)
    known, changed = prices_and_changed(0, changed_row, factor)
    before, after = (
        np.concatenate([forecast_fold(r, fold, TINY, [1, 2], target) for fold in folds], axis=1)
        for r in (known, changed)
    )
    # The price of row p moves the returns of rows p - 1 and p (returns begin one day after prices).
    untouched = [k for k, day in enumerate(decisions) if day < changed_row - 1]
    np.testing.assert_array_equal(before[:, untouched], after[:, untouched])


def test_a_change_on_the_day_itself_does_move_the_forecast():
    """Otherwise the two tests above would pass for a network that sees nothing."""
    (fold,) = walk_forward_folds([60], refit_every=1, **FOLD_LENGTHS)
    returns = random_returns()
    moved = returns.copy()
    moved[60, 1] += 0.05
    before, after = (forecast_fold(r, fold, TINY, [1]) for r in (returns, moved))
    assert before[0, 0, 1] != after[0, 0, 1]
    np.testing.assert_array_equal(before[0, 0, [0, 2]], after[0, 0, [0, 2]])


def test_holes_and_missing_futures_are_refused():
    returns = random_returns()
    with pytest.raises(ValueError, match="2 of 3 forecasts are not finite"):
        return_windows(returns, [60], 8, 3).unscale(np.array([0.1, np.nan, np.inf]))
    with pytest.raises(ValueError, match="table with 90 rows"):
        future_returns(returns, [87], 3)
    with pytest.raises(ValueError, match="rows -1 to"):
        return_windows(returns, [6], 8, 3)
    with pytest.raises(ValueError, match="floor = 0"):
        return_windows(returns, [60], 8, 3, floor=0.0)
    with pytest.raises(ValueError, match="finite"):
        return_windows(np.where(returns == returns[60, 0], np.nan, returns), [60], 8, 3)


def test_nothing_is_learned_from_windows_with_a_hole():
    """The samples are those of the full table without the ones that touch the hole, as they were."""
    returns = random_returns()
    (fold,) = walk_forward_folds([60], refit_every=1, **FOLD_LENGTHS)
    holed = returns.copy()
    holed[20, 1] = np.nan
    whole, targets = training_samples(returns, fold.train, TINY)
    found, found_targets = training_samples(holed, fold.train, TINY)
    known = [bool(np.isclose(found, one).all(axis=(1, 2)).any()) for one in whole]
    assert 0 < len(found) == sum(known) < len(whole)
    assert np.array_equal(found, whole[known])
    assert np.array_equal(found_targets, targets[known])
    assert np.isfinite(forecast_fold(holed, fold, TINY, [0])).all()
    holed[60, 1] = np.nan
    assert np.isnan(forecast_fold(holed, fold, TINY, [0])).any(axis=(0, 1)).tolist() == [
        column == 1 for column in range(returns.shape[1])
    ]


# The network


def torch_reference(net: Lstm, seed: int, windows: torch.Tensor) -> tuple[torch.nn.LSTM, torch.nn.Linear]:
    """torch's own LSTM and linear layer with the weights of one seed; its gate order is i, f, g, o."""
    hidden, n_features = net.hidden, net.n_features
    lstm = torch.nn.LSTM(n_features, hidden, batch_first=True, dtype=torch.float64)
    head = torch.nn.Linear(hidden, 1, dtype=torch.float64)
    cell = torch_order(net.cell[seed], hidden)
    with torch.no_grad():
        lstm.weight_hh_l0.copy_(cell[:, :hidden])
        lstm.weight_ih_l0.copy_(cell[:, hidden : hidden + n_features])
        lstm.bias_ih_l0.copy_(cell[:, -1])
        lstm.bias_hh_l0.zero_()
        head.weight.copy_(net.head[seed, None, :-1])
        head.bias.copy_(net.head[seed, -1:])
    return lstm, head


def torch_order(rows: torch.Tensor, hidden: int) -> torch.Tensor:
    i, f, o, g = rows.split(hidden)
    return torch.cat([i, f, g, o])


@pytest.mark.parametrize("ends", [(6,), (3, 4, 6)])
def test_forecasts_and_gradients_are_those_of_torch(ends):
    """The backward pass is written by hand: torch's automatic one must agree in double precision."""
    n_seeds, batch, length, n_features, hidden = 2, 5, 7, 3, 4
    random = torch.Generator().manual_seed(3)
    net = Lstm(n_seeds, batch, length, n_features, hidden, dtype=torch.float64)
    net.initialise([torch.Generator().manual_seed(seed) for seed in range(n_seeds)])
    windows = torch.randn(n_seeds, batch, length, n_features, dtype=torch.float64, generator=random)
    loss_grad = torch.randn(n_seeds, batch, len(ends), dtype=torch.float64, generator=random)
    net.load(windows)
    forecasts = net.forward(ends)
    net.backward(loss_grad, ends)
    for seed in range(n_seeds):
        lstm, head = torch_reference(net, seed, windows)
        expected = head(lstm(windows[seed])[0][:, list(ends)])[..., 0]
        (expected * loss_grad[seed]).sum().backward()
        torch.testing.assert_close(forecasts[seed], expected.detach(), rtol=0, atol=1e-12)
        parts = (lstm.weight_hh_l0.grad, lstm.weight_ih_l0.grad, lstm.bias_ih_l0.grad[:, None])
        found = torch_order(net.cell_grad[seed], hidden)
        torch.testing.assert_close(found, torch.cat(parts, dim=1), rtol=0, atol=1e-12)
        head_grad = torch.cat([head.weight.grad[0], head.bias.grad])
        torch.testing.assert_close(net.head_grad[seed], head_grad, rtol=0, atol=1e-12)


def test_training_takes_the_steps_of_torch_adam():
    """A batch of all windows makes the order of windows immaterial: weights after 5 steps are torch's."""
    plan = LstmSettings(
        hidden=3,
        window_days=6,
        n_steps=5,
        batch=20,
        learning_rate=0.01,
        patience=0,
        shared_windows=1,
        device="cpu",
    )
    random = np.random.default_rng(2)
    x, y = random.standard_normal((20, 6)).astype(np.float32), random.standard_normal(20)
    fitted = fit_lstm(x, y, x, y, plan, [4])
    start = Lstm(1, 20, 6, 1, 3, dtype=torch.float32)
    from dti_core.bridges.forecaster.training import torch_generators

    start.initialise(torch_generators([4], 1))
    double = Lstm(1, 20, 6, 1, 3, dtype=torch.float64)
    double.theta.copy_(start.theta)
    windows, targets = torch.from_numpy(x).double()[..., None], torch.from_numpy(y)
    lstm, head = torch_reference(double, 0, windows)
    lstm.bias_hh_l0.requires_grad_(False)
    adam = torch.optim.Adam([w for w in (*lstm.parameters(), *head.parameters()) if w.requires_grad], lr=0.01)
    for _ in range(5):
        adam.zero_grad()
        (head(lstm(windows)[0][:, -1])[:, 0] - targets).square().mean().backward()
        adam.step()
    expected = head(lstm(windows)[0][:, -1])[:, 0].detach().numpy()
    np.testing.assert_allclose(fitted.predict(x)[0], expected, atol=2e-5)


# Training


def test_the_same_seeds_give_the_same_numbers_and_leave_the_global_generator_alone():
    returns = random_returns()
    (fold,) = walk_forward_folds([60, 70], refit_every=2, **FOLD_LENGTHS)
    state = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    first = forecast_fold(returns, fold, TINY, np.random.SeedSequence(9))
    again = forecast_fold(*pickle.loads(pickle.dumps((returns, fold, TINY))), np.random.SeedSequence(9))
    assert first.shape == (TINY.n_seeds, 2, 3)
    np.testing.assert_array_equal(first, again)
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
    assert not np.array_equal(first[0], first[1])


def test_a_seed_does_not_depend_on_its_companions():
    returns = random_returns()
    (fold,) = walk_forward_folds([60, 70], refit_every=2, **FOLD_LENGTHS)
    alone, together = forecast_fold(returns, fold, TINY, [5]), forecast_fold(returns, fold, TINY, [3, 5])
    np.testing.assert_allclose(alone[0], together[1], rtol=1e-3, atol=1e-6)


def test_early_stopping_keeps_the_best_weights_seen():
    """On pure noise the loss rises with a high learning rate; with patience the least one seen is kept."""
    random = np.random.default_rng(1)
    x, y = random.standard_normal((64, 8)), random.standard_normal(64)
    held_x, held_y = random.standard_normal((200, 8)), random.standard_normal(200)
    common = {
        "hidden": 8,
        "window_days": 8,
        "batch": 64,
        "learning_rate": 0.05,
        "check_every": 2,
        "device": "cpu",
    }
    patient = LstmSettings(n_steps=60, patience=2, shared_windows=1, **common)
    stopped = fit_lstm(x, y, held_x, held_y, patient, [0, 1])
    trained = fit_lstm(x, y, held_x, held_y, replace(patient, patience=0), [0, 1])
    assert (trained.best_step == 60).all()
    assert (stopped.best_step < 60).all()
    assert (stopped.validation_loss < trained.validation_loss).all()
    for fitted in (stopped, trained):
        measured = ((fitted.predict(held_x) - held_y) ** 2).mean(axis=1)
        np.testing.assert_allclose(measured, fitted.validation_loss, rtol=1e-5)


def test_a_seed_that_stopped_stays_stopped_while_others_go_on():
    random = np.random.default_rng(4)
    x, y = random.standard_normal((64, 8)), random.standard_normal(64)
    held_x, held_y = random.standard_normal((50, 8)), random.standard_normal(50)
    plan = LstmSettings(
        hidden=4, window_days=8, n_steps=40, batch=16, learning_rate=0.02, check_every=1, patience=1,
        shared_windows=1, device="cpu",
    )  # fmt: skip
    together = fit_lstm(x, y, held_x, held_y, plan, range(6)).best_step
    alone = [fit_lstm(x, y, held_x, held_y, plan, [seed]).best_step[0] for seed in range(6)]
    np.testing.assert_array_equal(together, alone)
    assert len(set(alone)) > 1


@pytest.mark.parametrize("shared_windows", [1, 4])
def test_a_planted_signal_is_learned_and_noise_is_not(shared_windows):
    """Returns with an autocorrelation of 0.6 forecast a day ahead: R2 is 0.36 at best, 0 for noise."""
    plan = LstmSettings(
        hidden=8, window_days=10, horizon_days=1, n_steps=250, batch=128, learning_rate=0.01,
        shared_windows=shared_windows, device="cpu",
    )  # fmt: skip
    skill = []
    for returns in (momentum_returns(), momentum_returns(persistence=0.0)):
        (fold,) = walk_forward_folds(
            list(range(1200, 1499)), refit_every=299, horizon_days=1, window_days=10, validation_days=200
        )
        forecasts = forecast_fold(returns, fold, plan, [0, 1]).mean(axis=0)
        realised = future_returns(returns, fold.decisions, 1)
        skill.append(1 - ((realised - forecasts) ** 2).mean() / (realised**2).mean())
    assert 0.25 < skill[0] < 0.42
    assert -0.02 < skill[1] < 0.02


def test_planted_volatility_is_forecast_better_than_by_its_trailing_value():
    """Log volatility switches between two levels every 50 days; the trailing value lags behind."""
    random = np.random.default_rng(8)
    level = np.where(np.arange(1600) // 50 % 2, 0.03, 0.008)[:, None]
    returns = level * random.standard_normal((1600, 5))
    plan = LstmSettings(
        hidden=8, window_days=40, horizon_days=5, n_steps=250, batch=128, learning_rate=0.01, device="cpu"
    )
    (fold,) = walk_forward_folds(
        list(range(1300, 1590, 3)), refit_every=97, horizon_days=5, window_days=40, validation_days=200
    )
    forecasts = forecast_fold(returns, fold, plan, [0], target="log_volatility")[0]
    realised = future_log_volatility(returns, fold.decisions, 5)
    trailing = np.log(trailing_volatility(returns, fold.decisions, 40, SCALE_FLOOR))
    assert ((realised - forecasts) ** 2).mean() < 0.6 * ((realised - trailing) ** 2).mean()


def test_stretches_share_windows_and_are_scaled_by_the_first_alone():
    returns = random_returns()
    stretches, targets = training_samples(returns, range(20, 40), TINY)
    alone = target_windows(returns, [20], TINY)
    np.testing.assert_array_equal(stretches[:3, :8], alone.values)
    np.testing.assert_allclose(
        stretches[0, :, 0], returns[13:23, 0] / alone.spread[0, 0] * np.sqrt(3), rtol=1e-5
    )
    later = target_values(returns, [22], TINY)
    np.testing.assert_allclose(targets[:3, 1], (later / alone.spread)[0])
    assert stretches.shape == (18 * 3, 10, 1)


def test_training_can_go_on_from_weights_learned_before():
    """What was taught is known before the first step of another fit; weights of another size are refused."""
    random = np.random.default_rng(2)
    x, held_x = random.standard_normal((256, 8)), random.standard_normal((200, 8))
    y, held_y = np.tanh(2 * x[:, -1]), np.tanh(2 * held_x[:, -1])
    plain = LstmSettings(
        hidden=4, window_days=8, n_steps=300, patience=0, shared_windows=1, learning_rate=0.02, device="cpu"
    )
    taught = fit_lstm(x, y, held_x, held_y, plain, [0, 1])
    one_small_step = replace(plain, n_steps=1, learning_rate=1e-6)
    fresh = fit_lstm(x, y, held_x, held_y, one_small_step, [0, 1])
    warm = fit_lstm(x, y, held_x, held_y, one_small_step, [0, 1], start=taught.weights)
    np.testing.assert_allclose(warm.weights, taught.weights, atol=2e-6)
    assert (warm.validation_loss < 0.2 * fresh.validation_loss).all()
    with pytest.raises(ValueError, match=r"start has shape \(1, 101\); these networks have \(2, 101\)"):
        fit_lstm(x, y, held_x, held_y, plain, [0, 1], start=taught.weights[:1])


def test_hidden_states_are_those_of_torch_and_carry_the_forecast():
    x = np.random.default_rng(3).standard_normal((300, 8))
    plain = LstmSettings(hidden=4, window_days=8, n_steps=5, patience=0, shared_windows=1, device="cpu")
    fitted = fit_lstm(x, x[:, -1], x, x[:, -1], plain, [0, 1])
    states = fitted.hidden_states(x)
    assert states.shape == (2, 300, 4)
    net = Lstm(2, 1, 8, 1, 4)
    net.theta.copy_(torch.from_numpy(fitted.weights))
    for seed in range(2):
        lstm, head = torch_reference(net, seed, None)
        with torch.no_grad():
            last = lstm(torch.from_numpy(x)[..., None])[1][0][0]
        np.testing.assert_allclose(states[seed], last, atol=1e-6)
        np.testing.assert_allclose(fitted.predict(x)[seed], head(last)[:, 0].detach(), atol=1e-6)


def test_bad_training_input_is_refused():
    x, y = np.zeros((10, 8)), np.zeros(10)
    plain = LstmSettings(hidden=2, window_days=8, n_steps=1, shared_windows=1, device="cpu")
    with pytest.raises(ValueError, match=r"needed: \(n, 8"):
        fit_lstm(np.zeros((10, 7)), y, x, y, plain, [0])
    with pytest.raises(ValueError, match="targets must be finite"):
        fit_lstm(x, np.full(10, np.nan), x, y, plain, [0])
    with pytest.raises(ValueError, match="windows must be finite"):
        fit_lstm(np.full((10, 8), np.inf), y, x, y, plain, [0])
    with pytest.raises(ValueError, match="seeds is empty"):
        fit_lstm(x, y, x, y, plain, [])
    with pytest.raises(ValueError, match="2 features; the network learned 1"):
        fit_lstm(x, y, x, y, plain, [0]).predict(np.zeros((3, 8, 2)))
    with pytest.raises(ValueError, match="embargo is 1"):
        forecast_fold(random_returns(), Fold(range(10, 30), range(31, 40), (41,), 1), TINY, [0])
    with pytest.raises(ValueError, match="multiple of shared_windows"):
        LstmSettings(batch=30)
    with pytest.raises(ValueError, match="patience"):
        LstmSettings(patience=-1)
