"""What HTTP needs: who may call what, bodies, answers, pages of lists, entity tags, idempotency keys, documentation.

It owns ``idempotency_keys`` and nothing else in the database. ``access`` names the roles: a route without a policy
stops the start-up. ``openapi`` says what the routes declare, ``refusals`` which codes their code can answer.
"""
