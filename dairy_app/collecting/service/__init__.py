"""Links made, events booked, statements taken."""
