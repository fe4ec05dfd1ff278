"""Real randomised trials as the counts that a private report would hold: everybody in one cell of a table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import packaged
from dti_core.studies.private_lift.model.cells import Array, Counts, shapley_weights

#: The effect of the second group over the first.
_DIFFERENCE = {"effect": np.array([-1.0, 1.0])}
#: Difference of differences of four groups whose code holds two factors as bits.
_INTERACTION = np.array([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True)
class CountTrial:
    """A trial with a 0/1 outcome; a report to which each `unit` adds one in one cell.

    cells : (G, 2) units of each group without and with the outcome. contrasts : name -> (G,) weights of the
    rates of the groups; their sums are effects.
    """

    title: str
    unit: str
    cells: Counts
    contrasts: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class ClusterTrial:
    """Rock the Vote: cable systems, S of them, assigned at random within strata.

    cells : (S, 2) people who did not vote and who did. treated : (S,) 0 or 1. stratum : (S,) codes.
    """

    cells: Counts
    treated: NDArray[np.int64]
    stratum: NDArray[np.int64]


def load_count_trials() -> dict[str, CountTrial]:
    """Trials inside packages with a 0/1 outcome; DataError if a file is absent or has changed."""
    resume, women, mail = (pickled(name) for name in ("resume_names", "mammogram", "black_politicians"))
    factors = (resume["ethnicity"] == "cauc") + 2 * (resume["quality"] == "high")
    name, quality = shapley_weights(2)
    black = mail["treat_out"] + 2 * mail["leg_black"]
    groups = {
        "white_legislators": np.array([-1.0, 1.0, 0.0, 0.0]),
        "black_legislators": np.array([0.0, 0.0, -1.0, 1.0]),
        "interaction": _INTERACTION,
    }
    died, offered = women["breast_cancer_death"] == "yes", women["treatment"] == "mammogram"
    return {
        "resume_names": CountTrial(
            "Call-backs by name and quality", "applicant", _cells(factors, resume["call"] == "yes"),
            {"name": name, "quality": quality, "interaction": _INTERACTION},
        ),
        "mammogram": CountTrial("Deaths, offer of mammograms", "woman", _cells(offered, died), _DIFFERENCE),
        "black_politicians": CountTrial(
            "Replies to an e-mail from outside", "legislator", _cells(mail["treat_out"], mail["responded"]),
            _DIFFERENCE,
        ),
        "politicians_by_group": CountTrial(
            "Replies, by legislator", "legislator", _cells(black, mail["responded"]), groups
        ),
    }  # fmt: skip


def load_clusters() -> ClusterTrial:
    """Rock the Vote."""
    table = pickled("rock_the_vote")
    cells = np.column_stack([table["n"] - table["r"], table["r"]]).astype(np.int64)
    stratum = pd.factorize(table["strata"])[0].astype(np.int64)
    return ClusterTrial(cells, table["treated"].to_numpy(np.int64), stratum)


def load_jobs() -> tuple[Counts, Array]:
    """JOBS II: groups, 0 not invited, 1 invited and absent, 2 attended; and depression, from 1 to 5."""
    table = pickled("jobs")
    group = (table["treat"] + (table["treat"] & table["comply"])).to_numpy(np.int64)
    return group, table["depress2"].to_numpy(np.float64)


def pickled(name: str) -> pd.DataFrame:
    """A table of a package that keeps pickles; the registry's hash stands between it and the unpickling."""
    table: pd.DataFrame = pd.read_pickle(packaged(name).stream(), compression="xz")
    return table


def _cells(group: pd.Series, outcome: pd.Series) -> Counts:
    """(G, 2) rows of each group without and with the outcome."""
    place = group.to_numpy(np.int64) * 2 + outcome.to_numpy(np.int64)
    return np.bincount(place, minlength=2 * (int(group.max()) + 1)).reshape(-1, 2)
