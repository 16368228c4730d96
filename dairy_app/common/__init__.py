"""What every domain stands on: HTTP, time, money, SQL. Knows no milk.

Rules
-----
* ``transactions`` is the only module that begins, commits or rolls back.
* ``errors`` holds the one table of error codes; everything else raises ``Problem(code)``.
* ``access`` names the roles; a route without a policy stops the start-up.
"""
