"""Razorpay's words: its events, its links. Sources: razorpay.com/docs, Webhooks → Payments, Payment Links, Refunds, and
API → Payment Links. Amounts are whole paise, moments are seconds since 1970.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from dairy_app.collecting.rules.events import Told
from dairy_app.collecting.rules.links import MadeLink, WantedLink

#: Events that say that money is there; each carries the payment.
_OF_MONEY = {"payment.captured", "payment_link.paid", "payment_link.partially_paid", "order.paid"}
_OF_REFUNDS = {"refund.processed"}
_ENDS_LINK = {"payment_link.cancelled": "cancelled", "payment_link.expired": "expired"}
#: Its ways of paying → those of our payments. A UPI payment over a link is UPI, whatever the customer's bank.
METHODS = {
    "upi": "upi",
    "card": "card",
    "emi": "card",
    "netbanking": "bank_transfer",
    "bank_transfer": "bank_transfer",
    "wallet": "wallet",
    "paylater": "wallet",
    "cardless_emi": "wallet",
}
#: Where a link of ours stands in its notes; a payment has the notes of its link.
NOTE = "payment_link"
#: numeric(12,2) ends here.
_MOST_PAISE = 10**12 - 1
_LONGEST_ID = 100
#: Before the year 3000, which is as far as a date of Python goes without a doubt.
_LAST_SECOND = 32_503_680_000


def read_event(body: bytes) -> Told:
    """An event as it came. What cannot be read has the reason ``unreadable``; nothing is raised."""
    try:
        said = json.loads(body.decode("utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError):
        return Told(None, reason="unreadable")
    kind = _word(said.get("event")) if isinstance(said, dict) else None
    if kind is None:
        return Told(None, reason="unreadable")
    payload = said.get("payload")
    payment, refund, link = (_entity(payload, name) for name in ("payment", "refund", "payment_link"))
    if kind in _OF_MONEY:
        return _told_payment(kind, payment, link)
    if kind in _OF_REFUNDS:
        return _told_refund(kind, refund, payment)
    return Told(
        kind,
        "payment_link" if link else None,
        gateway_link_id=_word(link.get("id")),
        link_id=_own_link(link, payment),
        ends_link=_ENDS_LINK.get(kind),
    )


def _told_payment(kind: str, payment: Mapping[str, Any], link: Mapping[str, Any]) -> Told:
    key = _word(payment.get("id"))
    if key is None or payment.get("captured") is not True:
        return Told(kind, reason="unreadable" if key is None else None)
    amount, happened_at = _rupees(payment.get("amount")), _moment(payment.get("created_at"))
    told = Told(
        kind,
        "payment",
        gateway_payment_id=key,
        gateway_link_id=_word(link.get("id")),
        link_id=_own_link(link, payment),
        amount=amount,
        currency=_word(payment.get("currency"), 10),
        method=_word(payment.get("method"), 40),
        happened_at=happened_at,
    )
    return told if amount is not None and happened_at is not None else Told(kind, reason="unreadable")


def _told_refund(kind: str, refund: Mapping[str, Any], payment: Mapping[str, Any]) -> Told:
    """A refund; of a payment that was never captured nothing was booked, and nothing is paid back."""
    key, of = _word(refund.get("id")), _word(refund.get("payment_id"))
    amount, happened_at = _rupees(refund.get("amount")), _moment(refund.get("created_at"))
    if payment.get("captured") is False:
        return Told(kind)
    if key is None or of is None or amount is None or happened_at is None:
        return Told(kind, reason="unreadable")
    return Told(
        kind,
        "refund",
        gateway_payment_id=of,
        gateway_refund_id=key,
        amount=amount,
        currency=_word(refund.get("currency"), 10),
        method=_word(payment.get("method"), 40),
        happened_at=happened_at,
    )


def _entity(payload: Any, name: str) -> Mapping[str, Any]:
    """What an event says of one thing; empty when it says nothing, or nothing in that form."""
    held = payload.get(name) if isinstance(payload, dict) else None
    entity = held.get("entity") if isinstance(held, dict) else None
    return entity if isinstance(entity, dict) else {}


def _word(value: Any, longest: int = _LONGEST_ID) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= longest and value.isascii() and value.isprintable()
    return value if fits else None


def _rupees(paise: Any) -> Decimal | None:
    """Whole paise as rupees, exactly; None for what is no amount above nothing."""
    if isinstance(paise, bool) or not isinstance(paise, int) or not 0 < paise <= _MOST_PAISE:
        return None
    return Decimal(paise).scaleb(-2)


def _moment(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < _LAST_SECOND:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _own_link(link: Mapping[str, Any], payment: Mapping[str, Any]) -> UUID | None:
    """The link of the dairy: the link's reference, or the note that its payment has from it."""
    notes = payment.get("notes")
    noted = notes.get(NOTE) if isinstance(notes, dict) else None
    for written in (link.get("reference_id"), noted):
        if isinstance(written, str):
            try:
                return UUID(written)
            except ValueError:
                continue
    return None


def body_of(wanted: WantedLink) -> dict[str, Any]:
    """A link as ``POST /v1/payment_links`` takes it. The dairy itself tells its customer, so Razorpay tells nobody."""
    customer = {"name": wanted.name, "contact": wanted.phone, "email": wanted.email}
    return {
        "amount": int(wanted.amount.scaleb(2)),
        "currency": "INR",
        "accept_partial": False,
        "reference_id": wanted.id.hex,
        "description": wanted.description,
        "customer": {name: value for name, value in customer.items() if value},
        "expire_by": int(wanted.expires_at.timestamp()),
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "notes": {NOTE: str(wanted.id)},
    }


def read_link(said: Any) -> MadeLink | None:
    """A link as Razorpay answers it; None for what is none."""
    if not isinstance(said, dict):
        return None
    key, url, status = _word(said.get("id")), _word(said.get("short_url"), 500), _word(said.get("status"), 40)
    if key is None or url is None or status is None or not url.startswith(("https://", "http://")):
        return None
    reference = said.get("reference_id")
    return MadeLink(key, url, status, reference if isinstance(reference, str) else None)


def found_link(said: Any, reference: str) -> MadeLink | None:
    """The link with this reference in a list of links."""
    links = said.get("payment_links") if isinstance(said, dict) else None
    read = (read_link(each) for each in links) if isinstance(links, list) else ()
    return next((each for each in read if each is not None and each.reference == reference), None)


def said_error(said: Any) -> str:
    """What Razorpay says was wrong, for people; empty when it says nothing."""
    error = said.get("error") if isinstance(said, dict) else None
    words = error.get("description") if isinstance(error, dict) else None
    return " ".join(words.split())[:300] if isinstance(words, str) else ""
