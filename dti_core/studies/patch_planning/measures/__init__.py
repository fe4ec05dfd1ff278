"""What plans earn, and what that says: one file a question."""
