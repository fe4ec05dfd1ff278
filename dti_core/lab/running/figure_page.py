"""What an executed notebook shows, figures and tables, on one self-contained page for the tracking UI."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dti_core.lab.errors import BookError
from dti_core.lab.files import write

#: How a notebook stores a plotly figure.
PLOTLY_MIME = "application/vnd.plotly.v1+json"
_TABLE = "text/html"


def write_figure_page(notebook: Path, page: Path) -> int:
    """Write the plotly figures and the tables of `notebook` as one offline HTML page, if it has a figure.

    Returns how many figures there are.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    if found := sum(PLOTLY_MIME in data for data in outputs):
        write_page(outputs, page)
    return found


def write_page(outputs: Iterable[Mapping[str, Any]], page: Path) -> None:
    """Write outputs, each a figure or a table by its kind, as one offline HTML page; others are left out.

    What the book would refuse is named instead of shown.
    """
    import plotly.graph_objects as go
    import plotly.io as pio

    from dti_core.lab.publishing.plotly_mime import figure_texts
    from dti_core.lab.publishing.policy import inline_scripts, with_policy
    from dti_core.lab.publishing.rendering import render
    from dti_core.lab.publishing.sanitise import clean_figure, clean_html

    shown: list[tuple[str, str]] = []
    scripts: list[str] = []
    for number, data in enumerate(outputs, start=1):
        try:
            if PLOTLY_MIME in data:
                clean = clean_figure(data[PLOTLY_MIME], f"figure {number}")
                drawing = pio.to_html(
                    go.Figure(clean), full_html=False, include_plotlyjs=not scripts, include_mathjax=False
                )
                scripts += inline_scripts(drawing)
                shown.append((drawing, figure_texts(clean)[1]))
            elif _TABLE in data:
                shown.append((clean_html("".join(data[_TABLE]), f"table {number}"), ""))
        except BookError as refusal:
            shown.append(("", str(refusal)))
    write(page, with_policy(render("figures.html", figures=shown), scripts))
