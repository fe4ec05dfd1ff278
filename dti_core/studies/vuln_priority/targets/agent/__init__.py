"""Interactive testing (IAST): watch, inside a Flask service, which inputs of a request reach which call.

`install(log)` before the service is imported. It adds an audit hook and wraps a few calls; what a
request sent is looked for, as text, in what those calls are given. A value that arrives with the signs that
steer the call (a quote in SQL, a tag in a page) is "high"; one that merely arrives is "low": it may have been
checked. What was changed on the way, stored for later or is shorter than four characters is not seen.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dti_core.studies.vuln_priority.targets.agent.sinks import audited, wrap
from dti_core.studies.vuln_priority.targets.agent.watch import Watch

_busy = threading.local()


def install(log: Path) -> None:
    """Watch this process from now on; findings go to `log`, a line of JSON each, once a place."""
    watch = Watch(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
    wrap(watch)
    handlers: dict[str, Callable[..., None]] = audited(watch)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if (handler := handlers.get(event)) is not None and not getattr(_busy, "now", False):
            _busy.now = True
            try:
                handler(*given)
            finally:
                _busy.now = False

    sys.addaudithook(hook)
