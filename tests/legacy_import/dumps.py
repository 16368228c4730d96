"""Dumps as the earlier system left them, written for a test: every document has the shape its code wrote."""

import json
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import bson
from bson import ObjectId, json_util

Document = dict[str, Any]

MILK = {"_id": ObjectId(), "id": "prd_milk", "name": "Toned Milk", "unit": "L", "price": 55.5, "default_price": None}
EGGS = {"_id": ObjectId(), "id": "prd_eggs", "name": "Eggs", "unit": "dozen", "price": 70.0, "default_price": 70.0}


def uuid_of(name: str) -> str:
    """The same UUID for the same name, as a client would have stored it."""
    return str(uuid5(UUID(int=0), name))


def item(product: Document, quantity: Any, **changes: Any) -> Document:
    """An item of an order, with the total that the client worked out."""
    price = changes.get("price", product.get("default_price") or product.get("price"))
    total = quantity * price if isinstance(quantity, int | float) and isinstance(price, int | float) else None
    return {
        "product_id": product["id"],
        "product_name": product["name"],
        "quantity": quantity,
        "unit": product["unit"],
        "price": price,
        "total": total,
    } | changes


class WrittenDump:
    """A dairy's collections, grown document by document; two products are there from the start."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.collections: dict[str, list[Document]] = {
            name: []
            for name in ("users", "customers_v2", "customers", "orders", "delivery_statuses", "delivery_status")
        } | {"products": [dict(MILK), dict(EGGS)]}

    def add(self, collection: str, document: Document) -> Document:
        written = {"_id": ObjectId(), **document}
        self.collections.setdefault(collection, []).append(written)
        return written

    def user(self, key: str, **changes: Any) -> Document:
        n = next(self._numbers)
        known = {"id": key, "email": f"user{n}@dairy.example", "name": f"User {n}", "role": "customer"}
        return self.add("users", known | {"phone": f"90001{n:05d}", "is_active": True} | changes)

    def customer(self, key: str, *, user: str | None = None, **changes: Any) -> Document:
        """A customer, and with ``user`` the login that both sides name."""
        n = next(self._numbers)
        known = {"id": key, "name": f"Customer {n}", "phone": f"90000{n:05d}", "address": f"{n} Main Road"}
        if user is not None:
            known["user_id"] = user
            email = f"customer-{key}@earlybird.local"
            self.user(user, email=email, phone=known["phone"], customer_v2_id=key)
        return self.add("customers_v2", known | {"area": "Indiranagar", "status": "active"} | changes)

    def order(self, key: str, customer: str, *items: Document, on: str = "2026-09-10", **changes: Any) -> Document:
        """A delivered, confirmed, unbilled order, unless told otherwise."""
        known = {
            "id": key,
            "user_id": customer,
            "customer_id": customer,
            "order_type": "one_time",
            "subscription_id": None,
            "items": list(items) or [item(MILK, 2)],
            "delivery_date": on,
            "address": {"label": "Home", "address_line1": "1 Main Road"},
            "status": "DELIVERED",
            "delivered_at": f"{on}T06:02:01.508550",
            "delivery_confirmed": True,
            "billed": False,
            "created_at": f"{on}T00:00:00+00:00",
        }
        return self.add("orders", known | changes)

    def subscription(self, key: str, customer: str, product: Document = MILK, **changes: Any) -> Document:
        """Two a day in the morning, native, unless told otherwise; a change to ``...`` leaves the field out."""
        known = {
            "id": key,
            "customer_id": customer,
            "product_id": product["id"],
            "price_per_unit": 58.0,
            "mode": "fixed_daily",
            "default_qty": 2.0,
            "shift": "morning",
            "status": "active",
            "auto_start": True,
            "created_at": "2026-08-25T09:00:22.780449",
        }
        return self.older("subscriptions_v2", known | changes)

    def older(self, collection: str, document: Document) -> Document:
        """A document without the fields that are ``...``."""
        return self.add(collection, {name: value for name, value in document.items() if value is not ...})

    def delivery(self, order: str | None, customer: str, *, by_link: bool = False, **changes: Any) -> Document:
        n = next(self._numbers)
        known: Document = {
            "order_id": order,
            "customer_id": customer,
            "delivery_date": "2026-09-10",
            "status": "delivered",
            "delivered_at": "2026-09-10T06:02:01.508550",
            "created_at": "2026-09-10T06:02:01.508550",
        }
        if by_link:
            return self.add("delivery_status", known | changes)
        return self.add("delivery_statuses", {"id": uuid_of(f"delivery {n}")} | known | changes)

    def write(self, folder: Path) -> Path:
        """As mongodump writes it; returns the folder to name."""
        database = folder / "dump" / "earlybird_delivery"
        database.mkdir(parents=True, exist_ok=True)
        for name, documents in self.collections.items():
            (database / f"{name}.bson").write_bytes(b"".join(bson.encode(document) for document in documents))
        return folder / "dump"

    def write_export(self, folder: Path) -> Path:
        """As mongoexport writes it."""
        exported = folder / "export"
        exported.mkdir(exist_ok=True)
        for name, documents in self.collections.items():
            lines = (json_util.dumps(each, json_options=json_util.CANONICAL_JSON_OPTIONS) for each in documents)
            (exported / f"{name}.json").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return exported

    def write_backup(self, folder: Path) -> Path:
        """As the earlier system's own backup writes it: one file, no object ids."""
        file = folder / "backup_20261101_214500.json"
        without = {
            name: [{field: value for field, value in each.items() if field != "_id"} for each in documents]
            for name, documents in self.collections.items()
        }
        file.write_text(json.dumps(without, default=str), encoding="utf-8")
        return file
