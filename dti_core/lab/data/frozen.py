"""Files of our own making that are no tables: their bytes, noted as they are read."""

from dti_core.lab.data.ledger import read_noted
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root


def frozen_bytes(slug: str, name: str) -> bytes:
    """What is in experiments/data/<slug>/<name>; `name` may lie deeper.

    Raises
    ------
    DataError if there is no such file, or it lies elsewhere.
    """
    folder = project_root() / "experiments" / "data" / slug
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
        raise DataError(f"{slug}: no file {name} in experiments/data/{slug}. It belongs to the checkout.")
    return read_noted(file, file.relative_to(folder).as_posix())[0]
