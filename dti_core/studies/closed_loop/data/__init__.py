"""The loop's cards: those of the project, or a user's file of the same kind."""

import hashlib
from pathlib import Path
from typing import Any

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.data.cards import Problem
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.data.ledger import read_noted
from dti_core.lab.errors import ConfigError, DataError
from dti_core.lab.yaml_files import MAX_BYTES, parse_yaml
from dti_core.studies.closed_loop.data.cards import FIELDS, SWITCHED, Cards, problems_of
from dti_core.studies.closed_loop.data.loop import Loop, loop_of
from dti_core.studies.closed_loop.data.parameters import Parameters

__all__ = [
    "FIELDS",
    "SWITCHED",
    "Cards",
    "Loop",
    "Parameters",
    "check",
    "load",
    "load_cards",
    "loop_of",
    "read",
]

SLUG, CARDS = "closed_loop", "arrows.yaml"
#: The parameter that names a user's file, under which its reading is noted.
OWN = "data_path"


def load(config: Config) -> tuple[Loop, DataCard]:
    """The loop without the arrows that are off, and its card.

    Raises
    ------
    DataError for a file that is missing or unfit, with all problems at once, or an arrow that there is not.
    """
    asked = config.typed(Parameters)
    if asked.arrows == "yours" and not asked.data_path:
        raise DataError("arrows='yours' needs data_path: a YAML file of nodes and arrows.")
    cards, card = load_cards(asked.data_path)
    off = [name.strip(" []'\"") for name in asked.arrows_off.split(",")]
    return loop_of(cards, [name for name in off if name]), card


def load_cards(path: str = "") -> tuple[Cards, DataCard]:
    """The cards of a user's file, or of the project without one. DataError with all problems at once."""
    content, card = read(path)
    if blocking := [problem.text for problem in check(content)]:
        lines = "\n".join(f"- {text}" for text in blocking)
        raise DataError(f"{card.title}: {len(blocking)} problem{'s' * (len(blocking) > 1)}.\n{lines}")
    return Cards.model_validate(content), card


def read(path: str | Path = "") -> tuple[Any, DataCard]:
    """What a YAML file of cards says, as plain values, and its card. DataError if it cannot be read."""
    place = Path(path).expanduser() if path else Path(CARDS)
    raw = _bytes_of(place, str(path)) if path else frozen_bytes(SLUG, CARDS)
    sha256 = hashlib.sha256(raw).hexdigest()
    try:
        content = parse_yaml(raw.decode("utf-8"), place.name)
    except (ConfigError, UnicodeDecodeError) as error:
        raise DataError(f"{place.name}: not readable as YAML in UTF-8 ({error}).") from error
    counted = content.get("arrows") if isinstance(content, dict) else None
    return content, DataCard(
        name=place.stem, title="Arrow cards" if not path else place.name,
        origin="yours" if path else "packaged", badge="Conditional on the cards",
        source="Elasticities with ranges, each with its grade and source "
        f"(experiments/data/{SLUG}/{CARDS}).",
        licence="yours" if path else "of this project", rows=len(counted) if isinstance(counted, dict) else 0,
        columns=9, sha256=sha256, caveat="What they imply is conditional on them.",
    )  # fmt: skip


def _bytes_of(place: Path, given: str) -> bytes:
    """A user's file within the limits of our YAML, noted as read."""
    if place.suffix.lower() not in (".yaml", ".yml"):
        raise DataError(f"{place.name}: ends in '{place.suffix}'. Give a YAML file of nodes and arrows.")
    if not place.is_file():
        raise DataError(f"{given}: no such file. Give a YAML file of nodes and arrows.")
    if place.stat().st_size > MAX_BYTES:
        raise DataError(f"{place.name}: is longer than {MAX_BYTES >> 10} kB. Shorten it.")
    return read_noted(place, OWN)[0]


def check(content: Any) -> list[Problem]:
    """All problems of a file of cards, each with what is allowed."""
    return [Problem(text) for text in problems_of(content, "cards")]
