"""Worlds of every bar: the lab under drawn assumptions, the effect absent, and the effect planted."""

from dti_core.lab.methods import World
from dti_core.studies.vuln_priority.worlds.settings import NULL, PLANTED, Setting

WORLDS: dict[str, World[dict[str, Setting]]] = {
    "observed": World("Our lab, under drawn assumptions", "observed", {}),
    "null": World("The effect of each bar absent", "negative", NULL),
    "planted": World("The effect of each bar planted", "positive", PLANTED),
}
