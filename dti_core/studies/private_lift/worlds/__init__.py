"""Markets in which ways to measure are compared; each changes one thing that a referee would name."""

from dataclasses import replace
from typing import Any

from dti_core.lab.methods import World
from dti_core.studies.private_lift.worlds.offers import OFFER_WORLDS
from dti_core.studies.private_lift.worlds.regions import REGION_WORLDS
from dti_core.studies.private_lift.worlds.settings import CHANNELS, Channel, Market

#: Targeting and reach of the last channel were chosen so that last touch credits it with about a quarter and
#: an observational Shapley value with about a third of all conversions, though it moves nobody.
CAMPAIGN = Market(
    channels=tuple(
        zip(
            CHANNELS,
            (
                Channel(reach=0.25, targeting=0.3, effect=0.0080, place=0.6, impressions=2, cost_usd=0.020),
                Channel(reach=0.35, targeting=0.2, effect=0.0170, place=0.4, impressions=4, cost_usd=0.008),
                Channel(reach=0.40, targeting=0.1, effect=0.0300, place=0.2, impressions=3, cost_usd=0.015),
                Channel(reach=0.30, targeting=0.2, effect=0.0135, place=0.5, impressions=5, cost_usd=0.005),
                Channel(reach=0.03, targeting=3.3, effect=0.0, place=0.9, impressions=6, cost_usd=0.010),
            ),
            strict=True,
        )
    ),
    base_rate=0.0113,
    activity=2.0,
)


def changed(market: Market, **changes: float) -> Market:
    """The market with one setting of every channel changed."""
    channels = tuple((name, replace(channel, **changes)) for name, channel in market.channels)
    return replace(market, channels=channels)


#: Moments of the Criteo uplift trial, v2.1 (arXiv 2111.10106): 85 % eligible, 3.06 % exposed, .29 % convert,
#: .12 percentage points more of those eligible than of those held out.
CRITEO = Market(
    channels=(("display", Channel(reach=0.0273, targeting=0.8, effect=0.0333)),),
    base_rate=0.0019,
    activity=1.5,
    holdout=0.15,
)

MARKETS: dict[str, World[Market]] = {
    "campaign": World("Targeted campaign on five channels", "observed", CAMPAIGN),
    "no_lift": World("No channel moves anybody", "negative", changed(CAMPAIGN, effect=0.0)),
    "no_targeting": World("Channels reach everybody alike", "positive", changed(CAMPAIGN, targeting=0.0)),
    "carry_over": World(
        "Half of each effect is left over from before", "threat", replace(CAMPAIGN, carry_over=0.5)
    ),
    "consent": World(
        "Half agree, active users less often", "threat", replace(CAMPAIGN, consent=0.5, consent_tilt=-0.8)
    ),
    "uneven": World("Active users are moved more", "threat", changed(CAMPAIGN, tilt=0.3)),
    "criteo": World("Moments of the Criteo uplift trial", "threat", CRITEO),
}

#: Nothing sells without advertising, audiences hardly meet, nobody is targeted: platforms claim rightly.
SEPARATE = replace(changed(CAMPAIGN, reach=0.02, targeting=0.0), base_rate=1e-6)
#: Every channel reaches most active users; the last moves nobody.
OVERLAPPING = Market(
    tuple((name, Channel(0.6, 1.5, 0.01 * k)) for name, k in zip(CHANNELS, (1, 2, 3, 1, 0), strict=True)),
    base_rate=0.02,
    activity=1.5,
)
#: Controls of the claim that channels must be measured together.
AUDIENCES: dict[str, World[Market]] = {
    "separate": World("Audiences hardly meet and nothing sells by itself", "negative", SEPARATE),
    "overlapping": World("Every channel reaches most active users", "positive", OVERLAPPING),
}
#: Controls of the claim that privacy collides with measuring: way to publish and its epsilon.
NOISES: dict[str, World[tuple[str, float]]] = {
    "no_noise": World("Noise too small to matter", "negative", ("central", 8.0)),
    "local_noise": World("Each user adds noise alone", "positive", ("local", 1.0)),
}
_LAWS = {name: world for name, world in REGION_WORLDS.items() if world.role != "observed"}
WORLDS: dict[str, World[Any]] = {**MARKETS, **AUDIENCES, **NOISES, **OFFER_WORLDS, **_LAWS}
