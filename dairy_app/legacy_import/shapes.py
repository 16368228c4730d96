"""One document of the earlier system as one row of values to stage, whatever its generation or spelling.

What a document alone shows is judged here; what needs other documents is judged in ``bulk``, set by set.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from bson import ObjectId, json_util

from dairy_app.legacy_import import rules
from dairy_app.legacy_import.rows import (
    CustomerPriceRow,
    CustomerRow,
    DeliveredRow,
    DeliveryRow,
    ItemRow,
    OrderRow,
    ProductRow,
    UserRow,
)

Document = Mapping[str, Any]


#: Collections that hold the same things; one key in both means one thing.
_SAME_THINGS = {"customers": "customers_v2", "delivery_status": "delivery_statuses"}


class _Notes:
    """Collects the first reason against a document and the remarks about it."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.detail: str | None = None
        self.remarks: list[str] = []

    def refuse(self, reason: str, value: Any = None) -> None:
        if self.reason is None:
            self.reason = reason
            self.detail = None if value is None else rules.text(repr(value)[:200])

    def remark(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)

    def of(self, document: Document) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "detail": self.detail,
            "remarks": self.remarks,
            "document": as_json(document),
        }


def as_json(document: Document) -> str:
    """The document as relaxed Extended JSON that PostgreSQL can store: no NaN literal, no NUL."""
    try:
        found = _encode(document)
    except (ValueError, TypeError):  # NaN, infinity, or keys that are no text
        found = json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS, ensure_ascii=False)
    if "\\u0000" in found:
        found = json.dumps(_without_nul(json.loads(found)), ensure_ascii=False)
    return found


def _extended(value: Any) -> Any:
    return json_util.default(value, json_util.RELAXED_JSON_OPTIONS)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_extended).encode


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    return value


def _identity(collection: str, line: int, document: Document) -> dict[str, Any]:
    """Collection, line, key and id; a document without any key gets one from its content."""
    key = rules.key_of(document)
    if key is None:
        key = "content-" + hashlib.sha256(as_json(document).encode("utf-8", "replace")).hexdigest()[:32]
    return {
        "collection": collection,
        "line": line,
        "key": key,
        "id": rules.row_id(_SAME_THINGS.get(collection, collection), key),
    }


def _name(value: Any) -> str | None:
    found = rules.text(value)
    return found[:200] if found else None


def _first(document: Document, *names: str) -> Any:
    """The value of the first spelling of a field that is there and not null."""
    return next((document[name] for name in names if document.get(name) is not None), None)


def user(collection: str, line: int, document: Document, zone: tzinfo) -> UserRow:
    """A login. Its creation time is UTC when it has no offset; its name falls back to its address."""
    notes = _Notes()
    address, number = rules.email(document.get("email")), rules.phone(document.get("phone"))
    if document.get("email") and address is None:
        notes.remark("email_unreadable")
    if document.get("phone") and number is None:
        notes.remark("phone_unreadable")
    if address is None and number is None:
        notes.refuse("no_email_or_phone")
    role = rules.fold(document.get("role"))
    if role not in rules.ROLES:
        notes.refuse("role_unknown", document.get("role"))
    own = document.get("_id")
    kept = rules.bcrypt_hash(document)
    if kept is None:
        notes.remark("password_dropped")
    # Whatever else happens to the document, no secret of it is stored elsewhere.
    document = {name: value for name, value in document.items() if name not in ("password", "password_hash")}
    return UserRow(
        **_identity(collection, line, document),
        object_id=str(own) if isinstance(own, ObjectId) else None,
        name=_name(document.get("name")) or address or number,
        email=address,
        phone=number,
        role=role,
        is_active=_first(document, "is_active", "isActive") is not False,
        password_hash=kept,
        customer_key=rules.reference(_first(document, "customer_v2_id", "customerV2Id")),
        created_at=rules.instant(_first(document, "created_at", "createdAt"), UTC),
        **notes.of(document),
    )


def customer(
    collection: str, line: int, document: Document, zone: tzinfo
) -> tuple[CustomerRow, list[CustomerPriceRow]]:
    """A customer and the prices agreed with it. Without a status it is active unless switched off."""
    notes = _Notes()
    identity = _identity(collection, line, document)
    number, address = rules.phone(document.get("phone")), rules.email(document.get("email"))
    if rules.text(document.get("phone")) is not None:
        if number is None:
            notes.remark("phone_unreadable")
        elif number.removeprefix("+91") != rules.text(document.get("phone")):
            notes.remark("phone_normalised")
    if document.get("email") and address is None:
        notes.remark("email_unreadable")
    name = _name(document.get("name"))
    if name is None:
        notes.remark("name_missing")
    position = document.get("location")
    position = position if isinstance(position, Mapping) else {}
    row = CustomerRow(
        **identity,
        user_key=rules.reference(document.get("user_id")),
        name=name or number or identity["key"][:200],
        phone=number,
        email=address,
        address=rules.text(document.get("address")),
        area=_name(document.get("area")),
        latitude=_coordinate(_first(position, "lat", "latitude"), 90),
        longitude=_coordinate(_first(position, "lng", "longitude"), 180),
        map_link=rules.text(document.get("map_link")),
        delivery_boy_key=rules.reference(document.get("delivery_boy_id")),
        marketing_staff_key=rules.reference(document.get("marketing_boy_id")),
        status=_customer_status(document, notes),
        trial_start_date=rules.day(document.get("trial_start_date"), zone),
        notes=_customer_notes(document),
        created_at=rules.instant(_first(document, "created_at", "createdAt"), zone),
        **notes.of(document),
    )
    return row, _customer_prices(row.id, _first(document, "custom_product_prices", "customPricing"))


def _customer_status(document: Document, notes: _Notes) -> str:
    written = rules.fold(document.get("status"))
    if written in rules.CUSTOMER_STATUSES:
        return written
    if written is not None:
        notes.remark("status_unknown")
    return "stopped" if _first(document, "is_active", "isActive") is False else "active"


def _customer_notes(document: Document) -> str | None:
    found = (rules.text(document.get(name)) for name in ("notes", "delivery_instructions"))
    return "\n".join(part for part in found if part) or None


def _coordinate(value: Any, limit: int) -> Decimal | None:
    read = rules.number(value)
    return round(read, 6) if read is not None and abs(read) <= limit else None


def _customer_prices(customer_id: UUID, prices: Any) -> list[CustomerPriceRow]:
    rows = []
    for key, value in prices.items() if isinstance(prices, Mapping) else ():
        product, price = rules.reference(key), rules.money(value)
        if product is not None and price is not None and price > 0:
            rows.append(CustomerPriceRow(customer_id, product, price))
    return rows


def product(collection: str, line: int, document: Document, zone: tzinfo) -> ProductRow:
    """A product. A size as unit (``500g``) is a packet of that size; an unknown unit is a piece, remarked."""
    notes = _Notes()
    identity = _identity(collection, line, document)
    written = _first(document, "default_price", "price")
    price = rules.money(written)
    if price is None or price < 0:
        notes.remark("price_missing" if written is None else "price_unreadable")
        price = None
    unit, size = rules.unit(document.get("unit"))
    if unit is None:
        notes.remark("unit_unknown")
    name = _name(document.get("name"))
    if name is None:
        notes.remark("name_missing")
    return ProductRow(
        **identity,
        name=name or identity["key"][:200],
        category=rules.text(document.get("category")),
        unit=unit or "piece",
        packet_size=size or None,
        price=price,
        is_active=_first(document, "is_active", "isActive") is not False,
        **notes.of(document),
    )


def order(collection: str, line: int, document: Document, zone: tzinfo) -> tuple[OrderRow, list[ItemRow]]:
    """An order and its items.

    The day delivered is ``delivered_at`` read as a day in the dairy's zone, else ``delivery_date``.
    Item totals and the order's total, which clients wrote, are not used.
    """
    notes = _Notes()
    identity = _identity(collection, line, document)
    status = rules.fold(document.get("status"))
    if status not in rules.ORDER_STATUSES:
        notes.refuse("status_unknown", document.get("status"))
    kind = rules.fold(document.get("order_type"))
    subscription = rules.reference(_first(document, "subscription_id", "subscriptionId"))
    days = _order_days(document, zone, notes)
    created_at = rules.instant(_first(document, "created_at", "createdAt"), zone)
    changed_at = rules.instant(_first(document, "cancelled_at", "updated_at"), zone)
    items = _items(line, document, notes)
    row = OrderRow(
        **identity,
        customer_ref=rules.reference(_first(document, "customer_id", "customerId")),
        user_ref=rules.reference(_first(document, "user_id", "userId")),
        is_one_time=kind in (None, "one_time") and subscription is None,
        status=status,
        is_confirmed=document.get("delivery_confirmed") is True,
        is_billed=rules.is_true(document.get("billed")),
        billed_month=rules.text(document.get("billed_month")),
        **days,
        cancelled_at=changed_at or created_at,
        cancel_reason=_cut(_first(document, "cancel_reason", "cancellation_reason"), 500),
        shift="evening" if rules.fold(document.get("shift")) == "evening" else "morning",
        delivery_boy_key=rules.reference(_first(document, "delivery_boy_id", "assigned_to")),
        address=as_json(document["address"]) if isinstance(document.get("address"), Mapping) else None,
        notes=rules.text(document.get("notes")),
        created_at=created_at,
        **notes.of(document),
    )
    return row, items


def _order_days(document: Document, zone: tzinfo, notes: _Notes) -> dict[str, Any]:
    """The planned day, the day and the instant of delivery; each stands in for a missing other."""
    planned = rules.day(document.get("delivery_date"), zone)
    delivered_at = rules.instant(document.get("delivered_at"), zone)
    delivered_on = delivered_at.astimezone(zone).date() if delivered_at else planned
    if delivered_on is None:
        notes.refuse("date_unreadable", document.get("delivery_date"))
        return {"delivery_date": None, "delivered_on": None, "delivered_at": None}
    if planned is None:
        notes.remark("delivery_date_unreadable")
    return {
        "delivery_date": planned or delivered_on,
        "delivered_on": delivered_on,
        "delivered_at": delivered_at or rules.midday(delivered_on, zone),
    }


def _cut(value: Any, length: int) -> str | None:
    found = rules.text(value)
    return found[:length] if found else None


def _items(line: int, document: Document, notes: _Notes) -> list[ItemRow]:
    items = document.get("items")
    if not isinstance(items, list) or not items:
        notes.refuse("no_items")
        return []
    rows = []
    for line_no, item in enumerate(items, 1):
        row = _item(line, line_no, item, notes) if isinstance(item, Mapping) else None
        if row is None:
            notes.refuse("item_unreadable", item)
        else:
            rows.append(row)
    return rows


def _item(line: int, line_no: int, item: Document, notes: _Notes) -> ItemRow | None:
    quantity, price = rules.number(item.get("quantity")), rules.number(item.get("price"))
    rounded = rules.quantity(quantity)
    if quantity is None or rounded is None:
        notes.refuse("quantity_unreadable", item.get("quantity"))
        return None
    if price is None or rules.money(price) is None:
        notes.refuse("price_unreadable", item.get("price"))
        return None
    if rounded <= 0:
        notes.refuse("quantity_not_positive", item.get("quantity"))
    if price < 0:
        notes.refuse("price_negative", item.get("price"))
    return ItemRow(
        order_line=line,
        line_no=line_no,
        product_key=rules.reference(_first(item, "product_id", "productId")),
        product_name=_name(_first(item, "product_name", "productName", "name")),
        unit=rules.unit(item.get("unit"))[0] or "piece",
        quantity=quantity,
        price=price,
    )


def delivery(collection: str, line: int, document: Document, zone: tzinfo) -> tuple[DeliveryRow, list[DeliveredRow]]:
    """A delivery row and the quantities it records.

    Rows of the shared link (``delivery_status``) and ``confirmed_at`` are UTC when they have no offset,
    everything else is wall time of the dairy.
    """
    notes = _Notes()
    by_link = collection == "delivery_status"
    status = rules.fold(document.get("status"))
    if status not in rules.DELIVERY_STATUSES:
        notes.refuse("status_unknown", document.get("status"))
    planned = rules.day(document.get("delivery_date"), zone)
    delivered_at = rules.instant(document.get("delivered_at"), zone)
    if planned is None and delivered_at is not None:
        planned = delivered_at.astimezone(zone).date()
    if planned is None:
        notes.refuse("date_unreadable", document.get("delivery_date"))
    written_at = rules.instant(_first(document, "updated_at", "created_at"), UTC if by_link else zone)
    row = DeliveryRow(
        **_identity(collection, line, document),
        order_key=rules.reference(_first(document, "order_id", "orderId")),
        customer_ref=rules.reference(_first(document, "customer_id", "customerId")),
        delivery_date=planned,
        status=status,
        delivered_at=delivered_at,
        delivery_boy_key=rules.reference(document.get("delivery_boy_id")),
        confirmed_by_key=rules.reference(document.get("confirmed_by_user_id")),
        confirmed_by_name=_name(document.get("confirmed_by_name")),
        confirmed_at=rules.instant(document.get("confirmed_at"), UTC),
        written_at=written_at,
        device_info=_cut(document.get("device_info"), 500),
        notes=_cut(document.get("notes"), 2000),
        **notes.of(document),
    )
    return row, list(_delivered(row, document))


def _delivered(row: DeliveryRow, document: Document) -> list[DeliveredRow]:
    """``items[].delivered_qty`` names a product by id, ``products[].delivered_quantity`` by name."""
    if row.order_key is None:
        return []
    found = []
    for field in ("items", "products"):
        entries = document.get(field)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping):
                found.append(
                    DeliveredRow(
                        collection=row.collection,
                        delivery_line=row.line,
                        order_key=row.order_key,
                        product_key=rules.reference(_first(entry, "product_id", "productId")),
                        product_name=_name(_first(entry, "product_name", "productName", "name")),
                        quantity=rules.quantity(_first(entry, "delivered_qty", "delivered_quantity")),
                    )
                )
    return found
