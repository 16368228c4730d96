"""Cash that was collected and handed over."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, func, select, text
from sqlalchemy.orm import Session, aliased

from dairy_app.accounts.models import User
from dairy_app.receivables.models import CashSettlement, Payment
from dairy_app.receivables.policy import COLLECTORS, visible_settlements
from dairy_app.web.access import Actor


def is_collector(session: Session, user_id: UUID, *, still: bool = False) -> bool:
    """Whether that user's role takes cash. Active or not: yesterday's cash may be of somebody who left today.

    ``still``: and whether the user may take some now.
    """
    roles = [role.value for role in COLLECTORS]
    wanted = select(User.id).where(User.id == user_id, User.role.in_(roles))
    return session.scalar(wanted.where(User.is_active) if still else wanted) is not None


def cash_to_hand_over(session: Session, through: date, staff_id: UUID | None) -> Sequence[RowMapping]:
    """Who took how much cash up to a day, less what he paid back of it, and has not handed it over.

    Of one person also payment by payment and refund by refund.
    """
    return (
        session.execute(
            text("""
                SELECT p.staff_id, u.name AS staff_name, sum(p.amount) AS expected,
                    count(*) FILTER (WHERE p.amount > 0) AS count, min(p.day) AS oldest_on,
                    CASE WHEN CAST(:staff AS uuid) IS NULL THEN '[]' ELSE coalesce(jsonb_agg(jsonb_build_object(
                        'id', p.id, 'receipt_no', p.number, 'customer_id', p.customer_id,
                        'customer_code', c.code, 'customer_name', c.name, 'received_on', p.day,
                        'amount', p.amount::text) ORDER BY p.day, p.id)
                        FILTER (WHERE p.amount > 0), '[]') END AS payments,
                    CASE WHEN CAST(:staff AS uuid) IS NULL THEN '[]' ELSE coalesce(jsonb_agg(jsonb_build_object(
                        'id', p.id, 'voucher_no', p.number, 'customer_id', p.customer_id,
                        'customer_code', c.code, 'customer_name', c.name, 'paid_on', p.day,
                        'amount', (-p.amount)::text) ORDER BY p.day, p.id)
                        FILTER (WHERE p.amount < 0), '[]') END AS refunds
                FROM (
                    SELECT id, receipt_no AS number, customer_id, collected_by AS staff_id, received_on AS day, amount
                    FROM payments
                    WHERE method = 'cash' AND collected_by IS NOT NULL AND cash_settlement_id IS NULL
                        AND status = 'received'
                    UNION ALL
                    SELECT id, voucher_no, customer_id, paid_by, paid_on, -amount FROM refunds
                    WHERE paid_by IS NOT NULL AND cash_settlement_id IS NULL AND status = 'paid'
                ) p
                JOIN users u ON u.id = p.staff_id JOIN customers c ON c.id = p.customer_id
                WHERE p.day <= :through AND (CAST(:staff AS uuid) IS NULL OR p.staff_id = :staff)
                GROUP BY 1, 2 ORDER BY 2, 1"""),
            {"through": through, "staff": staff_id},
        )
        .mappings()
        .all()
    )


def cash_of_day(session: Session, staff_id: UUID, day: date) -> dict[UUID, Decimal]:
    """How much cash somebody took on a day, in rupees, by customer."""
    rows = session.execute(
        select(Payment.customer_id, func.sum(Payment.amount))
        .where(Payment.collected_by == staff_id, Payment.received_on == day, Payment.method == "cash")
        .where(Payment.status == "received")
        .group_by(Payment.customer_id)
    )
    return {row[0]: row[1] for row in rows}


def settlement_list(actor: Actor, filters: Mapping[str, Any]) -> Select[Any]:
    """The settlements an actor may see, with the names of who handed over and who took it."""
    staff, office = aliased(User), aliased(User)
    query = (
        select(*CashSettlement.__table__.columns, staff.name.label("staff_name"), office.name.label("settled_by_name"))
        .join(staff, staff.id == CashSettlement.staff_id)
        .join(office, office.id == CashSettlement.settled_by)
        .where(visible_settlements(actor))
    )
    if filters["staff_id"] is not None:
        query = query.where(CashSettlement.staff_id == filters["staff_id"])
    if filters["date_from"] is not None:
        query = query.where(CashSettlement.settled_for >= filters["date_from"])
    if filters["date_to"] is not None:
        query = query.where(CashSettlement.settled_for <= filters["date_to"])
    return query
