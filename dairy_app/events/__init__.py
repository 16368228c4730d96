"""What happened, for other programs: a list to read on from, and messages to their addresses."""
