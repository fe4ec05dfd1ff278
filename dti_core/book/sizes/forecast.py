"""Turnover and cost: how good forecasts must be to pay for their trading."""

from dti_core.book.sizes.answers import Input, Line, Question
from dti_core.book.sizes.reading import Surface, Table, estimate, estimates, inside, surface, three

STUDY = "lstm_portfolio"
RIVALS = {"equal_weight": "equal weights", "constant_sharpe": "the same optimiser without forecasts"}
#: Accuracy of made forecasts whose turnover is recorded.
GOOD = 0.05


def break_evens(against: str) -> Surface:
    """Information coefficient that pays for itself, by cost."""
    some = estimates(STUDY, measure="break_even", against=against)
    found: Table = {(float(one.at["cost_bps"]),): three(one) for one in some}
    return surface(["cost"], found, logs=[False])


def drag(turnover: float, rival: str) -> float:
    """Sharpe ratio that a unit of cost takes from forecasts that trade so much, less what it takes the rival.

    A turnover over a volatility each. That of portfolios by made forecasts is not recorded: it is solved from
    how the recorded gain over equal weights falls with cost, and meets how that over the other rival falls.
    """
    traded = estimate(STUDY, "turnover_good_forecast").value
    known = "equal_weight"
    spread = traded / (slope(known) + _own(known))
    return turnover / spread - _own(rival)


def _own(rival: str) -> float:
    return estimate(STUDY, f"turnover_{rival}").value / estimate(STUDY, f"annual_volatility_{rival}").value


def slope(rival: str) -> float:
    """Recorded fall of the gain of good forecasts with cost, in Sharpe ratios a unit of cost."""
    some = estimates(STUDY, measure="dose_gain", against=rival, accuracy=GOOD)
    first, last = (pick(some, key=lambda one: float(one.at["cost_bps"])) for pick in (min, max))
    return (first.value - last.value) / (1e-4 * (float(last.at["cost_bps"]) - float(first.at["cost_bps"])))


def _answer(cost: float, turnover: float, against: str) -> list[Line]:
    grid, made = break_evens(against), estimate(STUDY, "turnover_good_forecast")
    traded = turnover or made.value
    acts_as = cost if traded == made.value else cost * drag(traded, against) / drag(made.value, against)
    keys = tuple(one.key for one in estimates(STUDY, measure="break_even", against=against))
    how = f"influence of months; {grid.how}; forecasts are made with a known coefficient, returns are real"
    if acts_as != cost:
        how += f"; a turnover of {traded:g} acts as a cost of {acts_as:.3g} basis points at the recorded one"
        points, advice = (
            grid.axes[0].points,
            f"That is what {cost:g} basis points at a turnover of {traded:g} act as.",
        )
        inside(f"cost at the recorded turnover of {made.value:.3g},", acts_as, points[0], points[-1], advice)
    says = f"information coefficient that pays, against {RIVALS[against]}"
    lines = [Line(says, grid.at(acts_as), "information coefficient", "conditional", how, STUDY, keys)]
    for key, says in (
        ("turnover_good_forecast", "turnover of good forecasts, as recorded"),
        ("information_coefficient_lstm", "what the network of the chapter reaches"),
    ):
        one = estimate(STUDY, key)
        lines.append(Line(says, three(one), one.unit, "observed" if "lstm" in key else "conditional", one.how,
                          STUDY, (key,)))  # fmt: skip
    return lines


FORECAST = Question(
    name="forecast", title="How good must forecasts be to pay for trading?", study=STUDY, answer=_answer,
    text="Twenty stocks, monthly decisions; forecasts of a known accuracy against two rivals without any.",
    inputs={
        "cost": Input("float", "basis points for each traded dollar"),
        "turnover": Input("float", "traded share of wealth a year; 0 for that of the record", 0.0),
        "against": Input("str", f"rival: {', '.join(RIVALS)}", "equal_weight", tuple(RIVALS)),
    },
    typical={"small": {"cost": 50.0}, "middle": {"cost": 25.0}, "large": {"cost": 10.0}},
    uncovered="Costs that grow with the order, taxes, other assets. Small stands here for whoever pays more.",
)  # fmt: skip
