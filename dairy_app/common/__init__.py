"""What every domain stands on: HTTP, time, money, SQL. Knows no milk.

Rules
-----
* ``transactions`` is the only module that begins, commits or rolls back.
* ``errors`` holds the one table of error codes; everything else raises ``Problem(code)``.
* ``openapi`` tells what the routes declare, ``refusals`` which codes their code can answer.
* ``access`` names the roles; a route without a policy stops the start-up.
"""
