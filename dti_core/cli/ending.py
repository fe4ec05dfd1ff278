"""How a command ends: with what it shows, or with one line that says what, where and what to do."""

import errno
import os
import sys
import traceback
from contextlib import suppress

import typer

from dti_core.cli.group import dti
from dti_core.lab.errors import BookError, DtiError, one_line, printable

#: Exit codes; 0 is done, 1 also says that a run, comparison or check came out badly.
BADLY, INPUT, PLACE, FAULT, STOPPED, UNREAD = 1, 2, 3, 4, 130, 141

#: Packages whose errors are those of the store, the cluster or the network.
_OUTSIDE = {"mlflow", "sqlalchemy", "sqlite3", "alembic", "distributed", "filelock", "requests", "urllib3"}
#: Errors of the system that are about a name that the user gave, not about the machine.
_NAMES = (FileNotFoundError, IsADirectoryError, NotADirectoryError, FileExistsError)
_ADVICE = {
    errno.ENOSPC: "Free some room, or set DTI_RESULTS to another disk.",
    errno.EADDRINUSE: "Another program has this port: give another --port.",
    errno.ENAMETOOLONG: "Give a shorter name.",
}


def main() -> None:
    """Entry point: whatever ends a command ends it with a stated exit code and without a traceback."""
    _open_streams()
    try:
        code = dti(prog_name="dti", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        code, sentence = ending(error)
        with suppress(OSError):
            if "--debug" in sys.argv or os.environ.get("DTI_DEBUG"):
                sys.stderr.write(printable("".join(traceback.format_exception(error))))
            sys.stderr.write(f"error: {one_line(sentence)}\n" if sentence else "")
            sys.stderr.flush()
        try:
            sys.stdout.flush()
        except OSError:  # or Python complains at its own end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code if isinstance(code, int) else 0)


def ending(error: BaseException) -> tuple[int, str]:
    """Exit code and sentence for what ended a command; the sentence is empty if nothing is left to say."""
    said = str(error).strip() or type(error).__name__
    match error:
        case SystemExit() if isinstance(error.__context__, BrokenPipeError):  # of typer and rich
            return UNREAD, ""
        case SystemExit():
            return error.code if isinstance(error.code, int) else BADLY, ""
        case BrokenPipeError():
            return UNREAD, ""
        case KeyboardInterrupt() | typer.Abort():
            return STOPPED, ""
        case typer.TyperException():
            return INPUT, _usage(error)
        case DtiError() if _of_the_machine(error.__cause__ or error.__context__):
            return PLACE, said
        case DtiError():
            return BADLY if isinstance(error, BookError) else INPUT, said
        case OSError():
            advice = _ADVICE.get(
                error.errno or 0, "Mend that, or set DTI_RESULTS and TMPDIR to folders of yours."
            )
            where = f"{one_line(error.filename, 200)}: " if error.filename else ""
            what = f"{where}{error.strerror or said}. {advice}"
            return INPUT if error.errno == errno.ENAMETOOLONG else PLACE, what
        case MemoryError():
            return PLACE, "the memory is full. Close programs, use --jobs 1 or a smaller profile."
        case ModuleNotFoundError() if _of_the_machine(error):
            return PLACE, f"the package {error.name} is not installed. Install it, or run `make install`."
        case _ if _of_the_machine(error):
            return PLACE, f"{said.splitlines()[0]} ({type(error).__name__}). `dti doctor` seeks the cause."
    installed = (sys.prefix, sys.base_prefix, "<")
    steps = [s for s in traceback.extract_tb(error.__traceback__) if not s.filename.startswith(installed)]
    where = f" ({steps[-1].filename}, line {steps[-1].lineno})" if steps else ""
    advice = "This is a fault of ours: run it with `dti --debug` and report what that shows."
    return FAULT, f"{type(error).__name__}: {one_line(said, 300)}{where}. {advice}"


def _usage(error: typer.TyperException) -> str:
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    asked = getattr(getattr(error, "ctx", None), "command_path", "dti")
    return f"{one_line(error.format_message()).rstrip('.')}. `{asked} --help` shows what is allowed."


def _of_the_machine(error: BaseException | None) -> bool:
    """Whether the disk, memory, network, a store or a permission failed, and not what the user gave."""
    match error:
        case OSError():
            return not isinstance(error, _NAMES) and error.errno != errno.ENAMETOOLONG
        case ModuleNotFoundError():
            return not (error.name or "").startswith("dti_core")
    packages = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    return isinstance(error, MemoryError) or not packages.isdisjoint(_OUTSIDE)


def _open_streams() -> None:
    """Let a closed stream swallow what is printed, and an open one print any character in some way."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
