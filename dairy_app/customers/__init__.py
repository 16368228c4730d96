"""Who is delivered to: customers, areas, rounds' order of stops, prices agreed with one customer.

Rules: a customer has at most one login and a login at most one customer; creating a customer creates its
login in the same transaction; a phone or e-mail that a user holds is never taken over. The customer's row
is the mutex of its money: whoever changes an order's billing, an invoice or a payment locks it first.
"""
