"""Bills by how they stand, payments by what came in: sorted, filtered, page after page."""

import pytest

from tests.dairy import ok, read
from tests.receivables.conftest import Till
from tests.statements import count_statements


@pytest.fixture
def bills(till: Till) -> dict[str, str]:
    """A paid one, an overdue one, one paid in part and one not at all: ids by how they stand."""
    made = {
        "paid": till.invoice("100", day=-40),
        "overdue": till.invoice("400", day=-30),
        "partial": till.invoice("300", day=-3),
        "unpaid": till.invoice("200", day=-2),
    }
    till.paid("100", (made["paid"], "100"))
    till.paid("50", (made["partial"], "50"))
    return made


@pytest.mark.parametrize("state", ["paid", "overdue", "partial", "unpaid"])
def test_bills_by_how_they_stand(till: Till, bills: dict[str, str], state: str) -> None:
    found = read(till.admin, "/invoices", payment_status=[state])
    assert [(each["id"], each["payment_status"]) for each in found] == [(bills[state], state)]
    assert [each["id"] for each in read(till.login, "/invoices", payment_status=[state])] == [bills[state]]


def test_what_is_overdue_and_what_is_not(till: Till, bills: dict[str, str]) -> None:
    other = till.dairy.customer()["id"]
    theirs = till.invoice("10", day=-30, customer=other)
    assert {each["id"] for each in read(till.admin, "/invoices", overdue="true")} == {bills["overdue"], theirs}
    assert {each["id"] for each in read(till.admin, "/invoices", overdue="true", customer_id=[other])} == {theirs}
    assert {each["id"] for each in read(till.login, "/invoices", overdue="true")} == {bills["overdue"]}
    rest = {bills["paid"], bills["partial"], bills["unpaid"]}
    assert {each["id"] for each in read(till.admin, "/invoices", overdue="false")} == rest
    assert read(till.admin, "/invoices", overdue="true", payment_status=["paid"]) == []
    either = read(till.admin, "/invoices", payment_status=["paid", "unpaid"])
    assert {each["id"] for each in either} == {bills["paid"], bills["unpaid"]}


@pytest.mark.parametrize(
    ("sort", "totals"),
    [
        ("total", ["100.00", "200.00", "300.00", "400.00"]),
        ("-total", ["400.00", "300.00", "200.00", "100.00"]),
        ("invoice_date", ["100.00", "400.00", "300.00", "200.00"]),
        ("-due_date", ["200.00", "300.00", "400.00", "100.00"]),
    ],
)
def test_bills_in_order(till: Till, bills: dict[str, str], sort: str, totals: list[str]) -> None:
    assert len(bills) == 4
    assert [each["total"] for each in read(till.admin, "/invoices", sort=sort)] == totals


def test_bills_by_customer_with_drafts_among_them(till: Till) -> None:
    for name in ("zara", "Anil", "Meera"):
        till.invoice("10", customer=till.dairy.customer(name=name)["id"])
    names = [each["customer_name"] for each in read(till.admin, "/invoices", sort="customer_name")]
    assert names == ["Anil", "Meera", "zara"]


def test_payments_in_order_and_of_several_methods(till: Till) -> None:
    till.paid("30.00", method="cash", day=-1)
    till.paid("10.00", method="upi", reference="1", day=-3)
    till.paid("20.00", method="card", reference="2", day=-2)
    till.paid("20.00", method="cash", day=-4)
    amounts = [each["amount"] for each in read(till.admin, "/payments", sort="amount")]
    assert amounts == ["10.00", "20.00", "20.00", "30.00"]
    assert [each["amount"] for each in read(till.admin, "/payments", sort="-amount")] == amounts[::-1]
    days = [each["received_on"] for each in read(till.admin, "/payments")]
    assert days == sorted(days, reverse=True)
    assert [each["received_on"] for each in read(till.admin, "/payments", sort="received_on")] == days[::-1]
    found = read(till.admin, "/payments", method=["upi", "card"])
    assert [each["method"] for each in found] == ["card", "upi"]
    assert len(read(till.admin, "/payments", customer_id=[till.id], sort="customer_name")) == 4


def test_a_reference_is_found_by_an_index(till: Till) -> None:
    """It was made bare in every payment there is, to be compared."""
    till.paid("10.00", method="upi", reference="UPI 4711")
    with count_statements(till.dairy.app.database) as sent:
        assert len(ok(till.admin.get("/payments", reference="4711"))["items"]) == 1
    plan = sent.plan(till.dairy.app.database, "LIMIT", off=("seqscan", "bitmapscan"), among=["ix_payments_reference"])
    assert "ix_payments_reference" in plan, plan
