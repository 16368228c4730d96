"""September and October 2026, day by day: every order made at night, delivered in the morning, every rupee explained.

Cow milk costs ₹60 a litre, from 16 September ₹63.

- Asha takes 2 l of it daily, is away 10 to 12 September, gets half a litre less on the 20th, and moves away on
  21 October. September: 12 days before the rise are 24 l, 15 after it 30 - 0.5 l. 24 x 60 + 29.5 x 63 = 3,298.50.
  October: 20 days, 40 x 63 = 2,520.
- Bela takes 1 l of buffalo milk, quoted at ₹75, on Mondays, Wednesdays and Fridays, from 5 October 1.5 l. On
  7 September nobody opens. On the 18th she has two packets of paneer at ₹90. September: 13 - 1 days, 12 x 75 + 180
  = 1,080. October: the 2nd at 1 l, 12 more days at 1.5 l: 75 + 12 x 112.50 = 1,425.
- Chitra takes 1 l of cow milk every other day from 1 September on. Her delivery of the 29th is only confirmed on
  3 October, when September is billed. September: 8 x 60 + 6 x 63 = 858. October: the late one and 16 days, 17 x 63
  = 1,071.
- Divya takes milk only on days she names: 3 l on 5 September, 2 l on 10 October. 180, and 2 x 63 = 126.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import Client, ok, refused

pytestmark = pytest.mark.slow

SEPTEMBER = {"Asha": "3298.50", "Bela": "1080.00", "Chitra": "858.00", "Divya": "180.00"}
OCTOBER = {"Asha": "2520.00", "Bela": "1425.00", "Chitra": "1071.00", "Divya": "126.00"}


@dataclass
class Story:
    """The people, their standing orders, and the delivery boy who walks to them."""

    dairy: LivingDairy
    boy: Client
    people: dict[str, Any]
    standing: dict[str, Any]
    cow: Any
    paneer: Any

    def order(self, name: str, day: str) -> Any:
        found = ok(self.dairy.admin.get("/orders", customer_id=self.people[name]["id"], delivery_date=day))["items"]
        (order,) = [order for order in found if order["order_type"] == "subscription"]
        return order

    def change(self, name: str, method: str, path: str, body: Any) -> Any:
        url = f"/subscriptions/{self.standing[name]['id']}{path}"
        return ok(self.dairy.admin.call(method, url, json=body))

    def live(self, day: date) -> None:
        """A day: at night its orders are made, in the morning the boy walks his round."""
        written = day.isoformat()
        self.dairy.go_to(written)
        before_round = BEFORE_ROUND.get(written)
        ok(self.dairy.admin.post("/orders/generate", {"delivery_date": written}))
        left = [] if before_round is None else before_round(self)
        ok(self.boy.post("/deliveries/start", {"delivery_date": written}))
        ok(self.boy.post("/deliveries/complete", {"delivery_date": written, "except": left}))


def away(story: Story) -> list[str]:
    story.change("Asha", "POST", "/pauses", {"from": "2026-09-10", "to": "2026-09-12", "reason": "wedding"})
    return []


def nobody_opens(story: Story) -> list[str]:
    order = story.order("Bela", "2026-09-07")
    ok(story.dairy.confirm(order, by=story.boy, status="not_delivered", reason_code="customer_absent"))
    return []


def paneer(story: Story) -> list[str]:
    story.dairy.order(story.people["Bela"], (story.paneer, "2"), on="2026-09-18")
    return []


def half_a_litre_less(story: Story) -> list[str]:
    order = story.order("Asha", "2026-09-20")
    items = [{"product_id": story.cow["id"], "delivered_quantity": "1.5"}]
    ok(story.dairy.confirm(order, by=story.boy, items=items))
    return []


def forgotten(story: Story) -> list[str]:
    return [story.order("Chitra", "2026-09-29")["id"]]


def more_for_bela(story: Story) -> list[str]:
    story.change("Bela", "PATCH", "", {"default_quantity": "1.5", "effective_from": "2026-10-05"})
    return []


def remembered(story: Story) -> list[str]:
    order = story.order("Chitra", "2026-09-29")
    late = ok(story.dairy.confirm(order, delivery_date="2026-09-29"))
    assert late["order_status"] == "DELIVERED"
    return []


def named(day: str, quantity: str) -> Any:
    def name(story: Story) -> list[str]:
        story.change("Divya", "PUT", f"/overrides/{day}", {"quantity": quantity, "kind": "irregular"})
        return []

    return name


def moves_away(story: Story) -> list[str]:
    story.change("Asha", "POST", "/stop", {"reason": "moved away"})
    return []


#: Day → what happens after its orders are made and before the round; returns the orders the boy leaves out.
BEFORE_ROUND = {
    "2026-09-05": named("2026-09-05", "3"),
    "2026-09-07": nobody_opens,
    "2026-09-10": away,
    "2026-09-18": paneer,
    "2026-09-20": half_a_litre_less,
    "2026-09-29": forgotten,
    "2026-10-03": remembered,
    "2026-10-04": more_for_bela,
    "2026-10-10": named("2026-10-10", "2"),
    "2026-10-21": moves_away,
}


@pytest.fixture
def story(living: LivingDairy) -> Story:
    living.go_to("2026-09-01")
    living.without_cutoffs()
    boy = living.staff("delivery_boy", "Ravi")
    people = {
        name: living.customer(name=name, delivery_boy_id=boy.user["id"], stop_sequence=10 * n)
        for n, name in enumerate(SEPTEMBER, 1)
    }
    cow, buffalo = living.product("60.00", name="Cow milk"), living.product("80.00", name="Buffalo milk")
    ok(living.admin.post(f"/products/{cow['id']}/prices", {"price": "63.00", "valid_from": "2026-09-16"}), 201)
    paneer = living.product("90.00", name="Paneer 200 g", unit="packet", hsn_code="0406", is_packed=True)
    wanted: dict[str, dict[str, Any]] = {
        "Asha": {"product_id": cow["id"], "mode": "fixed_daily", "default_quantity": "2"},
        "Bela": {
            "product_id": buffalo["id"],
            "mode": "weekly_pattern",
            "weekly_pattern": [0, 2, 4],
            "default_quantity": "1",
            "price_per_unit": "75.00",
        },
        "Chitra": {"product_id": cow["id"], "mode": "alternate_days", "default_quantity": "1"},
        "Divya": {"product_id": cow["id"], "mode": "day_by_day"},
    }
    standing = {
        name: ok(living.admin.post("/subscriptions", {"customer_id": people[name]["id"], **fields}), 201)
        for name, fields in wanted.items()
    }
    return Story(living, boy, people, standing, cow, paneer)


def billed(story: Story, period: str) -> dict[str, str]:
    """What each was billed for a month, before rounding to the rupee."""
    names = {person["id"]: name for name, person in story.people.items()}
    papers = [story.dairy.invoice(paper["id"]) for paper in story.dairy.invoices(period=period, status="issued")]
    return {names[paper["customer_id"]]: str(Decimal(paper["total"]) - Decimal(paper["round_off"])) for paper in papers}


def test_every_rupee_of_two_months(story: Story) -> None:
    dairy, day = story.dairy, date(2026, 9, 1)
    while day < date(2026, 10, 1):
        story.live(day)
        day += timedelta(days=1)
    dairy.go_to("2026-10-01")
    preview = dairy.preview("2026-09")
    run = dairy.bill("2026-09", confirm=True)
    assert billed(story, "2026-09") == SEPTEMBER
    assert run["total"] == preview["totals"]["total"] == "5417.00"  # Asha's 3,298.50 is rounded to 3,299
    assert (run["one_time_orders_billed"], run["one_time_amount"]) == (1, "180.00")
    while day < date(2026, 11, 1):
        story.live(day)
        day += timedelta(days=1)
    dairy.go_to("2026-11-01")
    run = dairy.bill("2026-10", confirm=True)
    assert billed(story, "2026-10") == OCTOBER
    assert (run["prior_period_orders"], run["total"]) == (1, "5142.00")
    assert dairy.bill("2026-10", confirm=True)["invoices_issued"] == 0
    (late,) = [
        line
        for paper in dairy.invoices(period="2026-10", status="issued")
        for line in dairy.invoice(paper["id"])["lines"]
        if line["prior_period"]
    ]
    assert (late["first_date"], late["last_date"], late["line_total"]) == ("2026-09-29", "2026-09-29", "63.00")
    _what_stays(story)


def _what_stays(story: Story) -> None:
    """After it: stopping kept what was delivered, a pause gave nothing, the standing orders know their last day."""
    admin = story.dairy.admin
    asha = ok(admin.get(f"/subscriptions/{story.standing['Asha']['id']}"))
    assert (asha["status"], asha["stop_date"], asha["last_delivery_date"]) == ("stopped", "2026-10-21", "2026-10-20")
    chitra = ok(admin.get(f"/subscriptions/{story.standing['Chitra']['id']}"))
    assert chitra["last_delivery_date"] == "2026-10-31"
    days = ok(admin.get(f"/subscriptions/{story.standing['Asha']['id']}/calendar", month="2026-09"))["days"]
    assert [day["order_status"] for day in days[8:13]] == ["DELIVERED", "CANCELLED", None, None, "DELIVERED"]
    refused(
        admin.patch(
            f"/deliveries/{story.order('Asha', '2026-10-20')['id']}",
            {"status": "not_delivered", "reason": "too late"},
        ),
        409,
        "invoice_issued",
    )
    assert ok(admin.get("/billing/unbilled"))["items"] == []
