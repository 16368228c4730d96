"""Cash at the door: who carries how much, and what has been handed over."""

from typing import Any

import pytest

from tests.dairy import ok, refused
from tests.receivables.conftest import Till


@pytest.fixture
def boy(till: Till) -> Any:
    return till.dairy.staff("delivery_boy", name="Ravi")


def settle(till: Till, boy: Any, amount: str, **fields: Any) -> Any:
    return till.admin.post("/cash-settlements", {"staff_id": boy.user["id"], "handed_over": amount} | fields)


def expected(client: Any, **query: str) -> list[tuple[str, int]]:
    return [(row["expected"], row["count"]) for row in ok(client.get("/cash-settlements/expected", **query))["items"]]


def test_what_is_collected_is_expected_until_it_is_handed_over(till: Till, boy: Any) -> None:
    till.paid("100.00", collected_by=boy.user["id"], day=-1)
    till.paid("50.00", collected_by=boy.user["id"])
    till.paid("70.00", method="upi")
    till.paid("80.00")
    ok(till.reverse(till.paid("30.00", collected_by=boy.user["id"])))
    assert expected(till.admin) == [("150.00", 2)]
    assert expected(till.admin, date=till.dairy.day(-1)) == [("100.00", 1)]
    made = ok(settle(till, boy, "95.00", settled_for=till.dairy.day(-1), notes="five are missing"), 201)
    assert (made["expected"], made["handed_over"], made["variance"]) == ("100.00", "95.00", "-5.00")
    assert expected(till.admin) == [("50.00", 1)]
    made = ok(settle(till, boy, "55.00"), 201)
    assert (made["settled_for"], made["expected"], made["variance"]) == (till.dairy.day(0), "50.00", "5.00")
    assert expected(till.admin) == []
    before = till.rows()
    refused(settle(till, boy, "55.00"), 409, "already_exists")
    assert till.rows() == before


def test_what_makes_no_settlement(till: Till, boy: Any) -> None:
    till.paid("50.00", collected_by=boy.user["id"])
    refused(settle(till, boy, "50.00", settled_for=till.dairy.day(1)), 422, "validation_failed")
    refused(settle(till, boy, "50.00", settled_for=till.dairy.day(-1)), 409, "already_exists")
    refused(settle(till, boy, "-1.00"), 422, "validation_failed")
    refused(settle(till, boy, "50.00", staff_id=till.customer["user_id"]), 404, "user_not_found")
    ok(settle(till, boy, "0.00"), 201)


def test_delivery_staff_see_their_own(till: Till, boy: Any) -> None:
    other = till.dairy.staff("delivery_boy", name="Sunil")
    till.paid("50.00", collected_by=boy.user["id"])
    till.paid("60.00", collected_by=other.user["id"])
    (mine,) = ok(boy.get("/cash-settlements/expected", staff_id=other.user["id"]))["items"]
    assert (mine["expected"], [each["amount"] for each in mine["payments"]]) == ("50.00", ["50.00"])
    assert expected(till.admin) == [("50.00", 1), ("60.00", 1)]
    ok(settle(till, boy, "50.00"), 201)
    ok(settle(till, other, "60.00"), 201)
    assert [row["staff_name"] for row in ok(boy.get("/cash-settlements"))["items"]] == ["Ravi"]
    assert [row["staff_name"] for row in ok(till.admin.get("/cash-settlements"))["items"]] == ["Sunil", "Ravi"]
    of_boy = ok(till.admin.get("/cash-settlements", staff_id=boy.user["id"], **{"settled_for[gte]": till.dairy.day(0)}))
    assert [row["settled_by_name"] for row in of_boy["items"]] == ["Asha Admin"]
    assert ok(till.admin.get("/cash-settlements", **{"settled_for[lte]": till.dairy.day(-1)}))["items"] == []


def test_cash_handed_over_stays_so_when_its_payment_is_reversed(till: Till, boy: Any) -> None:
    made = till.paid("50.00", collected_by=boy.user["id"])
    settled = ok(settle(till, boy, "50.00"), 201)
    undone = ok(till.reverse(made))
    assert (undone["status"], undone["cash_settlement_id"]) == ("reversed", settled["id"])
