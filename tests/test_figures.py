"""Figures of both chapters, drawn from the frozen numbers: what each says, shows, and leaves legible."""

import base64
import importlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from dti_core.book import sweeps
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import BookError
from dti_core.lab.frozen import frozen_result
from dti_core.lab.paths import notebook_file
from dti_core.lab.publishing.lighter import light_numbers, light_pixels
from dti_core.lab.publishing.plotly_mime import figure_html
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.lab.register import load_register
from dti_core.lab.say import signed, spoken, ways
from dti_core.lab.sweeps import along, load_sweep, sweep_file
from dti_core.lab.theme import NEUTRAL, PALETTE
from dti_core.studies.lstm_portfolio.methods.forecasters import METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import RULES
from tests.browser import open_chromium, serve_quietly

RESULTS = {slug: frozen_result(slug) for slug in ("lstm_portfolio", "esg_constraint")}
ROOMS = {slug: importlib.import_module(f"dti_core.studies.{slug}.figures") for slug in RESULTS}
PLOTS = [(slug, name) for slug, room in ROOMS.items() for name in room.__all__ if name.startswith("plot_")]
DRAWN = {
    "C16a": ("lstm_portfolio", "plot_break_even"),
    "C50": ("lstm_portfolio", "plot_leads"),
    "C18a": ("lstm_portfolio", "plot_skill"),
    "C39a": ("lstm_portfolio", "plot_regimes"),
    "C17a": ("lstm_portfolio", "plot_volatility"),
    "C16b": ("esg_constraint", "plot_decision"),
}


def draw(slug, name):
    return getattr(ROOMS[slug], name)(RESULTS[slug])


def axes(figure):
    """Each axis of a figure that is drawn, by name."""
    layout = figure.to_plotly_json()["layout"]
    return {key: axis for key, axis in layout.items() if re.fullmatch(r"[xy]axis\d*", key)}


@pytest.fixture(scope="module", params=PLOTS, ids=lambda one: one[1].removeprefix("plot_"))
def figure(request):
    return draw(*request.param)


def test_a_figure_has_a_finding_a_caption_and_values_in_words(figure):
    layout = figure.layout
    assert 20 < len(layout.title.text) < 160
    assert len(re.findall(r"\d", layout.meta["alt"])) >= 6
    assert "interval" in layout.meta["caption"]
    badges = [note.text.replace("<br>", " ") for note in layout.annotations]
    assert any(badge in layout.meta["caption"] for badge in badges)
    assert layout.meta["caption"].count("Simulated") == badges.count(
        next((badge for badge in badges if "Simulated" in badge), "")
    )


def test_every_axis_of_numbers_has_a_title_with_its_unit(figure):
    heat = figure.data[0].type == "heatmap"
    for name, axis in axes(figure).items():
        named = axis.get("title", {}).get("text") or axis.get("ticktext") is not None
        shared = axis.get("matches") and not axis.get("showticklabels", True)
        assert named or shared or heat, name


def test_lines_of_axes_and_labels_fit_a_phone(figure):
    for axis in axes(figure).values():
        title = (axis.get("title", {}).get("text") or "").split("<br>")
        labels = [line for label in axis.get("ticktext", ()) for line in label.split("<br>")]
        assert max(map(len, title)) <= 36
        assert max(map(len, labels), default=0) <= 20
    assert len(axes(figure)["yaxis"].get("ticktext", ())) <= 14


def test_names_of_effects_stand_where_no_mark_is(figure):
    for note in (note for note in figure.layout.annotations if note.text.startswith("matters from")):
        if note.yref == "paper" or note.yref.endswith("domain"):
            continue
        marks = [t for t in figure.data if (t.yaxis or "y") == note.yref and t.type == "scatter"]
        assert not [t for t in marks if note.y < t.y[0] < note.y + 0.6]


@pytest.mark.parametrize("claim", DRAWN)
def test_a_figure_draws_the_estimates_that_decide_a_claim_and_what_matters(claim):
    slug, name = DRAWN[claim]
    figure, result = draw(slug, name), RESULTS[slug]
    (test,) = (test for test in load_register().claims[claim].tests if test.study == slug)
    keys = {one.key: one for one in result}
    for bar in test.estimates:
        for world in (OBSERVED, *test.worlds):
            one = keys.get(bar.estimate if world == OBSERVED else f"{bar.estimate}@{world}")
            if one is None:
                assert (world, slug) == (OBSERVED, "esg_constraint")
                continue
            trace, scale = found(figure, one)
            assert trace.marker.symbol.endswith("-open") == (world != OBSERVED)
            goal = scale * (bar.than + (1 if bar.direction == "greater" else -1) * bar.smallest_effect)
            assert shaded_beside(figure, trace) == pytest.approx([goal])


def found(figure, one: Estimate):
    """The mark of an estimate, and what it is multiplied by."""
    for trace in figure.data:
        for scale in (1, 100):
            width = scale * (one.high - one.low)
            if trace.error_x.array and trace.error_x.array[0] + trace.error_x.arrayminus[0] == pytest.approx(
                width
            ):
                off = trace.error_x.visible is False
                if off or trace.x[0] == pytest.approx(scale * one.value):
                    return trace, scale
    raise AssertionError(f"{one.key} is not drawn")


def shaded_beside(figure, trace):
    """Where what is too small to matter ends, in the row of a mark."""
    shapes = [s for s in figure.layout.shapes if s.type == "rect" and s.yref == (trace.yaxis or "y")]
    return [shape.x1 for shape in shapes if shape.y0 < trace.y[0] < shape.y1]


def test_an_effect_is_named_beside_the_rows_that_it_governs_alone():
    figure = draw("lstm_portfolio", "plot_skill")
    for null, governed in (("constant_sharpe", [0.5]), ("zero", []), ("pooled_mean", [])):
        trace, _ = found(figure, RESULTS["lstm_portfolio"][f"r2_lstm_vs_{null}"])
        assert shaded_beside(figure, trace) == governed


def test_colours_stand_out_on_white_and_on_the_dark_page():
    def light(colour):
        channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return float(np.dot((0.2126, 0.7152, 0.0722), linear))

    for colour in PALETTE:
        on_white, on_dark = 1.05 / (light(colour) + 0.05), (light(colour) + 0.05) / (light("#121212") + 0.05)
        assert min(on_white, on_dark) > 4
    assert min(1.05 / (light(NEUTRAL) + 0.05), (light(NEUTRAL) + 0.05) / (light("#121212") + 0.05)) > 3


def test_numbers_in_words_have_the_decimals_of_their_interval():
    alt = draw("lstm_portfolio", "plot_leads").layout.meta["alt"]
    for key in ("sharpe_lstm_minus_equal_weight", "sharpe_ridge_minus_equal_weight"):
        assert signed(RESULTS["lstm_portfolio"][key]) in alt
    one = Estimate("a", 0.123456, 0.1, 0.15, "u", 9, how="bootstrap, blocks of 3, 99 resamples")
    assert signed(one) == "+0.123 [+0.100, +0.150]"
    assert signed(one, scale=100) == "+12.3 [+10.0, +15.0]"
    assert ways([one, replace(one, how="bootstrap, blocks of 8, 99 resamples")]) == "bootstrap, 99 resamples"


def test_the_rival_has_one_name_everywhere():
    told = "".join(
        json.dumps(draw("lstm_portfolio", n).to_plotly_json(), default=str)
        for s, n in PLOTS
        if s == "lstm_portfolio"
    )
    told += notebook_file("lstm_portfolio").read_text(encoding="utf-8")
    told += "".join(
        bar.label
        for claim in load_register().bound_to("lstm_portfolio").values()
        for bar in claim.test.estimates
    )
    assert "constant Sharpe" not in told
    assert METHODS["constant_sharpe"].title in [t.name for t in draw("lstm_portfolio", "plot_wealth").data]


def test_numbers_of_a_heat_map_can_be_read_on_a_phone():
    for name in ("plot_coverage", "plot_indices"):
        assert draw("esg_constraint", name).data[0].textfont.size >= 12


@pytest.mark.parametrize("slug", RESULTS)
def test_sizes_of_profiles_are_not_typed_into_the_prose(slug):
    cells = json.loads(notebook_file(slug).read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    comments = re.findall(r"^dti run [^#\n]*#(.*)$", text, re.MULTILINE)
    assert comments
    assert not [comment for comment in comments if re.search(r"\d", comment)]
    assert sum(cell["cell_type"] == "code" for cell in cells) <= 12


# --- The sweep over costs ---


def test_the_sweep_is_of_todays_numbers_and_figure_and_table_show_it():
    records, result = load_sweep("lstm_portfolio"), RESULTS["lstm_portfolio"]
    assert [r.parameters["cost_bps"] for r in records] == list(
        load_experiment("lstm_portfolio").sweep["cost_bps"]
    )
    assert not [why for why in sweeps.sweep_stale("lstm_portfolio") if why.startswith("numbers")]
    table, figure = ROOMS["lstm_portfolio"].cost_table(result), draw("lstm_portfolio", "plot_costs")
    at = {"measure": "sharpe_difference", "regime": "all", "against": "equal_weight"}
    for name in ("lstm", "ridge", "hrp"):
        line = along(records, "cost_bps", method=name, **at)
        shown = table.rows[(METHODS | RULES)[name].title].values()
        assert [one[:3] for one in shown] == [(one.value, one.low, one.high) for one in line.values()]
    for rival in ("equal_weight", "constant_sharpe"):
        for one in along(records, "cost_bps", **{**at, "method": "lstm", "against": rival}).values():
            trace, _ = found(figure, one)
            assert shaded_beside(figure, trace) == [0.05]  # the smallest effect of C16a
    assert f"profile {records[0].profile}" in figure.layout.meta["caption"]
    given = {n: v for n, v in records[0].parameters.items() if n != "cost_bps"}
    same = all(result.config.values[name] == value for name, value in given.items())
    assert ("not this chapter's sizes" in figure.layout.meta["caption"]) != same


def test_a_sweep_of_other_numbers_is_stale_and_one_that_was_not_run_is_refused(tmp_path, monkeypatch):
    now = sweeps._numbers("lstm_portfolio", load_sweep("lstm_portfolio")[0].profile)
    other = now[-1].model_copy(update={"cells": "0" * 64})
    monkeypatch.setattr(sweeps, "_numbers", lambda *_: [*now[:-1], other])
    assert any(why.startswith("numbers") for why in sweeps.sweep_stale("lstm_portfolio"))
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path))
    before = sweep_file("lstm_portfolio").read_bytes()
    with pytest.raises(BookError, match="dti sweep lstm_portfolio --profile full"):
        sweeps.freeze_sweep("lstm_portfolio", "full")
    assert sweep_file("lstm_portfolio").read_bytes() == before


def test_the_digest_of_a_point_is_that_of_its_run():
    records = load_sweep("lstm_portfolio")
    config = load_experiment("lstm_portfolio").resolve(records[0].profile, {"cost_bps": 25.0})
    from dti_core.lab.running.cache import fingerprint_of

    then = records[3].provenance.fingerprint.numbers
    assert sweeps.as_read(then, fingerprint_of(config).numbers).digest == then.digest


def test_without_a_sweep_the_figure_says_so(monkeypatch):
    monkeypatch.setattr("dti_core.studies.lstm_portfolio.figures.costs.load_sweep", lambda _: ())
    assert "No sweep" in draw("lstm_portfolio", "plot_costs").layout.title.text
    assert "No sweep" in ROOMS["lstm_portfolio"].cost_table(RESULTS["lstm_portfolio"]).html


SCRIPTS = ("dti-fit.js", "dti-page.js", "dti-sweep.js")


def told(title, cost):
    """What the sweep has of a strategy at a cost, as a cell says it."""
    (name,) = (key for key, method in (METHODS | RULES).items() if method.title == title)
    at = {"measure": "sharpe_difference", "regime": "all", "against": "equal_weight", "method": name}
    return spoken(along(load_sweep("lstm_portfolio"), "cost_bps", **at)[cost])


@pytest.mark.browser
def test_the_slider_picks_a_cost_with_the_keyboard_and_offline(tmp_path):
    import plotly

    from dti_core.lab.paths import project_root

    result, static = RESULTS["lstm_portfolio"], project_root() / "book" / "_static"
    table = ROOMS["lstm_portfolio"].cost_table(result)
    figure = figure_html(json.loads(draw("lstm_portfolio", "plot_costs").to_json()))
    scripts = "".join(f'<script src="{name}"></script>' for name in SCRIPTS)
    policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:"
    page = (
        f'<!doctype html><html lang="en"><meta http-equiv="Content-Security-Policy" content="{policy}"><body>'
    )
    (tmp_path / "page.html").write_text(f"{page}{figure}{table.html}{scripts}", encoding="utf-8")
    for name in SCRIPTS:
        (tmp_path / name).write_bytes((static / name).read_bytes())
    library = Path(plotly.__path__[0]) / "package_data" / "plotly.min.js"
    (tmp_path / "plotly.min.js").write_bytes(library.read_bytes())
    with open_chromium() as chromium, serve_quietly(tmp_path) as address:
        page = chromium.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{address}page.html")
        page.locator('.dti-plot[data-drawn="yes"]').wait_for()
        slider = page.get_by_role("slider")
        slider.focus()
        for key, cost, place in (("End", "50", 4), ("Home", "0", 0), ("ArrowRight", "5", 1)):
            page.keyboard.press(key)
            assert slider.get_attribute("aria-valuetext") == f"{cost} basis points"
            chosen = page.locator("tbody .dti-chosen").all_text_contents()
            assert chosen == [told(strategy, float(cost)) for strategy in table.rows]
            layout = "document.querySelector('.dti-plot').layout"
            marks = page.evaluate(f"{layout}.shapes.filter(s => s.name === 'chosen').map(s => s.y0 + s.y1)")
            ticks = page.evaluate(f"{layout}.yaxis.tickvals")
            assert marks == pytest.approx([2 * ticks[place]] * 2)
        assert not problems
        whole = chromium.new_context(java_script_enabled=False).new_page()
        whole.goto(f"{address}page.html")
        assert whole.locator("tbody td:visible").count() == sum(map(len, table.rows.values()))


def test_a_page_sends_fewer_digits_and_the_same_pixels():
    """Six digits of each fraction, whole numbers and words as they are; a gap, which JSON lacks, stays."""
    numbers = np.array([[1 / 3, 2e5 / 3], [0.0, 1e-9 / 3]])
    figure = go.Figure(go.Scatter(x=numbers[0], y=[1 / 3, 12345678], customdata=numbers, name="1.23456789"))
    figure.add_scatter(y=np.array([np.nan, 1 / 3]))
    first, second = light_numbers(json.loads(figure.to_json())["data"])
    assert (first["x"], first["y"]) == ([0.333333, 66666.7], [0.333333, 12345678])
    assert first["customdata"] == [[0.333333, 66666.7], [0.0, 3.33333e-10]]
    assert first["name"] == "1.23456789"
    assert "bdata" in second["y"]
    plain = io.BytesIO()
    Image.new("RGBA", (300, 200), "#E8975A").save(plain, "PNG", compress_level=0)
    held = base64.b64encode(plain.getvalue()).decode()
    light = light_pixels(f'<svg><image href="data:image/png;base64,{held}"></image></svg>')
    assert len(light) < len(held) / 10
    content = base64.b64decode(light.partition("base64,")[2].partition('"')[0])
    assert Image.open(io.BytesIO(content)).tobytes() == Image.open(plain).tobytes()
    assert light_pixels(light) == light
