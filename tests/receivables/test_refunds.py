"""Credit that is paid back: how much, what it settles no more, who hands over less cash, and the way back."""

from collections.abc import Callable
from typing import Any

from werkzeug.test import TestResponse

from tests.billing.conftest import LivingDairy, living
from tests.dairy import Client, ok, read, refused
from tests.races import at_once
from tests.receivables.conftest import Till
from tests.receivables.test_cash import expected, settle
from tests.receivables.test_races import CUSTOMERS, codes
from tests.receivables.test_six_ways import pay, said

__all__ = ["living"]


def give(till: Till, amount: str, by: Client | None = None, **fields: Any) -> TestResponse:
    """The raw answer to a refund; ``day`` counts from today."""
    body: dict[str, Any] = {"customer_id": till.id, "amount": amount, "method": "cash", "reason": "Moved away"} | fields
    if "day" in body:
        body["paid_on"] = till.dairy.day(body.pop("day"))
    return (by or till.admin).post("/refunds", body)


def given(till: Till, amount: str, **fields: Any) -> Any:
    return ok(give(till, amount, **fields), 201)


def take_back(till: Till, refund: Any, **fields: Any) -> TestResponse:
    return till.admin.post(f"/refunds/{refund['id']}/reverse", {"reason": "The transfer came back"} | fields)


def test_a_credit_is_paid_back_and_that_is_taken_back(till: Till) -> None:
    till.paid("100.00", day=-2)
    made = given(till, "70.00", method="bank_transfer", reference="UTR 99 8", day=-1)
    assert (made["voucher_no"], made["status"], made["reference"]) == ("RF0000001", "paid", "UTR 998")
    assert (made["amount"], made["paid_on"], made["reason"]) == ("70.00", till.dairy.day(-1), "Moved away")
    assert till.ledger()[-1] == ("refund", "70.00", "0.00", "-30.00")
    assert till.ageing()["unapplied_credit"] == "30.00"
    assert till.ageing(-2)["unapplied_credit"] == "100.00"
    undone = ok(take_back(till, made))
    assert (undone["status"], undone["reversed_on"], undone["reversal_reason"]) == (
        "reversed",
        till.dairy.day(0),
        "The transfer came back",
    )
    assert till.ledger()[-1] == ("refund_reversal", "0.00", "70.00", "-100.00")
    refused(take_back(till, made), 409, "illegal_transition")
    assert given(till, "100.00")["voucher_no"] == "RF0000002"
    assert till.balance() == "0.00"
    assert till.ageing() is None


def test_no_more_than_the_credit_of_that_day_and_since(till: Till) -> None:
    refused(give(till, "0.01"), 422, "refund_exceeds_credit")
    till.invoice("40", day=-20)
    till.paid("100.00", day=-10)
    problem = refused(give(till, "60.01"), 422, "refund_exceeds_credit")
    assert problem["errors"][0]["pointer"] == "/amount"
    before = refused(give(till, "60.00", day=-11), 422, "refund_exceeds_credit")
    assert before["errors"][0]["code"] == "exceeds_credit", "told at the amount, not by the commit"
    till.invoice("15", day=-5)
    refused(give(till, "45.01", day=-10), 422, "refund_exceeds_credit")
    given(till, "45.00", day=-10)
    refused(give(till, "0.01"), 422, "refund_exceeds_credit")
    assert till.balance() == "0.00"


def test_a_credit_may_be_of_an_opening_balance(till: Till) -> None:
    opening = {"customer_id": till.id, "as_of": till.dairy.day(-9), "amount": "-80.00"}
    ok(till.admin.post("/opening-balances", opening), 201)
    given(till, "80.00")
    assert (till.balance(), till.open()) == ("0.00", {})


def test_what_makes_no_refund(till: Till) -> None:
    till.paid("100.00", day=-5)
    boy = till.dairy.staff("delivery_boy").user["id"]
    for fields in (
        {"day": 1},
        {"amount": "0.00"},
        {"amount": "-5.00"},
        {"amount": "1.005"},
        {"reason": "no"},
        {"method": "crypto"},
        {"method": "upi", "paid_by": boy},
        {"paid_by": till.customer["user_id"]},
        {"customer_id": None},
    ):
        refused(give(till, **({"amount": "10.00"} | fields)), 422, "validation_failed")
    refused(give(till, "10.00", customer_id=boy), 404, "customer_not_found")
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-2)}))
    refused(give(till, "10.00", day=-2), 409, "period_closed")
    made = given(till, "10.00", day=-1)
    refused(take_back(till, made, reversed_on=till.dairy.day(-2)), 422, "validation_failed")
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-1)}))
    refused(take_back(till, made, reversed_on=till.dairy.day(-1)), 409, "period_closed")
    assert till.sql("SELECT count(*) FROM refunds") == [(1,)]


def test_a_reference_pays_a_customer_back_once(till: Till) -> None:
    till.paid("100.00")
    made = given(till, "10.00", method="upi", reference="UTR 7")
    refused(give(till, "10.00", method="card", reference="utr-7"), 409, "already_exists")
    other = till.dairy.customer()["id"]
    till.paid("50.00", customer_id=other)
    given(till, "10.00", method="upi", reference="UTR 7", customer_id=other)
    ok(take_back(till, made))
    given(till, "10.00", method="upi", reference="UTR 7")


def test_a_repeat_of_the_same_request_is_the_same_refund(till: Till) -> None:
    till.paid("100.00")
    body = {"customer_id": till.id, "amount": "10.00", "method": "cash", "reason": "Moved away"}
    keyed = {"headers": {"Idempotency-Key": "back-1"}}
    first, second = (ok(till.admin.post("/refunds", body, **keyed), 201) for _ in range(2))
    assert first == second
    refused(till.admin.post("/refunds", body | {"amount": "11.00"}, **keyed), 422, "idempotency_key_reused")
    assert till.balance() == "-90.00"


def test_who_may_and_who_sees_which(till: Till) -> None:
    clerk, stranger = till.dairy.staff("accountant"), till.dairy.customer_login()[1]
    till.paid("100.00")
    made = given(till, "10.00", by=clerk)
    for role in ("delivery_boy", "marketing_staff"):
        refused(give(till, "10.00", by=till.dairy.staff(role)), 403, "forbidden")
    refused(give(till, "10.00", by=till.login), 403, "forbidden")
    path = f"/refunds/{made['id']}"
    assert ok(clerk.get(path))["recorded_by"] == clerk.user["id"]
    own = ok(till.login.get(path))
    assert (own["amount"], "recorded_by" in own, "paid_by" in own) == ("10.00", False, False)
    (listed,) = read(till.login, "/refunds")
    assert listed == own
    refused(stranger.get(path), 404, "refund_not_found")
    assert read(stranger, "/refunds") == []
    refused(till.login.post(f"{path}/reverse", {"reason": "mine"}), 403, "forbidden")


def test_lists_are_filtered(till: Till) -> None:
    boy, other = till.dairy.staff("delivery_boy").user["id"], till.dairy.customer()["id"]
    till.paid("100.00", day=-9)
    till.paid("100.00", day=-9, customer_id=other)
    upi = given(till, "1.00", method="upi", reference="UTR 5", day=-3)
    cash = given(till, "2.00", paid_by=boy, customer_id=other)
    back = given(till, "3.00", day=-1)
    ok(take_back(till, back))

    def found(**query: str) -> list[str]:
        return [each["id"] for each in read(till.admin, "/refunds", **query)]

    assert found() == [cash["id"], back["id"], upi["id"]]
    assert found(sort="amount") == [upi["id"], cash["id"], back["id"]]
    assert found(method="upi") == [upi["id"]]
    assert found(status="reversed") == [back["id"]]
    assert found(paid_by=boy) == [cash["id"]]
    assert found(voucher_no="RF0000003") == [back["id"]]
    assert found(reference="ref no. 5") == [upi["id"]]
    assert found(**{"paid_on[gte]": till.dairy.day(-1)}) == [cash["id"], back["id"]]
    assert found(**{"paid_on[lte]": till.dairy.day(-1), "customer_id": till.id}) == [back["id"], upi["id"]]


def test_what_was_paid_back_settles_no_invoice(till: Till) -> None:
    """Neither a later one nor one that is dated before the refund; what was settled stays settled."""
    paid = till.invoice("60", day=-30)
    first, second = till.paid("60.00", day=-25), till.paid("40.00", day=-15)
    refund = given(till, "40.00", day=-5)
    (settles,) = ok(till.admin.get(f"/payments/{first['id']}"))["applications"]
    assert (settles["document_id"], settles["amount"]) == (paid, "60.00")
    (returned,) = ok(till.admin.get(f"/payments/{second['id']}"))["applications"]
    assert (returned["kind"], returned["document"], returned["amount"]) == ("refund", refund["voucher_no"], "40.00")
    assert ok(till.admin.get(f"/payments/{second['id']}"))["unapplied"] == "0.00"
    before, after = till.invoice("25", day=-10), till.invoice("10", day=0)
    assert till.open() == {before: "25.00", after: "10.00"}
    chosen = {"allocations": [{"invoice_id": before, "amount": "0.01"}]}
    refused(till.admin.post(f"/payments/{second['id']}/allocations", chosen), 422, "allocation_exceeds_balance")
    till.paid("30.00")
    assert till.open() == {after: "5.00"}
    ok(take_back(till, refund))
    assert till.open() == {"credit": "-35.00"}


def test_a_payment_that_was_paid_back_and_is_taken_back_is_owed(till: Till) -> None:
    """The cheque bounced, the money is out: the customer owes it, from the day on which it was paid."""
    cheque = till.paid("100.00", method="cheque", day=-50)
    refund = given(till, "80.00", day=-45)
    ok(till.reverse(cheque, reversed_on=till.dairy.day(-2)))
    assert till.balance() == "80.00"
    assert till.open() == {refund["id"]: "80.00"}
    assert till.open(-3) == {"credit": "-20.00"}
    aged = till.ageing()
    assert (aged["days_31_60"], aged["unapplied_credit"], aged["net"]) == ("80.00", "0.00", "80.00")
    assert ok(till.admin.get(f"/customers/{till.id}/balance"))["overdue"] == "80.00"
    late = till.invoice("10", day=0)
    settled = till.paid("85.00")
    assert till.open() == {late: "5.00"}
    applied = ok(till.admin.get(f"/payments/{settled['id']}"))["applications"]
    assert [(each["kind"], each["amount"]) for each in applied] == [("refund", "80.00"), ("invoice", "5.00")]
    ok(take_back(till, refund))
    assert till.open() == {"credit": "-75.00"}


def test_cash_that_a_helper_pays_back_is_not_handed_over(till: Till) -> None:
    boy = till.dairy.staff("delivery_boy", name="Ravi")
    till.paid("100.00", collected_by=boy.user["id"], day=-1)
    early = given(till, "30.00", paid_by=boy.user["id"])
    given(till, "5.00")
    assert expected(till.admin) == [("70.00", 1)]
    assert expected(till.admin, date=till.dairy.day(-1)) == [("100.00", 1)]
    (mine,) = ok(boy.get("/cash-settlements/expected"))["items"]
    assert [(each["voucher_no"], each["amount"]) for each in mine["refunds"]] == [(early["voucher_no"], "30.00")]
    assert [each["amount"] for each in mine["payments"]] == ["100.00"]
    made = ok(settle(till, boy, "70.00"), 201)
    assert (made["expected"], made["variance"]) == ("70.00", "0.00")
    assert ok(till.admin.get(f"/refunds/{early['id']}"))["cash_settlement_id"] == made["id"]
    assert expected(till.admin) == []
    refused(take_back(till, early), 409, "in_use")
    till.paid("30.00", collected_by=boy.user["id"])  # as the refusal says: he did not pay it back after all
    assert expected(till.admin) == [("30.00", 1)]


def test_more_paid_back_than_collected_waits_for_the_next_cash(till: Till) -> None:
    boy = till.dairy.staff("delivery_boy", name="Ravi")
    till.paid("100.00")
    given(till, "30.00", paid_by=boy.user["id"])
    assert expected(till.admin) == [("-30.00", 0)]
    refused(settle(till, boy, "0.00"), 409, "in_use")
    till.paid("30.00", collected_by=boy.user["id"])
    assert ok(settle(till, boy, "0.00"), 201)["expected"] == "0.00"
    assert expected(till.admin) == []


def test_everywhere_the_same_balance_and_the_bill_says_it(living: LivingDairy) -> None:
    milk, customer = living.product("60.00"), living.customer()["id"]
    pay(living, customer, "500.00")
    living.delivered({"id": customer}, (milk, "2"), on="2026-10-20")
    living.go_to("2026-11-03")
    body = {"customer_id": customer, "amount": "500.00", "method": "upi", "reason": "Changed the mind"}
    made = ok(living.admin.post("/refunds", body), 201)
    assert said(living, customer) == {"0.00"}
    living.bill("2026-10")
    (paper,) = living.invoices()
    shown = [paper[name] for name in ("total", "amount_paid", "balance_due", "payment_status")]
    assert shown == ["120.00", "0.00", "120.00", "unpaid"]
    assert living.invoice(paper["id"])["previous_balance"] == "0.00"
    assert said(living, customer) == {"120.00"}
    (month,) = ok(living.admin.get("/billing/monthly-view", period="2026-11"))["items"]
    sums = [month[name] for name in ("previous_balance", "paid", "other_entries", "current_balance")]
    assert sums == ["-380.00", "0.00", "500.00", "120.00"]
    ok(living.admin.post(f"/refunds/{made['id']}/reverse", {"reason": "Changed it again"}))
    assert said(living, customer) == {"-380.00"}
    assert living.invoice(paper["id"])["balance_due"] == "0.00"


# ------------------------------------------------------------------------------------------------ two at once


def test_two_refunds_of_one_credit(till: Till, database_url: str) -> None:
    till.paid("100.00")
    answers = at_once(database_url, CUSTOMERS, *[lambda: give(till, "60.00")] * 2)
    assert codes(answers) == [(201, None), (422, "refund_exceeds_credit")]
    assert till.balance() == "-40.00"


def test_a_refund_against_an_allocation_of_the_same_money(till: Till, database_url: str) -> None:
    """Of a payment that settles nothing by itself: the older ones have paid the bill."""
    invoice = till.invoice("100", day=-9)
    till.paid("100.00", day=-8)
    made = till.paid("60.00", day=-7)
    choice = {"allocations": [{"invoice_id": invoice, "amount": "60.00"}]}
    answers = at_once(
        database_url,
        CUSTOMERS,
        lambda: give(till, "60.00"),
        lambda: till.admin.post(f"/payments/{made['id']}/allocations", choice),
    )
    # Nothing is open on the bill for another payment; whoever is first, the refund finds the credit.
    assert codes(answers) == [(201, None), (422, "allocation_exceeds_balance")]
    assert (till.balance(), till.open()) == ("0.00", {})


def test_a_refund_against_the_reversal_of_its_payment(till: Till, database_url: str) -> None:
    made = till.paid("60.00")
    answers = at_once(database_url, CUSTOMERS, lambda: give(till, "60.00"), lambda: till.reverse(made))
    assert codes(answers) in [[(200, None), (201, None)], [(200, None), (422, "refund_exceeds_credit")]]
    assert till.balance() == ("60.00" if answers[0].status_code == 201 else "0.00")


def test_a_refund_against_the_run_that_bills_its_credit(living: LivingDairy, database_url: str) -> None:
    milk, customer = living.product("60.00"), living.customer()["id"]
    pay(living, customer, "500.00")
    living.delivered({"id": customer}, (milk, "2"), on="2026-10-20")
    living.go_to("2026-11-03")
    body = {"customer_id": customer, "amount": "500.00", "method": "upi", "reason": "Changed the mind"}
    refund, run = at_once(
        database_url,
        CUSTOMERS,
        lambda: living.admin.post("/refunds", body),
        lambda: living.admin.post("/billing/runs", {"period": "2026-10"}),
    )
    assert ok(run, 201)["invoices_issued"] == 1
    (paper,) = living.invoices()
    if refund.status_code == 201:
        assert (paper["balance_due"], living.invoice(paper["id"])["previous_balance"]) == ("120.00", "0.00")
        assert said(living, customer) == {"120.00"}
    else:
        refused(refund, 422, "refund_exceeds_credit")
        assert (paper["balance_due"], living.invoice(paper["id"])["previous_balance"]) == ("0.00", "-500.00")
        assert said(living, customer) == {"-380.00"}


def test_two_reversals_of_one_refund(till: Till, database_url: str) -> None:
    till.paid("60.00")
    made = given(till, "60.00")
    answers = at_once(database_url, CUSTOMERS, *[lambda: take_back(till, made)] * 2)
    assert codes(answers) == [(200, None), (409, "illegal_transition")]
    assert till.balance() == "-60.00"


def test_a_settlement_against_the_reversal_of_a_refund(till: Till, database_url: str) -> None:
    boy = till.dairy.staff("delivery_boy")
    till.paid("100.00", collected_by=boy.user["id"])
    made = given(till, "30.00", paid_by=boy.user["id"])
    answers = at_once(
        database_url,
        "LOCK TABLE refunds IN EXCLUSIVE MODE",
        lambda: settle(till, boy, "100.00"),
        lambda: take_back(till, made),
    )
    taken_back = answers[1].status_code == 200
    assert ok(answers[0], 201)["expected"] == ("100.00" if taken_back else "70.00")
    if not taken_back:
        refused(answers[1], 409, "in_use")


def test_the_audit_log_tells_who_paid_back(till: Till, sql: Callable[..., Any]) -> None:
    till.paid("60.00")
    made = given(till, "60.00")
    ok(take_back(till, made))
    found = [each for each in read(till.admin, "/audit-log", customer_id=till.id) if each["table_name"] == "refunds"]
    assert [(each["action"], each["row_id"]) for each in found] == [("UPDATE", made["id"]), ("INSERT", made["id"])]
    assert sql("SELECT count(*) FROM audit_log WHERE table_name = 'refunds'") == [(2,)]
