"""Data, bridges, speed and citation: pages that say what ledgers, imports, reports and CITATION.cff hold."""

import html
import json
import re
import shutil
import tomllib
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import grimp
import pytest

from dti_core.book.bridge_graph import draw_graph
from dti_core.book.bridge_map import Bridge
from dti_core.book.metadata import Citation, description, load_citation
from dti_core.book.pages import frozen_records, page_texts
from dti_core.book.readings import readings, shelves
from dti_core.book.speed import FOLDER, load_benchmarks
from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.data import ABSENT, load_all, load_published
from dti_core.lab.errors import ConfigError
from dti_core.lab.frozen import frozen_record
from dti_core.lab.keep import glued
from dti_core.lab.record import Estimate, Record
from dti_core.lab.register import load_register
from tests.browser import open_chromium, serve_quietly
from tests.sample_book import ADDRESS, CHECKOUT
from tests.test_book import AXE, NARROW, RUN_AXE, TOURS, WIDE

PREFIX = "application/papermill.record/"
NAMES = ["review", "what_to_do", "for_your_size", "bridges", "data", "speed", "cite", "status"]


@pytest.fixture
def checkout(monkeypatch):
    """The checkout itself, whatever house the shell points to."""
    monkeypatch.delenv("DTI_HOME", raising=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Experiments and citation that a test may change, with the frozen records."""
    shutil.copytree(CHECKOUT / "experiments", tmp_path / "experiments")
    shutil.copytree(CHECKOUT / "book" / "studies", tmp_path / "book" / "studies")
    shutil.copy(CHECKOUT / "CITATION.cff", tmp_path)
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    return tmp_path


def _with_data(record: Record, data: dict[str, str]) -> Record:
    """The record as if its run had read these files."""
    numbers = record.provenance.fingerprint.numbers.model_copy(update={"data": data})
    told = record.provenance.fingerprint.model_copy(update={"numbers": numbers})
    provenance = record.provenance.model_copy(update={"fingerprint": told})
    return record.model_copy(update={"provenance": provenance})


def _with_estimates(record: Record, slug: str, *estimates: Estimate) -> Record:
    return record.model_copy(update={"slug": slug, "estimates": estimates})


# ---------------------------------------------------------------- data


def test_each_run_is_said_to_have_read_the_files_of_its_own_ledger(checkout):
    records = frozen_records()
    found = {one.record.slug: one for one in readings(records)}
    for slug, record in records.items():
        ledger = record.provenance.fingerprint.numbers.data
        assert [file.name for file in found[slug].files] == list(ledger)
        assert {*found[slug].worlds} == {one.world for one in record.estimates} - {"observed"}
        for file in found[slug].files:
            known = load_all().get(file.name.split("/")[0])  # a frozen table of ours stands in no registry
            assert file.rows in (known.rows if known else None, None)
    page = page_texts(records)["data.md"]
    ledgers = [record.provenance.fingerprint.numbers.data for record in records.values()]
    for name in records["lstm_portfolio"].provenance.fingerprint.numbers.data:
        readers = sum(name in ledger for ledger in ledgers)
        assert page.count(f"{name} <span") == (0 if "LICENSE" in name else readers)


def test_absent_and_changed_files_are_told_apart(checkout):
    record = frozen_records()["lstm_portfolio"]
    (name, data), *_ = load_published().items()
    main, *others = data.hashes()
    known = data.files[data.file].sha256
    ledger = {main: known, others[0]: "absent", "sp500_20": "0" * 64, "my file.csv": "1" * 64}
    (one,) = readings({record.slug: _with_data(record, ledger)})
    told = {file.name: (file.read, file.rows) for file in one.files}
    assert told[main] == (True, data.rows)
    assert told[others[0]] == (False, None)
    assert told["sp500_20"] == (True, None)  # other bytes: the registered rows say nothing of them
    assert told["my file.csv"] == (True, None)
    page = page_texts({record.slug: _with_data(record, ledger)})["data.md"]
    assert re.search(rf"{others[0]} <span[^>]*>absent, done without<", page)
    read = {shelf.data.name: shelf.readers for shelf in shelves({record.slug: _with_data(record, ledger)})}
    assert read[name] == ("lstm_portfolio",)
    only_absent = {record.slug: _with_data(record, {others[0]: "absent"})}
    assert not any(shelf.readers for shelf in shelves(only_absent))


def test_a_set_that_no_frozen_run_read_names_the_command_that_would(checkout):
    page = page_texts(frozen_records())["data.md"]
    cards = {re.search(r"<code>(\w+)</code>", part).group(1): part for part in page.split("\n## ")[2:]}
    assert set(cards) == set(load_all())
    for name in ("nyse_o", "nyse_n", "tse", "djia"):
        assert f"no frozen run; <code>dti run lstm_portfolio -p universe={name}</code> would" in cards[name]
    for shelf in shelves(frozen_records()):
        card = cards[shelf.data.name]
        assert ("no frozen run" in card) == (not shelf.readers)
        assert ("no study names it yet" in card) == (not shelf.readers and not shelf.callers)


def test_published_sets_have_address_commit_licence_and_command(checkout):
    page = html.unescape(page_texts({})["data.md"])
    for name, data in load_published().items():
        assert f"<code>dti data get {name}</code>" in page
        for told in (data.commit, data.licence, data.upstream):
            assert " ".join(told.split()) in page
        for file in data.files.values():
            assert file.sha256 in page
            assert not file.address or f'href="{file.address}"' in page


# ---------------------------------------------------------------- bridges


def _gain(value, method="m", field="finance", bridge="b", name=None, **more):
    at = {"bridge": bridge, "method": method, "source": "commerce", "target": field}
    return Estimate(name or f"gain_{method}", value, value - 0.2, value + 0.2, "u", 9, at=at, **more)


@pytest.mark.parametrize(
    ("worth", "sign"),
    [
        ((_gain(0.3),), "gain"),
        ((_gain(-0.3),), "loss"),
        ((_gain(0.1),), "open"),
        ((_gain(-0.3), _gain(0.3, field="security")), "gain"),
        ((_gain(-0.3), _gain(0.1, field="security")), "open"),
        ((_gain(-0.3), _gain(0.3, method="n")), "gain"),
        ((_gain(0.3, bridge="c"),), "unmeasured"),
        ((_gain(0.3, field="commerce"),), "unmeasured"),
        ((_gain(0.3, world="noise"),), "unmeasured"),
        ((_gain(0.3, name="carried_m"),), "unmeasured"),
    ],
)
def test_an_arrow_has_the_worth_that_spillover_measured_and_no_other(checkout, worth, sign):
    record = frozen_records()["lstm_portfolio"]
    told = {
        "spillover": _with_estimates(record, "spillover", *worth),
        "x": _with_estimates(record, "x", _gain(0.3)),
    }
    bridges = [Bridge("a", "", {}, ()), Bridge("b", "", {}, ("x", "spillover"))]
    graph = draw_graph(bridges, ["y", "x"], told)
    assert [(arrow.bridge, arrow.study) for arrow in graph.arrows] == [("b", "x"), ("b", "spillover")]
    assert [arrow.sign for arrow in graph.arrows] == ["unmeasured", sign]
    fields = {one.at["target"] for one in worth} if sign != "unmeasured" else set()
    assert {one.field for one in graph.arrows[1].worth} == fields
    assert list(graph.studies) == ["y", "x", "spillover"]
    assert len({*graph.studies.values()}) == 3
    assert max(graph.studies.values()) < graph.height


def test_bridges_page_draws_what_the_import_graph_has_and_says_what_is_not_measured(checkout):
    records = frozen_records()
    page = page_texts(records)["bridges.md"]
    graph = grimp.build_graph("dti_core", cache_dir=None)
    bridges, studies = (graph.find_children(f"dti_core.{side}") for side in ("bridges", "studies"))
    pairs = [(bridge, study) for bridge in bridges for study in studies]
    used = {pair for pair in pairs if graph.chain_exists(*reversed(pair), as_packages=True)}
    said = set(re.findall(r"(\w+) is used by (\w+)(?=\.|, worth )", page))
    assert said == {(bridge.rpartition(".")[2], study.rpartition(".")[2]) for bridge, study in used}
    assert len(said) == page.count('class="bridge-arrow bridge-')
    at_home = [study for _, study in said if study != "spillover"]
    assert len(at_home) == page.count("<td>at home</td>") > 3
    box = r'<rect class="bridge-box bridge-planned"[^>]*/><text[^>]*>(\w+)</text>'
    planned = load_register().slugs() - {study.rpartition(".")[2] for study in studies}
    assert set(re.findall(box, page)) == planned
    (row,) = re.findall(
        r"<tr><th scope=\"row\">forecaster</th>\n<td>[^\n]*spillover[^\n]*\n<td>(.*?)</td>", page
    )
    for told in row.split("<br>"):
        best, field, n_uses = re.fullmatch(r"(.*) in (\w+) \(best of (\d+) uses\)", told).groups()
        gains = [
            one for one in records["spillover"].estimates
            if one.world == "observed" and one.name == f"gain_{one.at.get('method')}"
            and one.at["source"] != field
            and (one.at["bridge"], one.at["target"]) == ("forecaster", field)
        ]  # fmt: skip
        assert int(n_uses) == len(gains) > 1
        assert best == max((one.value, f"{one.text} {one.unit}") for one in gains)[1]


# ---------------------------------------------------------------- speed


def test_every_ratio_on_the_speed_page_is_that_of_two_figures_in_its_report(checkout):
    page = page_texts({})["speed.md"]
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', page, re.DOTALL)
    told = iter(rows)
    for path in sorted((CHECKOUT / FOLDER).glob("*.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        if not report.get("comparisons"):
            continue
        for one in report["comparisons"]:
            ours, peer = report, report
            for key in one["ours"]["at"]:
                ours = ours[key]
            for key in one["peer"]["at"]:
                peer = peer[key]
            row = next(told)
            assert f"<strong>{peer / ours:.2f}</strong>" in row
            asked = one["target"]
            word = "none set" if asked is None else "met" if peer / ours >= asked else "missed"
            assert f">{word}</span>" in row
            assert one["differs"] in html.unescape(row)
            assert one["equal"] in html.unescape(page)
        for field in ("date", "machine", "command", "title"):
            assert report[field] in page
    assert next(told, None) is None
    assert len(rows) > 10
    assert page.count(">missed</span>") >= 2  # a lone network is not five times faster


def test_ratios_of_the_reports_agree_with_those_that_they_state_themselves(checkout):
    """Figures are as they were measured: the scripts computed these ratios too."""
    by_title = {one.title: one for one in load_benchmarks()}
    lstm, panel = by_title["Training the LSTM of one walk-forward fold"], by_title[next(
        title for title in by_title if title.startswith("Panel")
    )]  # fmt: skip
    for one in lstm.comparisons:
        if one.ours.at[-1] == "cpu_seconds_median" and one.peer.at[1].startswith("neural"):
            stated = lstm.model_extra["table"][one.ours.at[1]]["times_less_cpu_than"][one.peer.at[1]]
            assert lstm.times(one) == pytest.approx(stated, abs=0.006)
    assert panel.times(panel.comparisons[-1]) == pytest.approx(panel.model_extra["batch"]["times_faster"])


@pytest.mark.parametrize("name", ["lstm_vs_neuralforecast", "panel_vs_peers"])
def test_words_of_a_report_are_those_of_its_script(name):
    """So the next measurement writes them again."""
    path = CHECKOUT / FOLDER / f"{name}.py"
    spec = spec_from_file_location(name, path)
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    report = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert report["comparisons"] == script.comparisons()
    assert (report["title"], report["command"]) == (script.TITLE, script.COMMAND)


@pytest.mark.parametrize("field", ["title", "date", "command", "machine", "versions", "comparisons"])
def test_a_report_that_lacks_a_field_is_named(home, field):
    path = home / FOLDER / "panel_vs_peers.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    del report[field]
    path.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"panel_vs_peers.json: {field}: Field required"):
        load_benchmarks()


@pytest.mark.parametrize("part", ["what", "ours", "peer", "unit", "equal", "differs"])
def test_a_comparison_that_lacks_a_part_is_named(home, part):
    path = home / FOLDER / "panel_vs_peers.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    del report["comparisons"][1][part]
    path.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"panel_vs_peers.json: comparisons\.1\.{part}: Field required"):
        load_benchmarks()


@pytest.mark.parametrize("figure", [None, 0, "fast", -1.0])
def test_a_comparison_whose_figure_is_not_in_the_report_is_named(home, figure):
    path = home / FOLDER / "panel_vs_peers.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["large"]["pyfixest"]["median_cpu_s"] = figure
    path.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(ConfigError, match="pyfixest: no positive number at large > pyfixest > median_cpu_s"):
        load_benchmarks()


def test_without_reports_the_page_says_so(home):
    shutil.rmtree(home / FOLDER)
    assert "No comparison has been kept." in page_texts({})["speed.md"]


# ---------------------------------------------------------------- citation and metadata


def test_citation_fits_the_format_and_the_package(checkout):
    citation = load_citation()
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation.version, citation.license) == (project["version"], project["license"])
    assert citation.abstract
    assert citation.keywords


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("cff-version: 1.2.0", "cff-version: 1.3.0", "cff-version"),
        ("authors:\n  - name: The DTI review team\n", "authors: []\n", "authors"),
        ("authors:\n  - name: The DTI review team\n", "", "authors"),
        ("  - name: The DTI", "  - nom: The DTI", "authors.0.nom"),
        ("license: MIT", "licence: MIT", "license"),
        ("type: software", "type: book", "type"),
        ("version: 0.1.0", "doi: 5281/zenodo\nversion: 0.1.0", "doi"),
        ("version: 0.1.0", "date-released: May\nversion: 0.1.0", "date-released"),
        ("version: 0.1.0", "repository-code: here\nversion: 0.1.0", "repository-code"),
    ],
)
def test_a_citation_that_does_not_fit_the_format_is_refused(home, old, new, field):
    path = home / "CITATION.cff"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"CITATION.cff: .*{re.escape(field)}"):
        load_citation()


def _bibtex(page: str) -> str:
    return html.unescape(re.sub("<[^>]+>", "", re.search(r"<pre.*?</pre>", page, re.DOTALL).group(0)))


def test_bibtex_holds_what_the_citation_file_says(home):
    (entry,) = _parse(_bibtex(page_texts(frozen_records())["cite.md"]))
    assert entry["title"] == load_citation().title
    assert entry["author"] == "The DTI review team"
    assert re.fullmatch(r"\d{4}", entry["year"])
    assert "doi" not in entry
    path = home / "CITATION.cff"
    more = f'date-released: "2031-05-06"\ndoi: 10.5281/zenodo.123\nrepository-code: {ADDRESS}\n'
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    (entry,) = _parse(_bibtex(page_texts(frozen_records())["cite.md"]))
    assert (entry["year"], entry["doi"], entry["url"]) == ("2031", "10.5281/zenodo.123", ADDRESS)


def _parse(text: str) -> list[dict[str, str]]:
    from pybtex.database import parse_string

    entries = parse_string(text, "bibtex").entries.values()
    return [{**one.fields, "author": " and ".join(str(p) for p in one.persons["author"]).strip("{}")}
            | {"title": one.fields["title"].strip("{}")} for one in entries]  # fmt: skip


def test_people_and_groups_are_cited_as_bibtex_reads_them():
    plain = {"cff-version": "1.2.0", "message": "m", "title": "t", "version": "1", "license": "MIT"}
    people = [{"given-names": "Ada", "family-names": "Lovelace"}, {"name": "A Group"}]
    assert Citation.model_validate({**plain, "authors": people}).creators == ["Lovelace, Ada", "{A Group}"]


def test_without_a_citation_file_the_page_says_so(home):
    (home / "CITATION.cff").unlink()
    assert "CITATION.cff is missing" in page_texts({})["cite.md"]


@pytest.mark.parametrize(
    ("paragraphs", "told"),
    [
        (["One sentence that is long enough to stand alone as a description. Two."],
         "One sentence that is long enough to stand alone as a description."),
        (["Short.", "Then\n more."], "Short. Then more."),
        ([], ""),
    ],
)  # fmt: skip
def test_description_is_the_first_sentence_or_two(paragraphs, told):
    assert description(paragraphs) == told


def test_description_is_no_longer_than_a_search_engine_shows():
    told = description(["word " * 100])
    assert len(told) <= 200
    assert told.endswith("word ...")


# ---------------------------------------------------------------- the built pages


def _pages(site: Path) -> dict[str, str]:
    paths = [*site.glob("*.html"), *site.glob("studies/*.html")]
    found = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    return {name: text for name, text in found.items() if name not in ("index", "genindex", "search")}


def test_every_page_has_language_title_and_description_of_its_own(sample_site):
    pages = _pages(sample_site)
    assert set(NAMES) <= set(pages)
    assert len(pages) > 12
    titles, told = [], []
    for name, text in pages.items():
        assert '<html lang="en"' in text, name
        titles += re.findall(r"<title>(.+?) &#8212; Does the loop close\?</title>", text)
        told += re.findall(r'<meta name="description" content="([^"]{20,260})"', text)
    assert len(titles) == len({*titles}) == len(pages)
    assert len(told) == len({*told}) == len(pages)


def test_repository_buttons_come_with_the_address_in_the_citation_file(sample_site):
    for name, text in _pages(sample_site).items():
        assert f'href="{ADDRESS}"' in text, name
        assert f'href="{ADDRESS}/issues/new' in text, name


@pytest.mark.parametrize("address", [None, "https://example.org/team/review"])
def test_without_an_address_that_the_theme_knows_there_are_no_buttons(checkout, address):
    told = load_citation().model_dump(by_alias=True) | {"repository-code": address}
    assert Citation.model_validate(told).buttons == {}


@pytest.mark.browser
def test_pages_fit_read_and_pass_axe_in_both_sizes_and_schemes(sample_site):
    """But for the wide window in light colours, where the tour of all pages in test_book judges them."""
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    assert {*NAMES} <= {*TOURS["all-light"][-1]}
    found = []
    with open_chromium() as browser, serve_quietly(sample_site) as home:
        for size, scheme in ((WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
            context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            page = context.new_page()
            noted = []
            page.on("console", lambda m, noted=noted: noted.append(m.text) if m.type == "error" else None)
            for name in NAMES:
                page.goto(f"{home}{name}.html")
                width = page.evaluate("document.documentElement.scrollWidth")
                if width > size["width"]:
                    found.append((name, size["width"], f"{width} px wide"))
                found += noted  # axe itself asks for a style sheet that is not there
                page.evaluate(axe)
                outcome = page.evaluate(RUN_AXE, AXE)
                assert outcome["passes"] > 10
                found += [(name, scheme, size["width"], *one) for one in outcome["violations"]]
                noted.clear()
            context.close()
    assert found == []


@pytest.mark.usefixtures("checkout")
def test_every_epsilon_on_a_page_stands_beside_what_it_promises():
    """In the row, item or paragraph of each number: whose, against which change, with what delta, by whom."""
    blocks = r"<tr\b.*?</tr>|<dd>.*?</dd>|<div class=\"dti-strip-claim\">.*?</div>"
    seen = 0
    for name, text in page_texts(frozen_records()).items():
        whole = re.findall(blocks, text, re.S)
        rest = re.sub(blocks, "", text, flags=re.S).split("\n\n")
        for block in (html.unescape(one) for one in [*whole, *rest]):
            if re.search(r"epsilon(\s|=|of)*\.?\d", block):
                seen += 1
                assert re.search(r"add or remove one|replace one", block), (name, block)
                assert re.search(r"delta [\d.]", block), (name, block)
                assert re.search(r"\b(pure|PLD)\b", block), (name, block)
                assert re.search(r"\b(a|one) (user|firm|member|source)", block), (name, block)
    assert seen >= 5


def test_every_parameter_that_is_an_epsilon_says_what_it_promises():
    parameters = [one for slug in list_slugs() for one in load_experiment(slug).parameters.items()]
    units = [parameter.unit for name, parameter in parameters if "epsilon" in name]
    assert len(units) >= 2
    for unit in units:
        assert all(
            re.search(word, unit) for word in ("user", "add or remove one", r"delta \d", "pure|PLD")
        ), unit


def test_prose_of_a_run_without_its_published_files_says_so_and_prints_no_nan(tmp_path, checkout):
    """The chapter of private_lift, built from a record that lacks all that rests on the e-mail trial."""
    from sphinx.application import Sphinx

    full = frozen_record("private_lift")
    numbers = full.provenance.fingerprint.numbers
    told = numbers.model_copy(update={"data": {**numbers.data, "hillstrom/hillstrom.csv.gz": ABSENT}})
    fingerprint = full.provenance.fingerprint.model_copy(update={"numbers": told})
    few = full.model_copy(
        update={
            "estimates": tuple(one for one in full.estimates if not one.name.startswith("offer_")),
            "provenance": full.provenance.model_copy(update={"fingerprint": fingerprint}),
        }
    )
    cells = json.loads((CHECKOUT / "notebooks" / "private_lift.ipynb").read_text(encoding="utf-8"))["cells"]
    prose = [cell for cell in cells if cell["cell_type"] == "markdown"]
    text = "".join("".join(cell["source"]) for cell in prose)
    values = glued(few, text)
    outputs = [
        {"output_type": "display_data", "data": {f"{PREFIX}text/plain": repr(value)},
         "metadata": {"scrapbook": {"name": name, "mime_prefix": PREFIX}}}
        for name, value in values.items()
    ]  # fmt: skip
    code = {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "outputs": outputs,
        "source": "1",
        "id": "a",
    }
    chapter = {"cells": [*prose, code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "index.ipynb").write_text(json.dumps(chapter))
    (tmp_path / "conf.py").touch()
    settings = {"extensions": ["myst_nb", "dti_book"], "nb_execution_mode": "off",
                "myst_enable_extensions": ["dollarmath"], "html_theme_options": {}}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(CHECKOUT / "book" / "_ext")
        places = [str(tmp_path / name) for name in ("", "", "html", "trees")]
        Sphinx(*places, "html", settings, status=None, warning=None).build()
    page = re.sub(r"<[^>]+>", "", (tmp_path / "html" / "index.html").read_text())
    lacking = [name for name in re.findall(r"\{glue:text\}`(\w+)", text) if str(values[name]) == "nan"]
    assert any(name.startswith("offer_") for name in lacking)
    assert "nan" not in re.findall(r"\w+", page)
    assert page.count("not run here") == len(lacking) > 3
