"""Shared links, every use of them, and the changes that are asked for at the door."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, check, one_of, references, unique, unique_index

SHIFTS = ("morning", "evening")
LINK_ACTIONS = ("round", "confirm", "unlock", "request", "payment", "photo")
REQUEST_KINDS = ("pause", "stop", "extra_item", "quantity")
REQUEST_STATUSES = ("pending", "approved", "rejected")


class SharedLink(Identified, Base):
    """A link to the round of one delivery boy or one area; of its token only the SHA-256 is stored."""

    __tablename__ = "shared_links"
    __table_args__ = (
        references("delivery_boy_id", "users.id", "user_not_found"),
        references("area_id", "areas.id", "area_not_found"),
        references("created_by", "users.id", "user_not_found"),
        references("revoked_by", "users.id", "user_not_found"),
        unique("token_hash"),
        one_of("shift", SHIFTS),
        check("token_hash_is_sha256", "octet_length(token_hash) = 32"),
        check("boy_or_area", "num_nonnulls(delivery_boy_id, area_id) = 1"),
        check("date_or_rolling", "is_rolling = (link_date IS NULL) AND isfinite(link_date)"),
        # Hours, not days: a day of the clock's change is no longer than another.
        check(
            "expires_within_30_days",
            "isfinite(expires_at) AND expires_at > created_at AND expires_at <= created_at + interval '720 hours'",
        ),
        check("revoked_by_somebody", "(revoked_at IS NULL) = (revoked_by IS NULL)"),
        check("pin_is_hashed", "starts_with(pin_hash, '$argon2id$')"),
        check(
            "attempts_need_pin",
            "failed_attempts >= 0 AND (pin_hash IS NOT NULL OR (failed_attempts = 0 AND locked_until IS NULL))",
        ),
        check("counts_not_negative", "use_count >= 0 AND window_cost >= 0"),
        check("name_length", "length(name) BETWEEN 1 AND 200"),
    )

    token_hash: Mapped[bytes]
    #: What confirmations are signed with: a link has no person.
    name: Mapped[str]
    delivery_boy_id: Mapped[UUID | None]
    area_id: Mapped[UUID | None]
    link_date: Mapped[date | None]
    #: For today, whichever day that is; and for yesterday, for what was sent late.
    is_rolling: Mapped[bool] = mapped_column(server_default=text("false"))
    #: NULL: both shifts.
    shift: Mapped[str | None]
    pin_hash: Mapped[str | None]
    #: Wrong PINs since the last right one.
    failed_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    created_by: Mapped[UUID]
    use_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    last_used_at: Mapped[datetime | None]
    #: The minute that is being counted, and what was spent in it (rate limit).
    window_started_at: Mapped[datetime | None]
    window_cost: Mapped[int] = mapped_column(server_default=text("0"))


class SharedLinkEvent(Base):
    """One use of a link, refused ones too; a batch of confirmations is one row an order."""

    __tablename__ = "shared_link_events"
    __table_args__ = (
        references("link_id", "shared_links.id", "link_not_found"),
        references("order_id", "orders.id", "order_not_found", ondelete="SET NULL"),
        one_of("action", LINK_ACTIONS),
        check("result_length", "length(result) BETWEEN 1 AND 60"),
        Index(None, "link_id", "id"),
        Index("ix_shared_link_events_order", "order_id", postgresql_where=text("order_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    link_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    action: Mapped[str]
    #: ``ok``, ``confirmed``, ``replayed``, or the code of the refusal.
    result: Mapped[str]
    order_id: Mapped[UUID | None]
    ip: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None]


class ChangeRequest(Identified, Base):
    """A change somebody at the door asked for; nothing happens until staff approve it."""

    __tablename__ = "change_requests"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references(
            ("subscription_id", "customer_id"),
            ("subscriptions.id", "subscriptions.customer_id"),
            "subscription_not_found",
            name="fk_change_requests_subscription_of_customer",
            deferrable=True,
        ),
        references(
            ("applied_order_id", "customer_id"),
            ("orders.id", "orders.customer_id"),
            "order_not_found",
            name="fk_change_requests_order_of_customer",
            deferrable=True,
        ),
        references("asked_by_link_id", "shared_links.id", "link_not_found"),
        references("asked_by_user_id", "users.id", "user_not_found"),
        references("decided_by", "users.id", "user_not_found"),
        unique("client_event_id"),
        one_of("kind", REQUEST_KINDS),
        one_of("status", REQUEST_STATUSES),
        check("asked_by_one", "num_nonnulls(asked_by_link_id, asked_by_user_id) = 1"),
        check("payload_is_object", "jsonb_typeof(payload) = 'object' AND length(payload::text) <= 2000"),
        check(
            "applied_when_approved",
            "applied_payload IS NULL OR (status = 'approved' AND jsonb_typeof(applied_payload) = 'object')",
            "illegal_transition",
        ),
        check(
            "subscription_fits_kind",
            "(kind <> 'quantity' OR subscription_id IS NOT NULL) AND (kind <> 'extra_item' OR subscription_id IS NULL)",
        ),
        check(
            "decided_iff_not_pending",
            "(status = 'pending') = (decided_at IS NULL) AND (status = 'pending') = (decided_by IS NULL)"
            " AND (status <> 'pending' OR decision_reason IS NULL)",
            "illegal_transition",
        ),
        check("rejected_with_reason", "status <> 'rejected' OR decision_reason IS NOT NULL"),
        check(
            "extra_item_has_order",
            "(kind = 'extra_item' AND status = 'approved') = (applied_order_id IS NOT NULL)",
            "illegal_transition",
        ),
        check("text_lengths", "length(note) <= 2000 AND length(decision_reason) <= 500"),
        # The same wish twice is one wish, until it is decided.
        unique_index(
            "uq_change_requests_pending",
            "customer_id",
            "kind",
            text("coalesce(subscription_id, customer_id)"),
            "payload",
            where="status = 'pending'",
        ),
        Index(None, "customer_id", "id"),
    )

    kind: Mapped[str]
    customer_id: Mapped[UUID]
    #: NULL: for all standing orders of the customer, or for none.
    subscription_id: Mapped[UUID | None]
    #: pause: from, to or null; stop: stop_date; extra_item: delivery_date, shift, items; quantity: date, quantity.
    payload: Mapped[Any] = mapped_column(JSONB)
    note: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=text("'pending'"))
    asked_by_link_id: Mapped[UUID | None]
    asked_by_user_id: Mapped[UUID | None]
    #: The offline page's own key of this request: sent again, it is the same one.
    client_event_id: Mapped[UUID | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    #: What was done instead of what was asked for; NULL: just that.
    applied_payload: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    #: The one-time order that an approved extra item became.
    applied_order_id: Mapped[UUID | None]
