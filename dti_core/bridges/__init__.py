"""Technology that more than one study uses: importing it is what the review calls a technical spillover."""
