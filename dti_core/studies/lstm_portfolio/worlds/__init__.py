"""Worlds: the observed market, and controls in which an effect is absent or planted.

Three kinds. Where returns are made anew (`returns`) all networks learn again, which is dear: one draw each.
Where the favourite's forecasts are dealt (`forecasts`) and where a market of known variance is simulated
(`variances`) a world is drawn many times, and each draw is judged as the observed market is.
"""

from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED
from dti_core.studies.lstm_portfolio.model.regimes import Regime
from dti_core.studies.lstm_portfolio.worlds.forecasts import Dealt, deal, draw_months
from dti_core.studies.lstm_portfolio.worlds.returns import (
    PlantedWorld,
    Signal,
    WorldSettings,
    make_world,
    plant_signal,
    signal_share,
)
from dti_core.studies.lstm_portfolio.worlds.variances import VarianceLaw, gjr_returns, quiet_days_returns

__all__ = [
    "WORLDS", "Dealt", "PlantedWorld", "Settings", "Signal", "VarianceLaw", "World", "WorldSettings", "deal",
    "draw_months", "gjr_returns", "make_world", "plant_signal", "quiet_days_returns", "signal_share",
]  # fmt: skip

Settings = WorldSettings | Dealt | VarianceLaw

#: A world's kind is that of its settings. Planted skill is as large as the weakest bar of its claim needs to
#: be seen in four of five draws: information of 0.4, and of 0.5 where a third of the months has all of it.
WORLDS: dict[str, World[Settings]] = {
    OBSERVED: World("as observed", "observed", WorldSettings()),
    "permuted_returns": World("no signal", "negative", WorldSettings(permuted=True)),
    "planted_signal": World("signal planted", "positive", WorldSettings(signal=Signal())),
    "placebo": World("forecasts dealt", "negative", Dealt(timed=False)),
    "known_skill": World("skill of known size", "positive", Dealt(information=0.4)),
    "calm_skill": World("skill in calm months", "positive", Dealt(0.5, (Regime.CALM,))),
    "gjr_market": World("GJR-GARCH market", "negative", VarianceLaw(gjr_returns)),
    "quiet_days": World("quiet days count", "positive", VarianceLaw(quiet_days_returns)),
}
