"""Logins: users, passwords, invitations, tokens, throttling.

Rules: a user logs in by e-mail or phone; there are no default passwords, only invitations; deactivation or
a new password ends every token at once; role and ``is_active`` are read from the database per request; the
user row is the mutex of its password, sessions and invitations; failed tries are counted in PostgreSQL.
"""
