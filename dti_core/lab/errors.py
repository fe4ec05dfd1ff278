"""Errors a user can act on. Each message says what was wrong, the value, what is allowed, what to do."""

import os
import re
import traceback


class DtiError(Exception):
    """Base of every error that is shown to a user without a traceback; DTI_DEBUG brings it back."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows, and with it papermill and JupyterLab: the message alone, as the last line."""
        shown = traceback.format_exception(self) if os.environ.get("DTI_DEBUG") else []
        return [*shown, f"{type(self).__name__}: {printable(self)}"]


class ConfigError(DtiError):
    """A parameter, profile or experiment file that the lab refuses."""


class DataError(DtiError):
    """A data set that is missing, changed or unfit for the study."""


class RunError(DtiError):
    """A run that could not be started, found or finished."""


class ClaimError(DtiError):
    """A claim register that contradicts itself or names what does not exist."""


class BookError(DtiError):
    """A chapter that may not be published or a book that does not build."""


#: User and password of an address, and values of parameters that are secrets by name.
_SECRET = re.compile(r"(://)[^\s/]*@|((?:password|passwd|pwd|secret|token)=)[^&\s\"']+", re.IGNORECASE)
#: What moves a cursor, colours a screen, turns the writing direction or is no character at all.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Foreign text as a terminal may show it: secrets of addresses left out, control characters spelt out."""
    hidden = _SECRET.sub(lambda found: "://***@" if found[1] else f"{found[2]}***", str(text))
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], hidden)


def one_line(text: object, longest: int = 600) -> str:
    """Foreign text as one printable line; of a long one the middle is left out."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= longest else f"{line[: longest * 2 // 3]} ... {line[-longest // 3 :]}"
