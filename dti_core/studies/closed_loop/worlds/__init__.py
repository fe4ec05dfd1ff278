"""Worlds: the cards as they are, loops that lead nowhere, loops that reinforce for certain."""

from dti_core.lab.methods import World

WORLDS: dict[str, World[None]] = {
    "observed": World("The cards", "observed", None),
    "null": World("Sizes dealt anew, signals of others", "negative", None),
    "planted": World("A loop that works for certain", "positive", None),
}
