"""What the pages of the tracking store show of a run and of its study: names, tags, few metrics, tables."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from dti_core.lab.config import load_experiment
from dti_core.lab.errors import ConfigError
from dti_core.lab.fingerprint import DATA_PATH
from dti_core.lab.paths import notebook_file
from dti_core.lab.record import OBSERVED, Estimate, Record
from dti_core.lab.running import runs
from dti_core.lab.running.verify import READS, really_read

_LONGEST_TAG, _LONGEST_NAME = 4000, 160
_DOZEN = 12
_GLUED = re.compile(r"\{glue:text\}`(\w+)[:`]")
_ESTIMATE = ("name", "world", "value", "low", "high", "unit", "n", "level", "how")


def describe(slug: str) -> dict[str, str]:
    """Tags of a study's experiment: it opens as classic machine learning, with a description."""
    tags = {"mlflow.experimentKind": "custom_model_development"}
    with suppress(ConfigError):
        study = load_experiment(slug)
        address, claim = f"http://127.0.0.1:8000/studies/{slug}.html", (study.claims or ("C1",))[0]
        tags["mlflow.note.content"] = (
            f"{study.title} {study.source}\n\n{study.question}\n\n{study.data}\n\n"
            f"[The chapter]({address}) opens while `dti book --serve` runs.\n\n"
            f"Metrics: what decides a claim, and what the chapter's prose prints. Among a run's artifacts: "
            f"a table of all estimates, and a page of figures and verdicts. "
            f"``tags.`claim.{claim}` = 'refuted'`` in the search box finds runs by verdict."
        )
    return tags


def run_name(state: runs.RunState) -> str:
    """Study, profile and whatever differs from that profile."""
    usual = state.parameters
    with suppress(ConfigError):
        profile = "quick" if state.profile == "custom" else state.profile
        usual = load_experiment(state.slug).resolve(profile).values
    moved = {name: value for name, value in state.parameters.items() if usual.get(name) != value}
    if DATA_PATH in moved:
        moved[DATA_PATH] = Path(str(moved[DATA_PATH])).name
    short = (
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in moved.items()
    )
    return " ".join([state.slug, state.profile, *short])[:_LONGEST_NAME]


def tags_of(state: runs.RunState, record: Record | None, folder: Path) -> dict[str, str]:
    """What a run is, where it came from, each verdict, and a dozen intervals as one reads them."""
    tags = {
        "dti.fingerprint": state.fingerprint.digest,
        "dti.numbers": state.fingerprint.numbers.digest,
        "dti.data_sha256": state.fingerprint.numbers.data_sha256,
        "dti.explanation": state.explanation[:_LONGEST_TAG],
        "dti.profile": state.profile,
        "dti.git_dirty": "unknown" if state.git_dirty is None else str(state.git_dirty).lower(),
        "mlflow.source.name": f"notebooks/{state.slug}.ipynb",
        "mlflow.source.type": "NOTEBOOK",
    }
    if state.git_commit:
        tags["mlflow.source.git.commit"] = state.git_commit
    if state.reason:
        tags["dti.reason"] = state.reason[:_LONGEST_TAG]
    if record:
        tags |= {f"claim.{one.claim}": one.verdict for one in record.claims}
        tags |= {interval_tag(one.name): one.text for one in headline(record, folder)[:_DOZEN]}
    return tags


def headline(record: Record, folder: Path) -> list[Estimate]:
    """Estimates that decide a claim, then those that the chapter's prose prints; never of a control world.

    A study that does neither shows its first dozen.
    """
    told = next(
        (file for file in (folder / runs.EXECUTED, notebook_file(record.slug)) if file.is_file()), None
    )
    deciding = [name for verdict in record.claims for name in verdict.estimates]
    names = [*deciding, *(_GLUED.findall(told.read_text(encoding="utf-8")) if told else [])]
    observed = {one.name: one for one in record.estimates if one.world == OBSERVED}
    found = [observed[name] for name in dict.fromkeys(names) if name in observed]
    return found or list(observed.values())[:_DOZEN]


def metrics_of(record: Record, folder: Path) -> dict[str, float]:
    """Value and interval of each headline estimate, a group each, and what the run took."""
    metrics: dict[str, float] = {}
    for one in headline(record, folder):
        metrics |= dict(zip(metric_names(one.name), (one.value, one.low, one.high), strict=True))
    took = {"system/seconds_behind_numbers": record.seconds, "system/cpu_seconds": record.cpu_seconds}
    return metrics | took


def metric_names(estimate: str) -> tuple[str, str, str]:
    """Names of an estimate's value and of the ends of its interval, as MLflow takes and groups them."""
    group = _allowed(estimate)
    return f"{group}/value", f"{group}/low", f"{group}/high"


def interval_tag(estimate: str) -> str:
    """Name of the tag with an estimate's value and interval."""
    return f"interval.{_allowed(estimate)}"


def _allowed(name: str) -> str:
    return re.sub(r"[^\w\-. ]", "_", name)


def table_of(record: Record) -> dict[str, list[Any]]:
    """The columns of the table of all estimates, control worlds included."""
    return {name: [getattr(one, name) for one in record.estimates] for name in _ESTIMATE}


def data_of(state: runs.RunState, record: Record | None, folder: Path) -> dict[str, dict[str, str]]:
    """Each data set that the run read, the studied one first: its whole sha256 and where it comes from."""
    read = dict(really_read(folder / READS)) or dict(state.fingerprint.numbers.data)
    found = {name: {"sha256": sha256} for name, sha256 in read.items()}
    if record:
        card = record.data
        about = {"sha256": card.sha256, "source": card.source, "origin": card.origin, "licence": card.licence}
        found = {card.name: about} | {name: about for name, about in found.items() if name != card.name}
    return found
