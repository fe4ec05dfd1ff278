"""What studies share to compare methods in worlds: registries, named random streams, intervals in plots."""

from dataclasses import dataclass

import numpy as np
import pytest

from dti_core.lab.config import load_experiment
from dti_core.lab.data import DataCard
from dti_core.lab.errors import ConfigError
from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.methods import Method, left_out, trials
from dti_core.lab.record import Estimate
from dti_core.lab.say import intervals_in_words, listed, sign_of, signed
from tests.toy_project import build_toy_project

CARD = DataCard("toy", "Toy", "simulated", "Simulated data", "here", "none", 3, 1, "0" * 64, "none")


@pytest.fixture
def config(tmp_path, monkeypatch):
    build_toy_project(tmp_path)
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    return load_experiment("toy").resolve()


def test_a_stream_depends_on_seed_and_name_alone(config):
    first = config.stream("observed", "shuffle").normal(size=5)
    config.stream("another", "name")
    assert (config.stream("observed", "shuffle").normal(size=5) == first).all()
    others = [("observed",), ("shuffle", "observed"), ("observed", "shuffle", ""), ("observedshuffle",), ()]
    for names in others:
        assert not (config.stream(*names).normal(size=5) == first).any()
    assert not (config.replace(seed=2).stream("observed", "shuffle").normal(size=5) == first).any()


def test_a_stream_is_the_same_on_every_machine_and_in_every_version(config):
    """Words of `printf 'a\\0b' | sha256sum`, four bytes each."""
    words = (0x59B271AE, 0x1BBCB1D3, 0x1D419298, 0x17F4B16F)
    expected = np.random.default_rng(np.random.SeedSequence(1, spawn_key=words)).normal()
    assert config.stream("a", "b").normal() == expected


def test_parameters_are_typed_where_types_are_checked(config):
    @dataclass(frozen=True, slots=True)
    class Right:
        seed: int
        cost_bps: float
        n_draws: int
        behaviour: str
        data_path: str

    @dataclass(frozen=True, slots=True)
    class Wrong:
        seed: float
        cost_bps: float
        n_draws: int
        behaviour: str
        more: int

    assert config.typed(Right) == Right(1, 10.0, 50, "calm", "")
    with pytest.raises(ConfigError, match="Wrong and the experiment file differ in data_path, more, seed"):
        config.typed(Wrong)


def test_controls_are_no_trials_and_what_lacks_an_input_is_left_out():
    methods = {
        "ridge": Method("Ridge", len, needs=("prices",)),
        "foresight": Method("Perfect foresight", len, counts_as_trial=False),
        "news": Method("News", len, needs=("prices", "texts")),
    }
    assert trials(methods) == ("ridge", "news")
    assert left_out(methods, ["prices"]) == {"news": ("texts",)}


def one(value: float, low: float, high: float) -> Estimate:
    return Estimate("x", value, low, high, "unit", 3)


def test_words_say_what_the_interval_allows():
    assert signed(one(0.314, 0.1, 0.5)) == "+0.31 [+0.10, +0.50]"
    assert signed(one(-0.003, -0.01, 0.004), 1, scale=100) == "-0.3 [-1.0, +0.4]"
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none", "a", "a and b", "a, b and c",
    ]  # fmt: skip
    phrases = [sign_of(e, "more", "less", "open") for e in (one(1, 0.1, 2), one(-1, -2, -0.1), one(0, -1, 1))]
    assert phrases == ["more", "less", "open"]
    assert intervals_in_words("Gain", [("a", one(1, 0, 2))]) == (
        "Gain with 95 % intervals: a +1.0 [+0.0, +2.0]."
    )


def test_a_forest_shows_every_interval_and_the_smallest_effect():
    rows = [
        Row("ridge", one(1, 0.5, 1.5)),
        Row("lstm", one(2, 1, 3)),
        Row("none", one(0, -1, 1), control=True),
    ]
    figure = plot_forest(rows, what="Gain", smallest=0.3, title="It gains", x="gain", caption="c", card=CARD)
    assert [(t.x[0], t.error_x.arrayminus[0], t.error_x.array[0]) for t in figure.data] == [
        (1, 0.5, 0.5), (2, 1, 1), (0, 1, 1),
    ]  # fmt: skip
    assert [t.marker.symbol for t in figure.data] == ["circle", "circle", "circle-open"]
    assert list(figure.layout.yaxis.ticktext) == ["ridge", "lstm", "none"]
    assert {shape.x0 for shape in figure.layout.shapes} == {0, 0.3}
    assert "lstm +2.0 [+1.0, +3.0]" in figure.layout.meta["alt"]


def test_rows_of_one_label_stand_apart_and_are_named_in_the_legend():
    rows = [
        Row(label, one(k, k - 1, k + 1), series=null) for label in ("a", "b") for k, null in enumerate("xy")
    ]
    figure = plot_forest(rows, what="R2", scale=100, title="t", x="percent", caption="c", card=CARD)
    places = [trace.y[0] for trace in figure.data]
    assert len(set(places)) == 4
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]
    assert figure.data[1].x[0] == 100
    assert "a against x" in figure.layout.meta["alt"]
