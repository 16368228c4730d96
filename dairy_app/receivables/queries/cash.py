"""Cash that was collected and handed over."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, select, text
from sqlalchemy.orm import Session, aliased

from dairy_app.accounts.models import User
from dairy_app.receivables.models import CashSettlement
from dairy_app.receivables.policy import COLLECTORS, visible_settlements
from dairy_app.web.access import Actor


def is_collector(session: Session, user_id: UUID) -> bool:
    """Whether that user's role takes cash. Active or not: yesterday's cash may be of somebody who left today."""
    roles = [role.value for role in COLLECTORS]
    return session.scalar(select(User.id).where(User.id == user_id, User.role.in_(roles))) is not None


def cash_to_hand_over(session: Session, through: date, staff_id: UUID | None) -> Sequence[RowMapping]:
    """Who took how much cash up to a day and has not handed it over; of one person also payment by payment."""
    return (
        session.execute(
            text("""
                SELECT p.collected_by AS staff_id, u.name AS staff_name, sum(p.amount) AS expected,
                    count(*) AS count, min(p.received_on) AS oldest_on,
                    CASE WHEN CAST(:staff AS uuid) IS NULL THEN '[]' ELSE jsonb_agg(jsonb_build_object(
                        'id', p.id, 'receipt_no', p.receipt_no, 'customer_id', p.customer_id,
                        'customer_code', c.code, 'customer_name', c.name, 'received_on', p.received_on,
                        'amount', p.amount::text) ORDER BY p.received_on, p.id) END AS payments
                FROM payments p JOIN users u ON u.id = p.collected_by JOIN customers c ON c.id = p.customer_id
                WHERE p.method = 'cash' AND p.collected_by IS NOT NULL AND p.cash_settlement_id IS NULL
                    AND p.status = 'received' AND p.received_on <= :through
                    AND (CAST(:staff AS uuid) IS NULL OR p.collected_by = :staff)
                GROUP BY 1, 2 ORDER BY 2, 1"""),
            {"through": through, "staff": staff_id},
        )
        .mappings()
        .all()
    )


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
