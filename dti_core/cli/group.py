"""The command itself: what comes before every command, and the commands that have a module of their own.

A module of this package that defines `app: typer.Typer` is the command of its name, `dti data` for data.py;
a study may bring one. It is found by its file, and imported only when it is called.
"""

import ast
import importlib
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from dti_core.lab.errors import ConfigError, DtiError, one_line
from dti_core.lab.paths import project_root

_EXIT_CODES = (
    "Exit codes: 0 done; 1 a run, comparison, check or the book came out badly; 2 wrong input; 3 disk, "
    "memory, network, store or permissions failed; 4 a fault of ours (--debug shows the trace); 130 stopped; "
    "141 nobody reads the output."
)


class Commands(TyperGroup):
    """The commands of this package's modules, the common ones first."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, those with a module of their own last."""
        return list(dict.fromkeys([*super().list_commands(ctx), *own_modules()]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; one whose module is not imported has its help alone."""
        told = own_modules().get(cmd_name)
        return super().get_command(ctx, cmd_name) or (told and TyperCommand(cmd_name, help=told))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` call, imported if need be; what precedes every command is done."""
        name, *rest = args
        if (own := name.replace("_", "-")) in own_modules():
            module = importlib.import_module(f"{__package__}.{own.replace('-', '_')}")
            self.add_command(typer.main.get_command(module.app), name := own)
        found = super().resolve_command(ctx, [name, *rest])
        if "--help" not in rest and name != "schema" and not ctx.resilient_parsing:
            _prepare()
        return found


def own_modules() -> dict[str, str]:
    """What each command with a module of its own is for, the first line of that, by its name."""
    found = {}
    for place in sys.modules[__package__].__path__:
        for path in sorted(Path(place).glob("*.py")):
            source = path.read_text(encoding="utf-8")
            if path.stem != "__init__" and re.search(r"^app\b.*=", source, re.MULTILINE):
                told = ast.get_docstring(ast.parse(source)) or "(says nothing)"
                found[path.stem.replace("_", "-")] = told.splitlines()[0]
    return found


def _prepare() -> None:
    """Refuse a folder that is no project; tell what became of runs that died."""
    if not (project_root() / "experiments").is_dir():
        raise ConfigError(
            f"{project_root()}: holds no folder experiments. Set DTI_HOME to the checkout, or unset it."
        )
    from dti_core.lab.running.reaper import reap

    try:
        sentences = reap()
    except (DtiError, OSError) as error:
        sentences = [f"could not look for runs that died: {error}"]
    sys.stderr.writelines(f"{one_line(sentence)}\n" for sentence in sentences)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"dti-core {version('dti-core')}")
        raise typer.Exit


dti = typer.Typer(
    cls=Commands, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False,
    epilog=_EXIT_CODES,
    help="Rerun, compare and read the experiments behind one review.",
)  # fmt: skip
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Version = Annotated[
    bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
]


@dti.callback()
def _options(debug: Debug = False, version: Version = False) -> None: ...
