"""Technology that more than one study uses; importing from here is what the review calls a technical spillover."""
