"""How figures are written for people, and what is on the menu."""
