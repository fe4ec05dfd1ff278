"""Static pictures of figures: SVG that may stand inside a page, kept beside the chapter of its figure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

Shape = Literal["wide", "narrow"]
#: Colours that stand in a drawing for those of the page -> what a picture says instead.
STAND_INS = {
    (1, 2, 3): "var(--pst-color-text-base, #222832)",
    (4, 5, 6): "var(--dti-muted, #55606b)",
    (7, 8, 9): "var(--dti-grid, #dde1e5)",
}
_TAGS = "svg g path rect circle line text tspan defs clipPath image"
_COMMON = "id d x y dx dy x1 x2 y1 y2 cx cy r rx ry width height transform style clip-path"
_ATTRIBUTES = {
    "*": set(_COMMON.split()),
    "svg": {"viewBox", "font-family"},
    "path": {"fill-rule"},
    "text": {"text-anchor"},
    "image": {"href", "preserveAspectRatio"},
}
_STYLES = (
    "fill fill-opacity stroke stroke-opacity stroke-width stroke-dasharray stroke-miterlimit opacity "
    "font-size font-weight font-style white-space vector-effect shape-rendering image-rendering text-anchor"
)
_EMPTY = re.compile(r"<(g|defs)\b[^>]*></\1>|<path(?![^>]* d=)[^>]*></path>")
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")
_REFERENCE = re.compile(r"""url\(['"]?#([\w-]+)['"]?\)""")


def picture_file(number: int, shape: Shape) -> str:
    """Path of the picture of a chapter's figure, below the folder beside the chapter."""
    return f"figures/figure-{number}{'' if shape == 'wide' else '-narrow'}.svg"


def picture_files(figures: Sequence[Any]) -> dict[str, tuple[Any, int, Shape]]:
    """What pictures a chapter with these figures has: path -> figure, its number, and the shape."""
    numbered = enumerate(figures, start=1)
    shapes: tuple[Shape, ...] = get_args(Shape)
    return {picture_file(k, shape): (figure, k, shape) for k, figure in numbered for shape in shapes}


def figure_digest(figure: Mapping[str, Any]) -> str:
    """What tells one figure from another: a hash of all that it draws."""
    text = json.dumps(figure, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def clean_picture(svg: str, prefix: str) -> str:
    """`svg` as it may stand in a page: shapes and words alone, in colours of the page, ids that begin so.

    Nothing in it runs, and it refers to nothing but its own clip paths and to pixels that it carries.
    """
    import nh3

    text = nh3.clean(
        svg.replace("xlink:href", "href"), tags=set(_TAGS.split()),
        attributes=_ATTRIBUTES, url_schemes={"data"},
        filter_style_properties=set(_STYLES.split()), attribute_filter=_harmless,
        clean_content_tags={"script", "style", "foreignObject"},
    ).replace("&nbsp;", "\u00a0")  # fmt: skip
    names = {name: f"{prefix}{k}" for k, name in enumerate(re.findall(r' id="([^"]*)"', text))}
    text = re.sub(r' id="([^"]*)"', lambda found: f' id="{names[found[1]]}"', text)
    text = _REFERENCE.sub(lambda found: f"url(#{names.get(found[1], 'none')})", text)
    for colour, variable in STAND_INS.items():
        text = re.sub(r"rgb\({},\s*{},\s*{}\)".format(*colour), variable, text)
    before = ""
    while text != before:
        before, text = text, _EMPTY.sub("", text)
    return text.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)


def read_picture(file: Path, figure: Mapping[str, Any], prefix: str) -> str:
    """The picture in `file`, cleaned; '' if there is none, or one of another figure."""
    if not file.is_file():
        return ""
    text = file.read_text(encoding="utf-8")
    return clean_picture(text, prefix) if is_picture_of(text, figure) else ""


def is_picture_of(text: str, figure: Mapping[str, Any]) -> bool:
    """Whether a picture says that it was drawn from this figure."""
    return f' data-figure="{figure_digest(figure)}"' in text.partition(">")[0]


def _harmless(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _PNG.fullmatch(value) else None
    outside = "url(" in _REFERENCE.sub("", value).lower() or "\\" in value
    return None if outside else value
