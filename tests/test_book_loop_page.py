"""The page on which readers move the arrows of the loop, and the drawing of the loop by size."""

import json
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from dti_core.book import publish
from dti_core.book.arrows import GOAL, RULES, Arrows, arrows_of, short, shown_of
from dti_core.book.build import build_html
from dti_core.book.pages import page_texts, write_pages
from dti_core.book.sized_boxes import SIZE, boxes
from dti_core.book.sized_loop import LEGEND, WIDTHS, crossed, dashes_of, draw, draw_sized, width_of
from dti_core.lab.errors import RunError
from dti_core.lab.publishing.rendering import render
from dti_core.lab.register import load_register
from dti_core.lab.running.inputs import SERIES_FOLDER
from dti_core.studies.closed_loop.measures.ratio import ratios
from dti_core.studies.closed_loop.model.ratio import by_fields, by_routes, matrices, return_ratio
from tests.browser import open_chromium, serve_quietly, visiting
from tests.sample_loop import bind, freeze_loop, sample_loop, tables_of
from tests.test_book import AXE, RUN_AXE

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "390"])
LOOP = sample_loop()
N_TECHNOLOGIES = len(LOOP.role("technology"))
#: Arrows that have a slider: no totals are dealt in a return ratio.
COUNTED = [
    place for place, ends in enumerate(zip(LOOP.starts, LOOP.ends, strict=True))
    if not {*map(int, ends)} & {*LOOP.role("resource")}
]  # fmt: skip


def told_by_numpy(sizes: np.ndarray) -> list[dict[str, float]]:
    """What the study's own algebra says of each technology at these sizes."""
    found = []
    for technology in LOOP.role("technology"):
        fed = np.where(LOOP.kind("technology") & (LOOP.ends == technology), 0.0, sizes)[None]
        used, everything = matrices(LOOP, fed), matrices(LOOP, sizes[None])
        routes = by_routes(LOOP, sizes[None], technology)
        parts = {"ratio": return_ratio(used, technology), **by_fields(LOOP, used, technology)}
        parts |= {name: routes[name] for name in ("need", "money")}
        parts["known"] = return_ratio(everything, technology)
        parts["three_known"] = by_fields(LOOP, everything, technology)["three"]
        found.append({name: float(part[0]) for name, part in parts.items()})
    return found


def some_sizes() -> dict[str, np.ndarray]:
    """Middles, both ends, places within the ranges, and sizes beyond them, some arrows out."""
    rng = np.random.default_rng(1)
    found = {"middle": LOOP.middle, "low": LOOP.low, "high": LOOP.high}
    for k in range(5):
        found[f"within {k}"] = LOOP.low + rng.random(len(LOOP.low)) * (LOOP.high - LOOP.low)
        found[f"beyond {k}"] = rng.normal(0, 0.3, len(LOOP.low)) * (rng.random(len(LOOP.low)) < 0.8)
    return found


@pytest.fixture(scope="module")
def arrows() -> Arrows:
    tables = tables_of(LOOP)
    return arrows_of(tables["nodes"], tables["cards"])


# ---------------------------------------------------------------- numbers


def test_the_page_says_at_the_middles_what_the_study_computes(arrows):
    for one, told in zip(arrows.outcomes(), told_by_numpy(LOOP.middle), strict=True):
        assert {name: one.parts[name] for name in told} == pytest.approx(told, abs=1e-14)
        assert one.percent == pytest.approx(100 * told["ratio"] / (1 - told["ratio"]), abs=1e-12)


def test_both_ways_to_split_a_ratio_are_those_of_the_study_and_add_up(arrows):
    for one, place in zip(arrows.outcomes(), LOOP.role("technology"), strict=True):
        routes = by_routes(LOOP, LOOP.middle[None], place)
        for name in ("need", "money"):
            assert one.parts[name] == pytest.approx(routes[name][0], abs=1e-12)
        for names in (("one", "two", "three"), ("need", "money")):
            assert sum(one.parts[name] for name in names) == pytest.approx(one.parts["ratio"], abs=1e-12)


def test_the_rule_of_the_page_is_that_of_the_verdict(arrows):
    """At the middles: C34 by need and money alone, C1 with knowledge."""
    found, told = ratios(LOOP, LOOP.middle[None]), {"C34": "largest_ratio", "C1": "three_fields"}
    for claim, _, part in RULES:
        largest = max(one.parts[part] for one in arrows.outcomes())
        (wanted,) = found.sentence(told[claim])
        assert (largest > GOAL) == (wanted > GOAL), claim
        assert largest == pytest.approx(wanted, abs=1e-12), claim


@pytest.mark.parametrize(
    ("back", "says"),
    [
        (-1.0, "changes what a technology achieves by −50.00 %: it damps."),
        (0.5, "changes what a technology achieves by +100.00 %: it amplifies."),
        (0.0, "changes what a technology achieves by +0.00 %: it does next to nothing."),
        (1.0, "changes what a technology achieves without end: it runs away."),
    ],
)
def test_a_loop_of_two_is_worked_out_by_hand(arrows, back, says):
    technology = replace(arrows.nodes[0], node="t", title="A technology")
    sales = next(node for node in arrows.nodes if node.role == "money")
    there = replace(arrows.cards[0], start="t", end=sales.node, kind="technology", middle=1.0)
    two = Arrows(
        (technology, sales), (there, replace(there, start=sales.node, end="t", kind="money", middle=back))
    )
    (one,) = two.outcomes()
    assert one.says == f"Closing the loop {says}"
    assert one.parts["ratio"] == one.parts["money"] == back
    assert one.parts["need"] == 0


def test_sizes_are_told_in_few_digits():
    told = [short(value) for value in (0.0, -0.0, 3.0, -0.00005, 0.000314159, -0.0686537, 100.0, 1234.5)]
    assert told == ["0", "0", "+3", "−0.00005", "+0.000314", "−0.0687", "+100", "+1230"]
    assert short(-0.05221, 2) == "−0.052"


# ---------------------------------------------------------------- drawing


def test_no_boxes_overlap(arrows):
    placed = boxes(arrows.nodes)
    assert len(placed) == len(arrows.nodes) > 3
    for one, other in combinations(placed.values(), 2):
        across = abs(one.x - other.x) - (one.width + other.width) / 2
        down = abs(one.y - other.y) - (one.height + other.height) / 2
        assert max(across, down) > 6, (one.node.node, other.node.node)
    for box in placed.values():
        assert box.width / 2 < box.x < SIZE[0] - box.width / 2
        assert box.height / 2 < box.y < SIZE[1] - box.height / 2


def test_no_arrow_runs_over_a_box_that_it_does_not_join(arrows):
    placed = boxes(arrows.nodes)
    assert {one.card.arrow: crossed(one, placed) for one in draw(arrows.nodes, arrows.cards)} == {
        card.arrow: [] for card in arrows.cards
    }


def test_width_tells_size_and_dashes_tell_what_it_rests_on(arrows):
    drawn = draw(arrows.nodes, arrows.cards)
    assert [one.width for one in drawn] == sorted((one.width for one in drawn), reverse=True)
    assert {one.width == width_of(one.card.middle) for one in drawn} == {True}
    steps = np.diff([width_of(size) for size in LEGEND])
    assert steps == pytest.approx([(WIDTHS[1] - WIDTHS[0]) / (len(LEGEND) - 1)] * 3, abs=0.11)
    assert (width_of(0), width_of(-1e-9), width_of(-40.0)) == (WIDTHS[0], WIDTHS[0], WIDTHS[1])
    assert {(one.card.grade, len(one.dashes.split())) for one in drawn} == {
        ("observed", 0),
        ("published", 2),
        ("assumed", 2),
    }
    tips = [re.match(r"M([\d.]+) ([\d.]+)L", one.tip).groups() for one in drawn]
    ends = sorted((float(x), float(y)) for x, y in tips)
    assert min(math.dist(one, other) for one, other in combinations(ends, 2)) > 8


def test_a_drawing_fits_other_nodes_too(arrows):
    """Cards may gain a node: a field of one, and one of six."""
    fewer = [node for node in arrows.nodes if node.field != "commerce" or node.role == "technology"]
    more = [
        replace(node, node=f"{node.node}{k}") for node in fewer if node.field == "finance" for k in (1, 2)
    ]
    more = [node for node in fewer if node.field != "finance"] + more[:6]
    placed = boxes(more)
    assert len(placed) == len(more)
    names = {node.node for node in fewer}
    assert len(draw(fewer, [one for one in arrows.cards if {one.start, one.end} <= names])) > 5


# ---------------------------------------------------------------- pages


@pytest.fixture
def home(tmp_path, monkeypatch) -> Iterator[Any]:
    record = freeze_loop(tmp_path)
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    return tmp_path, record


def test_the_page_is_there_only_with_its_chapter(home):
    place, record = home
    without, told = page_texts({}), page_texts({"closed_loop": record})
    assert "loop.md" not in without
    assert "- file: loop" not in without["_toc.yml"]
    assert without["_generated/sized_loop.md"].strip().startswith("%")
    assert "<svg" not in without["_generated/sized_loop.md"]
    assert "- file: loop" in told["_toc.yml"]
    assert (
        told["loop.md"].count("<title")
        == told["_generated/sized_loop.md"].count("<title")
        == 1 + len(LOOP.arrows)
    )
    assert "loop.md" not in page_texts({"closed_loop": record.model_copy(update={"series": {}})})
    shutil.rmtree(place / "book" / "studies" / "closed_loop")
    with pytest.raises(RunError, match="closed_loop: the cards behind the loop cannot be read"):
        page_texts({"closed_loop": record})


def test_a_book_of_quick_runs_shows_the_loop_of_its_own_run(home, tmp_path):
    place, record = home
    other = tmp_path / "source"
    shutil.copytree(place / "book" / "studies", other / "studies")
    shutil.rmtree(place / "book" / "studies" / "closed_loop")
    write_pages(other, {"closed_loop": record}, other / "studies" / "closed_loop")
    assert "Move an arrow" in (other / "loop.md").read_text(encoding="utf-8")


def test_publishing_shows_the_loop_of_the_run_that_is_published(home, tmp_path, monkeypatch):
    place, record = home
    run, written = tmp_path / "run", {}
    shutil.move(place / "book" / "studies" / "closed_loop", run / SERIES_FOLDER)
    for name in ("chapter_text", "manifest_text"):
        monkeypatch.setattr(publish, name, lambda *_: "{}")
    monkeypatch.setattr(publish, "with_accepted", lambda record: record)
    monkeypatch.setattr(publish, "files_beside", lambda *_: {})
    monkeypatch.setattr(publish, "_replace", written.update)
    publish._freeze(run, record)
    assert b"Move an arrow" in written[place / "book" / "loop.md"]
    assert b"- file: loop" in written[place / "book" / "_toc.yml"]


def test_words_of_cards_cannot_leave_their_place(home, arrows):
    evil = "</script>`<img src=x onerror=HIT()>"
    told = Arrows(
        tuple(replace(node, title=f"{evil} {node.title}") for node in arrows.nodes),
        tuple(replace(card, source=evil) for card in arrows.cards),
    )
    words = dict.fromkeys(load_register().claims, "refuted")
    page = render(
        "loop.md", room="dti_core.book", claims=load_register().claims, word_of=words, sized=draw_sized(told),
        dashes_of=dashes_of, **shown_of(told),
    )  # fmt: skip
    assert "<img" not in page
    assert page.count("</script>") == 1
    assert page.count("`") == 2 * 3 * page.count("```{raw} html") + 2  # of the note at its top
    (data,) = re.findall(r"data-loop>(.*?)</script>", page)
    assert json.loads(data)["nodes"][0]["title"] == told.nodes[0].title


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def site(shared) -> Any:
    """A book of a front and of the page."""

    def make(place: Any) -> None:
        record = freeze_loop(place)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DTI_HOME", str(place))
            write_pages(place / "book", {"closed_loop": record})
            bind(place / "book")
            build_html(place / "book", place / "book")

    return shared("loop site", make) / "book" / "_build" / "html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture
def visit(browser, site) -> Iterator[Any]:
    with visiting(browser, site) as opened:
        yield lambda size=WIDE, name="loop.html", **options: opened(name, size, **options)


def exact(page: Any) -> list[dict[str, float]]:
    """The numbers behind the cells of the table, a dictionary a technology."""
    cells = page.locator(".dti-loop-table td[data-technology]").evaluate_all(
        "cells => cells.map(cell => [+cell.dataset.technology, cell.dataset.part, +cell.dataset.exact])"
    )
    found: list[dict[str, float]] = [{} for _ in range(N_TECHNOLOGIES)]
    for technology, part, value in cells:
        found[technology][part] = value
    return found


def row(page: Any, arrow: str) -> Any:
    return page.locator(f"[data-arrow={arrow}]")


@pytest.mark.browser
def test_the_script_computes_what_numpy_computes(visit):
    page = visit()
    for name, sizes in some_sizes().items():
        found = page.evaluate(
            """sizes => {
              const loop = JSON.parse(document.querySelector("[data-loop]").textContent);
              const now = loop.arrows.map(arrow => sizes[arrow.name]);
              return [dtiLoop.outcomes(loop, now), dtiLoop.spread(dtiLoop.matrix(loop, now))];
            }""",
            dict(zip(LOOP.arrows, sizes.tolist(), strict=True)),
        )
        for one, told in zip(found[0], told_by_numpy(sizes), strict=True):
            assert {part: one[part] for part in told} == pytest.approx(told, abs=1e-12, rel=0), name
            assert one["one"] + one["two"] + one["three"] == pytest.approx(one["ratio"], abs=1e-12)
        radius = np.abs(np.linalg.eigvals(matrices(LOOP, sizes[None])[0])).max()
        assert found[1] == pytest.approx(radius, rel=1e-4), name


@pytest.mark.browser
def test_sizes_typed_into_the_page_give_the_numbers_of_numpy(visit):
    page = visit()
    assert page.locator("[data-arrow]").count() == len(COUNTED)
    for one, told in zip(exact(page), told_by_numpy(LOOP.middle), strict=True):
        percent = 100 * told["ratio"] / (1 - told["ratio"])
        assert {part: one[part] for part in (*told, "percent")} == pytest.approx(
            told | {"percent": percent}, abs=1e-12
        )
    sizes = LOOP.middle.copy()
    for place in COUNTED:
        arrow = LOOP.arrows[place]
        sizes[place] = [LOOP.high[place], LOOP.low[place], 1.2 * LOOP.high[place], 0.0][place % 4]
        if place % 4 == 3:
            row(page, arrow).get_by_role("checkbox").uncheck()
        else:
            row(page, arrow).locator("[type=number]").fill(repr(float(sizes[place])))
    for one, told in zip(exact(page), told_by_numpy(sizes), strict=True):
        assert {part: one[part] for part in told} == pytest.approx(told, abs=1e-12)


@pytest.mark.browser
@SIZES
def test_the_keyboard_moves_an_arrow_and_what_it_changes(visit, size):
    page = visit(size)
    its, before = row(page, "sales_to_privacy"), page.locator("[data-sentence='0']").inner_text()
    slider, place = its.get_by_role("slider"), LOOP.arrows.index("sales_to_privacy")
    assert slider.get_attribute("aria-valuetext") == its.locator("output").inner_text() == "+0.5"
    slider.focus()
    for key, share in (("End", 1.0), ("ArrowLeft", 0.99), ("Home", 0.0), ("ArrowRight", 0.01)):
        page.keyboard.press(key)
        wanted = (1 - share) * LOOP.low[place] + share * LOOP.high[place]
        assert float(its.locator("[type=number]").input_value()) == pytest.approx(wanted)
        assert slider.get_attribute("aria-valuetext") == its.locator("output").inner_text()
        sizes = LOOP.middle.copy()
        sizes[place] = wanted
        assert exact(page)[0]["ratio"] == pytest.approx(told_by_numpy(sizes)[0]["ratio"], abs=1e-12)
    assert page.locator("[data-sentence='0']").inner_text() != before
    assert re.match(
        r"Privacy technology [+−][\d.]+ %, ", page.locator(".dti-move [role=status]").inner_text()
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    assert its.locator("output").inner_text() == "+7"
    assert slider.input_value() == "100"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert its.locator("output").inner_text() == "out"
    assert exact(page)[0]["money"] == pytest.approx(0, abs=1e-15)
    page.get_by_role("button", name="Reset all").click()
    assert page.locator("[data-sentence='0']").inner_text() == before
    assert page.locator(".dti-arrow-moved").count() == 0


@pytest.mark.browser
def test_a_size_that_is_none_leaves_the_arrow_as_it_is(visit):
    page = visit()
    its, told = row(page, "sales_to_cash"), exact(page)
    for typed in ("", "1000"):
        its.locator("[type=number]").fill(typed)
        assert exact(page) == told
    its.locator("[type=number]").blur()
    assert its.locator("[type=number]").input_value() == "3"


@pytest.mark.browser
def test_rules_are_judged_at_these_sizes_and_marked_so(visit):
    page = visit()
    rules = page.locator("[data-rule]")
    assert rules.locator(".dti-at-sizes").all_inner_texts() == ["would be refuted", "would be refuted"]
    assert "at these sizes only" in page.locator(".dti-loop-rules").inner_text()
    assert rules.nth(0).locator("a").get_attribute("href") == "claims.html#C34"
    row(page, "privacy_to_sales").locator("[type=number]").fill("0.5")
    row(page, "sales_to_privacy").locator("[type=number]").fill("0.3")
    assert exact(page)[0]["ratio"] > 0.1
    through_all = max(one["three_known"] for one in exact(page)) > 0.1
    words = ["would be supported", "would be supported" if through_all else "would be refuted"]
    assert rules.locator(".dti-at-sizes").all_inner_texts() == words
    assert "it amplifies" in page.locator("[data-sentence='0']").inner_text()
    assert not page.locator(".dti-loop-grows").is_visible()
    row(page, "sales_to_privacy").locator("[type=number]").fill("3")
    assert page.locator("[data-sentence='0']").inner_text().endswith("without end: it runs away.")
    assert page.locator(".dti-loop-grows").is_visible()
    page.get_by_role("button", name="Reset all").click()
    row(page, "cash_to_sales").locator("[type=number]").fill(
        "1"
    )  # and sales to cash 3: no technology is needed
    assert page.locator(".dti-loop-grows").is_visible()


@pytest.mark.browser
@SIZES
def test_without_scripts_the_middles_and_all_cards_can_be_read(visit, size):
    page, scripted = visit(size, java_script_enabled=False), visit(size)
    cells = ".dti-loop-table td[data-technology], [data-sentence], .dti-loop-rules"
    assert page.locator(cells).all_inner_texts() == scripted.locator(cells).all_inner_texts()
    assert page.locator(".dti-arrows-form").is_hidden()
    assert "Moving arrows needs scripts" in page.locator(".dti-move").inner_text()
    assert "needs scripts" not in scripted.locator(".dti-move").inner_text()
    shown = page.locator(".dti-cards-table tbody tr:visible")
    assert shown.count() == len(LOOP.arrows)
    assert sorted(shown.locator("th").all_inner_texts()) == sorted(
        f"{LOOP.titles[start]} → {LOOP.titles[end]}"
        for start, end in zip(LOOP.starts, LOOP.ends, strict=True)
    )


@pytest.mark.browser
def test_arrows_move_from_disk_too(visit, site):
    page = visit(home=f"{site.as_uri()}/")
    row(page, "cash_to_patch").get_by_role("slider").press("Home")
    assert row(page, "cash_to_patch").locator("output").inner_text() == "0"


@pytest.mark.browser
@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["loop", "intro"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(browser, site, size, scheme, name):
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with serve_quietly(site) as home:
        page = browser.new_page(viewport=size, color_scheme=scheme)
        page.goto(f"{home}{name}.html")
        if name == "loop":
            row(page, "privacy_to_sales").locator("[type=number]").fill("1")
            row(page, "sales_to_privacy").locator("[type=number]").fill("3")
            assert page.locator(".dti-loop-grows").is_visible()
        page.evaluate("scrollTo(0, 0)")  # else what sticks to the top hides half of a box
        page.evaluate(axe)
        outcome = page.evaluate(RUN_AXE, AXE)
        wide = page.evaluate("document.documentElement.scrollWidth")
        page.close()
    assert wide <= size["width"]
    assert outcome["passes"] > 10
    assert outcome["violations"] == []


@pytest.mark.browser
@SIZES
def test_words_of_the_drawing_stay_in_their_boxes(visit, size):
    page = visit(size)
    told = page.locator(".dti-sized").evaluate(
        """svg => {
          const edges = one => one.getBoundingClientRect();
          const box = one => ["left", "top", "right", "bottom"].map(edge => edges(one)[edge]);
          const rows = [...svg.querySelectorAll(".sized-node")].map(node =>
            [node.textContent, box(node.querySelector("rect")), box(node.querySelector("text"))]);
          const names = [...svg.querySelectorAll(".sized-name")].map(box);
          return [rows, names, box(svg), parseFloat(getComputedStyle(svg.querySelector("text")).fontSize)];
        }"""
    )
    rows, names, (left, top, right, bottom), letters = told
    assert len(rows) == len(LOOP.nodes)
    for words, rect, text in rows:
        assert min(text[0] - rect[0], rect[2] - text[2], text[1] - rect[1], rect[3] - text[3]) > 0, words
    for name in names:
        assert min(name[0] - left, right - name[2], name[1] - top, bottom - name[3]) >= 0
        for words, rect, _ in rows:
            apart = max(rect[0] - name[2], name[0] - rect[2], rect[1] - name[3], name[1] - rect[3])
            assert apart > 0, words
    assert letters * (right - left) / SIZE[0] >= 11
