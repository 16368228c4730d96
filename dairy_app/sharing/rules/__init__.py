"""Pure rules of links and their page."""
