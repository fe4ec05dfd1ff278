"""What becomes of a sweep: its runs side by side, as a table and as a figure for each headline estimate."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go

from dti_core.lab.files import write
from dti_core.lab.paths import study_results
from dti_core.lab.record import Estimate, Record
from dti_core.lab.running import runs, track
from dti_core.lab.running.figure_page import PLOTLY_MIME, write_page
from dti_core.lab.running.history import read_record
from dti_core.lab.running.runs import Outcome, RunPlan
from dti_core.lab.running.shown import headline, metric_names
from dti_core.lab.running.sweeps import TABLE, Sweep
from dti_core.lab.say import intervals_in_words, listed, plain
from dti_core.lab.theme import NEUTRAL, style

_MOST_FIGURES = 12
Point = tuple[str, Record]


def keep_sweep(
    plans: Sequence[RunPlan], outcomes: Sequence[Outcome], started: datetime, ended: datetime
) -> str:
    """Keep a sweep of two runs or more beside them and log it; why it could not be logged, '' if it was."""
    made = [(p, o) for p, o in zip(plans, outcomes, strict=True) if o.folder]
    if len(made) < 2:
        return ""
    slug, profile = plans[0].slug, plans[0].config.profile
    names = [o.run for _, o in made]
    swept = _swept(plans)
    sweep = Sweep(
        slug=slug, name=f"sweep-{hashlib.sha256(' '.join(sorted(names)).encode()).hexdigest()[:8]}",
        title=f"{slug} {profile}: sweep of {', '.join(swept)} ({len(made)} runs)", profile=profile,
        started=started, ended=ended, runs=tuple(names),
        status="FINISHED" if all(o.succeeded for o in outcomes) else "FAILED",
    )  # fmt: skip
    done = [(p, read_record(o.folder / runs.RESULT)) for p, o in made if o.succeeded and o.folder]
    table = _table([({name: p.config.values[name] for name in swept}, record) for p, record in done])
    write(sweep.folder / TABLE, json.dumps(table))
    points = [(", ".join(_short(p.config.values[name]) for name in swept), record) for p, record in done]
    units = {name: plans[0].config.experiment.parameter(name).unit for name in swept}
    axis = ", ".join(f"{name} ({unit})" for name, unit in units.items())
    write_page(_figures(points, listed(swept), axis), sweep.folder / runs.FIGURES)
    write(sweep.file, sweep.model_dump_json(indent=1))
    return track.try_sync([sweep.folder]).get(sweep.folder, "")


def _swept(plans: Sequence[RunPlan]) -> list[str]:
    """Names of the parameters that differ between the runs."""
    values = [plan.config.values for plan in plans]
    return [name for name in values[0] if any(one[name] != values[0][name] for one in values)]


def _headline(record: Record) -> dict[str, Estimate]:
    return {one.name: one for one in headline(record, study_results(record.slug) / record.run)}


def _table(points: Sequence[tuple[Mapping[str, object], Record]]) -> dict[str, list[object]]:
    """A row a run as MLflow writes tables: the values set, the verdicts, the headline intervals.

    No name of a column has a dot: MLflow's pages would take it for a path.
    """
    rows: list[dict[str, object]] = []
    for values, record in points:
        row = {"run": record.run, **values} | {one.claim: one.verdict for one in record.claims}
        for one in _headline(record).values():
            row |= dict(zip(metric_names(one.name), (one.value, one.low, one.high), strict=True))
        rows.append(row)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {"columns": [*columns], "data": [[row.get(name) for name in columns] for row in rows]}


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figures(points: Sequence[Point], swept: str, axis: str) -> list[dict[str, object]]:
    names = list(dict.fromkeys(name for _, record in points for name in _headline(record)))[:_MOST_FIGURES]
    return [{PLOTLY_MIME: _figure(name, points, swept, axis).to_plotly_json()} for name in names]


def _figure(name: str, points: Sequence[Point], swept: str, axis: str) -> go.Figure:
    """One estimate with its interval at each point of the grid."""
    shown = [(label, found[name]) for label, record in points if name in (found := _headline(record))]
    ones, card = [one for _, one in shown], points[0][1].data
    figure = go.Figure()
    figure.add_hline(y=0, line_color=NEUTRAL)
    figure.add_scatter(
        x=[label for label, _ in shown], y=[one.value for one in ones], mode="markers", marker_size=10,
        error_y={"array": [o.high - o.value for o in ones], "arrayminus": [o.value - o.low for o in ones]},
    )  # fmt: skip
    figure.update_xaxes(type="category")
    title = f"{plain(name)} over {swept}"
    caption = f"Each point is one run, with its 95 % interval by {ones[0].how}."
    alt = intervals_in_words(title, shown, 3)
    return style(figure, title=title, x=axis, y=ones[0].unit, caption=caption, alt=alt, card=card)
