"""Policies that learn in a batched simulator: four variants of PPO, and the cross-entropy method.

All agents share weights, so that a policy trained on small estates acts on large ones. Limits on costs are
held by prices that dual ascent moves. Equal arguments give equal weights, also after a stop; weights are
kept without code, in safetensors.

Assumes: rewards are dollars, undiscounted, over episodes of one length.
"""

from dti_core.bridges.policies.cem import Cem
from dti_core.bridges.policies.hierarchical import Hierarchical
from dti_core.bridges.policies.ippo import Ippo
from dti_core.bridges.policies.mappo import Mappo
from dti_core.bridges.policies.policy import Policy, Shape
from dti_core.bridges.policies.settings import Sizes
from dti_core.bridges.policies.single import Single
from dti_core.bridges.policies.training import ALGORITHMS, Algorithm, Progress, train
from dti_core.bridges.policies.weights import load_policies, save_policies

__all__ = [
    "ALGORITHMS", "Algorithm", "Cem", "Hierarchical", "Ippo", "Mappo", "Policy", "Progress", "Shape",
    "Single", "Sizes", "load_policies", "save_policies", "train",
]  # fmt: skip
