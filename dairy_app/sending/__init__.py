"""Messages that are really sent: leased from the outbox, handed over, and marked."""
