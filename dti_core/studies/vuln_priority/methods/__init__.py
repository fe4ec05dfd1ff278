"""Ways to tell real flaws from what tools report, orders of work, and the scanners themselves."""

from dti_core.studies.vuln_priority.methods.fusion import METHODS, Told
from dti_core.studies.vuln_priority.methods.orders import ORDERS

__all__ = ["METHODS", "ORDERS", "Told"]
