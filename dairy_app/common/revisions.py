"""What the revisions in ``alembic/versions`` share: running frozen SQL, and refusing to lose data.

A revision never imports models or ``ddl.py``: it holds the SQL of its day.
"""

from alembic import context, op

__all__ = ["refuse_data_loss", "run"]


def run(sql: str) -> None:
    """Run SQL as it stands: colons and percent signs mean nothing, online and with ``--sql``."""
    if context.is_offline_mode():
        context.get_context().impl.static_output(sql.strip())
    else:
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def refuse_data_loss(condition: str, what: str) -> None:
    """Stop a downgrade while rows meet ``condition``, unless ``-x allow_data_loss=true`` was given.

    ``condition`` is the body of an EXISTS; ``what`` names what would be lost.
    """
    if context.get_x_argument(as_dictionary=True).get("allow_data_loss") == "true":
        return
    run(f"""
DO $$ BEGIN
    IF EXISTS ({condition}) THEN
        RAISE EXCEPTION 'this downgrade would lose {what}; to accept that: dairy db downgrade … --allow-data-loss';
    END IF;
END $$;""")
