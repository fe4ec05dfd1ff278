"""All random numbers of a simulated panel, drawn a panel at a time so that batches do not change them."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers
from dti_core.studies.esg_constraint.worlds.firms import N_INDUSTRIES, SERIES, autoregression, loaded
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings

#: Years simulated before the first, so that effect and reverse effect have settled.
WARM_UP = 6
#: Firm-level share of latent ESG and of a rater's error, and AR(1) of the rest; together with rater noise
#: they give the measured between-firm share (.78 over five years) and AR(1) (.77) of a rating.
ESG_BETWEEN, ESG_PERSISTENCE = 0.68, 0.42
ERROR_BETWEEN, ERROR_PERSISTENCE = 0.68, 0.42
HIDDEN_PERSISTENCE = 0.5
#: Firm effect of constraint: sd and loading on size. Firm effect of ESG: loadings on size and constraint.
CONSTRAINT_FIRM_SD, CONSTRAINT_ON_SIZE = 1.0, -0.4
ESG_ON_SIZE, ESG_ON_CONSTRAINT = 0.60, -0.25
#: Year shocks (sd, and their correlation between constraint and ESG) and industry-year shocks (sd).
YEAR_SD, YEAR_CORRELATION, INDUSTRY_YEAR_SD = 0.25, -0.6, 0.08

_YEARLY = (*SERIES, "constraint", "profit", "esg", "error_a", "error_b", "investment", "coverage", "member")
_FIXED = (*_YEARLY, "age", "state")
#: Noise of single worlds: each name has a stream of its own, so that a further one moves nothing.
_EXTRA = ("measurement", "hidden")


@dataclass(frozen=True, slots=True)
class Noise:
    """Unit-variance noise of a batch, mixed into the paths that do not depend on effects.

    yearly, fixed : name -> (n_draws, n_firms, n_years) and (n_draws, n_firms) standard normal.
    constraint_path, esg_path : (n_draws, n_firms, WARM_UP + n_years), without any effect on each other.
    constraint_factor : (n_draws, n_firms) firm effect of constraint in sd.
    rater_errors : two arrays (n_draws, n_firms, n_years) of unit variance. membership : latent, same shape.
    treatment, cohort : (n_draws, n_firms) uniform on [0, 1). industry : (n_draws, n_firms) code from 0.
    hidden, measurement : like constraint_path, an AR(1) that nobody measures and white noise; None where the
        settings do without.
    """

    yearly: dict[str, Array]
    fixed: dict[str, Array]
    constraint_path: Array
    esg_path: Array
    constraint_factor: Array
    rater_errors: tuple[Array, Array]
    membership: Array
    treatment: Array
    cohort: Array
    industry: Integers
    hidden: Array | None = None
    measurement: Array | None = None


def draw_noise(settings: WorldSettings, generators: Sequence[np.random.Generator]) -> Noise:
    """Noise of one panel a generator."""
    n_firms, n_years = settings.n_firms, settings.n_years + WARM_UP
    n_draws = len(generators)
    yearly = np.empty((n_draws, len(_YEARLY), n_firms, n_years))
    fixed = np.empty((n_draws, len(_FIXED), n_firms))
    uniform = np.empty((n_draws, 3, n_firms))
    common = np.empty((n_draws, 2, 1 + N_INDUSTRIES, n_years))
    for draw, rng in enumerate(generators):
        rng.standard_normal(out=yearly[draw])
        rng.standard_normal(out=fixed[draw])
        rng.random(out=uniform[draw])
        rng.standard_normal(out=common[draw])
    paths = {name: yearly[:, place] for place, name in enumerate(_YEARLY)}
    firms = {name: fixed[:, place] for place, name in enumerate(_FIXED)}
    industry = (uniform[:, 2] * N_INDUSTRIES).astype(np.int64)
    shocks = _shared_shocks(common, industry)
    factor = loaded(firms["constraint"], (firms["log_assets"],), (CONSTRAINT_ON_SIZE,))
    esg_firm = loaded(
        firms["esg"], (firms["log_assets"], firms["constraint"]), (ESG_ON_SIZE, ESG_ON_CONSTRAINT)
    )
    constraint = autoregression(paths["constraint"], settings.persistence)
    constraint += CONSTRAINT_FIRM_SD * factor[..., None] + shocks[0]
    esg = _split(esg_firm, paths["esg"], ESG_BETWEEN, ESG_PERSISTENCE) + shocks[1]
    wanted = {
        "measurement": settings.reliability < 1 or settings.size_overlap > 0,
        "hidden": settings.hidden_shock != 0,
    }
    extra = {name: _extra(name, generators, (n_firms, n_years)) for name in _EXTRA if wanted[name]}
    hidden = autoregression(extra["hidden"], HIDDEN_PERSISTENCE) if "hidden" in extra else None
    last = {name: path[..., WARM_UP:] for name, path in paths.items()}
    errors = tuple(
        _split(firms[name], last[name], ERROR_BETWEEN, ERROR_PERSISTENCE) for name in ("error_a", "error_b")
    )
    return Noise(
        yearly=last, fixed=firms, constraint_path=constraint, esg_path=esg, constraint_factor=factor,
        rater_errors=(errors[0], errors[1]), membership=_split(firms["member"], last["member"], 0.7, 0.7),
        treatment=uniform[:, 0], cohort=uniform[:, 1], industry=industry, hidden=hidden,
        measurement=extra.get("measurement"),
    )  # fmt: skip


def _extra(name: str, generators: Sequence[np.random.Generator], shape: tuple[int, int]) -> Array:
    """(n_draws, *shape) standard normal, by a generator a panel that the panel's seed and `name` make."""
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    roots = [cast(np.random.SeedSequence, generator.bit_generator.seed_seq) for generator in generators]
    named = [np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, word)) for root in roots]
    return np.stack([np.random.default_rng(seeds).standard_normal(shape) for seeds in named])


def _split(firm: Array, year: Array, between: float, persistence: float) -> Array:
    """Unit-variance process with a firm effect of variance `between`."""
    return math.sqrt(between) * firm[..., None] + math.sqrt(1.0 - between) * autoregression(year, persistence)


def _shared_shocks(common: Array, industry: Integers) -> tuple[Array, Array]:
    """Year and industry-year shocks of constraint and of ESG, (n_draws, n_firms, n_years) each."""
    year_constraint = common[:, 0, 0]
    year_esg = loaded(common[:, 1, 0], (year_constraint,), (YEAR_CORRELATION,))
    rows = np.arange(len(common))[:, None]
    by_industry = INDUSTRY_YEAR_SD * common[:, :, 1:]
    constraint = by_industry[:, 0][rows, industry] + YEAR_SD * year_constraint[:, None]
    esg = by_industry[:, 1][rows, industry] + YEAR_SD * year_esg[:, None]
    return constraint, esg
