"""Daily returns of one universe of assets, checked against a schema, with a card that names their flaws."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.config import Config, load_experiment
from dti_core.lab.data import DataCard, Problem, packaged, read_user_tables
from dti_core.lab.errors import DataError
from dti_core.studies.lstm_portfolio.data.listing import Status, deaths, returns_of_lives
from dti_core.studies.lstm_portfolio.data.parameters import Parameters
from dti_core.studies.lstm_portfolio.data.prices import check_prices, validate_prices
from dti_core.studies.lstm_portfolio.data.riskless import daily_rate
from dti_core.studies.lstm_portfolio.data.sectors import SP500_20, sectors_of, split_sectors

#: Universes given as growth of one dollar a row, without dates.
UNDATED = ("nyse_o", "nyse_n", "tse", "djia")
MONTHS_A_YEAR = 12.0
#: Universes of months that hold firms which died, by the first and last of their columns.
MONTHLY = {
    "industries_12": ("NoDur", "Other"), "size_value_9": ("S1V1", "S5V5"),
    "size_momentum_9": ("S1M1", "S5M5"),
}  # fmt: skip
FACTORS = ("MktRF", "SMB", "HML", "Mom")


@dataclass(frozen=True, slots=True)
class Market:
    """What can be traded, and what it is compared with.

    returns : (n_days, n_assets) simple daily returns; rows are dates, or 0, 1, ... where the source has none.
    index_returns : (n_days,) simple daily returns of an index, None where the universe has none.
    vix : (n_days,) VIX at each close with gaps as NaN, None where dates do not match any.
    risk_free : (n_days,) simple return without risk, its name telling whose; None where it counts as 0.
    factors : (n_days, n_factors) returns of traded factors, None where there are none.
    periods_per_year : rows a year, 252 for days and 12 for months.
    status : (n_days, n_assets) Status of each share, None where all are traded every day. Returns are NaN
        outside of a share's life.
    sectors : of each asset by its column, None where they are not known.
    """

    returns: pd.DataFrame
    index_returns: pd.Series | None = None
    vix: pd.Series | None = None
    risk_free: pd.Series | None = None
    factors: pd.DataFrame | None = None
    periods_per_year: float = 252.0
    status: pd.DataFrame | None = None
    sectors: Mapping[str, str] | None = None

    @property
    def dated(self) -> bool:
        """Whether rows carry dates, so that months have ends."""
        return isinstance(self.returns.index, pd.DatetimeIndex)

    @property
    def monthly(self) -> bool:
        """Whether a row is a month, so that every length of the study is in months."""
        return self.periods_per_year == MONTHS_A_YEAR

    @property
    def states(self) -> NDArray[np.int8]:
        """(n_days, n_assets) Status of each share."""
        if self.status is None:
            return np.full(self.returns.shape, Status.TRADED, dtype=np.int8)
        return self.status.to_numpy()

    @property
    def excess(self) -> pd.DataFrame:
        """(n_days, n_assets) simple returns less the riskless rate."""
        return self.returns if self.risk_free is None else self.returns.sub(self.risk_free, axis=0)


def load(config: Config) -> tuple[Market, DataCard]:
    """The universe that `config.universe` names, and its card.

    Raises
    ------
    DataError for a file that is missing, changed or unfit, or for too few days for the folds asked for.
    """
    if config.universe == "yours":
        market, card = _load_yours(str(config.data_path), config.delisting_return)
    elif config.universe in UNDATED:
        market, card = _load_undated(config.universe)
    elif config.universe in MONTHLY:
        market, card = load_months(config.universe), packaged("french").card(config.universe)
    else:
        market, card = _load_sp500()
    validate_returns(market.returns if market.status is None else market.returns.fillna(0.0))
    check_length(market, config)
    if config.max_sector_weight < 1 and market.sectors is None:
        raise DataError(
            f"max_sector_weight={config.max_sector_weight:g} needs sectors, which {config.universe} has not. "
            f"With --data give a folder of two tables: prices, and one with the columns ticker and sector."
        )
    return market, card


def load_months(universe: str) -> Market:
    """Monthly portfolios of one of the MONTHLY universes, 1949-2017, with market, riskless rate and factors.

    Source: Kenneth French's data library, as linearmodels ships it.
    """
    table = packaged("french").table(index_col=0, parse_dates=True)
    table.index = table.index + pd.offsets.MonthEnd(0)
    first, last = MONTHLY[universe]
    market = (table["MktRF"] + table["RF"]).rename("market")
    return Market(
        table.loc[:, first:last], market, risk_free=table["RF"].rename("bills"),
        factors=table[list(FACTORS)], periods_per_year=MONTHS_A_YEAR,
    )  # fmt: skip


def validate_returns(returns: pd.DataFrame) -> pd.DataFrame:
    """Return `returns` if every column holds finite simple returns above -1 and rows run forward in time.

    Raises
    ------
    DataError that names the first column and row at fault.
    """
    import pandera.errors
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {".+": pa.Column(float, [pa.Check.gt(-1.0), pa.Check(np.isfinite, error="finite")], regex=True)},
        checks=pa.Check(lambda table: table.index.is_monotonic_increasing and table.index.is_unique),
    )
    try:
        return schema.validate(returns)
    except pandera.errors.SchemaError as error:
        raise DataError(f"returns are unfit: {error}. Run `dti data check` on the price file.") from error


def check_length(market: Market, config: Config) -> None:
    """Raise DataError unless there are days for the window of the first test year and for all folds."""
    sizes, n_days = config.typed(Parameters), len(market.returns)
    if not market.monthly and n_days < days_needed(sizes):
        raise DataError(
            f"{config.slug}: {n_days} days of returns are too few for n_folds={sizes.n_folds} of "
            f"{sizes.refit_months} months after lookback_days={sizes.lookback_days} "
            f"({days_needed(sizes)} days needed). {suggest_sizes(n_days, sizes)}"
        )


def days_needed(sizes: Parameters) -> int:
    """Days of returns that the folds, the first portfolio and the first fit ask for."""
    learning_days = sizes.window_days + sizes.validation_days + 2 * sizes.horizon_days
    return max(sizes.lookback_days, learning_days) + 21 + sizes.n_folds * sizes.refit_months * 21


def suggest_sizes(n_days: int, sizes: Parameters) -> str:
    """The settings, from large to small, with which a table of `n_days` can be studied."""
    for lookback, validation, months in ((504, 252, 24), (504, 252, 12), (252, 126, 6), (126, 63, 3)):
        smaller = replace(
            sizes, n_folds=1, lookback_days=lookback, validation_days=validation, refit_months=months
        )
        n_folds = min(sizes.n_folds, 1 + (n_days - days_needed(smaller)) // (21 * months))
        if n_folds >= 2:
            return (
                f"Add -p n_folds={n_folds} -p lookback_days={lookback} -p validation_days={validation} "
                f"-p refit_months={months}."
            )
    return "Give a longer table."


def to_returns(prices: pd.DataFrame) -> pd.DataFrame:
    """(n_days - 1, n_assets) simple returns of (n_days, n_assets) prices."""
    return prices.pct_change(fill_method=None).iloc[1:].astype(float)


def _load_sp500() -> tuple[Market, DataCard]:
    prices = _dated_prices("sp500_20")
    index = to_returns(_dated_prices("sp500_index")).iloc[:, 0]
    returns = to_returns(prices)
    vix = pd.to_numeric(_dated_prices("vix").iloc[:, 0], errors="coerce")
    vix = vix.reindex(returns.index)
    rate = daily_rate(pd.DatetimeIndex(returns.index))
    market = Market(returns, index.reindex(returns.index), vix, rate, sectors=SP500_20)
    return market, packaged("sp500_20").card("sp500_20")


def _load_undated(name: str) -> tuple[Market, DataCard]:
    """Rows hold growth since the start, so the first row is itself a gross return."""
    growth = packaged(name).table()
    start = pd.DataFrame(np.ones((1, growth.shape[1])), columns=growth.columns)
    returns = to_returns(pd.concat([start, growth], ignore_index=True)).reset_index(drop=True)
    return Market(returns), packaged(name).card(name)


def _load_yours(data_path: str, delisting_return: float) -> tuple[Market, DataCard]:
    if not data_path:
        raise DataError(
            "universe='yours' needs data_path: a CSV or Parquet file, dates x tickers, with prices."
        )
    tables, card = read_user_tables(data_path)
    table, told = split_sectors(tables)
    prices = validate_prices(table)
    sectors = None if told is None else sectors_of(told, prices)
    card = replace(card, rows=len(table), columns=table.shape[1])
    if not prices.isna().to_numpy().any():
        return Market(to_returns(prices), sectors=sectors), card
    returns, status = returns_of_lives(prices, delisting_return)
    return Market(returns, status=status, sectors=sectors), replace(
        card, caveat=f"{card.caveat} {_lives_in_words(returns, status, delisting_return)}"
    )


def _lives_in_words(returns: pd.DataFrame, status: pd.DataFrame, delisting_return: float) -> str:
    """What happens to shares in this table, for its card."""
    gone = deaths(returns, status).index.unique()
    late = int((status.iloc[0] == Status.OUT).sum())
    halted = int((status == Status.HALTED).any().sum())
    names = ", ".join(map(str, gone[:5])) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    ends = (
        f"{len(gone)} end ({names}) with a last return of {delisting_return:.0%}"
        if len(gone)
        else "none ends"
    )
    return (
        f"Of {status.shape[1]} shares {late} are listed after the first day, {halted} halted at times and "
        f"{ends}, an assumption of the run."
    )


def _dated_prices(name: str) -> pd.DataFrame:
    table = packaged(name).table(index_col=0)
    table.index = pd.to_datetime(table.index)
    return table


def check(table: pd.DataFrame) -> list[Problem]:
    """All problems of a user's table of prices, those that block the study first."""
    problems = check_prices(table)
    sizes, n_days = load_experiment("lstm_portfolio").resolve().typed(Parameters), len(table) - 1
    if n_days < days_needed(sizes) and not any(problem.blocks for problem in problems):
        advice = suggest_sizes(n_days, sizes)
        short = f"{n_days} days of returns are too few for the default sizes. {advice}"
        problems.append(Problem(short, blocks=not advice.startswith("Add")))
    return problems
