"""Cash: what each collector carries, what was handed over, and the difference that is kept."""

from typing import Any

import pytest

from tests.console.visitor import Visitor
from tests.dairy import Dairy, ok, read


@pytest.fixture
def ravi(dairy: Dairy) -> Any:
    """A helper who took 50 and 30 at two doors."""
    ravi = dairy.staff("delivery_boy", "Ravi")
    for amount in ("50", "30"):
        payment = {"customer_id": dairy.customer()["id"], "amount": amount, "method": "cash"}
        ok(dairy.admin.post("/payments", payment | {"collected_by": ravi.user["id"]}), 201)
    return ravi.user


def test_what_is_carried_leads_to_each_payment(dairy: Dairy, admin: Visitor, ravi: Any) -> None:
    (address,) = {each for each in admin.open("/").links() if each.startswith("/cash?")}
    page = admin.open(address.partition("#")[0])
    assert "₹ 80.00" in page.words
    for payment in read(dairy.admin, "/payments"):
        assert f"/payments/{payment['id']}" in page.links()
    assert page.form(f"/cash/{ravi['id']}").fields["handed_over"] == "80.00"


@pytest.mark.parametrize(
    ("handed_over", "variance", "said"),
    [
        ("80.00", "0.00", "Ravi handed over ₹ 80.00: just what was collected."),
        ("75", "-5.00", "Ravi handed over ₹ 75.00; the difference is −₹ 5.00."),
        ("81.50", "1.50", "Ravi handed over ₹ 81.50; the difference is ₹ 1.50."),
    ],
)
def test_it_is_taken_once(dairy: Dairy, admin: Visitor, ravi: Any, handed_over: str, variance: str, said: str) -> None:
    page = admin.open("/cash")
    for _ in range(2):
        done = admin.submit(page, f"/cash/{ravi['id']}", handed_over=handed_over, notes="At the gate")
        after = admin.follow(done)
    assert said in after.words
    assert "No cash is out." in after.words
    (settled,) = read(dairy.admin, "/cash-settlements")
    assert (settled["expected"], settled["variance"], settled["notes"]) == ("80.00", variance, "At the gate")
    assert "At the gate" in after.words


@pytest.mark.parametrize("typed", ["", "much", "-1", "1.005"])
def test_a_fault_stands_beside_its_field(dairy: Dairy, admin: Visitor, ravi: Any, typed: str) -> None:
    refused = admin.submit(admin.open("/cash"), f"/cash/{ravi['id']}", handed_over=typed, notes="Kept")
    assert refused.status == 422
    (wrong,) = [each for each in refused.every("input") if each.get("aria-invalid")]
    assert (wrong["name"], wrong["value"]) == ("handed_over", typed)
    assert refused.form(f"/cash/{ravi['id']}").fields["notes"] == "Kept"
    assert read(dairy.admin, "/cash-settlements") == []


def test_a_helper_sees_its_own_without_a_way_to_take_it(dairy: Dairy, ravi: Any) -> None:
    helper = Visitor.of(dairy.app, ravi["email"])
    page = helper.open("/")
    assert "₹ 80.00" in page.words
    assert [each for each in page.links() if each.startswith("/cash")] == []


def test_only_what_was_seen_is_taken(dairy: Dairy, admin: Visitor, ravi: Any) -> None:
    page = admin.open("/cash")
    late = {"customer_id": dairy.customer()["id"], "amount": "20", "method": "cash", "collected_by": ravi["id"]}
    ok(dairy.admin.post("/payments", late), 201)
    refused = admin.submit(page, f"/cash/{ravi['id']}", handed_over="80")
    assert refused.status == 412
    assert "By now ₹ 100.00 was collected in all." in refused.words
    assert read(dairy.admin, "/cash-settlements") == []
    done = admin.submit(refused, f"/cash/{ravi['id']}", handed_over="80")
    assert "the difference is −₹ 20.00" in admin.follow(done).words
    (settled,) = read(dairy.admin, "/cash-settlements")
    assert (settled["expected"], settled["handed_over"]) == ("100.00", "80.00")
