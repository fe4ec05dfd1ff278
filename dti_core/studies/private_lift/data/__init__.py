"""Real trials, searches and paths, the simulated campaign, or a table that the user brings; each with a card."""
