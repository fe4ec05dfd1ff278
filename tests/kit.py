"""What every study must pass: its smallest sizes, and a run of it in this process or in another surrounding.

A new study is held to the kit by its experiment file alone; sizes are wanted only where its smoke profile is
too large for a test.
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from dti_core.lab.config import Config, load_experiment
from dti_core.lab.data import DATA_ROOT, data_root
from dti_core.lab.parallel import CORES, THREADED
from dti_core.lab.record import Result
from dti_core.lab.running import inputs
from dti_core.lab.running.cache import data_hashes

ROOT = Path(__file__).resolve().parents[1]
#: The smallest sizes at which every method of a study still runs, on top of its smoke profile; some are below
#: what a user may ask for, where so little would decide nothing. The seed of patch_planning is one whose
#: integer programs close soon: with others the same estimates take up to half as long again.
SIZES: dict[str, dict[str, Any]] = {
    "lstm_portfolio": {"n_folds": 1, "refit_months": 6, "n_seeds": 2, "n_steps": 3, "hidden": 4,
                       "control_folds": 1, "n_resamples": 100},
    "esg_constraint": {"n_draws": 4, "n_power_draws": 4, "n_resamples": 19},
    "patch_planning": {"n_small": 4, "n_large": 2, "n_exact": 4, "n_draws": 2, "n_sets": 2, "n_policies": 1,
                       "n_resamples": 19, "largest": 10, "seed": 6},
    "spillover": {"n_networks": 4, "n_draws": 4, "n_instances": 4, "n_steps": 10},
    "vuln_priority": {"n_resamples": 19, "n_sets": 4, "n_controls": 2, "n_control_sets": 2, "n_draws": 2},
    "closed_loop": {"n_draws": 200, "n_controls": 4, "n_permutations": 1, "n_firms": 22, "n_quarters": 8},
}  # fmt: skip
ESTIMATE = """\
import importlib, json, sys
from dataclasses import asdict
from dti_core.lab.config import Config, load_config
found = {}
for slug, values in json.loads(sys.argv[1]).items():
    room = lambda name: importlib.import_module(f"dti_core.studies.{slug}.{name}")
    config = Config(load_config(slug, {}).experiment, values)
    result = room("estimate").estimate(config, *room("data").load(config))
    found[slug] = {one.key: asdict(one) for one in result.estimates}
print(json.dumps(found))"""


def tiny_config(slug: str) -> Config:
    """Parameters of the tiny run of a study."""
    smoke = load_experiment(slug).resolve("smoke")
    return Config(smoke.experiment, {**smoke.values, **SIZES.get(slug, {})})


def room(slug: str, word: str) -> ModuleType:
    """One of the seven words of a study."""
    return importlib.import_module(f"dti_core.studies.{slug}.{word}")


def planned_inputs(slug: str) -> dict[str, str]:
    """What a run of a study without parameters plans to read, with hashes: its frozen files."""
    config = SimpleNamespace(slug=slug, values={}, experiment=None)
    return data_hashes(config, inputs.live())


def tiny_run(slug: str) -> Result:
    """The study at its smallest, in this process."""
    config = tiny_config(slug)
    return room(slug, "estimate").estimate(config, *room(slug, "data").load(config))


def surroundings(threads: int, cores: int, hash_seed: int, home: Path = ROOT) -> dict[str, str]:
    """Variables of a process that may use so many threads and cores; everything else is as here."""
    told = {f"{name}_NUM_THREADS": str(threads) for name in THREADED}
    told |= {CORES: str(cores), "PYTHONHASHSEED": str(hash_seed), "DTI_HOME": str(home)}
    return os.environ | told | {DATA_ROOT: str(data_root())}


def copy_of_the_project(place: Path) -> Path:
    """What runs need of the project, in a folder whose name asks for quoting."""
    home = place / "ä copy #2"
    for name in ("experiments", "notebooks"):
        shutil.copytree(ROOT / name, home / name)
    frozen = Path("book") / "studies"
    shutil.copytree(ROOT / frozen, home / frozen, ignore=shutil.ignore_patterns("*.ipynb", "*.svg", "*.csv"))
    shutil.copy(ROOT / "requirements.lock", home)
    return home


def estimates_apart(slugs: Iterable[str], where: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Estimates of tiny runs by study and key, as one other process finds them, working in `where`."""
    told = {slug: dict(tiny_config(slug).values) for slug in slugs}
    command = [sys.executable, "-c", ESTIMATE, json.dumps(told)]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def differing(first: Mapping[str, object], second: Mapping[str, object]) -> list[str]:
    """Keys of estimates that are not the same in every part."""
    return [key for key in {**first, **second} if first.get(key) != second.get(key)]


def plots(slug: str) -> Iterator[tuple[str, Any]]:
    """Each figure of a study: its name and the function that draws it from a Result."""
    ours = f"dti_core.studies.{slug}."
    for name, found in vars(room(slug, "figures")).items():
        if name.startswith("plot_") and found.__module__.startswith(ours):
            yield name, found
