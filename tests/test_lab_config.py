"""The same judgement for a notebook, the command line and a Python caller."""

import os
import pickle
import subprocess
import sys

import pytest

from dti_core.lab.config import Experiment, load_config, load_experiment
from dti_core.lab.errors import ConfigError

PARAMETERS = {
    "n_epochs": {"type": "int", "default": 5, "min": 1, "max": 100, "unit": "passes over the data"},
    "cost_bps": {
        "type": "float",
        "default": 10.0,
        "min": 0,
        "max": 500,
        "unit": "basis points per traded dollar",
    },
    "universe": {"type": "choice", "default": "a", "allowed": ["a", "b"], "unit": "price table"},
    "strict": {"type": "bool", "default": False, "unit": "refuse gaps"},
    "seed": {"type": "int", "default": 7, "min": 0, "unit": "root of all randomness"},
}
FILE = {
    "slug": "toy", "title": "Toy", "source": "[6]", "question": "Does it?", "kind": "calibration",
    "data": "none", "parameters": PARAMETERS,
    "profiles": {
        "smoke": {"budget_seconds": 1, "changes": {"n_epochs": 1}},
        "quick": {"budget_seconds": 2},
        "full": {"budget_seconds": 3, "changes": {"n_epochs": 50}},
    },
    "sweep": {"cost_bps": [0.0, 25.0]},
}  # fmt: skip


@pytest.fixture
def toy(tmp_path, monkeypatch):
    import yaml

    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "toy.yaml").write_text(yaml.safe_dump(FILE))
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    return load_experiment("toy")


def test_misspelt_parameter_names_the_nearest(toy):
    with pytest.raises(
        ConfigError, match=r"toy: unknown parameter 'n_epoch'. Did you mean 'n_epochs' \(passes over"
    ):
        load_config("toy", {"n_epoch": 3})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("n_epochs", 2.5, "whole number from 1 to 100"),
        ("n_epochs", True, "whole number from 1 to 100"),
        ("n_epochs", 0, "whole number from 1 to 100"),
        ("cost_bps", "ten", "number from 0 to 500"),
        ("cost_bps", float("nan"), "number from 0 to 500"),
        ("universe", "c", "a | b"),
        ("strict", 1, "True or False"),
        ("seed", None, "whole number"),
        ("seed", [1], "whole number"),
        ("cost_bps", float("inf"), "number from 0 to 500"),
    ],
)
def test_wrong_values_name_what_is_allowed(toy, name, value, allowed):
    with pytest.raises(ConfigError) as caught:
        toy.resolve("quick", {name: value})
    assert f"{name} = {value!r}" in str(caught.value)
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("name", "digits", "shown"),
    [
        ("seed", 400, r"10{39}\.\.\. \(401 characters\)"),
        ("seed", 5000, "a number of thousands of digits"),
        ("cost_bps", 400, r"10{39}\.\.\. \(401 characters\)"),
        ("cost_bps", 5000, "a number of thousands of digits"),
    ],
)
def test_a_huge_number_is_refused_without_being_repeated(toy, name, digits, shown):
    with pytest.raises(ConfigError, match=f"{name} = {shown} is not allowed") as caught:
        toy.resolve("quick", {name: 10**digits})
    assert len(str(caught.value)) < 300


def test_notebook_globals_that_are_no_parameters_are_left_alone(toy):
    namespace = {
        "pytest": pytest,
        "load_config": load_config,
        "_i": "text",
        "In": [],
        "Out": {},
        "cost_bps": 20,
    }
    assert load_config("toy", namespace).cost_bps == 20.0


def test_profile_is_known_by_its_sizes_alone(toy):
    assert toy.resolve("full").profile == "full"
    assert toy.resolve("full", {"cost_bps": 0.0}).profile == "full"
    assert toy.resolve("full", {"n_epochs": 49}).profile == "custom"
    assert toy.resolve("quick", {"n_epochs": 1}).profile == "smoke"


@pytest.mark.parametrize(
    ("name", "text", "value"), [("n_epochs", "8", 8), ("cost_bps", "2.5", 2.5), ("strict", "true", True)]
)
def test_command_line_texts_are_read_by_type(toy, name, text, value):
    assert toy.parameter(name).parse("toy", name, text) == value


def test_command_line_text_of_the_wrong_type_is_refused(toy):
    with pytest.raises(ConfigError, match="n_epochs = 'many' is not allowed"):
        toy.parameter("n_epochs").parse("toy", "n_epochs", "many")


def test_config_is_fixed_and_travels_to_workers(toy):
    config = toy.resolve("smoke")
    with pytest.raises(AttributeError):
        config.cost_bps = 3.0
    assert dict(pickle.loads(pickle.dumps(config)).values) == dict(config.values)
    assert config.replace(cost_bps=1.0).cost_bps == 1.0
    with pytest.raises(ConfigError):
        config.replace(cost_bps=-1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": {"x": {"type": "int", "default": 1, "unit": "", "maximum": 3}}}, "maximum"),
        ({"sweep": {"cost_bp": [1.0]}}, "Did you mean 'cost_bps'"),
        ({"sweep": {"cost_bps": [-1.0]}}, "cost_bps = -1.0"),
        ({"profiles": {"smoke": {"budget_seconds": 1}}}, "lacks quick, full"),
        ({"profile": {}}, "profile"),
    ],
)
def test_experiment_files_refuse_what_they_do_not_know(change, words):
    with pytest.raises((ValueError, ConfigError), match=words):
        Experiment.model_validate(FILE | change)


def test_unknown_study_names_the_nearest(toy):
    with pytest.raises(ConfigError, match="Did you mean 'toy'"):
        load_experiment("toi")


def test_a_parameter_moves_the_sample_unless_its_file_says_otherwise(toy):
    assert not toy.parameter("cost_bps").keeps_sample
    knob = PARAMETERS["cost_bps"] | {"keeps_sample": True}
    assert Experiment.model_validate(FILE | {"parameters": PARAMETERS | {"cost_bps": knob}})


@pytest.mark.parametrize("first", ["numpy, torch", "numpy", "os"])
def test_a_notebooks_config_leaves_one_thread_to_each_library(toy, first):
    """Whether libraries were loaded before, with two threads, or come later."""
    code = (
        f"import {first}\n"
        "from dti_core.lab.config import load_config\nload_config('toy', {})\n"
        "import numpy, torch, threadpoolctl\n"
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()}, torch.get_num_threads())"
    )
    two = {f"{name}_NUM_THREADS": "2" for name in ("OMP", "MKL", "OPENBLAS")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | two
    )
    assert done.stdout == "{1} 1\n"
