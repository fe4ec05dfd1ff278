"""Two runs side by side on one page that needs nothing else: verdicts, strips, parameters, estimates."""

import re

from markupsafe import Markup

from dti_core.book.strip import strip_html
from dti_core.lab.compare import Comparison
from dti_core.lab.frozen import book_folder
from dti_core.lab.publishing.policy import with_style_policy
from dti_core.lab.publishing.rendering import render
from dti_core.lab.record import Record
from dti_core.lab.register import load_register

#: Styles of the book that the page takes along.
_STYLES = ("dti.css", "dti-strip.css")
#: What scrolls by itself; where no script does it, a keyboard must be able to reach it.
_SCROLLS = '<div class="dti-scroll">'
_DARK = re.compile(r'html\[data-theme="dark"\]([^{]*\{[^}]*\})')


def comparison_page(first: Record, second: Record, comparison: Comparison) -> str:
    """The page of what changed from one run to another of the same study; no script runs on it."""
    style = page_style()
    register, runs = load_register(), (first, second)
    words = [{one.claim: one for one in run.claims} for run in runs]
    strips = [
        [strip_html(run, [said[claim]] if claim in said else [], register=register, link="")
         for run, said in zip(runs, words, strict=True)]
        for claim in words[0] | words[1]
    ]  # fmt: skip
    shown = {
        "runs": runs,
        "comparison": comparison,
        "claims": register.claims,
        "verdicts": words,
        "strips": strips,
    }
    page = render("compare.html", room=__package__, style=Markup(style), **shown)
    return with_style_policy(page.replace(_SCROLLS, f'{_SCROLLS[:-1]} tabindex="0">'), style)


def page_style() -> str:
    """The book's style for a page without script, which is light or dark as the reader's system is."""
    files = [book_folder() / "_static" / name for name in _STYLES]
    book = "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    told = _DARK.sub(r"@media (prefers-color-scheme: dark) { :root\1 }", book)
    style = told.replace('html[data-theme="light"]', ":root") + render("compare.css", room=__package__)
    return style.replace("</", r"<\/")
