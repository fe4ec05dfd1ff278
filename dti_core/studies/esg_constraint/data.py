"""Firm-year panels of the study, typed and validated, each with a card; never one in place of another."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard, DataSet, Problem, load_registry, read_user_table
from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.check import check_panel, numbers_of, owned_by_state
from dti_core.studies.esg_constraint.model.world import WORLDS, Truth, simulate_panel, truth
from dti_core.studies.esg_constraint.rectangles import to_long
from dti_core.studies.esg_constraint.schema import AS_GIVEN, MADE_FROM, TEXT_COLUMNS, our_names, parse_map

#: Real panels inside packages: their firm column; all have a column year.
PACKAGED = {
    "snmesp": "firm",
    "innovation": "company",
    "empluk": "firm",
    "grunfeld": "firm",
    "petersen": "firm",
}
PANELS = ("simulated", *PACKAGED, "yours")
#: Columns that exist in years without limits of sign; the others are judged by their schema.
_POSITIVE = ("age", "leverage", "tobin_q", "cash", "dividends", "fixed_assets", "long_term_debt")


@dataclass(frozen=True, slots=True)
class FirmPanel:
    """A panel ready for analysis.

    table : (n_firm_years, ...) sorted by firm and year; columns firm and year, the others numbers. Money is
    over
        total assets of the same year, growth a ratio to last year, log_assets ln of millions.
    truth : what is true in the world that made it, None for real data.
    """

    table: pd.DataFrame
    truth: Truth | None = None

    @property
    def rated(self) -> bool:
        """Whether the panel holds a rating, without which only the constraint side can be studied."""
        return "rating_a" in self.table

    @property
    def numbers(self) -> list[str]:
        """Names of the numeric columns besides firm and year."""
        return [str(name) for name in self.table if name not in ("firm", "year")]


def load(config: Config) -> tuple[FirmPanel, DataCard]:
    """The panel that `config.panel` names, and its card.

    A simulated panel is the first draw of the world `config.world`, from the run's seeds.

    Raises
    ------
    DataError for a file that is missing, changed or unfit.
    """
    if config.panel == "yours":
        return load_yours(str(config.data_path), str(config.map))
    if config.panel == "simulated":
        return load_simulated(str(config.world), config.seeds())
    return load_packaged(str(config.panel))


def check(table: pd.DataFrame, mapping: str = "") -> list[Problem]:
    """All problems of a user's table; `mapping` renames columns, 'theirs=ours, theirs=ours'."""
    return check_panel(table, parse_map(mapping))


def load_simulated(world: str, seeds: np.random.SeedSequence) -> tuple[FirmPanel, DataCard]:
    """One panel of a world, as an analyst would see it (latent ESG left out)."""
    if world not in WORLDS:
        raise DataError(f"no world '{world}'. Known: {', '.join(WORLDS)}.")
    settings = WORLDS[world]
    table = to_long(simulate_panel(settings, 1, np.random.default_rng(seeds)))
    what = f"world '{world}', effect {settings.effect:g}, reverse effect {settings.reverse_effect:g}"
    card = DataCard(
        name=f"esg_{world}", title="Simulated panel of Chinese-like listed firms", origin="simulated",
        badge=f"Simulated data: {what}", source="Made by this study's simulator from its seeds.",
        licence="MIT", rows=len(table), columns=table.shape[1], sha256=_sha256(table),
        caveat="Calibrated to measured moments (printed beside their targets); its effects are assumptions.",
    )  # fmt: skip
    return FirmPanel(validate_panel(table), truth(settings)), card


def load_packaged(name: str) -> tuple[FirmPanel, DataCard]:
    """A real panel of an installed package, with its own column names besides firm and year."""
    source = _registered(name)
    if source.file.endswith(".txt"):
        table = source.table(sep=r"\s+", header=None, names=["firm", "year", "x", "y"])
    else:
        table = pd.read_pickle(source.stream(), compression="xz").drop(columns="rownames")
        table = table.rename(columns={PACKAGED[name]: "firm"})
    for column in table.columns.difference(["firm", "year"]):
        values = table[column]
        if not pd.api.types.is_numeric_dtype(values):
            values = values.map({"yes": 1.0, "no": 0.0})
        table[column] = values.astype(np.float64)
    first = ["firm", "year"]
    return FirmPanel(
        validate_panel(table[[*first, *table.columns.difference(first, sort=False)]])
    ), source.card(name)


def load_yours(data_path: str, mapping: str = "") -> tuple[FirmPanel, DataCard]:
    """The user's file, checked as `dti data check` does, with ratios and growth made from its amounts.

    Raises
    ------
    DataError with all blocking problems at once.
    """
    if not data_path:
        raise DataError("panel='yours' needs data_path: a CSV, Parquet or Stata file, a row a firm and year.")
    raw, card = read_user_table(data_path)
    names = parse_map(mapping)
    if blocking := [problem.text for problem in check_panel(raw, names) if problem.blocks]:
        lines = "\n".join(f"- {text}" for text in blocking)
        raise DataError(f"{card.title}: {len(blocking)} problem{'s' * (len(blocking) > 1)}.\n{lines}")
    return FirmPanel(validate_panel(prepare(raw, names))), card


def prepare(raw: pd.DataFrame, mapping: dict[str, str]) -> pd.DataFrame:
    """Columns of the analysis from a checked file: logs, ratios to assets, growth and codes, sorted.

    Growth needs last year's row; it is missing after a gap.
    """
    named = our_names(raw.columns, mapping)
    ours = raw[list(named)].set_axis(list(named.values()), axis=1)
    amounts = {name: numbers_of(ours[name], name) for name in ours if name not in TEXT_COLUMNS}
    table = pd.DataFrame({"firm": ours["firm"].to_numpy(), "year": amounts["year"].astype(np.int64)})
    for name, sources in MADE_FROM.items():
        if set(sources) <= set(amounts) and not name.endswith("growth"):
            table[name] = _made(name, amounts, sources)
    for name in AS_GIVEN:
        if name in amounts:
            table[name] = amounts[name]
    if "ownership" in ours:
        table["state"] = owned_by_state(ours["ownership"])
    if "industry" in ours:
        codes = pd.factorize(ours["industry"], sort=True)[0]
        table["industry"] = np.where(codes < 0, np.nan, codes)
    if "sales" in amounts:
        table["sales_growth"] = _growth(table, amounts["sales"])
        if "industry" in table:
            table["industry_growth"] = table.groupby(["industry", "year"])["sales_growth"].transform("mean")
    return table.sort_values(["firm", "year"], ignore_index=True)


def validate_panel(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` if firm-years are unique, years whole, and numbers missing or finite and possible.

    Raises
    ------
    DataError that names the column at fault.
    """
    import pandera.errors
    import pandera.pandas as pa

    finite = pa.Check(lambda values: ~np.isinf(values), error="infinite")
    columns = {
        name: pa.Column(float, [finite, *([pa.Check.ge(0.0)] if name in _POSITIVE else [])], nullable=True)
        for name in table
        if name not in ("firm", "year")
    }
    keys = {"firm": pa.Column(nullable=False), "year": pa.Column(int, coerce=True)}
    try:
        return pa.DataFrameSchema({**keys, **columns}, unique=["firm", "year"]).validate(table)
    except pandera.errors.SchemaError as error:
        raise DataError(
            f"the panel is unfit: {error}. Run `dti data check esg_constraint` on the file."
        ) from error


def _made(name: str, amounts: dict[str, np.ndarray], sources: tuple[str, ...]) -> np.ndarray:
    if name == "log_assets":
        return np.log(amounts["assets"])
    if len(sources) == 2:
        return np.asarray(amounts[sources[0]] / amounts["assets"])
    return amounts[sources[0]]


def _growth(table: pd.DataFrame, amount: np.ndarray) -> np.ndarray:
    """(n,) change over last year as a ratio; NaN in a first year, after a gap, or from nothing."""
    ordered = pd.DataFrame({"firm": pd.factorize(table["firm"])[0], "year": table["year"], "amount": amount})
    ordered = ordered.sort_values(["firm", "year"])
    before = ordered.shift(1)
    next_year = (
        (ordered["firm"] == before["firm"]) & (ordered["year"] == before["year"] + 1) & (before["amount"] > 0)
    )
    growth = (ordered["amount"] / before["amount"] - 1.0).where(next_year)
    return growth.sort_index().to_numpy()


def _registered(name: str) -> DataSet:
    """The registry's row of one of this study's panels."""
    if name not in PACKAGED:
        raise DataError(f"no panel '{name}'. Known: {', '.join(PANELS)}.")
    registry = load_registry()
    if name not in registry:
        raise DataError(f"panel '{name}' is not in the registry experiments/data/packaged.yaml.")
    return registry[name]


def _sha256(table: pd.DataFrame) -> str:
    return hashlib.sha256(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()).hexdigest()
