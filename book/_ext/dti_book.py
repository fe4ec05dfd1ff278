"""Sphinx side of the book: local scripts instead of network ones, and no live-code machinery."""

import html
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from dti_core.book.chapter_heads import dress_chapter
from dti_core.book.glued import GluedText
from dti_core.book.metadata import description, load_citation
from dti_core.book.vendor import ASSETS, find_asset

#: Files of the book that a page needs only if its raw HTML holds this.
_ONLY_WITH = {"dti-loop.css": "dti-sized", "dti-loop.js": "dti-move"}


def _prepare(app: Sphinx, config: Config) -> None:
    """Serve MathJax and plotly from the book itself, unplug sphinx-thebe (it names an outside host), and say
    of numbers that a run lacked what they are: this late, since it stands on what other extensions add.
    """
    app.add_role_to_domain("glue", "text", GluedText(), override=True)
    config.html_static_path += [str(find_asset(package)) for package in ASSETS]
    for name, listeners in app.events.listeners.items():
        kept = [one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")]
        app.events.listeners[name] = kept
    app.registry.css_files[:] = [row for row in app.registry.css_files if row[0] != "sphinx-thebe.css"]
    if citation := load_citation():
        config.html_theme_options |= citation.buttons


def _describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page a description for search engines: its first sentences."""
    if doctree is not None:
        told = description(part.astext() for part in doctree.findall(nodes.paragraph))
        context["metatags"] += f'\n<meta name="description" content="{html.escape(told)}" />'


def _without_idle_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """MathJax only where the page itself holds a formula; Sphinx adds it for pages below, too. What draws and
    moves the arrows of the loop only where they stand.
    """
    idle = []
    if tree is None or next(tree.findall(_is_formula), None) is None:
        idle.append(app.config.mathjax_path)
    drawn = "" if tree is None else " ".join(part.astext() for part in tree.findall(nodes.raw))
    idle += [name for name, mark in _ONLY_WITH.items() if mark not in drawn]
    for files in ("script_files", "css_files"):
        context[files] = [one for one in context[files] if not any(name in str(one) for name in idle)]


def _is_formula(node: nodes.Node) -> bool:
    return isinstance(node, nodes.math | nodes.math_block)


def _open_entry(translator: Any, node: nodes.citation) -> None:
    """As docutils does, but with the role `listitem`: `doc-biblioentry` is deprecated."""
    if not isinstance(node.previous_sibling(), nodes.citation):
        translator.body.append('<div role="list" class="citation-list">\n')
    translator.body.append(translator.starttag(node, "div", classes=["citation"], role="listitem"))


def _close_entry(translator: Any, node: nodes.citation) -> None:
    last = not isinstance(node.next_node(descend=False, siblings=True), nodes.citation)
    translator.body.append("</div>\n</div>\n" if last else "</div>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", _prepare, priority=900)
    app.connect("html-page-context", _without_idle_scripts, priority=900)
    app.connect("doctree-read", dress_chapter)
    app.connect("html-page-context", _describe)
    app.add_node(nodes.citation, override=True, html=(_open_entry, _close_entry))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
