"""Reading orders: who sees which, how much of them, and at what cost."""

from typing import Any
from uuid import uuid4

import pytest

from tests.dairy import Client, Dairy, ok, refused
from tests.deliveries.rounds import Round, bill, statements
from tests.statements import count_statements


def ids(client: Client, **query: Any) -> list[str]:
    return [order["id"] for order in ok(client.get("/orders", **query))["items"]]


def test_each_role_sees_its_own(round_: Round) -> None:
    staff = round_.dairy.staff("marketing_staff")
    theirs = round_.dairy.customer(marketing_staff_id=staff.user["id"])
    customer, login = round_.dairy.customer_login()
    orders = {
        "round": round_.order()["id"],
        "marketing": round_.dairy.order(theirs, (round_.milk, "1"))["id"],
        "customer": round_.dairy.order(customer, (round_.milk, "1"))["id"],
    }
    seen_by = {
        "admin": (round_.dairy.admin, {"round", "marketing", "customer"}),
        "accountant": (round_.dairy.staff("accountant"), {"round", "marketing", "customer"}),
        "boy": (round_.boy, {"round"}),
        "another boy": (round_.dairy.staff("delivery_boy"), set()),
        "marketing": (staff, {"marketing"}),
        "customer": (login, {"customer"}),
    }
    for name, (client, visible) in seen_by.items():
        assert set(ids(client)) == {orders[each] for each in visible}, name
        for each, order_id in orders.items():
            answer = client.get(f"/orders/{order_id}")
            if each in visible:
                assert ok(answer)["id"] == order_id
            else:
                refused(answer, 404, "order_not_found")
        refused(client.get(f"/orders/{uuid4()}"), 404, "order_not_found")
    refused(round_.dairy.staff("supplier").get("/orders"), 403, "forbidden")
    refused(round_.dairy.nobody.get("/orders"), 401, "not_authenticated")


def test_an_order_given_to_another_boy_moves_to_his_round(round_: Round, sql: Any) -> None:
    order, helper = round_.order(), round_.dairy.staff("delivery_boy")
    sql("UPDATE orders SET delivery_boy_id = %s", helper.user["id"])
    assert ids(helper) == [order["id"]]
    assert ids(round_.boy) == []
    refused(round_.boy.get(f"/orders/{order['id']}"), 404, "order_not_found")


def test_a_login_without_a_customer_sees_nothing(round_: Round, sql: Any) -> None:
    customer, login = round_.dairy.customer_login()
    order = round_.dairy.order(customer, (round_.milk, "1"))
    assert ids(login) == [order["id"]]
    sql("UPDATE customers SET user_id = NULL WHERE id = %s", customer["id"])
    assert ids(login) == []
    refused(login.get(f"/orders/{order['id']}"), 404, "order_not_found")


def test_what_each_role_sees_of_a_delivery(round_: Round) -> None:
    staff = round_.dairy.staff("marketing_staff")
    customer, login = round_.dairy.customer_login(
        delivery_boy_id=round_.boy.user["id"], marketing_staff_id=staff.user["id"]
    )
    order = round_.dairy.order(customer, (round_.milk, "1"))
    ok(round_.dairy.confirm(order, by=round_.boy, notes="the dog again"), 200)
    audit = {"ip_address", "device_info", "device_time", "latitude", "longitude", "shared_link_id"}
    internal = audit | {"delivery_boy_id", "confirmed_by_user_id", "client_event_id", "notes"}
    internal |= {"corrected_by_user_id", "correction_reason"}
    whole = set(round_.read(order)["delivery_status"])
    assert internal < whole
    for client, hidden in ((round_.boy, set()), (staff, audit), (login, internal)):
        for seen in (
            ok(client.get(f"/orders/{order['id']}"))["delivery_status"],
            ok(client.get("/orders"))["items"][0]["delivery_status"],
        ):
            assert set(seen) == whole - hidden
            assert seen["confirmed_by_name"] == "Bala Boy"


def test_filters(round_: Round) -> None:
    round_.dairy.seller()
    other = round_.dairy.customer()
    billed, cancelled, open_ = round_.order(), round_.order(on="2026-11-21"), round_.order(on="2026-11-22")
    theirs = round_.dairy.order(other, (round_.milk, "1"), on="2026-11-22")
    ok(round_.dairy.confirm(billed), 200)
    bill(round_.dairy, "2026-11", through="2026-11-20")
    drafted = round_.order()
    ok(round_.dairy.confirm(drafted), 200)
    ok(round_.dairy.admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "moved away"}))

    def found(**query: Any) -> set[str]:
        return set(ids(round_.dairy.admin, **query))

    every = {order["id"] for order in (billed, cancelled, open_, theirs, drafted)}
    assert found() == every
    assert found(customer_id=other["id"]) == {theirs["id"]}
    assert found(status="CANCELLED") == {cancelled["id"]}
    assert found(status="DELIVERED") == {billed["id"], drafted["id"]}
    assert found(delivery_date="2026-11-21") == {cancelled["id"]}
    assert found(**{"delivery_date[gte]": "2026-11-21"}) == {cancelled["id"], open_["id"], theirs["id"]}
    assert found(**{"delivery_date[gte]": "2026-11-21", "delivery_date[lte]": "2026-11-21"}) == {cancelled["id"]}
    assert found(order_type="subscription") == set()
    assert found(order_type="one_time") == every
    assert found(billed="true") == {billed["id"]}
    assert found(billed="false") == every - {billed["id"]}
    for wrong in ({"status": "delivered"}, {"delivery_date[gt]": "2026-11-21"}, {"customer": "x"}):
        refused(round_.dairy.admin.get("/orders", **wrong), 422, "validation_failed")


def test_pages_follow_each_other(round_: Round) -> None:
    """The latest delivery date first; nothing twice, nothing left out."""
    days = ["2026-11-20", "2026-11-22", "2026-11-21", "2026-11-22", "2026-11-20"]
    made = {round_.order(on=day)["id"] for day in days}
    seen: list[Any] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = ok(round_.dairy.admin.get("/orders", **query))
        assert len(page["items"]) <= 2
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == 5
    assert {order["id"] for order in seen} == made
    assert [order["delivery_date"] for order in seen] == sorted(days, reverse=True)
    refused(round_.dairy.admin.get("/orders", cursor="nonsense"), 422, "validation_failed")


@pytest.mark.parametrize("who", ["admin", "boy"])
def test_a_list_costs_the_same_at_any_length(round_: Round, who: str) -> None:
    client = round_.dairy.admin if who == "admin" else round_.boy
    sent = {}
    for size in (3, 6):
        while len(ids(round_.dairy.admin)) < size:
            ok(round_.dairy.confirm(round_.order()), 200)
        with statements(round_.dairy.app) as seen:
            assert len(ids(client)) == size
        sent[size] = len(seen)
    assert sent == {3: 3, 6: 3}


def test_reading_one_costs_the_same_at_any_size(round_: Round) -> None:
    products = [round_.dairy.product() for _ in range(8)]
    sent = {}
    for size in (4, 8):
        order = round_.dairy.order(round_.customer, *((product, "1") for product in products[:size]))
        ok(round_.dairy.confirm(order), 200)
        with statements(round_.dairy.app) as seen:
            assert len(round_.read(order)["items"]) == size
        sent[size] = len(seen)
    assert sent == {4: 3, 8: 3}


def test_an_order_read_before_is_not_sent_again(round_: Round) -> None:
    order = round_.order()
    path = f"/orders/{order['id']}"
    tag = round_.dairy.admin.get(path).headers["ETag"]
    assert round_.dairy.admin.call("GET", path, headers={"If-None-Match": tag}).status_code == 304
    ok(round_.dairy.confirm(order), 200)
    assert round_.dairy.admin.call("GET", path, headers={"If-None-Match": tag}).status_code == 200


def test_by_product_area_and_staff(dairy: Dairy, sql: Any) -> None:
    """An order's own column counts, else its customer's."""
    milk, ghee = dairy.product(), dairy.product()
    boy, other = (dairy.staff("delivery_boy").user["id"] for _ in range(2))
    asha, ravi = dairy.customer(area="Baner", delivery_boy_id=boy), dairy.customer(area="Aundh")
    first, second = dairy.order(asha, (milk, "1")), dairy.order(asha, (ghee, "1"))
    third = dairy.order(ravi, (milk, "1"), (ghee, "1"))
    sql(f"UPDATE orders SET delivery_boy_id = '{other}', area_id = (SELECT id FROM areas WHERE name = 'Aundh')"
        f" WHERE id = '{second['id']}'")  # fmt: skip
    areas = {each["name"]: each["id"] for each in ok(dairy.admin.get("/areas"))["items"]}
    for query, found in (
        ({"product_id": milk["id"]}, {first["id"], third["id"]}),
        ({"area_id": areas["Baner"]}, {first["id"]}),
        ({"area_id": areas["Aundh"]}, {second["id"], third["id"]}),
        ({"delivery_boy_id": boy}, {first["id"]}),
        ({"delivery_boy_id": other}, {second["id"]}),
        ({"delivery_boy_id": other, "product_id": milk["id"]}, set()),
    ):
        assert {each["id"] for each in ok(dairy.admin.get("/orders", **query))["items"]} == found, query


def test_orders_of_who_has_no_customers_are_asked_of_the_orders_alone(dairy: Dairy) -> None:
    """Of a delivery boy who left long ago, or an area that nobody lives in, every order there is was looked at."""
    product, boy, other = dairy.product("60.00"), dairy.staff("delivery_boy"), dairy.staff("delivery_boy")
    moved, stays = dairy.customer(delivery_boy_id=boy.user["id"]), dairy.customer(delivery_boy_id=other.user["id"])
    orders = [dairy.order(customer, (product, "1"), on=dairy.day(0)) for customer in (moved, stays)]
    ok(dairy.admin.post("/deliveries/start", {"delivery_date": dairy.day(0), "delivery_boy_id": boy.user["id"]}))
    ok(dairy.admin.patch(f"/customers/{moved['id']}", {"delivery_boy_id": other.user["id"]}))
    for who, expected, asked in ((boy, orders[:1], False), (other, orders[1:], True)):
        with count_statements(dairy.app.database) as sent:
            found = ok(dairy.admin.get("/orders", delivery_boy_id=who.user["id"]))["items"]
        assert [each["id"] for each in found] == [each["id"] for each in expected]
        page = next(statement for statement, _ in sent if "LIMIT" in statement and "delivery_statuses" in statement)
        assert ("orders.customer_id IN" in page) is asked


def test_by_which_rules_a_customer_orders(round_: Round) -> None:
    dairy = round_.dairy
    dairy.seller(business_name="Sunrise Dairy", phone="+912025436543")
    ok(dairy.admin.patch("/settings", {"cutoff_morning": "20:30"}))
    customer, login = dairy.customer_login()
    body = {"product_id": round_.milk["id"], "price": "55.00", "valid_from": "2026-11-20"}
    ok(dairy.admin.put(f"/customers/{customer['id']}/prices", body))
    dairy.product(None, name="No price")
    ok(dairy.admin.patch(f"/products/{dairy.product(name='Whey')['id']}", {"is_active": False}))
    rules = ok(login.get("/me/rules"))
    products = rules.pop("products")
    assert rules == {
        "dairy_name": "Sunrise Dairy",
        "dairy_phone": "+912025436543",
        "time_zone": "Asia/Kolkata",
        "cutoff_morning": "20:30:00",
        "cutoff_evening": None,
        "last_order_date": "2027-02-18",
        "minimum_order_amount": None,
    }
    assert {(each["product_id"], each["price"], each["is_agreed"]) for each in products} == {
        (round_.milk["id"], "55.00", True),
        (round_.curd["id"], "80.00", False),
    }
    of_customer = ok(dairy.admin.get("/me/rules", customer_id=customer["id"]))
    assert of_customer == {**rules, "products": products}
    refused(dairy.admin.get("/me/rules"), 422, "validation_failed")
    refused(login.get("/me/rules", customer_id=round_.customer["id"]), 404, "customer_not_found")
    refused(dairy.staff("accountant").get("/me/rules"), 403, "forbidden")
