"""Estates mended after they were drawn: what a control, or a question with one answer, has to hold."""

from dataclasses import replace

import numpy as np

from dti_core.studies.patch_planning.model.estates import NEVER, NONE, Array, Estates, Exploits, Flags
from dti_core.studies.patch_planning.model.plans import SLACK
from dti_core.studies.patch_planning.model.worth import loss_without_usd, weeks_ahead

#: Least share of an estate's loss that the one flaw has which outweighs all others.
ONE_FLAW = 0.9
_STILL = Exploits(factor=1.0, weekly_chance=0.0)


def alike(estates: Estates) -> Estates:
    """Every bundle like every other, every service and week too: nothing is left that an order could use.

    Bundles have the largest risk of all estates, and mean costs, hours and minutes; set-ups, which reward who
    batches, take nothing; windows are open; a week's hours are enough for a whole number of bundles. Severity
    stays as it was drawn, so that orders still differ.
    """
    hours = np.full_like(estates.hours, estates.hours.mean())
    whole = np.maximum(np.floor(estates.weekly_hours.mean() / hours.mean()), 1.0) * hours.mean() * (1 + SLACK)
    return replace(
        estates, after=np.full_like(estates.after, NONE), known=np.zeros_like(estates.known),
        exploited=np.full_like(estates.exploited, NEVER), exploits=replace(_STILL),
        risk_usd=_level(estates.risk_usd, estates.risk_usd.max()), hours=hours,
        cost_usd=_level(estates.cost_usd, estates.cost_usd.mean()),
        minutes=_level(estates.minutes, estates.minutes.mean()),
        setup_hours=0 * estates.setup_hours, setup_usd=0 * estates.setup_usd,
        setup_minutes=0 * estates.setup_minutes, open=np.ones_like(estates.open),
        outage_usd=_level(estates.outage_usd, estates.outage_usd.mean()),
        weekly_hours=_level(estates.weekly_hours, whole),
        minutes_allowed=_level(estates.minutes_allowed, estates.minutes_allowed.mean()),
    )  # fmt: skip


def with_one_flaw(estates: Estates) -> tuple[Estates, Flags]:
    """Estates in which one flaw has `ONE_FLAW` of the loss, or more, and (N, B) which one.

    It is the riskiest of those that can be patched: known at once, waiting for none, and small enough for a
    window and a week.

    Raises
    ------
    ValueError if an estate has no such bundle.
    """
    can = (estates.known == 0) & (estates.after == NONE)
    needs = estates.minutes + estates.of_service(estates.setup_minutes)
    room = np.minimum(estates.of_service(estates.minutes_allowed), estates.window_minutes)
    can &= needs <= room
    needs = estates.hours + estates.of_service(estates.setup_hours)
    can &= needs <= estates.weekly_hours.min(axis=1, keepdims=True)
    can &= estates.cost_usd + estates.of_service(estates.setup_usd) <= estates.budget_usd[:, None]
    if not can.any(axis=1).all():
        raise ValueError(f"in {int((~can.any(axis=1)).sum())} estates no single bundle can be patched")
    rows, risk = np.arange(len(estates)), estates.risk_usd.copy()
    worst = np.where(can, risk, -1.0).argmax(axis=1)
    loss = loss_without_usd(estates)
    others = loss.sum(axis=1) - loss[rows, worst]
    weeks = estates.n_weeks + estates.exploits.tail_weeks
    risk[rows, worst] = np.maximum(risk[rows, worst], ONE_FLAW / (1 - ONE_FLAW) * others / weeks)
    which = np.zeros(can.shape, dtype=bool)
    which[rows, worst] = True
    return replace(estates, risk_usd=risk), which


def all_known(estates: Estates) -> Estates:
    """The static problem: every bundle known from the start, at its expected loss, and nothing moves.

    A plan made in the first week, one made week by week and a bound then answer the same question. Risks are
    scaled so that a patch in the first week is worth what it is expected to be where exploits come out.
    """
    expected = weeks_ahead(estates.exploits, estates.n_weeks)[0, 0]
    weeks = estates.n_weeks + estates.exploits.tail_weeks
    return replace(
        estates, known=np.zeros_like(estates.known), exploited=np.full_like(estates.exploited, NEVER),
        exploits=replace(_STILL, tail_weeks=estates.exploits.tail_weeks),
        risk_usd=estates.risk_usd * expected / weeks,
    )  # fmt: skip


def _level(array: Array, value: float | Array) -> Array:
    return np.broadcast_to(np.asarray(value, dtype=float), array.shape).copy()
