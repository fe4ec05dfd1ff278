"""An executable review: studies (science), bridges (technology shared by studies), lab (no science)."""
