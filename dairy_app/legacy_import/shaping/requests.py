"""Shared links, and the changes that were asked for through them or by staff, as rows to stage. All in UTC."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from decimal import Decimal
from hashlib import sha256
from typing import Any

from dairy_app.legacy_import import rules
from dairy_app.legacy_import.shaping.rows import LinkRow, RequestRow
from dairy_app.legacy_import.shaping.staged import Document, Notes, cut, first, identity_of, name_of, spelt

_KINDS = {
    "pause": "pause", "quantity_change": "quantity", "add_product": "extra_item",
    "pause_requests": "pause", "stop_requests": "stop", "product_requests": "extra_item",
}  # fmt: skip
_MOST_USES = 10**9


def link(collection: str, line: int, document: Document, zone: tzinfo) -> LinkRow:
    """A shared link. Its token stays behind: nobody comes in with it here."""
    shift = rules.fold(document.get("shift"))
    rolling = first(document, "auto_renew_daily") is not False
    uses = rules.number(document.get("access_count")) or Decimal(0)
    day = rules.day(document.get("date"), zone)
    kept = without_token(document)
    return LinkRow(
        **identity_of(collection, line, kept),
        link_key=rules.reference(document.get("link_id")),
        name=name_of(document.get("name")) or "Link of the earlier system",
        delivery_boy_key=rules.reference(document.get("delivery_boy_id")),
        area=name_of(document.get("area")),
        link_date=None if rolling else day,
        shift=shift if shift in ("morning", "evening") else None,
        created_by_key=rules.reference(document.get("created_by")),
        made_at=rules.instant(document.get("created_at"), UTC),
        expires_at=rules.instant(document.get("expires_at"), UTC),
        use_count=int(min(max(uses, Decimal(0)), Decimal(_MOST_USES))),
        last_used_at=rules.instant(document.get("last_accessed"), UTC),
        **Notes().of(kept),
    )


def without_token(document: Document) -> Document:
    """What is kept of a link: its id was its token, in clear text. A hash of it is its key in every form of a dump."""
    kept = {name: value for name, value in document.items() if name not in ("link_id", "linkId")}
    token = rules.reference(first(document, "link_id", "linkId"))
    return (
        kept if token is None else kept | {"_id": f"link-{sha256(token.encode('utf-8', 'replace')).hexdigest()[:32]}"}
    )


def request(collection: str, line: int, document: Document, zone: tzinfo) -> RequestRow:
    """A wish of a customer. Without a day it was meant for the one on which it was asked.

    Wish lists (votes for products) and changes of delivery boy or shift are no requests here.
    """
    notes = Notes()
    found = document.get("change_data")
    wish: Mapping[str, Any] = spelt(found) if isinstance(found, Mapping) else document
    kind = _KINDS.get(collection) or _KINDS.get(rules.fold(document.get("change_type")) or "")
    if "votes" in document:
        kind = None
    asked_at = rules.instant(first(document, "requested_at", "submitted_at", "created_at"), UTC)
    day = rules.day(first(wish, "date", "start_date", "stop_date", "tentative_date", "delivery_date"), zone)
    if day is None and kind != "quantity" and asked_at is not None:
        day = asked_at.astimezone(zone).date()
    quantity = rules.quantity(first(wish, "quantity_packets", "quantity"))
    status = rules.fold(document.get("status"))
    if kind is not None:
        _check(kind, document, day, quantity, status, notes)
    return RequestRow(
        **identity_of(collection, line, document),
        kind=kind,
        customer_ref=rules.reference(first(wish, "customer_id") or first(document, "customer_id")),
        product_key=rules.reference(first(wish, "product_id")),
        day=day,
        until=rules.day(first(wish, "end_date"), zone),
        quantity=quantity,
        shift="evening" if rules.fold(wish.get("shift")) == "evening" else "morning",
        link_key=rules.reference(document.get("link_id")),
        asked_by_key=_person(first(document, "requested_by", "submitted_by")),
        note=cut("; ".join(word for name in ("reason", "notes") if (word := rules.text(document.get(name)))), 2000),
        status=status,
        decided_by_key=_person(first(document, "rejected_by", "reviewed_by", "approved_by")),
        decided_at=rules.instant(first(document, "rejected_at", "reviewed_at", "approved_at"), UTC),
        decision_reason=cut(first(document, "rejection_reason", "admin_notes"), 500),
        asked_at=asked_at,
        **notes.of(without_token(document)),
    )


def _check(kind: str, document: Document, day: Any, quantity: Decimal | None, status: str | None, notes: Notes) -> None:
    if status not in ("pending", "approved", "rejected"):
        notes.refuse("status_unknown", document.get("status"))
    if day is None:
        notes.refuse("date_unreadable")
    if kind in ("extra_item", "quantity"):
        if quantity is None:
            notes.refuse("quantity_unreadable", first(document, "quantity_packets", "quantity"))
        elif quantity < 0 or (kind == "extra_item" and quantity == 0):
            notes.refuse("quantity_not_positive", quantity)


def _person(written: Any) -> str | None:
    return rules.reference(written.get("id") if isinstance(written, Mapping) else written)
