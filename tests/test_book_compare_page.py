"""The page of two runs: what differs comes first, both strips stand on it, and nothing runs or is fetched."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dti_core.book.compare_page import comparison_page, page_style
from dti_core.cli import app
from dti_core.lab.claims import judge
from dti_core.lab.compare import compare_records
from dti_core.lab.frozen import frozen_record
from dti_core.lab.paths import study_results
from dti_core.lab.record import Record
from tests.browser import open_chromium
from tests.hostile import LOADS, RUNS
from tests.test_lab_compare import estimate, make_record

SLUG = "lstm_portfolio"


def judged(record: Record) -> Record:
    return record.model_copy(update={"claims": tuple(judge(record))})


def two_runs() -> tuple[Record, Record]:
    """The frozen chapter, and a run in which no interval of it decides anything."""
    chapter = judged(frozen_record(SLUG))
    wide = tuple(replace(one, value=one.value + 1, low=-1e9, high=1e9) for one in chapter.estimates)
    values = {**chapter.parameters, "cost_bps": 99.0}
    update = {"run": "r2", "profile": "custom", "estimates": wide, "parameters": values}
    return chapter, judged(chapter.model_copy(update=update))


@pytest.fixture(scope="module")
def page() -> str:
    first, second = two_runs()
    return comparison_page(first, second, compare_records(first, second, {"cost_bps"}))


class Tags(HTMLParser):
    """All elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_what_weighs_most_comes_first_and_both_strips_are_there(page):
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert heads == ["Verdicts that differ", "All verdicts", "What changed", "Estimates that moved"]
    first, second = two_runs()
    claims = [one.claim for one in first.claims]
    assert page.count('class="dti-strip"') == 2 * len(claims)
    flips = [one.claim for one, other in zip(first.claims, second.claims, strict=True)
             if one.verdict != other.verdict]  # fmt: skip
    assert flips, "nothing differs, so this test sees nothing"
    table = page.partition("Verdicts that differ")[2].partition("</table>")[0]
    assert re.findall(r'<th scope="row">(C\d+[a-z]?)', table) == flips
    assert "<td>10.0</td><td>99.0</td>" in page
    rows = re.findall(r'<th scope="row"><code>(.*?)</code>', page)
    deciding = {name for one in first.claims for name in one.estimates}
    assert {*rows[: len(deciding)]} == deciding


def test_nothing_runs_and_nothing_is_fetched(page):
    tags = Tags(page).found
    policy = next(one["content"] for tag, one in tags if one.get("http-equiv") == "Content-Security-Policy")
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; form-action 'none'", policy
    )
    assert not {"script", "link", "iframe", "img", "form", "object"} & {tag for tag, _ in tags}
    scrolls = [one for _, one in tags if one.get("class") == "dti-scroll"]
    assert len(scrolls) == 3
    assert all(one.get("tabindex") == "0" for one in scrolls), "a keyboard reaches what scrolls"
    attributes = {name for _, found in tags for name in found}
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "style")]


@pytest.mark.parametrize("text", [*RUNS, *LOADS])
def test_foreign_text_is_shown_and_not_obeyed(text):
    one = make_record([estimate(1.0, name=f"m{text}")], cost_bps=text)
    other = make_record([estimate(3.0, name=f"m{text}")], cost_bps=f"{text}2")
    quiet = (
        make_record([estimate(1.0, name="m")], cost_bps="a"),
        make_record([estimate(3.0, name="m")], cost_bps="b"),
    )
    pages = [comparison_page(*runs, compare_records(*runs)) for runs in ((one, other), quiet)]
    hostile, calm = ([tag for tag, _ in Tags(page).found] for page in pages)
    assert hostile == calm


def test_style_follows_the_system_and_ends_no_element():
    style = page_style()
    assert 'data-theme="light"' not in style.partition(":root")[0]
    assert "@media (prefers-color-scheme: dark) { :root" in style
    assert "</" not in style


def test_the_command_writes_the_page_beside_what_it_prints(tmp_path):
    first, second = two_runs()
    second.save(study_results(SLUG) / "r2" / "result.json")
    file = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["compare", SLUG, "r2", "--html", str(file)])
    assert done.exit_code == 0, done.output
    shown = done.stdout
    assert f"All of it as a page: {file}" in shown.replace("\n", "")
    places = [
        shown.index(words) for words in ("Verdicts that differ", "What changed", "Estimates that moved")
    ]
    assert places == sorted(places)
    assert re.search(r"\d+ more moved, \d+ of them clearly; --html FILE shows them all", shown)
    assert file.read_text(encoding="utf-8").count("dti-strip-claim") >= 2 * len(first.claims)


def test_runs_on_other_samples_are_not_paired_and_say_so():
    seeds = (1.0, 2.0, 4.0)
    one = make_record([estimate(2.0, per_seed=seeds)], n_folds=2)
    other = make_record([estimate(2.5, per_seed=seeds)], n_folds=3)
    found = compare_records(one, other, {"cost_bps"})
    assert found.pairing.startswith("Not the same sample (n_folds): nothing is paired")
    assert compare_records(one, one, {"cost_bps"}).pairing == ""


@pytest.mark.parametrize(
    ("file", "paired"),
    [
        ("studies/toy/worlds.py", False),
        ("studies/toy/worlds/simulated.py", False),
        ("studies/toy/data/prices.py", False),
        ("studies/toy/methods.py", True),
        ("studies/toy/measures/data.py", True),
    ],
)
def test_code_that_reads_or_makes_the_sample_changes_the_sample(file, paired):
    seeds = (1.0, 2.0, 4.0)
    one = make_record([estimate(2.0, per_seed=seeds)], sources={file: "1"})
    other = make_record([estimate(2.5, per_seed=seeds)], sources={file: "2"})
    [found] = compare_records(one, other).differences
    assert found.seed_noise_only is paired


def test_estimates_behind_verdicts_come_before_clear_ones_and_these_before_the_rest():
    names = {"noise": 0.1, "clear": 9.0, "behind": 0.2}
    one = make_record([estimate(0.0, name=name) for name in names])
    behind = one.claims[0].model_copy(update={"estimates": ("behind",)})
    one = one.model_copy(update={"claims": (behind,)})
    other = make_record([estimate(moved, name=name) for name, moved in names.items()])
    assert [found.key for found in compare_records(one, other).moved] == ["behind", "clear", "noise"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_chromium() as chromium:
        yield chromium


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_is_quiet(browser, page, tmp_path: Path, width, scheme):
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    opened = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("request", lambda request: said.append(request.url))
    opened.goto(file.as_uri())
    assert said == [file.as_uri()]
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is (scheme == "light")
    strips = opened.evaluate("[...document.querySelectorAll('.dti-bar-picture')].map(one => one.clientWidth)")
    assert strips
    assert min(strips) > width / 4
    opened.context.close()
