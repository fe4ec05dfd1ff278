"""Tables: digits by the interval, words for names, the same bytes each time, room for the stub on a phone."""

import csv
import io
import math
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dti_core.lab.errors import BookError
from dti_core.lab.frozen import frozen_record, frozen_result
from dti_core.lab.paths import project_root
from dti_core.lab.publishing.clean import freeze, table_files
from dti_core.lab.publishing.sanitise import clean_html
from dti_core.lab.publishing.table import UNFOLDED
from dti_core.lab.record import Estimate
from dti_core.lab.say import decimals_of, number, percent, spoken
from dti_core.lab.tables import Number, Span, Table, beside_published, show_table
from dti_core.studies.esg_constraint import figures as esg
from dti_core.studies.esg_constraint.estimate import worlds_in_words
from dti_core.studies.lstm_portfolio import figures as lstm
from tests.browser import open_chromium
from tests.hostile import LOADS, RUNS, TEXTS, WAITS

FINITE = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)


def one(value: float, low: float, high: float, unit: str = "points", **more: object) -> Estimate:
    return Estimate(
        more.pop("name", "lead_a"), value, low, high, unit, 9, at={"measure": "lead", "method": "a"}, **more
    )


# ---------------------------------------------------------------- digits


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((-0.0575, -0.2457, 0.1206), "-0.06 [-0.25, 0.12]"),
        ((0.01551, -0.01999, 0.0510), "0.016 [-0.020, 0.051]"),
        ((4.0662, 3.7661, 4.3744), "4.07 [3.77, 4.37]"),
        ((1083.0, 993.12, 1184.0), "1,083 [993, 1,184]"),
        (
            (-0.0301, -0.0617, -0.0001),
            "-0.0301 [-0.0617, -0.0001]",
        ),  # an end that is not 0 does not print as 0
        ((-0.001, -2.0, 2.0), "0.0 [-2.0, 2.0]"),  # never -0
        ((0.0998, 0.0, 0.1996), "0.10 [0.00, 0.20]"),  # half a width of 0.0998 is 0.10
        ((0.77285, 0.77285, 0.77285), "0.7729"),
        ((14.0, 14.0, 14.0), "14"),
    ],
)
def test_digits_follow_the_width_of_the_interval(numbers, text):
    assert spoken(one(*numbers)) == text


@given(FINITE, st.floats(1e-6, 1e5), st.floats(0, 1))
def test_value_and_ends_are_rounded_alike_and_close(middle, half, place):
    low, high = middle - half, middle + half
    value = low + place * (high - low)
    digits = decimals_of(value, low, high)
    texts = [number(end, digits) for end in (value, low, high)]
    assert {len(text.partition(".")[2]) for text in texts} == {digits}
    for text, exact in zip(texts, (value, low, high), strict=True):
        assert abs(float(text.replace(",", "")) - exact) <= 0.5000001 * 10**-digits
        assert not re.fullmatch(r"-0(\.0*)?", text)
    shown = (high - low) / 2 * 10**digits
    assert digits == 6 or shown >= 9.94, "fewer than two digits of half the width"
    assert digits == 0 or shown <= 100 * 100, "more than two digits, and two for an end near 0"


def test_shares_are_percent_and_units_stand_once():
    shares = {"x": {"coverage": one(0.948, 0.9324, 0.9601, "share of draws")}, "y": {"coverage": None}}
    page = show_table(shares, name="t", title="T").html
    assert "94.8 <small>[93.2, 96.0]</small>" in page
    assert "coverage<br><small>% of draws</small>" in page
    assert page.count("% of draws") == 1
    assert '<td data-label="coverage" class="gt_row gt_right">–</td>' in page


def test_numbers_that_are_read_together_have_alike_decimals() -> None:
    """Those of a unit in a group of rows have what most deserve, one more or less where their width asks."""
    wide, usual = one(21.04, 11.0, 31.0), one(0.123, 0.103, 0.143)
    rows = {("one", "a"): wide, ("one", "b"): one(20.56, 19.56, 21.56), ("one", "c"): one(4.44, 4.04, 4.84)}
    rows |= {
        ("one", "d"): one(7.13, 7.12, 7.14),
        ("two", "e"): usual,
        ("two", "f"): one(0.001, -0.03, 0.0001),
    }
    page = show_table({label: {"x": cell} for label, cell in rows.items()}, name="t", title="T").html
    assert re.findall(r'gt_right">(.*?) <small>', page) == ["21.0", "20.56", "4.44", "7.13", "0.123", "0.001"]
    assert "[-0.030, 0.000]" in page
    coarse = {name: {"x": one(0.1, 0.0, 0.2)} for name in "ab"}
    page = show_table(coarse | {"c": {"x": one(0.024, 0.004, 0.044)}}, name="t", title="T").html
    assert "[0.004, 0.044]" in page  # by two decimals its lower end would be a 0 that it is not
    assert "[0.00, 0.04]" not in page


def test_long_tables_are_folded_under_their_titles() -> None:
    rows = {f"row {k}": {"x": usual} for k, usual in enumerate([one(0.1, 0.0, 0.2)] * (UNFOLDED + 1))}
    page = show_table(rows, name="t", title="Many <b>").html
    assert page.startswith(f"<details><summary>Many &lt;b&gt; <small>({UNFOLDED + 1} rows)</small></summary>")
    assert clean_html(page, "here") == page
    rows.popitem()
    assert "<details>" not in show_table(rows, name="t", title="Many").html


def test_bare_numbers_have_three_digits_and_nothing_is_nan_or_true():
    frame = pd.DataFrame(
        {
            "of": ["a", "b"],
            "x": [0.123456, float("nan")],
            "p": [5e-8, 0.95],
            "n": [2859, 3],
            "met": [True, False],
        }
    )
    rows = re.findall(r"<td[^>]*>(.*?)</td>", show_table(frame, name="t", title="T").html)
    assert rows == ["0.123", "&lt; 0.0001", "2,859", "yes", "–", "0.95", "3", "no"]
    assert not re.search("nan|true|false", "".join(rows), re.IGNORECASE)


# ---------------------------------------------------------------- words


def chapter_tables() -> list[Table]:
    """Every table of both chapters that a frozen Result makes."""
    first, second = frozen_result("lstm_portfolio"), frozen_result("esg_constraint")
    titles = esg.TITLES
    tables = [
        lstm.numbers(first), lstm.strategies(first), esg.table(second, "controls", "Controls"),
        esg.table(second, "variants", "Variants"),
        beside_published(second, name="published", title="Published"),
        show_table(worlds_in_words(), name="worlds", title="Worlds", titles=titles, stub="world"),
        show_table(esg.fooled(second), name="fooled", title="Broken", groups=["world"], titles=titles),
        show_table(esg.offers(second), name="offers", title="Offers"),
        show_table(esg.speed_table(), name="speed", title="Speed", groups=["panel"]),
        *(
            show_table(second.series[name], name=name, title=name)
            for name in ("estimators", "tests", "indices", "overlap", "moments")
        ),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def test_no_code_name_no_row_number_no_cut_text_in_any_table_of_a_chapter():
    for table in chapter_tables():
        words = re.sub(r"<[^>]+>", " ", table.html)
        assert not re.search(r"[a-z]_[a-z]", words), (table.name, re.findall(r"\w*[a-z]_[a-z]\w*", words))
        assert not re.search(r"\b(NaN|None|True|False)\b|\.\.\.|…", words), table.name
        stubs = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', table.html)
        assert len(stubs) == len(table.rows)
        assert not any(stub.strip().isdigit() for stub in stubs)


def test_estimates_are_labelled_by_their_dimensions_and_methods_by_their_titles():
    table = lstm.numbers(frozen_result("lstm_portfolio"))
    assert "as observed" in table.html
    assert ("Sharpe ratio a year", "LSTM less risk x constant") in table.rows
    assert ("Out-of-sample R2 (% of squared error)", "LSTM against risk x constant") in table.rows
    assert list(table.cells) == ["as observed", "where it must fail", "where it must hold"]


def test_two_rows_of_one_label_and_names_that_are_no_files_are_refused():
    with pytest.raises(ValueError, match="one label"):
        show_table([one(1, 0, 2), one(1, 0, 2, name="other")], name="t", title="T")
    for name in ("../x", "A", "", "a b", "x" * 41):
        with pytest.raises(ValueError, match="table's name"):
            show_table({}, name=name, title="T")


def test_more_worlds_than_rows_stand_one_below_the_other():
    found = [one(1, 0, 2, world=world) for world in ("observed", "first", "second")]
    assert list(show_table(found, name="t", title="T").rows) == ["as observed", "first", "second"]


def test_ends_of_intervals_go_into_the_cell_before_them():
    frame = pd.DataFrame(
        {"of": ["a"], "x": [0.2], "low": [0.1], "high": [0.3], "flow": [1.0], "y": ["low_high"]}
    )
    (cells,) = show_table(frame, name="t", title="T").rows.values()
    assert cells == {"x": Span(0.2, 0.1, 0.3), "flow": 1.0, "y": "low high"}


def test_a_table_without_rows_is_a_sentence():
    shown, metadata = show_table({}, name="t", title="T", empty="Nothing < here.")._repr_mimebundle_()
    assert shown == {"text/html": "<p>Nothing &lt; here.</p>", "text/plain": "Nothing < here."}
    assert metadata == {}


def test_published_numbers_stand_beside_ours_with_difference_and_source():
    result = frozen_result("esg_constraint")
    table = beside_published(result, name="published", title="P")
    assert len(table.rows) == 40
    cells = table.rows["Petersen (2009), test data; as printed, four digits", "slope"]
    ours = result["petersen_slope"].value
    assert [cells["published"], cells["ours"].value] == [Number(1.0348, 4), ours]
    assert math.isclose(cells["difference"].value, ours - 1.0348)
    assert all(abs(row["difference"].value) <= row["allowed"].value for row in table.rows.values())


# ---------------------------------------------------------------- files


def test_a_csv_gives_back_every_number_unrounded():
    for table in chapter_tables():
        frame = pd.read_csv(io.StringIO(table.csv), keep_default_na=False, dtype=str)
        assert len(frame) == len(table.rows)
        for row, cells in zip(frame.to_dict("records"), table.rows.values(), strict=True):
            for head, cell in cells.items():
                if isinstance(cell, Estimate | Span) and not math.isnan(cell.value):
                    read = [float(row[name]) for name in (head, f"{head} low", f"{head} high")]
                    scale, unit = percent(cell.unit)
                    assert read == [scale * cell.value, scale * cell.low, scale * cell.high]
                    assert row[f"{head} unit"] == unit
                elif isinstance(cell, float) and not math.isnan(cell):
                    assert float(row[head]) == cell


def test_a_csv_holds_no_formula():
    bad = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain"]
    rows = {text: {"cell": text, "=head": Markup("<b>=1</b>"), "number": -1.5} for text in bad}
    header, *lines = csv.reader(io.StringIO(show_table(rows, name="t", title="T").csv))
    assert header == ["row", "cell", "'=head", "number"]
    assert [line[0] for line in lines] == [f"'{text}" for text in bad[:-1]] + ["plain"]
    assert {(line[2], line[3]) for line in lines} == {("'=1", "-1.5")}


def test_the_same_table_is_the_same_bytes_and_lean():
    first, second = (show_table({"a": {"b": one(1, 0, 2)}}, name="t", title="T") for _ in range(2))
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    assert not re.search(r"<style|\bid=|style=|headers=", first.html)
    assert len(first.html) < 900


@pytest.mark.parametrize("text", [*TEXTS, *RUNS, *LOADS, *WAITS])
def test_hostile_text_stays_text(text):
    rows = {(text, text): {text or "x": text, "n": one(1, 0, 2, text or "u")}}
    page = show_table(rows, name="t", title=text, stub=text, note=text).html
    assert clean_html(page, "s").strip() == page
    tags = {tag.lower() for tag in re.findall(r"<([a-z][^\s/>]*)", page, re.IGNORECASE)}
    assert tags <= {
        "div",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
        "span",
        "small",
        "br",
    }


# ---------------------------------------------------------------- chapters


def frozen_with(tables: list[Table]) -> dict:
    outputs = []
    for table in tables:
        data, metadata = table._repr_mimebundle_()
        outputs.append({"output_type": "display_data", "data": data, "metadata": metadata})
    code = {"cell_type": "code", "metadata": {}, "source": "x"}
    executed = {"cells": [code | {"execution_count": 1, "outputs": outputs}]}
    return freeze({"cells": [code]}, executed, "toy", {})


def test_a_chapter_links_each_table_to_its_file():
    table = show_table({"a": {"b": one(1, 0, 2)}}, name="leads", title="T")
    chapter, record = frozen_with([table]), frozen_record("esg_constraint")
    (output,) = chapter["cells"][0]["outputs"]
    assert output["data"].keys() == {"text/html", "text/plain"}
    assert '<a href="toy/tables/leads.csv">' in output["data"]["text/html"]
    assert table_files(record, chapter) == {"tables/leads.csv": table.csv.encode()}
    with pytest.raises(BookError, match="one name"):
        table_files(record, frozen_with([table, table]))


def test_a_chapter_takes_no_table_whose_name_leaves_its_folder():
    table = show_table({"a": {"b": one(1, 0, 2)}}, name="leads", title="T")
    data, metadata = table._repr_mimebundle_()
    metadata["text/csv"]["name"] = "../../evil"
    code = {"cell_type": "code", "metadata": {}, "source": "x", "execution_count": 1}
    output = {"output_type": "display_data", "data": data, "metadata": metadata}
    with pytest.raises(BookError, match="no name of a file"):
        freeze({"cells": [code]}, {"cells": [code | {"outputs": [output]}]}, "toy", {})


MEASURE = """() => [...document.querySelectorAll('.text_html')].map(box => ({
  title: box.querySelector('caption').textContent,
  cut: box.scrollWidth - box.clientWidth,
  stub: Math.min(...[...box.querySelectorAll('th.gt_stub')].map(head => head.clientWidth)),
  seen: [...box.querySelectorAll('td')].every(cell => cell.getBoundingClientRect().right <= innerWidth)}))"""


@pytest.mark.parametrize(("width", "room"), [(1280, 688), (390, 358)])
def test_every_table_of_a_chapter_fits_a_screen_and_a_phone(width, room):
    """As wide as the book's column; heads of rows are never a letter a line, and nothing is cut."""
    style = (project_root() / "book" / "_static" / "dti.css").read_text(encoding="utf-8")
    tables = "".join(f'<div class="text_html">{table.html}</div>' for table in chapter_tables())
    tables = tables.replace("<details>", "<details open>")
    page_text = (
        f'<!doctype html><html data-theme="light"><style>{style}</style>'
        f'<body style="margin:0;font-family:sans-serif"><main class="bd-content" style="width:{room}px">'
        f'<div class="cell_output">{tables}</div></main>'
    )
    with open_chromium() as chromium:
        page = chromium.new_page(viewport={"width": width, "height": 844})
        page.set_content(page_text)
        found = page.evaluate(MEASURE)
        page.close()
    assert len(found) == len(chapter_tables())
    assert {one["title"]: one for one in found if one["cut"] > 0 or one["stub"] < 60 or not one["seen"]} == {}
