"""What is true in a simulated market: channels, targeting, effects, consent, the experiment's design."""

from dataclasses import dataclass

#: Names of the channels, in the order of the bits of a coalition: channel c is bit c.
CHANNELS = ("search", "social", "video", "display", "retargeting")


@dataclass(frozen=True, slots=True)
class Channel:
    """One advertising channel.

    reach : chance that an eligible user of average activity is exposed. targeting : slope of that chance's
    log-odds on activity. effect : chance that an exposure makes a user convert who would not have. tilt :
    how much stronger the effect is on users one standard deviation more active, as a share of it. place :
    where on the path its last impression tends to stand, 0 first and 1 last. impressions : mean number a
    user who is exposed. cost_usd : of one impression.
    """

    reach: float
    targeting: float
    effect: float
    tilt: float = 0.0
    place: float = 0.5
    impressions: float = 3.0
    cost_usd: float = 0.01


@dataclass(frozen=True, slots=True)
class Market:
    """A market and the randomised factorial holdout that is run in it.

    channels : by name, five at most. base_rate : conversions without any advertising, a user. activity :
    slope of the log-odds of converting on a user's activity, which is standard normal. holdout : chance that
    a user is held out of a channel, each channel by itself. carry_over : share of a channel's effect that
    impressions before the experiment still have, on held-out users too. consent : share of users who agree
    to be measured. consent_tilt : slope of the log-odds of agreeing on activity. spend_usd : mean spend of a
    conversion; its logarithm has standard deviation `spend_sd`.
    """

    channels: tuple[tuple[str, Channel], ...]
    base_rate: float = 0.0139
    activity: float = 1.0
    holdout: float = 0.5
    carry_over: float = 0.0
    consent: float = 1.0
    consent_tilt: float = 0.0
    spend_usd: float = 60.0
    spend_sd: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the channels, in the order of their bits."""
        return tuple(name for name, _ in self.channels)
