"""The report of one campaign with a randomised holdout, the e-mail trial's or the user's own."""

import math
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.errors import ConfigError
from dti_core.lab.findings import Findings
from dti_core.studies.private_lift.data.campaign import Campaign
from dti_core.studies.private_lift.data.schema import MOST_STEPS, SPEND_STEP
from dti_core.studies.private_lift.measures.reports import Plan, Question, Report, difference, relative
from dti_core.studies.private_lift.model.cells import Array, Flags
from dti_core.studies.private_lift.model.wald import sums_of

POINTS, USD = "percentage points", "money a user"
#: Spend is cut here before noise is scaled to it: a price list gives such a bound; the data must not.
SPEND_CLIP = 200.0
#: Kinds of region, or of size, beyond which a table of them is no longer a report.
MAX_LEVELS = 12
_TWO = np.array([False, True])


def study_campaign(campaign: Campaign, plan: Plan, spend_clip: float = SPEND_CLIP) -> Findings:
    """The report of the campaign at hand, plainly and at each epsilon.

    It is for the eyes of who holds the data: it has rows without noise, and each private row spends its
    epsilon alone, so that as a whole it is no private release.
    """
    check_clip(spend_clip, plan)
    report = Report(plan, costs=False)
    measure_campaign(report, campaign, "campaign", spend_clip)
    return report.gathered("campaign")


def check_clip(spend_clip: float, plan: Plan) -> None:
    """ConfigError if squares of spend up to it need more noise than whole numbers in doubles can hold."""
    most = SPEND_STEP * math.sqrt(MOST_STEPS * min(plan.epsilons) / 3)
    if not spend_clip < most:
        raise ConfigError(
            f"private_lift: spend_clip = {spend_clip:g} must lie below {most:,.0f}, or noise cannot be "
            "drawn in whole cents. Lower it, or count spend in a larger unit."
        )


def comparisons(campaign: Campaign) -> dict[str, tuple[Flags, Flags, Flags | None]]:
    """Label -> users who are compared, of these who was assigned, and who was exposed if that is known.

    An arm is compared with the control; a channel with those held out of it, whatever else they got.
    """
    seen = campaign.exposed
    if campaign.assigned is not None:
        everybody = np.ones(len(campaign), dtype=bool)
        return {
            name: (everybody, campaign.assigned[:, c], None if seen is None else seen[:, c])
            for c, name in enumerate(campaign.channels)
        }
    found: dict[str, tuple[Flags, Flags, Flags | None]] = {}
    for code, name in enumerate(campaign.arms[1:], 1):
        inside = np.isin(campaign.arm, (0, code))
        exposed = None if seen is None else np.asarray(seen.any(axis=1))[inside]
        found[name] = (inside, campaign.arm[inside] == code, exposed)
    return found


def measure_campaign(
    report: Report, campaign: Campaign, name: str, spend_clip: float = SPEND_CLIP, *, whole_only: bool = False
) -> None:
    """Effects of each arm or channel on each outcome, on those exposed, by region and by size.

    `whole_only` leaves the last two out.
    """
    compared = comparisons(campaign)
    names = words(compared)
    for label, (inside, assigned, exposed) in compared.items():
        for outcome, values in campaign.outcomes.items():
            trial = f"{name}_{names[label]}"
            if outcome == "spend":
                _spend(report, trial, label, values[inside], assigned, spend_clip)
                continue
            has = values[inside] > 0
            _rates(report, trial, f"{label}, {outcome}", outcome, assigned, has)
            if exposed is not None:
                group = assigned.astype(np.int64) + (assigned & exposed)
                sums = sums_of(group, has.astype(float), 0.0, 1.0, 1.0, 3)
                asked = Question(
                    trial, f"{outcome}_if_exposed", f"{label}, {outcome}", POINTS, "user", len(has)
                )
                flags = np.array([False, True, True]), np.array([False, False, True])
                report.means(asked, sums, *flags, per_taker=True)
            for kind, levels in (("region", campaign.region), ("size", campaign.size)):
                if levels is not None and not whole_only:
                    _levels(report, f"{trial}_{kind}", label, outcome, levels[inside], assigned, has)


def word(label: str) -> str:
    """A label as part of a name."""
    return re.sub(r"\W+", "_", label.lower()).strip("_")


def words(labels: Iterable[str]) -> dict[str, str]:
    """Each label's `word`, with a number behind it where an earlier label has the same."""
    found: dict[str, str] = {}
    for label in labels:
        first = plain = word(label) or "other"
        n = 1
        while plain in found.values():
            n += 1
            plain = f"{first}_{n}"
        found[label] = plain
    return found


def _rates(
    report: Report, trial: str, title: str, outcome: str, assigned: Flags, has: Flags, *, lift: bool = True
) -> None:
    cells = np.bincount(assigned * 2 + has, minlength=4).reshape(2, 2)
    report.counts(Question(trial, outcome, title, POINTS, "user", len(has)), cells, difference)
    if lift:
        asked = Question(trial, f"{outcome}_lift", title, "% of the held-out rate", "user", len(has))
        report.counts(asked, cells, relative)


def _levels(
    report: Report, trial: str, label: str, outcome: str, levels: NDArray[np.str_], assigned: Flags,
    has: Flags,
) -> None:  # fmt: skip
    known = np.unique(levels)
    if len(known) > MAX_LEVELS:
        report.found.left_out.append((trial, f"{len(known)} kinds; a report holds at most {MAX_LEVELS}"))
        return
    names = words(map(str, known))
    for level in known:
        at = levels == level
        place = f"{trial}_{names[str(level)]}"
        _rates(report, place, f"{label}, {outcome}, {level}", outcome, assigned[at], has[at], lift=False)


def _spend(report: Report, trial: str, label: str, spend: Array, assigned: Flags, clip: float) -> None:
    """Spend plainly, and cut so that noise can be scaled to it; the difference of the two is the bias."""
    for quantity, most in (("spend_uncut", float(spend.max())), ("spend_cut", clip)):
        title = f"{label}, spend" + ("" if quantity == "spend_uncut" else f" up to {most:g} a user")
        sums = sums_of(assigned.astype(np.int64), np.minimum(spend, most), 0.0, most, SPEND_STEP, 2)
        asked = Question(trial, quantity, title, USD, "user", len(spend), scale=1.0)
        report.means(asked, sums, _TWO, _TWO, private=quantity == "spend_cut")
