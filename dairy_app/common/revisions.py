"""What the revisions in ``alembic/versions`` share: running frozen SQL, and refusing to lose data.

A revision never imports models or files of SQL: it holds the SQL of its day.
"""

from collections.abc import Sequence

from alembic import context, op

from dairy_app.common.functions import pinned

__all__ = ["in_batches", "in_steps", "is_there", "refuse_data_loss", "run"]

#: Customers of one batch: whoever waits for a row of one of them waits for a fraction of a second.
CUSTOMERS_A_BATCH = 200


def run(sql: str) -> None:
    """Run SQL as it stands: colons and percent signs mean nothing, online and with ``--sql``.

    Only to functions their search path is added: see ``pinned``.
    """
    sql = pinned(sql)
    if context.is_offline_mode():
        context.get_context().impl.static_output(sql.strip())
    else:
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def is_there(function: str) -> bool:
    """Whether an attempt that was cut short made the function; never so when the SQL is printed."""
    if context.is_offline_mode():
        return False
    return bool(op.get_bind().exec_driver_sql(f"SELECT to_regprocedure('{function}') IS NOT NULL").scalar())


def in_steps(statements: Sequence[str]) -> None:
    """Run statements as a transaction each, so that no lock outlives its statement.

    Cut short, the revision is run again from its beginning: each statement has to bear that.
    """
    with op.get_context().autocommit_block():
        for statement in statements:
            run(statement)


def in_batches(sql: str) -> None:
    """Run SQL for some customers at a time, a transaction each: ``{among}`` is the condition on a customer's id.

    Like ``in_steps`` it has to bear being run again. Printed, it is one statement for all.
    """
    if context.is_offline_mode():
        in_steps([sql.replace("{among}", "IS NOT NULL")])
        return
    with op.get_context().autocommit_block():
        ends = op.get_bind().exec_driver_sql(
            f"""
            SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS many FROM customers) c
            WHERE n % {CUSTOMERS_A_BATCH} = 0 OR n = many ORDER BY id""".replace("%", "%%")
        )
        first = "00000000-0000-0000-0000-000000000000"
        for (last,) in ends.all():
            run(sql.replace("{among}", f"BETWEEN '{first}' AND '{last}'"))
            first = last


def refuse_data_loss(condition: str, what: str) -> None:
    """Stop a downgrade while rows meet ``condition``, unless ``-x allow_data_loss=true`` was given.

    ``condition`` is the body of an EXISTS; ``what`` names what would be lost.
    """
    if context.get_x_argument(as_dictionary=True).get("allow_data_loss") == "true":
        return
    ways = "dairy db downgrade … --allow-data-loss (alembic -x allow_data_loss=true downgrade …)"
    run(f"""
DO $$ BEGIN
    IF EXISTS ({condition}) THEN
        RAISE EXCEPTION 'this downgrade would lose {what}; to accept that: {ways}';
    END IF;
END $$;""")
