"""Two at the same money, over two real connections: the second one sees what the first one left."""

from typing import Any

from werkzeug.test import TestResponse

from tests.dairy import ok
from tests.races import at_once
from tests.receivables.conftest import Till

CUSTOMERS = "LOCK TABLE customers IN EXCLUSIVE MODE"


def codes(answers: list[TestResponse]) -> list[tuple[int, Any]]:
    return sorted((each.status_code, (each.get_json() or {}).get("code")) for each in answers)


def test_two_payments_that_choose_the_same_invoice(till: Till, database_url: str) -> None:
    invoice = till.invoice("100")
    answers = at_once(database_url, CUSTOMERS, *[lambda: till.pay("60.00", (invoice, "60.00"))] * 2)
    assert codes(answers) == [(201, None), (422, "allocation_exceeds_balance")]
    assert till.open() == {invoice: "40.00"}


def test_the_same_reference_twice_at_once(till: Till, database_url: str) -> None:
    """Of two customers, so that no customer's lock puts them in order."""
    other = till.dairy.customer()["id"]
    answers = at_once(
        database_url,
        "LOCK TABLE payments IN EXCLUSIVE MODE",
        lambda: till.pay("60.00", method="upi", reference="UTR 7"),
        lambda: till.pay("60.00", method="upi", reference="utr7", customer_id=other),
    )
    assert codes(answers) == [(201, None), (409, "already_exists")]
    assert till.sql("SELECT count(*) FROM payments") == [(1,)]


def test_a_reversal_against_an_allocation(till: Till, database_url: str) -> None:
    invoice = till.invoice("100")
    made = till.paid("60.00")
    choice = {"allocations": [{"invoice_id": invoice, "amount": "60.00"}]}
    answers = at_once(
        database_url,
        CUSTOMERS,
        lambda: till.reverse(made),
        lambda: till.admin.post(f"/payments/{made['id']}/allocations", choice),
    )
    # Whoever is first: the allocation is refused, or released again by the reversal.
    assert codes(answers)[0] == (200, None)
    assert codes(answers)[1] in {(201, None), (409, "illegal_transition")}
    assert till.open() == {invoice: "100.00"}
    assert till.sql("SELECT count(*) FROM payment_allocations WHERE released_on IS NULL") == [(0,)]


def test_two_reversals_of_one_payment(till: Till, database_url: str) -> None:
    made = till.paid("60.00")
    answers = at_once(database_url, CUSTOMERS, *[lambda: till.reverse(made)] * 2)
    assert codes(answers) == [(200, None), (409, "illegal_transition")]
    assert till.balance() == "0.00"


def test_two_settlements_of_the_same_cash(till: Till, database_url: str) -> None:
    boy = till.dairy.staff("delivery_boy").user["id"]
    till.paid("60.00", collected_by=boy)
    body = {"staff_id": boy, "handed_over": "60.00"}
    answers = at_once(
        database_url,
        "LOCK TABLE payments IN EXCLUSIVE MODE",
        *[lambda: till.admin.post("/cash-settlements", body)] * 2,
    )
    assert codes(answers) == [(201, None), (409, "already_exists")]
    assert till.sql("SELECT expected::text, variance::text FROM cash_settlements") == [("60.00", "0.00")]


def test_a_settlement_against_a_reversal(till: Till, database_url: str) -> None:
    boy = till.dairy.staff("delivery_boy").user["id"]
    kept, made = till.paid("40.00", collected_by=boy), till.paid("60.00", collected_by=boy)
    answers = at_once(
        database_url,
        "LOCK TABLE payments IN EXCLUSIVE MODE",
        lambda: till.admin.post("/cash-settlements", {"staff_id": boy, "handed_over": "100.00"}),
        lambda: till.reverse(made),
    )
    assert [each.status_code for each in answers] == [201, 200]
    ((expected, payments),) = till.sql(
        "SELECT expected::text, (SELECT count(*) FROM payments WHERE cash_settlement_id = s.id) FROM cash_settlements s"
    )
    assert (expected, payments) in {("100.00", 2), ("40.00", 1)}
    assert ok(till.admin.get(f"/payments/{kept['id']}"))["cash_settlement_id"] is not None


def test_two_write_offs_of_the_same_debt(till: Till, database_url: str) -> None:
    till.invoice("100")
    body = {"customer_id": till.id, "amount": "100.00", "reason": "moved away"}
    answers = at_once(database_url, CUSTOMERS, *[lambda: till.admin.post("/write-offs", body)] * 2)
    assert codes(answers) == [(201, None), (422, "allocation_exceeds_balance")]
    assert till.balance() == "0.00"


def test_two_opening_balances_of_one_customer(till: Till, database_url: str) -> None:
    body = {"customer_id": till.id, "amount": "100.00", "as_of": till.dairy.day(-1)}
    answers = at_once(database_url, CUSTOMERS, *[lambda: till.admin.post("/opening-balances", body)] * 2)
    assert codes(answers) == [(201, None), (409, "already_exists")]
