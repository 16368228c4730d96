"""Paying back a customer's credit in the console: what it does is told before, and it can be taken back."""

from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.console.test_month_end import office
from tests.console.test_registers import shown
from tests.console.visitor import Visitor
from tests.dairy import ok, read

__all__ = ["living"]


@pytest.fixture
def asha(living: LivingDairy) -> Any:
    """She has paid 100 rupees in advance."""
    made = living.customer(name="Asha Rao")
    ok(living.admin.post("/payments", {"customer_id": made["id"], "amount": "100.00", "method": "cash"}), 201)
    return made


def own(asha: Any) -> str:
    return f"/customers/{asha['id']}/pay-back"


def test_a_refund_is_looked_at_then_entered_then_taken_back(living: LivingDairy, asha: Any) -> None:
    visitor, ravi = office(living), living.staff("delivery_boy", name="Ravi")
    assert own(asha) in visitor.open(f"/customers/{asha['id']}").links()
    typed = {"amount": "60", "reason": "Moved away", "paid_by": ravi.user["id"]}
    page = visitor.submit(visitor.open(own(asha)), own(asha), do="look", **typed)
    assert page.status == 200
    assert "₹ 60.00 is paid back; of ₹ 100.00 in advance ₹ 40.00 is left. Nothing was entered yet." in page.words
    assert "Ravi has ₹ 60.00 less to hand over." in page.words
    assert read(living.admin, "/refunds") == []
    for _ in range(2):
        assert visitor.submit(page, own(asha), do="give").status == 303
    (refund,) = read(living.admin, "/refunds")
    assert (refund["amount"], refund["method"], refund["paid_by"]) == ("60.00", "cash", ravi.user["id"])
    page = visitor.follow(visitor.submit(page, own(asha), do="give"))
    assert f"₹ 60.00 is paid back, voucher {refund['voucher_no']}. ₹ 40.00 is left in advance." in page.words
    assert f"/refunds/{refund['id']}" in page.links()
    assert f"Paid back {refund['voucher_no']} Asha Rao" in visitor.open(f"/cash?staff={ravi.user['id']}").words
    page = visitor.open(f"/refunds/{refund['id']}")
    refused = visitor.submit(page, "/reverse", reason="no")
    assert refused.status == 422
    page = visitor.follow(visitor.submit(page, "/reverse", reason="She stays"))
    assert f"Refund {refund['voucher_no']} is taken back." in page.words
    assert ok(living.admin.get(f"/refunds/{refund['id']}"))["reversal_reason"] == "She stays"
    (payment,) = read(living.admin, "/payments")
    assert "Paid back" not in visitor.open(f"/payments/{payment['id']}").words.partition("What it settles")[2]


def test_what_another_paid_back_meanwhile_is_looked_at_first(living: LivingDairy, asha: Any) -> None:
    browsers = [office(living), office(living)]
    typed = {"amount": "40", "reason": "Moved away"}
    looked = [each.submit(each.open(own(asha)), own(asha), do="look", **typed) for each in browsers]
    assert browsers[0].submit(looked[0], own(asha), do="give").status == 303
    again = browsers[1].submit(looked[1], own(asha), do="give")
    assert again.status == 200
    assert "of ₹ 60.00 in advance ₹ 20.00 is left." in again.words
    assert len(read(living.admin, "/refunds")) == 1


def test_too_much_is_told_at_the_amount_and_who_owes_is_paid_nothing(living: LivingDairy, asha: Any) -> None:
    visitor = office(living)
    page = visitor.submit(visitor.open(own(asha)), own(asha), do="look", amount="100.01", reason="Moved away")
    assert page.status == 422
    assert "100.00 is in credit" in page.words
    assert any(each.get("name") == "amount" and each.get("aria-invalid") for each in page.every("input"))
    ravi = living.customer(name="Ravi")
    assert f"/customers/{ravi['id']}/pay-back" not in visitor.open(f"/customers/{ravi['id']}").links()
    assert "There is nothing to pay back" in visitor.open(f"/customers/{ravi['id']}/pay-back").words


def test_a_payment_shows_what_of_it_was_paid_back(living: LivingDairy, asha: Any) -> None:
    body = {"customer_id": asha["id"], "amount": "100.00", "method": "upi", "reason": "Moved away"}
    refund = ok(living.admin.post("/refunds", body), 201)
    (payment,) = read(living.admin, "/payments")
    page = office(living).open(f"/payments/{payment['id']}")
    assert f"/refunds/{refund['id']}" in page.links()
    assert f"Paid back {refund['voucher_no']} ₹ 100.00" in page.words


def test_the_register_is_that_of_the_api(living: LivingDairy, asha: Any) -> None:
    body = {
        "customer_id": asha["id"],
        "amount": "10.00",
        "method": "upi",
        "reason": "Moved away",
        "reference": "778899",
    }
    refund = ok(living.admin.post("/refunds", body), 201)
    visitor: Visitor = office(living)
    month = living.day(0)[:7]
    for query, is_found in (
        ("", True), ("by=upi", True), ("by=cash", False), ("status=reversed", False), (f"period={month}", True),
        ("period=2020-01", False), (f"q={refund['voucher_no'].lower()}", True), ("q=778899", True), ("q=Asha", True),
        ("q=nobody+at+all", False),
    ):  # fmt: skip
        assert bool(shown(visitor.open(f"/refunds?{query}"), "/refunds/")) == is_found, query
    assert "पैसा लौटाएँ" in visitor.open(f"{own(asha)}?lang=hi").words


def test_the_refunds_of_a_month_are_a_file_too(living: LivingDairy, asha: Any) -> None:
    visitor = office(living)
    assert not any("/downloads/refunds.csv" in link for link in visitor.open("/refunds").links())
    assert "/downloads/refunds.csv?period=2026-10" in visitor.open("/refunds?period=2026-10").links()
