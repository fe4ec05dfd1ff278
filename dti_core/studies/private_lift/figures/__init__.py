"""Result -> figure or table; each takes its numbers from a Result alone."""
