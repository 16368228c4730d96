"""Customers and where they live."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, Sequence, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE
from sqlalchemy.orm import Mapped, mapped_column

import dairy_app.accounts.models  # noqa: F401 - a foreign key must find its table
from dairy_app.common.emails import EMAIL_FORMAT
from dairy_app.common.phones import PHONE_FORMAT
from dairy_app.customers.rules import MAP_LINK
from dairy_app.database.models import (
    Base,
    Identified,
    Imported,
    Money,
    check,
    no_overlap,
    one_of,
    references,
    unique,
    unique_index,
)
from dairy_app.outbox.models import CHANNELS, TO_CUSTOMERS

CUSTOMER_STATUSES = ("trial", "active", "paused", "stopped")
BILLING_CYCLES = ("monthly", "half_monthly", "weekly")
#: Whether a customer pays its bills, or in advance.
PAYMENT_TERMS = ("postpaid", "prepaid")
GST_TREATMENTS = ("consumer", "registered", "composition", "unregistered_business")

customer_codes = Sequence("customer_codes", metadata=Base.metadata)


class Area(Imported, Base):
    """A part of town; areas may nest."""

    __tablename__ = "areas"
    __table_args__ = (
        references("parent_id", "areas.id", "area_not_found"),
        check("name_length", "length(name) BETWEEN 1 AND 200"),
        check("not_own_parent", "parent_id <> id"),
        unique_index("uq_areas_name", text("lower(name)")),
        Index(None, "parent_id"),
    )

    name: Mapped[str]
    parent_id: Mapped[UUID | None]


#: What a customer is found by; the index holds it as it stands here.
SEARCH_TEXT = "search_text(name, code, address_line1, address_line2, city, pincode)"


#: Whether a customer has a credit limit; the index holds it as it stands here.
HAS_LIMIT = "(credit_limit IS NOT NULL OR payment_terms = 'prepaid')"


class Customer(Imported, Base):
    """One household or shop. Its row is locked by whoever touches its money."""

    __tablename__ = "customers"
    __table_args__ = (
        references("user_id", "users.id", "user_not_found"),
        references("area_id", "areas.id", "area_not_found"),
        references("delivery_boy_id", "users.id", "user_not_found"),
        references("marketing_staff_id", "users.id", "user_not_found"),
        references("merged_into", "customers.id", "customer_not_found"),
        references("billed_to", "customers.payer_key", "payer_refused"),
        unique("code"),
        unique("user_id"),
        unique("payer_key"),
        check("name_length", "length(name) BETWEEN 1 AND 200"),
        check("code_length", "length(code) BETWEEN 1 AND 40"),
        check(
            "text_lengths",
            "length(address_line1) <= 200 AND length(address_line2) <= 200 AND length(city) <= 100"
            " AND length(map_link) <= 1000 AND length(language) <= 10 AND length(notes) <= 2000",
        ),
        check("map_link_leads_to_a_map", f"map_link ~ '{MAP_LINK}'"),
        check("phone_format", f"phone ~ '{PHONE_FORMAT}'"),
        check("email_format", f"email ~ '{EMAIL_FORMAT}' AND length(email) <= 254 AND email = lower(email)"),
        check("state_code_format", "state_code ~ '^[0-9]{2}$'"),
        check("pincode_format", "pincode ~ '^[1-9][0-9]{5}$'"),
        check("latitude_range", "latitude BETWEEN -90 AND 90"),
        check("longitude_range", "longitude BETWEEN -180 AND 180"),
        check("gstin_format", "gstin ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$'"),
        check("registered_has_gstin", "gst_treatment <> 'registered' OR gstin IS NOT NULL"),
        check("merged_whole", "num_nonnulls(merged_into, merged_at, merge_reason) IN (0, 3)"),
        check("not_merged_into_itself", "merged_into <> id"),
        check(
            "merged_is_left",
            "merged_into IS NULL OR (status = 'stopped' AND user_id IS NULL AND delivery_boy_id IS NULL)",
            "customer_merged",
        ),
        check(
            "payer_pays_itself",
            "payer_key IS NULL OR (payer_key = id AND billed_to IS NULL AND merged_into IS NULL)",
            "payer_refused",
        ),
        check("merged_is_not_billed", "merged_into IS NULL OR billed_to IS NULL", "customer_merged"),
        check("merge_reason_length", "length(merge_reason) BETWEEN 3 AND 500"),
        one_of("status", CUSTOMER_STATUSES),
        one_of("billing_cycle", BILLING_CYCLES),
        one_of("gst_treatment", GST_TREATMENTS),
        one_of("payment_terms", PAYMENT_TERMS),
        one_of("channel", CHANNELS),
        check(
            "messages_off_known",
            f"messages_off <@ ARRAY[{', '.join(repr(kind) for kind in TO_CUSTOMERS)}]"
            " AND array_position(messages_off, NULL) IS NULL",
        ),
        check("credit_limit_not_negative", "credit_limit >= 0 AND credit_limit <> 'NaN'"),
        Index(None, "area_id"),
        Index("ix_customers_round", "delivery_boy_id", "stop_sequence"),
        Index(None, "marketing_staff_id"),
        Index("ix_customers_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("ix_customers_billed_to", "billed_to", postgresql_where=text("billed_to IS NOT NULL")),
        Index("ix_customers_limited", "id", postgresql_where=text(HAS_LIMIT)),
        Index("ix_customers_name", text("lower(name)"), "code"),
        Index("ix_customers_name_as_written", "name"),
        Index("ix_customers_created", "created_at", "code"),
        Index("ix_customers_phone_tail", text("reverse(phone) text_pattern_ops")),
        Index(
            "ix_customers_search",
            text(f"{SEARCH_TEXT} gin_trgm_ops"),
            postgresql_using="gin",
        ),
    )

    #: For people: sequential, C000001.
    code: Mapped[str] = mapped_column(server_default=text("'C' || lpad(nextval('customer_codes')::text, 6, '0')"))
    user_id: Mapped[UUID | None]
    name: Mapped[str]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    address_line1: Mapped[str | None]
    address_line2: Mapped[str | None]
    city: Mapped[str | None]
    #: Two digits of the GST state list; decides the place of supply.
    state_code: Mapped[str | None]
    pincode: Mapped[str | None]
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    map_link: Mapped[str | None]
    area_id: Mapped[UUID | None]
    delivery_boy_id: Mapped[UUID | None]
    #: Place in the round; gaps are fine.
    stop_sequence: Mapped[int | None]
    marketing_staff_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=text("'active'"))
    trial_start_date: Mapped[date | None]
    billing_cycle: Mapped[str] = mapped_column(server_default=text("'monthly'"))
    language: Mapped[str | None]
    gstin: Mapped[str | None]
    gst_treatment: Mapped[str] = mapped_column(server_default=text("'consumer'"))
    notes: Mapped[str | None]
    #: The customer that this one turned out to be: it has all that this one had. Never one that is merged itself.
    merged_into: Mapped[UUID | None] = mapped_column(sort_order=950)
    merged_at: Mapped[datetime | None] = mapped_column(sort_order=951)
    merge_reason: Mapped[str | None] = mapped_column(sort_order=952)
    #: Whether it pays its bills, or in advance: then it owes nothing at any time, unless it has a limit.
    payment_terms: Mapped[str] = mapped_column(server_default=text("'postpaid'"), sort_order=953)
    #: Rupees that it owes at most, with what is delivered and ordered and not billed yet; NULL: any amount.
    credit_limit: Mapped[Money | None] = mapped_column(sort_order=954)
    #: By which way it is told of things; NULL: it has not said so.
    channel: Mapped[str | None] = mapped_column(sort_order=955)
    #: The kinds of messages that it does not want.
    messages_off: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), sort_order=956)
    #: Who pays for what is delivered to it, from the next draft on: a customer that pays for itself; NULL: it does so.
    billed_to: Mapped[UUID | None] = mapped_column(sort_order=957)
    #: Its own id once others are billed to it: then it cannot be billed to somebody itself. Set by the database.
    payer_key: Mapped[UUID | None] = mapped_column(sort_order=958)


class CustomerPrice(Identified, Base):
    """A price agreed with one customer over a range of days; it beats every other price."""

    __tablename__ = "customer_prices"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("product_id", "products.id", "product_not_found"),
        check("price_not_negative", "price >= 0 AND price <> 'NaN'"),
        check("valid_has_start", "NOT isempty(valid) AND NOT lower_inf(valid)"),
        no_overlap("ex_customer_prices_in_force", ("customer_id", "="), ("product_id", "="), ("valid", "&&")),
        Index(None, "product_id"),
    )

    customer_id: Mapped[UUID]
    product_id: Mapped[UUID]
    price: Mapped[Money]
    valid: Mapped[Any] = mapped_column(DATERANGE)


class CustomerMove(Identified, Base):
    """What is different with a customer from a day on: another address, area, round or place in it."""

    __tablename__ = "customer_moves"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("area_id", "areas.id", "area_not_found"),
        references("delivery_boy_id", "users.id", "user_not_found"),
        references("entered_by", "users.id", "user_not_found"),
        unique("customer_id", "moves_on"),
        check("moves_on_finite", "isfinite(moves_on)"),
        check("changes_something", "num_nonnulls(address_line1, area_id, delivery_boy_id, stop_sequence) > 0"),
        check(
            "address_is_whole",
            "address_line1 IS NOT NULL OR num_nonnulls(address_line2, city, pincode, map_link) = 0",
        ),
        check(
            "text_lengths",
            "length(address_line1) <= 200 AND length(address_line2) <= 200 AND length(city) <= 100"
            " AND length(map_link) <= 1000",
        ),
        check("map_link_leads_to_a_map", f"map_link ~ '{MAP_LINK}'"),
        check("pincode_format", "pincode ~ '^[1-9][0-9]{5}$'"),
        Index("ix_customer_moves_pending", "moves_on", postgresql_where=text("applied_at IS NULL")),
    )

    customer_id: Mapped[UUID]
    #: Orders of this day and later follow; what is NULL below stays as it is.
    moves_on: Mapped[date]
    #: With it come second line and map, given or not: those of before lead to the old door.
    address_line1: Mapped[str | None]
    address_line2: Mapped[str | None]
    city: Mapped[str | None]
    pincode: Mapped[str | None]
    map_link: Mapped[str | None]
    area_id: Mapped[UUID | None]
    delivery_boy_id: Mapped[UUID | None]
    stop_sequence: Mapped[int | None]
    #: When the customer's own columns took it; until then it can be taken back.
    applied_at: Mapped[datetime | None]
    entered_by: Mapped[UUID]


class UnlinkedCustomer(Base):
    """A customer whose login revision 0004 would have had to guess; somebody links it by hand."""

    __tablename__ = "unlinked_customers"
    __table_args__ = (references("customer_id", "customers.id", "customer_not_found", ondelete="CASCADE"),)

    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str]
    #: The users that would fit.
    candidates: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
