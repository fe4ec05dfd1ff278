"""What is measured: the gains of each cell, and what all cells together say of the review's sentences."""
