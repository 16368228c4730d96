"""Rounds, links for helpers, and requests from the doors."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
import time_machine

from dairy_app.console.rules.places import in_order
from tests.console.conftest import SignIn
from tests.console.visitor import Visitor
from tests.dairy import Client, Dairy, ok, read


@pytest.fixture
def ravi(dairy: Dairy) -> Client:
    return dairy.staff("delivery_boy", "Ravi")


@pytest.fixture
def asha(dairy: Dairy, ravi: Client) -> Any:
    """A customer of Ravi's round with an order of today."""
    customer = dairy.customer(name="Asha Rao", delivery_boy_id=ravi.user["id"], notes="Ring twice")
    dairy.order(customer, (dairy.product("60.00", name="Cow milk"), "2"))
    return customer


def test_a_round_is_followed_from_today_to_the_door(dairy: Dairy, admin: Visitor, ravi: Client, asha: Any) -> None:
    assert "Ravi Morning 0 of 1 done" in admin.open("/").words
    page = admin.open("/rounds")
    (link,) = [link for link in page.links() if link.startswith(f"/rounds/{ravi.user['id']}")]
    page = admin.open(link)
    for expected in ("Asha Rao", "Cow milk 2 L", "Ring twice", "Planned", "0 of 1 done"):
        assert expected in page.words
    (order,) = read(dairy.admin, "/orders")
    ok(dairy.confirm(order, status="not_delivered", reason_code="door_locked"))
    assert "Not delivered : Door locked" in admin.open(link).words.replace("delivered:", "delivered :")
    assert "Door locked: 1" in admin.open("/").words
    assert "No deliveries on that day." in admin.open(f"/rounds?date={dairy.day(9)}").words


def test_a_helper_sees_his_own_round_first(dairy: Dairy, ravi: Client, asha: Any) -> None:
    page = Visitor.of(dairy.app, ravi.user["email"]).open("/")
    for expected in ("Your round", "0 of 1 done", "Cow milk 2 L"):
        assert expected in page.words
    assert "Rounds of today" not in page.words


def test_a_link_is_shown_once_with_its_code_and_opens_the_round(
    dairy: Dairy, admin: Visitor, ravi: Client, asha: Any
) -> None:
    form = admin.open("/rounds").form("/rounds/links")
    typed = {"whose": f"helper:{ravi.user['id']}", "pin": "4711", "hours": "12"}
    page = admin.send(form, typed)
    assert page.status == 200, page.words
    link = next(word for word in page.words.split() if "/s/" in word)
    assert len(page.every("svg")) == 1
    assert len(page.every("rect")) > 100
    again = admin.send(form, typed)
    assert "/s/" not in again.words
    assert "shown only once" in again.words
    path = link[link.index("/s/") :]
    helper = Visitor(dairy.app)
    assert "PIN" in helper.open(path).words
    page = admin.submit(admin.open("/rounds"), "/revoke")
    assert "has ended" in admin.follow(page).words
    assert helper.open(path).status == 410


@pytest.mark.parametrize("typed", [{"pin": "12"}, {"hours": "99999"}, {"date": "2020-01-01"}, {"whose": "helper:x"}])
def test_a_refused_link_keeps_what_was_typed(dairy: Dairy, admin: Visitor, ravi: Client, typed: dict[str, str]) -> None:
    page = admin.submit(admin.open("/rounds"), "/rounds/links", **typed)
    assert page.status == 422
    assert page.every("p")[0] == {"class": "refused", "role": "alert"}
    fields = page.form("/rounds/links").fields
    assert {name: value for name, value in typed.items() if name != "whose"}.items() <= fields.items()
    assert read(dairy.admin, "/shared-links") == []


def test_only_an_admin_makes_links(dairy: Dairy, sign_in: SignIn, asha: Any) -> None:
    visitor = sign_in("accountant")
    page = visitor.open("/rounds")
    assert "Ravi" in page.words
    assert [form.action for form in page.forms if form.method == "post"] == ["/sign-out"]
    assert [link for link in page.links() if link.startswith("/rounds/")] == ["/rounds/who-goes"]
    page = visitor.open("/rounds/who-goes")
    assert "Ravi" in page.words
    assert [form.action for form in page.forms if form.method == "post"] == ["/sign-out"]
    assert visitor.open(f"/rounds/{asha['delivery_boy_id']}/sequence").status == 403


def test_each_door_has_its_map_and_the_sheet_its_packets(dairy: Dairy, admin: Visitor, ravi: Client) -> None:
    curd = dairy.product("30.00", name="Toned milk", packet_size="0.5")
    street = {"address_line1": "4 Lane", "city": "Pune", "delivery_boy_id": ravi.user["id"]}
    dairy.order(dairy.customer(name="Asha", **street), (curd, "1.5"))
    page = admin.open(f"/rounds/{ravi.user['id']}")
    assert "4 Lane, Kothrud, Pune" in page.words
    assert "Toned milk 1.5 L 3" in page.words
    (link,) = [each for each in page.every("a") if each.get("target") == "_blank"]
    assert link["href"] == "https://www.google.com/maps/search/?api=1&query=4%20Lane%2C%20Kothrud%2C%20Pune"
    assert link["rel"] == "noopener noreferrer"


def test_only_the_pages_of_today_follow_it(dairy: Dairy, admin: Visitor, ravi: Client, asha: Any) -> None:
    def parts(path: str) -> list[str | None]:
        return [each["data-live"] for _, each in admin.open(path).elements if "data-live" in each]

    own = f"/rounds/{ravi.user['id']}"
    assert parts("/rounds") == [f"/rounds?date={dairy.day(0)}"]
    assert parts(own) == [f"{own}?date={dairy.day(0)}"] * 2
    assert parts(f"/rounds?date={dairy.day(-1)}") == parts(f"{own}?date={dairy.day(-1)}") == []


def test_a_page_that_looks_again_keeps_no_session_alive(dairy: Dairy, admin: Visitor, ravi: Client) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=6), tick=False):
        looked = admin.open("/rounds", **{"Dairy-Looks-Again": "1"}).response
        assert looked.status_code == 200
        assert looked.headers.getlist("Set-Cookie") == []
        assert any("session" in each for each in admin.open("/rounds").response.headers.getlist("Set-Cookie"))


def test_what_was_done_is_not_told_to_a_page_that_looks_again(dairy: Dairy, admin: Visitor, ravi: Client) -> None:
    admin.submit(admin.open("/rounds"), "/rounds/links")
    admin.submit(admin.open("/rounds"), "/revoke")
    assert "has ended" not in admin.open("/rounds", **{"Dairy-Looks-Again": "1"}).words
    assert "has ended" in admin.open("/rounds").words


# -------------------------------------------------------------------------------------------------- sequence


@pytest.fixture
def doors(dairy: Dairy, ravi: Client) -> list[Any]:
    """Four customers of Ravi's, in the order of their names; the second one gets nothing today."""
    made = [dairy.customer(name=name, delivery_boy_id=ravi.user["id"]) for name in ("Asha", "Bela", "Chitra", "Dev")]
    milk = dairy.product("60.00")
    for customer in (made[0], made[2], made[3]):
        dairy.order(customer, (milk, "1"))
    return made


def places(doors: list[Any], *typed: Any) -> dict[str, Any]:
    return {f"place-{customer['id']}": place for customer, place in zip(doors, typed, strict=True)}


def names_in(dairy: Dairy, ravi: Client) -> list[str]:
    return [each["name"] for each in ok(dairy.admin.get(f"/deliveries/sequence/{ravi.user['id']}"))["items"]]


def test_a_typed_place_moves_a_door_and_all_views_follow(
    dairy: Dairy, admin: Visitor, ravi: Client, doors: list[Any]
) -> None:
    own = f"/rounds/{ravi.user['id']}"
    page = admin.open(f"{own}/sequence")
    assert f"{own}/sequence" in admin.open(own).links()
    for expected in ("Asha", "Bela", "Chitra", "Dev"):
        assert expected in page.words
    done = admin.submit(page, "/sequence", **places(doors, 1, 2, 3, 1))
    assert "The new sequence of 4 customers is saved." in admin.follow(done).words
    assert names_in(dairy, ravi) == ["Dev", "Asha", "Bela", "Chitra"]
    words = admin.open(own).words.partition("0 of 3 done")[2]
    assert words.index("Dev") < words.index("Asha") < words.index("Chitra")
    assert "Bela" not in words
    link = ok(dairy.admin.post("/shared-links", {"kind": "round", "delivery_boy_id": ravi.user["id"], "rolling": True}))
    words = Visitor(dairy.app).open(f"/s/{link['token']}").words
    assert words.index("Dev") < words.index("Asha") < words.index("Chitra")


def test_a_sequence_sent_twice_is_done_once(dairy: Dairy, admin: Visitor, ravi: Client, doors: list[Any]) -> None:
    form = admin.open(f"/rounds/{ravi.user['id']}/sequence").form("/sequence")
    for _ in range(2):
        assert admin.send(form, places(doors, 4, 3, 2, 1)).status == 303
    assert names_in(dairy, ravi) == ["Dev", "Chitra", "Bela", "Asha"]


def test_of_two_people_the_second_sees_what_happened_and_loses_nothing(
    dairy: Dairy, admin: Visitor, ravi: Client, doors: list[Any]
) -> None:
    path = f"/rounds/{ravi.user['id']}/sequence"
    mine, others = admin.open(path), admin.open(path)
    admin.submit(others, "/sequence", **places(doors, 2, 1, 3, 4))
    dairy.customer(name="Aaron", delivery_boy_id=ravi.user["id"])
    refused = admin.submit(mine, "/sequence", **places(doors, 1, 2, 4, 3))
    assert refused.status == 412
    assert "Somebody else has changed this meanwhile." in refused.words
    assert names_in(dairy, ravi)[:2] == ["Bela", "Asha"]
    shown = [each["data-name"] for each in refused.every("li") if "data-name" in each]
    assert shown == ["Asha", "Bela", "Dev", "Chitra", "Aaron"]
    assert refused.words.count("Joined meanwhile") == 1
    assert admin.submit(refused, "/sequence").status == 303
    assert names_in(dairy, ravi) == ["Asha", "Bela", "Dev", "Chitra", "Aaron"]


def test_ticked_customers_are_given_to_another_helper(
    dairy: Dairy, admin: Visitor, ravi: Client, doors: list[Any]
) -> None:
    mohan = dairy.staff("delivery_boy", "Mohan")
    own = f"/rounds/{ravi.user['id']}/customers"
    ticked = [doors[3]["id"], doors[0]["id"]]
    form = admin.open(f"/rounds/{ravi.user['id']}/sequence").form("/customers")
    assert form.fields["to"] == mohan.user["id"]
    for _ in range(2):
        done = admin.send(form, {"customer": ticked})
        assert "Customers of Mohan now: 2 more" in admin.follow(done).words
    assert done.location == f"/rounds/{mohan.user['id']}/sequence"
    assert (names_in(dairy, ravi), names_in(dairy, mohan)) == (["Bela", "Chitra"], ["Dev", "Asha"])
    refused = admin.submit(admin.open(f"/rounds/{ravi.user['id']}/sequence"), "/customers", customer=[])
    assert refused.status == 422
    assert own in [form.action for form in refused.forms]
    assert "at its end" not in refused.words


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("1", "2", "3"), "abc"),
        (("1", "2", "1"), "cab"),
        (("3", "2", "3"), "bca"),
        (("3", "2", "1"), "cba"),
        (("3", "", "1"), "cba"),
        (("0", "x", "²"), "abc"),
        (("9999999", "-1", "1.5"), "abc"),
        (("999999", "2", "3"), "bca"),
        (("2", "2", "2"), "bac"),
        ((), ""),
    ],
)
def test_places_as_they_are_typed(typed: tuple[str, ...], expected: str) -> None:
    assert "".join(in_order(list(zip("abc", typed, strict=False)))) == expected


def test_every_permutation_comes_out_as_it_was_typed() -> None:
    for wanted in permutations("abcde"):
        typed = [(each, str(wanted.index(each) + 1)) for each in "abcde"]
        assert in_order(typed) == list(wanted)


# ------------------------------------------------------------------------------------------------ who goes


def test_who_goes_when(dairy: Dairy, admin: Visitor, ravi: Client, asha: Any) -> None:
    dairy.subscription(asha, read(dairy.admin, "/products")[0], mode="weekly_pattern", weekly_pattern=[0, 3])
    page = admin.open("/rounds/who-goes")
    assert "Ravi Morning Kothrud 1 Mon, Thu" in page.words
    assert f"/rounds/{ravi.user['id']}/sequence" in page.links()


def test_somebody_else_goes_for_a_day_and_the_way_back(dairy: Dairy, admin: Visitor, ravi: Client, asha: Any) -> None:
    other = dairy.staff("delivery_boy", "Mohan")
    page = admin.open("/rounds/who-goes")
    typed = {"delivery_boy_id": ravi.user["id"], "stand_in_id": other.user["id"]}
    done = admin.submit(page, "/rounds/stand-ins", **typed)
    assert "Mohan goes for Ravi. Orders: 1, customers: 1." in admin.follow(done).words
    assert "Mohan Doors for somebody else: 1 Morning 0 of 1 done" in admin.open("/rounds").words
    done = admin.submit(page, "/rounds/stand-ins", **typed | {"stand_in_id": "himself"})
    assert "Ravi goes himself again. Orders: 1, customers: 1." in admin.follow(done).words
    assert "Ravi Morning 0 of 1 done" in admin.open("/rounds").words


def test_a_refused_stand_in_keeps_what_was_typed(dairy: Dairy, admin: Visitor, ravi: Client, asha: Any) -> None:
    typed = {"delivery_boy_id": ravi.user["id"], "delivery_date": "soon", "shift": "evening", "stand_in_id": "himself"}
    for wrong in ({}, {"stand_in_id": ""}, {"stand_in_id": ravi.user["id"]}):
        page = admin.submit(admin.open("/rounds/who-goes"), "/rounds/stand-ins", **typed | wrong)
        assert page.status == 422
        assert (typed | wrong).items() <= page.form("/rounds/stand-ins").fields.items()


# -------------------------------------------------------------------------------------------------- requests


def ask(dairy: Dairy, ravi: Client, customer: Any, **wish: Any) -> None:
    """Somebody asks for a change at a door, through a link."""
    link = ok(dairy.admin.post("/shared-links", {"kind": "round", "delivery_boy_id": ravi.user["id"], "rolling": True}))
    ok(dairy.nobody.post(f"/shared/{link['token']}/requests", {"customer_id": customer["id"], **wish}))


def test_a_request_is_done_by_one_click(dairy: Dairy, admin: Visitor, ravi: Client, asha: Any) -> None:
    standing = dairy.subscription(asha, read(dairy.admin, "/products")[0])
    ask(dairy, ravi, asha, kind="pause", **{"from": dairy.day(3), "to": dairy.day(4)}, note="Wedding")
    assert "Asha Rao" in admin.open("/").words
    page = admin.open("/requests")
    for expected in ("Asha Rao : Pause", "From", "To", "Wedding", "Asked by"):
        assert expected in page.words
    form = page.form("/approve")
    for _ in range(2):
        assert "Done for Asha Rao." in admin.follow(admin.send(form, {})).words
    (pause,) = ok(dairy.admin.get(f"/subscriptions/{standing['id']}"))["pauses"]
    assert (pause["from"], pause["to"]) == (dairy.day(3), dairy.day(4))
    assert "No requests are waiting." in admin.open("/requests").words


def test_a_request_is_declined_with_a_reason(dairy: Dairy, admin: Visitor, ravi: Client, asha: Any) -> None:
    milk = read(dairy.admin, "/products")[0]
    wish = {"delivery_date": dairy.day(2), "items": [{"product_id": milk["id"], "quantity": "3"}]}
    ask(dairy, ravi, asha, kind="extra_item", **wish)
    page = admin.open("/requests")
    assert "Cow milk 3 L" in page.words
    refused = admin.submit(page, "/reject", reason="")
    assert refused.status == 422
    assert [each["name"] for each in refused.every("input") if each.get("aria-invalid")] == ["reason"]
    assert "Declined for Asha Rao." in admin.follow(admin.submit(page, "/reject", reason="Sold out")).words
    (request,) = read(dairy.admin, "/change-requests")
    assert (request["status"], request["decision_reason"]) == ("rejected", "Sold out")


def test_marketing_staff_decide_for_their_customers_only(dairy: Dairy, ravi: Client, asha: Any) -> None:
    marketing = dairy.staff("marketing_staff")
    ask(dairy, ravi, asha, kind="stop", stop_date=dairy.day(5))
    visitor = Visitor.of(dairy.app, marketing.user["email"])
    assert "No requests are waiting." in visitor.open("/requests").words
    (request,) = read(dairy.admin, "/change-requests")
    token = visitor.open("/").form("/sign-out").fields["csrf_token"]
    form = visitor.open("/").form("/sign-out")
    form.action = f"/requests/{request['id']}/approve"
    assert visitor.send(form, {"csrf_token": token}).status == 404
    assert read(dairy.admin, "/change-requests")[0]["status"] == "pending"
