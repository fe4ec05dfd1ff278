"""What decides the claims: paired differences with their intervals, smallest effects and control worlds."""

from dataclasses import replace

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, bar_rows, plot_forest, smallest_effects
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.say import listed, sign_of, signed, value, ways
from dti_core.lab.theme import PALETTE
from dti_core.studies.lstm_portfolio.figures.names import (
    CONTROLLED,
    LSTM,
    RIVAL,
    STEPS,
    TITLES,
    beyond,
    hollow,
    lead,
    of_months,
    only,
    worded,
)
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, RULES
from dti_core.studies.lstm_portfolio.worlds import WORLDS

ORANGE, SEEN = PALETTE[1], WORLDS[OBSERVED].title
LEADS = Axis(f"annual Sharpe ratio less that of {TITLES[BENCHMARK]}")
YEARLY = Axis(f"% a year, {LSTM} on {TITLES[BENCHMARK]}", 100)


def plot_leads(result: Result) -> go.Figure:
    """What decides C50, and every strategy against equal weights."""
    measures = {
        "return_at_equal_volatility": "return, equal volatility",
        "alpha_beyond_placebo": "alpha beyond dealt forecasts",
    }
    risk = bar_rows(result, "C50", lambda one: worded(one, measures), CONTROLLED, lambda _: YEARLY)
    goal = smallest_effects(result.config.slug, "C16a")["sharpe_good_forecast_minus_constant_sharpe_10bp"]
    rows = [*risk, *_strategies(result, goal)]
    ahead = [row.label for row in rows if row.axis is LEADS and row.estimate.low > 0 and not row.control]
    same = only(result, measure="return_at_equal_volatility", method=FAVOURITE, against=BENCHMARK)
    more = sign_of(same, "earns more than", "earns less than", "earns neither clearly more nor less than")
    return plot_forest(
        rows, what="Differences after costs", card=result.card,
        title=f"At equal risk the {LSTM} {more} {TITLES[BENCHMARK]} ({signed(same, scale=100)} % a year); "
        f"{listed(ahead, 'no strategy')} clearly beat{'' if len(ahead) > 1 else 's'} them",
        caption=f"Points and 95 % intervals ({ways(row.estimate for row in rows)}), days paired, at "
        f"{result.config.cost_bps:g} basis points of cost. The rows with hollow marks judge C50. {STEPS}. "
        f"{hollow(rows)}",
    )  # fmt: skip


def _strategies(result: Result, goal: float | None) -> list[Row]:
    """Each strategy less equal weights, controls hollow; foresight has a row of its own."""
    rows = []
    for name in (*METHODS, *RULES):
        if name in (BENCHMARK, "foresight"):
            continue
        hollow = name in METHODS and bool(METHODS[name].needs)
        rows.append(Row(TITLES[name], lead(result, name), ORANGE, hollow, SEEN, goal, LEADS))
    return rows


def plot_skill(result: Result) -> go.Figure:
    """What decides C18a: out-of-sample R2 and rank correlation of the forecasts, beside rivals and nulls."""
    share = Axis("out-of-sample R², % of the null's squared error", 100)
    ranks = Axis(f"rank correlation with returns less that of {RIVAL}")

    def label(one: Estimate) -> str:
        title = TITLES[str(one.at["method"])]
        words = f"{title} against {TITLES[str(one.at['null'])]}" if "null" in one.at else title + beyond(one)
        return words + of_months(one)

    rows = bar_rows(result, "C18a", label, CONTROLLED, lambda one: share if "null" in one.at else ranks)
    bar, decided = rows[0], {row.estimate.name for row in rows}
    for one in result.where(measure="r2"):
        hardest = one.at["null"] == "constant_sharpe"
        if one.name not in decided and (hardest or one.at["method"] == FAVOURITE):
            smallest = bar.smallest if hardest else None
            rows.append(Row(label(one), one, ORANGE, series=SEEN, smallest=smallest, axis=share))
    rows.sort(key=lambda row: row.axis is share and row.smallest is None)
    rank = only(result, measure="rank_ic", method=FAVOURITE)
    found = sign_of(bar.estimate, "skill", "worse than none", "no clear skill")
    return plot_forest(
        rows, what="Skill of return forecasts", card=result.card,
        title=f"Against {RIVAL} the {LSTM} removes {value(bar.estimate, 100)} % of "
        f"the squared error: {found}",
        caption=f"Points and 95 % intervals ({ways(row.estimate for row in rows)}) over months. The rows "
        f"with hollow marks judge C18a. {STEPS}. {hollow(rows)} The {LSTM}'s own rank "
        f"correlation: {signed(rank)}.",
    )  # fmt: skip


def plot_regimes(result: Result) -> go.Figure:
    """What decides C39a: calm against volatile months, and what a bet that adapts changes."""
    names = {"calm_minus_volatile": "calm less volatile months"}
    change = Axis("annual Sharpe ratio less that of a constant mix")

    def label(one: Estimate) -> str:
        regime = str(one.at["regime"])
        if regime == "all":
            return TITLES[str(one.at["method"])] + of_months(one)
        return names.get(regime, f"{regime} months") + beyond(one) + of_months(one)

    rows = bar_rows(
        result, "C39a", label, CONTROLLED, lambda one: change if one.at["regime"] == "all" else LEADS
    )
    seen = {row.estimate.name for row in rows}
    goal = next((row.smallest for row in rows if row.axis is LEADS), None)
    for one in result.where(measure="sharpe_difference", method=FAVOURITE, against=BENCHMARK):
        if one.name not in seen and one.at["regime"] != "all":
            rows.append(Row(label(one), one, ORANGE, series=SEEN, smallest=goal, axis=LEADS))
    contrast = [r.estimate for r in rows if r.label == names["calm_minus_volatile"] and not r.control]
    finding = "too few calm or volatile months to compare"
    if contrast:
        finding = sign_of(
            contrast[0],
            "clearly better in calm ones",
            "clearly better in volatile ones",
            "no clear difference",
        )
    source = (
        "the VIX" if result.config.regime_by == "vix" else "realised volatility of the last month or year"
    )
    return plot_forest(
        rows, what=f"Sharpe ratio of the {LSTM} by regime", card=result.card,
        title=f"{LSTM} in calm and in volatile markets: {finding}",
        caption=f"Months fall into thirds of {source} before they begin, by cut-offs that use the past "
        f"only. Points and 95 % intervals ({ways(row.estimate for row in rows)}). The rows with hollow marks "
        f"judge C39a. {hollow(rows)} Adaptive: the bet shrinks as volatility exceeds its median; the "
        "constant mix holds as much of it on average.",
    )  # fmt: skip


def plot_volatility(result: Result) -> go.Figure:
    """What decides C17a: the loss of each traditional volatility model less that of the LSTM."""
    axes = {name: Axis(f"QLIKE loss less that of the {LSTM}, {name}") for name in ("assets", "index")}

    def label(one: Estimate) -> str:
        return TITLES[str(one.at["method"])]

    rows = bar_rows(result, "C17a", label, CONTROLLED, lambda one: axes[str(one.at["series"])])
    judged = {row.estimate.name for row in rows}
    rows += [
        replace(rows[0], label=label(one), estimate=one, axis=axes[str(one.at["series"])])
        for one in result.where(measure="qlike_difference")
        if one.name not in judged
    ]
    seen = {row.label: row.estimate for row in rows if row.axis is axes["assets"] and not row.control}
    beaten = [title for title, gain in seen.items() if gain.low > 0]
    better = [title for title, gain in seen.items() if gain.high < 0]
    level = len(seen) - len(beaten) - len(better)
    findings = [f"of {len(seen)} models the {LSTM} beats {len(beaten)} and is level with {level}"]
    findings += [f"{listed(better)} beat the {LSTM}"] if better else []
    losses = [
        f"{TITLES[name]} {only(result, measure='qlike', method=name, series='assets').text}"
        for name in ("constant", FAVOURITE)
    ]
    return plot_forest(
        rows, what=f"QLIKE loss less that of the {LSTM}", card=result.card,
        title=f"Volatility of the next month, stock by stock: {'; '.join(findings)}",
        caption=f"Points and 95 % intervals ({ways(row.estimate for row in rows)}), months paired; right of "
        f"0 the {LSTM} is better. The rows with hollow marks judge C17a. {hollow(rows)} Losses "
        f"themselves: {listed(losses)}.",
    )  # fmt: skip
