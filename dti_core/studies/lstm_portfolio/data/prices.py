"""Judge a user's table of daily prices: all problems at once, each with its place and its remedy."""

import re
import warnings
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.data import Problem
from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.data.listing import MAX_HALT_DAYS

#: A window of two years to learn from and one year to test on.
MIN_DAYS = 756
#: Ranks across fewer assets say nothing.
MIN_ASSETS = 3
#: A price that stands still longer has no spread to forecast.
MAX_CONSTANT_DAYS = 60
#: A larger one-day move of a share is most often a split that was not adjusted.
MAX_DAILY_MOVE = 0.60
#: A longer silence between two dates is more than a holiday.
MAX_GAP_CALENDAR_DAYS = 10

#: How cells without a price are read; see `listing`.
_GAPS = (
    f"A share without prices is not listed, or halted for up to {MAX_HALT_DAYS} rows, and then delisted: "
    f"its last return is then the parameter delisting_return. Do not drop shares that end: it biases results."
)

_DATE_NAMES = {"date", "dates", "datetime", "day", "time", "timestamp", "trade_date", "trading_day"}
_TICKER_NAMES = {"ticker", "tickers", "symbol", "asset", "stock", "name", "id", "permno", "isin", "code"}
_PRICE_NAMES = ("adj close", "adj_close", "adjclose", "adjusted_close", "close", "price", "prices", "value")


@dataclass(frozen=True, slots=True)
class _Table:
    """A table taken apart: dates (NaT where unreadable) and the columns of prices as they came."""

    dates: pd.Series
    raw_dates: pd.Series
    cells: pd.DataFrame


def check_prices(table: pd.DataFrame, today: pd.Timestamp | None = None) -> list[Problem]:
    """All problems of a wide table of daily prices (a date column and one column a ticker), a sentence each.

    Those that block the study come first. An empty list: a clean table. Nothing in the table is executed.

    Parameters
    ----------
    table : (n_days, 1 + n_assets), or (n_days, n_assets) with the dates as index.
    today : dates after it lie in the future; the present day by default.
    """
    try:
        parts = _take_apart(table)
    except DataError as error:
        return [Problem(str(error))]
    prices = parts.cells.apply(pd.to_numeric, errors="coerce").astype(float)
    problems = list(_check_dates(parts, pd.Timestamp.now() if today is None else today))
    problems += _check_columns(parts.cells)
    problems += _check_cells(parts, prices)
    problems += _check_moves(parts.dates, prices.where(np.isfinite(prices) & (prices > 0)))
    return sorted(problems, key=lambda problem: not problem.blocks)


def validate_prices(
    table: pd.DataFrame, name: str = "prices", today: pd.Timestamp | None = None
) -> pd.DataFrame:
    """The prices as numbers under a DatetimeIndex: (n_days, n_assets), dates ascending, positive or NaN.

    Raises
    ------
    DataError with all problems that `check_prices` finds, warnings apart.
    """
    told = [problem.text for problem in check_prices(table, today) if problem.blocks]
    if told:
        listed = "\n- ".join([f"{len(told)} problems.", *told]) if len(told) > 1 else told[0]
        raise DataError(f"{name}: {listed}")
    parts = _take_apart(table)
    dates = pd.DatetimeIndex(parts.dates, name="Date")
    cells = parts.cells.mask(_blank(parts.cells))
    prices = cells.apply(pd.to_numeric).astype(float).set_axis(dates).replace(0.0, np.nan)
    return prices.rename(columns=lambda ticker: str(ticker).strip())


def _is_named(column: object, names: set[str]) -> bool:
    return str(column).strip().lower() in names


def _long_format(table: pd.DataFrame) -> str | None:
    """How to pivot a table that holds one price a row, or None for a wide table."""
    columns = list(table.columns)
    date = next((column for column in columns if _is_named(column, _DATE_NAMES)), None)
    place = next((i for i, column in enumerate(columns) if _is_named(column, _TICKER_NAMES)), None)
    price = next((c for name in _PRICE_NAMES for c in columns if _is_named(c, {name})), None)
    if place is None or (price is None and pd.api.types.is_numeric_dtype(table.iloc[:, place])):
        return None
    index = str(date if date is not None else table.index.name or "date")
    arguments = f"index={index!r}, columns={str(columns[place])!r}, values={str(price or 'price')!r}"
    reset = "" if date is not None else ".reset_index()"
    return (
        f"the table is in long format (a row for each date and {str(columns[place])!r}), but one row a date "
        f"and one column a ticker are read. Save `table{reset}.pivot({arguments})` and check that file."
    )


def _take_apart(table: pd.DataFrame) -> _Table:
    """Separate dates from prices; DataError for a long table or one without a date column."""
    if long := _long_format(table):
        raise DataError(long)
    if isinstance(table.index, pd.DatetimeIndex):
        raw, cells = table.index.to_series(), table
    else:
        place = next((i for i, column in enumerate(table.columns) if _is_named(column, _DATE_NAMES)), None)
        if place is None and table.size and _parse_dates(table.iloc[:, 0]).notna().mean() > 0.5:
            place = 0
        if place is None:
            found = _few([_shown(column) for column in table.columns])
            raise DataError(
                f"no date column among {found or 'no columns'}. Name one column 'Date' and write its dates "
                f"as YYYY-MM-DD, one row a trading day."
            )
        raw = table.iloc[:, place]
        cells = table.iloc[:, [i for i in range(table.shape[1]) if i != place]]
    raw = raw.reset_index(drop=True)
    return _Table(_parse_dates(raw), raw, cells.reset_index(drop=True))


def _parse_dates(raw: pd.Series) -> pd.Series:
    """Local calendar dates; NaT where unreadable. Numbers are read as YYYYMMDD only."""
    if pd.api.types.is_datetime64_any_dtype(raw):
        return raw.dt.tz_localize(None).dt.normalize()
    if pd.api.types.is_numeric_dtype(raw):
        whole = raw.where(raw.between(19000101, 21001231) & (raw % 1 == 0))
        digits = whole.map(lambda number: f"{number:.0f}", na_action="ignore")
        return pd.to_datetime(digits, format="%Y%m%d", errors="coerce")
    # the offset of a time zone changes with the season, the local date before it does not
    text = raw.map(lambda cell: re.sub(r"^(\d{4}-\d{2}-\d{2})[T ].*$", r"\1", str(cell).strip()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return pd.to_datetime(text, errors="coerce").astype("datetime64[s]").dt.normalize()


def _check_dates(parts: _Table, today: pd.Timestamp) -> Iterator[Problem]:
    unreadable = parts.dates.isna()
    if unreadable.any():
        rows = [f"'{_shown(raw)}' in row {row + 1}" for row, raw in parts.raw_dates[unreadable].items()]
        yield Problem(f"{_count(rows, 'date')} cannot be read ({_few(rows)}). Write dates as YYYY-MM-DD.")
    dates = parts.dates[~unreadable]
    if twice := _days(dates[dates.duplicated()].drop_duplicates()):
        verb = "appears" if len(twice) == 1 else "appear"
        yield Problem(f"{_count(twice, 'date')} {verb} twice ({_few(twice)}). Keep one row a date.")
    if back := _days(dates[dates.diff() < pd.Timedelta(0)]):
        yield Problem(
            f"dates are not in ascending order: {_count(back, 'step')} back in time (at {_few(back)}). "
            f"Sort the rows by date."
        )
    if future := _days(dates[dates > today]):
        verb = "lies" if len(future) == 1 else "lie"
        yield Problem(
            f"{_count(future, 'date')} {verb} in the future ({_few(future)}). Keep dates up to "
            f"{today:%Y-%m-%d}; check that day and month are not exchanged."
        )
    yield from _check_spacing(dates.drop_duplicates().sort_values())


def _check_spacing(dates: pd.Series) -> Iterator[Problem]:
    days = dates.diff().dt.days
    if len(dates) < MIN_DAYS:
        yield Problem(
            f"{_count(dates, 'trading day')}, but at least {MIN_DAYS} are needed. Add earlier prices."
        )
    if len(dates) > 2 and (typical := days.median()) > 3:
        yield Problem(
            f"dates lie {typical:.0f} days apart, but prices of every trading day are needed. "
            f"Give daily prices."
        )
    elif gaps := _days(dates[days > MAX_GAP_CALENDAR_DAYS]):
        yield Problem(
            f"{_count(gaps, 'gap')} of more than {MAX_GAP_CALENDAR_DAYS} days without prices, ending on "
            f"{_few(gaps)}. A return over a gap counts as one day's; add the days that are missing.",
            blocks=False,
        )


def _check_columns(cells: pd.DataFrame) -> Iterator[Problem]:
    names = [str(column).strip() for column in cells.columns]
    originals = {name.upper() for name in names}
    # pandas reads a second column AAPL of a CSV file as AAPL.1
    plain = {name: re.sub(r"\.\d+$", "", name) for name in names}
    keys = [plain[name].upper() if plain[name].upper() in originals else name.upper() for name in names]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        yield Problem(
            f"{_count(twice, 'ticker')} named twice ({_few([_shown(name) for name in sorted(twice)])}). "
            f"Keep one column a ticker."
        )
    if len(originals) < MIN_ASSETS:
        yield Problem(
            f"{_count(originals, 'asset')} ({_few([_shown(name) for name in names]) or 'none'}), but at "
            f"least {MIN_ASSETS} are needed. Add one column of prices a ticker."
        )


def _check_cells(parts: _Table, prices: pd.DataFrame) -> Iterator[Problem]:
    missing = parts.cells.isna() | _blank(parts.cells)
    infinite = np.isinf(prices)
    for where, noun, what, remedy, blocks in (
        (prices.isna() & ~missing, "cell", "not a number", "Write 1234.5, without currency or comma.", True),
        (missing, "price", "missing", _GAPS, False),
        (prices == 0, "price", "zero", f"Read as missing. {_GAPS}", False),
        (infinite, "price", "infinite", "Put in the prices of the source.", True),
        (
            (prices < 0) & ~infinite,
            "price",
            "negative",
            "Prices lie above 0; give prices, not returns.",
            True,
        ),
    ):
        if n := int(where.to_numpy().sum()):
            cells = f"{n} {noun} is" if n == 1 else f"{n} {noun}s are"
            yield Problem(f"{cells} {what} ({_places(parts, where)}). {remedy}", blocks=blocks)


def _blank(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.map(lambda cell: isinstance(cell, str) and not cell.strip())


def _places(parts: _Table, where: pd.DataFrame) -> str:
    """Tickers with their number of marked cells and the first date of each."""
    texts = []
    for position in np.flatnonzero(where.to_numpy().any(axis=0)):
        marked = where.iloc[:, position].to_numpy()
        row = int(np.argmax(marked))
        day = parts.dates.iloc[row]
        first = f"row {row + 1}" if pd.isna(day) else f"{day:%Y-%m-%d}"
        texts.append(f"{_shown(where.columns[position])}: {int(marked.sum())}, first {first}")
    return _few(texts, "; ")


def _check_moves(dates: pd.Series, prices: pd.DataFrame) -> Iterator[Problem]:
    moves = prices.pct_change(fill_method=None)
    jumps = [
        f"{_shown(prices.columns[column])} {moves.iloc[row, column]:+.0%} on {_day(dates.iloc[row], row)}"
        for row, column in np.argwhere(moves.abs().to_numpy() > MAX_DAILY_MOVE)
    ]
    if jumps:
        yield Problem(
            f"{_count(jumps, 'daily move')} beyond +-{MAX_DAILY_MOVE:.0%} ({_few(jumps)}), probably "
            f"a split that was not adjusted. Use prices adjusted for splits and dividends.",
            blocks=False,
        )
    if still := [text for column in range(prices.shape[1]) if (text := _standstill(dates, moves, column))]:
        yield Problem(
            f"the price stands still for more than {MAX_CONSTANT_DAYS} days ({_few(still)}). "
            f"Volatilities are floored there; check whether the ticker was traded.",
            blocks=False,
        )


def _standstill(dates: pd.Series, moves: pd.DataFrame, column: int) -> str | None:
    """The longest standstill of a ticker, None if it is not too long."""
    unchanged = moves.iloc[:, column] == 0.0
    length = unchanged.groupby((~unchanged).cumsum()).cumsum()
    longest = int(length.max()) if len(length) else 0
    if longest <= MAX_CONSTANT_DAYS:
        return None
    row = int(length.argmax()) - longest
    return f"{_shown(moves.columns[column])} for {longest} days from {_day(dates.iloc[row], row)}"


def _day(date: pd.Timestamp, row: int) -> str:
    return f"row {row + 1}" if pd.isna(date) else f"{date:%Y-%m-%d}"


def _days(dates: pd.Series) -> list[str]:
    return [f"{date:%Y-%m-%d}" for date in dates]


def _shown(value: object) -> str:
    """A user's word as printed in a message: short and on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= 30 else f"{text[:27]}..."


def _count(items: Sized, noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _few(texts: Sequence[str], separator: str = ", ") -> str:
    """The first three texts, and how many more there are."""
    more = f"{separator}and {len(texts) - 3} more" if len(texts) > 3 else ""
    return separator.join(texts[:3]) + more
