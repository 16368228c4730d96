"""One document of the earlier system as one row of values to stage, whatever its generation or spelling.

What a document alone shows is judged here; what needs other documents is judged in ``bulk``, set by set.
"""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from bson import ObjectId

from dairy_app.customers.rules import is_map_link
from dairy_app.legacy_import import rules
from dairy_app.legacy_import.shaping.rows import (
    CustomerPriceRow,
    CustomerRow,
    DeliveredRow,
    DeliveryRow,
    ItemRow,
    OrderRow,
    ProductRow,
    UserRow,
)
from dairy_app.legacy_import.shaping.staged import (
    Document,
    Notes,
    as_json,
    cut,
    first,
    identity_of,
    name_of,
    without_passwords,
)


def user(collection: str, line: int, document: Document, zone: tzinfo) -> UserRow:
    """A login. Its creation time is UTC when it has no offset; its name falls back to its address."""
    notes = Notes()
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
    document = without_passwords(document)
    return UserRow(
        **identity_of(collection, line, document),
        object_id=str(own) if isinstance(own, ObjectId) else None,
        name=name_of(document.get("name")) or address or number,
        email=address,
        phone=number,
        role=role,
        is_active=first(document, "is_active", "isActive") is not False,
        password_hash=kept,
        customer_key=rules.reference(first(document, "customer_v2_id", "customerV2Id")),
        created_at=rules.instant(first(document, "created_at", "createdAt"), UTC),
        **notes.of(document),
    )


def customer(
    collection: str, line: int, document: Document, zone: tzinfo
) -> tuple[CustomerRow, list[CustomerPriceRow]]:
    """A customer and the prices agreed with it. Without a status it is active unless switched off."""
    notes = Notes()
    identity = identity_of(collection, line, document)
    number, address = rules.phone(document.get("phone")), rules.email(document.get("email"))
    if rules.text(document.get("phone")) is not None:
        if number is None:
            notes.remark("phone_unreadable")
        elif number.removeprefix("+91") != rules.text(document.get("phone")):
            notes.remark("phone_normalised")
    if document.get("email") and address is None:
        notes.remark("email_unreadable")
    name = name_of(document.get("name"))
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
        address=_fitting(document.get("address"), 200, notes),
        area=name_of(document.get("area")),
        latitude=_coordinate(first(position, "lat", "latitude"), 90),
        longitude=_coordinate(first(position, "lng", "longitude"), 180),
        map_link=_link(document.get("map_link"), notes),
        delivery_boy_key=rules.reference(document.get("delivery_boy_id")),
        marketing_staff_key=rules.reference(document.get("marketing_boy_id")),
        status=_customer_status(document, notes),
        trial_start_date=rules.day(document.get("trial_start_date"), zone),
        previous_balance=_previous_balance(document, notes),
        notes=_fitting(_customer_notes(document), 2000, notes),
        created_at=rules.instant(first(document, "created_at", "createdAt"), zone),
        **notes.of(document),
    )
    return row, _customer_prices(row.id, first(document, "custom_product_prices", "customPricing"))


def _customer_status(document: Document, notes: Notes) -> str:
    written = rules.fold(document.get("status"))
    if written in rules.CUSTOMER_STATUSES:
        return written
    if written is not None:
        notes.remark("status_unknown")
    return "stopped" if first(document, "is_active", "isActive") is False else "active"


def _previous_balance(document: Document, notes: Notes) -> Decimal | None:
    """Owed before, in rupees; below 0: paid in advance. Whatever cannot be read is a remark, and no balance."""
    written = first(document, "previous_balance", "previousBalance")
    read = rules.money(written)
    if written not in (None, "") and read is None:
        notes.remark("balance_unreadable")
    return read


def _fitting(value: Any, length: int, notes: Notes) -> str | None:
    """As much of a text as has room, remarked when that is not all."""
    found = rules.text(value)
    if found is not None and len(found) > length:
        notes.remark("text_cut")
    return cut(found, length)


def _link(value: Any, notes: Notes) -> str | None:
    """A link; too long a one would lead nowhere when cut."""
    found = rules.text(value)
    if found is not None and len(found) > 1000:
        notes.remark("text_cut")
        return None
    if found is not None and not is_map_link(found):
        notes.remark("link_no_map")
        return None
    return found


def _customer_notes(document: Document) -> str | None:
    """What was noted; a link that leads to no map stands here, where nobody follows it unawares."""
    link = rules.text(document.get("map_link"))
    found = [rules.text(document.get(name)) for name in ("notes", "delivery_instructions")]
    if link is not None and len(link) <= 1000 and not is_map_link(link):
        found.append(link)
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
    notes = Notes()
    identity = identity_of(collection, line, document)
    written = first(document, "default_price", "price")
    price = rules.money(written)
    if price is None or price < 0:
        notes.remark("price_missing" if written is None else "price_unreadable")
        price = None
    unit, size = rules.unit(document.get("unit"))
    if unit is None:
        notes.remark("unit_unknown")
    name = name_of(document.get("name"))
    if name is None:
        notes.remark("name_missing")
    return ProductRow(
        **identity,
        name=name or identity["key"][:200],
        category=rules.text(document.get("category")),
        unit=unit or "piece",
        packet_size=size or None,
        price=price,
        is_active=first(document, "is_active", "isActive") is not False,
        **notes.of(document),
    )


def order(collection: str, line: int, document: Document, zone: tzinfo) -> tuple[OrderRow, list[ItemRow]]:
    """An order and its items.

    The day delivered is ``delivered_at`` read as a day in the dairy's zone, else ``delivery_date``.
    Item totals and the order's total, which clients wrote, are not used.
    """
    notes = Notes()
    identity = identity_of(collection, line, document)
    status = rules.fold(document.get("status"))
    if status not in rules.ORDER_STATUSES:
        notes.refuse("status_unknown", document.get("status"))
    kind = rules.fold(document.get("order_type"))
    subscription = rules.reference(first(document, "subscription_id", "subscriptionId"))
    days = _order_days(document, zone, notes)
    created_at = rules.instant(first(document, "created_at", "createdAt"), zone)
    changed_at = rules.instant(first(document, "cancelled_at", "updated_at"), zone)
    items = _items(line, document, notes)
    row = OrderRow(
        **identity,
        customer_ref=rules.reference(first(document, "customer_id", "customerId")),
        user_ref=rules.reference(first(document, "user_id", "userId")),
        is_one_time=kind in (None, "one_time") and subscription is None,
        subscription_key=subscription,
        status=status,
        is_confirmed=document.get("delivery_confirmed") is True,
        is_billed=rules.is_true(document.get("billed")),
        billed_month=rules.text(document.get("billed_month")),
        **days,
        cancelled_at=changed_at or created_at,
        cancel_reason=cut(first(document, "cancel_reason", "cancellation_reason"), 500),
        shift="evening" if rules.fold(document.get("shift")) == "evening" else "morning",
        delivery_boy_key=rules.reference(first(document, "delivery_boy_id", "assigned_to")),
        address=as_json(document["address"]) if isinstance(document.get("address"), Mapping) else None,
        notes=cut(document.get("notes"), 4000),
        created_at=created_at,
        **notes.of(document),
    )
    return row, items


def _order_days(document: Document, zone: tzinfo, notes: Notes) -> dict[str, Any]:
    """The planned day, the day and the instant of delivery; each is in for a missing other."""
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


def _items(line: int, document: Document, notes: Notes) -> list[ItemRow]:
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


def _item(line: int, line_no: int, item: Document, notes: Notes) -> ItemRow | None:
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
        product_key=rules.reference(first(item, "product_id", "productId")),
        product_name=name_of(first(item, "product_name", "productName", "name")),
        unit=rules.unit(item.get("unit"))[0],
        quantity=quantity,
        price=price,
    )


def delivery(collection: str, line: int, document: Document, zone: tzinfo) -> tuple[DeliveryRow, list[DeliveredRow]]:
    """A delivery row and the quantities it records.

    Rows of the shared link (``delivery_status``) and ``confirmed_at`` are UTC when they have no offset,
    everything else is wall time of the dairy.
    """
    notes = Notes()
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
    written_at = rules.instant(first(document, "updated_at", "created_at"), UTC if by_link else zone)
    row = DeliveryRow(
        **identity_of(collection, line, document),
        order_key=rules.reference(first(document, "order_id", "orderId")),
        customer_ref=rules.reference(first(document, "customer_id", "customerId")),
        delivery_date=planned,
        status=status,
        delivered_at=delivered_at,
        delivery_boy_key=rules.reference(document.get("delivery_boy_id")),
        confirmed_by_key=rules.reference(document.get("confirmed_by_user_id")),
        confirmed_by_name=name_of(document.get("confirmed_by_name")),
        confirmed_at=rules.instant(document.get("confirmed_at"), UTC),
        written_at=written_at,
        device_info=cut(document.get("device_info"), 500),
        notes=cut(document.get("notes"), 2000),
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
                        product_key=rules.reference(first(entry, "product_id", "productId")),
                        product_name=name_of(first(entry, "product_name", "productName", "name")),
                        quantity=rules.quantity(first(entry, "delivered_qty", "delivered_quantity")),
                        packets=rules.quantity(entry.get("quantity_packets")),
                        unit=rules.unit(entry.get("unit"))[0],
                    )
                )
    return found
