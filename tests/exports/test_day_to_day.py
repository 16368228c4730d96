"""Files of what the day brings: refunds as of a day, movements of empties, closed days, charge rules."""

import csv
import io
from typing import Any

from tests.billing.conftest import LivingDairy, living
from tests.dairy import ok

__all__ = ["living"]


def rows(dairy: LivingDairy, profile: str, **query: str) -> list[dict[str, str]]:
    answer = dairy.admin.get(f"/exports/{profile}.csv", **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def test_refunds_as_they_were_on_a_day(living: LivingDairy) -> None:
    asha = living.customer(name="=Asha")
    ok(living.admin.post("/payments", {"customer_id": asha["id"], "amount": "100.00", "method": "cash"}), 201)
    body = {"customer_id": asha["id"], "amount": "40.00", "method": "upi", "reference": "UTR 77", "reason": "Too much"}
    made = ok(living.admin.post("/refunds", body), 201)
    living.go_to("2026-10-05")
    ok(living.admin.post(f"/refunds/{made['id']}/reverse", {"reason": "Came back"}))
    (row,) = rows(living, "refunds", period="2026-10")
    assert row == {
        "voucher_no": "RF0000001",
        "date": "2026-10-01",
        "customer_code": asha["code"],
        "customer_name": "'=Asha",
        "method": "upi",
        "reference": "UTR 77",
        "amount": "40.00",
        "reason": "Too much",
        "paid_by": "",
        "status": "reversed",
        "reversed_on": "2026-10-05",
        "reversal_reason": "Came back",
    }
    (before,) = rows(living, "refunds", period="2026-10", as_of="2026-10-04")
    assert (before["status"], before["reversed_on"], before["reversal_reason"]) == ("paid", "", "")
    assert rows(living, "refunds", period="2026-09") == []


def test_movements_of_empties(living: LivingDairy) -> None:
    bottle = ok(living.admin.post("/containers", {"name": "Bottle", "deposit": "30"}), 201)
    milk, asha = living.product("60.00", container_id=bottle["id"]), living.customer()
    order = living.order(asha, (milk, "2"))
    ok(living.confirm(order, empties=[{"container_id": bottle["id"], "back": 1}]))
    ok(
        living.admin.post(
            f"/customers/{asha['id']}/containers/lost",
            {"container_id": bottle["id"], "count": 1, "reason": "Broken", "charge": False},
        ),
        201,
    )
    found = rows(living, "container-movements", period="2026-10")
    assert {
        (row["went_out"], row["came_back"], row["lost"], row["order_id"], row["product_sku"], row["reason"])
        for row in found
    } == {
        ("2", "0", "0", order["id"], milk["sku"], ""),
        ("0", "1", "0", order["id"], "", ""),
        ("0", "0", "1", "", "", "Broken"),
    }
    assert {(row["date"], row["customer_code"], row["container"]) for row in found} == {
        ("2026-10-01", asha["code"], "Bottle")
    }


def test_closed_days(living: LivingDairy) -> None:
    area = ok(living.admin.post("/areas", {"name": "Kothrud"}), 201)
    first = {"day": "2026-10-20", "reason": "Diwali", "deliver_on": "2026-10-19"}
    second = {"day": "2026-10-21", "reason": "Strike", "area_id": area["id"], "shift": "evening"}
    for body in (second, first):
        ok(living.admin.post("/closed-days", body), 201)
    assert rows(living, "closed-days", period="2026-10") == [
        {
            "day": "2026-10-20",
            "shift": "",
            "area": "",
            "reason": "Diwali",
            "deliver_on": "2026-10-19",
            "closed_by": "Asha Admin",
        },
        {
            "day": "2026-10-21",
            "shift": "evening",
            "area": "Kothrud",
            "reason": "Strike",
            "deliver_on": "",
            "closed_by": "Asha Admin",
        },
    ]


def test_charge_rules_need_no_days(living: LivingDairy) -> None:
    asha = living.customer()
    body: dict[str, Any] = {"kind": "discount", "basis": "percent", "amount": "5.00", "description": "A twentieth off"}
    ok(living.admin.post("/charge-rules", body | {"valid_from": "2026-10-01", "customer_id": asha["id"]}), 201)
    fee = {"kind": "delivery_charge", "basis": "per_month", "amount": "50.00", "description": "Delivery"}
    ok(living.admin.post("/charge-rules", fee | {"valid_from": "2026-10-01", "valid_to": "2026-10-31"}), 201)
    found = rows(living, "charge-rules")
    assert [
        (row["kind"], row["basis"], row["amount"], row["valid_from"], row["valid_to"], row["customer_code"])
        for row in found
    ] == [
        ("delivery_charge", "per_month", "50.00", "2026-10-01", "2026-10-31", ""),
        ("discount", "percent", "5.00", "2026-10-01", "", asha["code"]),
    ]
