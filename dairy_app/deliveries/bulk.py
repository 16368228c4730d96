"""Confirming a set of deliveries: one call of ``confirm_deliveries`` (``ddl.py``), whatever the size."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_CONFIRM = text("""
SELECT item_index, outcome, code, detail, order_id, order_status, delivery_status
FROM confirm_deliveries(CAST(:confirmations AS jsonb), CAST(:confirmed_by AS uuid), :confirmed_by_name,
    :method, CAST(:round_of AS uuid), CAST(:ip AS inet), :device, :at)
""")


def confirm_deliveries(
    session: Session,
    confirmations: Sequence[Mapping[str, Any]],
    *,
    confirmed_by: UUID | None,
    confirmed_by_name: str,
    method: str,
    round_of: UUID | None,
    ip: str | None,
    device: str | None,
    at: datetime,
) -> Sequence[Row[Any]]:
    """One row per confirmation, in their order: confirmed, replayed, or rejected with code and detail."""
    return session.execute(
        _CONFIRM,
        {
            "confirmations": json.dumps(list(confirmations), default=str),
            "confirmed_by": confirmed_by,
            "confirmed_by_name": confirmed_by_name,
            "method": method,
            "round_of": round_of,
            "ip": ip,
            "device": device,
            "at": at,
        },
    ).all()


def read_status(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A row of ``delivery_statuses`` that came as JSON, with its instants and dates as such again."""
    if row is None:
        return None
    read = dict(row)
    for name in ("delivered_at", "confirmed_at"):
        read[name] = datetime.fromisoformat(read[name]) if read[name] else None
    read["delivery_date"] = date.fromisoformat(read["delivery_date"])
    return read
