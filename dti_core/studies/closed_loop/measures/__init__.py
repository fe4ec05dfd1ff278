"""Questions asked of the loop, one file each."""
