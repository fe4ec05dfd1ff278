"""Draw the figures of a chapter as SVG, for paper, phones, and readers whose browser runs no script."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dti_core.book.chromium import in_chromium
from dti_core.book.manifest import MANIFEST
from dti_core.book.vendor import find_asset
from dti_core.lab import frozen
from dti_core.lab.errors import BookError
from dti_core.lab.pieces import sha256
from dti_core.lab.publishing import pictures
from dti_core.lab.publishing.clean import Notebook, figures_of
from dti_core.lab.record import Record

#: Widths of a picture in pixels; the narrow one is for places below 520 pixels.
WIDTHS: dict[pictures.Shape, int] = {"wide": 700, "narrow": 340}
_DRAW = """async ([spec, width, inks]) => {
  const layout = dtiFit.fit(spec, width < 520);
  dtiFit.assign(layout, dtiFit.themed(layout, ...inks));
  return Plotly.toImage({data: spec.data, layout: {...layout, width: width}},
    {format: "svg", width: width, height: layout.height, imageDataOnly: true});
}"""


def draw_pictures(record: Record, chapter: Notebook) -> dict[str, bytes]:
    """Two pictures of each figure of the chapter: path below the folder beside the chapter -> SVG.

    A picture that lies there as the manifest says, drawn from the same figure by the same tools, is kept as
    it is: another Chromium may set its words a hair apart.

    Raises
    ------
    BookError if a figure is to be drawn and no Chromium is found, or if it cannot be drawn.
    """
    wanted = pictures.picture_files(figures_of(chapter))
    kept = {name: _kept(record.slug, name, figure) for name, (figure, *_) in wanted.items()}
    drawn = {name: content for name, content in kept.items() if content}
    missing = {name: what for name, what in wanted.items() if name not in drawn}
    if not missing:
        return drawn

    def draw(page: Any) -> dict[str, bytes]:
        for script in (find_asset("plotly"), _fit_script()):
            page.add_script_tag(content=script.read_text(encoding="utf-8"))
        return {
            name: _draw(page, figure, shape, f"f{number}{shape[0]}", f"{record.slug}: {name}")
            for name, (figure, number, shape) in missing.items()
        }

    return drawn | in_chromium(f"{record.slug}: a chapter with figures", draw)


def other_pictures(slug: str, chapter: Notebook) -> Iterator[str]:
    """Pictures that the frozen chapter should have and has not, or that show another figure."""
    for name, (figure, *_) in pictures.picture_files(figures_of(chapter)).items():
        file = frozen.frozen_folder() / slug / name
        if not file.is_file() or not pictures.is_picture_of(file.read_text(errors="replace"), figure):
            yield f"book/studies/{slug}/{name} is no picture of that figure of the chapter"


def _draw(page: Any, figure: Any, shape: pictures.Shape, prefix: str, place: str) -> bytes:
    from playwright.sync_api import Error

    inks = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in pictures.STAND_INS]
    try:
        svg = pictures.clean_picture(page.evaluate(_DRAW, [figure, WIDTHS[shape], inks]), prefix)
    except Error as error:
        raise BookError(f"{place} could not be drawn: {str(error).splitlines()[0]}") from error
    return (svg.replace("<svg", f"<svg{_marks(figure)}", 1) + "\n").encode()


def _kept(slug: str, name: str, figure: Any) -> bytes | None:
    """The picture as it lies beside the chapter, if it is the one that would be drawn."""
    file, manifest = frozen.frozen_folder() / slug / name, frozen.frozen_folder() / MANIFEST
    if not (file.is_file() and manifest.is_file()):
        return None
    content = file.read_bytes()
    told = json.loads(manifest.read_bytes()).get(slug, {}).get("sha256", {}).get(name)
    return content if told == sha256(content) and _marks(figure).encode() in content[:400] else None


def _marks(figure: Any) -> str:
    """Which figure a picture shows, and which tools drew it."""
    sources = (path.read_bytes() for path in (Path(__file__), Path(str(pictures.__file__)), _fit_script()))
    tools = sha256(b"".join([*sources, version("plotly").encode()]))[:12]
    return (
        f' data-figure="{pictures.figure_digest(figure)}" data-tools="{tools}" '
        f'font-family="system-ui, sans-serif"'
    )


def _fit_script() -> Path:
    return frozen.book_folder() / "_static" / "dti-fit.js"
