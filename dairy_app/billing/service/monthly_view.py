"""The month as a grid: customer × product × day of delivered quantities, as the earlier system's sheet had it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dairy_app.billing.queries.monthly_view import customers_of_month, drafts_of_month
from dairy_app.deliveries.queries import month_grid
from dairy_app.invoices.rules import month_bounds
from dairy_app.receivables.queries.ledger import customers_overdue, month_of_ledger
from dairy_app.receivables.rules import month_status

#: What marketing staff do not get.
PAYMENT_FIELDS = frozenset({"paid", "other_entries", "payment_status"})


def month_days(period: str) -> list[date]:
    """Every day of a month."""
    first, last = month_bounds(period)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def monthly_view(
    session: Session,
    period: str,
    *,
    today: date,
    after: str,
    limit: int,
    area_id: UUID | None = None,
    customer_id: UUID | None = None,
    delivery_boy_id: UUID | None = None,
    marketing_staff_id: UUID | None = None,
    product_id: UUID | None = None,
) -> Sequence[dict[str, Any]]:
    """One row per customer by code, five statements whatever the page; amounts in rupees.

    ``product_id`` shows who got that product, and only it; the money is that of the whole customer.
    ``bill`` is what is issued for the month plus what its drafts would total. Balances and status are those of
    the month's last day, or of today while it runs: previous_balance + bill + other_entries − paid =
    current_balance.
    """
    first, last = month_bounds(period)
    filters = {
        "area_id": area_id,
        "customer_id": customer_id,
        "delivery_boy_id": delivery_boy_id,
        "marketing_staff_id": marketing_staff_id,
        "product_id": product_id,
    }
    rows = customers_of_month(session, first, last, filters, after=after, limit=limit)
    ids = [row["customer_id"] for row in rows]
    products = month_grid(session, ids, first, last, product_id)
    drafts = drafts_of_month(session, ids, first, last, today)
    moved = month_of_ledger(session, ids, first, last)
    overdue = customers_overdue(session, ids, min(last, today))
    return [
        _with_balances(row, drafts, moved, overdue) | {"products": products.get(row["customer_id"], [])} for row in rows
    ]


def _with_balances(
    row: RowMapping, drafts: dict[UUID, Decimal], moved: Mapping[UUID, RowMapping], overdue: set[UUID]
) -> dict[str, Any]:
    customer = row["customer_id"]
    before, paid, other = (
        moved[customer][name] if customer in moved else Decimal(0) for name in ("before", "paid", "other_entries")
    )
    bill = row["issued"] + drafts.get(customer, Decimal(0))
    previous = row["issued_before"] + before
    balance = previous + bill + other - paid
    status = month_status(balance, paid, overdue=customer in overdue)
    sums = {"bill": bill, "paid": paid, "other_entries": other, "previous_balance": previous}
    return {**row, **sums, "current_balance": balance, "payment_status": status}
