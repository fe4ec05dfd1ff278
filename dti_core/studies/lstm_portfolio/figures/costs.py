"""What trading costs change, from the frozen sweep: what decides drawn, every strategy in a table."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest, smallest_effects
from dti_core.lab.record import Record, Result
from dti_core.lab.say import listed, ways
from dti_core.lab.sweeps import along, load_sweep, sweep_digest
from dti_core.lab.tables import Span, Table, show_table
from dti_core.lab.theme import PALETTE, style
from dti_core.studies.lstm_portfolio.figures.names import LSTM, RIVAL, STEPS, TITLES
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, RULES

#: The question of the chapter, and what decides its claim.
RIVALS = (BENCHMARK, "constant_sharpe")
LEAD = {"measure": "sharpe_difference", "regime": "all"}


def plot_costs(result: Result) -> go.Figure:
    """Sharpe ratio of the favourite less that of its rivals at each cost of the sweep."""
    slug = result.config.slug
    if not (records := load_sweep(slug)):
        why = "No sweep over costs is frozen yet"
        return style(go.Figure(), title=why, x="", y="", card=result.card, caption=f"{why}.", alt=f"{why}.")
    goal = smallest_effects(slug, "C16a")["sharpe_good_forecast_minus_constant_sharpe_10bp"]
    axes = {rival: Axis(f"annual Sharpe ratio, {LSTM} less {TITLES[rival]}") for rival in RIVALS}
    rows = [
        Row(f"{cost:g} bp", one, PALETTE[1], smallest=goal, axis=axes[rival])
        for rival in RIVALS
        for cost, one in along(records, "cost_bps", method=FAVOURITE, against=rival, **LEAD).items()
    ]
    beaten = [
        TITLES[rival]
        for rival, axis in axes.items()
        if all(row.estimate.low > 0 for row in rows if row.axis is axis)
    ]
    figure = plot_forest(
        rows, what=f"Sharpe ratio of the {LSTM} less its rivals' by trading cost", card=records[0].data,
        title=f"In {records[0].profile} runs: whether trading is free or costs {rows[-1].label}, the "
        f"{LSTM} clearly beats {listed(beaten, f'neither {TITLES[BENCHMARK]} nor {RIVAL}')}",
        caption=f"Points and 95 % intervals ({ways(row.estimate for row in rows)}) at each cost in basis "
        f"points per traded dollar (bp). {_origin(result, records[0])} {STEPS}. Shaded: too small to matter.",
    )  # fmt: skip
    return figure.update_layout(meta={**figure.layout.meta, "sweep": sweep_digest(slug)})


def _origin(result: Result, record: Record) -> str:
    """What sizes the runs of the sweep have, beside those of the chapter."""
    given = record.parameters
    same = all(result.config.values.get(name) == one for name, one in given.items() if name != "cost_bps")
    note = "" if same else "They are not this chapter's sizes: values differ, and verdicts may. "
    return (
        f"A run of profile {record.profile} for each: {given['n_folds']} test periods of "
        f"{given['refit_months']} months, {given['n_seeds']} networks. {note}".strip()
    )


def cost_table(result: Result) -> Table:
    """Each strategy's Sharpe ratio less that of equal weights, by cost; the page puts a slider above it."""
    records = load_sweep(result.config.slug)
    strategies = [name for name in (*METHODS, *RULES) if name != BENCHMARK and records]
    rows = {
        TITLES[name]: {
            f"{cost:g}": Span(one.value, one.low, one.high)
            for cost, one in along(records, "cost_bps", method=name, against=BENCHMARK, **LEAD).items()
        }
        for name in strategies
    }
    return show_table(
        rows, name="costs", stub="swept: trading costs, basis points",
        title=f"Annual Sharpe ratio less that of {TITLES[BENCHMARK]}, by trading cost"
        + "".join(f" ({one.profile} runs)" for one in records[:1]),
        empty="No sweep over costs is frozen yet.",
    )  # fmt: skip
