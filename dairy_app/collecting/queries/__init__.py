"""Reading links, events and statements."""
