"""Messages that wait for a sender."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.common.emails import EMAIL_FORMAT
from dairy_app.common.phones import PHONE_FORMAT
from dairy_app.database.models import Base, Identified, check, one_of, references, unique_index
from dairy_app.outbox.rules import NAMES, WITH_DOCUMENT

CHANNELS = ("whatsapp", "sms", "email", "webhook")
MESSAGE_STATUSES = ("queued", "sent", "delivered", "failed", "withdrawn")
#: What a message is about. ``login_code`` is for a login and secret.
KINDS = (
    "bill",
    "payment_received",
    "reminder",
    "low_balance",
    "pause_confirmed",
    "change_confirmed",
    "not_delivered",
    "login_code",
)
#: Those that go to customers; a customer need not want them.
TO_CUSTOMERS = tuple(kind for kind in KINDS if kind != "login_code")

#: How templates and their languages are named at WhatsApp.
WHATSAPP_NAME = "^[a-z0-9_]+$"
WHATSAPP_LANGUAGE = "^[a-z]{2,3}(_[A-Z]{2})?$"

_IS_PHONE = f"recipient ~ '{PHONE_FORMAT}'"
_IS_EMAIL = f"(recipient ~ '{EMAIL_FORMAT}' AND length(recipient) <= 254)"


class OutboxMessage(Identified, Base):
    """One message to one customer, or to one login, written as it shall be sent. A sender leases it, sends it, says so.

    Address and text are those of the moment it was queued; only its fate is written afterwards. The text of a secret
    one is forgotten as soon as it no longer waits.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("user_id", "users.id", "user_not_found"),
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_outbox_messages_invoice_of_customer",
            deferrable=True,
        ),
        one_of("channel", CHANNELS),
        one_of("status", MESSAGE_STATUSES),
        one_of("kind", KINDS),
        check("to_customer_or_login", "num_nonnulls(customer_id, user_id) = 1"),
        check("invoice_has_customer", "invoice_id IS NULL OR customer_id IS NOT NULL"),
        check(
            "recipient_fits_channel",
            f"CASE channel WHEN 'email' THEN {_IS_EMAIL} WHEN 'webhook' THEN {_IS_PHONE} OR {_IS_EMAIL}"
            f" ELSE {_IS_PHONE} END",
        ),
        check("subject_of_email", "subject IS NULL OR channel = 'email'"),
        check("sent_iff_sent_at", "(status IN ('sent', 'delivered')) = (sent_at IS NOT NULL)"),
        check("failed_has_error", "status <> 'failed' OR last_error IS NOT NULL"),
        check("attempts_not_negative", "attempts >= 0"),
        check("language_format", "language ~ '^[a-z]{2,3}$'"),
        check(
            "text_lengths", "length(subject) <= 200 AND length(last_error) <= 500 AND length(body) BETWEEN 1 AND 4000"
        ),
        check("dedupe_key_length", "length(dedupe_key) BETWEEN 1 AND 200"),
        check("leased_while_queued", "leased_until IS NULL OR status = 'queued'"),
        check("expires_after_it_may_be_sent", "expires_at > not_before"),
        check("quiet_is_a_span", "num_nonnulls(quiet_from, quiet_to) IN (0, 2) AND quiet_from <> quiet_to"),
        check("secret_expires", "NOT secret OR expires_at IS NOT NULL"),
        check("told_is_open", "told IS NULL OR jsonb_typeof(told) = 'object' AND NOT secret"),
        check("provider_id_length", "length(provider_id) BETWEEN 1 AND 200"),
        check("secret_is_forgotten", "(body IS NULL) = (secret AND status <> 'queued')"),
        unique_index("uq_outbox_messages_dedupe_key", "dedupe_key", where="dedupe_key IS NOT NULL"),
        unique_index(
            "uq_outbox_messages_waiting",
            "invoice_id",
            "channel",
            "kind",
            where="status = 'queued' AND invoice_id IS NOT NULL",
        ),
        Index("ix_outbox_messages_queued", "id", postgresql_where=text("status = 'queued'")),
        Index("ix_outbox_messages_due", "not_before", "id", postgresql_where=text("status = 'queued'")),
        Index("ix_outbox_messages_unsent", "id", postgresql_where=text("status IN ('failed', 'withdrawn')")),
        Index("ix_outbox_messages_channel", "channel", "id"),
        Index("ix_outbox_messages_invoice", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
        Index("ix_outbox_messages_customer", "customer_id"),
        Index("ix_outbox_messages_user", "user_id", postgresql_where=text("user_id IS NOT NULL")),
        Index("ix_outbox_messages_provider", "provider_id", postgresql_where=text("provider_id IS NOT NULL")),
    )

    customer_id: Mapped[UUID | None]
    invoice_id: Mapped[UUID | None]
    channel: Mapped[str]
    #: A telephone number as in E.164, or an e-mail address.
    recipient: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str | None]
    #: NULL: it was secret and no longer waits.
    body: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=text("'queued'"))
    #: How often a sender tried, since it was queued or last put back.
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    #: What the last try failed with, or why it was withdrawn.
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    #: The login that it goes to; NULL: it goes to a customer.
    user_id: Mapped[UUID | None]
    #: What it is about.
    kind: Mapped[str] = mapped_column(server_default=text("'bill'"))
    #: Says what must be told once: a second message with the same key is not queued.
    dedupe_key: Mapped[str | None]
    #: No sender takes it earlier.
    not_before: Mapped[datetime] = mapped_column(server_default=text("now()"))
    #: No sender takes it from then on; it has failed.
    expires_at: Mapped[datetime | None]
    #: No sender takes it from this hour of the dairy's day …
    quiet_from: Mapped[time | None]
    #: … until this one.
    quiet_to: Mapped[time | None]
    #: Until then it is one sender's; the instant is also what that sender is known by.
    leased_until: Mapped[datetime | None]
    #: Whether its text is shown to nobody but the recipient.
    secret: Mapped[bool] = mapped_column(server_default=text("false"))
    #: What the names of its kind stand for, where whoever sends it fills words of its own; NULL: nobody can.
    told: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    #: What the server that took it last knows it by; NULL: it does not say, or nobody took it.
    provider_id: Mapped[str | None]

    @property
    def shown_body(self) -> str | None:
        """The text, unless it is secret."""
        return None if self.secret else self.body

    @property
    def error(self) -> str | None:
        """The old name of ``last_error``, in answers."""
        return self.last_error


class MessageTemplate(Identified, Base):
    """The dairy's own words for a kind of message, in a language, by one channel or by all."""

    __tablename__ = "message_templates"
    __table_args__ = (
        one_of("kind", tuple(NAMES)),
        one_of("channel", CHANNELS),
        check("language_format", "language ~ '^[a-z]{2,3}$'"),
        check("subject_of_email", "subject IS NULL OR channel IS NULL OR channel = 'email'"),
        check("subject_length", "length(subject) BETWEEN 1 AND 200"),
        check("body_length", "length(body) BETWEEN 1 AND 2000"),
        check("approved_by_whatsapp", "whatsapp_name IS NULL OR channel IS NOT DISTINCT FROM 'whatsapp'"),
        check("whatsapp_name_format", f"whatsapp_name ~ '{WHATSAPP_NAME}' AND length(whatsapp_name) <= 512"),
        check("whatsapp_language_format", f"whatsapp_language ~ '{WHATSAPP_LANGUAGE}'"),
        check("whatsapp_name_has_language", "(whatsapp_name IS NULL) = (whatsapp_language IS NULL)"),
        check("whatsapp_options_of_name", "whatsapp_name IS NOT NULL OR NOT (whatsapp_numbered OR whatsapp_document)"),
        check("whatsapp_document_of_bill", f"NOT whatsapp_document OR kind IN {WITH_DOCUMENT}"),
        unique_index("uq_message_templates_same", "kind", "language", text("coalesce(channel, '')")),
    )

    kind: Mapped[str]
    #: NULL: every channel that has no words of its own.
    channel: Mapped[str | None]
    language: Mapped[str]
    #: Of an e-mail; NULL: as usual.
    subject: Mapped[str | None]
    #: With names in braces, for example {name}, for what the message tells.
    body: Mapped[str]
    #: The name of the template in which WhatsApp approved these words; NULL: in none.
    whatsapp_name: Mapped[str | None]
    #: The language of that template, as WhatsApp has it.
    whatsapp_language: Mapped[str | None]
    #: Whether that template has numbers where these words have names, in the order in which they come first.
    whatsapp_numbered: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Whether the bill goes with it, in a header for documents.
    whatsapp_document: Mapped[bool] = mapped_column(server_default=text("false"))
