"""Begin a study: it runs, obeys the house and compares two methods in four worlds."""

from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dti_core.cli.display import say
from dti_core.lab.config import SLUG_LENGTH, is_slug
from dti_core.lab.errors import ConfigError
from dti_core.lab.files import swap
from dti_core.lab.paths import project_root
from dti_core.lab.register import load_register

_MODULES = ("__init__", "data", "worlds", "model", "methods", "measures", "estimate", "figures")


app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def new(
    slug: str,
    title: Annotated[str, typer.Option(help="Title of the chapter (default: that of the register).")] = "",
) -> None:
    """Write the files of a new study, all or none; CONTRIBUTING.md lists what makes it a chapter."""
    if not is_slug(slug):
        raise ConfigError(
            f"'{slug}' cannot name a study. Give lower-case words of letters and digits joined by '_', "
            f"at most {SLUG_LENGTH} characters."
        )
    root, files = project_root(), study_files(slug, title)
    if taken := [name for name in files if (root / name).exists()]:
        raise ConfigError(f"{slug}: {taken[0]} exists already. Choose another name, or remove what is there.")
    swap(root, files)
    for name in files:
        say(f"wrote {name}")
    say(f"Next: dti run {slug}, then the checklist `A study` in CONTRIBUTING.md.")


def study_files(slug: str, title: str = "") -> dict[str, str]:
    """Path below the project -> content of each file of a new study; claims are those planned for it."""
    register = load_register()
    cited = {study.slug: (number, study.title) for number, study in register.studies.items()}
    number, known = cited.get(slug, (None, register.syntheses.get(slug)))
    facts = {
        "slug": slug,
        "title": title or known or slug.replace("_", " ").capitalize(),
        "source": f"[{number}]" if number else "the review",
        "claims": register.owned_by(slug),
    }
    folder = Path(__file__).parent / "templates" / "study"
    drawn = Environment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, keep_trailing_newline=True
    )
    places = {f"dti_core/studies/{slug}/{name}.py": f"{name}.py" for name in _MODULES}
    places |= {
        f"experiments/{slug}.yaml": "experiment.yaml",
        f"experiments/reference/{slug}.json": "reference.json",
        f"notebooks/{slug}.ipynb": "notebook.ipynb",
        f"tests/test_{slug}.py": "test.py",
    }
    return {place: drawn.get_template(f"{name}.jinja").render(facts) for place, name in places.items()}
