"""Rounds, links for helpers, and requests from the doors."""

from typing import Any

import pytest

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
    (link,) = [link for link in page.links() if link.startswith("/rounds/")]
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
    assert [link for link in page.links() if link.startswith("/rounds/")] == []


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
