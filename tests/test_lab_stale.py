"""A frozen chapter is fresh only while record, chapter, series, reference, manifest, pages and tree agree."""

import json
import os
import random
import re
import shutil
from pathlib import Path

import pytest
import yaml

from dti_core.book import stale as staleness
from dti_core.book.manifest import manifest_text
from dti_core.book.publish import accept, publish, refreeze
from dti_core.book.redraw import redraw
from dti_core.book.stale import stale, stale_pages
from dti_core.lab.data import ABSENT
from dti_core.lab.errors import BookError
from dti_core.lab.files import recover
from dti_core.lab.fingerprint import Numbers, numbers_changed
from dti_core.lab.running.history import read_record
from tests.sample_book import QUICK, RUN, SECOND, SLUG, seal_run

MUTATIONS = 2000 if os.environ.get("DTI_DEEP") else 200


@pytest.fixture(scope="module")
def published(sample_runs, tmp_path_factory):
    """A project with one frozen chapter, and the run it came from."""
    place = tmp_path_factory.mktemp("stale")
    home, results = Path(shutil.copytree(sample_runs / "home", place / "home")), place / "results"
    for path in (home / "book" / "studies").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    bring_run(sample_runs, results, RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_HOME", str(home))
        patch.setenv("DTI_RESULTS", str(results))
        publish(SLUG)
        assert stale(SLUG) == []
    return home, results


def bring_run(sample_runs: Path, results: Path, run: str) -> None:
    """Leave the sample's run of that name among the results, as if it had just ended."""
    shutil.copytree(sample_runs / "results" / SLUG / run, results / SLUG / run)


@pytest.fixture
def house(published, tmp_path, monkeypatch):
    """A fresh copy of that project which a test may spoil."""
    home, results = published
    shutil.copytree(home, tmp_path / "home")
    shutil.copytree(results, tmp_path / "results", dirs_exist_ok=True)
    monkeypatch.setenv("DTI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DTI_RESULTS", str(tmp_path / "results"))
    return tmp_path / "home"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def studies(house: Path) -> Path:
    return house / "book" / "studies"


def touch_register(house: Path) -> None:
    path = house / "experiments" / "claims.yaml"
    register = yaml.safe_load(path.read_text(encoding="utf-8"))
    register["claims"]["C28a"]["test"]["estimates"][0]["than"] = 9.0
    path.write_text(yaml.safe_dump(register, sort_keys=False), encoding="utf-8")


def add_table(house: Path) -> None:
    folder = house / "experiments" / "data" / SLUG
    folder.mkdir()
    (folder / "steps.csv").write_text("step\n1\n", encoding="utf-8")


NOTEBOOK, YAML = f"notebooks/{SLUG}.ipynb", f"experiments/{SLUG}.yaml"
TREE = {
    "numbers: notebook changed before its estimate":
        lambda h: edit(h / NOTEBOOK, "normal(config.drift, 1.0", "normal(config.drift, 2.0"),
    "telling: notebook changed": lambda h: edit(h / NOTEBOOK, "The mean step is", "The average step is"),
    "numbers: n_days 400 -> 500": lambda h: edit(h / YAML, "n_days: 400", "n_days: 500"),
    "numbers: data steps.csv added": add_table,
    "C28a is judged refuted today, the record says supported": touch_register,
}  # fmt: skip


@pytest.mark.parametrize("reason", TREE)
def test_a_change_of_the_tree_is_named(house, reason):
    assert stale(SLUG) == []
    TREE[reason](house)
    assert reason in stale(SLUG)


def test_another_version_of_a_package_is_named(house, monkeypatch):
    real = staleness.fingerprint_of

    def newer(config):
        found = real(config)
        packages = {**found.numbers.packages, "numpy": "9.9"}
        return found.model_copy(update={"numbers": found.numbers.model_copy(update={"packages": packages})})

    monkeypatch.setattr(staleness, "fingerprint_of", newer)
    assert any(re.fullmatch(r"numbers: numpy [\d.]+ -> 9\.9", reason) for reason in stale(SLUG))


def test_accepted_numbers_of_another_profile_that_are_of_other_code_are_named(house):
    file = house / "experiments" / "reference" / f"{SLUG}.json"
    reference = json.loads(file.read_bytes())
    reference["accepted"]["quick"] = reference["accepted"]["full"]
    numbers = staleness.fingerprint_of(staleness.load_experiment(SLUG).resolve("quick")).numbers
    for digest, found in ((staleness.maker(numbers), 0), ("0" * 64, 1)):
        reference["made_by"]["quick"] = digest
        file.write_text(json.dumps(reference), encoding="utf-8")
        assert (
            sum("accepted numbers of the quick profile are of other" in why for why in stale(SLUG)) == found
        )


def test_a_study_without_chapter_is_stale(house):
    assert stale("lstm_nowhere") == ["lstm_nowhere has no frozen chapter"]


FILES = (
    f"book/studies/{SLUG}.ipynb", f"book/studies/{SLUG}.result.json", "book/studies/manifest.json",
    f"experiments/reference/{SLUG}.json", f"book/studies/{SLUG}/series/walk.parquet",
)  # fmt: skip


def mutate(content: bytes, dice: random.Random) -> bytes:
    """One byte changed, added or taken away, a digit changed, or a tail cut off."""
    place = dice.randrange(len(content))
    digits = [spot for spot, byte in enumerate(content) if chr(byte).isdigit()]
    match dice.randrange(5):
        case 0:
            return content[:place] + bytes([content[place] ^ (1 << dice.randrange(8))]) + content[place + 1 :]
        case 1:
            return content[:place] + b" " + content[place:]
        case 2:
            return content[:place] + content[place + 1 :]
        case 3 if digits:
            spot = dice.choice(digits)
            other = dice.choice([d for d in b"0123456789" if d != content[spot]])
            return content[:spot] + bytes([other]) + content[spot + 1 :]
        case _:
            return content[:place]


def test_every_random_mutation_of_a_frozen_file_is_noticed(house, monkeypatch, record_property):
    record_property("mutations", MUTATIONS)
    fingerprint = staleness.fingerprint_of(staleness.load_experiment(SLUG).resolve("full"))
    monkeypatch.setattr(staleness, "fingerprint_of", lambda config: fingerprint)
    assert stale(SLUG) == []
    dice, missed = random.Random(20261125), []
    for number in range(MUTATIONS):
        path = house / dice.choice(FILES)
        before = path.read_bytes()
        after = mutate(before, dice)
        path.write_bytes(after)
        if after != before and not stale(SLUG):
            missed.append((number, path.name))
        path.write_bytes(before)
    assert missed == []
    assert stale(SLUG) == []


def hide(house: Path) -> None:
    """Make the manifest agree with whatever lies beside it, as a careful forger would."""
    (studies(house) / "manifest.json").write_text(manifest_text(), encoding="utf-8")


def forge_record(house: Path) -> None:
    path = studies(house) / f"{SLUG}.result.json"
    record = json.loads(path.read_text())
    record["estimates"][0]["value"] += 0.01
    path.write_text(json.dumps(record))


def forge_glue(house: Path) -> None:
    edit(
        studies(house) / f"{SLUG}.ipynb",
        'papermill.record/text/plain": "',
        'papermill.record/text/plain": "1',
    )


def forge_word(house: Path) -> None:
    for name in (f"{SLUG}.result.json", f"{SLUG}.ipynb"):
        path = studies(house) / name
        path.write_text(path.read_text().replace("supported", "refuted"))


def forge_reason(house: Path) -> None:
    for name in (f"{SLUG}.result.json", f"{SLUG}.ipynb"):
        path = studies(house) / name
        path.write_text(path.read_text().replace("the whole interval lies", "every interval lies"))


def forge_reference(house: Path) -> None:
    path = house / "experiments" / "reference" / f"{SLUG}.json"
    reference = json.loads(path.read_text())
    reference["accepted"]["full"]["mean_step"] += 0.001
    path.write_text(json.dumps(reference))


def forge_series(house: Path) -> None:
    path = studies(house) / SLUG / "series" / "walk.parquet"
    shutil.copy(path, path.with_name("other.parquet"))


@pytest.mark.parametrize(
    ("forge", "says"),
    [
        (forge_record, r"mean_step: the chapter says 0\.\d+, the record 0\.\d+"),
        (forge_record, r"mean_step: the reference accepts"),
        (forge_glue, r"the chapter says 1"),
        (forge_word, r"C28a is judged supported today, the record says refuted"),
        (forge_reason, r"C28a: supported for another reason today than in the record"),
        (forge_reference, r"mean_step: the reference accepts"),
        (forge_series, r"series/other\.parquet is not what the record says"),
    ],
)
def test_a_forgery_is_noticed_even_if_the_manifest_agrees(house, forge, says):
    forge(house)
    hide(house)
    assert any(re.search(says, reason) for reason in stale(SLUG)), stale(SLUG)


def test_a_generated_page_that_was_edited_is_noticed(house):
    assert stale_pages() == []
    edit(house / "book" / "status.md", "# Status", "# State")
    assert stale_pages() == ["book/status.md is not what the records and the register give"]


def test_a_tampered_run_is_not_published(house):
    path = house.parent / "results" / SLUG / RUN / "result.json"
    edit(path, '"unit": "step"', '"unit": "stride"')
    with pytest.raises(BookError, match="no finished full run"):
        publish(SLUG)
    with pytest.raises(BookError, match="no finished, undamaged run"):
        publish(SLUG, RUN)
    seal_run(path.parent)
    publish(SLUG)


def test_accepting_other_numbers_keeps_the_chapter_fresh(house, sample_runs):
    bring_run(sample_runs, house.parent / "results", QUICK)
    accept(SLUG, "quick")
    reference = json.loads((house / "experiments" / "reference" / f"{SLUG}.json").read_text())
    assert set(reference["accepted"]) == {"full", "quick"}
    assert stale(SLUG) == []


def frozen_files(house: Path) -> dict[str, bytes]:
    kept = (*FILES, "book/claims.md", "book/status.md", "book/_toc.yml")
    return {name: (house / name).read_bytes() for name in kept if (house / name).is_file()}


def test_a_publish_that_is_killed_anywhere_leaves_the_old_book_or_the_new(
    house, sample_runs, record_property
):
    """Record, manifest and pages move: another run, under another title, replaces the frozen one."""
    bring_run(sample_runs, house.parent / "results", SECOND)
    edit(house / YAML, "title: Does", "title: How does")
    old = frozen_files(house)
    steps = _publish_killed_at(house, 10**6)
    recover(house)
    new = frozen_files(house)
    assert {name for name in old if old[name] != new[name]} >= {FILES[1], FILES[2], "book/status.md"}
    every = max(1, steps // (steps if os.environ.get("DTI_DEEP") else 12))
    record_property("kill_points", len(range(1, steps + 1, every)))
    outcomes = set()
    for at in range(1, steps + 1, every):
        for name, content in old.items():
            (house / name).write_bytes(content)
        _publish_killed_at(house, at)
        recover(house)
        found = frozen_files(house)
        assert found in (old, new), f"torn at step {at} of {steps}"
        outcomes.add(found == new)
    assert outcomes == {True, False}


def _publish_killed_at(house: Path, at: int) -> int:
    """Publish in a child that dies at its step `at` of writing; how many steps there were."""
    from tests.test_lab_files import Faults

    tally = house.parent / "steps"
    child = os.fork()
    if child == 0:
        faults = Faults(pytest.MonkeyPatch(), at, lambda: os._exit(9))
        try:
            publish(SLUG)
            tally.write_text(str(faults.done))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return int(tally.read_text()) if tally.is_file() else 0


def test_redrawing_gives_the_frozen_chapter_and_says_what_differs(house):
    assert redraw(SLUG) == []
    edit(house / NOTEBOOK, "The walk follows its drift", "The walk keeps to its drift")
    (differs,) = redraw(SLUG)
    assert "import plotly" in differs


def test_what_tells_is_refrozen_without_estimating(house, monkeypatch):
    frozen = read_record(studies(house) / f"{SLUG}.result.json")
    edit(house / NOTEBOOK, "The mean step is", "The average step is")
    assert stale(SLUG) != []
    assert "The average step is" in refreeze(SLUG).read_text(encoding="utf-8")
    assert stale(SLUG) == []
    assert stale_pages() == []
    now = read_record(studies(house) / f"{SLUG}.result.json")
    assert (now.estimates, now.run, now.seconds, now.started) == (
        frozen.estimates, frozen.run, frozen.seconds, frozen.started,
    )  # fmt: skip
    assert now.provenance.fingerprint.numbers == frozen.provenance.fingerprint.numbers
    assert now.provenance.fingerprint.telling != frozen.provenance.fingerprint.telling


def test_changed_numbers_cannot_be_refrozen(house):
    edit(house / NOTEBOOK, "normal(config.drift, 1.0", "normal(config.drift, 2.0")
    before = frozen_files(house)
    with pytest.raises(BookError, match="a redraw cannot help, what makes the numbers has changed: notebook"):
        refreeze(SLUG)
    assert frozen_files(house) == before


def test_published_files_that_were_never_brought_here_make_nothing_stale() -> None:
    """A clone without them still holds the frozen numbers; another file than then does not."""

    def numbers(**data: str) -> Numbers:
        return Numbers(slug=SLUG, parameters={}, data=data, code={}, cells="", packages={})

    then = numbers(panel="1" * 64)
    assert numbers_changed(then, staleness.as_read(then, numbers(panel=ABSENT))) == []
    for now in (numbers(panel="2" * 64), numbers(panel="1" * 64, other=ABSENT)):
        assert numbers_changed(then, staleness.as_read(then, now))
    without = numbers(panel=ABSENT)
    assert numbers_changed(without, staleness.as_read(without, then)) == ["data panel changed"]
