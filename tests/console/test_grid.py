"""The month's grid in the console."""

from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    customer, milk = dairy.customer(name="Asha Rao"), dairy.product("60.00", name="Cow milk")
    dairy.subscription(customer, milk, "2")
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(0)}))
    (order,) = ok(dairy.admin.get("/orders"))["items"]
    ok(dairy.confirm(order))
    return customer


def cells(page: Page) -> list[str]:
    return [link for link in page.links() if "product_of=" in link]


def test_a_delivered_day_is_corrected_from_its_cell(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    day = dairy.day(0)
    page = admin.open(f"/grid?month={day[:7]}")
    assert "Asha Rao" in page.words
    assert "₹ 120.00" in page.words
    (cell,) = [link for link in cells(page) if f"day={day}" in link]
    page = admin.submit(admin.open(cell), "/grid", quantity="1.5", reason="Half a litre was sour")
    assert page.status == 303, page.words
    page = admin.follow(page)
    assert "was corrected to 1.5." in page.words
    assert "₹ 90.00" in page.words
    view = ok(dairy.admin.get("/billing/monthly-view", period=day[:7]))
    assert view["items"][0]["products"][0]["daily_quantities"] == {day: "1.500"}


def test_a_refused_cell_keeps_what_was_typed(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    page = admin.open(f"/grid?month={dairy.day(0)[:7]}")
    opened = admin.open(next(link for link in cells(page) if f"day={dairy.day(0)}" in link))
    for typed, field in (
        ({"quantity": "lots", "reason": "x"}, "quantity"),
        ({"quantity": "1", "reason": ""}, "reason"),
    ):
        page = admin.submit(opened, "/grid", **typed)
        assert page.status == 422
        assert [each["name"] for each in page.every("input") if each.get("aria-invalid")] == [field]
        assert page.form("/grid").fields["quantity"] == typed["quantity"]
    page = admin.submit(opened, "/grid", quantity="99", reason="Too much")
    assert page.status == 422
    assert page.every("p")[0]["class"] == "refused"


def test_who_may_only_look_has_no_cells_to_open(dairy: Dairy, sign_in: SignIn, asha: Any) -> None:
    for role in ("accountant", "marketing_staff"):
        page = sign_in(role).open(f"/grid?month={dairy.day(0)[:7]}")
        assert page.status == 200
        assert cells(page) == []
    assert "₹ 120.00" in sign_in("accountant").open(f"/grid?month={dairy.day(0)[:7]}").words


def test_months_areas_and_products_are_filtered(dairy: Dairy, admin: Visitor, asha: Any) -> None:
    month = dairy.day(0)[:7]
    for query, is_there in (
        (f"month={month}", True),
        (f"month={month}&area_id={asha['area_id']}", True),
        (f"month={month}&area_id=00000000-0000-7000-8000-000000000000", False),
    ):
        assert ("₹ 120.00" in admin.open(f"/grid?{query}").words) is is_there, query
    assert "₹ 120.00" not in admin.open("/grid?month=2020-01").words
    assert admin.open("/grid?month=soon").status == 422
    assert admin.open(f"/grid?month={month}&area_id=nonsense").status == 422
