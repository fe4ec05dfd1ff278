"""Where things lie: one function a place, so that tests can move the whole house with DTI_HOME."""

import os
from pathlib import Path


def project_root() -> Path:
    """Folder that holds experiments/, notebooks/ and book/: DTI_HOME, else the checkout of this package."""
    return Path(os.environ.get("DTI_HOME") or Path(__file__).resolve().parents[2]).resolve()


def results_root() -> Path:
    """Folder of all runs and of the tracking database: DTI_RESULTS, else results/ in the project."""
    return Path(os.environ.get("DTI_RESULTS") or project_root() / "results").resolve()


def experiment_file(slug: str) -> Path:
    """The YAML that defines a study's parameters."""
    return project_root() / "experiments" / f"{slug}.yaml"


def notebook_file(slug: str) -> Path:
    """The notebook that is rerun."""
    return project_root() / "notebooks" / f"{slug}.ipynb"


def study_results(slug: str) -> Path:
    """Folder with one sub-folder a finished or failed run."""
    return results_root() / slug
