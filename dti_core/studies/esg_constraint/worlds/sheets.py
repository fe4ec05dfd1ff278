"""Balance sheets of a batch of panels, from its noise."""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.worlds import firms
from dti_core.studies.esg_constraint.worlds.firms import SERIES, entry_years, loaded, process
from dti_core.studies.esg_constraint.worlds.noise import Noise
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings


@dataclass(frozen=True, slots=True)
class Sheets:
    """Firm-years of a batch, before unlisted ones are blanked.

    columns : name -> (n_draws, n_firms, n_years), in the units of PanelDraws. size : log assets in sd.
    observed : same shape. state : (n_draws, n_firms).
    """

    columns: dict[str, Array]
    size: Array
    observed: Mask
    state: Mask


def make_sheets(settings: WorldSettings, noise: Noise) -> Sheets:
    """Simulate all columns that ESG does not move."""
    firm_factors = (noise.fixed["log_assets"], noise.constraint_factor, noise.fixed["profit"])
    year_factors = (noise.yearly["constraint"], noise.yearly["profit"])
    entry = entry_years(settings.n_firms, settings.n_years, settings.n_first, round(0.78 * settings.n_years))
    normals = {
        name: process(series, (noise.fixed[name], noise.yearly[name]), firm_factors, year_factors, entry)
        for name, series in SERIES.items()
    }
    columns = {name: SERIES[name].shape.of(normal) for name, normal in normals.items()}
    columns["long_term_debt"] = columns["leverage"] * np.minimum(columns.pop("long_term_share"), 0.9)
    since = np.arange(settings.n_years) - entry[:, None]
    observed = np.broadcast_to(since >= 0, normals["log_assets"].shape)
    columns["age"] = _age(noise, since)
    columns["industry_growth"] = _industry_mean(columns["sales_growth"], noise.industry, observed)
    columns["investment"] = _investment(columns["cash_flow"], noise)
    owner = loaded(noise.fixed["state"], firm_factors[:2], (0.25, -0.25))
    return Sheets(columns, normals["log_assets"], observed, owner > firms.STATE_THRESHOLD)


def _age(noise: Noise, since: Integers) -> Array:
    """Whole years since foundation; large firms are somewhat older."""
    at_entry = np.rint(
        firms.AGE_AT_ENTRY.of(loaded(noise.fixed["age"], (noise.fixed["log_assets"],), (0.1,)))
    )
    return at_entry[..., None] + since


def _investment(cash_flow: Array, noise: Noise) -> Array:
    """Investment outflow over assets: reacts to cash flow as measured, else firm effect and noise."""
    rest = 0.025 * noise.fixed["investment"][..., None] + 0.045 * noise.yearly["investment"]
    return 0.055 + firms.CASH_FLOW_SENSITIVITY * cash_flow + rest


def _industry_mean(values: Array, industry: Integers, observed: Mask) -> Array:
    """Mean of each industry-year over listed firms, at each of its firms."""
    member = industry[..., None] == np.arange(firms.N_INDUSTRIES)
    weights = member.astype(np.float64)
    sums = np.einsum("dnk,dnt->dkt", weights, np.where(observed, values, 0.0), optimize=True)
    counts = np.einsum("dnk,dnt->dkt", weights, observed.astype(np.float64), optimize=True)
    means = sums / np.maximum(counts, 1.0)
    return means[np.arange(len(values))[:, None], industry]
