"""What headings mean and how cells are read: pure functions."""
