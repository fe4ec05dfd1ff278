"""A content-security policy for pages: a browser runs the theme's scripts and the site's files, no others."""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from dti_core.lab.files import write

_CHARSET = '<meta charset="utf-8" />'
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_PRINT = ' onclick="window.print()"'
#: `file:` stands beside 'self' for readers who open the book from disk, where no page has a site of its own.
_SITE = "'self' file:"


def add_policies(site: Path) -> None:
    """Put a policy at the top of every page of a built book, and escape the titles in its search index.

    Inline scripts are trusted by their hash. The hashes come from the pages that Sphinx writes without any
    content of ours (head of the index, foot of the search page), so that a script which got into a chapter is
    never among them. The theme's one inline event handler becomes an attribute that dti-page.js looks for.
    """
    index = (site / "genindex.html").read_text(encoding="utf-8").partition("</head>")[0]
    search = (site / "search.html").read_text(encoding="utf-8").partition('id="search-results"')[2]
    trusted = [*inline_scripts(index), *inline_scripts(search)]
    for path in site.rglob("*.html"):
        name = path.relative_to(site).with_suffix("").as_posix()
        if not name.startswith("_static/"):
            own = (script.replace("pagename = 'genindex'", f"pagename = '{name}'") for script in trusted)
            page = path.read_text(encoding="utf-8").replace(_PRINT, " data-dti-print")
            write(path, with_policy(page, own))
    titles = site / "searchindex.js"
    write(titles, titles.read_text(encoding="utf-8").replace("<", "&lt;"))


def with_policy(page: str, scripts: Iterable[str]) -> str:
    """`page` with a policy as the first thing that a browser obeys; `scripts` are the inline ones to run."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}" />'
    before, charset, after = page.partition(_CHARSET)
    return f"{before}{charset}\n    {meta}{after}" if charset else f"{meta}\n{page}"


def with_style_policy(page: str, style: str) -> str:
    """`page` with a policy under which nothing runs and nothing is fetched; `style` is its only style."""
    policy = f"default-src 'none'; style-src 'sha256-{_digest(style)}'; base-uri 'none'; form-action 'none'"
    return page.replace(
        _CHARSET, f'{_CHARSET}\n<meta http-equiv="Content-Security-Policy" content="{policy}" />', 1
    )


def inline_scripts(page: str) -> list[str]:
    """Contents of the inline scripts of a page that is trusted."""
    return [script for script in _INLINE.findall(page) if script.strip()]


def _policy(scripts: Iterable[str]) -> str:
    hashes = " ".join(sorted({f"'sha256-{_digest(script)}'" for script in scripts}))
    return (
        f"default-src 'none'; script-src {_SITE} {hashes}; style-src {_SITE} 'unsafe-inline'; "
        f"img-src {_SITE} data: blob:; font-src {_SITE} data:; connect-src 'self'; form-action {_SITE}; "
        f"base-uri 'none'"
    )


def _digest(script: str) -> str:
    """As the browser sees it: line ends are normalised before hashing."""
    seen = script.replace("\r\n", "\n").replace("\r", "\n")
    return base64.b64encode(hashlib.sha256(seen.encode()).digest()).decode()
