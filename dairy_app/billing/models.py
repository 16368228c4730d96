"""The runs that issue invoices."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import (
    Base,
    Identified,
    Money,
    check,
    one_of,
    references,
    unique,
)

RUN_STATUSES = ("running", "completed", "failed")


class BillingRun(Identified, Base):
    """One order to bill: what was asked, how far it is, what came of it."""

    __tablename__ = "billing_runs"
    __table_args__ = (
        references("requested_by", "users.id", "user_not_found"),
        unique("idempotency_key"),
        one_of("status", RUN_STATUSES),
        check("period_format", "period ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'"),
        check("finished_iff_not_running", "(status = 'running') = (finished_at IS NULL)"),
        check("failed_iff_error", "(status = 'failed') = (error IS NOT NULL)"),
        Index("ix_billing_runs_started", "started_at", "id"),
    )

    period: Mapped[str]
    #: Bill up to this day although the period has not ended; drafts are cut there.
    through: Mapped[date | None]
    #: Those that were asked for, ascending; NULL: everybody.
    customer_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    status: Mapped[str] = mapped_column(server_default=text("'running'"))
    requested_by: Mapped[UUID | None]
    #: Customers with something due when the run began, and how many of them are done.
    customers_total: Mapped[int] = mapped_column(server_default=text("0"))
    customers_done: Mapped[int] = mapped_column(server_default=text("0"))
    invoices_issued: Mapped[int] = mapped_column(server_default=text("0"))
    orders_billed: Mapped[int] = mapped_column(server_default=text("0"))
    one_time_orders_billed: Mapped[int] = mapped_column(server_default=text("0"))
    one_time_amount: Mapped[Money] = mapped_column(server_default=text("0"))
    prior_period_orders: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[Money] = mapped_column(server_default=text("0"))
    #: [{"customer_id": …, "code": …, "detail": …}]
    skipped: Mapped[Any] = mapped_column(JSONB, server_default=text("'[]'"))
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: Written with every chunk; a running run that stays silent was interrupted.
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    idempotency_key: Mapped[str | None]
