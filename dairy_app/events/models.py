"""What happened, who wants to hear of it, and what became of telling them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Identity, Index, Sequence, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from dairy_app.database.models import Base, Identified, Timestamps, check, one_of, references, unique

#: What happened, its object before the dot. A contract with readers: add, never rename.
KINDS = (
    "order.placed",
    "order.cancelled",
    "delivery.confirmed",
    "delivery.corrected",
    "invoice.issued",
    "invoice.voided",
    "credit_note.issued",
    "debit_note.issued",
    "payment.received",
    "payment.reversed",
    "refund.paid",
    "refund.reversed",
    "customer.created",
    "customer.changed",
    "subscription.changed",
)
DELIVERY_STATUSES = ("queued", "delivered", "failed")
#: After as many tries, the last of them some hours after the first, telling is given up.
MOST_ATTEMPTS = 8


#: 24 to 64 bytes in base64, as Standard Webhooks asks.
SECRET_FORMAT = "^whsec_[A-Za-z0-9+/=]{32,88}$"
#: The last id that an event has got; kept when events are deleted.
event_ids = Sequence("event_ids", metadata=Base.metadata)


class Xid8(UserDefinedType[str]):
    """The number of a transaction, which never comes round again (``xid8``)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class Event(Base):
    """Something that happened, written by a trigger in the transaction that did it.

    ``id`` is what readers see and read on from. A row gets it once every transaction that began before its own has
    ended (``number_events``), so that nothing ever appears behind a reader. Until then it is NULL.
    """

    __tablename__ = "events"
    __table_args__ = (
        one_of("kind", KINDS),
        check("object_of_kind", "object_type = split_part(kind, '.', 1)"),
        check("id_positive", "id > 0"),
        Index("ix_events_unnumbered", "txid", "seq", postgresql_where=text("id IS NULL")),
        unique("id"),
        Index("ix_events_at", "at", postgresql_using="brin"),
    )

    #: In the order of writing, which is not the order in which transactions end.
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[int | None] = mapped_column(BigInteger)
    txid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    kind: Mapped[str]
    object_type: Mapped[str]
    #: Of a delivery the order's, by which deliveries are addressed.
    object_id: Mapped[UUID]
    #: What a reader needs to decide whether it has to ask for the object.
    data: Mapped[Any] = mapped_column(JSONB)


class WebhookEndpoint(Identified, Base):
    """An address of another program that is told of events, with what its messages are signed by."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        references("created_by", "users.id", "user_not_found"),
        check("url_format", "url ~ '^https?://[^[:space:]]+$' AND length(url) <= 500"),
        check("description_length", "length(description) BETWEEN 1 AND 200"),
        check("kinds_known", f"kinds <@ '{{{','.join(KINDS)}}}'"),
        check("secret_format", f"secret ~ '{SECRET_FORMAT}'"),
        check("former_secret_format", f"former_secret ~ '{SECRET_FORMAT}'"),
        check("former_secret_ends", "(former_secret IS NULL) = (former_secret_until IS NULL)"),
        check("told_through_not_negative", "told_through >= 0"),
    )

    url: Mapped[str]
    description: Mapped[str | None]
    #: Empty: all kinds.
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    #: Messages are signed with it (Standard Webhooks): it is shown once, when it is made.
    secret: Mapped[str]
    secret_since: Mapped[datetime] = mapped_column(server_default=func.now())
    #: While the other side changes over, messages are signed with both.
    former_secret: Mapped[str | None]
    former_secret_until: Mapped[datetime | None]
    #: The id of the last event for which a delivery was queued, or which it did not want.
    told_through: Mapped[int] = mapped_column(BigInteger)
    #: After a failure nothing is sent there before.
    rests_until: Mapped[datetime | None]
    created_by: Mapped[UUID | None]


class WebhookDelivery(Timestamps, Base):
    """One event for one endpoint: whether it was taken there, and what the last try came to."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        references("endpoint_id", "webhook_endpoints.id", "webhook_endpoint_not_found", ondelete="CASCADE"),
        references("event_id", "events.id", "event_not_found", ondelete="CASCADE"),
        one_of("status", DELIVERY_STATUSES),
        check("attempts_range", f"attempts BETWEEN 0 AND {MOST_ATTEMPTS}"),
        check("delivered_iff_dated", "(status = 'delivered') = (delivered_at IS NOT NULL)"),
        check("failed_has_error", "status <> 'failed' OR last_error IS NOT NULL"),
        check("answer_status_range", "answer_status BETWEEN 100 AND 999"),
        check("last_error_length", "length(last_error) <= 500"),
        Index("ix_webhook_deliveries_event", "event_id"),
        Index("ix_webhook_deliveries_due", "due_at", postgresql_where=text("status = 'queued'")),
        Index("ix_webhook_deliveries_status", "endpoint_id", "status", "event_id"),
    )

    endpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    status: Mapped[str] = mapped_column(server_default=text("'queued'"))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    #: Not tried before.
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: Until then it is in the hands of a sender.
    leased_until: Mapped[datetime | None]
    #: What the other side answered last, as HTTP counts.
    answer_status: Mapped[int | None] = mapped_column(SmallInteger)
    last_error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
