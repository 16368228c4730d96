"""What becomes of messages: by the office, and by a sender."""
