"""Links by which customers pay, what gateways told, and lines of bank statements."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, Money, check, one_of, references, unique, unique_index

GATEWAYS = ("razorpay",)
#: ``creating``: the gateway was not asked yet, or has not answered. ``failed``: it will not make it.
LINK_STATUSES = ("creating", "created", "paid", "cancelled", "expired", "failed")
#: ``received``: kept, and not judged yet. ``repeated``: of money that is booked. ``noted``: of nothing to book.
#: ``waiting``: a refund whose payment is not booked. ``held``: a person decides. ``dismissed``: one did, against it.
EVENT_STATUSES = ("received", "booked", "repeated", "noted", "waiting", "held", "dismissed")
EVENT_OBJECTS = ("payment", "refund", "payment_link")


class PaymentLink(Identified, Base):
    """A page of a gateway on which a customer pays so much, of an invoice or of whatever it owes."""

    __tablename__ = "payment_links"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_payment_links_invoice_of_customer",
            deferrable=True,
        ),
        references("created_by", "users.id", "user_not_found"),
        unique("gateway", "gateway_id"),
        unique_index(
            "uq_payment_links_live",
            "customer_id",
            text("coalesce(invoice_id, customer_id)"),
            "amount",
            where="status IN ('creating', 'created')",
        ),
        one_of("gateway", GATEWAYS),
        one_of("status", LINK_STATUSES),
        check("amount_range", "amount >= 1 AND amount <> 'NaN'"),
        check("created_has_address", "status <> 'created' OR num_nonnulls(gateway_id, url) = 2"),
        check("paid_iff_dated", "(status = 'paid') = (paid_at IS NOT NULL)"),
        check("failed_has_error", "status <> 'failed' OR last_error IS NOT NULL"),
        check("expires_after", "isfinite(expires_at) AND expires_at > created_at"),
        check("url_format", "url ~ '^https?://[^[:space:]]+$' AND length(url) <= 500"),
        check(
            "text_lengths",
            "length(gateway_id) > 0 AND length(gateway_id) <= 100 AND length(last_error) <= 500"
            " AND length(description) BETWEEN 1 AND 200",
        ),
        Index("ix_payment_links_customer", "customer_id", "id"),
        Index("ix_payment_links_invoice", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
        Index("ix_payment_links_status", "status", "id"),
    )

    customer_id: Mapped[UUID]
    #: What it settles first; NULL: what is oldest.
    invoice_id: Mapped[UUID | None]
    amount: Mapped[Money]
    gateway: Mapped[str]
    #: The gateway's own id; NULL until it has answered.
    gateway_id: Mapped[str | None]
    #: The page on which is paid.
    url: Mapped[str | None]
    #: What stands on that page.
    description: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=text("'creating'"))
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    #: What the gateway said when it was asked last and it did not do it.
    last_error: Mapped[str | None]
    created_by: Mapped[UUID]


class GatewayEvent(Identified, Base):
    """What a gateway told, as it came, and what was booked of it."""

    __tablename__ = "gateway_events"
    __table_args__ = (
        references("payment_link_id", "payment_links.id", "payment_link_not_found"),
        references("payment_id", "payments.id", "payment_not_found"),
        references("refund_id", "refunds.id", "refund_not_found"),
        references("decided_by", "users.id", "user_not_found"),
        unique("gateway", "event_id"),
        unique("gateway", "body_sha256"),
        # What makes money count once, whatever arrives at the same moment, or again after years.
        unique_index(
            "uq_gateway_events_payment",
            "gateway",
            "gateway_payment_id",
            where="status = 'booked' AND object_type = 'payment'",
        ),
        unique_index(
            "uq_gateway_events_refund",
            "gateway",
            "gateway_refund_id",
            where="status = 'booked' AND object_type = 'refund'",
        ),
        unique_index("uq_gateway_events_booked_as", "payment_id", where="status = 'booked' AND payment_id IS NOT NULL"),
        unique_index(
            "uq_gateway_events_paid_back_as", "refund_id", where="status = 'booked' AND refund_id IS NOT NULL"
        ),
        one_of("gateway", GATEWAYS),
        one_of("status", EVENT_STATUSES),
        one_of("object_type", EVENT_OBJECTS),
        check("body_sha256_is_of_body", "body_sha256 = sha256(body)"),
        check("body_length", "octet_length(body) BETWEEN 1 AND 262144"),
        check(
            "names_its_object",
            "CASE object_type WHEN 'payment' THEN gateway_payment_id IS NOT NULL"
            " WHEN 'refund' THEN num_nonnulls(gateway_payment_id, gateway_refund_id) = 2 ELSE true END",
        ),
        check(
            "booked_as_what_it_is",
            "num_nonnulls(payment_id, refund_id) = CASE WHEN status IN ('booked', 'repeated') THEN 1 ELSE 0 END"
            " AND (payment_id IS NULL OR object_type = 'payment') AND (refund_id IS NULL OR object_type = 'refund')",
        ),
        check("only_money_is_booked", "status <> 'booked' OR amount IS NOT NULL"),
        check("reason_while_open", "(reason IS NOT NULL) = (status IN ('waiting', 'held', 'dismissed'))"),
        check("decided_whole", "num_nonnulls(decided_by, decided_at) IN (0, 2)"),
        check("amount_positive", "amount > 0 AND amount <> 'NaN'"),
        check("happened_at_finite", "isfinite(happened_at)"),
        check(
            "text_lengths",
            "length(kind) <= 100 AND length(gateway_payment_id) <= 100 AND length(gateway_refund_id) <= 100"
            " AND length(gateway_link_id) <= 100 AND length(currency) <= 10 AND length(method) <= 40"
            " AND length(reason) <= 60 AND length(detail) <= 500 AND length(event_id) BETWEEN 1 AND 100",
        ),
        Index("ix_gateway_events_status", "status", "id"),
        Index("ix_gateway_events_payment", "gateway", "gateway_payment_id"),
        Index("ix_gateway_events_link", "payment_link_id", postgresql_where=text("payment_link_id IS NOT NULL")),
    )

    gateway: Mapped[str]
    #: The gateway's own id of the event; where it names none, the SHA-256 of the body.
    event_id: Mapped[str]
    #: What was signed, byte by byte.
    body: Mapped[bytes] = mapped_column(LargeBinary)
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    #: What happened, in the gateway's words; NULL: the body could not be read.
    kind: Mapped[str | None]
    #: What may be booked of it; NULL: nothing.
    object_type: Mapped[str | None]
    gateway_payment_id: Mapped[str | None]
    gateway_refund_id: Mapped[str | None]
    gateway_link_id: Mapped[str | None]
    #: In the currency; of Indian rupees the gateway tells paise.
    amount: Mapped[Money | None]
    currency: Mapped[str | None]
    #: How it was paid, in the gateway's word.
    method: Mapped[str | None]
    #: When the money moved.
    happened_at: Mapped[datetime | None]
    #: The link of the dairy that it is about.
    payment_link_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=text("'received'"))
    #: Why it is not booked: a code.
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    payment_id: Mapped[UUID | None]
    refund_id: Mapped[UUID | None]
    #: Who booked or dismissed it by hand; NULL: nobody did.
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]


class BankStatement(Identified, Base):
    """A file of a bank that was uploaded: what stands in it and was not known before are its lines."""

    __tablename__ = "bank_statements"
    __table_args__ = (
        references("uploaded_by", "users.id", "user_not_found"),
        check("account_length", "length(account) BETWEEN 1 AND 60"),
        check("days_in_order", "isfinite(first_day) AND isfinite(last_day) AND first_day <= last_day"),
        check("lines_counted", "line_count > 0 AND new_lines BETWEEN 0 AND line_count"),
    )

    #: What the dairy calls the account.
    account: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    #: How many lines the file has, and how many of them were not in a statement before.
    line_count: Mapped[int]
    new_lines: Mapped[int]
    uploaded_by: Mapped[UUID]


class BankStatementLine(Identified, Base):
    """A line of a bank statement, kept once however often it is uploaded, and the payment as which it is booked."""

    __tablename__ = "bank_statement_lines"
    __table_args__ = (
        references("statement_id", "bank_statements.id", "bank_statement_not_found"),
        references("payment_id", "payments.id", "payment_not_found"),
        references("accepted_by", "users.id", "user_not_found"),
        references("dismissed_by", "users.id", "user_not_found"),
        unique_index(
            "uq_bank_statement_lines_same",
            "account",
            "day",
            "amount",
            text("coalesce(bare_reference(reference), narration)"),
            "day_number",
        ),
        unique("statement_id", "line_no"),
        unique("payment_id"),
        check("amount_not_nothing", "amount <> 0 AND amount <> 'NaN'"),
        check("day_finite", "isfinite(day)"),
        check("numbers_above_zero", "line_no > 0 AND day_number > 0"),
        check("only_what_came_in_is_booked", "payment_id IS NULL OR amount > 0"),
        check("accepted_whole", "num_nonnulls(payment_id, accepted_by, accepted_at) IN (0, 3)"),
        check("only_what_came_in_is_dismissed", "dismissed_at IS NULL OR amount > 0"),
        check("dismissed_whole", "num_nonnulls(dismissed_by, dismissed_at, dismissed_reason) IN (0, 3)"),
        check("dismissed_reason_length", "length(dismissed_reason) >= 3 AND length(dismissed_reason) <= 500"),
        check(
            "text_lengths",
            "length(account) > 0 AND length(account) <= 60 AND length(narration) > 0 AND length(narration) <= 500"
            " AND length(reference) BETWEEN 1 AND 100",
        ),
        Index("ix_bank_statement_lines_day", "account", "day", "amount"),
    )

    statement_id: Mapped[UUID]
    account: Mapped[str]
    #: Its line in the file, as a spreadsheet counts.
    line_no: Mapped[int]
    day: Mapped[date]
    #: In rupees: what came in is above 0, what went out below.
    amount: Mapped[Money]
    narration: Mapped[str]
    #: UTR, number of a cheque, or what else the bank knows it by.
    reference: Mapped[str | None]
    #: Of the account after it, as the bank says.
    balance: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    #: Of lines of a day that are the same in everything else, the first is 1.
    day_number: Mapped[int]
    payment_id: Mapped[UUID | None]
    accepted_by: Mapped[UUID | None]
    accepted_at: Mapped[datetime | None]
    #: Who said that it is no customer's payment, and what it is.
    dismissed_by: Mapped[UUID | None]
    dismissed_at: Mapped[datetime | None]
    dismissed_reason: Mapped[str | None]
