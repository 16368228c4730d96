"""Areas and addresses, the delivery boys who stand beside the users, and the dairy's own settings, as rows to stage."""

import re
from datetime import tzinfo
from typing import Any

from dairy_app.legacy_import import rules
from dairy_app.legacy_import.shaping.rows import AddressRow, AreaRow, SettingsRow, UserRow
from dairy_app.legacy_import.shaping.staged import Document, Notes, cut, first, identity_of, name_of, without_passwords

_PINCODE = re.compile("[1-9][0-9]{5}")


def address(collection: str, line: int, document: Document, zone: tzinfo) -> AddressRow:
    """An address. Its customer is named by the login, as orders name theirs."""
    pincode = re.sub(r"\s", "", (rules.text(document.get("pincode")) or "").removesuffix(".0"))
    latitude, longitude = rules.number(document.get("latitude")), rules.number(document.get("longitude"))
    on_earth = latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180
    second = (rules.text(document.get(name)) for name in ("address_line2", "landmark"))
    return AddressRow(
        **identity_of(collection, line, document),
        customer_ref=rules.reference(first(document, "customer_id", "customerId", "user_id", "userId")),
        line1=cut(document.get("address_line1"), 200),
        line2=cut(", ".join(part for part in second if part), 200),
        city=cut(document.get("city"), 100),
        pincode=pincode if _PINCODE.fullmatch(pincode) else None,
        latitude=round(latitude, 6) if on_earth and latitude is not None else None,
        longitude=round(longitude, 6) if on_earth and longitude is not None else None,
        is_default=document.get("is_default") is True,
        **Notes().of(document),
    )


def area(collection: str, line: int, document: Document, zone: tzinfo) -> AreaRow:
    """An area under the name that customers name: ``main - sub`` unless its full name says otherwise."""
    notes = Notes()
    main = name_of(first(document, "main_area", "mainArea"))
    part = name_of(first(document, "sub_area", "subArea"))
    name = name_of(first(document, "full_name", "fullName", "name"))
    name = name or name_of(" - ".join(word for word in (main, part) if word))
    if name is None:
        notes.refuse("name_missing")
    boys = first(document, "delivery_boy_ids", "deliveryBoyIds")
    known = [rules.reference(each) for each in boys] if isinstance(boys, list) else []
    return AreaRow(
        **identity_of(collection, line, document),
        name=name,
        main_area=main if part or main != name else None,
        delivery_boy_keys=[key for key in known if key],
        **notes.of(document),
    )


def delivery_boy(collection: str, line: int, document: Document, zone: tzinfo) -> UserRow:
    """A delivery boy: the user of the same id, or one who never had a login.

    Without an address or a number of his own he gets an address that no mail reaches: he cannot log in, but
    customers and orders can name him.
    """
    notes = Notes()
    identity: dict[str, Any] = identity_of(collection, line, document)
    address, number = rules.email(document.get("email")), rules.phone(document.get("phone"))
    if address is None and number is None:
        notes.remark("address_made_up")
        address = f"{identity['id']}@no-login.invalid"
    return UserRow(
        **identity,
        object_id=None,
        name=name_of(document.get("name")) or identity["key"][:200],
        email=address,
        phone=number,
        role="delivery_boy",
        is_active=first(document, "is_active", "isActive") is not False,
        password_hash=None,
        customer_key=None,
        created_at=rules.instant(first(document, "created_at", "createdAt"), zone),
        **notes.of(without_passwords(document)),
    )


def settings(collection: str, line: int, document: Document, zone: tzinfo) -> SettingsRow:
    """The dairy's name, number, address and UPI id; texts of messages and the picture of a code have no place."""
    return SettingsRow(
        **identity_of(collection, line, document),
        business_name=cut(first(document, "business_name", "businessName"), 200),
        phone=rules.phone(first(document, "business_phone", "businessPhone", "phone")),
        upi_id=cut(first(document, "upi_id", "upiId"), 100),
        address=cut(first(document, "business_address", "businessAddress", "address"), 500),
        **Notes().of(document),
    )
