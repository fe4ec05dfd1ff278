"""What of an output may enter a page: HTML by an allow-list, true pictures, figures that load nothing."""

import base64
import html
import io
import re
from collections.abc import Mapping
from typing import Any, get_args

from dti_core.lab.errors import BookError
from dti_core.lab.record import VerdictWord

IMAGES = {"image/png": "PNG", "image/jpeg": "JPEG"}
#: A table's name, that of its CSV.
TABLE_NAME = r"[a-z][a-z0-9_]{0,39}"
_VERDICTS = {f"dti-{word.replace(' ', '-')}" for word in get_args(VerdictWord)}
_TAGS = (
    "table caption colgroup col thead tbody tfoot tr th td dl dt dd ul ol li p div span br hr h2 h3 h4 h5 h6 "
    "b strong i em code pre kbd samp sub sup small abbr blockquote details summary a"
)
_SPANS = {"colspan", "rowspan"}
_ATTRIBUTES = {
    "th": {"scope", *_SPANS}, "td": {"data-label", *_SPANS}, "table": {"border"}, "abbr": {"title"},
    "a": {"href"},
}  # fmt: skip
#: What great_tables calls the parts that the book dresses, beside what pandas calls a table, and badges.
_CLASSES = {
    "table": {"dataframe", "gt_table", "dti-cards"},
    "th": {"gt_col_heading", "gt_group_heading", "gt_stub", "gt_left", "gt_right"},
    "td": {"gt_row", "gt_sourcenote", "gt_left", "gt_right"}, "span": {"dti-badge", *_VERDICTS},
}  # fmt: skip
#: Tables come with a style sheet of pandas or great_tables; the book has its own, so it goes without a word.
_DROPPED = {"style"}

#: Traces that need the network (maps) or WebGL (which compiles code).
BARRED_TRACES = (
    "choropleth choroplethmap densitymap scattergeo scattermap cone isosurface mesh3d parcoords scatter3d "
    "scattergl scatterpolargl splom streamtube surface volume"
)
_ELEMENT = re.compile(r"<([a-z][^\s/>]*)", re.IGNORECASE)
_MARKUP = r"/?(?:br|b|i|em|strong|sub|sup|extra)\s*/?>"
_OTHER_MARKUP = re.compile(f"<(?!{_MARKUP})", re.IGNORECASE)
_KNOWN_MARKUP = re.compile(f"<{_MARKUP}", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]+")
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*:)?//|(javascript|vbscript|data|blob|file):", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0]")


def clean_html(text: str, place: str) -> str:
    """`text` as tables, lists, words and links; attributes that these do not need are dropped.

    Raises
    ------
    BookError naming `place` if it holds other elements: without them the output would not be what was meant.
    """
    if other := sorted({name.lower() for name in _ELEMENT.findall(text)} - {*_TAGS.split(), *_DROPPED}):
        names = ", ".join(f"<{name[:20]}>" for name in other[:5])
        raise BookError(
            f"{place} has HTML that a book does not take: {names}. "
            f"Show tables, lists and text; plot with the plotly_mimetype renderer."
        )
    return strip_html(text)


def strip_html(text: str) -> str:
    """`text` without whatever is not allowed."""
    import nh3

    tags, schemes = set(_TAGS.split()), {"https", "mailto"}
    return nh3.clean(text, tags=tags, attributes=_ATTRIBUTES, allowed_classes=_CLASSES, url_schemes=schemes)


def clean_markdown(text: str, place: str) -> str:
    """Markdown as HTML: no raw HTML, no directives or roles, no pictures; BookError as in `clean_html`."""
    from markdown_it import MarkdownIt

    return clean_html(MarkdownIt("commonmark", {"html": False}).enable("table").render(text), place)


def clean_image(mime: str, data: str, place: str) -> str:
    """`data` unchanged; BookError if it is not a picture of that kind in base64."""
    from PIL import Image

    try:
        content = base64.b64decode("".join(data.split()), validate=True)
        Image.open(io.BytesIO(content), formats=[IMAGES[mime]]).verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BookError(f"{place} shows an {mime} that is none. Draw it again.") from error
    return data


def clean_figure(figure: Any, place: str) -> dict[str, Any]:
    """Data, layout and frames of a plotly figure, all of whose strings are words and none an address.

    Plotly reads a few tags in any string; of these only bold, italics, line breaks, raised and lowered text
    stay markup. Every other `<` becomes `&lt;`, which plotly prints as it was meant.

    Raises
    ------
    BookError naming `place` if plotly does not know the figure, or if drawing it would load something.
    """
    import plotly.graph_objects as go

    figure = figure if isinstance(figure, Mapping) else {"data": figure}
    kept = {"data": figure.get("data") or [], "layout": figure.get("layout") or {}}
    kept |= {"frames": figure["frames"]} if figure.get("frames") else {}
    try:
        go.Figure(kept)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BookError(f"{place} shows a figure that plotly does not know: {reason}") from error
    cleaned: dict[str, Any] = _clean_node(kept, "", place)
    return cleaned


def words_of(text: str) -> str:
    """Plotly's text as plain words, on one line."""
    return html.unescape(_KNOWN_MARKUP.sub(lambda tag: " " if "br" in tag[0].lower() else "", text))


def _clean_node(node: Any, key: str, place: str) -> Any:
    """`node` with harmless strings; `key` is the last word of the name above it, as in images[0].source."""
    if isinstance(node, Mapping):
        return {name: _clean_node(value, _last_word(name), place) for name, value in node.items()}
    if isinstance(node, list | tuple):
        return [_clean_node(value, key, place) for value in node]
    if not isinstance(node, str):
        return node
    seen = _INVISIBLE.sub("", node)
    if key in ("type", "args") and seen in BARRED_TRACES.split():
        raise BookError(f"{place} draws a {seen}, which needs the network or WebGL. Use another trace.")
    loads = key == "source" or (key in ("style", "args") and _ADDRESS.match(seen))
    if loads and not _PICTURE.fullmatch(node):
        raise BookError(f"{place} has a figure that loads {node[:60]!r}. Allowed: PNG and JPEG as data:.")
    return _OTHER_MARKUP.sub("&lt;", node)


def _last_word(name: str) -> str:
    return (re.findall(r"[a-z]+", name) or [""])[-1]
