"""One colour a method wherever the chapter draws it; methods that share one never meet in a figure."""

from dti_core.lab.theme import NEUTRAL, PALETTE

_BLUE, _ORANGE, _GREEN, _PINK, _GOLD, _VIOLET = PALETTE
#: Rules and models of credit, and rules of pay: those that rest on an experiment are blue.
CREDIT = {
    "factorial": _BLUE, "factorial_private": _BLUE, "shapley": _BLUE, "last_touch": _ORANGE,
    "last_touch_private": _ORANGE, "linear": _GREEN, "linear_private": _GREEN, "leave_one_out": _GREEN,
    "exposure_shapley": _PINK, "set_shapley": _PINK, "exposure_shapley_scaled": _GOLD, "time_decay": _GOLD,
    "impressions": _GOLD, "markov": _VIOLET, "position": _BLUE, "first_touch": NEUTRAL,
    "first_touch_private": NEUTRAL, "equal": NEUTRAL, "matching": NEUTRAL, "dml": NEUTRAL,
}  # fmt: skip
#: Models of who books, and ways to deal offers; a federated model of users is orange in both.
MODELS = {
    "record": _BLUE, "user": _ORANGE, "private_site": _GREEN, "channel_rates": _PINK, "logistic": _ORANGE,
    "table": _GOLD, "random": _VIOLET,
}  # fmt: skip
