"""What the earlier system failed at, as far as it concerns standing orders and rounds; numbers are its list's.

1 (confirming in every way) stands in ``tests/deliveries`` and, by link, in ``tests/sharing``, with 11 and 16 by link;
3, 4 and 8 in ``tests/billing``; 12 in ``tests/test_access_matrix.py``; 14 and 15 with import and migrations.
"""

from typing import Any

import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import Client, ok, refused


class Home:
    """A customer with a standing order of two litres at ₹60 from 1 October, and its delivery boy."""

    def __init__(self, dairy: LivingDairy) -> None:
        self.dairy, self.admin = dairy, dairy.admin
        self.boy = dairy.staff("delivery_boy")
        self.milk = dairy.product("60.00")
        self.customer, self.login = dairy.customer_login(delivery_boy_id=self.boy.user["id"])
        wanted = {"customer_id": self.customer["id"], "product_id": self.milk["id"], "start_date": "2026-10-01"}
        standing = wanted | {"mode": "fixed_daily", "default_quantity": "2"}
        self.subscription = ok(self.admin.post("/subscriptions", standing), 201)
        self.path = f"/subscriptions/{self.subscription['id']}"

    def day(self, day: str, deliver: bool = True) -> list[Any]:
        """A day's orders, delivered or not; the orders as they then stand."""
        self.dairy.go_to(day)
        ok(self.admin.post("/orders/generate", {"delivery_date": day}))
        if deliver:
            ok(self.boy.post("/deliveries/complete", {"delivery_date": day}))
        found: list[Any] = ok(self.admin.get("/orders", delivery_date=day))["items"]
        return found


@pytest.fixture
def home(living: LivingDairy) -> Home:
    return Home(living)


def test_2_an_order_can_be_read_after_its_delivery(home: Home) -> None:
    (order,) = home.day("2026-10-02")
    for reader in (home.login, home.admin, home.boy):
        seen = ok(reader.get(f"/orders/{order['id']}"))
        assert (seen["status"], seen["delivery_confirmed"], seen["delivery_status"]["status"]) == (
            "DELIVERED",
            True,
            "delivered",
        )
        assert [each["id"] for each in ok(reader.get("/orders"))["items"]] == [order["id"]]


def test_5_stopping_keeps_what_was_delivered_billed(home: Home) -> None:
    for day in ("2026-10-02", "2026-10-03"):
        home.day(day)
    ok(home.admin.post(f"{home.path}/stop", {}))
    home.dairy.go_to("2026-11-01")
    assert home.dairy.bill("2026-10", confirm=True)["total"] == "240.00"


def test_6_a_month_without_deliveries_bills_nothing(home: Home) -> None:
    for day in ("2026-10-02", "2026-10-03"):
        assert len(home.day(day, deliver=False)) == 1
    home.dairy.go_to("2026-11-01")
    run = home.dairy.bill("2026-10", confirm=True)
    assert (run["invoices_issued"], run["total"]) == (0, "0.00")


def test_7_a_part_is_billed_as_a_part(home: Home) -> None:
    (order,) = home.day("2026-10-02", deliver=False)
    items = [{"product_id": home.milk["id"], "delivered_quantity": "0.5"}]
    ok(home.dairy.confirm(order, by=home.boy, items=items))
    home.dairy.go_to("2026-11-01")
    assert home.dairy.bill("2026-10", confirm=True)["total"] == "30.00"


@pytest.mark.parametrize("who", ["admin", "login"])
def test_10_a_day_set_to_nothing_delivers_nothing(home: Home, who: str) -> None:
    by: Client = getattr(home, who)
    ok(by.put(f"{home.path}/overrides/2026-10-02", {"quantity": "0"}))
    assert home.day("2026-10-02") == []
    assert [order["status"] for order in home.day("2026-10-03")] == ["DELIVERED"]


@pytest.mark.parametrize("who", ["admin", "login"])
@pytest.mark.parametrize("last", ["2026-10-03", None])
def test_11_a_pause_by_every_way_gives_nothing_and_breaks_no_list(home: Home, who: str, last: str | None) -> None:
    by: Client = getattr(home, who)
    ok(by.post(f"{home.path}/pauses", {"from": "2026-10-02", "to": last}), 201)
    assert home.day("2026-10-02") == home.day("2026-10-03") == []
    expected = 1 if last else 0
    assert len(home.day("2026-10-04")) == expected
    assert len(ok(home.boy.get("/deliveries/round", delivery_date="2026-10-04"))["stops"]) == expected
    assert len(ok(home.admin.get(f"{home.path}/calendar", month="2026-10"))["days"]) == 31
    assert home.dairy.preview("2026-10")["totals"]["orders"] == expected


def test_17_staff_order_for_a_customer(home: Home) -> None:
    marketing = home.dairy.staff("marketing_staff")
    body = {"name": "New", "phone": "9811111111", "address_line1": "7 Hill Road", "area": "Warje"}
    own = ok(marketing.post("/customers", body), 201)
    items = [{"product_id": home.milk["id"], "quantity": "1"}]
    wanted = {"customer_id": own["id"], "delivery_date": home.dairy.day(0), "items": items}
    order = ok(marketing.post("/orders", wanted), 201)
    assert (order["source"], order["address"]["address_line1"]) == ("staff", "7 Hill Road")
    refused(marketing.post("/orders", wanted | {"customer_id": home.customer["id"]}), 404, "customer_not_found")


def test_18_what_procurement_buys_is_what_is_delivered(home: Home) -> None:
    home.dairy.order(home.customer, (home.milk, "0.5"), on="2026-10-02")
    needed = ok(home.admin.get("/reports/requirements", date="2026-10-02"))["totals"]
    assert [row["quantity"] for row in needed] == ["2.500"]
    orders = home.day("2026-10-02")
    assert sorted(order["items"][0]["delivered_quantity"] for order in orders) == ["0.500", "2.000"]
    sheet = ok(home.boy.get("/deliveries/round", delivery_date="2026-10-02"))["loading_sheet"]
    assert [(row["unit"], row["quantity"]) for row in sheet] == [("litre", "2.500")]
