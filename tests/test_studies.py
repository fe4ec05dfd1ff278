"""The conformance kit: what holds for every study, found by one tiny run of each."""

import json
from dataclasses import asdict

import pytest

from dti_core.book.reference import compare_with_reference, load_reference, shortened
from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.data import load_published
from dti_core.lab.frozen import frozen_record
from dti_core.lab.parallel import CORES
from dti_core.lab.publishing.plotly_mime import figure_texts
from dti_core.lab.register import load_register
from tests.kit import copy_of_the_project, differing, estimates_apart, plots, room, surroundings, tiny_run

SLUGS = list_slugs()
#: What a quick run may take, all processes together, whatever the clock on the wall says.
QUICK_CPU_SECONDS = 150


@pytest.fixture(scope="module", params=SLUGS)
def study(request):
    """Name and Result of the tiny run of each study in turn, made on one core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CORES, "1")
        return request.param, tiny_run(request.param)


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """The same runs in one other process, with two cores, other threads, another hash seed and folder."""
    home = copy_of_the_project(tmp_path_factory.mktemp("apart"))
    return estimates_apart(SLUGS, home, surroundings(2, 2, 1, home))


def test_every_estimate_has_a_tolerance_a_unit_and_an_interval_that_says_how(study):
    slug, result = study
    reference = load_reference(slug)
    for estimate in result:
        assert reference.tolerance(estimate.key).absolute > 0
        assert estimate.unit, estimate.key
        assert estimate.how, estimate.key


@pytest.mark.parametrize("slug", SLUGS)
def test_every_claim_finds_its_estimates_in_every_control_world(slug):
    """Among the accepted numbers; what only a table of real data gives may be missing as observed."""
    assert {"quick", "full"} <= load_reference(slug).accepted.keys()
    for profile, accepted in load_reference(slug).accepted.items():
        for key, claim in load_register().bound_to(slug).items():
            for test in claim.tests:
                wanted = {f"{bar.estimate}@{world}" for bar in test.estimates for world in test.worlds}
                assert wanted - accepted.keys() == set(), (key, profile)


def test_every_method_and_every_world_is_in_the_estimates(study):
    slug, result = study
    named = {str(estimate.at["method"]) for estimate in result if "method" in estimate.at}
    methods = room(slug, "methods").METHODS
    told = set(result.series["left_out"].iloc[:, 0]) if "left_out" in result.series else set()
    absent = {name for name in methods if getattr(methods[name], "title", "") in told}  # of data not here
    assert set(methods) - named - absent == set()
    controls = {name for name, world in room(slug, "worlds").WORLDS.items() if world.role != "observed"}
    assert controls - {estimate.world for estimate in result} == set()


def test_figures_carry_title_axes_caption_and_alt_text(study):
    slug, result = study
    drawn = dict(plots(slug))
    assert drawn
    for name, plot in drawn.items():
        figure = plot(result)
        shown = json.loads(figure.to_json())
        assert all(text.strip() for text in figure_texts(shown)), name
        labelled = {trace.type for trace in figure.data} == {"heatmap"}
        unnamed = [axis for axis in figure.select_xaxes() if not axis.title.text]
        below = all(axis.matches and not axis.showticklabels for axis in unnamed)  # the panel below names it
        assert labelled or (below and len(unnamed) < len([*figure.select_xaxes()])), name
        notes = [note.text.replace("<br>", " ") for note in figure.layout.annotations if note.text]
        assert any(figure_texts(shown)[1].rstrip(".").endswith(note) for note in notes), f"{name}: no badge"


def test_the_same_numbers_come_out_everywhere(study, apart):
    slug, result = study
    here = json.loads(json.dumps({one.key: asdict(one) for one in result}))
    assert differing(here, apart[slug]) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_the_accepted_quick_run_kept_its_budget_of_cpu_seconds(slug):
    spent = load_reference(slug).cpu_seconds["quick"]
    assert 0 < spent <= QUICK_CPU_SECONDS, f"{slug}: {spent}"


@pytest.mark.parametrize("slug", SLUGS)
def test_the_chapter_reproduces_its_own_accepted_numbers(slug):
    """The least that a run of the same code must do: digits are kept as fine as the tolerance asks."""
    rows = compare_with_reference(frozen_record(slug)).rows
    assert [row.key for row in rows if not row.within] == []


@pytest.mark.parametrize("slug", SLUGS)
def test_a_clone_without_published_sets_has_numbers_to_meet(slug):
    absent = sorted(load_published().keys() & set(load_experiment(slug).reads))
    assert load_reference(slug).lacking.get("quick", {}).keys() == ({", ".join(absent)} if absent else set())


def test_accepted_numbers_have_the_digits_that_their_tolerance_asks():
    assert shortened(1035.56452, 0.0005) == 1035.56452
    assert shortened(1035.56452, 0.1) == 1035.56
    assert shortened(0.123456789, 0.0005) == 0.123457


def test_a_difference_would_be_seen():
    first = {"a": {"value": 1.0}, "b": {"value": 2.0}}
    assert differing(first, {"a": {"value": 1.0}, "b": {"value": 2.0000000000000004}}) == ["b"]
    assert differing(first, {"a": {"value": 1.0}}) == ["b"]
