"""The audit log as admins see it."""

import json
from typing import Any

from marshmallow import fields

from dairy_app.common.schemas import Day, Line, PageQuery, Strict, page_of


class Columns(fields.Field[Any]):
    """Columns with their values, from JSON text; numbers with a fraction as strings, as they are everywhere."""

    def _serialize(self, value: str | None, attr: str | None, obj: Any, **kwargs: Any) -> dict[str, Any] | None:
        return None if value is None else json.loads(value, parse_float=str)


class AuditQuery(PageQuery):
    """Filters of the audit log; the days are the dairy's, both inclusive."""

    table_name = Line(100, load_default=None, metadata={"example": "product_prices"})
    row_id = Line(200, load_default=None)
    actor_user_id = fields.UUID(load_default=None)
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
