"""Payments and what was chosen for them, refunds, opening balances, write-offs, and the cash that staff hand over."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Computed, Index, Numeric, func, text
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import (
    Base,
    Identified,
    Imported,
    Money,
    check,
    one_of,
    references,
    unique,
    unique_index,
)

PAYMENT_METHODS = ("cash", "upi", "qr", "bank_transfer", "card", "cheque", "wallet")
PAYMENT_STATUSES = ("received", "reversed")
REFUND_STATUSES = ("paid", "reversed")


class ReceiptSeries(Base):
    """The next number of a receipt; taken under the row's lock, so that a payment that is refused uses none."""

    __tablename__ = "receipt_series"
    __table_args__ = (check("next_no_positive", "next_no > 0"),)

    series: Mapped[str] = mapped_column(primary_key=True)
    next_no: Mapped[int]


class Payment(Imported, Base):
    """Money that came in from a customer. Never changed or deleted, only reversed (a cheque that bounced)."""

    __tablename__ = "payments"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("collected_by", "users.id", "user_not_found"),
        references("recorded_by", "users.id", "user_not_found"),
        references("reversed_by", "users.id", "user_not_found"),
        references("cash_settlement_id", "cash_settlements.id", "cash_settlement_not_found"),
        references("shared_link_id", "shared_links.id", "link_not_found"),
        unique("id", "customer_id"),
        unique("receipt_no"),
        unique_index("uq_payments_client_event", "client_event_id", where="client_event_id IS NOT NULL"),
        unique_index(
            "uq_payments_reference",
            text("bare_reference(reference)"),
            where="status = 'received' AND method <> 'cash' AND method <> 'cheque'",
        ),
        # Every book of cheques has its 000123.
        unique_index(
            "uq_payments_cheque",
            "customer_id",
            text("bare_reference(reference)"),
            where="status = 'received' AND method = 'cheque'",
        ),
        one_of("method", PAYMENT_METHODS),
        one_of("status", PAYMENT_STATUSES),
        check("amount_positive", "amount > 0 AND amount <> 'NaN'"),
        check("received_on_finite", "isfinite(received_on)"),
        check(
            "reversed_with_reason",
            "num_nonnulls(reversed_on, reversal_reason) = CASE status WHEN 'reversed' THEN 2 ELSE 0 END",
        ),
        check("reversed_after_receipt", "reversed_on >= received_on AND isfinite(reversed_on)"),
        check(
            "only_collected_cash_is_settled",
            "cash_settlement_id IS NULL OR (method = 'cash' AND collected_by IS NOT NULL)",
        ),
        check("links_take_cash", "shared_link_id IS NULL OR (method = 'cash' AND collected_by IS NOT NULL)"),
        check(
            "text_lengths",
            "length(notes) <= 500 AND length(reversal_reason) <= 500 AND length(reference) BETWEEN 1 AND 100",
        ),
        Index("ix_payments_customer", "customer_id", "received_on"),
        Index("ix_payments_received", "received_on", "id"),
        Index("ix_payments_updated", "updated_at"),
        Index("ix_payments_amount", "amount", "id"),
        Index("ix_payments_method", "method", "received_on", "id"),
        Index(
            "ix_payments_collector",
            "collected_by",
            "received_on",
            "id",
            postgresql_where=text("collected_by IS NOT NULL"),
        ),
        Index("ix_payments_reversed", "received_on", "id", postgresql_where=text("status = 'reversed'")),
        Index(
            "ix_payments_reference",
            text("bare_reference(reference)"),
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index(
            "ix_payments_unsettled_cash",
            "collected_by",
            "received_on",
            postgresql_where=text("method = 'cash' AND collected_by IS NOT NULL AND cash_settlement_id IS NULL"),
        ),
        Index("ix_payments_settlement", "cash_settlement_id", postgresql_where=text("cash_settlement_id IS NOT NULL")),
    )

    #: For people: R0000001.
    receipt_no: Mapped[str] = mapped_column(server_default=text("next_receipt_no()"))
    customer_id: Mapped[UUID]
    amount: Mapped[Money]
    method: Mapped[str]
    received_on: Mapped[date]
    #: UTR of a transfer, number of a cheque.
    reference: Mapped[str | None]
    notes: Mapped[str | None]
    #: Who took the cash at the door and owes it to the dairy until it is settled.
    collected_by: Mapped[UUID | None]
    recorded_by: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=text("'received'"))
    reversed_on: Mapped[date | None]
    reversal_reason: Mapped[str | None]
    reversed_by: Mapped[UUID | None]
    cash_settlement_id: Mapped[UUID | None]
    #: The link over which it was noted, and the phone's own key of it.
    shared_link_id: Mapped[UUID | None] = mapped_column(sort_order=950)
    client_event_id: Mapped[UUID | None] = mapped_column(sort_order=951)


class PaymentAllocation(Identified, Base):
    """What somebody chose to settle with a payment. Everything else goes to what is oldest (``ddl.py``)."""

    __tablename__ = "payment_allocations"
    __table_args__ = (
        references(
            ("payment_id", "customer_id"),
            ("payments.id", "payments.customer_id"),
            "payment_not_found",
            name="fk_payment_allocations_payment_of_customer",
            deferrable=True,
        ),
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_payment_allocations_invoice_of_customer",
            deferrable=True,
        ),
        references("allocated_by", "users.id", "user_not_found"),
        unique_index("uq_payment_allocations_live", "payment_id", "invoice_id", where="released_on IS NULL"),
        check("amount_positive", "amount > 0 AND amount <> 'NaN'"),
        check("released_after", "isfinite(allocated_on) AND isfinite(released_on) AND released_on >= allocated_on"),
        Index("ix_payment_allocations_invoice", "invoice_id"),
        Index("ix_payment_allocations_payment", "payment_id"),
        Index("ix_payment_allocations_customer", "customer_id"),
    )

    payment_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[Money]
    allocated_on: Mapped[date]
    allocated_by: Mapped[UUID | None]
    #: From this day on the money is free again: the payment was reversed, the invoice voided, or it was chosen anew.
    released_on: Mapped[date | None]


class Refund(Identified, Base):
    """Credit that was paid back to a customer. Never changed or deleted, only reversed (a transfer that came back)."""

    __tablename__ = "refunds"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("paid_by", "users.id", "user_not_found"),
        references("recorded_by", "users.id", "user_not_found"),
        references("reversed_by", "users.id", "user_not_found"),
        references("cash_settlement_id", "cash_settlements.id", "cash_settlement_not_found"),
        unique("voucher_no"),
        # One transfer may pay back several customers.
        unique_index(
            "uq_refunds_reference",
            "customer_id",
            text("bare_reference(reference)"),
            where="status = 'paid' AND method <> 'cash'",
        ),
        one_of("method", PAYMENT_METHODS),
        one_of("status", REFUND_STATUSES),
        check("amount_positive", "amount > 0 AND amount <> 'NaN'"),
        check("paid_on_finite", "isfinite(paid_on)"),
        check(
            "reversed_with_reason",
            "num_nonnulls(reversed_on, reversal_reason) = CASE status WHEN 'reversed' THEN 2 ELSE 0 END",
        ),
        check("reversed_after_payment", "reversed_on >= paid_on AND isfinite(reversed_on)"),
        check("only_cash_is_paid_by_staff", "paid_by IS NULL OR method = 'cash'"),
        check("only_cash_of_staff_is_settled", "cash_settlement_id IS NULL OR paid_by IS NOT NULL"),
        check("reason_length", "length(reason) BETWEEN 3 AND 500"),
        check("text_lengths", "length(reversal_reason) <= 500 AND length(reference) BETWEEN 1 AND 100"),
        Index("ix_refunds_customer", "customer_id", "paid_on"),
        Index("ix_refunds_paid", "paid_on", "id"),
        Index(
            "ix_refunds_unsettled_cash",
            "paid_by",
            "paid_on",
            postgresql_where=text("paid_by IS NOT NULL AND cash_settlement_id IS NULL"),
        ),
        Index("ix_refunds_settlement", "cash_settlement_id", postgresql_where=text("cash_settlement_id IS NOT NULL")),
    )

    #: For people: RF0000001.
    voucher_no: Mapped[str] = mapped_column(server_default=text("next_refund_no()"))
    customer_id: Mapped[UUID]
    amount: Mapped[Money]
    method: Mapped[str]
    paid_on: Mapped[date]
    #: UTR of a transfer, number of a cheque.
    reference: Mapped[str | None]
    reason: Mapped[str]
    #: Who paid it out of the cash that he had collected, and has so much less to hand over; NULL: the office.
    paid_by: Mapped[UUID | None]
    #: NULL: nobody, the gateway told of it.
    recorded_by: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=text("'paid'"))
    reversed_on: Mapped[date | None]
    reversal_reason: Mapped[str | None]
    reversed_by: Mapped[UUID | None]
    cash_settlement_id: Mapped[UUID | None]


class OpeningBalance(Imported, Base):
    """What a customer owed (above 0) or had paid in advance (below 0) when the books here began."""

    __tablename__ = "opening_balances"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("entered_by", "users.id", "user_not_found"),
        unique("customer_id"),
        check("amount_finite", "amount <> 'NaN'"),
        check("as_of_finite", "isfinite(as_of)"),
    )

    customer_id: Mapped[UUID]
    as_of: Mapped[date]
    amount: Mapped[Money]
    entered_by: Mapped[UUID | None]


class WriteOff(Identified, Base):
    """What the dairy gives up: of one invoice, or of whatever the customer owes. The paper stays valid."""

    __tablename__ = "write_offs"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_write_offs_invoice_of_customer",
            deferrable=True,
        ),
        references("written_by", "users.id", "user_not_found"),
        check("amount_positive", "amount > 0 AND amount <> 'NaN'"),
        check("written_off_on_finite", "isfinite(written_off_on)"),
        check("reason_length", "length(reason) BETWEEN 3 AND 500"),
        Index("ix_write_offs_customer", "customer_id", "written_off_on"),
        Index("ix_write_offs_date", "written_off_on", "id"),
        Index("ix_write_offs_invoice", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
    )

    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    amount: Mapped[Money]
    written_off_on: Mapped[date]
    reason: Mapped[str]
    written_by: Mapped[UUID]


class CashSettlement(Identified, Base):
    """Cash that a member of staff hands over, against what was collected and not handed over before."""

    __tablename__ = "cash_settlements"
    __table_args__ = (
        references("staff_id", "users.id", "user_not_found"),
        references("settled_by", "users.id", "user_not_found"),
        check(
            "amounts_not_negative", "expected >= 0 AND handed_over >= 0 AND expected <> 'NaN' AND handed_over <> 'NaN'"
        ),
        check("settled_for_finite", "isfinite(settled_for)"),
        check("notes_length", "length(notes) <= 500"),
        Index("ix_cash_settlements_staff", "staff_id", "settled_for"),
        Index("ix_cash_settlements_day", "settled_for", "id"),
    )

    staff_id: Mapped[UUID]
    #: Everything collected up to and on this day is in it.
    settled_for: Mapped[date]
    expected: Mapped[Money]
    handed_over: Mapped[Money]
    #: Below 0: money is missing.
    variance: Mapped[Decimal] = mapped_column(Numeric(12, 2), Computed("handed_over - expected", persisted=True))
    notes: Mapped[str | None]
    settled_by: Mapped[UUID]
    settled_at: Mapped[datetime] = mapped_column(server_default=func.now())
