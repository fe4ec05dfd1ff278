"""The browser that draws pictures and prints the book: the machine's own Chromium, without a network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dti_core.lab.errors import BookError


class NoBrowserError(BookError):
    """There is no Chromium on this machine."""


_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_page(what_for: str) -> Iterator[Any]:
    """An empty page (of playwright) of a headless Chromium. NoBrowserError if there is none."""
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
            yield browser.new_page()
        finally:
            browser.close()
