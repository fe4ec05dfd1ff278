"""Files of the repository that pages are made from, read as the models that judge them."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from dti_core.lab.errors import ConfigError
from dti_core.lab.paths import project_root
from dti_core.lab.yaml_files import parse_yaml, read_text

Model = TypeVar("Model", bound=BaseModel)


def read_as(model: type[Model], name: str) -> Model | None:
    """The file `name` of the project, YAML or JSON; None if it is not there.

    Raises
    ------
    ConfigError names the file, the field and what is wrong with it.
    """
    path = project_root() / name
    if not path.is_file():
        return None
    try:
        return model.model_validate(parse_yaml(read_text(path), path.name))
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigError(f"{name}: {'; '.join(problems)}") from error
