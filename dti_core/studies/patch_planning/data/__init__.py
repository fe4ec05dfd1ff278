"""What a plan starts from."""
