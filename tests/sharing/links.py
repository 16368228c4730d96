"""What the tests of links share: two rounds in two areas, and links to one of them."""

from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from tests.dairy import Client, Dairy, kept, ok


class Link:
    """A link and a helper's phone that holds it."""

    def __init__(self, dairy: Dairy, made: Any) -> None:
        self.dairy, self.made = dairy, made
        self.id, self.token = made["id"], made["token"]
        self.phone = Client(dairy.app, None)

    def another_phone(self) -> "Link":
        """The same link on a phone that has unlocked nothing."""
        return Link(self.dairy, self.made)

    def round(self, **query: Any) -> TestResponse:
        return self.phone.get(f"/shared/{self.token}/round", **query)

    def round_with(self, cookie: str) -> TestResponse:
        """The round, asked for with this pass and no other cookie."""
        client = self.dairy.app.test_client(use_cookies=False)  # with its own cookies it drops the header
        return client.get(f"/api/v1/shared/{self.token}/round", headers={"Cookie": f"dairy_link={cookie}"})

    def unlock(self, pin: str, **options: Any) -> TestResponse:
        return self.phone.post(f"/shared/{self.token}/unlock", {"pin": pin}, **options)

    def confirm(self, order: Any, **fields: Any) -> TestResponse:
        body = {"order_id": order["id"], "status": "delivered"}
        return self.phone.post(f"/shared/{self.token}/confirmations", body | fields)

    def confirm_batch(self, confirmations: list[Any]) -> TestResponse:
        return self.phone.post(f"/shared/{self.token}/confirmations/batch", {"confirmations": confirmations})

    def ask(self, kind: str, customer: Any, **fields: Any) -> TestResponse:
        body = {"kind": kind, "customer_id": customer["id"]}
        return self.phone.post(f"/shared/{self.token}/requests", body | fields)

    def every_verb(self, order: Any, customer: Any) -> dict[str, TestResponse]:
        """Each thing a link is for, tried once, by the name of its event."""
        return {
            "round": self.round(),
            "confirm": self.confirm(order),
            "batch": self.confirm_batch([{"order_id": order["id"], "status": "delivered"}]),
            "request": self.ask("pause", customer, **{"from": self.dairy.day(1)}),
            "unlock": self.unlock("4711"),
        }

    def revoke(self) -> None:
        ok(self.dairy.admin.delete(f"/shared-links/{self.id}"), 204)

    def events(self) -> list[tuple[str, str]]:
        """Every use, the first one first: action and result."""
        page = ok(self.dairy.admin.get(f"/shared-links/{self.id}/events", limit=200))
        return [(each["action"], each["result"]) for each in page["items"][::-1]]

    def read(self) -> Any:
        """The link as admins see it."""
        return next(each for each in ok(self.dairy.admin.get("/shared-links"))["items"] if each["id"] == self.id)


@dataclass
class Town:
    """Bala's round: Asha in Kothrud. Not his: Zoya, in Baner."""

    dairy: Dairy
    boy: Client
    asha: Any
    zoya: Any
    milk: Any
    curd: Any

    def order(self, customer: Any = None, **fields: Any) -> Any:
        """Two litres of milk and one and a half of curd: 2 × 60.00 + 1.5 × 80.00 = 240.00; today, for Asha."""
        return self.dairy.order(customer or self.asha, (self.milk, "2"), (self.curd, "1.5"), **fields)

    def items(self, milk: str, curd: str) -> list[dict[str, str]]:
        """What of it was delivered."""
        return [
            {"product_id": self.milk["id"], "delivered_quantity": milk},
            {"product_id": self.curd["id"], "delivered_quantity": curd},
        ]

    def link(self, **fields: Any) -> Link:
        """A link to Bala's round of today, unless told otherwise."""
        body: dict[str, Any] = {"kind": "round"}
        if "area_id" not in fields:
            body["delivery_boy_id"] = self.boy.user["id"]
        if not fields.get("rolling"):
            body["date"] = self.dairy.day(0)
        return Link(self.dairy, ok(self.dairy.admin.post("/shared-links", body | fields), 201))

    def read(self, order: Any) -> Any:
        return ok(self.dairy.admin.get(f"/orders/{order['id']}"))

    def subscribe(self, customer: Any = None, **fields: Any) -> Any:
        """A litre of milk every morning, from today."""
        body = {
            "customer_id": (customer or self.asha)["id"],
            "product_id": self.milk["id"],
            "mode": "fixed_daily",
            "default_quantity": "1",
            "start_date": self.dairy.day(0),
        }
        return ok(self.dairy.admin.post("/subscriptions", body | fields), 201)


@kept
def make_town(dairy: Dairy) -> Town:
    boy = dairy.staff("delivery_boy", "Bala Boy")
    asha = dairy.customer(name="Asha", delivery_boy_id=boy.user["id"], area="Kothrud", notes="Ring twice")
    zoya = dairy.customer(name="Zoya", delivery_boy_id=dairy.staff("delivery_boy").user["id"], area="Baner")
    return Town(dairy, boy, asha, zoya, dairy.product("60.00"), dairy.product("80.00"))
