"""Reading write-offs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from dairy_app.customers.models import Customer
from dairy_app.receivables.models import WriteOff
from dairy_app.receivables.queries.payments import _NAMES


def write_off_list(filters: Mapping[str, Any]) -> Select[Any]:
    """Write-offs with code and name of the customer, filtered."""
    query = select(*WriteOff.__table__.columns, *_NAMES).join(Customer, Customer.id == WriteOff.customer_id)
    for name in ("customer_id", "invoice_id"):
        if filters[name] is not None:
            query = query.where(getattr(WriteOff, name) == filters[name])
    if filters["date_from"] is not None:
        query = query.where(WriteOff.written_off_on >= filters["date_from"])
    if filters["date_to"] is not None:
        query = query.where(WriteOff.written_off_on <= filters["date_to"])
    return query
