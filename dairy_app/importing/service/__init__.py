"""Use cases of files: read, judged as a whole, and written as a whole or not at all."""
