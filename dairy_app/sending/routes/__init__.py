"""What waits, what was sent, and of what customers are reminded."""
