"""A part more runs alone; whatever else made the others makes them again."""

from pathlib import Path

import pytest

from dti_core.lab import parts as room
from dti_core.lab.parts import run_parts
from dti_core.lab.pieces import KEPT

RAN: list[float] = []


def double(part: dict[str, float]) -> float:
    RAN.append(part["value"])
    return 2 * part["value"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run parts under a digest of numbers of this name; what of it really ran."""
    monkeypatch.setenv("DTI_CORES", "1")

    def run_under(digest: str, *values: float, **options: object) -> tuple[list[float], list[float]]:
        monkeypatch.setenv(KEPT, str(tmp_path / digest))
        RAN.clear()
        found = run_parts(double, {f"p{v:g}": {"value": v} for v in values}, "parts", **options)
        return list(found.values()), list(RAN)

    return run_under


def test_a_part_more_runs_alone_though_the_numbers_of_the_study_have_another_digest(run):
    assert run("before", 1.0, 2.0) == ([2.0, 4.0], [1.0, 2.0])
    assert run("after", 3.0, 1.0, 2.0) == ([6.0, 2.0, 4.0], [3.0])
    assert run("after", 2.0) == ([4.0], [])


def test_another_content_of_a_part_is_another_part(run):
    run("one", 1.0)
    assert run("one", 1.5) == ([3.0], [1.5])


@pytest.mark.parametrize("what", ["meanings", "packages", "data"])
def test_code_packages_and_data_make_all_parts_again(run, monkeypatch, what):
    run("one", 1.0, 2.0)
    match what:
        case "meanings":
            monkeypatch.setattr(room.Code, "meanings", lambda self, modules: {"changed": "now"})
        case "packages":
            monkeypatch.setattr(room, "package_versions", lambda names: {"numpy": "9.9"})
    assert run("one", 1.0, 2.0, **({"reads": ["grunfeld"]} if what == "data" else {}))[1] == [1.0, 2.0]


def test_a_damaged_part_is_made_again_and_alone(run, tmp_path):
    run("one", 1.0, 2.0)
    file = sorted((tmp_path / "parts").iterdir())[0]
    file.write_bytes(file.read_bytes()[:-3])
    assert len(run("two", 1.0, 2.0)[1]) == 1
    assert run("three", 1.0, 2.0)[1] == []


def test_without_a_store_all_parts_run(run, monkeypatch):
    monkeypatch.delenv(KEPT, raising=False)
    RAN.clear()
    assert run_parts(double, {"a": {"value": 1.0}}, "parts") == {"a": 2.0}
    assert RAN == [1.0]
