"""Links, events and statements as clients see them."""
