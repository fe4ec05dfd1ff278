"""What would overturn an estimate: omitted variables, reverse causality, and the analyst's own choices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.bootstrap import romano_wolf
from dti_core.studies.esg_constraint.model.effects import TWO_WAY, Effect, absorb, stack
from dti_core.studies.esg_constraint.model.fit import Fit, join, slices
from dti_core.studies.esg_constraint.model.regression import lags, least_squares, shifted


@dataclass(frozen=True, slots=True)
class Oster:
    """Bounds for one coefficient, each (n_draws,).

    short, long : coefficient without and with controls. r_short, r_long : their R2 after effects.
    beta_star : the coefficient if omitted variables were `proportion` times as related to x as the controls.
    delta : how many times as related they must be to bring the coefficient to 0.
    """

    short: Array
    long: Array
    r_short: Array
    r_long: Array
    beta_star: Array
    delta: Array


def oster_bounds(
    y: Array, x: Array, observed: Mask, effects: tuple[Effect, ...] = TWO_WAY,
    proportion: float = 1.0, r_max_factor: float = 1.3,
) -> Oster:  # fmt: skip
    """Bounds on the coefficient of x[..., 0]; other columns are the controls; effects stay in both models.

    Source: Oster (2019), propositions 2 and 3; R2 of the hypothetical full model is min(1, factor x R2 with
    controls). Of the real solutions beta* the one nearest to the estimate is reported.

    Assumes: omitted variables work like the controls in the sense of proportional selection.
    """
    usable = observed & np.isfinite(x).all(axis=3)
    short = least_squares(y, x[..., :1], usable, effects)
    long = least_squares(y, x, usable, effects)
    sample = absorb(stack(y, x, usable), effects)
    total = (sample.values[:, :, 0] ** 2).sum(axis=(1, 2))
    regressor = (sample.values[:, :, 1] ** 2).sum(axis=(1, 2))
    on_controls = least_squares(x[..., 0], x[..., 1:], usable & np.isfinite(y), effects)
    left = regressor * (1 - on_controls.diagnostics["r_squared"])
    r_short, r_long = short.diagnostics["r_squared"], long.diagnostics["r_squared"]
    r_max = np.minimum(1.0, r_max_factor * r_long)
    gap = short.coef[:, 0] - long.coef[:, 0]
    terms = _Terms(gap, (r_long - r_short) * total, (r_max - r_long) * total, regressor, left)
    b = long.coef[:, 0]
    return Oster(short.coef[:, 0], b, r_short, r_long, b - terms.bias(proportion, b), terms.delta(b))


@dataclass(frozen=True, slots=True)
class _Terms:
    """Moments of the selection equation, each (n_draws,): a cubic in the bias links it to delta."""

    gap: Array
    explained: Array
    unexplained: Array
    regressor: Array
    left: Array

    def delta(self, bias: Array) -> Array:
        """Proportion of selection at which the estimate is off by `bias`."""
        common = self.left * self.gap * self.regressor
        cubic = bias**3 * (self.left * self.regressor - self.left**2)
        above = bias * self.explained * self.left + bias * common * self.gap + 2 * bias**2 * common + cubic
        below = (
            self.unexplained * self.gap * self.regressor
            + bias * self.unexplained * (self.regressor - self.left)
            + bias**2 * common
            + cubic
        )
        return above / below

    def bias(self, delta: float, coef: Array) -> Array:
        """The real bias nearest to 0 at which `delta` holds."""
        common = self.left * self.gap * self.regressor
        cubic = self.left * self.regressor - self.left**2
        rows = np.stack([
            (delta - 1) * cubic,
            (delta - 2) * common,
            delta * self.unexplained * (self.regressor - self.left)
            - self.explained * self.left
            - common * self.gap,
            delta * self.unexplained * self.gap * self.regressor,
        ])  # fmt: skip
        found = np.full_like(coef, np.nan)
        for draw, row in enumerate(rows.T):
            roots = np.roots(row)
            real = roots[np.abs(roots.imag) < 1e-8 * (1 + np.abs(roots))].real
            if len(real):
                found[draw] = real[np.argmin(np.abs(real))]
        return found


def leads_and_lags(
    y: Array, cause: Array, controls: Array, observed: Mask, n_leads: int = 1, n_lags: int = 2
) -> Fit:
    """Two-way effects regression of y on leads, present and lags of `cause`, from years ahead to back.

    Future values that predict y mean that y, or what moves it, drives `cause`: a test of reverse causality.
    The diagnostic `leads_p` tests all leads.
    """
    series = lags(cause, range(-n_leads, n_lags + 1))
    fit = least_squares(y, np.concatenate([series, controls], axis=3), observed)
    return replace(fit, diagnostics={**fit.diagnostics, "leads_p": fit.wald(slice(0, n_leads))[1]})


def cross_lagged(
    first: Array, second: Array, observed: Mask, effects: tuple[Effect, ...] = TWO_WAY
) -> tuple[Fit, Fit]:
    """Each variable on both lagged once: `second` to `first`, then `first` to `second`; column 0 crosses.

    With firm effects and few years the own lag is biased towards 0 (Nickell 1981) and takes the crossing
    coefficient along if both are related; use `gmm` for estimates and this for direction.
    """

    def equation(outcome: Array, other: Array) -> Fit:
        design = np.stack([shifted(other, 1), shifted(outcome, 1)], axis=3)
        return least_squares(outcome, design, observed, effects)

    return equation(first, second), equation(second, first)


@dataclass(frozen=True, slots=True)
class Specification:
    """One way to run the regression. y : (1, n_firms, n_years). x : (..., k), tested column first."""

    y: Array
    x: Array
    effects: tuple[Effect, ...] = TWO_WAY


@dataclass(frozen=True, slots=True)
class SpecificationCurve:
    """Estimates over specifications, and joint tests of "no effect in any of them".

    coef, low, high, p, stepdown_p : (n_specifications,) in the order given. median : of the coefficients.
    median_p : chance of a median as far from 0; share_p : of as many significant coefficients of the
    dominant sign; both from resamples of firms with each specification's own effect taken off.
    """

    coef: Array
    low: Array
    high: Array
    p: Array
    stepdown_p: Array
    median: float
    median_p: float
    share_p: float


def specification_curve(
    specifications: Sequence[Specification], observed: Mask, rng: np.random.Generator, n_resamples: int = 500
) -> SpecificationCurve:
    """All specifications on the data and on resampled firms under the null; coefficients in their own units.

    Source: Simonsohn, Simmons and Nelson (2020), with a bootstrap of firms; Romano and Wolf (2005).
    """
    fits = [least_squares(s.y, s.x, observed, s.effects) for s in specifications]
    coef = np.array([fit.coef[0, 0] for fit in fits])
    t = coef / np.array([fit.std_error[0, 0] for fit in fits])
    firms = rng.integers(observed.shape[1], size=(n_resamples, observed.shape[1]))
    drawn = [_under_null(s, observed, b, firms) for s, b in zip(specifications, coef, strict=True)]
    null_coef, null_t = (np.stack([pair[j] for pair in drawn], axis=1) for j in (0, 1))
    bounds = np.array([[end[0, 0] for end in fit.interval()] for fit in fits])
    significant = max((t > 1.96).sum(), (t < -1.96).sum())
    null_significant = np.maximum((null_t > 1.96).sum(axis=1), (null_t < -1.96).sum(axis=1))
    median = float(np.median(coef))
    return SpecificationCurve(
        coef, bounds[:, 0], bounds[:, 1],
        np.array([fit.p_value()[0, 0] for fit in fits]), romano_wolf(t, null_t), median,
        _exceed(np.abs(np.median(null_coef, axis=1)), abs(median)), _exceed(null_significant, significant),
    )  # fmt: skip


def _under_null(one: Specification, observed: Mask, coef: float, firms: Integers) -> tuple[Array, Array]:
    """Coefficient and t of each resample, the estimated effect taken off the outcome; firms as draws."""
    y, x = one.y[0] - coef * one.x[0, ..., 0], one.x[0]
    chunks = [firms[part] for part in slices(len(firms), one.x.nbytes)]
    fit = join([least_squares(y[rows], x[rows], observed[0][rows], one.effects) for rows in chunks])
    return fit.coef[:, 0], fit.coef[:, 0] / fit.std_error[:, 0]


def _exceed(null: Array, value: float) -> float:
    return float((1 + (null >= value).sum()) / (1 + len(null)))
