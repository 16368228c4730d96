"""Money that comes in by itself: links of a payment gateway and what the gateway tells, statements of a bank.

What arrives is kept as it came before anything is made of it, and is booked once, by the services of receivables. What
cannot be booked is kept with the reason until a person decides. No request to a gateway is made while rows are locked.
"""
