"""First screen, claims page and heads of chapters of a small book, as a reader in a browser meets them."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from dti_core.lab.register import load_register
from tests.browser import open_chromium, serve_quietly, visiting
from tests.sample_book import SLUG
from tests.test_book import AXE, RUN_AXE

pytestmark = pytest.mark.browser
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "390"])
SHOWN = ".dti-claims tbody tr:visible"
MOVING = "document.getAnimations().map(one => one.animationName).filter(name => name)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture
def visit(browser, sample_site) -> Iterator[Any]:
    with visiting(browser, sample_site) as opened:
        yield lambda name, size=WIDE, **options: opened(name, size, **options)


def ids(page: Any) -> list[str]:
    return page.locator(SHOWN).evaluate_all("rows => rows.map(row => row.id)")


def bottom(page: Any, selector: str) -> float:
    return page.locator(selector).first.evaluate("one => one.getBoundingClientRect().bottom")


@SIZES
def test_question_answer_and_tally_fit_the_first_screen(visit, size):
    page = visit("intro.html", size)
    for selector in (".bd-article h1", ".dti-answer", ".dti-tally"):
        assert 0 < bottom(page, selector) <= size["height"], selector
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_an_arrow_leads_to_its_claims(visit):
    register = load_register()
    page = visit("intro.html")
    drawn = page.locator(".dti-loop a")
    assert drawn.count() == sum(arrow.start is not None for arrow in register.arrows.values())
    page.locator('.dti-loop a[href$="arrow=feedback"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/claims.html?arrow=feedback")
    assert ids(page) == register.on_arrow("feedback")


@pytest.mark.parametrize(
    ("words", "finds"),
    [("C50", "C50"), ("c50 lstm", "C50"), ("risk earn LSTM", "C50"), ("agents MICROSERVICES", "C21a")],
)
def test_search_finds_rows_by_name_and_by_all_words_in_any_order(visit, words, finds):
    page = visit("claims.html")
    page.fill("input[name=words]", words)
    found = page.locator(SHOWN)
    assert finds in ids(page)
    assert 0 < found.count() < 10
    for text in found.evaluate_all("rows => rows.map(row => row.textContent.toLowerCase())"):
        assert all(word in text for word in words.lower().split())


@SIZES
def test_an_address_shows_its_row_whatever_the_filter_says(visit, size):
    page = visit("claims.html?words=zzzz#C16b", size)
    assert ids(page) == ["C16b"]
    assert (
        "C16b is shown because the address names it" in page.locator(".dti-filter [role=status]").inner_text()
    )
    assert page.locator("#C16b td:last-child details").evaluate("one => one.open")
    assert 0 <= page.locator("#C16b").evaluate("one => one.getBoundingClientRect().top") < 200
    page.evaluate("location.hash = 'C1'")
    page.wait_for_function("!document.getElementById('C1').hidden")
    assert ids(page) == ["C1"]


def test_reset_shows_everything_and_forgets_the_choice(visit):
    page = visit("claims.html?words=zzzz&verdict=refuted")
    assert page.locator(SHOWN).count() == 0
    page.get_by_role("button", name="Show all claims").click()
    page.wait_for_function("!location.search")
    assert len(ids(page)) == len(load_register().claims)


def test_columns_are_sorted_with_the_keyboard_and_say_so(visit):
    page = visit("claims.html")
    order = ids(page)
    assert page.locator(".dti-claims th[aria-sort]").inner_text().strip() == "Claim"
    head = page.locator(".dti-claims thead th").nth(4)
    for direction in ("ascending", "descending"):
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == direction
        assert page.locator(".dti-claims th[aria-sort]").count() == 1
        words = page.locator(SHOWN).evaluate_all("rows => rows.map(row => row.dataset.verdict)")
        grouped = [word for k, word in enumerate(words) if k == 0 or words[k - 1] != word]
        assert grouped[0 if direction == "ascending" else -1] == "supported"
        assert len(grouped) == len(set(words))
    page.locator(".dti-claims thead button").first.click()
    assert ids(page) == order


def test_all_reasons_open_at_once(visit):
    page = visit("claims.html")
    page.get_by_role("button", name="Open all reasons").click()
    assert page.locator(".dti-claims details:not([open])").count() == 0
    assert page.locator("#C28a .dti-bar-picture").is_visible()


def test_claim_and_chapter_lead_to_each_other(visit):
    page = visit("claims.html")
    page.locator(f'#C28a a[href="studies/{SLUG}.html#C28a"]').first.click()
    row = page.locator("table.gt_table tr#C28a")
    assert "The mean step lies above zero." in row.inner_text()
    assert row.evaluate("one => one.getBoundingClientRect().top") < WIDE["height"]
    row.locator("a").click()
    page.wait_for_url("**/claims.html#C28a")
    assert "The mean step lies above zero." in page.locator("#C28a").inner_text()


@SIZES
def test_strip_stands_below_question_and_answer_of_its_chapter(visit, size):
    page = visit(f"studies/{SLUG}.html", size)
    places = [
        page.locator(f".bd-article {one}").first.bounding_box()["y"] for one in ("h1", "p", ".dti-strip")
    ]
    assert places == sorted(places)
    assert page.locator(".dti-strip .dti-bar-picture").count() == 1
    zero, goal = (page.locator(f".dti-bar-picture .{one}").bounding_box()["x"] for one in ("zero", "goal"))
    interval = page.locator(".dti-bar-picture .observed .interval").bounding_box()
    assert zero < goal < interval["x"] < interval["x"] + interval["width"] < size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    hollow = page.locator(".negative .value").evaluate("one => getComputedStyle(one).fill")
    full = page.locator(".observed .interval").evaluate("one => getComputedStyle(one).stroke")
    assert hollow == page.evaluate("getComputedStyle(document.body).backgroundColor") != full


def test_rows_are_short_on_a_phone_and_heads_are_not_letters_wide(visit):
    page = visit("claims.html", NARROW)
    heights = page.locator(SHOWN).evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert sorted(heights)[len(heights) // 2] < 200
    assert max(heights) < 330


def test_everything_can_be_read_without_scripts(visit):
    page = visit("claims.html", java_script_enabled=False)
    assert page.locator(SHOWN).count() == len(load_register().claims)
    assert page.locator(".dti-claims button").count() == 0
    page.locator("#C28a summary").click()
    assert page.locator("#C28a .dti-bar-picture").is_visible()
    page = visit(f"studies/{SLUG}.html", java_script_enabled=False)
    assert page.locator(".dti-strip .dti-bar-picture .interval").count() == 3


def test_claims_are_filtered_from_disk_too(visit, sample_site):
    page = visit("claims.html?verdict=supported", home=f"{sample_site.as_uri()}/")
    assert "C28a" in ids(page)
    marked = page.locator(f"{SHOWN}:has(.dti-supported)").count()
    assert len(ids(page)) == marked < len(load_register().claims)
    page.fill("input[name=words]", "zzzz")
    assert ids(page) == []


def test_print_shows_what_is_folded(visit):
    page = visit("claims.html")
    page.emulate_media(media="print")
    assert page.locator("#C28a .dti-bar-picture").bounding_box()["height"] > 40


def test_claims_page_is_light(sample_site):
    """A row that a study decides carries its pictures; the others are a few lines."""
    decided = sum(bool(claim.tests) for claim in load_register().claims.values())
    assert (sample_site / "claims.html").stat().st_size < 90_000 + 9_000 * decided


@pytest.mark.parametrize("scheme", ["light", "dark"])
@SIZES
def test_axe_finds_no_violation(browser, sample_site, size, scheme):
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with serve_quietly(sample_site) as home:
        for name in ("intro", "claims", f"studies/{SLUG}"):
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(f"{home}{name}.html")
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            assert page.evaluate(MOVING) == [], "half faded in, words have too little contrast"
            page.evaluate(axe)
            outcome = page.evaluate(RUN_AXE, AXE)
            page.close()
            assert outcome["passes"] > 10
            assert outcome["violations"] == [], name
