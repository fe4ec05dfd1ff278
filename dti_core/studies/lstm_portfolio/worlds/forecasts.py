"""Worlds of forecasts: the favourite's own, dealt to any months and stocks, with or without known skill.

Nothing is trained, so that such a world is drawn many times. Each draw is another market, made of months of
the observed one with their whole cross-sections. What the favourite said is taken apart into what constant
Sharpe x volatility says too, which stays with its month, and the rest in units of risk, its message, which is
dealt. Dealt whole, forecasts of later networks would tell earlier months the level of returns to come.
"""

from dataclasses import dataclass

import numpy as np

from dti_core.studies.lstm_portfolio.model import Array, Days
from dti_core.studies.lstm_portfolio.model.regimes import Regime

#: Months that stay together, since forecasts of neighbouring months come from the same network and overlap.
BLOCK_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Dealt:
    """How the favourite's forecasts are dealt, and what they are given to know.

    information : correlation, across stocks, of message and outcome in the months that are known of; 0 leaves
        the favourite's own messages, dealt. regimes : the kinds of months that are known of.
    timed : whether a bet that heeds the market's volatility reads it in the right month.
    """

    information: float = 0.0
    regimes: tuple[Regime, ...] = tuple(Regime)
    timed: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.information < 1.0:
            raise ValueError(f"information is {self.information}; allowed: 0 to below 1")


def draw_months(n: int, rng: np.random.Generator) -> Days:
    """(n,) months drawn in blocks with replacement from n months on a circle (Politis and Romano 1992)."""
    from arch.bootstrap import CircularBlockBootstrap

    drawn = next(CircularBlockBootstrap(BLOCK_MONTHS, np.arange(n), seed=rng).bootstrap(1))
    return np.asarray(drawn[0][0], dtype=np.int64)


def deal(message: Array, outcome: Array, regime: Days, settings: Dealt, rng: np.random.Generator) -> Array:
    """(n_decisions, n_assets) messages that know what the settings say and nothing else.

    Stocks are put in random order, anew in each block of months: level, spread and persistence of messages
    stay, what they know goes. With `information` i a message becomes the mean of its month plus
    i s (i u + sqrt(1 - i^2) z), u and z being the outcome and the dealt message, standardised across stocks,
    and s the mean spread of outcomes across stocks: a forecast of correlation i that is as bold as it should
    be (Grinold 1989). In months that are not known of it stays as it was dealt, no bolder than the favourite.

    Parameters
    ----------
    message : (n_decisions, n_assets) in units of risk, of months drawn apart from those of `outcome`.
    outcome : (n_decisions, n_assets) in units of risk. regime : (n_decisions,) Regime of its months.
    """
    dealt = np.empty_like(message)
    for first in range(0, len(message), BLOCK_MONTHS):
        block = slice(first, first + BLOCK_MONTHS)
        dealt[block] = message[block][:, rng.permutation(message.shape[1])]
    if not settings.information:
        return dealt
    known = np.isin(regime, settings.regimes)[:, None]
    rest = np.sqrt(1 - settings.information**2)
    scores = settings.information * _standardised(outcome) + rest * _standardised(dealt)
    bold = settings.information * outcome.std(axis=1).mean()
    return np.asarray(np.where(known, dealt.mean(axis=1, keepdims=True) + bold * scores, dealt))


def _standardised(table: Array) -> Array:
    """Each row less its mean, over its standard deviation; a row of equals becomes zeros."""
    centred = table - table.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
