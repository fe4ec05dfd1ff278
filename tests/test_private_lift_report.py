"""The study private_lift: the practitioner's report, from users to intervals, under one budget."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from dti_core.bridges.privacy import Guarantee
from dti_core.lab.data import DataCard
from dti_core.lab.findings import gather
from dti_core.lab.frozen import frozen_result
from dti_core.lab.paths import project_root
from dti_core.lab.record import Result
from dti_core.studies.private_lift.data.regions import profile_table
from dti_core.studies.private_lift.figures import (
    campaign_parts,
    plot_costs,
    profiles_table,
    report_parts,
    told,
)
from dti_core.studies.private_lift.figures.accuracy import plot_accuracy
from dti_core.studies.private_lift.figures.colours import CREDIT, MODELS
from dti_core.studies.private_lift.figures.promises import promise
from dti_core.studies.private_lift.figures.sizes import plot_sizes
from dti_core.studies.private_lift.figures.tables import PARTS
from dti_core.studies.private_lift.measures import accuracy, practitioner, sizes
from dti_core.studies.private_lift.methods.attribution import METHODS as ATTRIBUTION
from dti_core.studies.private_lift.methods.learners import LEARNERS
from dti_core.studies.private_lift.methods.noise import DELTA, METHODS
from dti_core.studies.private_lift.methods.offers import OFFERS
from dti_core.studies.private_lift.methods.payouts import RULES
from dti_core.studies.private_lift.model.report import (
    MOST_IMPRESSIONS,
    SHARES,
    SPEND_CAP_USD,
    Log,
    histograms,
    publish,
    report,
)
from dti_core.studies.private_lift.worlds import CAMPAIGN
from dti_core.studies.private_lift.worlds import users as people
from dti_core.studies.private_lift.worlds.market import truth
from dti_core.studies.private_lift.worlds.users import REGIONS, RETAILERS, SIZES, simulate_users

CHANNELS = CAMPAIGN.names


def campaign_log(n: int, seed: int, release: int = 0) -> Log:
    users = simulate_users(CAMPAIGN, n, np.random.default_rng(seed))
    return practitioner.campaign_log(CAMPAIGN, users, practitioner.RELEASES[release])


@pytest.fixture(scope="module")
def log():
    return campaign_log(30_000, 1)


@pytest.fixture(scope="module")
def plain(log):
    """The report without noise, by (segment, channel, quantity)."""
    table = report(publish(log, METHODS["none"].run, 1.0, np.random.default_rng(0)), log)
    return table.set_index(["segment", "channel", "quantity"])["value"]


def test_without_noise_the_report_counts_what_the_users_did(log, plain):
    seen = log.exposed.any(axis=1)
    assert plain["all", "all", "deduplicated reach"] == seen.sum()
    assert plain["all", "all", "reached by two channels or more"] == (log.exposed.sum(axis=1) > 1).sum()
    assert plain["all", "all", "conversions"] == log.converted.sum()
    often = log.impressions.sum(axis=1)
    for k in range(1, MOST_IMPRESSIONS + 1):
        assert plain["all", "all", f"saw {k} or more"] == (often >= k).sum()
    for dimension, (codes, labels) in log.segments.items():
        for k, label in enumerate(labels):
            assert plain[label, "all", "deduplicated reach"] == seen[codes == k].sum(), dimension


def test_without_noise_effects_are_differences_of_means(log, plain):
    for c, name in enumerate(CHANNELS):
        on = log.assigned[:, c]
        rates = [log.converted[side].mean() for side in (on, ~on)]
        assert plain["all", name, "intent to treat"] == pytest.approx(rates[0] - rates[1])
        assert plain["all", name, "lift"] == pytest.approx(rates[0] / rates[1] - 1)
        caused = plain["all", name, "incremental conversions"]
        by_hand = (rates[0] - rates[1]) * on.sum()  # differ by the chance imbalance of the arms
        assert caused == pytest.approx(by_hand, abs=0.05 * log.converted.sum() ** 0.5)
        assert plain["all", name, "effect on treated"] == pytest.approx(caused / log.exposed[:, c].sum())
        cost = plain["all", name, "cost per incremental conversion"]
        assert cost == pytest.approx(log.cost_usd[:, c].sum() / caused)


def test_money_by_region_and_size_is_that_of_the_same_users_alone(log, plain):
    """Each segment as a campaign of its own, with its own bills, which add up to the whole."""
    paid = {}
    for place, (dimension, (codes, labels)) in enumerate(log.segments.items()):
        bills = log.cost_usd.reshape(len(REGIONS), len(SIZES), -1).sum(axis=1 - place)
        assert bills.sum(axis=0) == pytest.approx(log.cost_usd.sum(axis=0)), dimension
        for k, label in enumerate(labels):
            rows = codes == k
            alone = replace(
                log, assigned=log.assigned[rows], converted=log.converted[rows], exposed=log.exposed[rows],
                impressions=log.impressions[rows], spend_usd=log.spend_usd[rows], cost_usd=bills[k : k + 1],
                segments={},
            )  # fmt: skip
            table = report(publish(alone, METHODS["none"].run, 1.0, np.random.default_rng(0)), alone)
            told = table.set_index(["segment", "channel", "quantity"])["value"]
            for channel, quantity in product(("all", *CHANNELS), practitioner.MONEY):
                assert plain[label, channel, quantity] == pytest.approx(told["all", channel, quantity])
            brought = plain[label, "all", "incremental conversions"]
            paid[label] = plain[label, "all", "cost per incremental conversion"] * brought
            assert paid[label] == pytest.approx(bills[k].sum())
    assert sum(paid[label] for label in SIZES) == pytest.approx(log.cost_usd.sum())


def test_retailers_add_up_to_the_whole_without_noise(log, plain):
    shops = campaign_log(30_000, 1, release=1)
    table = report(publish(shops, METHODS["none"].run, 1.0, np.random.default_rng(0)), shops)
    told = table.set_index(["segment", "channel", "quantity"])["value"]
    counted = table[(table["unit"] == "users") & (table["segment"] == "all")]
    for key in zip(counted["channel"], counted["quantity"], strict=True):
        assert sum(told[(shop, *key)] for shop in RETAILERS) == told[("all", *key)] == plain[("all", *key)]
    brought, cost = "incremental conversions", "cost per incremental conversion"
    for channel in ("all", *CHANNELS):
        paid = {one: told[one, channel, brought] * told[one, channel, cost] for one in ("all", *RETAILERS)}
        assert sum(paid[one] for one in RETAILERS) == pytest.approx(paid["all"])
        parts = sum(told[shop, channel, brought] for shop in RETAILERS)  # differ by chance imbalance of arms
        assert parts == pytest.approx(told["all", channel, brought], abs=0.05 * log.converted.sum() ** 0.5)
    ours, whole = histograms(shops), histograms(log)
    assert all((ours[name].sum(axis=0) == whole[name].sum(axis=0)).all() for name in SHARES)
    sizes = np.bincount(shops.segments["retailer"][0])
    assert (np.diff(sizes) < 0).all(), "of different size"


def test_a_retailer_whose_users_no_channel_moves_has_no_effect_and_the_other_has_its_own():
    """Every coalition a hundred users: 10 of them buy at the first shop, 20 at the second where shown one."""
    coalition = np.tile(np.repeat(np.arange(32), 100), 2)
    shop = np.repeat([0, 1], 3200)
    assigned = (coalition[:, None] >> np.arange(5)) & 1 == 1
    bought = np.tile(np.arange(100), 64) < np.where((shop == 1) & assigned[:, 0], 20, 10)
    log = Log(CHANNELS, assigned, bought, 0.5, segments={"retailer": (shop, ("idle", "moved"))})
    wanted = {("moved", "all"): 160.0, ("moved", CHANNELS[0]): 160.0}
    for method in ("none", "central"):
        table = report(publish(log, METHODS[method].run, 1.0, np.random.default_rng(3)), log)
        rows = table[(table["quantity"] == "incremental conversions") & (table["dimension"] == "retailer")]
        assert len(rows) == 2 * (1 + len(CHANNELS))
        for row in rows.itertuples():
            true = wanted.get((row.segment, row.channel), 0.0)
            assert row.low <= true <= row.high, (method, row)
            if method == "none":
                assert row.value == pytest.approx(true, abs=1e-9)
            elif true:
                assert row.low > 0


def test_retailers_move_no_other_number(monkeypatch):
    """Neither what else is drawn of a user, nor a row of the first release."""
    ours = simulate_users(CAMPAIGN, 500, np.random.default_rng(4))
    found = practitioner.study_report(CAMPAIGN, 3_000, 1.0, np.random.SeedSequence(5))
    table = found.series["report"]
    shops = table[table["dimension"] == "retailer"]
    assert set(shops["segment"]) == set(RETAILERS)
    assert set(shops["method"]) == set(practitioner.BY_SEGMENT)
    assert not table.duplicated(["method", "dimension", "segment", "channel", "quantity"]).any()
    promises = [set(one.loc[one["method"] == "central", "guarantee"]) for one in (table, shops)]
    assert promises[0] == promises[1]
    assert len(promises[1]) == 1
    assert any(one.name.startswith("report_central_retailer_") for one in found.estimates)
    monkeypatch.setattr(practitioner, "RELEASES", practitioner.RELEASES[:1])
    monkeypatch.setattr(people, "RETAILERS", ("one", "other"))
    monkeypatch.setattr(people, "RETAILER_SHARES", (0.5, 0.5))
    theirs = simulate_users(CAMPAIGN, 500, np.random.default_rng(4))
    assert (ours.retailer != theirs.retailer).any()
    assert all(np.array_equal(getattr(ours, name), getattr(theirs, name), equal_nan=name == "times")
               for name in people.Users.__slots__ if name != "retailer")  # fmt: skip
    first = practitioner.study_report(CAMPAIGN, 3_000, 1.0, np.random.SeedSequence(5)).series["report"]
    pd.testing.assert_frame_equal(table[table["dimension"] != "retailer"].reset_index(drop=True), first)


def test_unknown_dimensions_and_codes_without_a_label_are_refused():
    users = simulate_users(CAMPAIGN, 50, np.random.default_rng(6))
    with pytest.raises(KeyError, match="shop"):
        practitioner.campaign_log(CAMPAIGN, users, ("shop",))
    with pytest.raises(ValueError, match="invalid entry"):
        practitioner.campaign_log(CAMPAIGN, replace(users, retailer=users.retailer + 1), ("retailer",))


def test_intervals_of_money_by_segment_hold_the_noise_of_the_release(log):
    """The same users published 150 times: what the interval adds to the plain one is what noise does."""
    rng, rows, names = np.random.default_rng(9), {}, ["segment", "channel", "quantity"]
    for method, times in (("none", 1), ("central", 150)):
        tables = [report(publish(log, METHODS[method].run, 1.0, rng), log) for _ in range(times)]
        kept = (one[one["quantity"] == "incremental return on spend"] for one in tables)
        rows[method] = [one.set_index(names)[["value", "low", "high"]] for one in kept]
    (plain_rows,), noisy = rows["none"], rows["central"]
    for segment in ("all", *REGIONS, *SIZES):
        key = (segment, "all", "incremental return on spend")
        drawn = np.array([one.loc[key].to_numpy(float) for one in noisy])
        error = np.mean((drawn[:, 2] - drawn[:, 1]) ** 2) / (2 * 1.959964) ** 2
        own = ((plain_rows.loc[key, "high"] - plain_rows.loc[key, "low"]) / (2 * 1.959964)) ** 2
        assert drawn[:, 0].var(ddof=1) == pytest.approx(error - own, rel=0.45), segment


@pytest.mark.parametrize("method", METHODS)
def test_the_whole_report_promises_one_budget(log, method):
    published = publish(log, METHODS[method].run, 1.0, np.random.default_rng(2))
    if method == "none":
        assert published.guarantee is None
        return
    promise = published.guarantee
    assert promise.epsilon == pytest.approx(1.0)
    assert promise.delta <= DELTA * (1 + 1e-9)
    assert promise.unit == "user"
    assert promise.adjacency == ("replace one" if method == "local" else "add or remove one")
    assert ("spend" in published.releases) == METHODS[method].run.sums
    table = report(published, log)
    assert {"all", *REGIONS, *SIZES} == set(table["segment"])
    assert ((table["low"] <= table["high"]) | table["low"].isna()).all()
    answered = table[table["quantity"].isin(["incremental conversions", "deduplicated reach"])]
    assert np.isfinite(answered["value"]).all()


def test_one_user_more_moves_each_histogram_by_no_more_than_its_noise_assumes(log):
    rng = np.random.default_rng(3)
    whole = histograms(log)
    for gone in rng.integers(len(log.converted), size=20):
        kept = np.arange(len(log.converted)) != gone
        less = histograms(
            replace(
                log, assigned=log.assigned[kept], converted=log.converted[kept], exposed=log.exposed[kept],
                impressions=log.impressions[kept], spend_usd=log.spend_usd[kept],
                segments={name: (codes[kept], labels) for name, (codes, labels) in log.segments.items()},
            )
        )  # fmt: skip
        for name in SHARES:
            assert np.abs(whole[name] - less[name]).sum() <= (SPEND_CAP_USD if name == "spend" else 1)


def test_counts_of_these_users_lie_in_intervals_of_the_noise(log, plain):
    """Reach and frequency of one campaign, published 400 times: 95 % of intervals hold the plain number."""
    rng, held = np.random.default_rng(4), []
    for _ in range(100):
        table = report(publish(log, METHODS["central"].run, 1.0, rng), log)
        rows = table[(table["unit"] == "users")].set_index(["segment", "channel", "quantity"])
        true = plain[rows.index]
        held.append(((rows["low"] <= true) & (true <= rows["high"])).mean())
    assert np.mean(held) == pytest.approx(0.95, abs=0.01)


def test_effects_of_new_users_lie_in_the_intervals():
    """Users and noise drawn anew: incremental conversions and effect on treated are covered."""
    true, held = truth(CAMPAIGN), []
    for seed in range(60):
        log = campaign_log(6_000, seed)
        log = replace(log, segments={}, impressions=None, spend_usd=None, cost_usd=None)
        table = report(publish(log, METHODS["central"].run, 1.0, np.random.default_rng([seed, 1])), log)
        for quantity, values in (("intent to treat", true.itt), ("effect on treated", true.treated)):
            rows = table[table["quantity"] == quantity]
            held += list((rows["low"] <= values) & (values <= rows["high"]))
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_what_was_not_measured_is_left_out_and_its_budget_goes_to_the_rest(log):
    bare = replace(log, exposed=None, impressions=None, spend_usd=None, cost_usd=None, segments={})
    published = publish(bare, METHODS["central"].run, 1.0, np.random.default_rng(5))
    assert set(published.releases) == {"outcomes"}
    assert published.releases["outcomes"].guarantee.epsilon == pytest.approx(1.0)
    quantities = set(report(published, bare)["quantity"])
    assert "effect on treated" not in quantities
    assert {"conversions", "incremental conversions", "lift"} <= quantities


def test_cost_of_a_channel_that_moves_nobody_has_no_upper_end(log):
    table = report(publish(log, METHODS["central"].run, 1.0, np.random.default_rng(6)), log)
    row = table[
        (table["channel"] == "retargeting") & (table["quantity"] == "cost per incremental conversion")
    ]
    assert np.isinf(row["high"]).all()


def test_figures_say_what_the_result_holds():
    seeds = np.random.SeedSequence(8).spawn(2)
    parts = gather([accuracy.study_accuracy(seeds[0], 20), sizes.study_sizes(seeds[1], 60)])
    card = DataCard("x", "x", "simulated", "Simulated data", "", "", 1, 1, "0" * 64, "")
    result = Result(None, card, tuple(parts.estimates), parts.series)  # type: ignore[arg-type]
    size, noise = plot_sizes(result, "campaign"), plot_accuracy(result)
    least = result["least_size_campaign_central_eps1"].value
    assert f"{round(least, -2):,.0f} users" in size.layout.title.text.replace("<br>", " ")
    assert "9 releases" in noise.layout.title.text.replace("<br>", " ")
    for figure in (size, noise):
        assert "Simulated data" in figure.layout.meta["caption"]
        assert "delta" in figure.layout.meta["caption"]


def test_epsilons_are_told_with_unit_adjacency_delta_and_accountant():
    promises = [
        Guarantee(unit, "add or remove one", epsilon, delta, by).text
        for unit, epsilon, delta, by in (
            ("user", 2.0, 0.0, "pure"), ("woman", 0.5, 0.0, "pure"), ("site", 1.0, 1e-6, "pld")
        )
    ]  # fmt: skip
    assert promise(pd.DataFrame({"guarantee": ["no privacy", *promises]})) == (
        "Epsilon 0.5, 1 and 2 of one user / woman, add or remove one, delta 0, pure epsilon; "
        "of one site, add or remove one, delta 1e-06, PLD."
    )
    assert promise(pd.DataFrame({"guarantee": ["no privacy"]})) == promise(pd.DataFrame()) == ""


def test_costs_are_drawn_as_measured_and_in_a_straight_line():
    kept = frozen_result("private_lift")
    figure = plot_costs(kept)
    measured = json.loads((project_root() / "experiments/benchmarks/federated_vs_peers.json").read_text())
    rounds = measured["one_round_of_all_clients"]
    assert list(figure.data[0].y) == [one["cpu_s"] for one in rounds]
    assert list(figure.data[3].y) == [one["peak_mb"] for one in rounds]
    axes = (figure.layout.xaxis, figure.layout.xaxis2, figure.layout.yaxis, figure.layout.yaxis2)
    assert {axis.type for axis in axes} == {"log"}
    slope = np.polyfit(np.log(figure.data[0].x), np.log(figure.data[0].y), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)
    assert f"{rounds[-1]['n_clients']:,} of them" in figure.layout.title.text.replace("<br>", " ")
    assert f"{rounds[-1]['peak_mb']:.0f} MB" in figure.layout.meta["alt"]


def test_report_by_part_holds_every_part_and_its_promise(log):
    published = publish(log, METHODS["central"].run, 1.0, np.random.default_rng(6))
    table = report(published, log).assign(method="central", guarantee=published.guarantee.text)
    card = DataCard("x", "x", "simulated", "Simulated data", "", "", 1, 1, "0" * 64, "")
    shown = report_parts(Result(None, card, (), {"report": table}))  # type: ignore[arg-type]
    parts = table[(table["dimension"] != "all") & table["quantity"].isin(PARTS)]
    assert {label[0].split()[-1] for label in shown.rows} == set(parts["segment"])
    (cells,) = (row for label, row in shown.rows.items() if "conversions of users" in label[1]
                and label[0].endswith(parts["segment"].iloc[0]))  # fmt: skip
    (cell,) = cells.values()
    assert cell.value == parts[parts["quantity"] == "conversions"]["value"].iloc[0]
    money = [label for label in shown.rows if any(quantity in label[1] for quantity in practitioner.MONEY)]
    assert len(money) == len(practitioner.MONEY) * (len(REGIONS) + len(SIZES))
    assert all(
        word in shown.note
        for word in ("one user", "add or remove one", "delta 0", "composition", "adds to it")
    )


def test_report_of_an_own_campaign_has_its_regions_and_sizes():
    """The whole report leaves them out and this table shows them, with the promise; none is said so."""
    kept, promised = frozen_result("private_lift"), ("one user", "add or remove one", "delta 0", "pure")
    rows = kept.series["campaign"]
    inside = rows["trial"].str.contains("_region_|_size_")
    shown = campaign_parts(kept)
    assert len(shown.rows) == len(rows[inside].drop_duplicates(["trial", "quantity"])) > 0
    assert not set(shown.rows) & set(told(kept, "campaign").rows)
    assert all(word in shown.note for word in promised)
    bare = replace(kept, series={**kept.series, "campaign": rows[~inside]})
    assert not campaign_parts(bare).rows


def test_tables_one_below_the_other_lose_no_row():
    kept = frozen_result("private_lift")
    both, *parts = (told(kept, *names) for names in (("trials", "choices"), ("trials",), ("choices",)))
    found, wanted = (
        [{head: cell for head, cell in row.items() if np.isfinite(cell.value)} for row in rows]
        for rows in (both.rows.values(), [row for part in parts for row in part.rows.values()])
    )
    assert found == wanted
    assert len({heading for heading, _ in both.rows}) == 2
    bare = replace(kept, series={name: rows for name, rows in kept.series.items() if name != "choices"})
    assert len(told(bare, "trials", "choices").rows) == len(parts[0].rows)
    assert not told(replace(kept, series={}), "trials", "choices").rows


def test_rules_of_regions_are_shown_as_the_frozen_table_has_them():
    (batch,) = (row for label, row in profiles_table().rows.items() if "batch" in label)
    table = profile_table().query("parameter == 'least_batch'").set_index("region")["value"]
    assert list(batch.values()) == table.astype(str).to_list()


def test_methods_of_one_figure_have_colours_of_their_own():
    """Rules on real paths, rules of pay, models of who books, and ways to deal offers."""
    paths = [name for name, one in ATTRIBUTION.items() if not one.needs and "private" not in name]
    private = [name for name, one in LEARNERS.items() if one.needs]
    together = ((CREDIT, paths), (CREDIT, RULES), (MODELS, private), (MODELS, OFFERS))
    for colours, names in together:
        assert len({colours[name] for name in names}) == len(names) > 1
