"""Evidence of scanners, chances that a finding is real, and orders of work: arrays in, arrays out."""
