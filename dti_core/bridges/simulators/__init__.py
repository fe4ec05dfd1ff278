"""Simulators that step many worlds at once.

The batched simulator is the implementation, a PettingZoo environment a view of one of its worlds. A seed says
all that is random in a world, so that a world is the same alone and in a batch, and equal seeds give replicas
under common random numbers.

Assumes: all worlds of a batch have as many agents and steps; smaller ones are filled up with agents whose
only action is 0.
"""

from dti_core.bridges.simulators.conformance import Fault, check_simulator
from dti_core.bridges.simulators.parallel import as_parallel_env
from dti_core.bridges.simulators.protocol import Actions, BatchedSimulator, Make, Observation, Outcome

__all__ = [
    "Actions", "BatchedSimulator", "Fault", "Make", "Observation", "Outcome", "as_parallel_env",
    "check_simulator",
]  # fmt: skip
