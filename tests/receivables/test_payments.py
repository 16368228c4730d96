"""Payments: what they settle, what is refused, who may record and see them, and taking them back."""

from typing import Any

import pytest

from tests.dairy import ok, refused
from tests.receivables.conftest import Till
from tests.statements import BY_INDEX, count_statements


def test_money_settles_what_is_oldest_and_the_rest_is_credit_for_the_next_invoice(till: Till) -> None:
    first, second = till.invoice("100", -40), till.invoice("100", -10)
    part = till.paid("130.00")
    assert [(a["document_id"], a["amount"], a["is_chosen"]) for a in part["applications"]] == [
        (first, "100.00", False),
        (second, "30.00", False),
    ]
    assert till.open() == {second: "70.00"}
    advance = till.paid("100.00")
    assert (advance["unapplied"], till.open()) == ("30.00", {"credit": "-30.00"})
    third = till.invoice("50", 0)
    assert till.open() == {third: "20.00"}
    assert till.balance() == "20.00"
    again = ok(till.admin.get(f"/payments/{advance['id']}"))
    assert [(a["document_id"], a["amount"]) for a in again["applications"]] == [(second, "70.00"), (third, "30.00")]
    assert again["unapplied"] == "0.00"


def test_what_is_chosen_is_settled_first(till: Till) -> None:
    old, new = till.invoice("100", -40), till.invoice("100", -10)
    made = till.paid("150.00", (new, "80.00"))
    assert [(a["invoice_id"], a["amount"]) for a in made["allocations"]] == [(new, "80.00")]
    assert till.open() == {old: "30.00", new: "20.00"}
    assert till.sql("SELECT allocated_on FROM payment_allocations") == [(till.dairy.today(),)]


def test_allocations_of_a_payment_are_found_by_its_id(till: Till) -> None:
    """They were looked for among all allocations, whenever a payment was recorded, allocated, reversed or shown."""
    index = "ix_payment_allocations_payment"
    made = till.paid("150.00", (till.invoice("100"), "80.00"))
    with count_statements(till.dairy.app.database) as sent:
        ok(till.admin.get(f"/payments/{made['id']}"))
    plan = sent.plan(till.dairy.app.database, "FROM payment_allocations a JOIN invoices", off=BY_INDEX, among=[index])
    assert index in plan, plan


def test_choosing_later_and_taking_the_choice_back(till: Till) -> None:
    old, new = till.invoice("100", -40), till.invoice("100", -10)
    made = till.paid("100.00")
    path = f"/payments/{made['id']}/allocations"
    chosen = ok(till.admin.post(path, {"allocations": [{"invoice_id": new, "amount": "100.00"}]}), 201)
    assert till.open() == {old: "100.00"}
    refused(till.admin.post(path, {"allocations": [{"invoice_id": old, "amount": "0.01"}]}), 422, "allocation_exceeds_balance")  # fmt: skip # noqa: E501
    (allocation,) = chosen["allocations"]
    for _ in range(2):
        assert till.admin.delete(f"{path}/{allocation['id']}").status_code == 204
    assert till.open() == {new: "100.00"}
    assert ok(till.admin.get(f"/payments/{made['id']}"))["allocations"][0]["released_on"] == till.dairy.day(0)
    refused(till.admin.delete(f"{path}/{made['id']}"), 404, "payment_not_found")
    # What it settles anyway may be pinned there.
    ok(till.admin.post(path, {"allocations": [{"invoice_id": old, "amount": "60.00"}]}), 201)
    assert till.open() == {new: "100.00"}
    answer = till.admin.post(path, {"allocations": [{"invoice_id": old, "amount": "40.00"}]})
    refused(answer, 409, "already_exists")


def test_a_reversed_payment_gives_back_what_it_settled_and_stays_in_the_ledger(till: Till) -> None:
    invoice = till.invoice("100", -40)
    made = till.paid("100.00", (invoice, "60.00"), day=-5, method="cheque", reference="000123")
    assert till.open() == {}
    undone = ok(till.reverse(made, reversed_on=till.dairy.day(-2)))
    assert (undone["status"], undone["reversal_reason"], undone["unapplied"]) == (
        "reversed",
        "The cheque bounced",
        "0.00",
    )
    assert till.open() == {invoice: "100.00"}
    assert till.open(-3) == {}, "as of a day before it bounced"
    assert till.ledger() == [
        ("invoice", "100.00", "0.00", "100.00"),
        ("payment", "0.00", "100.00", "0.00"),
        ("reversal", "100.00", "0.00", "100.00"),
    ]
    refused(till.reverse(made), 409, "illegal_transition")
    choice = {"allocations": [{"invoice_id": invoice, "amount": "1.00"}]}
    refused(till.admin.post(f"/payments/{made['id']}/allocations", choice), 409, "illegal_transition")


def test_a_reversal_has_a_day_that_makes_sense(till: Till) -> None:
    made = till.paid("100.00", day=-5)
    early = refused(till.reverse(made, reversed_on=till.dairy.day(-6)), 422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in early["errors"]] == [("/reversed_on", "too_early")]
    refused(till.reverse(made, reversed_on=till.dairy.day(1)), 422, "validation_failed")
    refused(till.reverse(made, reason="x"), 422, "validation_failed")
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-3)}))
    refused(till.reverse(made, reversed_on=till.dairy.day(-3)), 409, "period_closed")
    ok(till.reverse(made, reversed_on=till.dairy.day(-2)))


NONSENSE: list[tuple[dict[str, Any], int, str]] = [
    ({"amount": "0"}, 422, "validation_failed"),
    ({"amount": "0.00"}, 422, "validation_failed"),
    ({"amount": "-5.00"}, 422, "validation_failed"),
    ({"amount": "1e12"}, 422, "validation_failed"),
    ({"amount": 1e12}, 422, "validation_failed"),
    ({"amount": "1000000000000"}, 422, "validation_failed"),
    ({"amount": "10.001"}, 422, "validation_failed"),
    ({"amount": "NaN"}, 422, "validation_failed"),
    ({"method": "crypto"}, 422, "validation_failed"),
    ({"received_on": "banana"}, 422, "validation_failed"),
    ({"period": "banana"}, 422, "validation_failed"),
    ({"day": 1}, 422, "validation_failed"),
    ({"day": -30}, 409, "period_closed"),
    ({"reference": ""}, 422, "validation_failed"),
    ({"customer_id": "00000000-0000-7000-8000-000000000000"}, 404, "customer_not_found"),
    ({"collected_by": "00000000-0000-7000-8000-000000000000"}, 422, "validation_failed"),
    ({"method": "upi", "reference": "utr 1"}, 409, "already_exists"),
    ({"method": "bank_transfer", "reference": "UTR1"}, 409, "already_exists"),
]


@pytest.mark.parametrize(("fields", "status", "code"), NONSENSE)
def test_nonsense_is_refused_and_nothing_written(till: Till, fields: dict[str, Any], status: int, code: str) -> None:
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-30)}))
    till.paid("1.00", method="upi", reference="UTR 1", day=-29)
    before = till.rows()
    refused(till.pay(**{"amount": "1.00"} | fields), status, code)
    assert till.rows() == before


def test_what_may_not_be_settled(till: Till) -> None:
    invoice, other = till.invoice("100"), till.dairy.customer()
    foreign = till.invoice("100", customer=other["id"])
    before = till.rows()
    for chosen, status, code in (
        ([(invoice, "100.01")], 422, "allocation_exceeds_balance"),
        ([(invoice, "100.00"), (foreign, "100.00")], 404, "invoice_not_found"),
        ([(invoice, "50.00"), (invoice, "50.00")], 422, "validation_failed"),
        ([(invoice, "0")], 422, "validation_failed"),
        ([(till.dairy.customer()["id"], "1.00")], 404, "invoice_not_found"),
    ):
        refused(till.pay("200.00", *chosen), status, code)
    refused(till.pay("50.00", (invoice, "50.01")), 422, "allocation_exceeds_balance")
    draft = till.sql(
        "INSERT INTO invoices (customer_id, period_start, period_end) VALUES (%s, '2020-01-01', '2020-01-31')"
        " RETURNING id::text", till.id
    )[0][0]  # fmt: skip
    refused(till.pay("50.00", (draft, "50.00")), 409, "illegal_transition")
    assert till.rows() == before
    till.paid("70.00")
    refused(till.pay("50.00", (invoice, "30.01")), 422, "allocation_exceeds_balance")
    till.paid("50.00", (invoice, "30.00"))


def test_a_reference_is_free_again_once_its_payment_is_reversed(till: Till) -> None:
    made = till.paid("100.00", method="upi", reference="AXIS 4242 42")
    assert made["reference"] == "AXIS424242"
    problem = refused(till.pay("100.00", method="card", reference="axis424242"), 409, "already_exists")
    assert problem["detail"] == f"Receipt {made['receipt_no']} already has this reference."
    till.paid("100.00", method="cheque", reference="AXIS424242")
    ok(till.reverse(made))
    till.paid("100.00", method="upi", reference="axis424242")


def test_a_repeat_of_the_same_request_is_the_same_payment(till: Till) -> None:
    body = {"customer_id": till.id, "amount": "10.00", "method": "cash"}
    keyed = {"headers": {"Idempotency-Key": "till-1"}}
    first, second = (ok(till.admin.post("/payments", body, **keyed), 201) for _ in range(2))
    assert first == second
    refused(till.admin.post("/payments", body | {"amount": "11.00"}, **keyed), 422, "idempotency_key_reused")
    assert till.balance() == "-10.00"


def test_delivery_staff_record_cash_of_their_own_round_taken_today(till: Till) -> None:
    boy = till.dairy.staff("delivery_boy")
    mine = till.dairy.customer(delivery_boy_id=boy.user["id"])["id"]
    made = till.paid("60.00", by=boy, customer_id=mine)
    assert (made["received_on"], "applications" in made) == (till.dairy.day(0), False)
    assert till.sql("SELECT collected_by::text, recorded_by::text FROM payments") == [(boy.user["id"],) * 2]
    before = till.rows()
    refused(till.pay("60.00", by=boy), 404, "customer_not_found")
    for fields in (
        {"method": "upi"},
        {"day": -1},
        {"collected_by": till.admin.user["id"]},
        {"allocations": [{"invoice_id": mine, "amount": "1.00"}]},
    ):
        refused(till.pay("60.00", by=boy, customer_id=mine, **fields), 403, "forbidden")
    assert till.rows() == before
    till.paid("60.00", by=boy, customer_id=mine, day=0, collected_by=boy.user["id"])


def test_only_cash_is_collected_and_only_by_staff(till: Till) -> None:
    boy = till.dairy.staff("delivery_boy").user["id"]
    refused(till.pay("1.00", method="upi", collected_by=boy), 422, "validation_failed")
    refused(till.pay("1.00", collected_by=till.customer["user_id"]), 422, "validation_failed")
    assert till.paid("1.00", collected_by=boy)["collected_by"] == boy


def test_who_sees_which_payments(till: Till) -> None:
    made = till.paid("60.00", notes="rude again")
    other = till.paid("70.00", customer_id=till.dairy.customer()["id"])
    clerk = till.dairy.staff("accountant")
    assert [each["amount"] for each in ok(clerk.get("/payments"))["items"]] == ["70.00", "60.00"]
    (own,) = ok(till.login.get("/payments"))["items"]
    assert (own["id"], "notes" in own, "recorded_by" in own) == (made["id"], False, False)
    seen = ok(till.login.get(f"/payments/{made['id']}"))
    assert (seen["unapplied"], "notes" in seen) == ("60.00", False)
    refused(till.login.get(f"/payments/{other['id']}"), 404, "payment_not_found")
    refused(till.login.get("/payments", customer_id=other["customer_id"], period="banana"), 422, "validation_failed")
    assert ok(till.login.get("/payments", customer_id=other["customer_id"]))["items"] == []


def test_lists_are_filtered(till: Till) -> None:
    boy = till.dairy.staff("delivery_boy").user["id"]
    upi = till.paid("1.00", method="upi", day=-3)["id"]
    cash = till.paid("2.00", collected_by=boy)["id"]
    back = till.paid("3.00", day=-1)
    ok(till.reverse(back))

    def found(**query: str) -> list[str]:
        return [each["id"] for each in ok(till.admin.get("/payments", **query))["items"]]

    assert found() == [cash, back["id"], upi]
    assert found(method="upi") == [upi]
    assert found(status="reversed") == [back["id"]]
    assert found(collected_by=boy) == [cash]
    assert found(**{"received_on[gte]": till.dairy.day(-1)}) == [cash, back["id"]]
    assert found(**{"received_on[lte]": till.dairy.day(-1), "customer_id": till.id}) == [back["id"], upi]
    page = ok(till.admin.get("/payments", limit=2))
    assert [each["id"] for each in ok(till.admin.get("/payments", cursor=page["next_cursor"]))["items"]] == [upi]


@pytest.mark.parametrize("path", ["/payments", "/write-offs", "/opening-balances", "/cash-settlements", "/refunds", "/reports/ageing"])  # fmt: skip # noqa: E501
def test_a_list_costs_as_many_statements_for_2n_rows_as_for_n(till: Till, path: str) -> None:
    counts = []
    for _ in range(2):
        for _ in range(2):
            boy, customer = till.dairy.staff("delivery_boy").user["id"], till.dairy.customer()
            till.paid("5.00", collected_by=boy, customer_id=customer["id"])
            ok(till.admin.post("/cash-settlements", {"staff_id": boy, "handed_over": "5.00"}), 201)
            refund = {"customer_id": customer["id"], "amount": "5.00", "method": "cash", "reason": "too much"}
            ok(till.admin.post("/refunds", refund), 201)
            opening = {"customer_id": customer["id"], "as_of": till.dairy.day(-1), "amount": "9.00"}
            ok(till.admin.post("/opening-balances", opening), 201)
            ok(till.admin.post("/write-offs", {"customer_id": customer["id"], "amount": "1.00", "reason": "old"}), 201)
        with count_statements(till.dairy.app.database) as sent:
            rows = ok(till.admin.get(path))["items"]
        counts.append((len(rows), len(sent)))
    assert [rows for rows, _ in counts] == [2, 4]
    assert counts[0][1] == counts[1][1] <= 6


def test_what_was_chosen_stays_so_in_closed_books(till: Till) -> None:
    """Ageing of a closed day must come out the same for ever."""
    first, second = till.invoice("100", day=-30), till.invoice("100", day=-20)
    chosen = till.paid("60.00", (second, "60.00"))
    (choice,), free = chosen["allocations"], till.paid("20.00")["id"]
    other = {"allocations": [{"invoice_id": first, "amount": "10.00"}]}
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(0)}))
    aged = till.ageing()
    refused(till.admin.post(f"/payments/{free}/allocations", other), 409, "period_closed")
    released = f"/payments/{chosen['id']}/allocations/{choice['id']}"
    refused(till.admin.delete(released), 409, "period_closed")
    assert till.ageing() == aged
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-1)}))
    ok(till.admin.delete(released))
    ok(till.admin.delete(released))
    ok(till.admin.post(f"/payments/{chosen['id']}/allocations", other), 201)


def test_a_slip_does_not_bring_the_balance_beyond_what_a_bill_can_say(till: Till) -> None:
    """The next bill states it as its previous balance; it could not be issued, nor those issued with it."""
    till.paid("9999999999.99")
    refused(till.pay("1.00"), 422, "validation_failed")
    assert till.balance() == "-9999999999.99"
    till.invoice("5")
    till.paid("5.00")
