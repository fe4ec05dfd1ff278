"""The book on paper, on phones, without scripts and over a slow line: pictures, weight, the PDF."""

import gzip
import io
import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader
from typer.testing import CliRunner

from dti_core.book import chromium
from dti_core.book.chromium import NoBrowserError
from dti_core.book.pdf import print_book
from dti_core.book.publish import refreeze
from dti_core.book.redraw import redraw
from dti_core.book.serving import SqueezedFiles
from dti_core.book.stale import stale
from dti_core.cli import app
from dti_core.lab.publishing.pictures import clean_picture
from tests.browser import PATIENCE_SECONDS, open_chromium, serve_quietly
from tests.sample_book import CHECKOUT, SLUG, at_home
from tests.test_book import CHAPTERS, NARROW, PAGES, WIDE
from tests.test_lab_stale import hide

#: Bytes over the wire of a page as `dti book --serve` sends it, the formula typesetter aside.
LIGHT = 400_000
PAPER = 680


@pytest.fixture(scope="module")
def browser():
    with open_chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(sample_site):
    """The book as `dti book --serve` sends it."""
    with serve_quietly(sample_site, SqueezedFiles) as found:
        yield found


@pytest.fixture
def spoilt(sample_house, tmp_path, monkeypatch):
    """A copy of the project with its frozen sample chapter, which a test may spoil."""
    shutil.copytree(sample_house / "home", tmp_path / "home", ignore=shutil.ignore_patterns("_build"))
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    shutil.copytree(sample_house / "results", tmp_path / "results", dirs_exist_ok=True)
    return tmp_path / "home"


def _open(browser, address, name, size=WIDE, **settings):
    page = browser.new_context(viewport=size, **settings).new_page()
    page.set_default_timeout(1000 * PATIENCE_SECONDS)
    page.goto(f"{address}{name}.html")
    return page


def _paths(content: bytes) -> Iterator[int]:
    """How many shapes each page of a printed document draws: painted paths, those of its parts included."""
    book, painted = PdfReader(io.BytesIO(content)), {b"S", b"s", b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"}

    def count(stream, resources) -> int:
        """By the words of the stream, as Chromium writes all text in hexadecimal digits."""
        words, forms = stream.get_data().split(), (resources or {}).get("/XObject", {})
        n = sum(word in painted for word in words)
        for name, operator in pairwise(words):
            if operator == b"Do":
                form = forms[name.decode()].get_object()
                if form.get("/Subtype") == "/Form":
                    n += count(form, form.get("/Resources", resources))
        return n

    return (count(page.get_contents(), page["/Resources"].get_object()) for page in book.pages)


# ---------------------------------------------------------------- pictures


HOSTILE = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
viewBox="0 0 9 9" onload="alert(1)"><script>alert(2)</script><style>*{fill:url(//a)}</style>
<defs><clipPath id="c"><rect width="1"/></clipPath></defs>
<g clip-path="url('#c')"><path d="M0,0L9,9" style="stroke: rgb(1, 2, 3); position: fixed"/></g>
<g clip-path="url(https://e.org/x#c)"/><path d="M1,1" style="fill: url(//e.org)"/>
<path d="M2,2" style="fill: u\\72l(//e.org)"/>
<text x="1" onclick="alert(3)">a &lt;b&gt;<a href="javascript:alert(4)">c</a></text>
<image xlink:href="https://e.org/a.png" width="1"/><image href="data:image/svg+xml;base64,AA"/>
<image xlink:href="data:image/png;base64,iVBORw0K" width="2"/><use href="#c"/>
<animate attributeName="href" to="javascript:"/>
<foreignObject><body onload="alert(5)">x</body></foreignObject><iframe src="//e.org"></iframe></svg>"""


def test_of_a_hostile_picture_only_shapes_and_words_remain():
    clean = clean_picture(HOSTILE, "f1w")
    for word in (
        "alert",
        "javascript",
        "e.org",
        "script",
        "style>",
        "foreign",
        "iframe",
        "use",
        "animate",
        "onload",
    ):
        assert word not in clean, word
    assert re.findall(r"<(\w+)", clean) == [
        "svg", "defs", "clipPath", "rect", "g", "path", "path", "path", "text", "image", "image", "image",
    ]  # fmt: skip
    assert 'clip-path="url(#f1w0)"' in clean
    assert 'id="f1w0"' in clean
    assert "stroke:var(--pst-color-text-base, #222832)" in clean
    assert "position" not in clean
    assert re.findall(r'href="([^"]*)"', clean) == ["data:image/png;base64,iVBORw0K"]
    assert clean_picture(clean, "f1w") == clean


def test_pictures_lie_beside_the_chapter_and_are_drawn_once(sample_house, spoilt):
    folder = spoilt / "book" / "studies" / SLUG / "figures"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"figure-1.svg", "figure-1-narrow.svg"}
    marked = (folder / "figure-1.svg").read_text(encoding="utf-8").replace("</svg>", "<g></g></svg>")
    (folder / "figure-1.svg").write_text(marked, encoding="utf-8")
    hide(spoilt)
    assert stale(SLUG) == []
    refreeze(SLUG)
    assert (folder / "figure-1.svg").read_text(encoding="utf-8") == marked, (
        "another browser's picture is kept"
    )
    (folder / "figure-1.svg").write_text(marked.replace("<g></g>", ""), encoding="utf-8")
    refreeze(SLUG)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "a tampered one is not"


def test_a_picture_that_is_tampered_with_missing_or_of_another_figure_is_noticed(spoilt):
    folder = spoilt / "book" / "studies" / SLUG / "figures"
    first, narrow = folder / "figure-1.svg", folder / "figure-1-narrow.svg"
    content = first.read_text(encoding="utf-8")
    assert stale(SLUG) == []
    first.write_text(content.replace("M", "m", 1), encoding="utf-8")
    assert f"book/studies/{SLUG}/figures/figure-1.svg is not what the manifest says" in stale(SLUG)
    first.write_text(re.sub('data-figure="....', 'data-figure="0000', content), encoding="utf-8")
    hide(spoilt)
    other = f"book/studies/{SLUG}/figures/figure-1.svg is no picture of that figure of the chapter"
    assert stale(SLUG) == [other]
    first.write_text(content, encoding="utf-8")
    narrow.unlink()
    hide(spoilt)
    assert stale(SLUG) == [other.replace("-1.svg", "-1-narrow.svg")]


def test_without_a_browser_nothing_is_published_and_figures_can_still_be_compared(
    spoilt, tmp_path, monkeypatch
):
    monkeypatch.setattr(chromium, "_NAMES", ())
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    assert redraw(SLUG) == []
    studies = spoilt / "book" / "studies"
    shutil.rmtree(studies / SLUG / "figures")
    before = {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()}
    with pytest.raises(NoBrowserError, match="apt install chromium"):
        refreeze(SLUG)
    assert {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()} == before


def test_data_links_give_the_series_and_the_record(sample_house, sample_site):
    with at_home(sample_house):
        told = json.loads((sample_site / "studies" / f"{SLUG}.result.json").read_text(encoding="utf-8"))
    assert told["slug"] == SLUG
    for path in (sample_house / "home" / "book" / "studies").glob("*/series/*.parquet"):
        table = pd.read_csv(
            (sample_site / path.relative_to(sample_house / "home" / "book")).with_suffix(".csv"), index_col=0
        )
        assert table.shape == pd.read_parquet(path).shape, path
    page = (sample_site / "studies" / f"{SLUG}.html").read_text(encoding="utf-8")
    assert f'href="{SLUG}/series/walk.csv" download>Data (CSV)' in page
    assert 'id="figure-1"' in page
    assert 'href="#figure-1">Figure 1<' in page


def test_server_squeezes_text_and_only_for_those_who_can_read_it(address, sample_site):
    def get(name, **headers):
        return urllib.request.urlopen(urllib.request.Request(f"{address}{name}", headers=headers))

    plain, squeezed = get("intro.html"), get("intro.html", **{"Accept-Encoding": "gzip, br"})
    assert (plain.headers["Content-Encoding"], squeezed.headers["Content-Encoding"]) == (None, "gzip")
    content = squeezed.read()
    assert len(content) == int(squeezed.headers["Content-Length"]) < len(plain.read()) / 2
    assert gzip.decompress(content) == (sample_site / "intro.html").read_bytes()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get("../secret.html", **{"Accept-Encoding": "gzip"})


# ---------------------------------------------------------------- in a browser


_ICONS = """() => [...document.querySelectorAll("i[class*=fa-]")]
  .map((icon) => [icon.matches(".fab, .fa-brands") ? "brands-400" : "solid-900",
    getComputedStyle(icon, "::before").content])"""


_CUT = """(width) => [...document.querySelectorAll("article *, .bd-article *")].filter((one) => {
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const aside = ".visually-hidden, .dti-figure-alt, .dti-plot, mjx-assistive-mml, clipPath";
  // what a figure clips is drawn inside it, however far its line goes on; the figure itself is looked at
  const clips = one.ownerSVGElement && (one.closest("[clip-path]") || one.querySelector("[clip-path]"));
  if (!box.width || one.closest(aside) || clips) { return false; }
  return box.right > width + 1 || (!one.closest(".math, svg") && style.overflowX !== "visible" &&
    one.scrollWidth > one.clientWidth + 1);
}).map((one) => one.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class Visit:
    """Bytes over the wire by address, number of formulae, and icons of a page that was scrolled a little.

    icons : the font of each, and its character.
    cut : what reaches beyond the right edge when the page is put on paper.
    """

    bytes_of: dict[str, int]
    n_formulae: int
    icons: set[tuple[str, str]]
    cut: list[str]


@pytest.fixture(scope="module")
def opened(browser, address) -> dict[str, Visit]:
    """What was seen of each page, opened once."""
    seen = {}
    for name in PAGES:
        page, sizes = browser.new_context(viewport=WIDE).new_page(), {}
        page.on("requestfinished", lambda one, sizes=sizes: sizes.update({one.url: one}))
        page.goto(f"{address}{name}.html", wait_until="load")
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(300)
        bytes_of = {url: one.sizes()["responseBodySize"] for url, one in sizes.items()}
        n_formulae, icons = page.locator(".math").count(), {*map(tuple, page.evaluate(_ICONS))}
        page.set_viewport_size({"width": PAPER, "height": 1000})
        page.emulate_media(media="print")
        seen[name] = Visit(bytes_of, n_formulae, icons, page.evaluate(_CUT, PAPER))
        page.context.close()
    return seen


@pytest.mark.browser
def test_no_page_weighs_more_than_it_may(opened, record_property):
    heavy, formulae = {}, []
    for name, visit in opened.items():
        bytes_of = visit.bytes_of
        mathjax = [url for url in bytes_of if "tex-svg" in url]
        assert bool(mathjax) == (visit.n_formulae > 0), name
        formulae += mathjax
        weight = sum(size for url, size in bytes_of.items() if url not in mathjax)
        record_property(name, weight)
        assert weight > 50_000, "something was not counted"
        assert not [url for url in bytes_of if "plotly" in url or "fontawesome.js" in url], name
        if weight > LIGHT:
            heavy[name] = weight
    assert heavy == {}
    assert formulae, "no page has a formula, so that nothing was tested"


@pytest.mark.browser
def test_icons_that_the_pages_use_are_in_the_font(opened, sample_site):
    fonts = sample_site / "_static" / "vendor" / "fontawesome" / "webfonts"
    assert {path.suffix for path in fonts.iterdir()} == {".woff"}
    glyphs = {name: TTFont(fonts / f"fa-{name}.woff").getBestCmap() for name in ("solid-900", "brands-400")}
    shown = set().union(*(visit.icons for visit in opened.values()))
    assert len(shown) > 5
    assert {one for one in shown if ord(one[1].strip('"')) not in glyphs[one[0]]} == set()
    assert sum(map(len, glyphs.values())) < 60


@pytest.mark.browser
@pytest.mark.parametrize(("size", "shape"), [(WIDE, "wide"), (NARROW, "narrow")], ids=["1280", "390"])
def test_figures_are_there_without_scripts_in_the_shape_of_the_window(browser, address, size, shape):
    for slug in CHAPTERS:
        page = _open(browser, address, f"studies/{slug}", size, java_script_enabled=False)
        shown = page.locator(".dti-picture:visible")
        assert shown.count() == page.locator(".dti-figure").count() > 0
        assert page.locator(f".dti-picture.dti-{shape}:visible").count() == shown.count()
        for number in range(shown.count()):
            assert shown.nth(number).locator("path").count() > 5
        assert page.locator(".dti-explore:visible").count() == 0
        page.context.close()


@pytest.mark.browser
def test_pictures_take_the_colours_of_the_page(browser, address):
    ink = "getComputedStyle(document.querySelector('.dti-picture text')).fill"
    found = []
    for scheme in ("light", "dark"):
        page = _open(browser, address, f"studies/{SLUG}", color_scheme=scheme)
        found.append(sum(map(int, re.findall(r"\d+", page.evaluate(ink))[:3])))
        page.emulate_media(media="print", color_scheme=scheme)
        assert sum(map(int, re.findall(r"\d+", page.evaluate(ink))[:3])) < 3 * 60, "paper is white"
        page.context.close()
    assert found[0] < 3 * 100 < 3 * 150 < found[1]


@pytest.mark.browser
@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_the_plotting_library_is_fetched_when_a_reader_turns_to_a_figure(browser, address, how):
    page, asked = _open(browser, address, f"studies/{SLUG}"), []
    page.on("request", lambda request: asked.append(request.url))
    figure = page.locator(".dti-figure").first
    figure.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    assert not [url for url in asked if "plotly" in url]
    height = figure.locator(".dti-picture:visible").bounding_box()["height"]
    if how == "mouse":
        box = figure.locator(".dti-picture:visible").bounding_box()
        page.mouse.move(box["x"] + 50, box["y"] + 50)
        page.mouse.move(box["x"] + 80, box["y"] + 90)
    else:
        figure.locator(".dti-explore").focus()
        page.keyboard.press("Enter")
    figure.locator('.dti-plot[data-drawn="yes"]').wait_for()
    assert [url for url in asked if "plotly" in url]
    assert figure.locator(".dti-picture:visible").count() == 0
    assert abs(figure.locator(".dti-plot").bounding_box()["height"] - height) < 3, "the page jumps"
    if how == "keyboard":
        assert page.evaluate("document.activeElement.className").startswith("dti-plot")
    page.emulate_media(media="print")
    assert figure.locator(".dti-picture.dti-wide").is_visible(), "paper shows the picture"
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("slug", CHAPTERS)
def test_each_figure_of_a_chapter_is_drawn_on_paper(browser, address, slug):
    """Counted in what Chromium prints from a page that nobody has scrolled."""
    page = _open(browser, address, f"studies/{slug}")
    n_figures, whole = page.locator(".dti-figure").count(), sum(_paths(page.pdf()))
    page.evaluate("""() => {
      document.body.replaceChildren(...document.querySelectorAll(".dti-figure"));
      document.querySelectorAll(".dti-figure").forEach((one) => { one.style.breakAfter = "page"; });
    }""")
    drawn = [*_paths(page.pdf())]
    assert len(drawn) in (n_figures, n_figures + 1), "a page a figure"
    assert min(drawn[:n_figures]) > 10
    assert whole > sum(drawn) > 0
    page.context.close()


@pytest.mark.browser
def test_nothing_is_cut_at_the_right_edge_of_the_paper(opened):
    assert {name: visit.cut for name, visit in opened.items() if visit.cut} == {}


@pytest.mark.browser
def test_the_pdf_holds_the_whole_book_with_bookmarks_and_true_page_numbers(
    sample_site, tmp_path, record_property
):
    site = Path(shutil.copytree(sample_site, tmp_path / "html"))
    book = PdfReader(print_book(site))
    record_property("pages", len(book.pages))
    assert book.metadata.title == "Does the loop close?"
    assert _words(book.pages[0]).startswith("Does the loop close?")
    top = [entry for entry in book.outline if not isinstance(entry, list)]
    titles = {}
    for name in PAGES:
        heading = re.search(
            r'<article.*?<h1>(.*?)<a class="headerlink"',
            (site / f"{name}.html").read_text(encoding="utf-8"),
            re.DOTALL,
        )
        titles[name] = re.sub(r"<[^>]+>", "", heading.group(1)).strip()
    assert [entry.title for entry in top] == ["Contents", *_order(site, titles)]
    assert any(isinstance(entry, list) for entry in book.outline), "no bookmark below the chapters"
    contents = " ".join(map(_words, book.pages[1 : book.get_destination_page_number(top[1])]))
    for entry in top[1:]:
        assert f"{_letters(entry.title)}{book.get_destination_page_number(entry) + 1}" in _letters(contents)
    assert len(book.pages) > 30
    assert any(n > 1000 for n in accumulate(_paths((site.parent / "book.pdf").read_bytes())))
    links = [note.get_object() for page in book.pages for note in page.get("/Annots", [])]
    inside = [link["/Dest"] for link in links if "/Dest" in link]
    assert len(inside) > 50
    assert set(inside) <= set(book.named_destinations)
    assert not [link for link in links if "file:" in str(link.get("/A", ""))]


def _order(site, titles):
    links = re.findall(
        r'toctree-l1[^"]*"><a class="reference internal" href="([^"]+)\.html"',
        (site / "intro.html").read_text(encoding="utf-8"),
    )
    return [titles[name] for name in ["intro", *dict.fromkeys(links)]]


def _words(page) -> str:
    return " ".join(page.extract_text().split())


def _letters(text: str) -> str:
    return re.sub(r"[^\w]", "", text.replace("ﬁ", "fi").replace("ﬂ", "fl"))


def test_real_chapters_have_all_their_pictures():
    """Without it the tests above would pass on figures that fell back to scripts."""
    for path in (CHECKOUT / "book" / "studies").glob("*.ipynb"):
        figures = path.read_text(encoding="utf-8").count('"application/vnd.plotly.v1+json"')
        assert len(list((path.with_suffix("") / "figures").glob("*.svg"))) == 2 * figures > 0


def test_the_command_prints_the_site_that_it_built(monkeypatch, tmp_path):
    monkeypatch.setattr("dti_core.book.build.build_book", lambda profile: tmp_path / profile)
    monkeypatch.setattr("dti_core.book.pdf.print_book", lambda site: site.parent / f"{site.name}.pdf")
    shown = CliRunner().invoke(app, ["book", "--pdf", "--profile", "quick"])
    assert shown.exit_code == 0
    assert f"Printed: {tmp_path / 'quick.pdf'}" in "".join(shown.output.split("\n"))
    assert "Printed" not in CliRunner().invoke(app, ["book"]).output
