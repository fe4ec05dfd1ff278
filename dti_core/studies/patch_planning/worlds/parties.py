"""Estates over which parties bargain: drawn from assumptions, and with wishes that agree or collide."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dti_core.lab.methods import World
from dti_core.studies.patch_planning.model.estates import Array, Estates
from dti_core.studies.patch_planning.model.parties import NET_DOLLARS, Game, Stakes, stakes_of
from dti_core.studies.patch_planning.worlds.settings import Setting
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates
from dti_core.studies.patch_planning.worlds.spans import Span, draw_each

#: Three bundles a service and six weeks, so that each of the many plans of an estate can be proven the best.
BASE = Setting(slots=3, n_weeks=6)
#: The middle of the assumptions.
CENTRAL = replace(BASE, windows=0.35, hours=0.6, budget=0.4, risk_usd=50.0, traffic_usd=4.5)
#: Dials of `Setting`.
SPANS = {
    "windows": Span(0.25, 0.5), "hours": Span(0.4, 0.8), "budget": Span(0.2, 0.6),
    "risk_spread": Span(1.0, 2.0), "risk_usd": Span(20.0, 120.0, ratio=True),
    "traffic_usd": Span(1.0, 20.0, ratio=True),
}  # fmt: skip
#: Subscription to an upgrade for the quarter: median, spread of the logarithm. It goes with nothing else.
LICENCE_USD, LICENCE_SPREAD = Span(100.0, 1000.0, ratio=True), 1.0
#: Spread of the logarithm of the noise with which parties of one wish report losses.
REPORT_NOISE = 0.5
#: Where wishes are opposed: by how much the interest of one party is smaller than the next one's, what a
#: patch for one takes from each of the others, and an estate with room for most patches.
STEEPNESS, HURT = 4.0, 0.05
ROOMY = replace(BASE, windows=0.6, hours=1.0, budget=1.2, chained=0.0)


@dataclass(frozen=True, slots=True)
class Table:
    """What lies on the table: the truth, what the parties report of it, and what the firm counts in dollars.

    estate : Estates of one. dollars : (B, T) and (S, T).
    """

    estate: Estates
    truth: Stakes
    reported: Stakes
    dollars: tuple[Array, Array]


Lay = Callable[[Game, np.random.Generator, int], Table]


def draw_setting(rng: np.random.Generator) -> Setting:
    """A world from the assumptions."""
    dials: dict[str, Any] = dict(draw_each(SPANS, rng))
    return replace(BASE, **dials)


def lay_table(
    game: Game, rng: np.random.Generator, n_services: int, weights: Array | None = None,
    setting: Setting | None = None,
) -> Table:  # fmt: skip
    """Parties of a game who report the truth; what is not given is drawn from the assumptions."""
    weights = game.draw_weights(rng) if weights is None else weights
    estate = simulate_estates(setting or draw_setting(rng), 1, n_services, rng)
    licence = LICENCE_USD.draw(rng) * rng.lognormal(0.0, LICENCE_SPREAD, estate.n_bundles)
    stakes = stakes_of(estate, licence, weights, game.no_deal())
    return Table(estate, stakes, stakes, _dollars(estate))


def _common(game: Game, rng: np.random.Generator, n_services: int) -> Table:
    """All want the firm's dollars, each in a currency of its own, and know losses only with noise."""
    estate = simulate_estates(draw_setting(rng), 1, n_services, rng)
    n, scale = len(game.parties), rng.lognormal(0.0, 0.5, len(game.parties))
    nothing = np.zeros(n)
    wish = np.outer(scale, NET_DOLLARS)
    truth = stakes_of(estate, np.zeros(estate.n_bundles), wish, nothing)
    losses = stakes_of(estate, np.zeros(estate.n_bundles), np.outer(scale, [1.0, 0, 0, 0, 0]), nothing)
    noise = rng.lognormal(0.0, REPORT_NOISE, (n + 1, estate.n_bundles, 1))
    reported = replace(truth, values=truth.values + losses.values * (noise[:n] - 1))
    values, setups = _dollars(estate)
    return Table(estate, truth, reported, (values + losses.values[0] / scale[0] * (noise[n] - 1), setups))


def _opposed(game: Game, rng: np.random.Generator, n_services: int) -> Table:
    """Each bundle serves one party and hurts the others, whose interests are of very different sizes."""
    estate = simulate_estates(ROOMY, 1, n_services, rng)
    n, b = len(game.parties), estate.n_bundles
    owner = rng.permutation(b) % n
    scale = STEEPNESS ** -rng.permutation(n).astype(float)
    serves = np.where(owner == np.arange(n)[:, None], 1.0, -HURT) * rng.lognormal(0.0, 0.3, (1, b))
    values = (scale[:, None] * serves)[..., None] * np.ones(estate.n_weeks)
    setups = np.zeros((n, estate.n_services, estate.n_weeks))
    stakes = Stakes(values, setups, estate.service[0], np.zeros(n))
    return Table(estate, stakes, stakes, stakes.weighed(np.ones(n)))


def _dollars(estate: Estates) -> tuple[Array, Array]:
    firm = stakes_of(estate, np.zeros(estate.n_bundles), NET_DOLLARS[None], np.zeros(1))
    return firm.values[0], firm.setups[0]


TABLES: dict[str, World[Lay]] = {
    "common_wish": World("All want the same, known with noise", "negative", _common),
    "opposed_wishes": World("Each patch serves one party and hurts the others", "positive", _opposed),
}
