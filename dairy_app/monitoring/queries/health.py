"""What monitoring programs and auditors ask the database."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, DateTime, Text, cast, func, literal, select, text
from sqlalchemy.orm import Session

from dairy_app.business.models import BusinessSettings
from dairy_app.database.migrations import current_of
from dairy_app.monitoring.models import AuditEntry
from dairy_app.web.pages import Page, read_page

_entries = AuditEntry.__table__
#: As text: psycopg2 would read 60.10 in them as a float.
_AS_TEXT = ("before", "after")


def schema_revision(session: Session) -> str | None:
    """The revision the database stands at; None before the first one ran. Raises MissingRights."""
    return current_of(session.connection())


def takes_no_writes(session: Session) -> bool:
    """Whether the server is a standby, or reads only by its settings."""
    reads_only = func.current_setting("default_transaction_read_only", type_=Text) == "on"
    return bool(session.scalar(select(func.pg_is_in_recovery() | reads_only)))


#: Of one of the tables that the log speaks of; each is one step in the index. With them a row is found by its key
#: alone, without them servers before PostgreSQL 18 read the index from end to end.
_OF_A_TABLE = text("""audit_log.table_name = ANY (ARRAY(
    WITH RECURSIVE named AS (
        SELECT min(table_name) AS table_name FROM audit_log
        UNION ALL
        SELECT (SELECT min(a.table_name) FROM audit_log a WHERE a.table_name > n.table_name) FROM named n
        WHERE n.table_name IS NOT NULL)
    SELECT table_name FROM named WHERE table_name IS NOT NULL))""")


#: The entries about a customer, who was merged into it, its login and every row of it that is there: row by row by its
#: key, for the log is long. Of rows that are gone nothing says whose they were.
_OF_A_CUSTOMER = text("""audit_log.id = ANY (ARRAY(
    SELECT entry.id FROM (
        SELECT 'customers' AS table_name, id FROM customers WHERE id = :customer_id
        UNION ALL SELECT 'customers', id FROM customers WHERE merged_into = :customer_id
        UNION ALL SELECT 'users', user_id FROM customers WHERE id = :customer_id
        UNION ALL SELECT 'customer_prices', id FROM customer_prices WHERE customer_id = :customer_id
        UNION ALL SELECT 'charge_rules', id FROM charge_rules WHERE customer_id = :customer_id
        UNION ALL SELECT 'customer_moves', id FROM customer_moves WHERE customer_id = :customer_id
        UNION ALL SELECT 'subscriptions', id FROM subscriptions WHERE customer_id = :customer_id
        UNION ALL SELECT 'subscription_overrides', e.id FROM subscriptions s
            JOIN subscription_overrides e ON e.subscription_id = s.id WHERE s.customer_id = :customer_id
        UNION ALL SELECT 'subscription_pauses', e.id FROM subscriptions s
            JOIN subscription_pauses e ON e.subscription_id = s.id WHERE s.customer_id = :customer_id
        UNION ALL SELECT 'subscription_quantities', e.id FROM subscriptions s
            JOIN subscription_quantities e ON e.subscription_id = s.id WHERE s.customer_id = :customer_id
        UNION ALL SELECT 'subscription_schedules', e.id FROM subscriptions s
            JOIN subscription_schedules e ON e.subscription_id = s.id WHERE s.customer_id = :customer_id
        UNION ALL SELECT 'change_requests', id FROM change_requests WHERE customer_id = :customer_id
        UNION ALL SELECT 'orders', id FROM orders WHERE customer_id = :customer_id
        UNION ALL SELECT 'delivery_statuses', id FROM delivery_statuses WHERE customer_id = :customer_id
        UNION ALL SELECT 'delivery_photos', id FROM delivery_photos WHERE customer_id = :customer_id
        UNION ALL SELECT 'container_movements', id FROM container_movements WHERE customer_id = :customer_id
        UNION ALL SELECT 'invoices', id FROM invoices WHERE customer_id = :customer_id
        UNION ALL SELECT 'adjustments', id FROM adjustments WHERE customer_id = :customer_id
        UNION ALL SELECT 'credit_notes', id FROM credit_notes WHERE customer_id = :customer_id
        UNION ALL SELECT 'debit_notes', id FROM debit_notes WHERE customer_id = :customer_id
        UNION ALL SELECT 'payments', id FROM payments WHERE customer_id = :customer_id
        UNION ALL SELECT 'payment_allocations', id FROM payment_allocations WHERE customer_id = :customer_id
        UNION ALL SELECT 'refunds', id FROM refunds WHERE customer_id = :customer_id
        UNION ALL SELECT 'payment_links', id FROM payment_links WHERE customer_id = :customer_id
        UNION ALL SELECT 'opening_balances', id FROM opening_balances WHERE customer_id = :customer_id
        UNION ALL SELECT 'write_offs', id FROM write_offs WHERE customer_id = :customer_id
    ) AS own CROSS JOIN LATERAL (
        SELECT a.id FROM audit_log a WHERE a.table_name = own.table_name AND a.row_id = own.id::text OFFSET 0
    ) AS entry))""")


def audit_page(
    session: Session,
    *,
    table_name: str | None,
    row_id: str | None,
    actor_user_id: UUID | None,
    customer_id: UUID | None,
    first_day: date | None,
    last_day: date | None,
    limit: int,
    cursor: str | None,
) -> Page:
    """Entries of the audit log, newest first; the days are those of the dairy's zone, both inclusive."""
    equal = {"table_name": table_name, "row_id": row_id, "actor_user_id": actor_user_id}
    conditions: list[Any] = [_entries.c[name] == value for name, value in equal.items() if value is not None]
    if first_day:
        conditions.append(_entries.c.at >= _midnight_before(literal(first_day, Date)))
    if last_day:
        conditions.append(_entries.c.at < _midnight_before(literal(last_day, Date) + 1))
    if row_id is not None and table_name is None:
        conditions.append(_OF_A_TABLE)
    if customer_id is not None:
        conditions.append(_OF_A_CUSTOMER.bindparams(customer_id=customer_id))
    columns = [cast(each, Text).label(each.name) if each.name in _AS_TEXT else each for each in _entries.c]
    keys = [_entries.c.at, _entries.c.id]
    return read_page(session, select(*columns).where(*conditions), keys, limit=limit, cursor=cursor, descending=True)


def _midnight_before(day: ColumnElement[date]) -> ColumnElement[datetime]:
    zone = select(BusinessSettings.time_zone).scalar_subquery()
    return func.timezone(zone, cast(day, DateTime(timezone=False)))
