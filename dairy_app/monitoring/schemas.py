"""The audit log, the figures and the reports of consistency as admins see them."""

import json
from typing import Any

from marshmallow import fields

from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Strict, page_of


class Columns(fields.Dict):
    """Columns with their values, from JSON text; numbers with a fraction as strings, as they are everywhere."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> dict[Any, Any] | None:
        return None if value is None else json.loads(value, parse_float=str)


class AuditQuery(PageQuery):
    """Filters of the audit log; the days are the dairy's, both inclusive."""

    table_name = Line(100, load_default=None, metadata={"example": "product_prices"})
    row_id = Line(200, load_default=None)
    actor_user_id = fields.UUID(load_default=None)
    customer_id = fields.UUID(
        load_default=None,
        metadata={"description": "About the customer, its login and its rows, but those that were deleted."},
    )
    first_day = Day(load_default=None, data_key="date[gte]")
    last_day = Day(load_default=None, data_key="date[lte]")


class AuditEntryOut(Strict):
    """One change of one row. ``actor_user_id`` null: a command or plain SQL; then ``request_id``, ``db_user`` tell."""

    id = fields.Integer()
    at = fields.AwareDateTime()
    actor_user_id = fields.UUID(allow_none=True)
    actor_role = fields.String(allow_none=True, metadata={"example": "admin"})
    shared_link_id = fields.UUID(allow_none=True)
    request_id = fields.String(allow_none=True, metadata={"example": "4f1c9b7e2a"})
    ip = fields.String(allow_none=True, metadata={"example": "203.0.113.9"})
    db_user = fields.String(metadata={"example": "dairy"})
    table_name = fields.String(metadata={"example": "product_prices"})
    row_id = fields.String(metadata={"example": "0198f2c4-7a11-7c3e-9d55-1f2e3d4c5b6a"})
    action = fields.String(metadata={"example": "UPDATE"})
    before = Columns(allow_none=True, metadata={"example": {"price": "60.00"}})
    after = Columns(allow_none=True, metadata={"example": {"price": "62.00"}})


AuditPage = page_of(AuditEntryOut, "AuditPage")


class StatsOut(Strict):
    """Is the round under way, and is what was delivered going to be billed. Days are the dairy's."""

    date = Day()
    orders_today = fields.Integer(metadata={"example": 180})
    orders_today_by_status = fields.Dict(metadata={"example": {"pending": 60, "delivered": 120}})
    confirmations_today = fields.Integer(metadata={"example": 120})
    late_confirmations = fields.Integer(
        metadata={"description": "Confirmed after the day of delivery; in 31 days.", "example": 0}
    )
    drafts = fields.Integer(metadata={"description": "Drafts with orders on them.", "example": 200})
    draft_orders = fields.Integer(metadata={"example": 4100})
    drafts_value = Money(metadata={"description": "Delivered quantities × prices on drafts."})
    unbilled_oldest_days = fields.Integer(
        allow_none=True, metadata={"description": "Age of the oldest delivery on a draft.", "example": 21}
    )
    one_time_papers = fields.Integer(
        metadata={"description": "Invoices with one-time lines; in 31 days.", "example": 41}
    )
    one_time_amount = Money(metadata={"description": "One-time revenue on them."})
    orphans = fields.Integer(
        metadata={"description": "Delivered, but on no invoice, or without an order; in 31 days.", "example": 0}
    )
    orders_pending_long = fields.Integer(metadata={"description": "Open for more than 7 days.", "example": 0})
    failed_logins_last_hour = fields.Integer(metadata={"example": 0})
    archiving_fails = fields.Boolean(allow_none=True, metadata={"example": False})
    wal_segments_waiting = fields.Integer(allow_none=True, metadata={"example": 0})


class FindingOut(Strict):
    """One report. Severity critical: stop and understand it; high: somebody is not served; medium: look at it."""

    name = fields.String(metadata={"example": "orders_pending_long"})
    severity = Choice("critical", "high", "medium")
    means = fields.String(metadata={"example": "Orders still open 7 days after their day."})
    count = fields.Integer(metadata={"example": 0})
    examples = fields.List(fields.String(), metadata={"description": "At most 10 ids.", "example": []})


class ConsistencyOut(Strict):
    """Every report, also those that found nothing."""

    date = Day()
    critical = fields.Boolean(metadata={"description": "A critical report found something.", "example": False})
    items = fields.List(fields.Nested(FindingOut), attribute="reports", dump_only=True)
    reports = fields.List(fields.Nested(FindingOut), metadata={"deprecated": True})
