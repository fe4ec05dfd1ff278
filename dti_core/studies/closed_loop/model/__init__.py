"""The loop as algebra, and as a world of firms."""
