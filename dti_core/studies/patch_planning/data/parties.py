"""The parties of a plan, from a file that anyone may rewrite."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import ConfigError, DataError
from dti_core.lab.yaml_files import parse_yaml
from dti_core.studies.patch_planning.model.parties import BURDENS, GAINS, QUANTITIES, Game, Party

SLUG, FILE = "patch_planning", "games/parties.yaml"
Text = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False, strict=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Party(_Strict):
    title: Text
    weights: dict[str, tuple[Number, Number]]
    no_deal: Number
    why: Text

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (low, high) in weights.items():
            if name not in QUANTITIES:
                raise ValueError(f"no quantity '{name}'; known are {', '.join(QUANTITIES)}")
            if low > high:
                raise ValueError(f"{name} goes from {low} up to {high}; put the smaller first")
            if (name in GAINS and low < 0) or (name in BURDENS and high > 0):
                sign = "0 or more" if name in GAINS else "0 or less"
                raise ValueError(f"{name} weighs [{low}, {high}]; it must weigh {sign}")
        if not any(weights[name][1] > 0 for name in GAINS if name in weights):
            raise ValueError(f"gains from no plan: give {' or '.join(GAINS)} a weight above 0")
        return weights


class _Game(_Strict):
    title: Text
    quantities: dict[str, Text]
    parties: dict[str, _Party] = Field(min_length=2)

    @field_validator("quantities")
    @classmethod
    def _all(cls, names: dict[str, str]) -> dict[str, str]:
        if odd := sorted(set(names) ^ set(QUANTITIES)):
            raise ValueError(
                f"must name each of {', '.join(QUANTITIES)} and nothing else; see {', '.join(odd)}"
            )
        return names


def load_games() -> dict[str, Game]:
    """Games by name, from `FILE` of the study's data; raises as `read_games`, or if it is not there."""
    return read_games(frozen_bytes(SLUG, FILE))


def read_games(content: bytes) -> dict[str, Game]:
    """Games from the content of such a file.

    Raises
    ------
    DataError with all that is wrong, game by game and party by party.
    """
    try:
        raw = parse_yaml(content.decode("utf-8"), FILE)
    except (ConfigError, UnicodeDecodeError) as error:
        raise DataError(f"{FILE} cannot be read: {error}") from error
    if not isinstance(raw, dict) or not raw:
        raise DataError(f"{FILE}: needs games, each with title, quantities and parties; it has none.")
    games, wrong = {}, []
    for key, fields in raw.items():
        try:
            games[str(key)] = _game(_Game.model_validate(fields))
        except ValidationError as error:
            wrong += [f"- {key}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    if wrong:
        raise DataError("\n".join([f"{FILE}: {len(wrong)} problem{'s' * (len(wrong) > 1)}.", *wrong]))
    return games


def _game(found: _Game) -> Game:
    parties = {
        name: Party(one.title, one.weights, one.no_deal, one.why) for name, one in found.parties.items()
    }
    return Game(found.title, found.quantities, parties)
