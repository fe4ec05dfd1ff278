"""Published data for the tests that need them, from the folder shared/data beside the checkout."""

from pathlib import Path

import pytest

from dti_core.lab.data import DataSet, get, published

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def bring(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DataSet:
    """The published set of that name, brought into a folder of this test; skips the test without a copy."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"NO PUBLISHED DATA: {SHARED / name} is not there, so nothing was tested on {name}.")
    monkeypatch.setenv("DTI_DATA", str(tmp_path / "data"))
    get(name, SHARED, lambda line: None)
    return published(name)
