"""Planners: rules, exact programs and learned agents, with what they were told and taught before."""

from dti_core.studies.patch_planning.methods.planners import METHODS, Plans, Task

__all__ = ["METHODS", "Plans", "Task"]
