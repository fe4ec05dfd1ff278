"""The planners."""
