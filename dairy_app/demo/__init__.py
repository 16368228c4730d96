"""A sample dairy to look at: the same people and numbers every time, counted back from the day it is made.

Rules: it fills an empty database only, and refuses one that holds anybody else's data; what a client could do
goes through the services (people, products, prices, confirmations, billing), the rest is inserted in sets; an
interrupted filling is taken up where it stopped.
"""
