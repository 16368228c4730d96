"""A round whose milk comes in glass bottles, one to a litre; curd comes in cups that nobody brings back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine

from tests.dairy import Dairy, kept, ok
from tests.deliveries.rounds import Round, at, make_round


@dataclass
class Bottles(Round):
    """The round, its bottle of 30.00 rupees, and what customers have of it."""

    bottle: Any

    def balance(self, customer: Any = None, container: Any = None) -> int:
        """What a customer has of the bottle."""
        whose = (customer or self.customer)["id"]
        found = ok(self.dairy.admin.get(f"/customers/{whose}/containers"))["balances"]
        wanted = (container or self.bottle)["id"]
        return next((each["balance"] for each in found if each["container_id"] == wanted), 0)

    def back(self, count: int) -> list[dict[str, Any]]:
        """As many bottles back, as a confirmation tells them."""
        return [{"container_id": self.bottle["id"], "back": count}]

    def bring(self, litres: str = "2", **fields: Any) -> Any:
        """An order of milk that is confirmed at once."""
        order = self.dairy.order(fields.pop("customer", self.customer), (self.milk, litres))
        ok(self.dairy.confirm(order, **fields), 200)
        return order

    def correct(self, order: Any, litres: str, **fields: Any) -> Any:
        items = [{"product_id": self.milk["id"], "delivered_quantity": litres}]
        return self.dairy.admin.patch(f"/deliveries/{order['id']}", {"items": items, "reason": "counted"} | fields)

    def enter(self, way: str, count: int, customer: Any = None, **fields: Any) -> Any:
        """Let the office enter bottles: ``back``, ``out`` or ``lost``."""
        whose = (customer or self.customer)["id"]
        body = {"container_id": self.bottle["id"], "count": count} | fields
        return self.dairy.admin.post(f"/customers/{whose}/containers/{way}", body)


@kept
def make_bottles(dairy: Dairy) -> Bottles:
    round_ = make_round(dairy)
    bottle = ok(dairy.admin.post("/containers", {"name": "Glass bottle 1 l", "deposit": "30.00"}), 201)
    milk = ok(dairy.admin.patch(f"/products/{round_.milk['id']}", {"container_id": bottle["id"]}))
    return Bottles(dairy, round_.boy, round_.customer, milk, round_.curd, bottle)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until a test moves it."""
    with time_machine.travel(at("2026-11-20 10:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def bottles(clock: time_machine.Traveller, dairy: Dairy) -> Bottles:
    return make_bottles(dairy)
