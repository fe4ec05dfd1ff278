"""What may stand in a book: outputs cleaned, figures told in words, pages under a policy."""
