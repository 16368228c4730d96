"""How the product lives in PostgreSQL: transactions, migrations, structure, backups, audit, the embedded server.

It owns no table: what a table means is in its package's ``models`` and ``sql``. ``transactions`` is the only module
that begins, commits or rolls back.
"""
