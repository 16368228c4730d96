"""Messages that wait for a sender."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.accounts.models import EMAIL_FORMAT, PHONE_FORMAT
from dairy_app.database.models import Base, Identified, check, one_of, references, unique_index

CHANNELS = ("whatsapp", "sms", "email")
MESSAGE_STATUSES = ("queued", "sent", "failed", "withdrawn")


class OutboxMessage(Identified, Base):
    """One message to one customer, written as it shall be sent. Nothing here sends: a sender takes it from here.

    Address and text are those of the moment it was queued; only its fate is written afterwards, once.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_outbox_messages_invoice_of_customer",
            deferrable=True,
        ),
        one_of("channel", CHANNELS),
        one_of("status", MESSAGE_STATUSES),
        check(
            "recipient_fits_channel",
            f"CASE channel WHEN 'email' THEN recipient ~ '{EMAIL_FORMAT}' AND length(recipient) <= 254"
            f" ELSE recipient ~ '{PHONE_FORMAT}' END",
        ),
        check("subject_of_email", "subject IS NULL OR channel = 'email'"),
        check("sent_iff_sent_at", "(status = 'sent') = (sent_at IS NOT NULL)"),
        check("failed_has_error", "status <> 'failed' OR error IS NOT NULL"),
        check("attempts_not_negative", "attempts >= 0"),
        check("language_format", "language ~ '^[a-z]{2,3}$'"),
        check("text_lengths", "length(subject) <= 200 AND length(error) <= 500 AND length(body) BETWEEN 1 AND 4000"),
        unique_index(
            "uq_outbox_messages_queued", "invoice_id", "channel", where="status = 'queued' AND invoice_id IS NOT NULL"
        ),
        Index("ix_outbox_messages_queued", "id", postgresql_where=text("status = 'queued'")),
        Index("ix_outbox_messages_unsent", "id", postgresql_where=text("status IN ('failed', 'withdrawn')")),
        Index("ix_outbox_messages_channel", "channel", "id"),
        Index("ix_outbox_messages_invoice", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
        Index("ix_outbox_messages_customer", "customer_id"),
    )

    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    channel: Mapped[str]
    #: A telephone number as in E.164, or an e-mail address.
    recipient: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str | None]
    body: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=text("'queued'"))
    #: How often a sender tried.
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    #: What the last try failed with.
    error: Mapped[str | None]
    sent_at: Mapped[datetime | None]


class InvoiceLink(Base):
    """How often, and when last, the links of an invoice were revoked; no row: never."""

    __tablename__ = "invoice_links"
    __table_args__ = (
        references("invoice_id", "invoices.id", "invoice_not_found", ondelete="CASCADE"),
        references("revoked_by", "users.id", "user_not_found"),
        check("revocations_range", "revocations BETWEEN 1 AND 1000"),
    )

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    revocations: Mapped[int] = mapped_column(SmallInteger)
    revoked_at: Mapped[datetime]
    revoked_by: Mapped[UUID]
