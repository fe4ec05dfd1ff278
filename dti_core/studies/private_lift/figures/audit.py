"""Figure of the audits: what each shows of honest and of faulty releases."""

import plotly.graph_objects as go

from dti_core.lab.data import simulated_card
from dti_core.lab.record import Result
from dti_core.lab.say import plain
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style
from dti_core.studies.private_lift.measures.audit import DELTA, EPSILON, HOW
from dti_core.studies.private_lift.model.faults import FAULTS, HONEST

#: Bounds over claims are drawn from here on; a bound of 0 has no place on a logarithmic axis.
FLOOR = 0.05
TICKS = (0.05, 0.2, 1, 5, 30)
SYMBOLS = ("circle", "diamond", "x-thin-open")


def plot_audits(result: Result) -> go.Figure:
    """Lower bounds over the claim, by fault and auditor; right of 1 the claim is refuted."""
    table = result.series["audits"]
    figure = go.Figure()
    for (auditor, how), colour, symbol in zip(HOW.items(), PALETTE, SYMBOLS, strict=False):
        rows = table[table["auditor"] == auditor]
        middle, least, most = (
            (rows[column] / rows["claimed"]).clip(lower=FLOOR)
            for column in ("bound_low", "bound_least", "bound_most")
        )
        figure.add_scatter(
            x=middle, y=[plain(fault) for fault in rows["fault"]], name=how,
            mode="markers", marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2}},
            error_x={"array": most - middle, "arrayminus": middle - least, "color": colour, "width": 0},
            customdata=rows[["n_flagged", "n_audits", "means"]],
            hovertemplate="%{x:.2f} of the claim; %{customdata[0]} of %{customdata[1]} audits flag it: "
            "%{customdata[2]}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=1, line_color=NEUTRAL)
    figure.add_vrect(x0=FLOOR, x1=1, fillcolor=SHADE, line_width=0, layer="below")
    figure.update_xaxes(type="log", tickvals=TICKS)
    figure.update_yaxes(categoryorder="array", categoryarray=[plain(fault) for fault in FAULTS][::-1])
    faults = table[table["fault"] != HONEST]
    one_run = faults["auditor"] == "one_run"
    best, once = faults[~one_run].groupby("fault")["caught"].any(), faults.loc[one_run, "caught"]
    alarms = next(iter(result.where(measure="audit_false_alarms")))
    n_audits = int(table["n_audits"].iloc[0])
    lines = [
        f"{plain(row.fault)}, {plain(row.auditor)}: {row.bound_low / row.claimed:.2f}, "
        f"{row.n_flagged} of {row.n_audits} flagged"
        for row in table.itertuples()
    ]
    return style(
        figure, title=f"Audits in two worlds catch {int(best.sum())} of {len(best)} planted faults, the "
        f"one-run audit {int(once.sum())} of {len(once)}; they flag "
        f"{100 * alarms.value:.0f} % of honest releases",
        x="lower bound of what leaks, as a multiple of the claim (no unit)", y="", series="audits",
        caption=f"Median over {n_audits} audits, whiskers from the least to the most; each bound holds with "
        f"95 % confidence. Shaded: nothing is shown against the claim. Bounds below {FLOOR:g} of it stand at "
        f"{FLOOR:g}. Claims: epsilon {EPSILON:g} a user over both rounds, one of two aggregators corrupt; "
        f"geometric: delta 0, replace one, pure; Gaussian: delta {DELTA:g}, replace one, analytic, held to "
        f"its mu; one run: delta {DELTA:g}, add or remove one, analytic.",
        alt="Lower bound over the claim. " + "; ".join(lines) + ".",
        card=simulated_card(result.card, "audits", "counts of users made up, noise drawn"),
    )  # fmt: skip
