"""Patch planning for services that call each other: rules, exact solvers and learned agents."""
