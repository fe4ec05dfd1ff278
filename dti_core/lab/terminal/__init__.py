"""What the `dti` command does and shows."""
