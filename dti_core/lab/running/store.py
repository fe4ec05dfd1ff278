"""The tracking store: its address and what of that may be shown, its database made and set aside."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote
from uuid import uuid4

from dti_core.lab.errors import RunError, printable
from dti_core.lab.paths import results_root
from dti_core.lab.running.batches import lock

#: Variable that names another store than the one in the results folder.
ADDRESS = "MLFLOW_TRACKING_URI"
_SECONDS = 120
_SECRET = re.compile(r"pass|pwd|token|key|secret|sig|auth|cred", re.IGNORECASE)


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, else a database in the results folder."""
    return os.environ.get(ADDRESS) or database_uri(database())


def is_ours() -> bool:
    """Whether the store is the one in the results folder."""
    return not os.environ.get(ADDRESS)


def database() -> Path:
    """The database in the results folder."""
    return results_root() / "mlflow.db"


def database_uri(file: Path) -> str:
    """Address of a database file whatever its name. RunError for a name that is no text."""
    try:
        # With the driver named, MLflow makes no folder of the quoted name beside the real one.
        return f"sqlite+pysqlite:///{quote(str(file))}"
    except UnicodeEncodeError as error:
        shown = os.fsencode(file)
        raise RunError(f"the folder name {shown!r} is not UTF-8; set DTI_RESULTS to one that is.") from error


@contextmanager
def locked() -> Iterator[None]:
    """While open, no other process writes to the store. RunError if one does for two minutes."""
    tracking_uri()
    try:
        with lock(results_root() / "mlflow.lock", _SECONDS):
            yield
    except TimeoutError as error:
        raise RunError(
            f"another process has held the MLflow store for {_SECONDS} s; end it, then run again."
        ) from error


def make_database(make: Callable[[str], None]) -> None:
    """Let `make` create the tables under another name, so that a crash leaves none half made; lock first."""
    if is_ours() and not database().exists():
        for left in results_root().glob(f"{database().name}.new*"):
            left.unlink()
        new = database().with_name(f"{database().name}.new-{uuid4().hex[:8]}")
        make(database_uri(new))
        new.replace(database())


def set_database_aside() -> None:
    """Move the database with its artifacts to names with .broken-1 (or -2 ...) behind; lock first."""
    number = 1
    while list(results_root().glob(f"*.broken-{number}")):
        number += 1
    for name in ("mlflow.db", "mlflow.db-journal", "mlflow.db-wal", "mlflow.db-shm", "mlartifacts"):
        if (results_root() / name).exists():
            (results_root() / name).rename(results_root() / f"{name}.broken-{number}")


def redact(text: str) -> str:
    """`text` without passwords and tokens: those of any address in it, and those of the store anywhere."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return printable(text)


def shows_secret(text: str) -> bool:
    """Whether a password or token of the store stands in `text`."""
    return any(secret in text for secret in _secrets())


def _secrets() -> set[str]:
    """Texts that open the store, as they are written and as they are meant; too short ones cannot be told."""
    address = os.environ.get(ADDRESS, "")
    user, colon, password = address.partition("://")[2].rpartition("@")[0].partition(":")
    told = {os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("PASSWORD", "TOKEN")}
    queries = (address.partition("?")[2], address.rpartition("?")[2])  # a password may hold a "?" too
    told |= {value for query in queries for name, value in parse_qsl(query) if _SECRET.search(name)}
    told.add(password if colon else user)
    forms = {form for secret in told for form in (secret, unquote(secret), quote(secret), quote(secret, ""))}
    return {form for form in forms if len(form) > 2}
