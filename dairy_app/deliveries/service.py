"""Confirming deliveries. The rules are in ``ddl.py``, because they must be read after the lock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.deliveries import bulk
from dairy_app.deliveries.rules import Confirmer, Scope


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one confirmation: ``confirmed``, ``replayed`` or ``rejected`` with a code.

    ``order_status`` and ``delivery_status`` are as they stand now, None for an order the caller may not see.
    """

    index: int
    order_id: UUID
    outcome: str
    code: str | None
    detail: str | None
    order_status: str | None
    delivery_status: dict[str, Any] | None

    @property
    def replayed(self) -> bool:
        return self.outcome == "replayed"

    def raise_if_rejected(self) -> None:
        """Raise what a single confirmation answers; a batch lists it instead."""
        if self.code is not None:
            raise Problem(self.code, self.detail or "")


def confirm(
    session: Session, confirmer: Confirmer, scope: Scope, confirmations: Sequence[Mapping[str, Any]]
) -> list[Outcome]:
    """Confirm a set of deliveries, each on its own: what one is refused for does not touch the others.

    One statement for the whole set. A confirmation holds the fields of ``ConfirmationIn``; one of an order out
    of ``scope`` is order_not_found. The same order twice in a set is judged one after the other.
    """
    rows = bulk.confirm_deliveries(session, confirmations, confirmer, scope, at=now())
    if len(rows) != len(confirmations):
        raise LookupError("a confirmation was not judged")
    return [
        Outcome(
            index=row.item_index,
            order_id=row.order_id,
            outcome=row.outcome,
            code=row.code,
            detail=row.detail,
            order_status=row.order_status,
            delivery_status=bulk.read_status(row.delivery_status),
        )
        for row in rows
    ]
