"""The cells: each carries one bridge to one field. An entry of `METHODS` adds a cell everywhere."""

from dti_core.studies.spillover.methods.cells import METHODS, REGIONS, STREAMS, Cell

__all__ = ["METHODS", "REGIONS", "STREAMS", "Cell"]
