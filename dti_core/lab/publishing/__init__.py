"""From finished runs to the book: clean, freeze, generate pages, build."""
