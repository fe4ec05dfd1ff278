"""Difference and system GMM for dynamic panels, on stacked draws.

Own code, because no maintained Python package estimates these models on current NumPy; checked against the
tables of Arellano and Bond (1991) and Blundell and Bond (1998).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask, inverse_of_gram
from dti_core.studies.esg_constraint.model.fit import Fit, cross, where_identified
from dti_core.studies.esg_constraint.model.regression import shifted, year_dummies

Steps = Literal["one", "two"]


@dataclass(frozen=True, slots=True)
class Lags:
    """GMM-style instruments: levels of a variable, `first` to `last` years before the equation's year.

    values : (n_draws, n_firms, n_years). last : None takes all earlier years.
    collapse : one column a lag instead of one a lag and year (Roodman 2009), so that instruments stay few.
    """

    values: Array
    first: int
    last: int | None = None
    collapse: bool = False


@dataclass(frozen=True, slots=True)
class _Equations:
    """Rows by year: y (d, r, n), x (d, r, k, n), z (d, r, l, n); the first n_years rows are differences."""

    y: Array
    x: Array
    z: Array
    n_years: int


def gmm(
    y: Array, x: Array, observed: Mask, lagged: tuple[Lags, ...], plain: Array | None = None,
    system: bool = False, steps: Steps = "two", year_effects: bool = True,
) -> Fit:  # fmt: skip
    """Coefficients of x in y = x b + firm effect + year effect + error, by instruments within the panel.

    Sources: Arellano and Bond (1991); Blundell and Bond (1998) for `system`; Windmeijer (2005) for the
    errors of the two-step estimate; Hansen (1982). One-step errors are robust to heteroskedasticity and to
    any correlation within firms. No small-sample factor; the normal distribution is used.

    Assumes: errors independent over firms; every instrument is unrelated to the differenced error, which
    needs errors without serial correlation beyond the lags in use (see `ar2_p`, `ar3_p`); for `system` also
    that changes of the lagged variables are unrelated to the firm effect.

    Parameters
    ----------
    y : (n_draws, n_firms, n_years). x : (n_draws, n_firms, n_years, k), the lagged outcome included.
    plain : (n_draws, n_firms, n_years, p) exogenous regressors that instrument themselves, else None.
    year_effects : dummies; for `system` they are instruments in the level equation only.

    Returns
    -------
    Fit with diagnostics n_instruments, spare (those beyond the coefficients), instruments_per_firm, hansen,
    hansen_p, sargan, sargan_p, ar1..ar3 and their p-values.
    n_obs counts rows of the differenced equation, or of the level equation for `system`.
    """
    equations = _equations(y, x, observed, lagged, plain, system, year_effects)
    first = _step(equations, _first_weight(equations))
    second = _step(equations, inverse_of_gram(first.moments @ first.moments.swapaxes(1, 2))[0])
    robust = _robust(first)
    if steps == "one":
        chosen, covariance = first, robust
    else:
        chosen, covariance = second, _windmeijer(equations, first, second, robust)
    k = x.shape[3]
    diagnostics = _over_identification(equations, first, second)
    diagnostics |= _serial_correlation(equations, chosen, covariance)
    rows = equations.y[:, equations.n_years :] if system else equations.y[:, : equations.n_years]
    used = np.asarray(np.isfinite(rows).sum(axis=(1, 2)))
    covariance = covariance[:, :k, :k]
    coef, std_error = where_identified(chosen.identified[:, :k], chosen.coef[:, :k], covariance)
    how = f"{'system' if system else 'difference'} GMM, {steps} step"
    return Fit(coef, std_error, covariance, used, np.full(len(y), np.inf), how, diagnostics)


def _equations(
    y: Array, x: Array, observed: Mask, lagged: tuple[Lags, ...], plain: Array | None, system: bool,
    dummies: bool,
) -> _Equations:  # fmt: skip
    """All rows of all firms from the first usable year on; unusable ones carry NaN in y and 0 in x and z."""
    none = np.zeros((*y.shape, 0))
    exogenous = none if plain is None else plain
    time = np.concatenate([np.ones((*y.shape, 1)), year_dummies(observed)], axis=3) if dummies else none
    design = np.concatenate([x, time], axis=3)
    level = np.where(observed, y, np.nan)
    usable = np.isfinite(level) & np.isfinite(design).all(axis=3)
    start = int(np.argmax(usable.any(axis=(0, 1))))
    both = usable & np.concatenate([np.zeros_like(usable[:, :, :1]), usable[:, :, :-1]], axis=2)
    once = exogenous if system else np.concatenate([exogenous, time], axis=3)
    rows = _rows(_changes(level, start), _changes(design, start), both[:, :, start:])
    blocks = [(*rows, _difference_instruments(lagged, once, start))]
    if system:
        levels = _level_instruments(lagged, np.concatenate([exogenous, time], axis=3), start)
        blocks.append((*_rows(level[:, :, start:], design[:, :, start:], usable[:, :, start:]), levels))
    outcome, columns = (np.concatenate([block[j] for block in blocks], axis=1) for j in (0, 1))
    instruments = _block_diagonal([block[2] for block in blocks])
    known = np.isfinite(outcome)[:, :, None] & np.isfinite(instruments)
    instruments = np.where(known, instruments, 0.0)
    instruments = instruments[:, :, (instruments != 0).any(axis=(0, 1, 3))]
    return _Equations(outcome, columns, instruments, y.shape[2] - start)


def _changes(values: Array, start: int) -> Array:
    """Changes of the years from index `start` on, axis 2; NaN in a year that has none before it."""
    if not start:
        return np.diff(values, axis=2, prepend=np.nan)
    return np.diff(values[:, :, start - 1 :], axis=2)


def _rows(y: Array, x: Array, usable: Mask) -> tuple[Array, Array]:
    """Years-first y with NaN, and x with 0, where a row is not usable."""
    outcome = np.where(usable, y, np.nan).swapaxes(1, 2)
    return outcome, np.where(usable[..., None], x, 0.0).transpose(0, 2, 3, 1)


def _difference_instruments(lagged: tuple[Lags, ...], plain: Array, start: int) -> Array:
    """(d, t, l, n) instruments of the differenced equation, for the years from index `start` on."""
    n_years = plain.shape[2]
    columns = [
        _spread(one, lag, start) for one in lagged for lag in range(one.first, (one.last or n_years - 1) + 1)
    ]
    return np.concatenate([*columns, _changes(plain, start).transpose(0, 2, 3, 1)], axis=2)


def _level_instruments(lagged: tuple[Lags, ...], plain: Array, start: int) -> Array:
    """(d, t, l, n) instruments of the level equation: the last change that the lags leave valid."""
    columns = [_spread(replace(one, values=_changes(one.values, 0)), one.first - 1, start) for one in lagged]
    return np.concatenate([*columns, plain[:, :, start:].transpose(0, 2, 3, 1)], axis=2)


def _spread(one: Lags, lag: int, start: int) -> Array:
    """(d, t, 1 or t, n): the lag as one column, or as a column for each year, from index `start` on."""
    n_years = one.values.shape[2]
    within = one.values[:, :, start - lag : n_years - lag]
    moved = (within if start >= lag else shifted(one.values, lag)[:, :, start:]).swapaxes(1, 2)
    if one.collapse:
        return moved[:, :, None]
    return np.where(np.eye(moved.shape[1])[None, :, :, None] > 0, moved[:, :, None], 0.0)


def _block_diagonal(blocks: list[Array]) -> Array:
    """Rows of all blocks one below the other, each with columns of its own."""
    if len(blocks) == 1:
        return blocks[0]
    widths = [block.shape[2] for block in blocks]
    sides = [(sum(widths[:place]), sum(widths[place + 1 :])) for place in range(len(blocks))]
    padded = [np.pad(one, ((0, 0), (0, 0), side, (0, 0))) for one, side in zip(blocks, sides, strict=True)]
    return np.concatenate(padded, axis=1)


@dataclass(frozen=True, slots=True)
class _Step:
    """One GMM step. moments : (d, l, n) instruments times residual, a column a firm."""

    coef: Array
    bread: Array
    to_coef: Array
    weight: Array
    residual: Array
    moments: Array
    identified: Mask
    rank: Integers


def _first_weight(equations: _Equations) -> Array:
    """Inverse of sum Z'HZ, H the covariance of white noise in both equations: D'D, D' and I."""
    difference, level = equations.z[:, : equations.n_years], equations.z[:, equations.n_years :]
    beside = cross(difference[:, 1:], difference[:, :-1])
    if level.shape[1]:
        beside -= cross(difference, level) - cross(difference[:, 1:], level[:, :-1])
    total = 2 * cross(difference, difference) - beside - beside.swapaxes(1, 2)
    return inverse_of_gram(total + cross(level, level))[0]


def _step(equations: _Equations, weight: Array) -> _Step:
    y = np.nan_to_num(equations.y)
    zx = cross(equations.z, equations.x)
    zy = cross(equations.z, y[:, :, None])[..., 0]
    gram = zx.swapaxes(1, 2) @ weight @ zx
    bread, rank, identified = inverse_of_gram(gram)
    to_coef = bread @ zx.swapaxes(1, 2) @ weight
    coef = np.einsum("dkl,dl->dk", to_coef, zy)
    residual = np.where(np.isfinite(equations.y), y - np.einsum("drkn,dk->drn", equations.x, coef), 0.0)
    moments = np.einsum("drln,drn->dln", equations.z, residual)
    return _Step(coef, bread, to_coef, weight, residual, moments, identified, rank)


def _robust(step: _Step) -> Array:
    by_firm = step.to_coef @ step.moments
    return np.asarray(by_firm @ by_firm.swapaxes(1, 2))


def _windmeijer(equations: _Equations, first: _Step, second: _Step, robust: Array) -> Array:
    """Two-step covariance that counts the noise of the weights, which rest on first-step residuals."""
    pull = np.einsum("dlm,dmn->dl", second.weight, second.moments)
    along = np.einsum("dl,dln->dn", pull, first.moments)
    one = cross(equations.z * along[:, None, None], equations.x)
    projected = np.einsum("dl,drln->drn", pull, equations.z)
    two = first.moments @ (equations.x * projected[:, :, None]).sum(axis=1).swapaxes(1, 2)
    slope = second.to_coef @ (one + two)
    shift = slope @ second.bread
    return second.bread + shift + shift.swapaxes(1, 2) + slope @ robust @ slope.swapaxes(1, 2)


def _over_identification(equations: _Equations, first: _Step, second: _Step) -> dict[str, Array]:
    """Hansen's J (robust, weakened by many instruments) and Sargan's (needs homoskedastic errors)."""
    from scipy import stats

    n_instruments = np.linalg.matrix_rank(cross(equations.z, equations.z), hermitian=True)
    spare = n_instruments - first.rank
    hansen, sargan = (
        np.einsum("dl,dlm,dm->d", s.moments.sum(axis=2), s.weight, s.moments.sum(axis=2))
        for s in (second, first)
    )
    rows = np.isfinite(equations.y[:, : equations.n_years])
    squares = (first.residual[:, : equations.n_years] ** 2).sum(axis=(1, 2))
    sargan = sargan / (squares / (rows.sum(axis=(1, 2)) - first.rank) / 2)
    return {
        "n_instruments": n_instruments.astype(float), "spare": spare.astype(float),
        "instruments_per_firm": n_instruments / np.maximum(rows.any(axis=1).sum(axis=1), 1),
        "hansen": hansen, "hansen_p": np.asarray(stats.chi2.sf(hansen, spare)),
        "sargan": sargan, "sargan_p": np.asarray(stats.chi2.sf(sargan, spare)),
    }  # fmt: skip


def _serial_correlation(equations: _Equations, step: _Step, covariance: Array) -> dict[str, Array]:
    """z statistics of order 1 to 3 in the differenced residuals; order 1 is expected to be negative.

    Source: Arellano and Bond (1991), eq. 8.
    """
    from scipy import stats

    residual, x = step.residual[:, : equations.n_years], equations.x[:, : equations.n_years]
    found: dict[str, Array] = {}
    for order in (1, 2, 3):
        earlier = np.zeros_like(residual)
        earlier[:, order:] = residual[:, :-order]
        by_firm = (earlier * residual).sum(axis=1)
        slope = np.einsum("dtn,dtkn->dk", earlier, x)
        link = np.einsum("dk,dkl,dln,dn->d", slope, step.to_coef, step.moments, by_firm, optimize=True)
        variance = (by_firm**2).sum(axis=1) - 2 * link + np.einsum("dk,dkl,dl->d", slope, covariance, slope)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = by_firm.sum(axis=1) / np.sqrt(variance)
        found |= {f"ar{order}": z, f"ar{order}_p": np.asarray(2 * stats.norm.sf(np.abs(z)))}
    return found
