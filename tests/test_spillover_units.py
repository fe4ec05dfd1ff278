"""Units and clients of `spillover`: known answers, no look ahead, worlds in which a bar must fail or pass."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.errors import DataError
from dti_core.lab.intervals import Interval
from dti_core.studies.spillover.data.clients import FIRST_TOLD, QUARTER_WEEKS, load_growth, next_week_of
from dti_core.studies.spillover.data.firms import firms_of, load_firms
from dti_core.studies.spillover.data.fixes import Fixes, fixes_of, load_fixes
from dti_core.studies.spillover.data.units import (
    LAST_PATENTS,
    blocks_of,
    fix_weeks,
    load_firm_values,
    load_sites,
    load_stores,
)
from dti_core.studies.spillover.model import clients
from dti_core.studies.spillover.model.clients import Records, client_losses, luck_of_learning, with_luck
from dti_core.studies.spillover.model.gains import gains
from dti_core.studies.spillover.model.losses import PLACEBO, WITH, WITHOUT, Losses
from dti_core.studies.spillover.model.sizes import by_size, quarters
from dti_core.studies.spillover.model.tellings import SETTINGS, half_years
from dti_core.studies.spillover.model.units import POOLED, Counts, Values, log_loss, value_losses, weighted
from dti_core.studies.spillover.worlds.units import differing, differing_values, one_rule, unrelated

SITES = SETTINGS["pooling_sites"]


@pytest.fixture
def rng():
    return np.random.default_rng(20261130)


def made_counts(rng, n_units=200, n_blocks=20, n_categories=6):
    sizes = np.exp(rng.uniform(0, 3.5, n_units))
    trials = rng.poisson(sizes[:, None, None], (n_units, n_blocks, 1)).astype(float)
    hits = rng.binomial(trials.astype(int), 0.2, (n_units, n_blocks, n_categories)).astype(float)
    return Counts(tuple(map(str, range(n_units))), hits, trials, 10)


def made_records(rng, n_clients=80, n_rows=80):
    owner, turn = np.divmod(np.arange(n_clients * n_rows), n_rows)
    period = np.where(turn < 30, -1, (turn - 30) // 5)
    features = rng.normal(size=(len(owner), 5))
    return Records(features, (rng.random(len(owner)) < 0.3).astype(float), owner, period, (0.5, 2.0))


def made_fixes(rng, n=300):
    days = pd.Timestamp("2021-01-04") + pd.to_timedelta(rng.integers(0, 1800, n), "D")
    rows = {"source": rng.choice(list("abcdefgh"), n), "version": "1", "date": days.strftime("%Y-%m-%d")}
    return pd.DataFrame({**rows, "cve": [f"CVE-2022-{k}" for k in range(n)]})


def test_log_loss_by_hand():
    """A unit of 2 trials, 1 hit of .25 and no hit of .5: (ln 4 + ln 4/3 + 2 ln 2) / 2."""
    counts = Counts(("a",), np.array([[[0, 0], [1, 0.0]]]), np.array([[[1], [2.0]]]), 1)
    expected = (np.log(4) + np.log(4 / 3) + 2 * np.log(2)) / 2
    assert log_loss(np.array([[0.25, 0.5]]), counts) == pytest.approx(expected)
    wide = replace(counts, trials=np.broadcast_to(counts.trials, counts.hits.shape))
    assert log_loss(np.array([[0.25, 0.5]]), wide) == pytest.approx(expected / 2)


def test_dealing_anew_keeps_what_every_block_holds(rng):
    counts = made_counts(rng)
    dealt = counts.shuffled(rng)
    assert (dealt.hits.sum(axis=0) == counts.hits.sum(axis=0)).all()
    assert (dealt.hits <= dealt.trials).all()
    assert (counts.shuffled(rng, 10).hits[:, 10:] == counts.hits[:, 10:]).all()


def test_a_unit_without_a_past_is_not_told(rng):
    counts = made_counts(rng)
    counts.trials[3, :10], counts.hits[3, :10] = 0.0, 0.0
    assert not counts.rows[3].any()
    assert counts.rows[4].any()


def test_weights_stop_at_the_bound(rng):
    counts = made_counts(rng)
    losses = SITES.losses(counts, rng)
    rows = weighted(losses, tuple(SITES.lone), 20.0).rows.sum(axis=1)
    assert rows == pytest.approx(np.minimum(losses.rows.sum(axis=1), 20.0))


@pytest.mark.parametrize(("make", "passes"), [(Counts.shuffled, False), (differing, True)])
def test_partial_pooling_is_found_where_units_differ_by_a_known_strength(make, passes):
    found = 0
    for number in range(8):
        rng = np.random.default_rng(number)
        losses = SITES.weighted(SITES.losses(make(made_counts(rng), rng), rng))
        found += gains(losses).lesser.low > 0
    assert found >= 7 if passes else found <= 1


def test_pooling_gives_nothing_to_units_that_have_nothing_in_common(rng):
    """Adding one to each side is the right answer there, so that no rule may be found better."""
    losses = SITES.losses(unrelated(made_counts(rng), rng), rng)
    assert losses.gain("add_one", WITH).low <= 0
    assert losses.gain(POOLED, WITH).low > 0


def test_the_placebo_pools_all(rng):
    """It learns from units that are alike, so that it tells nearly what one rate for all does."""
    losses = SITES.losses(differing(made_counts(rng), rng), rng, n_shuffles=3)
    placebo, pooled, ours = (losses.mean(name) for name in (PLACEBO, POOLED, WITH))
    assert abs(placebo - pooled) < 0.2 * (pooled - ours)


def test_every_half_year_is_told_once_from_its_past_alone(rng):
    counts = replace(made_counts(rng), n_train=3)
    parts = half_years(counts)
    assert [(one.n_train, one.hits.shape[1]) for one in parts] == [(at, at + 2) for at in range(3, 19, 2)]


def test_the_first_fix_makes_a_source_known_and_is_not_told():
    """By hand, weeks 2, 4 and 15: ten weeks of quarter 0, from week 3 on, with one fix; then one of 13."""
    table = pd.DataFrame({
        "source": "a", "version": "1", "cve": [f"CVE-2020-{k}" for k in range(4)],
        "date": ["2021-01-18", "2021-01-19", "2021-02-01", "2021-04-19"],
    })  # fmt: skip
    counts = fix_weeks(fixes_of(table))
    assert (counts.hits[0, :2, 0] == [1, 1]).all()
    assert (counts.trials[0, :2, 0] == [10, 13]).all()


def test_no_feature_of_a_week_knows_that_week_or_later_ones(rng):
    """Without the fixes from period 3 on, features of earlier periods stay and later ones move."""
    fixes, cut = fixes_of(made_fixes(rng)), FIRST_TOLD + 3 * QUARTER_WEEKS
    rest = np.flatnonzero(fixes.week < cut)
    columns = (fixes.source, fixes.upload, fixes.year, fixes.day, fixes.week)
    early = Fixes(fixes.names, tuple(fixes.cve[k] for k in rest), *(one[rest] for one in columns))
    whole, part = next_week_of(fixes), next_week_of(early)
    before = whole.period < 3
    assert (whole.owner == part.owner).all()
    assert whole.features[before] == pytest.approx(part.features[before])
    assert np.abs(whole.features - part.features)[~before].max() > 0.1


def test_a_forecast_of_a_year_knows_no_later_one(rng):
    values = rng.normal(size=(60, 8))
    later = values.copy()
    later[:, 6:] += 100.0
    first, second = (value_losses(Values(one, np.arange(60) % 3), 3, np.random.default_rng(1), 1)
                     for one in (values, later))  # fmt: skip
    for name in (WITH, WITHOUT, "last_value", "group_mean", POOLED):
        assert first.arms[name][..., :3] == pytest.approx(second.arms[name][..., :3])


@pytest.mark.parametrize("planted", [False, True])
def test_means_are_found_to_gain_only_where_they_differ(planted):
    rng = np.random.default_rng(4)
    panel = Values(rng.normal(size=(300, 9)), rng.integers(0, 5, 300))
    made = differing_values(panel, 3, rng) if planted else panel.shuffled(rng)
    assert (gains(value_losses(made, 3, rng, 2)).lesser.low > 0) is planted


def test_labels_dealt_anew_keep_the_rate_of_each_client(rng):
    records = made_records(rng)
    dealt = records.shuffled(rng)
    for client in range(records.n_clients):
        mine = (records.owner == client) & records.learnt
        assert dealt.labels[mine].sum() == records.labels[mine].sum()
    assert (dealt.labels[~records.learnt] == records.labels[~records.learnt]).all()
    assert (dealt.labels != records.labels).any()


def test_loss_of_clients_by_hand(rng):
    records = made_records(rng)
    loss = clients.log_loss(records, np.full(len(records.labels), 0.3))
    told = (records.owner == 2) & (records.period == 1)
    ones, n = records.labels[told].sum(), told.sum()
    assert loss[2, 1] == pytest.approx(-(ones * np.log(0.3) + (n - ones) * np.log(0.7)) / n)


@pytest.mark.parametrize("planted", [False, True])
def test_a_common_rule_is_found_only_where_there_is_one(planted):
    found = 0
    for number in range(5):
        rng = np.random.default_rng(number)
        records = made_records(rng)
        made = one_rule(records, rng) if planted else records.destroyed(rng)
        losses = client_losses(made, rng, 2)
        found += with_luck(gains(losses), luck_of_learning(made, losses, rng, 5), 2).lesser.low > 0
    assert found == (5 if planted else 0)


def test_luck_of_learning_widens_an_interval_by_its_square(rng):
    one = Interval(1.0, 0.0, 2.0, 0.3, 5, "x")
    found = replace(_gains(rng), added=one, carried=one, worth=one, own=one)
    wider = with_luck(found, 0.4, 1)
    assert wider.worth.std_error == pytest.approx(0.5)
    assert (wider.worth.low, wider.worth.high) == pytest.approx((1 - 5 / 3, 1 + 5 / 3))
    assert wider.carried.std_error == pytest.approx(np.sqrt(0.09 + 0.32))
    assert wider.lesser_for(20).low < wider.lesser.low


def _gains(rng):
    loss = {name: rng.random((1, 6, 2)) for name in (WITH, WITHOUT, PLACEBO, "naive", "rival")}
    return gains(Losses(loss, np.ones((6, 2))))


def test_quarters_hold_all_units_that_are_told(rng):
    counts = made_counts(rng)
    losses = SITES.losses(counts, rng)
    classes = quarters(losses, counts.size)
    assert sorted(np.concatenate(list(classes.values()))) == list(np.flatnonzero(losses.rows.any(axis=1)))
    assert counts.size[classes["smallest quarter"]].max() <= counts.size[classes["largest quarter"]].min()


def test_blocks_of_time_hold_as_many_trials_each():
    when = pd.date_range("2020-01-01", periods=400, freq="h").to_numpy()[::-1]
    block = blocks_of(when)
    assert (np.bincount(block) == 10).all()
    assert (np.diff(block) <= 0).all()


def test_the_panels_are_what_their_sources_say():
    """InstInnovation: 803 firms, 5,281 pairs of years, 18 sectors; Debian: 99 sources, 337 weeks of fixes."""
    firms, fixes = load_firms(), load_fixes()
    sales = np.isfinite(firms.grid(firms.sales))
    assert (len(firms.names), len(firms.sectors), (sales[:, 1:] & sales[:, :-1]).sum()) == (803, 51, 5281)
    assert (len(fixes.names), (fixes.weekly() > 0).sum()) == (99, 337)
    assert load_sites().hits.shape == (42, 40, 11)
    assert len(load_growth().labels) == 5281


def test_patents_end_before_most_were_granted():
    """Of those applied for in 1999 the table holds 1 in 60: a trap that would read as a collapse."""
    firms = load_firms()
    mean = [firms.patents[firms.year == year].mean() for year in (LAST_PATENTS, 1999)]
    assert mean[1] < 0.05 * mean[0]
    assert load_firm_values()["patents"].values.shape[1] == LAST_PATENTS - 1991 + 1


def test_shops_give_what_was_measured_before():
    """Measured before with other code: nats a basket, over shops of at most 15 and of over 700 baskets."""
    counts, setting = load_stores(), SETTINGS["pooling_stores"]
    assert counts.hits.shape == (457, 40, 302)
    assert counts.trials.sum() == 155_848
    losses = setting.losses(counts, np.random.default_rng(3), 1)
    sizes = by_size(losses, counts.size, tuple(setting.lone), POOLED)
    table = sizes.set_index(["units", "contrast"])["value"]
    assert -5.7 < table["1 to 15", "partly pooled - alone"] < -2.0
    assert -0.041 < table["over 700", "partly pooled - alone"] < -0.026
    assert 0.32 < table["over 700", "pooled - alone"] < 0.43


@pytest.mark.parametrize(("column", "wrong"), [("date", "soon"), ("cve", "a flaw")])
def test_fixes_without_a_day_or_number_are_refused(rng, column, wrong):
    table = made_fixes(rng)
    table.loc[4, column] = wrong
    with pytest.raises(DataError, match=wrong):
        fixes_of(table)


def test_a_firm_with_two_rows_in_a_year_is_refused():
    table = pd.DataFrame({"company": ["A", "A"], "year": [1991, 1991]})
    with pytest.raises(DataError, match="two rows in 1991"):
        firms_of(table)
