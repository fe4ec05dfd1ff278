"""All figures of an executed notebook on one self-contained page, for the tracking UI."""

import json
from pathlib import Path

#: How a notebook stores a plotly figure.
PLOTLY_MIME = "application/vnd.plotly.v1+json"


def write_figure_page(notebook: Path, page: Path) -> int:
    """Write the plotly figures of `notebook` as one offline HTML page; returns how many there are."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    found = [output["data"][PLOTLY_MIME] for output in outputs if PLOTLY_MIME in output.get("data", {})]
    if not found:
        return 0
    import plotly.graph_objects as go
    import plotly.io as pio

    parts = ["<!doctype html><html lang='en'><meta charset='utf-8'><title>Figures</title><body>"]
    for number, spec in enumerate(found):
        figure = go.Figure({"data": spec["data"], "layout": spec["layout"]}, skip_invalid=True)
        parts.append(
            pio.to_html(figure, full_html=False, include_plotlyjs=number == 0, include_mathjax=False)
        )
        parts.append(f"<p>{(spec['layout'].get('meta') or {}).get('caption', '')}</p>")
    page.parent.mkdir(exist_ok=True)
    page.write_text("\n".join([*parts, "</body></html>"]), encoding="utf-8")
    return len(found)
