"""All figures of an executed notebook on one self-contained page, for the tracking UI."""

import json
from pathlib import Path

from dti_core.lab.errors import BookError
from dti_core.lab.files import write

#: How a notebook stores a plotly figure.
PLOTLY_MIME = "application/vnd.plotly.v1+json"


def write_figure_page(notebook: Path, page: Path) -> int:
    """Write the plotly figures of `notebook` as one offline HTML page; returns how many there are.

    A figure that the book would refuse is named instead of drawn.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    found = [output["data"][PLOTLY_MIME] for output in outputs if PLOTLY_MIME in output.get("data", {})]
    if not found:
        return 0
    import plotly.graph_objects as go
    import plotly.io as pio

    from dti_core.lab.publishing.plotly_mime import figure_texts
    from dti_core.lab.publishing.policy import inline_scripts, with_policy
    from dti_core.lab.publishing.rendering import render
    from dti_core.lab.publishing.sanitise import clean_figure

    shown: list[tuple[str, str]] = []
    scripts: list[str] = []
    for number, figure in enumerate(found, start=1):
        try:
            clean = clean_figure(figure, f"figure {number}")
        except BookError as refusal:
            shown.append(("", str(refusal)))
            continue
        drawing = pio.to_html(
            go.Figure(clean), full_html=False, include_plotlyjs=not scripts, include_mathjax=False
        )
        scripts += inline_scripts(drawing)
        shown.append((drawing, figure_texts(clean)[1]))
    write(page, with_policy(render("figures.html", figures=shown), scripts))
    return len(found)
