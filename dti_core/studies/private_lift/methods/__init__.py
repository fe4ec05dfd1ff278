"""What is compared: ways to protect, to attribute, to learn."""
