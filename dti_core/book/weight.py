"""Take out of a built site what its theme carries along and no page uses: icons, and a script for them."""

import re
from pathlib import Path

from dti_core.lab.files import write

_ICON_SCRIPT = re.compile(r"\s*<script defer src=\"[^\"]*scripts/fontawesome\.js[^\"]*\"></script>")
_ICON = re.compile(r"((?:\.fa-[\w-]+:+before,?)+)\{content:\"([^\"]+)\"\}")
_OWN_ICON = re.compile(r"(?:--pst-icon-[\w-]+|content): ?\"(\\f[0-9a-f]{3}|[\ue000-\uf8ff])\"")
_FONT = re.compile(r"(url\([^)]*\.)woff2\) format\(\"woff2\"\),url\([^)]*\.ttf\) format\(\"truetype\"\)")


def lighten(site: Path) -> None:
    """Leave of the icon fonts the icons that pages and style sheets show; drop the script for them."""
    used: set[str] = set()
    for path in site.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        used.update(re.findall(r"\bfa-[\w-]+", page))
        if _ICON_SCRIPT.search(page):
            write(path, _ICON_SCRIPT.sub("", page))
    (site / "_static" / "scripts" / "fontawesome.js").unlink(missing_ok=True)
    shown: set[str] = set()
    for path in (site / "_static" / "styles").glob("*.css"):
        style = _without_icons(path.read_text(encoding="utf-8"), used)
        found = [content for _, content in _ICON.findall(style)] + _OWN_ICON.findall(style)
        shown.update(chr(int(code[1:], 16)) if code.startswith("\\") else code for code in found)
        write(path, _FONT.sub(r'\1woff) format("woff")', style))
    for font in (site / "_static" / "vendor" / "fontawesome" / "webfonts").glob("*.ttf"):
        _subset(font, shown)


def _without_icons(style: str, used: set[str]) -> str:
    """A style sheet without the rules of icons that no page names."""

    def kept(rule: re.Match[str]) -> str:
        return rule[0] if used & set(re.findall(r"fa-[\w-]+", rule[1])) else ""

    return _ICON.sub(kept, style)


def _subset(font: Path, shown: set[str]) -> None:
    """Put a WOFF with the glyphs of these characters in the place of a font in its two formats."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    glyphs = TTFont(font)
    subsetter = Subsetter(Options(layout_features=[], notdef_outline=True))
    subsetter.populate(text="".join(sorted(shown)))
    subsetter.subset(glyphs)
    glyphs.flavor = "woff"
    glyphs.save(font.with_suffix(".woff"))
    font.unlink()
    font.with_suffix(".woff2").unlink(missing_ok=True)
