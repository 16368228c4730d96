"""Use cases of events: endpoints, and telling them."""
