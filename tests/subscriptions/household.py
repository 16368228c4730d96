"""A household with a login and milk, and the calls its standing orders take."""

from typing import Any

from tests.dairy import Client, Dairy, ok

TODAY, TOMORROW = "2026-11-20", "2026-11-21"


class Household:
    """A customer, its login, and one product at ₹60."""

    def __init__(self, dairy: Dairy) -> None:
        self.dairy = dairy
        self.admin = dairy.admin
        dairy.without_cutoffs()
        self.milk = dairy.product("60.00")
        self.customer, self.login = dairy.customer_login()

    def subscribe(self, by: Client | None = None, **fields: Any) -> Any:
        """Two litres of milk every day from 1 November on, unless the fields say otherwise."""
        body = {
            "customer_id": self.customer["id"],
            "product_id": self.milk["id"],
            "mode": "fixed_daily",
            "default_quantity": "2",
            "start_date": "2026-11-01",
            "confirm": True,
        }
        wanted = {name: value for name, value in (body | fields).items() if value is not None}
        return ok((by or self.admin).post("/subscriptions", wanted), 201)

    def read(self, made: Any) -> Any:
        return ok(self.admin.get(f"/subscriptions/{made['id']}"))

    def generate(self, day: str = TOMORROW) -> Any:
        return ok(self.admin.post("/orders/generate", {"delivery_date": day}), 200)

    def orders(self, **query: str) -> list[Any]:
        found: list[Any] = ok(self.admin.get("/orders", customer_id=self.customer["id"], limit=200, **query))["items"]
        return found

    def order(self, day: str = TOMORROW) -> Any:
        (found,) = self.orders(delivery_date=day)
        return found

    def says(self, day: str = TOMORROW) -> tuple[str, str]:
        """Status and quantity of the one order of a day."""
        order = self.order(day)
        return order["status"], order["items"][0]["quantity"]

    def calendar(self, made: Any, month: str = "2026-11") -> dict[str, tuple[str, str]]:
        days = ok(self.admin.get(f"/subscriptions/{made['id']}/calendar", month=month))["days"]
        return {day["date"]: (day["quantity"], day["rule"]) for day in days}

    def override(self, made: Any, day: str, quantity: str, by: Client | None = None, **fields: Any) -> Any:
        body = {"quantity": quantity} | fields
        return (by or self.admin).put(f"/subscriptions/{made['id']}/overrides/{day}", body)

    def pause(self, made: Any, first: str, last: str | None = None, by: Client | None = None, **fields: Any) -> Any:
        body = {"from": first, "to": last} | fields
        return (by or self.admin).post(f"/subscriptions/{made['id']}/pauses", body)

    def act(self, made: Any, action: str, by: Client | None = None, **fields: Any) -> Any:
        return (by or self.admin).post(f"/subscriptions/{made['id']}/{action}", fields)

    def change(self, made: Any, by: Client | None = None, **fields: Any) -> Any:
        return (by or self.admin).patch(f"/subscriptions/{made['id']}", fields)
