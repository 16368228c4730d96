"""The audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, one_of

ACTIONS = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


def _told(name: str, kind: str) -> Any:
    """What the transaction said of itself (``database.audit``); a setting that ended reads as ''."""
    return text(f"nullif(current_setting('dairy.{name}', true), '')::{kind}")


class AuditEntry(Base):
    """One change of one row: by whom, on which occasion, from what to what. Written by triggers, never changed.

    No foreign keys: the log outlives what it speaks of. ``before`` and ``after`` hold the columns that differ;
    of an INSERT or DELETE all that held something. Of a secret only ``***`` is told, under its name without
    ``_hash``. With plain SQL only ``db_user`` is known, and what the session told itself
    (``SET LOCAL dairy.request_id = 'ticket 4711'``).
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        one_of("action", ACTIONS),
        Index("ix_audit_log_at", "at", "id"),
        Index("ix_audit_log_row", "table_name", "row_id"),
        Index("ix_audit_log_actor", "actor_user_id", "at", "id", postgresql_where=text("actor_user_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor_user_id: Mapped[UUID | None] = mapped_column(server_default=_told("actor_user_id", "uuid"))
    actor_role: Mapped[str | None] = mapped_column(server_default=_told("actor_role", "text"))
    shared_link_id: Mapped[UUID | None] = mapped_column(server_default=_told("shared_link_id", "uuid"))
    request_id: Mapped[str | None] = mapped_column(server_default=_told("request_id", "text"))
    ip: Mapped[str | None] = mapped_column(INET, server_default=_told("ip", "inet"))
    db_user: Mapped[str] = mapped_column(server_default=text("session_user"))
    table_name: Mapped[str]
    #: The row's key as text; keys of several columns are joined by "/".
    row_id: Mapped[str]
    action: Mapped[str]
    before: Mapped[Any | None] = mapped_column(JSONB)
    after: Mapped[Any | None] = mapped_column(JSONB)
