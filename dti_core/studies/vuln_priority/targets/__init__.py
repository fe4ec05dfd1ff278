"""The labelled lab: generator of deliberately vulnerable services, run on loopback only, and their proofs."""
