"""The price check of `dti data check lstm_portfolio`: every defect is told, a clean table passes."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dti_core.lab.data import Problem
from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.data.prices import MIN_DAYS, check_prices, validate_prices

TODAY = pd.Timestamp("2026-01-01")
N_DAYS = MIN_DAYS + 4


@pytest.fixture
def prices() -> pd.DataFrame:
    """A clean wide table as pandas reads it from CSV: dates as text, five tickers."""
    steps = np.random.default_rng(3).normal(0.0, 0.01, size=(N_DAYS, 5))
    table = pd.DataFrame(50 * np.exp(steps.cumsum(axis=0)), columns=["AAA", "BBB", "CCC", "DDD", "EEE"])
    table.insert(0, "Date", pd.bdate_range("2020-01-01", periods=N_DAYS).strftime("%Y-%m-%d"))
    return table


def with_cell(table: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    """A copy in which one cell differs."""
    changed = table.astype({column: object})
    changed.loc[row, column] = value
    return changed


def only(problems: list[Problem], blocks: bool = True) -> str:
    """The one problem of a table with one defect."""
    assert [problem.blocks for problem in problems] == [blocks], problems
    return problems[0].text


def test_a_clean_table_has_no_problem(prices: pd.DataFrame) -> None:
    assert check_prices(prices, TODAY) == []
    valid = validate_prices(prices, today=TODAY)
    assert isinstance(valid.index, pd.DatetimeIndex)
    np.testing.assert_array_equal(valid.to_numpy(), prices.drop(columns="Date").to_numpy())
    assert list(valid.columns) == ["AAA", "BBB", "CCC", "DDD", "EEE"]


@pytest.mark.parametrize("header", ["date", "Unnamed: 0", "DATE", "timestamp", "when"])
def test_the_date_column_is_found_by_name_or_place(prices: pd.DataFrame, header: str) -> None:
    assert check_prices(prices.rename(columns={"Date": header}), TODAY) == []


def test_dates_are_read_from_an_index_from_digits_and_with_time_zones(prices: pd.DataFrame) -> None:
    days = pd.to_datetime(prices["Date"])
    expected = validate_prices(prices, today=TODAY)
    indexed = prices.drop(columns="Date").set_index(pd.DatetimeIndex(days).tz_localize("Asia/Tokyo"))
    digits = prices.assign(Date=days.dt.strftime("%Y%m%d").astype(int))
    # New York: the offset changes between winter and summer
    zoned = prices.assign(Date=days.dt.tz_localize("America/New_York").map(str))
    for table in (indexed, digits, zoned):
        found = validate_prices(table, today=TODAY)
        np.testing.assert_array_equal(found.index.to_numpy(), expected.index.to_numpy())


def test_a_table_without_dates_is_refused(prices: pd.DataFrame) -> None:
    problem = only(check_prices(prices.drop(columns="Date"), TODAY))
    assert problem.startswith("no date column among AAA, BBB, CCC, and 2 more.")
    assert "YYYY-MM-DD" in problem


def test_row_numbers_are_not_taken_for_dates(prices: pd.DataFrame) -> None:
    """pandas alone would read 0, 1, 2 ... as nanoseconds of 1970-01-01."""
    problems = check_prices(prices.assign(Date=np.arange(N_DAYS)), TODAY)
    assert problems[0].text.startswith(f"{N_DAYS} dates cannot be read ('0' in row 1, '1' in row 2")


def test_unreadable_dates_are_named(prices: pd.DataFrame) -> None:
    table = with_cell(with_cell(prices, 4, "Date", "soon"), 9, "Date", "2020-02-30")
    problem = only(check_prices(table, TODAY))
    assert problem.startswith("2 dates cannot be read ('soon' in row 5, '2020-02-30' in row 10).")


def test_duplicate_dates_are_named(prices: pd.DataFrame) -> None:
    table = pd.concat([prices.iloc[:3], prices.iloc[[2]], prices.iloc[3:]], ignore_index=True)
    problem = only(check_prices(table, TODAY))
    assert problem == "1 date appears twice (2020-01-03). Keep one row a date."


def test_unsorted_dates_are_named(prices: pd.DataFrame) -> None:
    table = prices.iloc[[1, 0, *range(2, N_DAYS)]]
    problem = only(check_prices(table, TODAY))
    assert problem.startswith("dates are not in ascending order: 1 step back in time (at 2020-01-01).")


def test_future_dates_are_named(prices: pd.DataFrame) -> None:
    last = pd.Timestamp(prices["Date"].iloc[-1])
    problem = only(check_prices(prices, last - pd.Timedelta(days=1)))
    assert problem.startswith(f"1 date lies in the future ({last:%Y-%m-%d}).")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1,234.5", "1 cell is not a number (CCC: 1, first 2020-01-10)."),
        ("n/a", "1 cell is not a number (CCC: 1, first 2020-01-10)."),
        (np.inf, "1 price is infinite (CCC: 1, first 2020-01-10)."),
        ("-5", "1 price is negative (CCC: 1, first 2020-01-10)."),
    ],
)
def test_a_bad_cell_is_named_by_ticker_and_date(prices: pd.DataFrame, value: object, told: str) -> None:
    assert only(check_prices(with_cell(prices, 7, "CCC", value), TODAY)).startswith(told)


@pytest.mark.parametrize(("value", "told"), [(np.nan, "missing"), ("  ", "missing"), (0.0, "zero")])
def test_a_cell_without_a_price_is_read_as_a_gap(prices: pd.DataFrame, value: object, told: str) -> None:
    problem = only(check_prices(with_cell(prices, 7, "CCC", value), TODAY), blocks=False)
    assert problem.startswith(f"1 price is {told} (CCC: 1, first 2020-01-10).")
    assert "Do not drop shares that end" in problem
    found = validate_prices(with_cell(prices, 7, "CCC", value), today=TODAY)
    assert found.isna().sum().sum() == np.isnan(found["CCC"].iloc[7]) == 1


def test_numbers_as_text_are_read(prices: pd.DataFrame) -> None:
    assert check_prices(prices.astype({"AAA": str}), TODAY) == []
    assert validate_prices(prices.astype({"AAA": str}), today=TODAY)["AAA"].dtype == float


def test_missing_prices_are_counted_by_ticker(prices: pd.DataFrame) -> None:
    prices.loc[:99, "AAA"] = np.nan
    prices.loc[10:11, "EEE"] = np.nan
    told = "102 prices are missing (AAA: 100, first 2020-01-01; EEE: 2, first 2020-01-15)."
    assert only(check_prices(prices, TODAY), blocks=False).startswith(told)


def test_too_few_rows_and_assets_state_the_least(prices: pd.DataFrame) -> None:
    assert only(check_prices(prices.iloc[:100], TODAY)).startswith(
        f"100 trading days, but at least {MIN_DAYS} are needed."
    )
    assert only(check_prices(prices[["Date", "AAA", "BBB"]], TODAY)).startswith(
        "2 assets (AAA, BBB), but at least 3 are needed."
    )


def test_weekly_prices_are_refused(prices: pd.DataFrame) -> None:
    weekly = prices.assign(Date=pd.date_range("2005-01-03", periods=N_DAYS, freq="7D"))
    assert only(check_prices(weekly, TODAY)).startswith("dates lie 7 days apart")


@pytest.mark.parametrize("second", ["AAA.1", "AAA", "aaa", " AAA "])
def test_duplicated_tickers_are_named(prices: pd.DataFrame, second: str) -> None:
    """pandas renames a second AAA of a CSV file to AAA.1."""
    table = prices.set_axis([*prices.columns[:-1], second], axis=1)
    assert only(check_prices(table, TODAY)) == "1 ticker named twice (AAA). Keep one column a ticker."


def test_a_share_class_is_no_duplicate(prices: pd.DataFrame) -> None:
    assert check_prices(prices.rename(columns={"BBB": "BRK.A", "CCC": "BRK.B"}), TODAY) == []


def split(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[300:, "BBB"] /= 4
    return table


def stand_still(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[100:161, "DDD"] = table.loc[100, "DDD"]
    return table


def gap(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(index=range(1, 4)).drop(index=range(5, 12), errors="ignore").drop(index=4)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (split, "1 daily move beyond +-60% (BBB -75% on 2021-02-24), probably a split"),
        (stand_still, "the price stands still for more than 60 days (DDD for 61 days from 2020-05-20)."),
    ],
)
def test_what_may_be_true_is_a_warning_and_does_not_block(
    prices: pd.DataFrame, spoil: Callable[[pd.DataFrame], pd.DataFrame], told: str
) -> None:
    table = spoil(prices)
    assert only(check_prices(table, TODAY), blocks=False).startswith(told)
    assert validate_prices(table, today=TODAY).shape == (N_DAYS, 5)


def test_a_standstill_of_sixty_days_is_allowed(prices: pd.DataFrame) -> None:
    prices.loc[100:160, "DDD"] = prices.loc[100, "DDD"]
    assert check_prices(prices, TODAY) == []


def test_a_gap_in_the_calendar_is_a_warning(prices: pd.DataFrame) -> None:
    late = pd.to_datetime(prices["Date"]) + pd.to_timedelta(np.where(prices.index >= 20, 14, 0), unit="D")
    problem = only(check_prices(prices.assign(Date=late), TODAY), blocks=False)
    assert problem.startswith("1 gap of more than 10 days without prices, ending on 2020-02-12.")


def test_a_long_table_is_told_how_to_pivot(prices: pd.DataFrame) -> None:
    long = prices.melt(id_vars="Date", var_name="Ticker", value_name="Adj Close").sort_values("Date")
    problem = only(check_prices(long, TODAY))
    call = "table.pivot(index='Date', columns='Ticker', values='Adj Close')"
    assert "long format" in problem
    assert call in problem
    wide = eval(call, {"table": long})
    assert check_prices(wide.reset_index(), TODAY) == []


def test_all_problems_come_at_once_and_warnings_last(prices: pd.DataFrame) -> None:
    table = split(prices)
    table.loc[5, "AAA"] = -1.0
    table.loc[6, "BBB"] = np.nan
    table.loc[8, "Date"] = table.loc[7, "Date"]
    problems = check_prices(table.drop(columns=["DDD", "EEE"]).iloc[:600], TODAY)
    for word in ("twice", "negative", "missing", "trading days", "split"):
        assert sum(word in problem.text for problem in problems) == 1, word
    assert [problem.blocks for problem in problems] == [True] * 3 + [False] * 2
    with pytest.raises(DataError, match=r"^mine\.csv: 3 problems\.\n- ") as raised:
        validate_prices(table.iloc[:600], "mine.csv", TODAY)
    assert "split" not in str(raised.value)


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame({"Date": []}), pd.DataFrame({"x": ["a"]})])
def test_an_empty_table_is_refused_without_a_crash(table: pd.DataFrame) -> None:
    with pytest.raises(DataError):
        validate_prices(table, today=TODAY)


def test_texts_of_the_table_are_shown_never_run(prices: pd.DataFrame, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    attack = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    table = with_cell(prices.rename(columns={"AAA": attack}), 3, "BBB", attack)
    table = with_cell(with_cell(table, 4, "Date", attack), 5, "CCC", pickle.dumps(Path.cwd()))
    problems = check_prices(table, TODAY)
    assert not mark.exists()
    assert any(problem.text.startswith("2 cells are not a number (BBB: 1") for problem in problems)
    assert max(len(problem.text) for problem in problems) < 300


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.integers(1, N_DAYS - 2),
    column=st.sampled_from(["AAA", "CCC", "EEE"]),
    value=st.sampled_from([None, 0.0, -3.0, float("inf"), "twelve"]),
)
def test_wherever_a_bad_price_stands_it_is_found(
    prices: pd.DataFrame, row: int, column: str, value: object
) -> None:
    """Through a CSV file and back, as `dti data check` reads it."""
    stream = io.StringIO(with_cell(prices, row, column, value).to_csv(index=False))
    problem = only(check_prices(pd.read_csv(stream), TODAY), blocks=value not in (None, 0.0))
    assert f"({column}: 1, first {prices.loc[row, 'Date']})" in problem
