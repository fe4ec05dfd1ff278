"""The saved view with which `dti ui` opens a study: the verdicts and the headline intervals of its runs.

MLflow keeps the named views of an experiment as tags; the address of one opens it.
"""

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

from dti_core.lab.config import list_slugs
from dti_core.lab.paths import study_results
from dti_core.lab.record import Record
from dti_core.lab.running import track
from dti_core.lab.running.history import latest_run
from dti_core.lab.running.shown import headline, interval_tag, metric_names

#: Part of an address: without it MLflow shows its pages for language models, whatever the experiment is.
CLASSIC = "workflowType=machine_learning"
_KEY, _NAME = "verdicts", "Verdicts and headline intervals"
#: Columns that MLflow always shows: the box to tick, and what a run is called and when it was made.
_FIRST = ("0", "attributes.`Run Name`", "runDateAndNestInfo")


def save_views() -> Iterator[tuple[str, str]]:
    """Save the view of each study that has a finished run; its slug and the address below the server's."""
    for slug in list_slugs():
        if record := latest_run(slug):
            view = {f"mlflow.sharedViewState.{_KEY}": saved_view(record)}
            place = f"#/experiments/{track.tag_experiment(slug, view)}/runs"
            yield slug, f"{place}?viewStateShareKey={_KEY}&{CLASSIC}"


def saved_view(record: Record) -> str:
    """A tag's text: columns of the runs' table, the newest finished runs first, and a chart an estimate."""
    when = int(record.started.timestamp() * 1000)
    estimates = [one.name for one in headline(record, study_results(record.slug) / record.run)]
    claims = [f"tags.`claim.{verdict.claim}`" for verdict in record.claims]
    intervals = [f"tags.`{interval_tag(name)}`" for name in estimates]
    names = [metric_names(name) for name in estimates]
    columns = [*claims, *intervals, "attributes.`Dataset`"]
    state = {
        "searchFilter": "attributes.status = 'FINISHED'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [*_FIRST, *columns, "duration"],
        "columnWidths": {_FIRST[1]: 260} | dict.fromkeys(claims, 105) | dict.fromkeys(intervals, 230),
        "compareRunCharts": [chart for three in names for chart in _charts(three)],
        "compareRunSections": [_section(three[0].rpartition("/")[0]) for three in names],
        "isAccordionReordered": True,
    }
    packed = f"deflate;{base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()}"
    return json.dumps({"name": _NAME, "createdAt": when, "updatedAt": when, "state": packed})


def _section(name: str) -> dict[str, Any]:
    return {
        "uuid": name,
        "name": name,
        "display": True,
        "isReordered": False,
        "columns": 1,
        "cardHeight": 300,
    }


def _charts(names: tuple[str, str, str]) -> Iterator[dict[str, Any]]:
    """Value and ends of an interval in one chart; those that MLflow would draw of each alone are left out."""
    value, low, high = names
    whole = {"selectedMetricKeys": [low, value, high], "runsCountToCompare": 10}
    for name in names:
        chart = {"type": "BAR", "uuid": name, "metricSectionId": value.rpartition("/")[0], "metricKey": name}
        yield chart | (whole if name == value else {"deleted": True})
