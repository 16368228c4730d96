"""A move that is known before, on the customer's page: planned, shown, taken back."""

from typing import Any

from tests.console.visitor import Visitor
from tests.dairy import Dairy, read


def test_a_move_is_planned_shown_and_taken_back(dairy: Dairy, admin: Visitor) -> None:
    sunil, customer = dairy.staff("delivery_boy", name="Sunil"), dairy.customer()
    dairy.subscription(customer, dairy.product())
    own, day = f"/customers/{customer['id']}", dairy.day(3)
    page = admin.open(own)
    assert "No move is planned." in page.words
    typed: dict[str, Any] = {"address_line1": "8 MG Road", "delivery_boy_id": sunil.user["id"], "stop_sequence": "30"}
    late = admin.submit(page, f"{own}/moves", **typed, **{"from": dairy.day(0)})
    assert late.status == 422
    assert "Must be after today" in late.words
    page = admin.submit(late, f"{own}/moves", **{"from": day})
    assert page.status == 303
    page = admin.follow(page)
    assert "is entered." in page.words
    assert "to 8 MG Road, round of Sunil, place 30 in the round" in page.words
    (move,) = read(dairy.admin, f"{own}/moves")
    assert (move["from"], move["stop_sequence"], move["delivery_boy_id"]) == (day, 30, sunil.user["id"])
    marked = admin.open(f"{own}?month={day[:7]}").words
    assert "Moves" in marked.partition("Calendar of")[2].partition("Choose a day")[0]
    hindi = admin.open(f"{own}?lang=hi").words
    assert "Sunil का फेरा" in hindi
    page = admin.follow(admin.submit(admin.open(f"{own}?lang=en"), "/take-back"))
    assert "is taken back." in page.words
    assert read(dairy.admin, f"{own}/moves") == []


def test_who_only_looks_sees_no_form(dairy: Dairy) -> None:
    customer = dairy.customer()
    clerk = Visitor(dairy.app)
    clerk.sign_in(dairy.staff("accountant").user["email"])
    page = clerk.open(f"/customers/{customer['id']}")
    assert "No move is planned." in page.words
    assert "Plan a move" not in page.words
