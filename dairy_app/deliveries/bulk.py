"""Confirming a set of deliveries: one call of ``confirm_deliveries`` (``ddl.py``), whatever the size."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from dairy_app.deliveries.rules import LONGEST_DEVICE, Confirmer, Scope

_CONFIRM = text("""
SELECT item_index, outcome, code, detail, order_id, order_status, delivery_status
FROM confirm_deliveries(CAST(:confirmations AS jsonb), CAST(:confirmed_by AS uuid), :confirmed_by_name, :method,
    CAST(:shared_link_id AS uuid), CAST(:boy AS uuid), CAST(:area AS uuid), CAST(:first AS date), CAST(:last AS date),
    :shift, CAST(:ip AS inet), :device, :at)
""")


def confirm_deliveries(
    session: Session,
    confirmations: Sequence[Mapping[str, Any]],
    confirmer: Confirmer,
    scope: Scope,
    *,
    at: datetime,
) -> Sequence[Row[Any]]:
    """One row per confirmation, in their order: confirmed, replayed, or rejected with code and detail."""
    given = {"confirmations": json.dumps(list(confirmations), default=str), "at": at}
    return session.execute(_CONFIRM, given | _who(confirmer) | _where(scope)).all()


def _who(confirmer: Confirmer) -> dict[str, Any]:
    return {
        "confirmed_by": confirmer.user_id,
        "confirmed_by_name": confirmer.name,
        "method": confirmer.method,
        "shared_link_id": confirmer.shared_link_id,
        "ip": confirmer.ip,
        "device": confirmer.device[:LONGEST_DEVICE] if confirmer.device else None,
    }


def _where(scope: Scope) -> dict[str, Any]:
    return {
        "boy": scope.delivery_boy_id,
        "area": scope.area_id,
        "first": scope.first_day,
        "last": scope.last_day,
        "shift": scope.shift,
    }


def read_status(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A row of ``delivery_statuses`` that came as JSON, with its instants and dates as such again."""
    if row is None:
        return None
    read = dict(row)
    for name in ("delivered_at", "confirmed_at"):
        read[name] = datetime.fromisoformat(read[name]) if read[name] else None
    read["delivery_date"] = date.fromisoformat(read["delivery_date"])
    return read
