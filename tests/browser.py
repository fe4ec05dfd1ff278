"""A headless Chromium for tests, and a quiet server on this machine."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

#: How long a test waits for what must come. It only bounds a failure: on a busy machine a page may take long.
PATIENCE_SECONDS = 120


@contextmanager
def open_chromium(*arguments: str) -> Iterator[Any]:
    """A Chromium of this machine; without one the test is skipped, or fails if DTI_REQUIRE_BROWSER=1."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = _find_chromium(playwright)
        if path is None:
            reason = "NO BROWSER: nothing was opened. Install chromium, or `playwright install chromium`."
            if os.environ.get("DTI_REQUIRE_BROWSER") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
        yield chromium
        chromium.close()


@contextmanager
def serve_quietly(
    folder: Path, handler: type[SimpleHTTPRequestHandler] = SimpleHTTPRequestHandler
) -> Iterator[str]:
    """Address under which `folder` is served, by a handler of that kind that logs nothing."""
    quiet = type("Quiet", (handler,), {"log_message": lambda *_: None})
    server = _Server(("127.0.0.1", 0), partial(quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@contextmanager
def visiting(browser: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Opens pages of the site in `folder`, each in a context of its own; none may report a problem."""
    problems: list[str] = []
    contexts = []
    with serve_quietly(folder) as address:

        def visit(name: str, size: dict[str, int], home: str = address, **options: Any) -> Any:
            contexts.append(browser.new_context(viewport=size, **options))
            page = contexts[-1].new_page()
            page.set_default_timeout(1000 * PATIENCE_SECONDS)
            page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(f"{home}{name}")
            return page

        yield visit
        for context in contexts:
            context.close()
    assert problems == []


class _Server(ThreadingHTTPServer):
    """On a busy machine the usual queue of five lets the connections of a page wait for ever."""

    request_queue_size = 128


def _find_chromium(playwright: Any) -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    own = playwright.chromium.executable_path
    return own if own and Path(own).is_file() else None
