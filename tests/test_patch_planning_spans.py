"""Assumptions are drawn from their ranges; the worlds in which policies were trained stay what they were."""

import hashlib
from dataclasses import asdict

import numpy as np
import pytest

from dti_core.studies.patch_planning.figures.ranges import USES, ranges_in_words
from dti_core.studies.patch_planning.worlds.assumed import N_ASSUMED, assumed
from dti_core.studies.patch_planning.worlds.assumptions import draw_assumptions
from dti_core.studies.patch_planning.worlds.finance import draw_purse
from dti_core.studies.patch_planning.worlds.parties import draw_setting
from dti_core.studies.patch_planning.worlds.spans import Span

#: sha256 of all dials of all assumed worlds to twelve digits, before any of their policies was trained.
TRAINED_IN = "2e4b96e5e8a7c627ba1b36c2346f544bcf14d24d8da79d4cc2ec3298b98d864a"


def test_policies_were_trained_in_these_worlds() -> None:
    dials = [asdict(assumed(number)) for number in range(N_ASSUMED)]
    told = [
        f"{name} {value:.12g}" for one in dials for name, value in sorted((one.pop("exploits") | one).items())
    ]
    assert hashlib.sha256("\n".join(told).encode()).hexdigest() == TRAINED_IN


@pytest.mark.parametrize(("ratio", "median"), [(False, 5.5), (True, 10**0.5)])
def test_a_span_is_filled_evenly_or_evenly_by_ratio(ratio: bool, median: float) -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([Span(1.0, 10.0, ratio).draw(rng) for _ in range(4000)])
    assert drawn.min() >= 1.0
    assert drawn.max() <= 10.0
    assert np.median(drawn) == pytest.approx(median, rel=0.05)
    assert (drawn < median).mean() == pytest.approx(0.5, abs=0.03)


def test_every_range_has_a_row_with_its_unit_and_why() -> None:
    table = ranges_in_words()
    assert len(table) == sum(map(len, USES.values()))
    assert not table.isin([""]).any(axis=None)
    assert (table["low"] < table["high"]).all()


def test_what_is_drawn_lies_in_the_ranges_that_are_told() -> None:
    rng = np.random.default_rng(1)
    purses = [draw_purse(rng) for _ in range(20)]
    drawn = {
        "C6c": [(one := assumed(number), one.exploits) for number in range(N_ASSUMED)],
        "C20": [(one,) for one in draw_assumptions(20, rng)],
        "C21a": [(draw_setting(rng),) for _ in range(20)],
        "C42": [(one.setting, one.costs) for one in purses],
    }
    for use, spans in USES.items():
        for name, span in spans.items():
            found = [getattr(part, name) for one in drawn[use[0]] for part in one if hasattr(part, name)]
            assert found or name == "licence_usd", name
            assert all(span.low <= value <= span.high for value in found), name
