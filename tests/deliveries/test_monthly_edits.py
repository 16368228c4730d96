"""Typing into the month's grid: overrides of days to come, corrections of days delivered."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, refused


@pytest.fixture
def household(dairy: Dairy) -> dict[str, Any]:
    """A customer with 2 litres of milk every morning, and an order of today that was delivered in full."""
    dairy.seller()
    milk, curd, customer = dairy.product("60.00"), dairy.product("30.00"), dairy.customer()
    standing = {
        "customer_id": customer["id"],
        "product_id": milk["id"],
        "mode": "fixed_daily",
        "default_quantity": "2",
        "shift": "morning",
        "start_date": dairy.day(0),
    }
    made = ok(dairy.admin.post("/subscriptions", standing), 201)
    order = dairy.order(customer, (milk, "2"), (curd, "1"))
    ok(dairy.confirm(order))
    return {"customer": customer, "milk": milk, "curd": curd, "standing": made, "order": order}


def cell(household: dict[str, Any], day: str, quantity: str, **fields: Any) -> dict[str, Any]:
    return {
        "customer_id": household["customer"]["id"],
        "product_id": household["milk"]["id"],
        "date": day,
        "quantity": quantity,
        "reason": "Asked on the phone",
        **fields,
    }


def edit(dairy: Dairy, body: dict[str, Any]) -> Any:
    return dairy.admin.put("/billing/monthly-view/days", body)


def test_a_day_to_come_is_an_override(dairy: Dairy, household: dict[str, Any]) -> None:
    done = ok(edit(dairy, cell(household, dairy.day(3), "3.5")))
    assert done == {"applied": "override", "subscription_id": household["standing"]["id"], "order_id": None}
    path = f"/subscriptions/{household['standing']['id']}/calendar"
    days = ok(dairy.admin.get(path, month=dairy.day(3)[:7]))["days"]
    assert next((day["quantity"], day["rule"]) for day in days if day["date"] == dairy.day(3)) == ("3.500", "override")


def test_a_day_delivered_is_a_correction(dairy: Dairy, household: dict[str, Any]) -> None:
    done = ok(edit(dairy, cell(household, dairy.day(0), "1.5")))
    assert done == {"applied": "correction", "subscription_id": None, "order_id": household["order"]["id"]}
    order = ok(dairy.admin.get(f"/orders/{household['order']['id']}"))
    assert order["status"] == "PARTIALLY_DELIVERED"
    assert [item["delivered_quantity"] for item in order["items"]] == ["1.500", "1.000"]
    grid = ok(dairy.admin.get("/billing/monthly-view", period=dairy.day(0)[:7]))["items"][0]["products"]
    assert {row["name"]: row["total_quantity"] for row in grid} == {
        household["milk"]["name"]: "1.500",
        household["curd"]["name"]: "1.000",
    }


def test_what_was_corrected_to_nothing_can_be_corrected_back(dairy: Dairy, household: dict[str, Any]) -> None:
    ok(edit(dairy, cell(household, dairy.day(0), "0")))
    curd = {**cell(household, dairy.day(0), "0"), "product_id": household["curd"]["id"]}
    ok(edit(dairy, curd))
    assert ok(dairy.admin.get(f"/orders/{household['order']['id']}"))["status"] == "NOT_DELIVERED"
    assert ok(edit(dairy, cell(household, dairy.day(0), "2")))["applied"] == "correction"


def test_what_is_issued_stays(dairy: Dairy, household: dict[str, Any]) -> None:
    through = dairy.day(0)
    ok(dairy.admin.post("/billing/runs", {"period": through[:7], "through": through}))
    (paper,) = [each for each in ok(dairy.admin.get("/invoices"))["items"] if each["status"] == "issued"] or [None]
    assert paper is not None
    refused(edit(dairy, cell(household, dairy.day(0), "1")), 409, "invoice_issued")


def test_more_than_ordered_is_refused(dairy: Dairy, household: dict[str, Any]) -> None:
    refused(edit(dairy, cell(household, dairy.day(0), "9")), 422, "quantity_exceeds_ordered")


def test_a_day_gone_by_without_a_delivery_is_refused(dairy: Dairy, household: dict[str, Any]) -> None:
    refused(edit(dairy, cell(household, dairy.day(-2), "1")), 409, "illegal_transition")


def test_without_a_standing_order_there_is_nothing_to_override(dairy: Dairy, household: dict[str, Any]) -> None:
    body = {**cell(household, dairy.day(3), "1"), "product_id": household["curd"]["id"]}
    refused(edit(dairy, body), 404, "subscription_not_found")


def test_two_shifts_need_to_be_told_apart(dairy: Dairy, household: dict[str, Any]) -> None:
    evening = {key: household["standing"][key] for key in ("customer_id", "product_id", "mode", "default_quantity")}
    ok(dairy.admin.post("/subscriptions", {**evening, "shift": "evening", "start_date": dairy.day(0)}), 201)
    problem = refused(edit(dairy, cell(household, dairy.day(3), "1")), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/shift"
    assert ok(edit(dairy, cell(household, dairy.day(3), "1", shift="evening")))["applied"] == "override"


@pytest.mark.parametrize("quantity", ["-1", "1.2345", "many", None])
def test_nonsense_is_refused(dairy: Dairy, household: dict[str, Any], quantity: Any) -> None:
    refused(edit(dairy, cell(household, dairy.day(3), quantity)), 422, "validation_failed")


def test_a_day_with_an_extra_and_what_is_still_to_come_is_asked_about(dairy: Dairy, household: dict[str, Any]) -> None:
    day = dairy.day(0)
    ok(dairy.admin.post("/orders/generate", {"delivery_date": day}))
    refused(edit(dairy, cell(household, day, "0")), 422, "validation_failed")
    evening = cell(household, day, "0", shift="evening")
    refused(edit(dairy, evening), 404, "subscription_not_found")
    (waiting,) = ok(dairy.admin.get("/orders", status="PENDING"))["items"]
    ok(dairy.admin.post(f"/orders/{waiting['id']}/cancel", {"reason": "none today"}))
    assert ok(edit(dairy, cell(household, day, "0")))["order_id"] == household["order"]["id"]
