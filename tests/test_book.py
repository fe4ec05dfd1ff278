"""The rendered book: builds without a warning, asks the network for nothing, can be read by anyone."""

import html
import json
import re
import shutil
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from dti_core.book.bridge_map import list_bridges
from dti_core.book.build import build_book, serve
from dti_core.book.pages import PAGES as GENERATED
from dti_core.book.pages import frozen_records, page_texts, write_pages
from dti_core.book.stale import stale
from dti_core.lab.data import load_all, load_published
from dti_core.lab.errors import BookError
from dti_core.lab.publishing.plotly_mime import figure_html
from tests.browser import PATIENCE_SECONDS, open_chromium, serve_quietly
from tests.sample_book import CHECKOUT, SLUG, at_home, build_house

REAL_CHAPTERS = sorted(path.stem for path in (CHECKOUT / "book" / "studies").glob("*.ipynb"))
CHAPTERS = [SLUG, *REAL_CHAPTERS]
PAGES = ["intro", "how_to_read", "claims", "bridges", "data", "status", "notation", "references"]
PAGES += ["review", "what_to_do", "for_your_size", "speed", "cite"]
PAGES += ["loop"] * ("closed_loop" in CHAPTERS)
PAGES += [f"studies/{slug}" for slug in CHAPTERS]
BANNER = "Quick profile: small sizes, not the frozen results."


@pytest.fixture(scope="module")
def quick_site(sample_house, tmp_path_factory) -> Path:
    """The separate site of quick runs."""
    place = tmp_path_factory.mktemp("quick")
    shutil.copytree(sample_house, place, dirs_exist_ok=True)
    with at_home(place):
        return build_book("quick")


class Tags(HTMLParser):
    """All tags of a page with their attributes, and the text inside scripts and style sheets."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.code: list[tuple[dict[str, str], str]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("script", "style") and data.strip():
            self.code.append((self.tags[-1][1], data))


def _manifest() -> dict:
    return json.loads((CHECKOUT / "book" / "studies" / "manifest.json").read_text(encoding="utf-8"))


def _html(site: Path) -> list[Path]:
    """All pages but index.html, which only points to the first one."""
    return sorted(
        path for path in site.rglob("*.html") if "_static" not in path.parts and path.stem != "index"
    )


# ---------------------------------------------------------------- without a browser


def test_every_page_is_built(sample_site):
    built = {path.relative_to(sample_site).with_suffix("").as_posix() for path in _html(sample_site)}
    assert set(PAGES) <= built


def test_html_loads_nothing_from_outside(sample_site):
    """Links out of the book are for the reader to click; nothing else may name another host."""
    found = []
    for path in _html(sample_site):
        page = Tags(path)
        for tag, attributes in page.tags:
            for name in ("src", "href", "srcset", "data", "poster", "action"):
                outside = re.match(r"\s*(https?:)?//", attributes.get(name, ""))
                if outside and not (tag == "a" and name == "href"):
                    found.append((path.name, tag, attributes[name]))
        urls = [url for _, text in page.code for url in re.findall(r"https?://[^\s\"']+", text)]
        found += [(path.name, "code", url) for url in urls]
    assert found == []


def test_style_sheets_and_scripts_of_ours_load_nothing_from_outside(sample_site):
    for path in [*(sample_site / "_static").glob("*.css"), *(sample_site / "_static").glob("dti*.js")]:
        outside = re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//\S+", path.read_text(encoding="utf-8"))
        assert outside == [], path.name


def test_every_image_and_figure_says_what_it_shows(sample_site):
    n_figures = 0
    for path in _html(sample_site):
        text = path.read_text(encoding="utf-8")
        for tag, attributes in Tags(path).tags:
            if tag == "img":
                assert attributes.get("alt", "").strip(), path.name
            if tag == "svg" and attributes.get("role") == "img":
                assert attributes.get("aria-labelledby") or attributes.get("aria-label"), path.name
        for figure in re.findall(r'<figure class="dti-figure".*?</figure>', text, re.DOTALL):
            n_figures += 1
            assert re.search(r'aria-label="Figure \d+: [^"]+"', figure)
            assert re.search(r'class="dti-figure-alt">[^<]+<', figure)
            assert re.search(r"<figcaption>[^<]+</figcaption>", figure)
            assert re.search(r'<noscript><p>[^<]+</p>|dti-picture dti-wide" aria-hidden="true"><svg', figure)
    assert n_figures >= len(CHAPTERS)


def test_internal_links_resolve(sample_site):
    ids: dict[Path, set[str]] = {}
    broken = []
    for path in _html(sample_site):
        for tag, attributes in Tags(path).tags:
            link = attributes.get("href" if tag in ("a", "link") else "src", "")
            parts = urlsplit(link)
            if not link or parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                broken.append((path.name, link))
            elif parts.fragment and target.suffix == ".html":
                if target not in ids:
                    ids[target] = {a["id"] for _, a in Tags(target).tags if "id" in a}
                if unquote(parts.fragment) not in {*ids[target], ""}:
                    broken.append((path.name, link))
    assert broken == []


def test_glued_numbers_are_those_of_the_record(sample_site, sample_house):
    with at_home(sample_house):
        record = frozen_records()[SLUG]
    (mean,) = [e for e in record.estimates if e.key == "mean_step"]
    text = (sample_site / "studies" / f"{SLUG}.html").read_text(encoding="utf-8")
    glued = re.findall(r'class="pasted-text">([^<]+)<', text)
    assert glued == [f"{mean.value:.2f}", f"{mean.low:.2f}", f"{mean.high:.2f}", "supported"]


def test_front_page_counts_every_claim_once(sample_site):
    text = (sample_site / "intro.html").read_text(encoding="utf-8")
    counts = [int(number) for number in re.findall(r"</span> (\d+)</li>", text)]
    total = int(re.search(r"<strong>(\d+) claims</strong>", text).group(1))
    rows = re.findall(r'<tr id="(C\d+[a-z]?)"', (sample_site / "claims.html").read_text(encoding="utf-8"))
    assert sum(counts) == total == len(rows) == len(set(rows)) > 70


def test_each_anchor_for_a_claim_and_its_study_stands_in_the_table(sample_site):
    page = (sample_site / "claims.html").read_text(encoding="utf-8")
    row = re.search(r'<tr id="C28a".*?</tr>', page, re.DOTALL).group(0)
    assert f'href="studies/{SLUG}.html#C28a"' in row
    assert "dti-supported" in row
    assert "Controls, in that order: shuffled_signs" in row


def test_quick_site_warns_on_every_page_and_has_the_quick_numbers(sample_site, quick_site):
    for path in _html(quick_site):
        assert BANNER in path.read_text(encoding="utf-8"), path.name
    for path in _html(sample_site):
        assert BANNER not in path.read_text(encoding="utf-8"), path.name
    chapters = [folder / "studies" / f"{SLUG}.html" for folder in (quick_site, sample_site)]
    quick, full = (path.read_text(encoding="utf-8") for path in chapters)
    parameters = [re.sub("<[^>]+>", "", text) for text in (quick, full)]
    assert "n_days: int = 40 " in parameters[0]
    assert "n_days: int = 400 " in parameters[1]


def test_quick_site_leaves_the_frozen_book_alone(quick_site):
    home = next(folder for folder in quick_site.parents if folder.name == "home")
    assert not quick_site.is_relative_to(home / "book")
    notebook = json.loads((home / "book" / "studies" / f"{SLUG}.ipynb").read_text(encoding="utf-8"))
    assert "n_days: int = 400" in notebook["cells"][1]["source"]


def test_book_without_chapters_builds(tmp_path, monkeypatch):
    build_house(tmp_path / "home")
    shutil.rmtree(tmp_path / "home" / "book" / "studies")
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    site = build_book()
    text = (site / "intro.html").read_text(encoding="utf-8")
    assert "no chapter yet" in text
    assert not list((site / "studies").glob("*.html"))


def test_warning_stops_the_build_and_is_quoted(tmp_path, monkeypatch):
    """In a book of two pages, to be quick."""
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    monkeypatch.setattr("dti_core.book.build.write_pages", lambda book, records: None)
    unwanted = shutil.ignore_patterns("studies", "_build", "_generated")
    book = shutil.copytree(CHECKOUT / "book", tmp_path / "book", ignore=unwanted)
    toc = "format: jb-book\nroot: notation\nchapters:\n  - file: references\n"
    (book / "_toc.yml").write_text(toc, encoding="utf-8")
    page = book / "notation.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nSee {cite}`nobody1900`.\n", encoding="utf-8")
    with pytest.raises(BookError, match=r"notation\.md.*nobody1900"):
        build_book()
    assert (build_book(strict=False) / "notation.html").is_file()


def test_unknown_profile_is_refused():
    with pytest.raises(BookError, match="Allowed: smoke, quick, full"):
        build_book("final")


def test_server_is_for_this_machine_only(sample_site):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threading.Thread(target=serve, args=(sample_site, port), daemon=True).start()
    for _ in range(50):
        try:
            body = urllib.request.urlopen(f"http://127.0.0.1:{port}/intro.html", timeout=2).read()
            break
        except OSError:
            threading.Event().wait(0.1)
    assert b"Does the loop close?" in body
    with pytest.raises(BookError, match=f"port {port} is not free"):
        serve(sample_site, port)


def test_serving_before_building_is_refused(tmp_path):
    with pytest.raises(BookError, match="dti book"):
        serve(tmp_path)


def test_every_published_chapter_is_among_the_tested():
    """Without this, the tests below would pass on a book that lost its chapters."""
    assert {*_manifest(), "lstm_portfolio"} <= set(REAL_CHAPTERS)


@pytest.mark.parametrize("slug", REAL_CHAPTERS)
def test_frozen_chapter_matches_its_sources(slug, monkeypatch):
    monkeypatch.delenv("DTI_HOME", raising=False)
    assert stale(slug) == []
    assert _manifest()[slug]["profile"] == "full"


def test_generated_pages_are_up_to_date(tmp_path, monkeypatch):
    """`dti book` writes them; a change of register, bridges or data without it is caught here."""
    monkeypatch.delenv("DTI_HOME", raising=False)
    write_pages(tmp_path, frozen_records())
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) == len(GENERATED) + ("closed_loop" in REAL_CHAPTERS) > 6
    book = CHECKOUT / "book"
    assert [path for path in written if (tmp_path / path).read_bytes() != (book / path).read_bytes()] == []


def test_bridges_are_found_with_their_users_and_without_importing_anything(tmp_path, monkeypatch):
    """One study imports `a`, `a` imports a part of the package `b`, nobody imports `c`."""
    sources = {
        "__init__.py": "", "bridges/__init__.py": "", "studies/__init__.py": "", "studies/x/__init__.py": "",
        "studies/x/model.py": "from toyhouse.bridges import a",
        "bridges/a.py": 'from toyhouse.bridges.b.deep import f\ndef g():\n    """Does g.\n\n    More."""',
        "bridges/b/__init__.py": '"""B\nand more.\n\nMore."""\nfrom .deep import f, _hidden\n1 / 0',
        "bridges/b/deep.py": 'def f():\n    """Does f."""\ndef inner(): ...\ndef _hidden(): ...\n1 / 0',
        "bridges/c.py": "",
    }  # fmt: skip
    for name, code in sources.items():
        path = tmp_path / "toyhouse" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = {one.name: (one.users, one.summary, one.offers) for one in list_bridges("toyhouse")}
    assert found == {
        "a": (("x",), "", {"g": "Does g."}),
        "b": (("x",), "B and more.", {"f": "Does f."}),
        "c": ((), "", {}),
    }
    assert not [name for name in sys.modules if name.startswith("toyhouse")]


def test_data_page_names_the_studies_that_read_a_set_and_no_set_that_a_run_did_without(monkeypatch):
    monkeypatch.delenv("DTI_HOME", raising=False)
    records = frozen_records()
    record = records["lstm_portfolio"]
    (name, data), *_ = load_published().items()
    (file, *_) = data.hashes()
    for content, used in (("0" * 64, ["lstm_portfolio"]), ("absent", [])):
        numbers = record.provenance.fingerprint.numbers.model_copy(update={"data": {file: content}})
        told = record.provenance.fingerprint.model_copy(update={"numbers": numbers})
        provenance = record.provenance.model_copy(update={"fingerprint": told})
        page = page_texts({record.slug: record.model_copy(update={"provenance": provenance})})["data.md"]
        (card,) = (part for part in page.split("\n## ") if data.licence in html.unescape(part)
                   and data.badge in html.unescape(part))  # fmt: skip
        assert re.findall(r'href="studies/(\w+)\.html"', card) == used, name
        assert page.count("<dl") == len(load_all())
        assert sum(part.count("studies/") for part in page.split("\n## ")[2:]) == len(used)


def test_figure_text_cannot_break_out_of_its_tags():
    layout = {"title": {"text": "a <b> & 'c'"}, "meta": {"caption": '</figure>"', "alt": "</p>"}}
    shown = figure_html({"data": [{"name": "</script><script>alert(1)"}], "layout": layout})
    assert shown.count("</figure>") == shown.count("</script>") == 1
    assert "&lt;/p&gt;" in shown
    content = re.search(r'dti-plot-data">(.*?)</script>', shown, re.DOTALL).group(1)
    assert json.loads(content)["data"][0]["name"] == "</script><script>alert(1)"


# ---------------------------------------------------------------- in a browser

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def address(sample_site) -> Iterator[str]:
    with serve_quietly(sample_site) as served:
        yield served


class Watched:
    """A browser page that notes errors and requests to other places."""

    def __init__(self, browser, home: str, size: dict[str, int], scheme: str = "light") -> None:
        self.context = browser.new_context(viewport=size, color_scheme=scheme)
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE_SECONDS)
        self.home, self.problems = home, []
        self.page.on(
            "console", lambda message: self._note(message.type in ("error", "warning"), message.text)
        )
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("requestfailed", lambda request: self._note(True, f"failed: {request.url}"))
        self.page.on(
            "request", lambda request: self._note(self._outside(request.url), f"outside: {request.url}")
        )

    def _note(self, bad: bool, text: str) -> None:
        if bad:
            self.problems.append(f"{self.page.url.rsplit('/', 1)[-1]}: {text}")

    def _outside(self, url: str) -> bool:
        return not url.startswith((self.home, "data:", "blob:", "about:"))

    def open(self, name: str) -> "Watched":
        self.page.goto(f"{self.home}{name}.html")
        return self

    def draw_figures(self) -> None:
        for number in range(self.page.locator(".dti-figure").count()):
            self.draw_figure(number)

    def draw_figure(self, number: int) -> None:
        figure = self.page.locator(".dti-figure").nth(number)
        figure.scroll_into_view_if_needed()
        for button in figure.locator(".dti-explore:visible").all():
            button.click()
        figure.locator('.dti-plot[data-drawn="yes"]').wait_for()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
#: What axe found in the page, without the thousands of elements that it found good. It looks when every
#: colour has arrived: the theme's scripts choose the dark colours after the page is drawn, and its buttons
#: fade to them.
RUN_AXE = """async rules => {
  const fading = document.getAnimations().filter(one => one.effect.getComputedTiming().iterations < Infinity);
  await Promise.allSettled(fading.map(one => one.finished));
  const outcome = await axe.run(document, {...rules, resultTypes: ["violations"]});
  return {
    passes: outcome.passes.length,
    violations: outcome.violations.map(one => [one.id, one.nodes[0].html.slice(0, 160), one.nodes.length]),
  };
}"""
#: Ways to read the book: the window, the colour scheme, the pages that are opened and those that axe judges;
#: test_book_claims_page has intro and claims judged in each window and scheme, with all that is folded open.
TOURS = {
    "all-light": (WIDE, "light", [*PAGES, "search"], {*PAGES, "search"} - {"intro", "claims"}),
    "main-phone": (NARROW, "light", [*PAGES, "search"], {"how_to_read", f"studies/{CHAPTERS[-1]}"}),
    "main-dark": (
        WIDE, "dark", [*PAGES[:3], "references", f"studies/{CHAPTERS[-1]}"],
        {"how_to_read", "references", f"studies/{CHAPTERS[-1]}"},
    ),
}  # fmt: skip


#: Longest page on a phone, in pixels (the register has a card a claim), and narrowest head of a row.
LONGEST, LONGEST_REGISTER, NARROWEST = 60_000, 40_000, 60
HEIGHT, WIDTH = (f"document.documentElement.scroll{side}" for side in ("Height", "Width"))
HEADS = """(narrowest) => [...document.querySelectorAll("tbody th")]
  .filter((head) => head.getClientRects().length && getComputedStyle(head).display !== "inline")
  .map((head) => [Math.round(head.getBoundingClientRect().width), head.textContent.trim()])
  .filter(([width, text]) => width < narrowest && text)"""


@dataclass(frozen=True)
class Tour:
    """What was seen of each page: of its size as it opens, and of all else when its figures were drawn.

    narrow : heads of rows that are too narrow to be read.
    """

    problems: list[str]
    heights: dict[str, int]
    narrow: dict[str, list[object]]
    widths: dict[str, tuple[int, int]]
    passes: dict[str, int]
    violations: dict[str, list[object]]


@pytest.fixture(scope="module", params=TOURS)
def tour(request, browser, address) -> tuple[int, Tour]:
    """Width of the window, and what was seen on the tour."""
    size, scheme, pages, judged = TOURS[request.param]
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with Watched(browser, address, size, scheme) as watched:
        seen = Tour([], {}, {}, {}, {}, {})
        for name in pages:
            page = watched.open(name).page
            seen.heights[name], before = page.evaluate(HEIGHT), page.evaluate(WIDTH)
            seen.narrow[name] = page.evaluate(HEADS, NARROWEST)
            watched.draw_figures()
            seen.widths[name] = before, page.evaluate(WIDTH)
            seen.problems.extend(watched.problems)
            if name in judged:
                watched.page.evaluate(axe)
                outcome = watched.page.evaluate(RUN_AXE, AXE)
                seen.passes[name], seen.violations[name] = outcome["passes"], outcome["violations"]
            watched.problems.clear()  # axe asks for style sheets once more, also for one that is not there
        return size["width"], seen


@pytest.mark.browser
def test_pages_open_without_errors_or_outside_requests(tour):
    width, seen = tour
    assert seen.problems == []
    assert {name: wide for name, wide in seen.widths.items() if max(wide) > width} == {}


@pytest.mark.browser
@pytest.mark.parametrize("tour", ["main-phone"], indirect=True)
def test_pages_on_a_phone_are_not_endless_and_heads_can_be_read(tour, record_property):
    _, seen = tour
    assert set(PAGES) <= set(seen.heights)
    for name in PAGES:
        height = seen.heights[name]
        record_property(name, height)
        assert height < (LONGEST_REGISTER if name == "claims" else LONGEST), f"{name} is {height} px high"
        assert seen.narrow[name] == [], name


@pytest.mark.browser
def test_axe_finds_no_violation_of_wcag_a_or_aa(tour):
    _, seen = tour
    assert seen.passes
    assert min(seen.passes.values()) > 10
    assert {name: found for name, found in seen.violations.items() if found} == {}


@pytest.mark.browser
def test_pages_open_from_disk(browser, sample_site):
    with Watched(browser, f"{sample_site.as_uri()}/", WIDE) as watched:
        watched.open(f"studies/{SLUG}").draw_figures()
        assert watched.page.locator("mjx-container svg").count() >= 1
        assert watched.page.locator(".dti-plot .scatterlayer .trace").count() == 2
        assert watched.problems == []


@pytest.mark.browser
def test_search_finds_a_word_in_prose_and_in_the_register(browser, address):
    with Watched(browser, address, WIDE) as watched:
        for word, page in {"turnover": "notation.html", "campaigns": "claims.html"}.items():
            watched.page.goto(f"{address}search.html?q={word}")
            watched.page.locator(f'#search-results a[href*="{page}"]').first.wait_for()
        assert watched.problems == []


@pytest.mark.browser
@pytest.mark.parametrize("slug", CHAPTERS)
def test_figure_reacts_to_a_click_on_its_legend_and_to_the_switch_to_dark(browser, address, slug):
    colour = "getComputedStyle(document.querySelector('.dti-plot .xtick text')).fill"
    with Watched(browser, address, WIDE) as watched:
        watched.open(f"studies/{slug}")
        for number in range(watched.page.locator(".dti-figure").count()):
            watched.draw_figure(number)
            if watched.page.locator(".legendtoggle").count():
                break
        box = watched.page.locator(".dti-figure:has(.legendtoggle)").first
        box.locator(".legendtoggle").first.click()
        watched.page.wait_for_function(
            "box => box.querySelector('.dti-plot').data.some(trace => trace.visible === 'legendonly')",
            arg=box.element_handle(),
        )
        light = watched.page.evaluate(colour)
        for _ in range(3):
            if watched.page.evaluate("document.documentElement.dataset.theme") != "dark":
                watched.page.locator(".theme-switch-button:visible").first.click()
        watched.page.wait_for_function(f"{colour} !== '{light}'")
        dark = [int(part) for part in re.findall(r"\d+", watched.page.evaluate(colour))[:3]]
        assert sum(dark) > 3 * 150
        background = watched.page.evaluate("document.querySelector('.dti-plot').layout.paper_bgcolor")
        assert background == "rgba(0,0,0,0)"
        assert watched.problems == []


@pytest.mark.browser
def test_claims_can_be_filtered_and_the_choice_be_shared(browser, address):
    shown = ".dti-claims tbody tr:visible"
    with Watched(browser, address, WIDE) as watched:
        page = watched.open("claims").page
        everything = page.locator(shown).count()
        page.select_option("select[name=verdict]", "supported")
        page.select_option("select[name=study]", SLUG)
        assert page.locator(shown).count() == 1
        assert "Showing 1 of" in page.locator(".dti-filter [role=status]").inner_text()
        page.goto(page.url)
        assert page.locator(shown).count() == 1
        page.select_option("select[name=verdict]", "")
        page.select_option("select[name=study]", "")
        page.fill("input[name=words]", "zzzz")
        assert page.locator(shown).count() == 0
        page.fill("input[name=words]", "")
        assert page.locator(shown).count() == everything
        assert watched.problems == []


@pytest.mark.browser
def test_claims_can_be_read_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}claims.html")
    assert page.locator(".dti-claims tbody tr:visible").count() > 70
    assert page.locator(".dti-filter:visible").count() == 0
    page.goto(f"{address}studies/{SLUG}.html")
    assert "Two rising lines" in page.locator(".dti-figure-alt").inner_text()
    assert page.locator(".dti-picture path:visible").count() >= 2  # the lines of the walk and of its drift
    context.close()
