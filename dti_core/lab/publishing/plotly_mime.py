"""How a plotly figure in a frozen notebook becomes an accessible figure of the book (a myst-nb plug-in)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args
from urllib.parse import quote

from dti_core.lab.publishing.lighter import light_numbers, light_pixels
from dti_core.lab.publishing.pictures import Shape, picture_file, read_picture
from dti_core.lab.publishing.rendering import render
from dti_core.lab.publishing.sanitise import words_of
from dti_core.lab.running.figure_page import PLOTLY_MIME


class PlotlyMime:
    """Entry point `myst_nb.mime_renderers`: prefers the plotly JSON of an output over its other forms."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = (
        ("html", PLOTLY_MIME, 5),
        ("singlehtml", PLOTLY_MIME, 5),
    )

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[Any] | None:
        """The figure as a raw HTML node, or None to leave other kinds of output alone."""
        if inline or data.mime_type != PLOTLY_MIME:
            return None
        from docutils import nodes

        figure = json.loads(data.content) if isinstance(data.content, str) else data.content
        env = renderer.renderer.sphinx_env
        if env is None:
            return [nodes.raw(text=figure_html(figure), format="html", classes=["output"])]
        number = env.temp_data["dti_figures"] = env.temp_data.get("dti_figures", 0) + 1
        shown = figure_html(figure, Path(env.doc2path(env.docname)).with_suffix(""), number)
        return [nodes.raw(text=shown, format="html", classes=["output"])]


def figure_texts(figure: Mapping[str, Any]) -> tuple[str, str, str]:
    """Title, caption and alt text of a figure's JSON as plain words; '' where one is absent."""
    layout = figure.get("layout", {})
    meta = layout.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    caption, alt = (_sentence(words_of(str(meta.get(key, "")))) for key in ("caption", "alt"))
    return words_of(_title(layout)), caption, alt


def figure_html(figure: Mapping[str, Any], beside: Path | None = None, number: int = 0) -> str:
    """HTML of one figure: finding as heading, picture, data for the script, alt text, caption, links.

    The title leaves the drawing and becomes text, so that it wraps on a phone and can be searched.

    Parameters
    ----------
    beside : folder beside the chapter, of the same name, whose files the page shows and links to.
    number : of the figure in its chapter.
    """
    title, caption, alt = figure_texts(figure)
    layout = dict(figure.get("layout", {}))
    drawn = {"data": figure.get("data", []), "frames": figure.get("frames", []), "title": _title(layout)}
    layout.pop("title", None)
    return render(
        "figure.html", number=number, title=title, caption=caption, alt=alt,
        height=int(layout.get("height") or 440) - 56, drawn=light_numbers({**drawn, "layout": layout}),
        pictures=_pictures(figure, beside, number) if beside else {},
        links=_links(layout, beside, number) if beside else {},
    )  # fmt: skip


def _pictures(figure: Mapping[str, Any], beside: Path, number: int) -> dict[Shape, str]:
    """The pictures of a figure that lie beside its chapter, all shapes or none."""
    shapes: tuple[Shape, ...] = get_args(Shape)
    found = {
        shape: light_pixels(
            read_picture(beside / picture_file(number, shape), figure, f"f{number}{shape[0]}")
        )
        for shape in shapes
    }
    return found if all(found.values()) else {}


def _links(layout: Mapping[str, Any], beside: Path, number: int) -> dict[str, str]:
    """What a reader may take: the table behind the figure, else the chapter's numbers; the picture."""
    meta = layout.get("meta")
    series = str(meta.get("series", "")) if isinstance(meta, Mapping) else ""
    links = {}
    if series and (beside / "series" / f"{quote(series, safe=' @')}.parquet").is_file():
        links["Data (CSV)"] = quote(f"{beside.name}/series/{quote(series, safe=' @')}.csv")
    elif beside.with_name(f"{beside.name}.result.json").is_file():
        links["Numbers (JSON)"] = f"{beside.name}.result.json"
    if (beside / picture_file(number, "wide")).is_file():
        links["Picture (SVG)"] = f"{beside.name}/{picture_file(number, 'wide')}"
    return links


def _title(layout: Mapping[str, Any]) -> str:
    title = layout.get("title", "")
    return str(title.get("text", "") if isinstance(title, Mapping) else title)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."
