"""Orders: found by day, state and customer; what nobody confirmed is entered, what was confirmed wrongly put right."""

from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.console.conftest import SignIn
from tests.console.test_month_end import office
from tests.console.test_registers import search, shown
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok
from tests.statements import count_statements

__all__ = ["living"]


@pytest.fixture
def today(dairy: Dairy) -> dict[str, Any]:
    """Asha's order is delivered, Ravi's open; Bela has one for tomorrow."""
    milk, curd = dairy.product("60.00", name="Cow milk"), dairy.product("35.00", name="Curd")
    asha, ravi, bela = (dairy.customer(name=name) for name in ("Asha Rao", "Ravi Joshi", "Bela Shah"))
    found = {
        "asha": dairy.order(asha, (milk, "2"), (curd, "1"), on=dairy.day(0)),
        "ravi": dairy.order(ravi, (milk, "3"), on=dairy.day(0)),
        "bela": dairy.order(bela, (milk, "1"), on=dairy.day(1)),
    }
    ok(dairy.confirm(found["asha"]))
    return {**found, "milk": milk, "curd": curd}


def order_of(dairy: Dairy, order: Any) -> Any:
    return ok(dairy.admin.get(f"/orders/{order['id']}"))


@pytest.mark.parametrize(
    ("query", "whose"),
    [
        ("", {"asha", "ravi"}),
        ("status=open", {"ravi"}),
        ("status=DELIVERED", {"asha"}),
        ("date={tomorrow}", {"bela"}),
        ("from={today}&to={tomorrow}", {"asha", "ravi", "bela"}),
        ("from={today}&status=open", {"ravi", "bela"}),
        ("from={today}&q=shah", {"bela"}),
        ("q=nobody", set()),
        ("type=subscription", set()),
    ],
)
def test_orders_are_found(dairy: Dairy, admin: Visitor, today: Any, query: str, whose: set[str]) -> None:
    asked = query.format(today=dairy.day(0), tomorrow=dairy.day(1))
    page = admin.open(f"/orders?{asked}")
    found = {name for name in ("asha", "ravi", "bela") if today[name]["id"] in shown(page, "/orders/")}
    assert found == whose
    assert ("Nothing was found." in page.words) == (not whose)
    if not query:
        assert search(page)["date"] == dairy.day(0)
        assert "Asha Rao" in page.words
        assert f"/downloads/deliveries.csv?period={dairy.day(0)[:7]}" in page.links()


@pytest.mark.parametrize("query", ["date=never", "from=2026-13-01", "status=LOST", "sort=x", "cursor=x"])
def test_what_cannot_be_asked_is_refused(admin: Visitor, query: str) -> None:
    assert admin.open(f"/orders?{query}").status == 422


def test_what_nobody_confirmed_is_entered_once(dairy: Dairy, admin: Visitor, today: Any) -> None:
    order, milk = today["ravi"], today["milk"]["id"]
    page = admin.open(f"/orders/{order['id']}")
    assert page.form("/confirm").fields[f"quantity_{milk}"] == "3"
    typed = {f"quantity_{milk}": "2.5", "notes": "From the slip"}
    for _ in range(2):
        done = admin.submit(page, "/confirm", **typed)
        assert done.status == 303
    page = admin.follow(done)
    assert "What happened at the door is entered." in page.words
    assert "2.5 L brought" in page.words
    assert "From the slip" in page.words
    after = order_of(dairy, order)
    assert (after["status"], after["items"][0]["delivered_quantity"]) == ("PARTIALLY_DELIVERED", "2.500")
    assert after["delivery_status"]["confirmation_method"] == "admin"


def test_what_was_not_delivered_is_entered_with_its_reason(dairy: Dairy, admin: Visitor, today: Any) -> None:
    page = admin.open(f"/orders/{today['ravi']['id']}")
    done = admin.submit(page, "/confirm", status="not_delivered", reason_code="door_locked")
    assert "Door locked" in admin.follow(done).words
    after = order_of(dairy, today["ravi"])
    assert (after["status"], after["delivery_status"]["reason_code"]) == ("NOT_DELIVERED", "door_locked")
    assert after["invoice"] is None


def test_what_was_confirmed_wrongly_is_put_right(dairy: Dairy, admin: Visitor, today: Any) -> None:
    order, milk, curd = today["asha"], today["milk"]["id"], today["curd"]["id"]
    page = admin.open(f"/orders/{order['id']}")
    assert page.form("/correct").fields[f"quantity_{curd}"] == "1"
    done = admin.submit(page, "/correct", **{f"quantity_{milk}": "1", f"quantity_{curd}": "0"}, reason="Curd was sour")
    page = admin.follow(done)
    assert "The delivery is corrected" in page.words
    assert "Curd was sour" in page.words
    assert [each["delivered_quantity"] for each in order_of(dairy, order)["items"]] == ["1.000", "0.000"]
    admin.submit(page, "/correct", nothing="1", reason="Another door")
    assert order_of(dairy, order)["status"] == "NOT_DELIVERED"


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"curd": "much"}, "curd"),
        ({"curd": "-1"}, "curd"),
        ({"milk": "99999999"}, "milk"),
        ({"curd": "0.12345"}, "curd"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_fault_stands_beside_its_field(
    dairy: Dairy, admin: Visitor, today: Any, typed: dict[str, str], wrong: str
) -> None:
    names = {name: f"quantity_{today[name]['id']}" for name in ("milk", "curd")} | {"reason": "reason"}
    filled = {names[name]: text for name, text in typed.items()}
    page = admin.open(f"/orders/{today['asha']['id']}")
    refused = admin.submit(page, "/correct", **({"reason": "Sour"} | filled))
    assert refused.status == 422
    assert [each["name"] for each in refused.every("input") if each.get("aria-invalid")] == [names[wrong]]
    assert refused.form("/correct").fields | filled == refused.form("/correct").fields
    assert order_of(dairy, today["asha"])["status"] == "DELIVERED"


def test_an_order_is_cancelled_with_a_reason(dairy: Dairy, admin: Visitor, today: Any) -> None:
    page = admin.open(f"/orders/{today['bela']['id']}")
    assert not [form for form in page.forms if form.action.endswith(("/confirm", "/correct"))]
    assert admin.submit(page, "/cancel", reason="").status == 422
    page = admin.follow(admin.submit(page, "/cancel", reason="She is away"))
    assert "Cancelled: She is away" in page.words
    assert order_of(dairy, today["bela"])["status"] == "CANCELLED"


def test_what_is_billed_leads_to_a_credit_note(living: LivingDairy) -> None:
    asha = living.customer(name="Asha Rao")
    order = living.delivered(asha, (living.product("60.00"), "2"), on="2026-10-05")
    living.go_to("2026-11-01")
    visitor = office(living)
    assert visitor.open(f"/orders/{order['id']}").form("/correct")
    living.bill("2026-10")
    page = visitor.open(f"/orders/{order['id']}")
    assert "a bill does not change" in page.words
    assert f"/invoices/{living.invoices()[0]['id']}#credit" in page.links()
    assert not [form for form in page.forms if form.action.endswith("/correct")]


def test_the_months_end_leads_to_what_is_open(living: LivingDairy) -> None:
    asha, milk = living.customer(name="Asha Rao"), living.product("60.00")
    order = living.order(asha, (milk, "2"), on="2026-10-05")
    living.go_to("2026-11-01")
    visitor = office(living)
    page = visitor.open("/month-end?period=2026-10")
    assert f"/orders/{order['id']}" in page.links()
    assert "Asha Rao" in page.words
    visitor.submit(visitor.open(f"/orders/{order['id']}"), "/confirm")
    assert "Every delivery of the month is confirmed" in visitor.open("/month-end?period=2026-10").words
    assert order_of(living, order)["delivery_status"]["delivery_date"] == "2026-10-05"


def test_others_read_what_they_may_and_change_nothing(dairy: Dairy, sign_in: SignIn, today: Any) -> None:
    confirm = f"/orders/{today['ravi']['id']}/confirm"
    for role, status in (("accountant", 200), ("marketing_staff", 404), ("delivery_boy", 404), ("customer", 404)):
        visitor = sign_in(role)
        page = visitor.open(f"/orders/{today['ravi']['id']}")
        assert page.status == status, role
        assert not [form for form in page.forms if form.action.endswith(("/confirm", "/correct"))]
        token = visitor.follow(visitor.open("/")) if role == "customer" else visitor.open("/")
        sent = {"csrf_token": token.form("/sign-out").fields["csrf_token"], "status": "not_delivered"}
        assert visitor.http.post(confirm, data=sent).status_code == (404 if role == "delivery_boy" else 403)
    assert order_of(dairy, today["ravi"])["status"] == "PENDING"


def test_twice_as_many_cost_the_same(dairy: Dairy, admin: Visitor, today: Any) -> None:
    costs = []
    for _ in range(2):
        admin.open("/orders")
        with count_statements(dairy.app.database) as sent:
            assert admin.open("/orders").status == 200
        costs.append(len(sent))
        for _ in range(4):
            dairy.order(dairy.customer(), (today["milk"], "1"), (today["curd"], "1"), on=dairy.day(0))
    assert costs[0] == costs[1] <= 6, costs


def test_a_part_of_a_packet_is_refused_in_words(dairy: Dairy, admin: Visitor) -> None:
    packet = dairy.product("29.00", name="Toned milk", unit="packet")
    order = dairy.order(dairy.customer(), (packet, "2"), on=dairy.day(0))
    page = f"/orders/{order['id']}"
    for act in ("confirm", "correct"):
        typed = {f"quantity_{packet['id']}": "0.5", **({"reason": "Counted"} if act == "correct" else {})}
        refused = admin.submit(admin.open(page), f"/{act}", **typed)
        assert refused.status == 422
        assert "A product that is sold whole is delivered whole." in refused.words
        if act == "confirm":
            ok(dairy.confirm(order))


def test_a_helper_with_a_login_delivers_his_round(dairy: Dairy) -> None:
    """Without a link: his doors, what happened there, the cash he took; nobody else's."""
    ravi, salim = dairy.staff("delivery_boy", "Ravi"), dairy.staff("delivery_boy", "Salim")
    milk = dairy.product("60.00", name="Cow milk")
    asha = dairy.customer(name="Asha Rao", delivery_boy_id=ravi.user["id"])
    order = dairy.order(asha, (milk, "2"), on=dairy.day(0))
    visitor = Visitor.of(dairy.app, ravi.user["email"])
    own = f"/rounds/{ravi.user['id']}"
    assert own in visitor.open("/").links()
    page = visitor.open(own)
    assert f"/orders/{order['id']}" in page.links()
    assert not [link for link in page.links() if link.endswith("/sequence") or link == "/rounds"]
    page = visitor.open(f"/orders/{order['id']}")
    done = visitor.submit(page, "/confirm", **{f"quantity_{milk['id']}": "1"})
    assert "What happened at the door is entered." in visitor.follow(done).words
    assert order_of(dairy, order)["delivery_status"]["confirmation_method"] == "delivery_boy"
    visitor.submit(visitor.open(f"/orders/{order['id']}"), "/correct", reason="Two after all",
                   **{f"quantity_{milk['id']}": "2"})  # fmt: skip
    assert order_of(dairy, order)["status"] == "DELIVERED"
    page = visitor.open(f"/customers/{asha['id']}")
    assert "Balance" not in page.words
    done = visitor.submit(page, "/payments", amount="120")
    assert "₹ 120.00 booked" in visitor.follow(done).words
    (payment,) = ok(dairy.admin.get("/payments"))["items"]
    assert (payment["method"], payment["collected_by"]) == ("cash", ravi.user["id"])
    assert "₹ 120.00" in visitor.open("/").words
    stranger = Visitor.of(dairy.app, salim.user["email"])
    assert stranger.open(own).status == 404
    assert stranger.open(f"/orders/{order['id']}").status == 404
    form = page.form("/payments")
    token = stranger.open("/").form("/sign-out").fields["csrf_token"]
    assert stranger.send(form, {"amount": "5", "csrf_token": token}).status == 404


def has_form(page: Page, action: str) -> bool:
    return any(form.action.endswith(action) for form in page.forms)


def test_what_was_handed_over_besides_is_entered_with_the_rest(dairy: Dairy, admin: Visitor, today: Any) -> None:
    order, curd = today["ravi"], today["curd"]["id"]
    page = admin.open(f"/orders/{order['id']}")
    refused = admin.submit(page, "/confirm", extra=curd, extra_quantity="0")
    assert refused.status == 422
    assert "extra_quantity-wrong" in {each.get("id") for each in refused.every("p")}
    done = admin.submit(page, "/confirm", extra=curd, extra_quantity="1.5")
    assert done.status == 303
    mine = ok(dairy.admin.get("/orders", customer_id=order["customer_id"], delivery_date=dairy.day(0)))["items"]
    assert sorted((each["source"], each["status"]) for each in mine) == [("door", "DELIVERED"), ("staff", "DELIVERED")]
    ok(dairy.admin.patch("/settings", {"door_extras": "off"}))
    bela = dairy.order({"id": order["customer_id"]}, (today["milk"], "1"), on=dairy.day(0))
    assert "extra" not in admin.open(f"/orders/{bela['id']}").form("/confirm").fields


def test_a_wrong_door_is_put_right(dairy: Dairy, admin: Visitor, sign_in: SignIn, today: Any) -> None:
    order, bela = today["asha"], ok(dairy.admin.get(f"/customers/{today['bela']['customer_id']}"))
    page = admin.open(f"/orders/{order['id']}")
    for to, said in (("C999999", "Nobody"), (order_of(dairy, order)["customer_code"], "another customer")):
        refused = admin.submit(page, "/moved", to_customer=to, reason="wrong gate")
        assert refused.status == 422
        assert said in refused.words
    done = admin.submit(page, "/moved", to_customer=bela["code"], reason="wrong gate")
    assert done.status == 303
    assert "on the draft of Bela Shah now" in admin.follow(done).words
    assert order_of(dairy, order)["status"] == "NOT_DELIVERED"
    got = ok(dairy.admin.get("/orders", customer_id=bela["id"], delivery_date=dairy.day(0)))["items"]
    assert [(each["source"], each["invoice"]["status"]) for each in got] == [("door", "draft")]
    assert not has_form(sign_in("accountant").open(f"/orders/{got[0]['id']}"), "/moved")


def test_what_was_brought_without_an_order_is_entered_on_its_day(
    dairy: Dairy, admin: Visitor, sign_in: SignIn, today: Any
) -> None:
    customer, milk = today["asha"]["customer_id"], today["milk"]["id"]
    page = admin.open(f"/customers/{customer}?day={dairy.day(0)}")
    typed = {"product_id": milk, "shift": "evening", "reason": "guests"}
    refused = admin.submit(page, "/unplanned", quantity="none", **typed)
    assert refused.status == 422
    assert "day-unplanned-quantity-wrong" in {each.get("id") for each in refused.every("p")}
    for _ in range(2):
        done = admin.submit(page, "/unplanned", quantity="1.5", **typed)
        assert done.status == 303
    assert "Entered as delivered" in admin.follow(done).words
    made = ok(dairy.admin.get("/orders", customer_id=customer, delivery_date=dairy.day(0)))["items"]
    assert sorted((each["source"], each["shift"]) for each in made) == [("door", "evening"), ("staff", "morning")]
    assert not has_form(admin.open(f"/customers/{customer}?day={dairy.day(1)}"), "/unplanned")
    accountant = sign_in("accountant").open(f"/customers/{customer}?day={dairy.day(0)}")
    assert accountant.status == 200
    assert not has_form(accountant, "/unplanned")


def test_a_helper_enters_what_he_brought_besides_today(dairy: Dairy, today: Any) -> None:
    helper = dairy.staff("delivery_boy")
    customer = dairy.customer(name="Chand Devi", delivery_boy_id=helper.user["id"])
    visitor = Visitor.of(dairy.app, helper.user["email"])
    page = visitor.open(f"/customers/{customer['id']}?day={dairy.day(0)}")
    done = visitor.submit(page, "/unplanned", product_id=today["milk"]["id"], quantity="1", shift="morning", reason="x")
    assert done.status == 303
    assert not has_form(visitor.open(f"/customers/{customer['id']}?day={dairy.day(-1)}"), "/unplanned")
