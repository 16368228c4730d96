"""Standing orders: what a customer wants every day, and the days that differ.

The tables stand here because orders point to them; the services come with the rounds.
"""
