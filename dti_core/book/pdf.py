"""The whole book as one PDF, printed by Chromium: title, contents with page numbers, bookmarks."""

import io
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from dti_core.book.chromium import in_chromium
from dti_core.lab.files import write

#: Width of what stands between the margins of A4, in pixels; dti.css has the margins.
_PRINTED = 680
_READING_ORDER = """() => [...document.querySelectorAll(".bd-docs-nav a.reference.internal")]
  .map((link) => new URL(link.href).href).filter((link) => link.endsWith(".html"))"""
_FORMULAE = "() => MathJax.startup.promise"
#: A table that is wider than the paper is set smaller.
_FIT = """(width) => document.querySelectorAll("table").forEach((table) => {
  const wide = table.getBoundingClientRect().right;
  if (wide > width + 1) { table.style.zoom = Math.max(0.4, width / wide); }
})"""
_NUMBER = """(pages) => document.querySelectorAll(".dti-contents a").forEach((link) => {
  link.lastChild.textContent = pages[link.getAttribute("href").slice(1)] || "";
})"""


def print_book(site: Path) -> Path:
    """Print a built site; returns the PDF, book.pdf in the folder above its pages.

    Raises
    ------
    NoBrowserError if there is no Chromium.
    """
    place = site.parent / "book.pdf"
    write(place, in_chromium("the book as a PDF", partial(_print, site=site)))
    return place


def _print(page: Any, site: Path) -> bytes:
    """The PDF; it is printed twice, for only then the contents know on which page a chapter begins."""
    page.set_viewport_size({"width": _PRINTED, "height": 1000})
    page.emulate_media(media="print")
    page.goto((site / "intro.html").as_uri())
    links = [Path(link.removeprefix(f"{site.as_uri()}/")) for link in page.evaluate(_READING_ORDER)]
    names = ["intro", *(link.with_suffix("").as_posix() for link in links)]
    pages = [{"name": name, "html": (site / f"{name}.html").read_text("utf-8")} for name in names]
    page.evaluate(files(__package__).joinpath("templates/assemble.js").read_text("utf-8"), pages)
    page.add_script_tag(url=(site / "_static" / "tex-svg-full.js").as_uri())
    page.evaluate(_FORMULAE)
    page.evaluate(_FIT, _PRINTED)
    page.evaluate(_NUMBER, _page_numbers(_printed(page)))
    return _printed(page)


def _printed(page: Any) -> bytes:
    """The document as it is now, with a bookmark for each heading and tags for those who listen."""
    content: bytes = page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    return content


def _page_numbers(content: bytes) -> dict[str, int]:
    """On which page each place that is linked to came to stand, counted from 1."""
    from pypdf import PdfReader

    book = PdfReader(io.BytesIO(content))
    pages = {name: book.get_destination_page_number(place) for name, place in book.named_destinations.items()}
    return {name.lstrip("/"): page + 1 for name, page in pages.items() if page is not None}
