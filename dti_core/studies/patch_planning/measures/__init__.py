"""What each question asks of the planners, and what came out."""
