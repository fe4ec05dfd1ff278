"""Displays and leaflets of private_lift: fits against other libraries, what a household adds, coverage."""

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.api as sm
from statsmodels.discrete.conditional_models import ConditionalLogit

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.data import load_all
from dti_core.studies.private_lift.data.panels import PANELS, Panel, load_panel
from dti_core.studies.private_lift.measures import choices
from dti_core.studies.private_lift.measures.choices import (
    EXPOSURES,
    MAX_PURCHASES,
    cells_of,
    fit_choice,
    slope_of_cells,
    study_choices,
)
from dti_core.studies.private_lift.measures.reports import Plan, noise_variance

PLAN = Plan(np.random.SeedSequence(5), 200)
on_this_machine = pytest.mark.skipif(
    any(load_all()[name].find() is None for name in PANELS), reason="run dti data get carriers"
)


def panel(n_households: int = 400, effect: float = 1.0, seed: int = 3) -> Panel:
    """Households with tastes of their own, who choose among three brands by taste and display."""
    rng = np.random.default_rng(seed)
    household = np.repeat(np.arange(n_households), 7)
    shape = (len(household), 3)
    display, feature = (rng.random(shape) < 0.2).astype(float), (rng.random(shape) < 0.2).astype(float)
    taste = rng.normal(0, 1, (n_households, 3))[household] + [0.5, 0.0, -0.5]
    price = 3 - display + rng.normal(0, 0.2, shape)
    liked = taste + effect * (display - feature) + rng.gumbel(size=shape)
    return Panel(household, display, feature, price, np.eye(3)[liked.argmax(axis=1)])


def long(one: Panel) -> pd.DataFrame:
    """A row a purchase and brand."""
    n, n_brands = one.chosen.shape
    columns = {name: getattr(one, name).ravel() for name in (*EXPOSURES, "price", "chosen")}
    against = (one.price - one.price.mean(axis=1, keepdims=True)).ravel()
    return pd.DataFrame(columns).assign(
        against=against, household=np.repeat(one.household, n_brands), brand=np.tile(np.arange(n_brands), n),
        purchase=np.repeat(np.arange(n), n_brands),
    )  # fmt: skip


def test_the_contrast_is_that_of_pyfixest():
    """Brand effects, errors by household; with the other exposure and price; from counts the same slope."""
    one = panel()
    for held in ("", " + feature + against"):
        fit = pf.feols(f"chosen ~ display{held} | brand", long(one), vcov={"CRV1": "household"})
        ours = fit_choice(one, "display", at_price=bool(held))
        assert ours.value[0] == pytest.approx(float(fit.coef()["display"]))
        assert ours.std_error[0] == pytest.approx(float(fit.se()["display"]), rel=2e-3)
    table = long(one)
    design = np.column_stack([pd.get_dummies(table["brand"], dtype=float), table["display"]])
    robust = sm.OLS(table["chosen"], design).fit(cov_type="HC0")
    told = slope_of_cells(cells_of(one, "display")[None], 0.0)
    assert told.value[0] == pytest.approx(robust.params.iloc[-1])
    assert told.std_error[0] == pytest.approx(robust.bse.iloc[-1] * np.sqrt(3 * MAX_PURCHASES))


@pytest.mark.parametrize("exposure", EXPOSURES)
def test_a_household_adds_no_more_than_the_noise_is_scaled_to(exposure):
    """Without any one household, counts differ by at most three brands times MAX_PURCHASES in all."""
    few = panel(40).first(MAX_PURCHASES)
    cells = cells_of(few, exposure)
    assert np.bincount(few.household).max() == MAX_PURCHASES
    for left_out in range(40):
        kept = few.household != left_out
        rest = Panel(*(getattr(few, name)[kept] for name in Panel.__slots__))
        assert np.abs(cells - cells_of(rest, exposure)).sum() == 3 * MAX_PURCHASES


def test_the_noise_is_what_the_draws_show():
    """The variance that noise adds, told from one draw, is that of 4,000; the slope stays unbiased."""
    cells, scale = cells_of(panel(4000).first(MAX_PURCHASES), "display"), 15.0
    rng = np.random.default_rng(1)
    drawn = cells + discrete_laplace(scale, (4000, *cells.shape), rng)
    exact, noisy = slope_of_cells(cells[None], 0.0), slope_of_cells(drawn, noise_variance(scale))
    added = np.sqrt(slope_of_cells(cells[None], noise_variance(scale)).std_error ** 2 - exact.std_error**2)
    assert noisy.value.std() == pytest.approx(float(added[0]), rel=0.05)
    assert abs(noisy.value.mean() - exact.value[0]) < 0.1 * noisy.value.std()


def test_private_intervals_cover_though_purchases_of_a_household_are_alike():
    """Every household repeats one purchase five times: rows as if independent would cover far too rarely."""
    rng, truth, kept = np.random.default_rng(2), 0.3, {True: [], False: []}
    for _ in range(400):
        household = np.repeat(np.arange(300), MAX_PURCHASES)
        shown = np.repeat(rng.random((300, 2)) < 0.3, MAX_PURCHASES, axis=0).astype(float)
        first = rng.random(300) < 0.5 + truth * (shown[::MAX_PURCHASES, 0] - shown[::MAX_PURCHASES, 1])
        chosen = np.repeat(np.column_stack([first, ~first]), MAX_PURCHASES, axis=0).astype(float)
        cells = cells_of(Panel(household, shown, shown, shown, chosen), "display")
        drawn = cells + discrete_laplace(10 / 4, (1, *cells.shape), rng)
        told = slope_of_cells(drawn, noise_variance(10 / 4))
        alone = np.sqrt(told.std_error**2 / (2 * MAX_PURCHASES))
        for bounded, error in ((True, told.std_error), (False, alone)):
            kept[bounded].append(abs(told.value[0] - truth) < 1.96 * error[0])
    assert np.mean(kept[True]) >= 0.93
    assert np.mean(kept[False]) < 0.8


def test_dealt_anew_an_exposure_moves_nothing():
    """The negative control: displays permuted over purchases; the positive one: planted and found."""
    one, rng, ends = panel(), np.random.default_rng(4), []
    for _ in range(60):
        dealt = rng.permuted(one.display, axis=0)
        told = fit_choice(Panel(one.household, dealt, one.feature, one.price, one.chosen), "display")
        ends.append(abs(told.value[0]) > 1.96 * told.std_error[0])
    assert np.mean(ends) < 0.15
    planted = fit_choice(one, "display")
    assert planted.value[0] > 5 * planted.std_error[0]


def test_few_households_leave_no_private_answer(monkeypatch):
    """It says so instead of printing a ratio whose divisor is noise."""
    monkeypatch.setattr(choices, "load_panel", lambda name: (panel(4), None))
    found = study_choices(PLAN)
    assert set(found.series["choices"]["epsilon"]) == {np.inf}
    assert len(found.left_out) == 2 * len(EXPOSURES) * len(PLAN.epsilons)
    assert all("too few of 4 households" in why for _, why in found.left_out)


@on_this_machine
def test_price_takes_most_of_what_displays_of_crackers_seem_to_do():
    """Of ketchup most stays; errors by household are wider; every epsilon names the household."""
    rows = study_choices(PLAN).series["choices"].set_index(["trial", "quantity", "epsilon"])
    plain = rows.xs(np.inf, level="epsilon")
    width = plain["high"] - plain["low"]
    for name in PANELS:
        assert width[name, "display"] > 1.25 * width[name, "display_as_if_independent"]
    at_price = plain["value"].xs("display_at_price", level="quantity")
    assert at_price["cracker"] < 0.4 * plain["value"]["cracker", "display"]
    assert at_price["catsup"] > 0.6 * plain["value"]["catsup", "display"]
    private = rows[np.isfinite(rows.index.get_level_values("epsilon"))]
    assert private["guarantee"].str.contains("delta 0 a household").all()
    assert (private["wider"] > 1).all()
    assert "0.5" not in {f"{epsilon:g}" for epsilon in private.index.get_level_values("epsilon")}


@on_this_machine
def test_a_conditional_logit_with_price_agrees():
    """The referee: McFadden's model of each purchase, effect on brands that were exposed, same sign and size.

    Furthest is the display of ketchup, 12 points against 18: part of it is curvature in price.
    """
    for name in PANELS:
        one = load_panel(name)[0].first(MAX_PURCHASES)
        table = long(one)
        brands = pd.get_dummies(table["brand"], dtype=float).iloc[:, 1:]
        design = np.column_stack([table[[*EXPOSURES, "price"]] / [1, 1, table["price"].std()], brands])
        chosen, purchase = table["chosen"].to_numpy(), table["purchase"].to_numpy()
        slopes = ConditionalLogit(chosen, design, groups=purchase).fit(disp=False).params
        worth = np.exp((design @ slopes).reshape(one.chosen.shape))
        for exposure, slope in zip(EXPOSURES, slopes, strict=False):
            others, shown = worth.sum(axis=1, keepdims=True) - worth, getattr(one, exposure) == 1
            without = worth * np.exp(-slope)
            effect = (worth / (worth + others) - without / (without + others))[shown].mean()
            ours = fit_choice(one, exposure, at_price=True)
            assert effect == pytest.approx(ours.value[0], abs=3 * ours.std_error[0])
            assert min(effect, ours.value[0]) > 0
