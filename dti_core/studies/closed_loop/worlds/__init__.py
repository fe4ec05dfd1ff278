"""Worlds: the cards as they are, loops that lead nowhere, loops that reinforce for certain."""

from dti_core.lab.methods import World

WORLDS: dict[str, World[None]] = {
    "observed": World("The cards", "observed", None),
    "null": World("Sizes dealt to other arrows with signs by toss; signals that are another firm's",
    "negative", None),
    "planted": World("A loop through all fields that reinforces, and needs that are met where they are told",
                     "positive", None),
}  # fmt: skip
