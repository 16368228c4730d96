"""GSTR-1 and GSTR-3B, with the code lists of the portal."""
