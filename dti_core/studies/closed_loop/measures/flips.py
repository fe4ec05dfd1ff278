"""On which assumptions a sign depends: a small tree, judged on draws and worlds that it has not seen."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.measures.effects import SENTENCES, Outcomes
from dti_core.studies.closed_loop.model.draws import Prior

Array = NDArray[np.float64]
#: Depth of the tree, fewest draws in a leaf, shuffles of an arrow's sizes.
DEPTH, LEAST_LEAF, SHUFFLES = 3, 10, 20
#: Fewest draws of the rarer sign in each half from which anything is learned.
LEAST_OF_A_SIGN = 5


def study_flips(
    loop: Loop, sizes: Mapping[Prior, Array], found: Mapping[Prior, Outcomes], rng: np.random.Generator
) -> Findings:
    """How often two halves of the worlds agree on a sign, how often a tree tells it, and what it asks about.

    The tree learns signs of half of the draws in half of the worlds, and is judged by those of the other
    draws in the other worlds: what is luck of a world cannot be learned. Shares are means over both signs, so
    that a half is chance. What is left of that where an arrow's sizes are shuffled among the draws tells what
    it matters.
    """
    findings, rows = Findings(), []
    for prior, outcomes in found.items():
        for name in SENTENCES:
            if name in outcomes and len(outcomes[name]) > 1:
                half = len(outcomes[name]) // 2
                one, other = (
                    part.mean(axis=0) > 0 for part in (outcomes[name][:half], outcomes[name][half:])
                )
                row = {"prior": prior, "of": name, "positive": float(np.mean([one, other]))}
                rows.append(row | _learn(loop, sizes[prior], one, other, rng))
    columns = ["prior", "of", "positive", "agree", "accuracy", "n", "first", "second"]
    table = pd.DataFrame(rows, columns=columns)
    findings.series["flips"] = table
    for row in table[table["accuracy"].notna()].to_dict("records"):
        told = share(round(row["accuracy"] * row["n"]), int(row["n"]))
        end = f"{row['of']}_{str(row['prior']).replace('-', '_')}"
        at = {"prior": row["prior"], "of": row["of"], "agree": row["agree"],
        "first": loop.moved_by(row["first"]),
              "second": loop.moved_by(row["second"])}  # fmt: skip
        findings.estimates.append(told.estimate(f"flip_told_{end}", "share of both signs, unseen", **at))
    return findings


def _learn(
    loop: Loop, sizes: Array, first: NDArray[np.bool_], other: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, object]:
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    order = rng.permutation(len(first))
    seen, unseen = order[: len(first) // 2], order[len(first) // 2 :]
    rarest = min(min(int(one.sum()), int((~one).sum())) for one in (first[seen], other[unseen]))
    agree = float(np.mean(first == other))
    nothing: dict[str, object] = {
        "agree": agree,
        "accuracy": np.nan,
        "n": len(unseen),
        "first": "",
        "second": "",
    }
    if rarest < LEAST_OF_A_SIGN:
        return nothing
    state = int(rng.integers(2**31))
    tree = DecisionTreeClassifier(
        max_depth=DEPTH, min_samples_leaf=LEAST_LEAF, class_weight="balanced", random_state=state
    ).fit(sizes[seen], first[seen])
    matter = permutation_importance(
        tree,
        sizes[unseen],
        other[unseen],
        scoring="balanced_accuracy",
        n_repeats=SHUFFLES,
        random_state=state,
    ).importances_mean
    most, *rest = np.argsort(-matter)
    next_most = next((one for one in rest if loop.papers[one] != loop.papers[most]), most)
    accuracy = float(balanced_accuracy_score(other[unseen], tree.predict(sizes[unseen])))
    return nothing | {"accuracy": accuracy, "first": loop.arrows[most], "second": loop.arrows[next_most]}
