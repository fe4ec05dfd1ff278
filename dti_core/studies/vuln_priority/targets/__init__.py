"""The labelled lab: a generator of deliberately vulnerable services, run on loopback only, with their proofs."""
