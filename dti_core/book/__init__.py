"""Records become a book: chapters frozen, redrawn and held against the tree; pages written and built."""
