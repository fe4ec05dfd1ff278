"""What is compared. An entry in a registry of this room is all that it takes to add a method everywhere.

`noise.METHODS` publish counts; `attribution.METHODS` share credit among channels, and `payouts.RULES` money;
`learners.LEARNERS` learn who converts, `uplift.UPLIFT` whom a treatment moves, `offers.OFFERS` what to offer
to whom; `weighting.WEIGHTINGS` correct for who agreed, `dealing.POLICIES` deal rules to regions.
"""

from dti_core.studies.private_lift.methods.noise import METHODS

__all__ = ["METHODS"]
