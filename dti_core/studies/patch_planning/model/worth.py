"""What a patch is worth: the loss that it is expected to avoid, and the loss that it did avoid."""

import numpy as np

from dti_core.studies.patch_planning.model.estates import Array, Estates, Exploits, Ints


def weeks_ahead(exploits: Exploits, n_weeks: int) -> Array:
    """(T, 2) weeks of base loss still to come from each week on, no exploit out yet, and one out.

    An exploit that is not out in a week comes out in the next with `weekly_chance`.
    """
    left = n_weeks + exploits.tail_weeks - np.arange(n_weeks)
    ahead = np.arange(left[0])
    quiet = (1 - exploits.weekly_chance) ** ahead
    expected = np.cumsum(quiet + (1 - quiet) * exploits.factor)
    return np.stack([expected[left - 1], exploits.factor * left], axis=1)


def expected_worth(estates: Estates, week: int) -> Array:
    """(N, B) loss that a patch in `week` is expected to avoid by what is known then; 0 if not known."""
    ahead = weeks_ahead(estates.exploits, estates.n_weeks)[week]
    worth = estates.risk_usd * np.where(estates.exploited <= week, ahead[1], ahead[0])
    return np.where(estates.known <= week, worth, 0.0)


def expected_later(estates: Estates, week: int) -> Array:
    """(N, B, T) loss that a patch is expected to avoid, by what is known in `week`; 0 in earlier weeks.

    What an exploit does between `week` and the patch is lost and not counted; column `week` is
    `expected_worth`.
    """
    ahead = weeks_ahead(estates.exploits, estates.n_weeks)
    waited = np.arange(week, estates.n_weeks) - week
    lost_out = estates.exploits.factor * waited
    quiet = (1 - estates.exploits.weekly_chance) ** np.arange(len(waited))
    lost = np.cumsum(np.append(0.0, quiet + (1 - quiet) * estates.exploits.factor))[:-1]
    out = (estates.exploited <= week)[..., None]
    later = np.where(out, ahead[week, 1] - lost_out, ahead[week, 0] - lost) * estates.risk_usd[..., None]
    worth = np.zeros((*estates.service.shape, estates.n_weeks))
    worth[..., week:] = np.where((estates.known <= week)[..., None], later, 0.0)
    return worth


def avoided_usd(estates: Estates, weeks: Ints) -> Array:
    """(N, B) loss avoided by patching in `weeks`, (N, B) or one number, given when exploits came out."""
    end = estates.n_weeks + estates.exploits.tail_weeks
    start = np.minimum(weeks, end)
    out = np.clip(estates.exploited, start, end)
    return estates.risk_usd * ((out - start) + estates.exploits.factor * (end - out))


def loss_without_usd(estates: Estates) -> Array:
    """(N, B) loss if nothing is ever patched, from the week in which each bundle is known on."""
    return np.where(estates.known < estates.n_weeks, avoided_usd(estates, estates.known), 0.0)


def planned_worth_usd(estates: Estates, weeks: Ints) -> Array:
    """(N, B) loss that patching in `weeks` (N, B) is expected to avoid, by what is known in week 0.

    It is 0 for what is not known then, and for NEVER.
    """
    exploits, end = estates.exploits, estates.n_weeks + estates.exploits.tail_weeks
    weeks = np.where(weeks < estates.n_weeks, weeks, end)
    quiet = (1 - exploits.weekly_chance) ** np.arange(end)
    ahead = np.stack([quiet + (1 - quiet) * exploits.factor, np.full(end, exploits.factor)])
    to_come = np.append(np.cumsum(ahead[:, ::-1], axis=1)[:, ::-1], np.zeros((2, 1)), axis=1)
    worth = estates.risk_usd * to_come[(estates.exploited <= 0).astype(int), weeks]
    return np.where(estates.known <= 0, worth, 0.0)
