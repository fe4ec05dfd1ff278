"""The browser that draws pictures and prints the book: the machine's own Chromium, without a network."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from dti_core.lab.errors import BookError

T = TypeVar("T")
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowserError(BookError):
    """There is no Chromium on this machine."""


def in_chromium(what_for: str, work: Callable[[Any], T]) -> T:
    """What `work` makes of an empty page (of playwright) in a headless Chromium that reaches no network.

    It works in a thread of its own, for playwright refuses one that runs an event loop, as JupyterLab does.

    Raises
    ------
    NoBrowserError if there is no Chromium, saying what it was needed for.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_work, what_for, work).result()


def _work(what_for: str, work: Callable[[Any], T]) -> T:
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            found = next(filter(None, map(shutil.which, _NAMES)), None)
            browser = playwright.chromium.launch(executable_path=found)
        except Error as error:
            raise NoBrowserError(
                f"{what_for} needs Chromium, and none was found. Install it (`apt install chromium`, or "
                f"`playwright install chromium`), then try again."
            ) from error
        try:
            return work(browser.new_context(offline=True).new_page())
        finally:
            browser.close()
