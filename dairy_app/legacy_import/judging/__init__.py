"""What becomes of each staged document."""
