"""Indices of financing constraints: formulas, units, caps and sources; higher always means more constrained.

To add an index, write its function and add one entry to `INDICES`; the check, the figures and the
specification curve read the registry.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.model.arrays import Array
from dti_core.studies.esg_constraint.model.logit_index import fc_index

#: Hadlock and Pierce replace larger sizes by ln of 4,500 (million dollars of 2004) and higher ages by 37.
SA_SIZE_CAP = math.log(4500.0)
SA_AGE_CAP_YEARS = 37.0


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """One index of financing constraints.

    function : takes the columns by name, arrays of one shape (..., n_firms, n_years), and returns that shape.
    columns : columns it needs. controls : usual controls of a rating regression that are part of the index.
    source : paper of formula and coefficients.
    """

    function: Callable[..., Array]
    columns: tuple[str, ...]
    controls: tuple[str, ...]
    source: str


def sa_index(log_assets: Array, age: Array, rmb_per_dollar: float | None = None) -> Array:
    """Size-age index, -0.737 size + 0.043 size^2 - 0.040 age, after caps; from about -4.6 to -0.

    Size is ln of total assets in millions, at constant prices, capped at ln 4500; age in years since listing
    (often since foundation, where the listing date is not known), capped at 37. The coefficients come from US
    dollars of 2004. With `rmb_per_dollar` sizes in RMB are turned into dollars first; without it RMB are
    taken as they are, as most Chinese papers do: the fall with size then ends at 5.3 billion RMB, and the cap
    (4.5 billion) keeps larger firms from looking constrained again.

    Sign: higher (nearer 0) = more constrained. Papers that print |SA| call the *larger* absolute value more
    constrained, which reverses the order of firms; values given as |SA| must be negated before use.

    Source: Hadlock and Pierce (2010), Review of Financial Studies 23, 1909-1940.

    Parameters
    ----------
    log_assets, age : any one shape.
    """
    size = log_assets if rmb_per_dollar is None else log_assets - math.log(rmb_per_dollar)
    size = np.minimum(size, SA_SIZE_CAP)
    return -0.737 * size + 0.043 * size**2 - 0.040 * np.minimum(age, SA_AGE_CAP_YEARS)


def kz_index(cash_flow: Array, tobin_q: Array, leverage: Array, dividends: Array, cash: Array) -> Array:
    """Kaplan-Zingales index, -1.002 CF + 0.283 Q + 3.139 leverage - 39.368 dividends - 1.315 cash.

    Cash flow, dividends and cash are over assets here; Lamont, Polk and Saa-Requejo divide by fixed capital
    at the start of the year, later papers by total assets. Leverage is debt over assets, Q the market-to-book
    ratio of assets. Higher = more constrained. It contains leverage, cash and Q, the usual controls, and
    Hadlock and Pierce find little that supports it.

    Source: Kaplan and Zingales (1997), with the coefficients of Lamont, Polk and Saa-Requejo (2001), RFS 14.

    Parameters
    ----------
    All of one shape, as ratios, not per cent.
    """
    return -1.002 * cash_flow + 0.283 * tobin_q + 3.139 * leverage - 39.368 * dividends - 1.315 * cash


def ww_index(
    cash_flow: Array, dividends: Array, long_term_debt: Array, log_assets: Array, industry_growth: Array,
    sales_growth: Array,
) -> Array:  # fmt: skip
    """Whited-Wu index, -0.091 CF - 0.062 DIVPOS + 0.021 TLTD - 0.044 LNTA + 0.102 ISG - 0.035 SG.

    CF: cash flow over assets; DIVPOS: 1 where dividends are paid; TLTD: long-term debt over assets; LNTA: ln
    of real assets in millions; ISG, SG: growth of sales of the industry and of the firm, as ratios. The
    coefficients were estimated on quarterly US data; on yearly data CF, ISG and SG enter as yearly ratios,
    as is common. Higher = more constrained.

    Source: Whited and Wu (2006), Review of Financial Studies 19, 531-559, eq. 13.

    Parameters
    ----------
    All of one shape.
    """
    pays = np.where(np.isnan(dividends), np.nan, (dividends > 0).astype(np.float64))
    financing = -0.091 * cash_flow - 0.062 * pays + 0.021 * long_term_debt
    return financing - 0.044 * log_assets + 0.102 * industry_growth - 0.035 * sales_growth


#: All indices by name.
INDICES: Mapping[str, IndexSpec] = MappingProxyType(
    {
        "SA": IndexSpec(
            sa_index, ("log_assets", "age"), ("log_assets",),
            "Hadlock and Pierce (2010)",
        ),
        "KZ": IndexSpec(
            kz_index, ("cash_flow", "tobin_q", "leverage", "dividends", "cash"),
            ("leverage", "cash", "tobin_q", "cash_flow"), "Kaplan and Zingales (1997); Lamont et al. (2001)",
        ),
        "WW": IndexSpec(
            ww_index,
            ("cash_flow", "dividends", "long_term_debt", "log_assets", "industry_growth", "sales_growth"),
            ("log_assets", "cash_flow", "sales_growth"), "Whited and Wu (2006)",
        ),
        "FC": IndexSpec(
            fc_index,
            ("log_assets", "age", "dividends", "leverage", "tobin_q", "cash", "roa"),
            ("log_assets", "leverage", "tobin_q", "cash", "roa"), "Kuang, Shi and Yang (2010)",
        ),
    }
)  # fmt: skip


def index_spec(name: str) -> IndexSpec:
    """The index of that name. DataError if there is none."""
    if name not in INDICES:
        raise DataError(f"no constraint index '{name}'. Known: {', '.join(INDICES)}.")
    return INDICES[name]


def missing_columns(name: str, available: Iterable[str]) -> list[str]:
    """Columns that the index needs and `available` lacks."""
    have = set(available)
    return [column for column in index_spec(name).columns if column not in have]


def compute_index(name: str, columns: Mapping[str, Array]) -> Array:
    """The index `name` of (..., n_firms, n_years) columns; NaN where one of its columns is.

    Raises
    ------
    DataError if the index is not known, or its columns are not all there.
    """
    spec = index_spec(name)
    if missing := missing_columns(name, columns):
        raise DataError(
            f"the {name} index needs {', '.join(spec.columns)}; missing: {', '.join(missing)}. "
            f"Add the columns, map them with map='theirs=ours', or choose another index."
        )
    return spec.function(**{column: columns[column] for column in spec.columns})
