"""GSTR-1, with the code lists of the portal."""
