"""From CVSS to a chance of exploitation: the assumption that is used where a finding has no probability."""

import math
import re

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

#: From a base score on: assumed chance of exploitation within 30 days. They are the shares of records that
#: CISA lists as exploited among those of its vulnrichment (snapshot 2024-10-24) with such a score: all the
#: time since publication counts, which overstates 30 days; what CISA does not list understates.
CHANCE_BY_SCORE = ((9.0, 0.024), (7.0, 0.0089), (4.0, 0.0020), (0.0, 0.0007))
#: Of a finding that is known to be exploited: median EPSS of the entries of KEV in August 2026.
CHANCE_IF_EXPLOITED = 0.55
_VECTOR = re.compile(r"[A-Za-z]+(:[\w.]+)?(/[A-Za-z]+:[A-Za-z]+)+")


def base_score(text: str) -> float:
    """The CVSS base score of a vector, or the score itself. ValueError for what is neither."""
    try:
        score = float(text)
    except ValueError:
        return _score_of_vector(text)
    if not 0 <= score <= 10:
        raise ValueError(f"{text} is no base score from 0 to 10")
    return score


def exploit_chance(score: float | None, *, exploited: bool) -> float:
    """Assumed chance of exploitation within 30 days of a finding without a probability of its own."""
    if exploited:
        return CHANCE_IF_EXPLOITED
    if score is None:
        raise ValueError("neither CVSS nor a probability of exploitation")
    return next(chance for least, chance in CHANCE_BY_SCORE if score >= least)


def weekly(chance: float) -> float:
    """The chance within a week whose even repetition gives `chance` within 30 days."""
    return 1.0 if chance >= 1 else -math.expm1(math.log1p(-chance) * 7 / 30)


def _score_of_vector(text: str) -> float:
    if not _VECTOR.fullmatch(text) or len(text) > 300:
        raise ValueError(f"'{text[:60]}' is neither a CVSS vector nor a score, such as 9.8")
    kind = CVSS4 if text.startswith("CVSS:4") else CVSS3 if text.startswith("CVSS:") else CVSS2
    try:
        return float(kind(text).scores()[0])
    except CVSSError as error:
        raise ValueError(f"'{text[:60]}' is no CVSS vector: {error}") from error
