"""What Sphinx adds to a chapter when it builds the page: its strip, and links to and from its claims."""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from dti_core.book.strip import strip_html
from dti_core.lab.frozen import parse_record
from dti_core.lab.running.runs import RESULT

_ROW = re.compile(r"<tr>(\s*<th [^>]*gt_stub[^>]*>)(C\d+[a-z]?): ")
_LINKED = r'<tr id="\2">\1<a href="../claims.html#\2">\2</a>: '


def dress_chapter(app: Sphinx, doctree: nodes.document) -> None:
    """Put the strip of a chapter below its question and answer, and anchors on the rows of its verdicts.

    The notebook stays as it was frozen: only the page is changed.
    """
    record = Path(app.srcdir) / f"{app.env.docname}.{RESULT}"
    if not record.is_file():
        return
    for node in list(doctree.findall(nodes.raw)):
        if _ROW.search(node.astext()):
            node.replace_self(nodes.raw("", _ROW.sub(_LINKED, node.astext()), format="html"))
    strip = strip_html(parse_record(record.read_bytes(), record.name))
    if section := next(doctree.findall(nodes.section), None):
        after_words = (k for k, child in enumerate(section) if not _words(child))
        section.insert(next(after_words, len(section)), nodes.raw("", strip, format="html"))


def _words(node: nodes.Node) -> bool:
    return isinstance(node, nodes.title | nodes.paragraph | nodes.target)
