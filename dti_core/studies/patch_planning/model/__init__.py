"""The planning problem: estates, what a patch is worth, what a week allows, what a plan earned."""
