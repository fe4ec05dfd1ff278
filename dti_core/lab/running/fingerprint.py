"""What decides a run's numbers, and what decides only how they are told, each part hashed by content."""

import hashlib
import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from dti_core.lab.config import Value

#: The user's own data file: judged by its content, wherever it lies.
DATA_PATH = "data_path"


class Fingerprint(BaseModel):
    """Everything that decides a run's numbers and verdicts, each part hashed by content.

    `data` and `sources` map names (a data set, a file below dti_core) to sha256. `claims` stands for the
    tests of the claims bound to the study: '' without any, and in states written before it was kept.
    """

    model_config = ConfigDict(frozen=True)

    slug: str
    parameters: Mapping[str, Value]
    sources: Mapping[str, str]
    notebook: str
    data: Mapping[str, str]
    lock: str
    claims: str = ""

    @property
    def digest(self) -> str:
        """One sha256 over all parts; where the user's file lies does not count, what it holds does."""
        parts = self.model_dump(exclude=None if self.claims else {"claims"})
        parts["parameters"] = {k: v for k, v in parts["parameters"].items() if k != DATA_PATH}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def data_sha256(self) -> str:
        """The hash of the only data set, one over all if there are several, "none" without data."""
        if len(self.data) < 2:
            return next(iter(self.data.values()), "none")
        return hashlib.sha256(json.dumps(dict(self.data), sort_keys=True).encode()).hexdigest()
