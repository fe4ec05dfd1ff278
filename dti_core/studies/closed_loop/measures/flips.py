"""On which assumptions a sign depends: a small tree, judged on draws that it has not seen."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.measures.effects import Outcomes
from dti_core.studies.closed_loop.model.draws import Prior
from dti_core.studies.closed_loop.model.world import GROUPS

Array = NDArray[np.float64]
#: Depth of the tree, fewest draws in a leaf, shuffles of an arrow's sizes.
DEPTH, LEAST_LEAF, SHUFFLES = 3, 10, 20
#: Fewest draws of the rarer sign in each half from which anything is learned.
LEAST_OF_A_SIGN = 5


def study_flips(
    loop: Loop, sizes: Mapping[Prior, Array], found: Mapping[Prior, Outcomes], rng: np.random.Generator
) -> Findings:
    """For small firms' outcomes: share of unseen draws whose sign a tree tells, and the arrows that it asks
    about.

    Half of the draws teach it; half of what is left of its accuracy when an arrow's sizes are shuffled among
    the unseen draws is what that arrow matters. Told as the mean over both signs, so that a half is chance.
    """
    findings, rows = Findings(), []
    small = GROUPS.index("small")
    columns = [(n, name) for n, name in enumerate(loop.nodes) if loop.better[n]] + [(-1, "welfare")]
    for prior, outcomes in found.items():
        for effect, against in (("information", "permuted"), ("total", "frozen")):
            for column, name in columns:
                sign = (outcomes["closed"] - outcomes[against])[:, small, column] > 0
                row = {"prior": prior, "effect": effect, "outcome": name, "positive": float(sign.mean())}
                rows.append(row | _learn(loop, sizes[prior], sign, rng))
    table = pd.DataFrame(rows)
    findings.series["flips"] = table
    for row in table[(table.outcome == "sales") & table.accuracy.notna()].to_dict("records"):
        told = share(round(row["accuracy"] * row["n"]), int(row["n"]))
        end = f"{row['effect']}_{str(row['prior']).replace('-', '_')}"
        findings.estimates.append(
            told.estimate(
                f"flip_told_{end}",
                "share of both signs, unseen draws",
                prior=row["prior"],
                effect=row["effect"],
            )
        )
    return findings


def _learn(loop: Loop, sizes: Array, sign: NDArray[np.bool_], rng: np.random.Generator) -> dict[str, object]:
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    order = rng.permutation(len(sign))
    seen, unseen = order[: len(sign) // 2], order[len(sign) // 2 :]
    rarest = min(min(int(sign[half].sum()), int((~sign[half]).sum())) for half in (seen, unseen))
    nothing: dict[str, object] = {
        "accuracy": np.nan,
        "own_accuracy": np.nan,
        "n": len(unseen),
        "first": "",
        "second": "",
    }
    if rarest < LEAST_OF_A_SIGN:
        return nothing
    state = int(rng.integers(2**31))
    tree = DecisionTreeClassifier(
        max_depth=DEPTH, min_samples_leaf=LEAST_LEAF, class_weight="balanced", random_state=state
    ).fit(sizes[seen], sign[seen])
    matter = permutation_importance(
        tree, sizes[unseen], sign[unseen], scoring="balanced_accuracy", n_repeats=SHUFFLES, random_state=state
    ).importances_mean
    first, second = np.argsort(-matter)[:2]
    return nothing | {
        "accuracy": float(balanced_accuracy_score(sign[unseen], tree.predict(sizes[unseen]))),
        "own_accuracy": float(balanced_accuracy_score(sign[seen], tree.predict(sizes[seen]))),
        "first": loop.arrows[first], "second": loop.arrows[second],
    }  # fmt: skip
