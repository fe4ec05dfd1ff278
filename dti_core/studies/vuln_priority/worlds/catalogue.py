"""A simulated catalogue of vulnerabilities whose scores sort what is exploited later as well as one says.

Behind each record stand normal numbers, one a score, that are correlated as in CISA's records. Where a
vulnerability is exploited later, they are higher by what gives each score its area under the curve, so that
the odds of it are logistic in them. With the observed areas it is a world like ours; others differ in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.methods import World

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Names of the scores, in the order of CORRELATIONS.
SCORES = ("cvss", "epss", "automatable", "total", "exploitation")
#: Of the numbers behind the scores: as in 43,939 records of CISA (polychoric), and EPSS with CVSS from their
#: rank correlation of .43. Those of EPSS with the decision points are not known and assumed.
CORRELATIONS = np.array([
    [1.00, 0.45, 0.48, 0.79, 0.09],
    [0.45, 1.00, 0.45, 0.45, 0.10],
    [0.48, 0.45, 1.00, 0.15, 0.23],
    [0.79, 0.45, 0.15, 1.00, 0.15],
    [0.09, 0.10, 0.23, 0.15, 1.00],
])  # fmt: skip
#: Base scores at shares of the records.
_SHARES = (0.0, 0.01, 0.03, 0.10, 0.20, 0.25, 0.40, 0.50, 0.60, 0.70, 0.75, 0.80, 0.90, 0.94, 1.0)
_CVSS = (0.0, 2.7, 4.3, 4.5, 5.3, 5.4, 6.2, 6.6, 7.2, 7.5, 7.8, 8.2, 8.9, 9.8, 9.8)
#: Shares of records from which on a state holds: automatable, total impact; proof of concept, active.
_STATES: Mapping[str, tuple[float, ...]] = {
    "automatable": (0.18,), "total": (0.31,), "exploitation": (0.18, 0.005)
}  # fmt: skip
#: Spread of the logarithm of the EPSS-like chance: that of a chance as good as EPSS at disclosure.
_EPSS_SPREAD = 1.106


@dataclass(frozen=True, slots=True)
class Settings:
    """Area under the curve of each score for what is exploited later, and what no score sees.

    cvss, automatable, total : as of entries of KEV in CISA's records. epss : as at disclosure. exploitation :
    as of entries that came after the records. rate : share that is exploited. unseen : spread of the
    logarithm of the odds that no score tells of.
    """

    cvss: float = 0.755
    epss: float = 0.783
    automatable: float = 0.63
    total: float = 0.71
    exploitation: float = 0.51
    rate: float = 0.005
    unseen: float = 0.5


@dataclass(frozen=True, slots=True)
class Catalogue:
    """n records: scores as in real ones, the true chance to be exploited later, and whether it was."""

    cvss: Array
    epss: Array
    automatable: Array
    total: Array
    exploitation: Array
    chance: Array
    exploited: Flags

    def take(self, which: NDArray[np.int64] | slice) -> "Catalogue":
        """Those records, in that order and shape."""
        return Catalogue(**{one.name: getattr(self, one.name)[which] for one in fields(self)})

    @property
    def points(self) -> Array:
        """State of exploitation first, then automatable and total impact, a point each."""
        return 10 * self.exploitation + self.automatable + self.total


_NONE = dict.fromkeys(SCORES, 0.5)
CATALOGUES: dict[str, World[Settings]] = {
    "observed": World("Simulated as CISA's records are", "observed", Settings()),
    "informative_cvss": World("CVSS is as good as the best", "threat", Settings(cvss=0.87, total=0.80)),
    "leaky_flag": World("Flags set after the exploit", "threat", Settings(exploitation=0.974)),
    "independent": World("Exploits ask for no score", "negative", Settings(**_NONE, unseen=1.0)),
    "planted": World("EPSS alone is strong", "positive", Settings(**(_NONE | {"epss": 0.92}), unseen=0.0)),
}  # fmt: skip


def simulate_catalogue(settings: Settings, n_records: int, rng: np.random.Generator) -> Catalogue:
    """Records of a world, independent of each other."""
    from scipy.special import expit, logit
    from scipy.stats import norm

    exploited = rng.random(n_records) < settings.rate
    shifts = np.array([shift_of(name, getattr(settings, name)) for name in SCORES])
    noise = rng.standard_normal((n_records, len(SCORES)))
    behind = noise @ np.linalg.cholesky(CORRELATIONS).T + exploited[:, None] * shifts
    unseen = rng.standard_normal(n_records) + exploited * settings.unseen
    weights = np.linalg.solve(CORRELATIONS, shifts)
    drive = behind @ weights - shifts @ weights / 2 + settings.unseen * (unseen - settings.unseen / 2)
    column = dict(zip(SCORES, behind.T, strict=True))
    states = {
        name: np.sum([column[name] > norm.isf(share) for share in shares], axis=0).astype(np.float64)
        for name, shares in _STATES.items()
    }
    return Catalogue(
        cvss=np.round(np.interp(norm.cdf(column["cvss"]), _SHARES, _CVSS), 1),
        epss=np.minimum(1.0, settings.rate * np.exp(_EPSS_SPREAD * column["epss"] - _EPSS_SPREAD**2 / 2)),
        chance=expit(drive + logit(settings.rate)), exploited=exploited, **states,
    )  # fmt: skip


def shift_of(name: str, area: float) -> float:
    """By how much the number behind a score is higher, on average, where a vulnerability is exploited."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    if name not in _STATES:
        return float(np.sqrt(2) * norm.ppf(area))
    ends = norm.isf(_STATES[name])
    others = -np.diff(np.r_[1.0, norm.sf(ends), 0.0])

    def missing(shift: float) -> float:
        exploited = -np.diff(np.r_[1.0, norm.sf(ends - shift), 0.0])
        below = np.cumsum(others) - others
        return float(exploited @ (below + others / 2)) - area

    return float(brentq(missing, -6.0, 6.0))
