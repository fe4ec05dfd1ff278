"""A finished run is reused if and only if nothing that decides its numbers has changed, and says what did."""

import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from dti_core.lab.data import DataCard
from dti_core.lab.kept import save_result
from dti_core.lab.record import Estimate, Result
from dti_core.lab.running.cache import (
    REUSED,
    expected_seconds,
    explain,
    find_reusable,
    fingerprint_of,
    kept_store,
)
from dti_core.lab.running.provenance import collect_provenance, git_state
from dti_core.lab.running.runner import run_all
from dti_core.lab.running.runs import (
    RUN_DIR,
    RunPlan,
    RunState,
    begin_run,
    finished_states,
    seal,
)
from tests.toy_project import build_toy_project, edit_cell, toy_plan
from tests.toy_runs import dead_batch

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    return build_toy_project(tmp_path)


def keep_run(plan: RunPlan, *, minutes: int = 0, seconds: float = 0.0, status: str = "finished") -> Path:
    """Leave the files of a run, without running it."""
    first = RunState(
        slug=plan.slug, profile=plan.config.profile,
        started=NOON + timedelta(minutes=minutes), parameters=dict(plan.config.values),
        fingerprint=fingerprint_of(plan.config),
    )  # fmt: skip
    folder, state = begin_run(dead_batch(), first)
    state = state.model_copy(update={"status": status, "seconds": seconds})
    if status == "finished":
        (folder / "result.json").write_text("{}")
        (folder / "executed.ipynb").write_text("{}")
        state = seal(folder, state)
    state.save(folder)
    return folder


def why(plan: RunPlan) -> str:
    return explain(fingerprint_of(plan.config))


def test_first_run(home):
    assert why(toy_plan()) == "rerun: first run"


def test_unchanged_run_is_reused(home):
    folder = keep_run(toy_plan())
    assert find_reusable(fingerprint_of(toy_plan().config)) == folder
    assert why(toy_plan()) == REUSED == "reused: nothing changed"
    [outcome] = run_all([toy_plan()])
    assert (outcome.status, outcome.folder, outcome.explanation) == ("reused", folder, REUSED)


def test_force_repeats(home):
    keep_run(toy_plan())
    assert explain(fingerprint_of(toy_plan().config), forced=True) == "rerun: forced"


@pytest.mark.parametrize("left_out", ["result.json", "executed.ipynb", "run.json"])
def test_incomplete_run_is_not_reused(home, left_out):
    (keep_run(toy_plan()) / left_out).unlink()
    assert why(toy_plan()) == "rerun: first run"


@pytest.mark.parametrize("status", ["failed", "killed", "running"])
def test_run_that_did_not_finish_is_not_reused(home, status):
    folder = keep_run(toy_plan(), status=status)
    (folder / "result.json").write_text("{}")
    (folder / "executed.ipynb").write_text("{}")
    assert why(toy_plan()) == "rerun: first run"


def test_changed_parameters_are_named(home):
    keep_run(toy_plan())
    assert why(toy_plan(cost_bps=5)) == "rerun: cost_bps 10 -> 5"
    assert why(toy_plan(profile="full", seed=2)) == "rerun: seed 1 -> 2, n_draws 5 -> 500"
    assert why(toy_plan(cost_bps=0.5)) == "rerun: cost_bps 10 -> 0.5"


def test_added_and_removed_parameters_are_named(home):
    keep_run(toy_plan())
    path = home / "experiments" / "toy.yaml"
    experiment = yaml.safe_load(path.read_text())
    experiment["parameters"]["window"] = {"type": "int", "default": 3, "unit": "days"}
    del experiment["parameters"]["cost_bps"]
    path.write_text(yaml.safe_dump(experiment, sort_keys=False))
    assert why(toy_plan()) == "rerun: parameter window added, parameter cost_bps removed"


def test_notebook_counts_by_its_code(home):
    keep_run(toy_plan())
    edit_cell(home, "import numpy as np", "import numpy as np  # arrays")
    assert why(toy_plan()) == "rerun: the kept numbers are gone", "prose and comments are told, not computed"
    edit_cell(home, "2 * np.std", "3 * np.std")
    assert why(toy_plan()) == "rerun: notebook changed before its estimate"


def test_other_versions_of_packages_count(home, monkeypatch):
    keep_run(toy_plan())
    monkeypatch.setattr("dti_core.lab.running.cache.package_versions", lambda names: {"numpy": "9"})
    assert "numpy 2." in why(toy_plan())
    assert " -> 9" in why(toy_plan())


def test_numbers_that_are_kept_are_redrawn_not_estimated(home):
    keep_run(toy_plan())
    edit_cell(home, "# Does the toy work?", "# Does the toy still work?")
    store = kept_store(fingerprint_of(toy_plan().config).numbers)
    card = DataCard("toy", "Toy", "simulated", "Simulated", "Here.", "none", 1, 1, "0", "Toy.")
    save_result(store, Result(toy_plan().config, card, (Estimate("mean", 0, 0, 0, "1", 3),)))
    assert why(toy_plan()) == "redrawn: notebook changed"
    assert why(toy_plan(seed=9)) == "rerun: seed 1 -> 9"


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("result.json", "{ }", "result.json changed"),
        ("executed.ipynb", "garbage", "executed.ipynb changed"),
        ("result/series/new.parquet", "x", "result/series/new.parquet is new"),
        ("run.json", None, "run.json was edited"),
    ],
)
def test_a_damaged_run_is_set_aside_with_a_message(home, name, change, says):
    folder = keep_run(toy_plan())
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if change is None:
        change = path.read_text().replace('"seconds": 0.0', '"seconds": 1.0')
        assert change != path.read_text()
    path.write_text(change)
    said: list[str] = []
    assert find_reusable(fingerprint_of(toy_plan().config), said.append) is None
    assert len(said) == 1
    assert says in said[0]
    assert not folder.exists()
    assert says in next(Path(said[0].rsplit(" ", 1)[1]).glob("damage.txt")).read_text()
    assert why(toy_plan()) == "rerun: first run"


def edit_register(home: Path, change: Callable[[dict], None]) -> None:
    path = home / "experiments" / "claims.yaml"
    register = yaml.safe_load(path.read_text().replace("verified_ads", "toy"))
    change(register["claims"])
    path.write_text(yaml.safe_dump(register, sort_keys=False))


def bind_to_toy(claims: dict) -> None:
    bar = {"estimate": "mean", "label": "Mean", "direction": "greater", "than": 0.0, "smallest_effect": 0.1}
    control = {"world": "permuted_returns", "must_not_be": "supported"}
    claims["C28a"]["test"] = {
        "study": "toy", "grade": "observed", "reading": "Above zero.", "why": "Visible.", "estimates": [bar],
        "control": control,
    }  # fmt: skip


def reword(claims: dict) -> None:
    claims["C28a"]["says"] = "Something else."
    claims["C28a"]["test"] |= {"reading": "Above nought.", "why": "It can be seen."}
    claims["C28a"]["test"]["estimates"][0]["label"] = "Average"


def raise_bar(claims: dict) -> None:
    claims["C28a"]["test"]["estimates"][0]["smallest_effect"] = 0.2


def turn_bar(claims: dict) -> None:
    claims["C28a"]["test"]["estimates"][0]["direction"] = "less"


def swap_control(claims: dict) -> None:
    claims["C28a"]["test"]["control"]["world"] = "noise"


def plant_effect(claims: dict) -> None:
    claims["C28a"]["test"]["positive_control"] = {"world": "planted", "must_be": "supported"}


def unbind(claims: dict) -> None:
    del claims["C28a"]["test"]


@pytest.mark.parametrize("change", [reword, raise_bar, turn_bar, swap_control, plant_effect, unbind])
def test_what_is_said_of_a_bound_claim_is_told_anew_with_the_same_numbers(home, change):
    edit_register(home, bind_to_toy)
    keep_run(toy_plan())
    before = fingerprint_of(toy_plan().config)
    edit_register(home, change)
    after = fingerprint_of(toy_plan().config)
    assert after.numbers == before.numbers
    assert after.telling.claims != before.telling.claims
    assert why(toy_plan()) != REUSED


def test_claims_of_other_studies_do_not_count(home):
    edit_register(home, bind_to_toy)
    keep_run(toy_plan())

    def raise_others(claims: dict) -> None:
        bound = [
            claim["test"] for claim in claims.values() if claim.get("test", {}).get("study", "toy") != "toy"
        ]
        assert bound
        for test in bound:
            test["estimates"][0]["smallest_effect"] = 99.0

    edit_register(home, raise_others)
    assert why(toy_plan()) == REUSED


def test_project_without_a_register_runs(home):
    (home / "experiments" / "claims.yaml").unlink()
    assert fingerprint_of(toy_plan().config).telling.claims == ""


def test_user_data_count_by_content_not_by_place(home):
    one, two = home / "one.csv", home / "two.csv"
    one.write_text("1 2")
    two.write_text("1 2")
    keep_run(toy_plan(data_path=str(one)))
    assert why(toy_plan(data_path=str(two))) == REUSED
    one.write_text("1 3")
    assert why(toy_plan(data_path=str(one))) == "rerun: data data_path changed"
    assert why(toy_plan()) == "rerun: data data_path removed"


def test_packaged_data_count_when_a_parameter_names_them(home):
    registry = {
        "calm": dict.fromkeys(("title", "package", "version", "module", "licence", "badge"), "x")
        | {"caveat": "x", "rows": 1, "columns": 1, "files": {"x": {"sha256": "a" * 64}}}
    }
    path = home / "experiments" / "data" / "packaged.yaml"
    path.write_text(yaml.safe_dump(registry))
    assert fingerprint_of(toy_plan(behaviour="calm").config).numbers.data == {"calm": "a" * 64}
    assert fingerprint_of(toy_plan(behaviour="fail").config).numbers.data == {}
    keep_run(toy_plan())
    registry["calm"]["files"]["x"]["sha256"] = "b" * 64
    path.write_text(yaml.safe_dump(registry))
    assert why(toy_plan()) == "rerun: data calm changed"


def test_frozen_data_count(home):
    folder = home / "experiments" / "data" / "toy"
    folder.mkdir()
    (folder / "panel.csv").write_text("a,b\n")
    (folder / "README.md").write_text("card")
    assert list(fingerprint_of(toy_plan().config).numbers.data) == ["panel.csv"]


def test_expected_seconds_is_the_last_run_of_the_profile_else_its_budget(home):
    assert expected_seconds(toy_plan(profile="smoke")) == 5
    assert expected_seconds(toy_plan(profile="full")) == 60
    assert expected_seconds(toy_plan(n_draws=77)) == 17
    keep_run(toy_plan(profile="smoke"), seconds=8.0)
    keep_run(toy_plan(profile="smoke", cost_bps=1), minutes=1, seconds=9.0)
    assert expected_seconds(toy_plan(profile="smoke")) == 9.0
    assert expected_seconds(toy_plan(profile="full")) == 60


def test_run_names_say_when_and_what_and_never_repeat(home):
    digest = fingerprint_of(toy_plan().config).digest[:8]
    names = [keep_run(toy_plan()).name for _ in range(3)]
    assert names == [f"20260101-120000-{digest}{end}" for end in ("", "-2", "-3")]


def test_latest_run_comes_first(home):
    """By the order in which they began: a clock that once stood in 2099 makes no run the newest for ever."""
    for minutes in (10**7, 0, 1):
        keep_run(toy_plan(cost_bps=minutes % 500), minutes=minutes)
    assert [state.parameters["cost_bps"] for _, state in finished_states("toy")] == [1, 0, 0]


def test_provenance_outside_git_has_no_commit(home):
    state = git_state()
    assert (state.commit, state.dirty) == (None, None)


def test_provenance_tells_a_dirty_tree(home):
    def git(*words: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(["git", *who, *words], cwd=home, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init")
    git("add", ".")
    git("commit", "-m", "toy")
    assert (git_state().commit, git_state().dirty) == (git("rev-parse", "HEAD"), False)
    (home / "experiments" / "reference").mkdir()
    (home / "experiments" / "reference" / "toy.json").write_text("{}")
    assert git_state().dirty is False
    edit_cell(home, "calm", "still")
    assert git_state().dirty is True


def test_provenance_is_of_the_launch_and_names_no_place(home, monkeypatch):
    """A file edited while the notebook runs must not pass for the one that was executed."""
    folder = keep_run(toy_plan(), status="running")
    launched = fingerprint_of(toy_plan().config)
    edit_cell(home, "2 * np.std", "3 * np.std")
    monkeypatch.setenv(RUN_DIR, str(folder))
    provenance = collect_provenance(toy_plan().config)
    assert provenance.fingerprint == launched != fingerprint_of(toy_plan().config)
    assert {"numpy", "pandas", "pydantic"} <= set(provenance.fingerprint.numbers.packages)
    assert "/" not in provenance.machine


def test_reuse_is_fast_and_imports_nothing_heavy(home):
    keep_run(toy_plan())
    code = (
        "import sys; from dti_core.lab.running.runner import run_all\n"
        "from tests.toy_project import toy_plan\n"
        "[outcome] = run_all([toy_plan()]); print(outcome.explanation)\n"
        "print(sorted({'torch', 'mlflow', 'papermill', 'distributed', 'dask', 'plotly'} & set(sys.modules)))"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.stdout.splitlines() == [REUSED, "[]"]
    assert seconds < 4  # of the processor: half of it when the machine is ours alone
