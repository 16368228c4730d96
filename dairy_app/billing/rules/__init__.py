"""Pure rules of billing: runs, crediting."""
