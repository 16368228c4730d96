"""What the tests of deliveries share: a round with a delivery boy, sets of confirmations, counts of rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import event

from dairy_app.deliveries.rules import Confirmation, Confirmer, Delivered, Scope
from dairy_app.deliveries.service.confirmations import Outcome, confirm
from dairy_app.web.http import DairyFlask
from tests.dairy import Client, Dairy, kept, ok

KOLKATA = ZoneInfo("Asia/Kolkata")
#: Every table that an order, a confirmation or a run may write.
WRITTEN = ("orders", "order_items", "delivery_statuses", "invoices", "invoice_lines", "idempotency_keys")

#: Leaks, one statement each: all must count 0, whatever was done in whatever order.
INVARIANTS = {
    "delivered but on no invoice": "SELECT count(*) FROM orders"
    " WHERE (status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) <> (invoice_id IS NOT NULL)",
    "on a void paper": "SELECT count(*) FROM orders o JOIN invoices i ON i.id = o.invoice_id WHERE i.status = 'void'",
    "order and delivery status disagree": "SELECT count(*) FROM orders o"
    " LEFT JOIN delivery_statuses s ON s.order_id = o.id"
    " WHERE o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED')"
    " AND s.status IS DISTINCT FROM lower(o.status)"
    " OR o.status IN ('PENDING', 'OUT_FOR_DELIVERY') AND s.id IS NOT NULL",
    "order and items disagree": "SELECT count(*) FROM orders o JOIN (SELECT order_id,"
    " bool_and(delivered_quantity = quantity) AS all_of_it, coalesce(sum(delivered_quantity), 0) AS amount,"
    " count(*) > count(delivered_quantity) AS unsaid FROM order_items GROUP BY order_id) i ON i.order_id = o.id"
    " WHERE o.status = 'DELIVERED' AND i.all_of_it IS NOT true"
    " OR o.status = 'PARTIALLY_DELIVERED' AND (i.all_of_it OR i.amount = 0 OR i.unsaid)"
    " OR o.status NOT IN ('DELIVERED', 'PARTIALLY_DELIVERED') AND i.amount <> 0",
    "issued paper bills another quantity": "SELECT count(*) FROM invoices p WHERE p.status = 'issued' AND"
    " (SELECT sum(quantity) FROM invoice_lines l WHERE l.invoice_id = p.id AND l.product_id IS NOT NULL)"
    " IS DISTINCT FROM"
    " (SELECT sum(i.delivered_quantity) FROM orders o JOIN order_items i ON i.order_id = o.id"
    " WHERE o.invoice_id = p.id)",
    "delivered after its paper's period": "SELECT count(*) FROM orders o JOIN invoices i ON i.id = o.invoice_id"
    " WHERE o.delivered_on > i.period_end",
}


@dataclass
class Round:
    """A customer on a delivery boy's round, with two products to order."""

    dairy: Dairy
    boy: Client
    customer: Any
    milk: Any
    curd: Any

    def order(self, on: str | None = None, **fields: Any) -> Any:
        """Two litres of milk and one and a half of curd: 2 × 60.00 + 1.5 × 80.00 = 240.00."""
        return self.dairy.order(self.customer, (self.milk, "2"), (self.curd, "1.5"), on=on, **fields)

    def items(self, milk: str, curd: str) -> list[dict[str, str]]:
        """What of it was delivered."""
        return [
            {"product_id": self.milk["id"], "delivered_quantity": milk},
            {"product_id": self.curd["id"], "delivered_quantity": curd},
        ]

    def read(self, order: Any) -> Any:
        return ok(self.dairy.admin.get(f"/orders/{order['id']}"))

    def log_in_again(self) -> None:
        """After the clock moved: access tokens live for a quarter of an hour."""
        self.dairy.admin = self.dairy.login("admin@dairy.example")
        self.boy = self.dairy.login(self.boy.user["email"])


@kept
def make_round(dairy: Dairy) -> Round:
    dairy.without_cutoffs()
    boy = dairy.staff("delivery_boy", "Bala Boy")
    customer = dairy.customer(delivery_boy_id=boy.user["id"])
    return Round(dairy, boy, customer, dairy.product("60.00"), dairy.product("80.00"))


def at(text: str) -> datetime:
    """An instant of the dairy's clock, ``2026-11-20 10:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=KOLKATA)


def confirmation(status: str = "delivered", items: Any = None, **fields: Any) -> Confirmation:
    """What happened at one door, as the schema makes it; ``items`` as they are sent."""
    named = None if items is None else [Delivered(**item) for item in items]
    return Confirmation(status=status, items=named, **fields)


def confirm_set(dairy: Dairy, confirmations: list[dict[str, Any]]) -> list[Outcome]:
    """Confirm a set in one transaction, as an admin; by order: ``{"order": …, "items": …}``."""
    admin = Confirmer(UUID(dairy.admin.user["id"]), dairy.admin.user["name"], "admin", "10.0.0.9", "pytest")
    bodies = [confirmation(**each) for each in confirmations]
    with dairy.app.database.transaction() as session:  # once: a deadlock is not tried again
        return confirm(session, admin, Scope(), bodies)


def bill(dairy: Dairy, period: str, through: str | None = None) -> Any:
    """A finished billing run."""
    run = ok(dairy.admin.post("/billing/runs", {"period": period, "confirm": True, "through": through}), 201)
    assert run["status"] == "completed"
    return run


def counts(sql: Any) -> dict[str, int]:
    """How many rows each table holds that a refused request must not write."""
    return {table: sql(f"SELECT count(*) FROM {table}")[0][0] for table in WRITTEN}


def leaks(sql: Any) -> dict[str, int]:
    """Each invariant and how many rows break it."""
    return {name: sql(statement)[0][0] for name, statement in INVARIANTS.items()}


@contextmanager
def statements(app: DairyFlask) -> Iterator[list[str]]:
    """The SQL statements that are sent meanwhile."""
    sent: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(app.database.engine, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        event.remove(app.database.engine, "before_cursor_execute", record)
