"""An estimate of another study's frozen record, for a synthesis, noted as read."""

import hashlib

from dti_core.lab.data import note
from dti_core.lab.errors import DataError
from dti_core.lab.frozen import parse_record, record_file
from dti_core.lab.record import Estimate


def borrow(slug: str, key: str) -> Estimate:
    """The estimate `key` of the chapter of `slug`; the hash of its record is noted as read.

    The experiment that borrows names `<slug>.result.json` among its `reads`.

    Raises
    ------
    DataError if there is no chapter, or none with such an estimate.
    """
    path = record_file(slug)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{slug}: no frozen record can be read ({error}).") from error
    estimates = {one.key: one for one in parse_record(content, path.name).estimates}
    note(path.name, hashlib.sha256(content).hexdigest())
    if key not in estimates:
        raise DataError(f"{slug}: the frozen record has no estimate '{key}'. `dti list {slug}` shows them.")
    return estimates[key]
