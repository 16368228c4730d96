"""Opening balances, one by one and by file; and what is written off."""

import io
from typing import Any

import pytest

from tests.dairy import ok, refused
from tests.receivables.conftest import Till
from tests.statements import count_statements


def send(till: Till, text: str | bytes, dry_run: bool = False) -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    query = {"dry_run": "true"} if dry_run else {}
    return till.admin.call("POST", "/opening-balances", data=data, content_type="text/csv", query_string=query)


def file(*rows: str) -> str:
    return "\r\n".join(["customer_code,as_of,amount", *rows]) + "\r\n"


def faults(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["pointer"], each["code"]) for each in problem["errors"]]


def test_what_was_owed_before_is_owed_and_paid_first(till: Till) -> None:
    body = {"customer_id": till.id, "as_of": till.dairy.day(-90), "amount": "150.00"}
    made = ok(till.admin.post("/opening-balances", body), 201)
    assert (made["created"], made["debit"], made["items"][0]["customer_code"]) == (1, "150.00", till.customer["code"])
    invoice = till.invoice("100")
    till.paid("200.00")
    assert till.open() == {invoice: "50.00"}
    assert [entry[:2] for entry in till.ledger()] == [("opening", "150.00"), ("invoice", "100.00"), ("payment", "0.00")]
    refused(till.admin.post("/opening-balances", body | {"amount": "1.00"}), 409, "already_exists")
    (listed,) = ok(till.admin.get("/opening-balances", customer_id=till.id))["items"]
    assert (listed["amount"], listed["as_of"]) == ("150.00", till.dairy.day(-90))


def test_what_was_paid_in_advance_pays_the_first_invoice(till: Till) -> None:
    code = till.customer["code"]
    body = {"customer_code": code, "as_of": till.dairy.day(-90), "amount": "-150.00"}
    assert ok(till.admin.post("/opening-balances", body), 201)["credit"] == "150.00"
    assert till.balance() == "-150.00"
    till.invoice("100")
    assert till.open() == {"credit": "-50.00"}


def test_a_wrong_one_is_taken_back_and_entered_anew_until_the_books_are_closed(till: Till) -> None:
    body = {"customer_id": till.id, "as_of": till.dairy.day(-90), "amount": "1500.00"}
    ok(till.admin.post("/opening-balances", body), 201)
    (wrong,) = ok(till.admin.get("/opening-balances", customer_id=till.id))["items"]
    ok(till.admin.delete(f"/opening-balances/{wrong['id']}"), 204)
    assert till.balance() == "0.00"
    refused(till.admin.delete(f"/opening-balances/{wrong['id']}"), 404, "opening_balance_not_found")
    ok(till.admin.post("/opening-balances", body | {"amount": "150.00"}), 201)
    assert till.balance() == "150.00"
    (right,) = ok(till.admin.get("/opening-balances", customer_id=till.id))["items"]
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-90)}))
    refused(till.admin.delete(f"/opening-balances/{right['id']}"), 409, "period_closed")
    assert till.balance() == "150.00"


def test_nonsense_is_refused_and_nothing_written(till: Till) -> None:
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-60)}))
    good = {"customer_id": till.id, "as_of": till.dairy.day(-59), "amount": "1.00"}
    before = till.rows()
    for changes, status, code in (
        ({"as_of": till.dairy.day(1)}, 422, "validation_failed"),
        ({"as_of": till.dairy.day(-60)}, 409, "period_closed"),
        ({"amount": "1e12"}, 422, "validation_failed"),
        ({"amount": None}, 422, "validation_failed"),
        ({"customer_code": "C000001"}, 422, "validation_failed"),
        ({"csv": "x"}, 422, "validation_failed"),
        ({"customer_id": "00000000-0000-7000-8000-000000000000"}, 404, "customer_not_found"),
        ({"customer_id": None}, 422, "validation_failed"),
    ):
        body = {name: value for name, value in (good | changes).items() if value is not None}
        refused(till.admin.post("/opening-balances", body), status, code)
    unknown = {"customer_code": "nobody", "as_of": good["as_of"], "amount": "1.00"}
    refused(till.admin.post("/opening-balances", unknown), 404, "customer_not_found")
    assert till.rows() == before
    ok(till.admin.post("/opening-balances", good), 201)


def test_a_file_is_looked_at_first_and_then_entered(till: Till) -> None:
    other, day = till.dairy.customer(), till.dairy.day(-30)
    text = "\ufeff" + file(f'{till.customer["code"]},{day},"\'-50.00"', "", f"'{other['code']},{day},1240.5")
    before = till.rows()
    looked = ok(send(till, text, dry_run=True), 201)
    assert till.rows() == before
    made = ok(send(till, text), 201)
    assert made == looked | {"dry_run": False}
    assert (made["created"], made["debit"], made["credit"]) == (2, "1240.50", "50.00")
    assert till.balance() == "-50.00"
    refused(send(till, text), 422, "validation_failed")


def test_a_file_may_be_an_upload_or_a_field(till: Till) -> None:
    text = file(f"{till.customer['code']},{till.dairy.day(-1)},5")
    upload = {"file": (io.BytesIO(text.encode()), "openings.csv")}
    query = {"dry_run": "true"}
    sent = till.admin.call("POST", "/opening-balances", data=upload, query_string=query)
    assert ok(sent, 201)["created"] == 1
    wrong = till.admin.call("POST", "/opening-balances", data={"other": (io.BytesIO(b"x"), "x")}, query_string=query)
    refused(wrong, 422, "validation_failed")
    assert ok(till.admin.post("/opening-balances", {"csv": text}), 201)["debit"] == "5.00"


def test_every_fault_of_a_file_is_named_and_nothing_written(till: Till) -> None:
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-60)}))
    code, day = till.customer["code"], till.dairy.day(-30)
    known = till.dairy.customer()
    ok(send(till, file(f"{known['code']},{day},5")), 201)
    before = till.rows()
    problem = refused(
        send(
            till,
            file(
                f"{code},{day},1,240.50",
                f"{code},{day},12",
                f"{code},{day},12",
                f"nobody,{day},5",
                f",{day},5",
                f"X1,30/11/2026,{10**11}",
                f"{known['code']},{day},5",
                f"{till.dairy.customer()['code']},{till.dairy.day(1)},5",
                f"{till.dairy.customer()['code']},{till.dairy.day(-60)},5",
                f"X2,{day},5.005",
            ),
        ),
        422,
        "validation_failed",
    )
    assert faults(problem) == [
        ("/rows/2/amount", "columns"),
        ("/rows/4/customer_code", "duplicate"),
        ("/rows/5/customer_code", "customer_not_found"),
        ("/rows/6/customer_code", "required"),
        ("/rows/7/amount", "invalid"),
        ("/rows/7/customer_code", "customer_not_found"),
        ("/rows/8/customer_code", "already_exists"),
        ("/rows/9/as_of", "in_future"),
        ("/rows/10/as_of", "period_closed"),
        ("/rows/11/amount", "invalid"),
        ("/rows/11/customer_code", "customer_not_found"),
    ]
    assert till.rows() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "customer_code,as_of,amount\r\n",
        "code,as_of,amount\r\nC1,2026-01-01,5\r\n",
        'customer_code,as_of,amount\r\n"C1,2026-01-01,5\r\n',
        "customer_code,as_of,amount\r\nC\x001,2026-01-01,5\r\n",
        b"PK\x03\x04\xff\xfe",
        "customer_code,as_of,amount\r\n" + "x" * 200_000 + ",2026-01-01,5\r\n",
    ],
)
def test_what_is_no_such_file(till: Till, text: str | bytes) -> None:
    refused(send(till, text), 422, "validation_failed")


def test_a_file_costs_as_many_statements_for_2n_rows_as_for_n(till: Till) -> None:
    counts = []
    for number in (3, 6):
        text = file(*(f"{till.dairy.customer()['code']},{till.dairy.day(0)},5" for _ in range(number)))
        with count_statements(till.dairy.app.database) as sent:
            ok(send(till, text), 201)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 10


def write_off(till: Till, amount: str, **fields: Any) -> Any:
    return till.admin.post("/write-offs", {"customer_id": till.id, "amount": amount, "reason": "moved away"} | fields)


def test_what_is_given_up_is_no_longer_owed_and_the_paper_stays(till: Till) -> None:
    old, new = till.invoice("100", -40), till.invoice("100", -10)
    till.paid("30.00")
    refused(write_off(till, "70.01", invoice_id=old), 422, "allocation_exceeds_balance")
    made = ok(write_off(till, "70.00", invoice_id=old), 201)
    assert (made["invoice_id"], made["written_off_on"]) == (old, till.dairy.day(0))
    assert till.open() == {new: "100.00"}
    paper = ok(till.admin.get(f"/invoices/{old}"))
    assert (paper["status"], paper["total"], paper["amount_paid"], paper["credit_applied"]) == (
        "issued",
        "100.00",
        "30.00",
        "70.00",
    )
    assert (paper["balance_due"], paper["payment_status"]) == ("0.00", "paid")
    refused(write_off(till, "100.01"), 422, "allocation_exceeds_balance")
    ok(write_off(till, "100.00", written_off_on=till.dairy.day(-5)), 201)
    assert [till.open(day) for day in (-6, -5, 0)] == [{old: "100.00", new: "100.00"}, {new: "100.00"}, {}]
    assert [(row["amount"], row["invoice_id"]) for row in ok(till.admin.get("/write-offs"))["items"]] == [
        ("70.00", old),
        ("100.00", None),
    ]
    for query, amount in (
        ({"written_off_on[gte]": till.dairy.day(0)}, "70.00"),
        ({"written_off_on[lte]": till.dairy.day(-5)}, "100.00"),
    ):
        assert [row["amount"] for row in ok(till.admin.get("/write-offs", **query))["items"]] == [amount]
    assert len(ok(till.admin.get("/write-offs", customer_id=till.dairy.customer()["id"]))["items"]) == 0
    refused(write_off(till, "0.01"), 422, "allocation_exceeds_balance")


def test_what_cannot_be_given_up(till: Till) -> None:
    ok(till.admin.patch("/settings", {"books_closed_through": till.dairy.day(-30)}))
    paper = till.invoice("100", -20)
    before = till.rows()
    for fields, status, code in (
        ({"amount": "0"}, 422, "validation_failed"),
        ({"reason": "no"}, 422, "validation_failed"),
        ({"written_off_on": till.dairy.day(1)}, 422, "validation_failed"),
        ({"written_off_on": till.dairy.day(-30)}, 409, "period_closed"),
        ({"written_off_on": till.dairy.day(-21), "invoice_id": paper}, 422, "validation_failed"),
        ({"invoice_id": till.id}, 404, "invoice_not_found"),
        ({"customer_id": "00000000-0000-7000-8000-000000000000"}, 404, "customer_not_found"),
        ({"customer_id": till.dairy.customer()["id"], "invoice_id": paper}, 404, "invoice_not_found"),
    ):
        refused(write_off(till, **{"amount": "1.00"} | fields), status, code)
    assert till.rows() == before
