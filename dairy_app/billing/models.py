"""The runs that issue invoices."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Uuid, func, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import (
    Base,
    Identified,
    Money,
    check,
    no_overlap,
    one_of,
    references,
    unique,
)

RUN_STATUSES = ("running", "completed", "failed")
CHARGE_KINDS = ("delivery_charge", "discount")
CHARGE_BASES = ("per_delivery_day", "per_month", "percent")
_NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"


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


class ChargeRule(Identified, Base):
    """What every bill charges for delivery or takes off, from a day on; a line of its own, with the tax of the goods.

    Where several hold, the most narrow counts: a customer's own, else that of its nearest area, else the dairy's. Never
    changed, only ended or described anew.
    """

    __tablename__ = "charge_rules"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("area_id", "areas.id", "area_not_found"),
        references("product_id", "products.id", "product_not_found"),
        references("tax_class", "tax_classes.code", "tax_class_not_found"),
        references("created_by", "users.id", "user_not_found"),
        one_of("kind", CHARGE_KINDS),
        one_of("basis", CHARGE_BASES),
        check("amount_not_negative", "amount >= 0 AND amount <> 'NaN'"),
        check("percent_at_most_100", "basis <> 'percent' OR amount <= 100"),
        check("one_scope", "num_nonnulls(customer_id, area_id) <= 1"),
        check("valid_has_start", "NOT isempty(valid) AND NOT lower_inf(valid)"),
        check("description_length", "length(description) BETWEEN 1 AND 200"),
        no_overlap(
            "ex_charge_rules_in_force",
            ("kind", "="),
            ("basis", "="),
            (literal_column(f"COALESCE(customer_id, area_id, {_NOBODY})"), "="),
            (literal_column(f"COALESCE(product_id, {_NOBODY})"), "="),
            ("valid", "&&"),
            where="replaced_at IS NULL",
        ),
        Index(None, "customer_id"),
        Index(None, "area_id"),
        Index(None, "product_id"),
    )

    kind: Mapped[str]
    basis: Mapped[str]
    #: Rupees, with the tax in them or not as prices are, or per cent of the goods. 0: nothing, whatever holds around.
    amount: Mapped[Money]
    customer_id: Mapped[UUID | None]
    #: With all areas below it.
    area_id: Mapped[UUID | None]
    #: Only days on which it was delivered count, and of them only it; NULL: all goods.
    product_id: Mapped[UUID | None]
    valid: Mapped[Any] = mapped_column(DATERANGE)
    #: As the bill says it.
    description: Mapped[str]
    #: NULL: taxed as the goods that were delivered.
    tax_class: Mapped[str | None]
    created_by: Mapped[UUID]
    #: Since it was taken back, or another took its place at a merge: it only explains documents that were made by it.
    replaced_at: Mapped[datetime | None]
