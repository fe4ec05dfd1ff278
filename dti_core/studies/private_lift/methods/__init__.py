"""How one may answer: one entry in a registry adds a method to estimates, tables and figures."""
