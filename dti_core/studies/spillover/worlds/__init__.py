"""Worlds of every cell: real data, no transfer, and transfer planted; a cell makes its own of each."""

from dti_core.lab.methods import World

WORLDS: dict[str, World[None]] = {
    "observed": World("Real data", "observed", None),
    "null": World("The part no better than its placebo, which alone stands against it", "negative", None),
    "planted": World("Transfer planted", "positive", None),
}
