"""Nothing that an output, a figure or a name says can run a script or call another host from the book."""

import base64
import html as html_library
import io
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
import yaml

from dti_core.book.build import build_html
from dti_core.book.pages import write_pages
from dti_core.lab.errors import BookError
from dti_core.lab.publishing.clean import dump, freeze
from dti_core.lab.publishing.plotly_mime import figure_html
from dti_core.lab.publishing.policy import inline_scripts, with_policy
from dti_core.lab.publishing.rendering import html_block, plain
from dti_core.lab.publishing.sanitise import clean_figure, clean_html, clean_markdown, strip_html
from dti_core.lab.record import Record
from dti_core.lab.running.figure_page import PLOTLY_MIME, write_figure_page
from tests.browser import PATIENCE_SECONDS, open_chromium, serve_quietly
from tests.hostile import FIGURES, IMAGES, KINDS, LOADS, MARKDOWN, NAME, RUNS, TEXTS, WAITS, figure
from tests.sample_book import CHECKOUT, RUN, SLUG

HTML = [*RUNS, *LOADS, *WAITS]
#: Of so many controls under the policy one is opened from disk too.
FROM_DISK = 1 if os.environ.get("DTI_DEEP") else 6
GLUE = "application/papermill.record/text/plain"
#: Parts of NAME without the quotes that headings and glued words get their typographic form of.
IN_NAME = {"</td></table><script>HIT()</script>", "><img src=x onerror=HIT()>", "](javascript:HIT())"}
#: Short enough that a search finds it: Sphinx writes titles into the page as HTML.
SHORT_NAME = "<img src=x onerror=HIT()>"
ALT = {"mystnb": {"image": {"alt": "A dot."}}}


def _shown(data, **metadata):
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def _cell(output=None, **metadata):
    outputs = [] if output is None else [output]
    cell = {"cell_type": "code", "source": "1", "metadata": metadata, "execution_count": 1}
    return cell | {"outputs": outputs}


def _freeze(*cells):
    """Data of the outputs of a chapter that consists of these cells."""
    book = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    frozen = freeze(book, book, "s", {})
    return [output.get("data", output.get("text")) for cell in frozen["cells"] for output in cell["outputs"]]


class Elements(HTMLParser):
    """Elements of a piece of HTML with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def _assert_harmless(html: str) -> None:
    """Judged without the lists of the code under test."""
    for tag, attributes in Elements(html).found:
        assert re.fullmatch(
            "table|caption|col|colgroup|t(head|body|foot|r|h|d)|d[ldt]|[uo]l|li|p|div|span|[bh]r|h[2-6]|b|strong|i|em|"
            "code|pre|kbd|samp|su[bp]|small|abbr|blockquote|details|summary|a",
            tag,
        ), html
        assert set(attributes) <= {
            "scope",
            "colspan",
            "rowspan",
            "border",
            "data-label",
            "title",
            "href",
            "rel",
            "class",
        }, html
        assert re.match(r"(https|mailto):|#|[\w./]|$", attributes.get("href", "")), html
        assert not re.match(r"\s*(java|vb)script|data:", attributes.get("href", ""), re.IGNORECASE), html
        classes = attributes.get("class", "").split()
        assert all(re.fullmatch(r"dataframe|gt_[a-z_]+|dti-[a-z-]+", name) for name in classes), html


# ---------------------------------------------------------------- what enters a chapter


def test_corpus_is_large():
    assert len({*HTML, *MARKDOWN, *TEXTS}) + len(KINDS) + len(IMAGES) + len(FIGURES) >= 150


def _outcomes(clean, vectors) -> tuple[list, list[str]]:
    """What `clean` makes of the vectors that it accepts, and the messages about the others."""
    kept, refused = [], []
    for vector in vectors:
        try:
            kept.append(clean(vector, "s: cell 3"))
        except BookError as refusal:
            refused.append(str(refusal))
    return kept, refused


@pytest.mark.parametrize(("clean", "n_refused"), [(clean_html, 50), (clean_markdown, 1)])
def test_hostile_html_is_refused_by_name_of_the_cell_or_made_harmless(clean, n_refused):
    kept, refused = _outcomes(clean, [*HTML, *MARKDOWN])
    for html in kept:
        _assert_harmless(html)
    assert all(text.startswith("s: cell 3 has HTML that a book does not take: <") for text in refused)
    assert len(refused) >= n_refused
    assert len(kept) >= 20


@pytest.mark.parametrize("vector", HTML)
def test_sanitiser_alone_makes_every_vector_harmless(vector):
    once = strip_html(vector)
    _assert_harmless(once)
    assert strip_html(once) == once


def test_what_the_chapters_need_is_kept():
    frame = pd.DataFrame(
        {"a < b": ["<b>x</b>", "0.1 [0, 1]"]}, index=pd.MultiIndex.from_product([["u"], [1, 2]])
    )
    html = clean_html(frame._repr_html_(), "s")
    assert "<style" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert '<table border="1" class="dataframe">' in html
    assert 'rowspan="2"' in html
    table = (
        '<table class="gt_table"><tbody><tr><th scope="row">C1</th>'
        '<td data-label="verdict" class="gt_row"><span class="dti-badge dti-not-testable">x</span></td>'
    )
    assert clean_html(table, "s").startswith(table)
    words = 'x<sub>1</sub> <code>y</code> <a href="../claims.html#C1" rel="noopener noreferrer">C1</a>'
    assert clean_html(words, "s") == words
    assert clean_markdown("**a** `b`\n\n| c |\n|---|\n| d |", "s").startswith(
        "<p><strong>a</strong> <code>b</code></p>"
    )


@pytest.mark.parametrize("data", KINDS, ids=lambda data: next(iter(data)))
def test_kinds_of_output_outside_the_list_are_refused(data):
    with pytest.raises(BookError, match=r"^s: cell 1 shows .* which a book does not take"):
        _freeze(_cell(_shown(data)))


@pytest.mark.parametrize("data", IMAGES)
def test_pictures_that_are_none_are_refused(data):
    with pytest.raises(BookError, match=r"^s: cell 1 shows"):
        _freeze(_cell(_shown(data), **ALT))


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_true_pictures_are_kept(kind):
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (2, 2)).save(stream, kind)
    data = {f"image/{kind}": base64.encodebytes(stream.getvalue()).decode()}
    assert _freeze(_cell(_shown(data), **ALT)) == [data]


def test_figures_are_refused_or_their_strings_are_words():
    kept, refused = _outcomes(clean_figure, FIGURES)
    for cleaned in kept:
        assert set(cleaned) <= {"data", "layout", "frames"}
        assert not re.search(r"<(?!/?(b|i|em|strong|su[bp]|br|extra)>)", json.dumps(cleaned))
        assert clean_figure(cleaned, "s") == cleaned
    assert all(text.startswith("s: cell 3 ") for text in refused)
    assert len(refused) >= 15
    assert len(kept) >= 10


def test_words_and_plain_markup_of_figures_are_kept():
    """Plotly prints &lt; as <; the title leaves the drawing and is plain text then."""
    layout = {
        "title": {"text": "p < 0.05 &<br><b>R<sup>2</sup></b>"},
        "meta": {"caption": "a < b.", "alt": "c."},
    }
    frames = [{"name": "one", "data": [{"y": [3, 4]}]}]
    sliders = [{"steps": [{"method": "animate", "args": [["one"], {"mode": "immediate"}]}]}]
    cleaned = clean_figure(figure(layout=layout | {"sliders": sliders}, frames=frames), "s")
    assert cleaned["layout"]["title"]["text"] == "p &lt; 0.05 &<br><b>R<sup>2</sup></b>"
    assert (cleaned["frames"], cleaned["layout"]["sliders"]) == (frames, sliders)
    html = figure_html(cleaned)
    assert '<p class="dti-figure-title">p &lt; 0.05 &amp; R2</p>' in html
    assert "<figcaption>a &lt; b.</figcaption>" in html
    picture = {"images": [{"source": "data:image/png;base64,aGk="}]}
    assert clean_figure(figure(layout=picture), "s")["layout"]["images"] == picture["images"]


@pytest.mark.parametrize(
    "slug", sorted(path.stem for path in (CHECKOUT / "book" / "studies").glob("*.ipynb"))
)
def test_committed_chapters_hold_nothing_that_would_be_refused(slug):
    chapter = json.loads((CHECKOUT / "book" / "studies" / f"{slug}.ipynb").read_text(encoding="utf-8"))
    once = json.loads(dump(freeze(chapter, chapter, slug, {}), slug))
    assert dump(freeze(once, once, slug, {}), slug) == dump(once, slug)


def test_only_the_name_of_a_glued_value_is_kept_of_the_metadata():
    output = _shown(
        {GLUE: "1.0"}, scrapbook={"name": "x", "mime_prefix": "y", "evil": "<b>"}, evil={"html": 1}
    )
    book = {"cells": [_cell(output)], "metadata": {"kernelspec": {"evil": 1}}}
    frozen = freeze(book, book, "s", {})
    assert frozen["cells"][0]["outputs"][0]["metadata"] == {"scrapbook": {"name": "x", "mime_prefix": "y"}}
    assert "evil" not in json.dumps(frozen)


@pytest.mark.parametrize("text", [*TEXTS, NAME])
def test_names_come_out_as_text(text):
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(f"## {plain(text)}\n")
    assert [tag for tag, _ in Elements(html).found] == ["h2"]
    shown = html_library.unescape(re.sub("<[^>]*>", "", html))
    assert shown.split() == text.split()
    assert html_block(text).count("```") == 2


# ---------------------------------------------------------------- the policy


def test_hashes_are_those_of_the_standard():
    """Content Security Policy Level 2, section 4.2.5: the hash of alert('Hello, world.');"""
    page = with_policy("<title>x</title>", ["alert('Hello, world.');"])
    assert "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='" in page
    assert with_policy("", ["a\r\nb"]) == with_policy("", ["a\nb"])
    assert "unsafe-eval" not in page
    assert re.findall(r"[^;]*'unsafe-inline'", page) == [" style-src 'self' file: 'unsafe-inline'"]


def test_policy_comes_before_everything_that_it_rules():
    page = with_policy('<head><meta charset="utf-8" /><script>x</script></head>', ["x"])
    assert page.startswith('<head><meta charset="utf-8" />\n    <meta http-equiv="Content-Security-Policy"')
    assert with_policy("<p>x</p>", []).startswith('<meta http-equiv="Content-Security-Policy"')
    assert inline_scripts('<script src="a.js"></script><script>a</script><script async>b</script>') == [
        "a",
        "b",
    ]


# ---------------------------------------------------------------- the built book


class Canary(ThreadingHTTPServer):
    """The foreign host of the corpus; counts who connects, and what is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.callers, self.asked = 0, 0

    def process_request(self, request, client_address):
        self.callers += 1
        super().process_request(request, client_address)


class Answer(BaseHTTPRequestHandler):
    """Nothing is there."""

    def do_GET(self):
        self.server.asked += 1
        self.send_response(404)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    server = Canary()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(canary) -> Iterator:
    with open_chromium(f"--host-resolver-rules=MAP canary.test 127.0.0.1:{canary.server_port}") as chromium:
        yield chromium


def _accepted(clean, vectors) -> list:
    kept = []
    for vector in vectors:
        try:
            clean(vector, "s")
        except BookError:
            continue
        kept.append(vector)
    return kept


def _hostile_cells() -> list[dict]:
    """Every vector that is not refused, a cell each; what is left of all HTML; a figure that moves."""
    html = [*_accepted(clean_html, HTML), *map(strip_html, HTML)]
    cells = [_cell(_shown({"text/html": vector, "text/plain": vector})) for vector in html]
    cells += [_cell(_shown({"text/markdown": vector})) for vector in _accepted(clean_markdown, MARKDOWN)]
    cells += [_cell(_shown({PLOTLY_MIME: vector})) for vector in _accepted(clean_figure, [*FIGURES, MOVING])]
    cells += [_cell(_shown({"text/plain": text})) for text in TEXTS]
    return cells + [_cell({"output_type": "stream", "name": "stdout", "text": text}) for text in TEXTS]


#: A figure with frames, a slider that changes data and one that plays the frames.
MOVING = figure(
    {"name": "moving"},
    {
        "title": {"text": "Moving"},
        "sliders": [
            {
                "y": 0,
                "steps": [{"label": step, "method": "animate", "args": [[step]]} for step in ("one", "two")],
            },
            {
                "y": -0.4,
                "steps": [{"label": str(n), "method": "restyle", "args": [{"y": [[n, n]]}]} for n in (7, 8)],
            },
        ],
    },
    frames=[{"name": "one", "data": [{"y": [3, 4]}]}, {"name": "two", "data": [{"y": [5, 6]}]}],
)


def _hostile_review(folder: Path) -> None:
    """Put NAME among the advice, its readers and the headings."""
    advice = yaml.safe_load((folder / "advice.yaml").read_text(encoding="utf-8"))
    advice["advice"][0]["says"] = advice["readers"]["bank"]["title"] = NAME
    (folder / "advice.yaml").write_text(yaml.safe_dump(advice, sort_keys=False), encoding="utf-8")
    told = yaml.safe_load((folder / "sections.yaml").read_text(encoding="utf-8"))
    told["sections"]["2"]["title"] = told["sections"]["2.1"]["paragraphs"][0]["about"] = NAME
    (folder / "sections.yaml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")


def _hostile_names(home: Path, record: Record) -> Record:
    """Put NAME wherever a name, title, caption, unit, licence or sentence may stand."""
    path = home / "experiments" / "claims.yaml"
    register = yaml.safe_load(path.read_text(encoding="utf-8"))
    for claim in list(register["claims"].values())[::2]:  # with all of them the file is longer than is read
        claim["says"] = claim["citation"]["note"] = NAME
        if "not_testable" in claim:
            claim["not_testable"] = NAME
    test = register["claims"]["C28a"]["test"]
    test |= {"reading": NAME, "why": NAME}
    test["estimates"][0]["label"] = NAME
    for study in register["studies"].values():
        study["title"] = NAME
    path.write_text(yaml.safe_dump(register, sort_keys=False), encoding="utf-8")
    _hostile_review(home / "experiments" / "review")
    words = {"packaged": ("package", "version"), "published": ("commit", "upstream")}
    for kind, more in words.items():
        path = home / "experiments" / "data" / f"{kind}.yaml"
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        for row in rows.values():
            row |= dict.fromkeys(("title", "licence", "badge", "caveat", *more), NAME)
        if kind == "packaged":
            rows[next(iter(rows))]["title"] = SHORT_NAME
        path.write_text(yaml.safe_dump(rows), encoding="utf-8")
    path = home / "experiments" / f"{SLUG}.yaml"
    experiment = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(experiment | {"title": NAME, "question": NAME}), encoding="utf-8")
    words = dict.fromkeys(("name", "title", "badge", "source", "licence", "sha256", "caveat"), NAME)
    told = {
        "data": replace(record.data, **words),
        "parameters": {**record.parameters, "data_path": NAME},
        "claims": tuple(
            verdict.model_copy(update={"because": NAME, "control": NAME}) for verdict in record.claims
        ),
        "provenance": record.provenance.model_copy(
            update={"machine": NAME, "git_commit": NAME, "python": NAME}
        ),
    }
    return record.model_copy(update=told)


@pytest.fixture(scope="module")
def site(sample_runs, tmp_path_factory) -> Path:
    """The book as it is built, with every accepted vector in it, and beside it the control pages.

    For each vector that acts by itself: `ruled-N`, a page of this book (less the theme's files, to be quick)
    with the vector put in raw, and `open-N`, the same without a policy.
    """
    place = tmp_path_factory.mktemp("hostile")
    shutil.copytree(sample_runs, place, dirs_exist_ok=True)
    home, run = place / "home", place / "results" / SLUG / RUN
    shutil.rmtree(home / "book" / "studies")
    executed, source = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (run / "executed.ipynb", home / "notebooks" / f"{SLUG}.ipynb")
    )
    for output in (output for cell in executed["cells"] for output in cell.get("outputs", [])):
        if output.get("metadata", {}).get("scrapbook", {}).get("name") == "C28a_verdict":
            output["data"][GLUE] = repr(NAME)
    cells = _hostile_cells()
    for notebook in (source, executed):
        notebook["cells"] += cells
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_HOME", str(home))
        patch.setenv("DTI_RESULTS", str(place / "results"))
        record = _hostile_names(home, Record.model_validate_json((run / "result.json").read_bytes()))
        (home / "book" / "studies").mkdir()
        chapter = dump(freeze(source, executed, SLUG, {}), SLUG)
        (home / "book" / "studies" / f"{SLUG}.ipynb").write_text(chapter, encoding="utf-8")
        write_pages(home / "book", {SLUG: record})
        built = build_html(home / "book", home / "book")
    page = (built / "notation.html").read_text(encoding="utf-8")
    page = re.sub(r"<script[^>]*src=[^>]*></script>|<link[^>]*>", "", page)
    for number, vector in enumerate([*RUNS, *LOADS]):
        ruled = page.replace("<section", f"{vector}<section", 1)
        assert vector in ruled
        (built / f"ruled-{number}.html").write_text(ruled, encoding="utf-8")
        opened = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", ruled)
        (built / f"open-{number}.html").write_text(opened, encoding="utf-8")
    return built


class Watch:
    """A browser page that notes scripts that ran, dialogs, foreign requests, and where it ended."""

    def __init__(self, browser, canary: Canary) -> None:
        self.canary = canary
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.expose_binding("HIT", lambda source, *values: self.hits.append(source["frame"].url))
        self.home, self.page = "", None
        self.renew()

    def renew(self) -> None:
        """A fresh page, and nothing noted yet."""
        if self.page:
            self.page.close()
        self.before = self.canary.callers
        self.hits, self.foreign, self.errors = [], [], []
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE_SECONDS)
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _dismiss(self, dialog) -> None:
        self.hits.append("dialog")
        dialog.dismiss()

    def _note(self, url: str) -> None:
        if not url.startswith((self.home, "data:", "blob:", "about:")):
            self.foreign.append(url)

    def open(self, home: str, name: str, wait_ms: int = 0) -> "Watch":
        self.home, self.address = home, f"{home}{name}"
        self.page.goto(self.address, wait_until="load")
        self.page.wait_for_timeout(wait_ms)
        return self

    def saw_within(self, seconds: float, what: str) -> bool:
        """Whether `hits` or `called` becomes true in that time."""
        end = time.monotonic() + seconds
        while not getattr(self, what) and time.monotonic() < end:
            self.page.wait_for_timeout(20)
        return bool(getattr(self, what))

    @property
    def called(self) -> bool:
        """Whether the foreign host was asked, or somebody tried."""
        return self.canary.callers > self.before or bool(self.foreign)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


@contextmanager
def _addresses(site: Path) -> Iterator[list[str]]:
    with serve_quietly(site) as address:
        yield [address, f"{site.as_uri()}/"]


#: Touches everything in the article as a reader's mouse and keyboard would, without following a link.
TOUCH = """() => {
  document.addEventListener("click", event => event.preventDefault(), true);
  for (const box of document.querySelectorAll(".dti-plot"))
    try { Plotly.Fx.hover(box, [{ curveNumber: 0, pointNumber: 0 }]); } catch (error) { /* tables */ }
  for (const element of document.querySelectorAll(".bd-article :not(.dti-plot *)")) {
    for (const name of ["pointerenter", "mouseover", "mouseenter", "focus", "click", "toggle"])
      element.dispatchEvent(new MouseEvent(name, { bubbles: true, cancelable: true }));
    if (element.focus) element.focus();
  }
}"""
#: What in the finished page could still act: handlers, scripts, frames, links that are none.
LEFT = """() => Array.from(document.querySelectorAll(".bd-article *")).flatMap(element => {
  const found = element.getAttributeNames().filter(name => name.startsWith("on") || name == "srcdoc");
  const tag = element.localName.toLowerCase();
  if (["iframe", "object", "embed", "base", "meta", "link"].includes(tag)) found.push(tag);
  if (tag == "script" && element.type != "application/json") found.push(tag);
  if (element.shadowRoot) found.push("a hidden tree");
  for (const name of ["href", "xlink:href", "src", "action", "formaction", "ping", "background"]) {
    const value = (element.getAttribute(name) || "").replace(/[\\x00-\\x20]/g, "");
    if (/^(?!https:|mailto:|data:image\\/png)[a-z]+:/i.test(value)) found.push(name + "=" + value);
  }
  return found.map(what => element.outerHTML.slice(0, 200) + " has " + what);
})"""


MORE = ("review", "what_to_do", "bridges", "cite")


@pytest.mark.browser
@pytest.mark.parametrize("page", [f"studies/{SLUG}", "claims", "data", "status", "intro", *MORE])
def test_book_full_of_vectors_runs_nothing_and_calls_nobody(browser, canary, site, page):
    with _addresses(site) as addresses:
        for home in addresses:
            with Watch(browser, canary) as watch:
                watch.open(home, f"{page}.html")
                for figure in watch.page.locator(".dti-figure").all():
                    figure.scroll_into_view_if_needed()
                    figure.locator('.dti-plot[data-drawn="yes"]').wait_for()
                assert watch.errors == []
                watch.page.evaluate(TOUCH)
                watch.page.wait_for_timeout(200)
                assert watch.page.evaluate(LEFT) == []
                assert (watch.hits, watch.foreign, watch.called) == ([], [], False)
                assert watch.page.url == watch.address


@pytest.mark.browser
def test_hostile_names_are_read_as_text(browser, canary, site):
    """NAME stands on each page letter by letter, and search shows it without obeying it."""
    with _addresses(site) as (home, _), Watch(browser, canary) as watch:
        places = {"claims": "tbody td", "data": "dd", "status": "dd", "intro": "tbody th", "review": "li div"}
        for page, place in {**places, "what_to_do": "h3"}.items():
            texts = watch.open(home, f"{page}.html").page.locator(f".bd-article {place}").all_text_contents()
            assert any(NAME in " ".join(text.split()) for text in texts), page
        title = watch.open(home, "data.html").page.locator(".bd-article h2").last.text_content()
        assert {text for text in IN_NAME if text in title} == IN_NAME
        glued = watch.open(home, f"studies/{SLUG}.html").page.locator(".pasted-text").last.text_content()
        assert {text for text in IN_NAME if text in glued} == IN_NAME
        watch.open(home, f"search.html?q={quote(SHORT_NAME[5:])}")
        watch.page.locator("#search-results li a", has_text=SHORT_NAME).wait_for()
        assert (watch.hits, watch.called) == ([], False)


@pytest.mark.browser
def test_without_sanitiser_and_policy_each_vector_acts_and_the_policy_alone_stops_each_script(
    browser, canary, site
):
    """The detector can fail; and two fences stand, not one."""
    quiet, unseen, ran, leaked = [], [], [], []
    with _addresses(site) as (home, disk), Watch(browser, canary) as watch:
        for number, vector in enumerate([*RUNS, *LOADS]):
            watch.renew()
            watch.open(home, f"open-{number}.html")
            if not watch.saw_within(30, "hits" if vector in RUNS else "called"):
                quiet.append(vector)
            unseen += [vector] * ("onerror" in vector and not watch.page.evaluate(LEFT))
            for place in (home, disk) if number % FROM_DISK == 0 else (home,):
                watch.renew()
                asked = canary.asked
                watch.open(place, f"ruled-{number}.html", 30)
                ran += [vector] * len(watch.hits)
                leaked += [vector] * (canary.asked - asked)
    assert quiet == [], "\n".join(quiet)
    assert unseen == []
    assert ran == []
    assert {vector[:24] for vector in leaked} <= {"<meta http-equiv=refresh"}


@pytest.mark.browser
def test_sliders_frames_search_and_print_work_under_the_policy(browser, canary, site):
    with _addresses(site) as addresses:
        for home in addresses:
            with Watch(browser, canary) as watch:
                page = watch.open(home, f"studies/{SLUG}.html").page
                box = page.locator(".dti-figure:has-text('Moving') .dti-plot")
                box.scroll_into_view_if_needed()
                page.locator(".dti-figure:has-text('Moving') .dti-plot[data-drawn=yes]").wait_for()
                for slider, data in {0: [5, 6], 1: [8, 8]}.items():
                    box.locator(".slider-group").nth(slider).locator(".slider-label").last.click(force=True)
                    page.wait_for_function(
                        "([box, data]) => String(box.data[0].y) == String(data)",
                        arg=[box.element_handle(), data],
                    )
                page.evaluate("window.print = () => { window.printed = true; }")
                page.evaluate("document.querySelector('[data-dti-print]').click()")
                assert page.evaluate("window.printed")
                page.locator(".search-button__button:visible").first.click()
                page.locator("#pst-search-dialog input").fill("turnover")
                page.keyboard.press("Enter")
                page.locator('#search-results a[href*="notation.html"]').first.wait_for()
                assert watch.hits == watch.foreign == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("tex", "kept"), [("x^2", "x2"), ("\\href{javascript:1}{x}", "\\href"), ("\\require{x}", "\\require")]
)
def test_equations_are_typeset_without_commands_that_link_or_load(browser, canary, site, tex, kept):
    with _addresses(site) as (home, _), Watch(browser, canary) as watch:
        page = watch.open(home, "notation.html").page
        page.locator("mjx-container svg").first.wait_for()
        page.wait_for_function("Boolean(window.MathJax && MathJax.startup && MathJax.startup.promise)")
        page.evaluate(
            "async tex => { await MathJax.startup.promise; document.body.append(MathJax.tex2svg(tex)); }", tex
        )
        shown = page.locator("body > mjx-container")
        assert shown.text_content().startswith(kept)
        assert shown.locator("a").count() == 0
        assert watch.errors == []


@pytest.mark.browser
def test_figures_of_a_run_open_under_a_policy_of_their_own(browser, canary, tmp_path):
    """The page for the tracking UI draws what is allowed, names what is not, and obeys nothing."""
    cells = [_cell(_shown({PLOTLY_MIME: vector})) for vector in FIGURES]
    (tmp_path / "executed.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert write_figure_page(tmp_path / "executed.ipynb", tmp_path / "figures.html") == len(FIGURES)
    with Watch(browser, canary) as watch:
        page = watch.open(f"{tmp_path.as_uri()}/", "figures.html", 500).page
        assert page.locator(".main-svg").count() >= len(_accepted(clean_figure, FIGURES))
        assert "draws a scattergeo" in page.inner_text("body")
        assert (watch.hits, watch.foreign, watch.called, watch.errors) == ([], [], False, [])
