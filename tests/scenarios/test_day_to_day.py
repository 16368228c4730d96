"""September to November 2026 as days really are: extras, wrong doors, days off, holidays, moves, money back, a double,
bottles, charges and discounts, a mother who pays for her daughter.

Cow milk costs ₹60 a litre, buffalo milk ₹80, curd ₹40. Asha takes 2 l of cow milk daily, Bela and Chitra 1 l each. On
17 September the dairy rests, and everybody gets that day's milk on the 16th; on the 24th nothing is brought at all. So
September has 29 days of milk. From October on each day with a delivery costs ₹1 more, but not for Bela. Cow milk comes
in bottles of a litre, with a deposit of ₹25.

- Asha. September: 29 x 120 + 3 l of buffalo milk that nobody had ordered, on the 8th (240) = 3,720. October: 31 x 121.
  She pays ₹4,000 on 2 October, of which ₹100 are paid back on the 3rd. From 21 November on she takes 1 l of buffalo
  milk instead: 20 x 120 + 10 x 80 + 30 = 3,230, and 75 for three bottles that she lost. Of 58 + 62 + 40 bottles she
  gave 60 back on 2 October and lost 3: she has 97.
- Bela. September: on holiday from the 10th to the 12th, 26 x 60; a packet of curd at the door on the 5th (40); Chitra's
  milk of the 15th (60) = 1,660. October: 31 x 60. November: 30 x 60. She has 27 + 31 + 30 bottles.
- Chitra. September: 28 x 60, for the 15th's went to Bela = 1,680. October: on the 10th she moves, into the round of
  another helper, who hands her a litre more on the 12th: 32 x 60 + 31. In November she gets a tenth off:
  30 x 60 + 30 - 180. She has 28 + 32 + 30 bottles.
- Asha Patil is Asha, registered twice in November. Of five packets of curd that she wanted on the 10th she takes two.
  On the 15th the two are merged: the 80 are on Asha's bill, and the 10th has cost its rupee once.
- Divya is Bela's daughter and gets a packet of curd daily from 21 October on. On the 28th Bela says that she pays:
  October is on Divya's own draft and stays there, 11 x 41 = 451. In November her door is on Bela's bill, apart, and
  costs its rupee as Bela's own does not: 30 x 41 = 1,230.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import leaks

pytestmark = pytest.mark.slow

BILLED = {
    "2026-09": {"Asha": "3720.00", "Bela": "1660.00", "Chitra": "1680.00"},
    "2026-10": {"Asha": "3751.00", "Bela": "1860.00", "Chitra": "1951.00", "Divya": "451.00"},
    "2026-11": {"Asha": "3385.00", "Bela": "3030.00", "Chitra": "1650.00"},
}
#: Asha: 3,720 + 3,751 + 3,385 - 4,000 + 100.
OWED = {"Asha": "6956.00", "Bela": "6550.00", "Chitra": "5281.00", "Divya": "451.00"}
BOTTLES = {"Asha": 97, "Bela": 88, "Chitra": 90}


@dataclass
class Life:
    """The people, and the two helpers who walk to them."""

    dairy: LivingDairy
    helpers: list[Client]
    people: dict[str, Any]
    cow: Any
    buffalo: Any
    curd: Any
    bottle: Any

    @property
    def admin(self) -> Client:
        return self.dairy.admin

    def order(self, name: str, day: str) -> Any:
        query = {"customer_id": self.people[name]["id"], "delivery_date": day, "order_type": "subscription"}
        (order,) = ok(self.admin.get("/orders", **query))["items"]
        return order

    def items(self, product: Any, quantity: str) -> list[dict[str, str]]:
        return [{"product_id": product["id"], "quantity": quantity}]

    def live(self, day: date) -> None:
        """At night the day's orders are made; then what the day brings; then both helpers walk their rounds."""
        written = day.isoformat()
        self.dairy.go_to(written)
        self.helpers = [self.dairy.login(helper.user["email"]) for helper in self.helpers]
        ok(self.admin.post("/orders/generate", {"delivery_date": written}))
        if written in BRINGS:
            BRINGS[written](self, written)
        for helper in self.helpers:
            ok(helper.post("/deliveries/start", {"delivery_date": written}))
            ok(helper.post("/deliveries/complete", {"delivery_date": written}))


def plans(life: Life, _: str) -> None:
    """What is known on the first: two days off and a holiday."""
    ok(life.admin.post("/closed-days", {"day": "2026-09-17", "reason": "Ganesh", "deliver_on": "2026-09-16"}), 201)
    ok(life.admin.post("/closed-days", {"day": "2026-09-24", "reason": "Strike"}), 201)
    holiday = {"from": "2026-09-10", "to": "2026-09-14", "reason": "wedding"}
    bela = f"/customers/{life.people['Bela']['id']}/pauses"
    made = ok(life.admin.post(bela, holiday), 201)
    ok(life.admin.patch(f"{bela}/{made['household_pause_id']}", {"to": "2026-09-12"}))


def a_packet_more(life: Life, day: str) -> None:
    done = ok(life.dairy.confirm(life.order("Bela", day), by=life.helpers[0], extra_items=life.items(life.curd, "1")))
    assert done["extra_order_id"] is not None


def nobody_ordered(life: Life, day: str) -> None:
    body = {"customer_id": life.people["Asha"]["id"], "delivery_date": day, "reason": "guests"}
    ok(life.helpers[0].post("/deliveries/unplanned", body | {"items": life.items(life.buffalo, "3")}), 201)


def the_wrong_door(life: Life, day: str) -> None:
    order = life.order("Chitra", day)
    ok(life.dairy.confirm(order, by=life.helpers[0]))
    body = {"to_customer_id": life.people["Bela"]["id"], "reason": "left next door"}
    ok(life.admin.post(f"/deliveries/{order['id']}/moved", body), 201)


def double_for_the_festival(life: Life, day: str) -> None:
    quantities = {name: life.order(name, day)["items"][0]["quantity"] for name in ("Asha", "Bela", "Chitra")}
    assert quantities == {"Asha": "4.000", "Bela": "2.000", "Chitra": "2.000"}


def nothing_comes(life: Life, day: str) -> None:
    assert ok(life.helpers[0].get("/deliveries/round", delivery_date=day))["stops"] == []
    body = {"customer_id": life.people["Asha"]["id"], "delivery_date": day, "items": life.items(life.cow, "1")}
    refused(life.admin.post("/orders", body), 409, "day_closed")


def costs_a_rupee(life: Life, day: str) -> None:
    """Each day with a delivery, but not for Bela; in November Chitra gets a tenth off."""
    rupee = {"kind": "delivery_charge", "basis": "per_delivery_day", "description": "Delivery", "valid_from": day}
    ok(life.admin.post("/charge-rules", rupee | {"amount": "1.00"}), 201)
    ok(life.admin.post("/charge-rules", rupee | {"amount": "0.00", "customer_id": life.people["Bela"]["id"]}), 201)
    tenth = {"kind": "discount", "basis": "percent", "amount": "10.00", "description": "A tenth off"}
    tenth |= {"valid_from": "2026-11-01", "customer_id": life.people["Chitra"]["id"]}
    ok(life.admin.post("/charge-rules", tenth), 201)


def pays(life: Life, day: str) -> None:
    bottles = [{"container_id": life.bottle["id"], "back": 60}]
    ok(life.dairy.confirm(life.order("Asha", day), by=life.helpers[0], empties=bottles))
    body = {"customer_id": life.people["Asha"]["id"], "amount": "4000.00", "method": "upi", "reference": "UPI4000"}
    ok(life.admin.post("/payments", body), 201)


def is_paid_back(life: Life, day: str) -> None:
    body = {"customer_id": life.people["Asha"]["id"], "method": "upi", "paid_on": day, "reason": "paid too much"}
    refused(life.admin.post("/refunds", body | {"amount": "280.01"}), 422, "refund_exceeds_credit")
    ok(life.admin.post("/refunds", body | {"amount": "100.00", "reference": "UPI100"}), 201)
    move = {"from": "2026-10-10", "address_line1": "7 New Road", "delivery_boy_id": life.helpers[1].user["id"]}
    ok(life.admin.post(f"/customers/{life.people['Chitra']['id']}/moves", move), 201)


def lives_elsewhere(life: Life, day: str) -> None:
    (stop,) = ok(life.helpers[1].get("/deliveries/round", delivery_date=day))["stops"]
    assert (stop["customer"]["id"], stop["customer"]["address"]) == (life.people["Chitra"]["id"], "7 New Road")


def a_litre_more(life: Life, day: str) -> None:
    ok(life.dairy.confirm(life.order("Chitra", day), by=life.helpers[1], extra_items=life.items(life.cow, "1")))


def begins_late_in_a_month(life: Life, _: str) -> None:
    daughter = life.dairy.customer(name="Divya", delivery_boy_id=life.helpers[0].user["id"], stop_sequence=40)
    life.people["Divya"] = daughter
    life.dairy.subscription(daughter, life.curd, "1", start_date="2026-10-21")


def is_paid_for(life: Life, _: str) -> None:
    daughter, mother = (f"/customers/{life.people[name]['id']}" for name in ("Divya", "Bela"))
    ok(life.admin.patch(daughter, {"billed_to": life.people["Bela"]["id"]}))
    refused(life.admin.patch(mother, {"billed_to": life.people["Asha"]["id"]}), 409, "payer_refused")


def is_registered_twice(life: Life, _: str) -> None:
    life.people["Asha Patil"] = life.dairy.customer(name="Asha Patil", delivery_boy_id=life.helpers[0].user["id"])
    order = life.dairy.order(life.people["Asha Patil"], (life.curd, "5"), on="2026-11-10")
    ok(life.admin.patch(f"/orders/{order['id']}", {"items": life.items(life.curd, "2")}))


def will_take_buffalo_milk(life: Life, _: str) -> None:
    (standing,) = ok(life.admin.get("/subscriptions", customer_id=life.people["Asha"]["id"]))["items"]
    wanted = {"from": "2026-11-21", "product_id": life.buffalo["id"], "default_quantity": "1"}
    ok(life.admin.post(f"/subscriptions/{standing['id']}/changes", wanted), 201)


def lost_bottles(life: Life, _: str) -> None:
    lost = {"container_id": life.bottle["id"], "count": 3, "charge": True, "reason": "broken at the wedding"}
    ok(life.admin.post(f"/customers/{life.people['Asha']['id']}/containers/lost", lost), 201)


def is_one_customer(life: Life, _: str) -> None:
    body = {"into": life.people["Asha"]["id"], "reason": "registered twice"}
    done = ok(life.admin.post(f"/customers/{life.people['Asha Patil']['id']}/merge", body))
    # 3,720 + 3,751 - 4,000 + 100: November is not billed yet.
    assert (done["balance"], done["balance_of_other"], done["balance_together"]) == ("0.00", "3571.00", "3571.00")


BRINGS = {
    "2026-09-01": plans,
    "2026-09-05": a_packet_more,
    "2026-09-08": nobody_ordered,
    "2026-09-15": the_wrong_door,
    "2026-09-16": double_for_the_festival,
    "2026-09-17": nothing_comes,
    "2026-09-24": nothing_comes,
    "2026-10-01": costs_a_rupee,
    "2026-10-02": pays,
    "2026-10-03": is_paid_back,
    "2026-10-10": lives_elsewhere,
    "2026-10-12": a_litre_more,
    "2026-10-20": begins_late_in_a_month,
    "2026-10-28": is_paid_for,
    "2026-11-04": is_registered_twice,
    "2026-11-06": will_take_buffalo_milk,
    "2026-11-15": is_one_customer,
    "2026-11-18": lost_bottles,
}


@pytest.fixture
def life(living: LivingDairy) -> Life:
    living.go_to("2026-08-31")
    living.without_cutoffs()
    helpers = [living.staff("delivery_boy", name) for name in ("Ravi", "Sunil")]
    bottle = ok(living.admin.post("/containers", {"name": "Bottle", "deposit": "25.00"}), 201)
    cow, buffalo = (
        living.product("60.00", name="Cow milk", container_id=bottle["id"]),
        living.product("80.00", name="Buffalo milk"),
    )
    curd = living.product("40.00", name="Curd", unit="packet", hsn_code="0403", is_packed=True)
    people = {
        name: living.customer(name=name, delivery_boy_id=helpers[0].user["id"], stop_sequence=10 * place)
        for place, name in enumerate(("Asha", "Bela", "Chitra"), 1)
    }
    for name, quantity in (("Asha", "2"), ("Bela", "1"), ("Chitra", "1")):
        living.subscription(people[name], cow, quantity, start_date="2026-09-01")
    return Life(living, helpers, people, cow, buffalo, curd, bottle)


def billed(life: Life, period: str) -> dict[str, str]:
    """What each was billed for a month."""
    papers = [life.dairy.invoice(each["id"]) for each in life.dairy.invoices(period=period, status="issued")]
    return {paper["snapshot"]["buyer"]["name"]: paper["total"] for paper in papers}


def test_every_rupee_of_three_months(life: Life, sql: Any) -> None:
    day = date(2026, 9, 1)
    for month, following in (("2026-09", "2026-10-01"), ("2026-10", "2026-11-01"), ("2026-11", "2026-12-01")):
        while day.isoformat() < following:
            life.live(day)
            day += timedelta(days=1)
        life.dairy.go_to(following)
        previewed = life.dairy.preview(month)["totals"]["total"]
        run = life.dairy.bill(month, confirm=True)
        assert billed(life, month) == BILLED[month]
        assert Decimal(run["total"]) == Decimal(previewed) == sum(map(Decimal, BILLED[month].values()))
    (family,) = life.dairy.invoices(period="2026-11", status="issued", customer_id=life.people["Bela"]["id"])
    (section,) = life.dairy.invoice(family["id"])["snapshot"]["sections"]
    assert (section["name"], Decimal(str(section["total"]))) == ("Divya", Decimal(1230))
    balances = {name: life.people[name]["id"] for name in OWED}
    assert {
        name: ok(life.admin.get(f"/customers/{each}/balance"))["balance"] for name, each in balances.items()
    } == OWED
    assert ok(life.admin.get("/reports/ageing"))["totals"]["net"] == str(sum(map(Decimal, OWED.values())))
    assert ok(life.admin.get("/billing/unbilled"))["items"] == []
    bottles = ok(life.admin.get("/reports/containers", by="customer"))["items"]
    assert {each["customer_name"]: each["balance"] for each in bottles} == BOTTLES
    assert not any(leaks(sql).values())
