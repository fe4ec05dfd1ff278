"""The saved view with which `dti ui` opens a study: the verdicts and the headline intervals of its runs.

MLflow keeps the named views of an experiment as tags; the address of one opens it.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from dti_core.lab.config import list_slugs
from dti_core.lab.paths import study_results
from dti_core.lab.record import Record
from dti_core.lab.running import track
from dti_core.lab.running.history import latest_run
from dti_core.lab.running.shown import headline, metric_names

_KEY, _NAME = "verdicts", "Verdicts and headline intervals"
#: Columns that MLflow always shows: the box to tick, and what a run is called and when it was made.
_FIRST = ("0", "attributes.`Run Name`", "runDateAndNestInfo")


def save_views() -> Iterator[tuple[str, str]]:
    """Save the view of each study that has a finished run; its slug and the address below the server's."""
    for slug in list_slugs():
        if record := latest_run(slug):
            view = {f"mlflow.sharedViewState.{_KEY}": saved_view(record)}
            place = f"#/experiments/{track.tag_experiment(slug, view)}/runs"
            yield slug, f"{place}?viewStateShareKey={_KEY}&workflowType=machine_learning"


def saved_view(record: Record) -> str:
    """A tag's text: columns of the runs' table, the newest finished runs first, and a chart an estimate."""
    when = int(record.started.timestamp() * 1000)
    names = [metric_names(one.name) for one in headline(record, study_results(record.slug) / record.run)]
    claims = [f"tags.`claim.{verdict.claim}`" for verdict in record.claims]
    columns = [*claims, *(f"metrics.`{name}`" for three in names for name in three), "attributes.`Dataset`"]
    state = {
        "searchFilter": "attributes.status = 'FINISHED'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [*_FIRST, *columns, "duration"],
        "columnWidths": {"attributes.`Run Name`": 300} | dict.fromkeys(claims, 120),
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


def _charts(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Value and ends of an interval in one chart; those that MLflow would draw of each alone are left out."""
    section = names[0].rpartition("/")[0]
    for name in names:
        chart = {"type": "BAR", "uuid": name, "metricSectionId": section, "metricKey": name}
        whole = {"selectedMetricKeys": list(names), "displayName": f"{section}: value and interval"}
        yield chart | {"runsCountToCompare": 10} | (whole if name == names[0] else {"deleted": True})
