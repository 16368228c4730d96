"""Sums of quantities per product and per area, each in the product's own unit: litres and packets are never added."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from dairy_app.catalogue.rules import packets_of


def by_product(made: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows (product_id, product_name, unit, orders, quantity, …) → one per product, in their order."""
    totals: dict[Any, dict[str, Any]] = {}
    for row in made:
        total = totals.setdefault(
            row.product_id,
            {
                "product_id": row.product_id,
                "product_name": row.product_name,
                "unit": row.unit,
                "orders": 0,
                "quantity": 0,
            },
        )
        total["orders"] += row.orders
        total["quantity"] += row.quantity
    return list(totals.values())


def by_area(made: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows (area_id, area, orders, …) → orders per area."""
    totals: dict[Any, dict[str, Any]] = {}
    for row in made:
        total = totals.setdefault(row.area_id, {"area_id": row.area_id, "area": row.area, "orders": 0})
        total["orders"] += row.orders
    return list(totals.values())


def requirement_totals(items: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows (product_id, name, unit, packet_size, orders, quantity) → one per product, with its packets."""
    totals: dict[Any, dict[str, Any]] = {}
    for row in items:
        fields = {name: getattr(row, name) for name in ("product_id", "name", "unit", "packet_size")}
        total = totals.setdefault(row.product_id, {**fields, "orders": 0, "quantity": Decimal(0)})
        total["orders"] += row.orders
        total["quantity"] += row.quantity
    for total in totals.values():
        total["packets"] = packets_of(total["quantity"], total["unit"], total.pop("packet_size"))
    return list(totals.values())
