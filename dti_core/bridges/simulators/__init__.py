"""Simulators that step many worlds at once.

The batched simulator is the implementation. One seed a world says all that is random in it, so that a world is
the same alone and in a batch, and equal seeds give replicas under common random numbers.

Assumes: all worlds of a batch have as many agents and steps; smaller ones are filled up with agents whose
only action is 0.
"""

from dti_core.bridges.simulators.protocol import Actions, BatchedSimulator, Make, Observation, Outcome

__all__ = ["Actions", "BatchedSimulator", "Make", "Observation", "Outcome"]
