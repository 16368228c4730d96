"""Files for other bookkeeping programs."""
