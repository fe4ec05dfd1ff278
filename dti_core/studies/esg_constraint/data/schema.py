"""What a firm-year file must hold, in which units, and what each analysis and index needs of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.model.indices import INDICES


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a user's file: unit, and the values that cannot be.

    low, high : impossible below or above. money : in millions of currency, so it may be set against assets.
    """

    unit: str
    low: float = float("-inf")
    high: float = float("inf")
    money: bool = False


#: The columns of a user's file. `firm` and `year` are needed, all others open further analyses.
SCHEMA: Mapping[str, Column] = MappingProxyType(
    {
        "firm": Column("identifier, text or number"),
        "year": Column("calendar year, such as 2015", 1900, 2100),
        "rating_a": Column("ESG rating, number or grade C to AAA; higher = better"),
        "rating_b": Column("rating of a second rater, same rule"),
        "assets": Column("total assets in millions", low=0.0, money=True),
        "age": Column("years since listing or foundation", 0.0, 1000.0),
        "leverage": Column("debt over assets, a ratio", 0.0),
        "tobin_q": Column("market over book value of assets, a ratio", 0.0),
        "cash_flow": Column("operating cash flow in millions", money=True),
        "net_income": Column("net income in millions", money=True),
        "dividends": Column("cash dividends in millions", 0.0, money=True),
        "cash": Column("cash and equivalents in millions", 0.0, money=True),
        "fixed_assets": Column("fixed assets in millions", 0.0, money=True),
        "long_term_debt": Column("long-term debt in millions", 0.0, money=True),
        "sales": Column("sales in millions", 0.0, money=True),
        "capex": Column("capital expenditure in millions", money=True),
        "constraint": Column("an own constraint index, higher = more constrained (negate |SA|)"),
        "ownership": Column("1 or 'state' = owned by the state, 0 or 'private' = not"),
        "industry": Column("industry code, text or number"),
        "country": Column("country, text or code"),
        "weight": Column("weight of the firm-year, such as one over its chance of being sampled", 0.0),
        "cohort": Column("year in which a policy relaxed the firm's constraint, 0 = never", 0.0, 2100.0),
        "index_member": Column("1 = in an index that raters cover, 0 = not", 0.0, 1.0),
    }
)
TEXT_COLUMNS = ("firm", "ownership", "industry", "country")
RATINGS = ("rating_a", "rating_b")
#: Columns that are taken as they are.
AS_GIVEN = (*RATINGS, "cohort", "index_member", "weight")
#: Letter grades of Chinese raters, from worst to best; read as 1 to 9.
GRADES = ("C", "CC", "CCC", "B", "BB", "BBB", "A", "AA", "AAA")

#: Columns of a file from which each column of the analysis is made.
MADE_FROM: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "log_assets": ("assets",),
        "age": ("age",),
        "leverage": ("leverage",),
        "tobin_q": ("tobin_q",),
        "cash_flow": ("cash_flow", "assets"),
        "roa": ("net_income", "assets"),
        "dividends": ("dividends", "assets"),
        "cash": ("cash", "assets"),
        "fixed_assets": ("fixed_assets", "assets"),
        "long_term_debt": ("long_term_debt", "assets"),
        "investment": ("capex", "assets"),
        "sales_growth": ("sales",),
        "industry_growth": ("sales", "industry"),
        "constraint": ("constraint",),
    }
)
SENSITIVITY = "cash-flow sensitivity of investment"
_ANALYSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "effect on the rating": ("rating_a",),
        "swap of raters": ("rating_a", "rating_b"),
        "industry x year effects": ("industry",),
        "split by ownership": ("ownership",),
        SENSITIVITY: ("capex", "cash_flow", "assets"),
    }
)


def needed_for_index(name: str) -> tuple[str, ...]:
    """Columns of a file that an index needs, each once."""
    return tuple(dict.fromkeys(raw for column in INDICES[name].columns for raw in MADE_FROM[column]))


def analyses() -> dict[str, tuple[str, ...]]:
    """Every analysis and index, with the columns of a file that it needs."""
    return {**_ANALYSES, **{f"{name} index": needed_for_index(name) for name in INDICES}}


def parse_map(text: str) -> dict[str, str]:
    """Column names as typed, 'theirs=ours, theirs=ours', as a dictionary theirs -> ours.

    Raises
    ------
    DataError for a pair that cannot be read, an unknown name of ours, or two columns for one.
    """
    mapping: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        theirs, equals, ours = (piece.strip() for piece in pair.partition("="))
        if not (theirs and equals and ours):
            raise DataError(f"map: '{pair}' is not of the form theirs=ours, such as Total_Assets=assets.")
        if ours not in SCHEMA:
            raise DataError(f"map: no column '{ours}'. Ours are {', '.join(SCHEMA)}.")
        if ours in mapping.values():
            raise DataError(f"map: two columns are given for {ours}. Keep one.")
        mapping[theirs] = ours
    return mapping


def plain_name(column: object) -> str:
    """A column's name without case and blanks; `rating` is `rating_a`."""
    plain = str(column).strip().lower().replace(" ", "_")
    return "rating_a" if plain == "rating" else plain


def our_names(columns: Iterable[object], mapping: Mapping[str, str]) -> dict[object, str]:
    """Names in a file -> ours: by `mapping` first, then by equal names, whatever their case."""
    columns = list(columns)
    named: dict[object, str] = {column: mapping[str(column)] for column in columns if str(column) in mapping}
    for column in columns:
        plain = plain_name(column)
        if column not in named and plain in SCHEMA and plain not in named.values():
            named[column] = plain
    return named
