"""Queuing what is told each night, a statement for each kind."""

from datetime import date

from sqlalchemy import ARRAY, Uuid, func, literal, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from dairy_app.subscriptions.queries.due import held_back, these_days

# Once for each payment: whoever pays makes room, and may be told again when that is used up.
_LOW = """
SELECT coalesce(queue_told('low_balance', array_agg(e.customer_id), array_agg(jsonb_build_object(
        'left', greatest(e.credit_limit - e.exposure, 0), 'balance', greatest(e.balance, 0))),
    array_agg(concat_ws(':', 'low_balance', e.customer_id, p.id, e.credit_limit)), NULL, NULL), 0)
FROM message_kinds k CROSS JOIN credit_exposures(NULL, CAST(:day AS date)) e
JOIN customers c ON c.id = e.customer_id AND c.status <> 'stopped'
LEFT JOIN LATERAL (SELECT p.id FROM payments p WHERE p.customer_id = e.customer_id ORDER BY p.id DESC LIMIT 1) p ON true
WHERE k.kind = 'low_balance' AND k.is_on AND e.credit_limit - e.exposure < k.below"""


def queue_low_balances(session: Session, day: date) -> int:
    """Tell whoever is near its limit; ``day``: whose rates of tax count. Returns how many are told now."""
    return int(session.scalars(text(_LOW), {"day": day}).one())


def queue_not_delivered(session: Session, days: list[date]) -> int:
    """Tell those whose deliveries of days a closing holds back; returns how many are told now."""
    held = held_back(these_days(days))
    ids = ARRAY(Uuid())
    customers = func.array_agg(aggregate_order_by(held.c.customer_id, held.c.customer_id, held.c.closed_day_id))
    closings = func.array_agg(aggregate_order_by(held.c.closed_day_id, held.c.customer_id, held.c.closed_day_id))
    queued = func.queue_not_delivered(
        func.coalesce(customers, literal([], ids)), func.coalesce(closings, literal([], ids))
    )
    return int(session.scalars(select(queued).select_from(held)).one())
