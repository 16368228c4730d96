"""Placing one-time orders: who for whom, for when, of what, at which price."""

from typing import Any
from uuid import uuid4

import pytest
import time_machine

from tests.dairy import Client, Dairy, ok, refused
from tests.deliveries.rounds import Round, at, counts, statements


def body(round_: Round, **changes: Any) -> dict[str, Any]:
    """An order of 2 litres of milk for today, changed here and there."""
    whole = {
        "customer_id": round_.customer["id"],
        "delivery_date": "2026-11-20",
        "items": [{"product_id": round_.milk["id"], "quantity": "2"}],
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def place(round_: Round, by: Client | None = None, **changes: Any) -> Any:
    return (by or round_.dairy.admin).post("/orders", body(round_, **changes))


def test_an_order_as_it_is_placed(round_: Round, sql: Any) -> None:
    items = [
        {"product_id": round_.milk["id"], "quantity": "1.333"},
        {"product_id": round_.curd["id"], "quantity": 2},
    ]
    made = ok(place(round_, items=items, shift="evening", notes="ring twice"), 201)
    assert made == {
        "id": made["id"],
        "customer_id": round_.customer["id"],
        "customer_code": round_.customer["code"],
        "customer_name": round_.customer["name"],
        "order_type": "one_time",
        "subscription_id": None,
        "delivery_date": "2026-11-20",
        "shift": "evening",
        "status": "PENDING",
        "source": "staff",
        "address": {
            "address_line1": round_.customer["address_line1"],
            "address_line2": None,
            "area": "Kothrud",
            "city": None,
            "state_code": None,
            "pincode": None,
            "map_link": None,
        },
        "notes": "ring twice",
        "delivered_on": None,
        "delivered_at": None,
        "delivery_confirmed": False,
        "cancelled_at": None,
        "cancel_reason": None,
        "items": [
            {
                "line_no": 1,
                "product_id": round_.milk["id"],
                "product_name": round_.milk["name"],
                "unit": "litre",
                "quantity": "1.333",
                "unit_price": "60.00",
                "price_source": "product",
                "delivered_quantity": None,
                "item_status": None,
            },
            {
                "line_no": 2,
                "product_id": round_.curd["id"],
                "product_name": round_.curd["name"],
                "unit": "litre",
                "quantity": "2.000",
                "unit_price": "80.00",
                "price_source": "product",
                "delivered_quantity": None,
                "item_status": None,
            },
        ],
        # 1.333 × 60.00 = 79.98, and 160.00
        "total_amount": "239.98",
        "delivery_status": None,
        "invoice": None,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert ok(round_.dairy.admin.get(f"/orders/{made['id']}")) == made
    assert sql("SELECT placed_by::text, delivery_boy_id FROM orders") == [(round_.dairy.admin.user["id"], None)]


# ------------------------------------------------------------------------------------------------------ who


def test_a_customer_orders_for_itself(round_: Round) -> None:
    customer, login = round_.dairy.customer_login()
    made = ok(place(round_, by=login, customer_id=customer["id"]), 201)
    assert (made["customer_id"], made["source"]) == (customer["id"], "customer")
    # Its own need not be named; another's is unknown.
    assert ok(place(round_, by=login, customer_id=None), 201)["customer_id"] == customer["id"]
    refused(place(round_, by=login), 404, "customer_not_found")
    refused(place(round_, by=login, customer_id=str(uuid4())), 404, "customer_not_found")


def test_a_login_without_a_customer_cannot_order(round_: Round, sql: Any) -> None:
    customer, login = round_.dairy.customer_login()
    ok(place(round_, by=login, customer_id=None), 201)
    sql("UPDATE customers SET user_id = NULL WHERE id = %s", customer["id"])
    refused(place(round_, by=login, customer_id=None), 404, "customer_not_found")
    refused(place(round_, by=login, customer_id=customer["id"]), 404, "customer_not_found")


def test_marketing_staff_order_for_their_own_customers(round_: Round) -> None:
    staff = round_.dairy.staff("marketing_staff")
    own = round_.dairy.customer(marketing_staff_id=staff.user["id"])
    assert ok(place(round_, by=staff, customer_id=own["id"]), 201)["source"] == "staff"
    refused(place(round_, by=staff), 404, "customer_not_found")
    refused(place(round_, by=staff, customer_id=None), 422, "validation_failed")


@pytest.mark.parametrize("role", ["accountant", "delivery_boy", "supplier"])
def test_other_staff_do_not_order(round_: Round, role: str) -> None:
    refused(place(round_, by=round_.dairy.staff(role)), 403, "forbidden")
    refused(place(round_, by=round_.dairy.nobody), 401, "not_authenticated")


def test_a_stopped_customer_gets_nothing(round_: Round) -> None:
    path = f"/customers/{round_.customer['id']}"
    for status in ("trial", "paused", "active"):
        ok(round_.dairy.admin.patch(path, {"status": status}))
        ok(place(round_), 201)
    ok(round_.dairy.admin.patch(path, {"status": "stopped"}))
    refused(place(round_), 409, "customer_stopped")


# ----------------------------------------------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("day", "orderable"),
    [
        ("2026-11-19", False),
        ("2026-11-20", True),
        ("2027-02-18", True),
        ("2027-02-19", False),
        ("9999-12-31", False),
    ],
)
def test_orders_are_for_today_and_ninety_days(round_: Round, day: str, orderable: bool) -> None:
    response = place(round_, delivery_date=day)
    if orderable:
        assert ok(response, 201)["delivery_date"] == day
    else:
        problem = refused(response, 422, "validation_failed")
        assert problem["errors"][0]["pointer"] == "/delivery_date"
        assert "2026-11-20 to 2027-02-18" in problem["detail"]


def test_today_is_the_dairys(round_: Round, clock: time_machine.Traveller) -> None:
    """At 01:30 in Kolkata it is still the day before in London."""
    clock.move_to(at("2026-11-21 01:30"))
    round_.log_in_again()
    refused(place(round_, delivery_date="2026-11-20"), 422, "validation_failed")
    ok(place(round_, delivery_date="2026-11-21"), 201)


def test_the_cutoff_binds_customers_only(round_: Round, clock: time_machine.Traveller) -> None:
    customer, login = round_.dairy.customer_login()
    ok(round_.dairy.admin.patch("/settings", {"cutoff_morning": "18:00", "cutoff_evening": "22:00"}))

    def order(by: Client, shift: str) -> Any:
        return place(round_, by=by, customer_id=customer["id"], delivery_date="2026-11-21", shift=shift)

    clock.move_to(at("2026-11-20 17:59"))
    round_.log_in_again()
    login = round_.dairy.login(customer["phone"])
    ok(order(login, "morning"), 201)
    clock.move_to(at("2026-11-20 18:00"))
    problem = refused(order(login, "morning"), 422, "cutoff_passed")
    assert "2026-11-20T18:00:00+05:30" in problem["detail"]
    ok(order(login, "evening"), 201)
    ok(order(round_.dairy.admin, "morning"), 201)


# ----------------------------------------------------------------------------------------- what, and the price


def test_an_agreed_price_beats_the_list(round_: Round) -> None:
    path = f"/customers/{round_.customer['id']}/prices"
    agreed = {"product_id": round_.milk["id"], "price": "55.50", "valid_from": "2026-11-21"}
    ok(round_.dairy.admin.put(path, agreed))
    prices = {}
    for day in ("2026-11-20", "2026-11-21"):
        (item,) = ok(place(round_, delivery_date=day), 201)["items"]
        prices[day] = (item["unit_price"], item["price_source"])
    assert prices == {"2026-11-20": ("60.00", "product"), "2026-11-21": ("55.50", "customer")}


def test_the_price_is_that_of_the_delivery_date(round_: Round) -> None:
    path = f"/products/{round_.milk['id']}/prices"
    order = ok(place(round_, delivery_date="2026-12-01"), 201)
    ok(round_.dairy.admin.post(path, {"price": "64.00", "valid_from": "2026-12-01"}), 201)
    assert ok(place(round_, delivery_date="2026-11-30"), 201)["items"][0]["unit_price"] == "60.00"
    assert ok(place(round_, delivery_date="2026-12-01"), 201)["items"][0]["unit_price"] == "64.00"
    # An order that stands keeps its price.
    assert ok(round_.dairy.admin.get(f"/orders/{order['id']}"))["items"][0]["unit_price"] == "60.00"


def test_no_price_no_order(round_: Round, sql: Any) -> None:
    unpriced = round_.dairy.product(price=None)
    before = counts(sql)
    items = [
        {"product_id": round_.milk["id"], "quantity": "1"},
        {"product_id": unpriced["id"], "quantity": "1"},
    ]
    problem = refused(place(round_, items=items), 422, "no_price")
    assert problem["errors"][0]["pointer"] == "/items/1/product_id"
    assert unpriced["name"] in problem["detail"]
    assert counts(sql) == before
    ok(round_.dairy.admin.post(f"/products/{unpriced['id']}/prices", {"price": "9.00", "valid_from": "2026-11-20"}))
    ok(place(round_, items=items), 201)


def test_products_must_be_sold(round_: Round) -> None:
    path = f"/products/{round_.milk['id']}"
    ok(round_.dairy.admin.patch(path, {"is_active": False}))
    problem = refused(place(round_), 422, "product_inactive")
    assert problem["errors"][0]["pointer"] == "/items/0/product_id"
    ok(round_.dairy.admin.patch(path, {"is_active": True}))
    ok(place(round_), 201)
    unknown = [{"product_id": str(uuid4()), "quantity": "1"}]
    refused(place(round_, items=unknown), 404, "product_not_found")


def test_a_product_is_named_once(round_: Round) -> None:
    items = [{"product_id": round_.milk["id"], "quantity": quantity} for quantity in ("1", "2")]
    problem = refused(place(round_, items=items), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/items/1/product_id"
    ok(place(round_, items=items[:1]), 201)


def test_an_admin_may_state_a_price_with_a_reason(round_: Round) -> None:
    item = {"product_id": round_.milk["id"], "quantity": "2", "unit_price": "45.00"}
    reasoned = {**item, "price_reason": "close to its date"}
    made = ok(place(round_, items=[reasoned], notes="ring twice"), 201)
    assert (made["items"][0]["unit_price"], made["items"][0]["price_source"]) == ("45.00", "override")
    assert made["total_amount"] == "90.00"
    assert made["notes"] == f"ring twice\nPrice of {round_.milk['name']} (45.00): close to its date"
    refused(place(round_, items=[item]), 422, "validation_failed")
    without_price = {name: value for name, value in reasoned.items() if name != "unit_price"}
    refused(place(round_, items=[without_price]), 422, "validation_failed")
    free = ok(place(round_, items=[{**reasoned, "unit_price": "0"}]), 201)
    assert free["total_amount"] == "0.00"


def test_nobody_else_states_a_price(round_: Round) -> None:
    staff = round_.dairy.staff("marketing_staff")
    own = round_.dairy.customer(marketing_staff_id=staff.user["id"])
    customer, login = round_.dairy.customer_login()
    cheap = {"product_id": round_.milk["id"], "quantity": "2", "unit_price": "0.01", "price_reason": "please"}
    for by, of in ((staff, own), (login, customer)):
        refused(place(round_, by=by, customer_id=of["id"], items=[cheap]), 403, "forbidden")
        ok(place(round_, by=by, customer_id=of["id"]), 201)


def test_a_product_without_a_price_can_be_sold_at_a_stated_one(round_: Round) -> None:
    sample = round_.dairy.product(price=None)
    item = {"product_id": sample["id"], "quantity": "1", "unit_price": "5", "price_reason": "a trial"}
    assert ok(place(round_, items=[item]), 201)["items"][0]["price_source"] == "override"


def test_a_stated_price_of_nothing_marks_the_item_as_free(round_: Round) -> None:
    """Else the draft would be skipped as ``zero_price`` for ever, with all else that the customer got."""
    item = {"product_id": round_.milk["id"], "quantity": "1", "unit_price": "0", "price_reason": "a sample"}
    assert ok(place(round_, items=[item]), 201)["items"][0]["price_source"] == "free"


def test_the_address_is_the_one_of_that_day(round_: Round) -> None:
    made = ok(place(round_), 201)
    path = f"/customers/{round_.customer['id']}"
    ok(round_.dairy.admin.patch(path, {"address_line1": "9 New Street", "area": "Aundh"}))
    assert ok(round_.dairy.admin.get(f"/orders/{made['id']}"))["address"] == made["address"]
    assert ok(place(round_), 201)["address"] == made["address"] | {
        "address_line1": "9 New Street",
        "area": "Aundh",
    }


# ---------------------------------------------------------------------------------------------------- repeats


def test_the_same_key_places_one_order(round_: Round, sql: Any) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first = round_.dairy.admin.post("/orders", body(round_), headers=headers)
    again = round_.dairy.admin.post("/orders", body(round_), headers=headers)
    assert ok(again, 201) == ok(first, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert sql("SELECT count(*) FROM orders") == [(1,)]
    other = round_.dairy.admin.post("/orders", body(round_, notes="another"), headers=headers)
    refused(other, 422, "idempotency_key_reused")
    ok(round_.dairy.admin.post("/orders", body(round_), headers={"Idempotency-Key": "order-2"}), 201)
    assert sql("SELECT count(*) FROM orders") == [(2,)]


def test_a_refused_order_does_not_use_up_its_key(round_: Round) -> None:
    headers = {"Idempotency-Key": "order-1"}
    path = f"/products/{round_.milk['id']}"
    ok(round_.dairy.admin.patch(path, {"is_active": False}))
    refused(round_.dairy.admin.post("/orders", body(round_), headers=headers), 422, "product_inactive")
    ok(round_.dairy.admin.patch(path, {"is_active": True}))
    ok(round_.dairy.admin.post("/orders", body(round_), headers=headers), 201)


def test_placing_costs_the_same_at_any_size(round_: Round) -> None:
    products = [round_.dairy.product() for _ in range(8)]
    sent = {}
    for size in (4, 8):
        items = [{"product_id": product["id"], "quantity": "1"} for product in products[:size]]
        with statements(round_.dairy.app) as seen:
            ok(place(round_, items=items), 201)
        sent[size] = len(seen)
    assert sent[4] == sent[8]
    assert sent[8] <= 14


def test_a_price_of_nothing_agreed_with_a_customer_is_free(dairy: Dairy, sql: Any) -> None:
    """Else its invoice would be held back for ever as ``zero_price``."""
    milk, asha = dairy.product("60.00"), dairy.customer()
    ok(
        dairy.admin.put(
            f"/customers/{asha['id']}/prices", {"product_id": milk["id"], "price": "0", "valid_from": dairy.day(-1)}
        )
    )
    dairy.order(asha, (milk, "1"))
    dairy.order(dairy.customer(), (milk, "1"))
    assert sql("SELECT unit_price::text, price_source FROM order_items ORDER BY 1") == [
        ("0.00", "free"),
        ("60.00", "product"),
    ]


def test_a_dairy_that_said_nothing_closes_at_nine_in_the_evening_before(dairy: Dairy, clock: Any) -> None:
    """Else a customer orders for this morning in the evening and reopens a round that is over."""
    clock.move_to(at("2026-11-20 20:59"))
    dairy.log_in_again()
    rules = ok(dairy.admin.get("/settings"))
    assert (rules["cutoff_morning"], rules["cutoff_evening"]) == ("21:00:00", "21:00:00")
    milk, (_, login) = dairy.product(), dairy.customer_login()

    def order(day: str) -> Any:
        items = [{"product_id": milk["id"], "quantity": "1"}]
        return login.post("/orders", {"delivery_date": day, "items": items})

    ok(order("2026-11-21"), 201)
    refused(order("2026-11-20"), 422, "cutoff_passed")
    clock.move_to(at("2026-11-20 21:00"))
    dairy.log_in_again()
    refused(order("2026-11-21"), 422, "cutoff_passed")
    ok(order("2026-11-22"), 201)
