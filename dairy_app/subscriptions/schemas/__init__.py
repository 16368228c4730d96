"""Standing orders as clients see them."""
