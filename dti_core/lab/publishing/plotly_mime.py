"""How a plotly figure in a frozen notebook becomes an accessible figure of the book (a myst-nb plug-in)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

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
        return [nodes.raw(text=figure_html(figure), format="html", classes=["output"])]


def figure_texts(figure: Mapping[str, Any]) -> tuple[str, str, str]:
    """Title, caption and alt text of a figure's JSON as plain words; '' where one is absent."""
    layout = figure.get("layout", {})
    meta = layout.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    caption, alt = (_sentence(words_of(str(meta.get(key, "")))) for key in ("caption", "alt"))
    return words_of(_title(layout)), caption, alt


def figure_html(figure: Mapping[str, Any]) -> str:
    """HTML of one figure: finding as heading, data for the script, alt text for who cannot see, caption.

    The title leaves the drawing and becomes text, so that it wraps on a phone and can be searched.
    """
    title, caption, alt = figure_texts(figure)
    layout = dict(figure.get("layout", {}))
    drawn = {"data": figure.get("data", []), "frames": figure.get("frames", []), "title": _title(layout)}
    layout.pop("title", None)
    height = int(layout.get("height") or 440) - 56
    return render(
        "figure.html", title=title, caption=caption, alt=alt, height=height, drawn={**drawn, "layout": layout}
    )


def _title(layout: Mapping[str, Any]) -> str:
    title = layout.get("title", "")
    return str(title.get("text", "") if isinstance(title, Mapping) else title)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."
