"""What of the review holds for one's own size: questions answered from the frozen records, offline.

One entry of `QUESTIONS` adds a question to the command, to the page and to the tests.
"""

from dti_core.book.sizes.campaign import CAMPAIGN
from dti_core.book.sizes.effect import EFFECT
from dti_core.book.sizes.forecast import FORECAST
from dti_core.book.sizes.levers import LEVERS
from dti_core.book.sizes.lift import LIFT
from dti_core.book.sizes.patches import PATCHES
from dti_core.book.sizes.pooling import POOLING

#: By name, in the order of the page.
QUESTIONS = {one.name: one for one in (LIFT, CAMPAIGN, POOLING, PATCHES, FORECAST, EFFECT, LEVERS)}

__all__ = ["QUESTIONS"]
