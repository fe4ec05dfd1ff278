"""Pages and figures from templates, which escape whatever they are given to show."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, /, *, room: str = __package__, **shown: object) -> str:
    """The text of `template`, a file of the folder templates in `room` (a package), which shows `shown`.

    Raises
    ------
    jinja2.UndefinedError if the template shows what it was not given.
    """
    return _templates(room).get_template(template).render(shown)


def plain(text: str) -> Markup:
    """Markdown that prints `text` as it stands, on one line."""
    return Markup(re.sub(r"([\\`*_{}\[\]<>$&!|~^#:%@])", r"\\\1", " ".join(text.split())))


def html_block(html: str) -> Markup:
    """Markdown that passes `html` through; no backtick in it can end the block."""
    return Markup(f"```{{raw}} html\n{html.strip().replace('`', Markup('&#96;'))}\n```\n")


@cache
def _templates(room: str) -> Environment:
    found = Environment(
        loader=PackageLoader(room), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    found.filters |= {"plain": plain, "html_block": html_block}
    return found
