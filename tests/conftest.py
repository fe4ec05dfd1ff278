"""Nothing a test does may touch the project's own results, tracking store or frozen book."""

import os
import shutil
from pathlib import Path

import pytest

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(autouse=True)
def _own_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking database with its tables and nothing in it: making one takes seconds, copying none."""
    from dti_core.lab.running.track import sync

    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_RESULTS", str(folder))
        sync()
        import mlflow

        mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def ready_store(_empty_store: Path, _own_results: None) -> None:
    """Start the test with an empty tracking database instead of none."""
    results = Path(os.environ["DTI_RESULTS"])
    results.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty_store, results / "mlflow.db")
