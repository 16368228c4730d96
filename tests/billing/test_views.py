"""What the office looks at: unbilled value, recovered revenue, the month as a grid, lists and access."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused
from tests.statements import count_statements


def test_unbilled_and_recovered(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(asha, (milk, "2"), on="2026-11-05")
    living.go_to("2026-11-10")
    waiting = ok(living.admin.get("/billing/unbilled"))
    assert [(r["month"], r["source"], r["orders"], r["amount"], r["oldest_days"]) for r in waiting["items"]] == [
        ("2026-10", "one_time", 1, "60.00", 36),
        ("2026-11", "one_time", 1, "120.00", 5),
    ]
    assert (waiting["orders"], waiting["amount"]) == (2, "180.00")
    assert ok(living.admin.get("/billing/unbilled", as_of="2026-10-31"))["amount"] == "60.00"
    living.bill("2026-10")
    assert ok(living.admin.get("/billing/unbilled"))["amount"] == "120.00"
    recovered = ok(living.admin.get("/billing/recovery", **{"from": "2026-09", "to": "2026-11"}))
    october = {"period": "2026-10", "month": "2026-10"}  # the second is the old name
    assert recovered["items"] == [
        october | {"one_time_amount": "60.00", "prior_period_amount": "0.00", "total_amount": "60.00"}
    ]


def test_a_void_invoice_recovered_nothing(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    ok(living.admin.post(f"/invoices/{living.invoices()[0]['id']}/void", {"reason": "Wrong price"}))
    asked = {"from": "2026-10", "to": "2026-10"}
    assert ok(living.admin.get("/billing/recovery", **asked))["items"] == []
    living.bill("2026-10")
    assert [month["total_amount"] for month in ok(living.admin.get("/billing/recovery", **asked))["items"]] == ["60.00"]


def test_the_month_as_a_grid(living: LivingDairy) -> None:
    milk, asha = living.product("60.00", name="Toned"), living.customer(name="Asha")
    for day, quantity in (("2026-10-07", "1"), ("2026-10-08", "1.5"), ("2026-10-30", "2")):
        living.delivered(asha, (milk, quantity), on=day)
    living.delivered(asha, (milk, "9"), on="2026-11-01")
    view = ok(living.admin.get("/billing/monthly-view", period="2026-10"))
    assert (len(view["date_list"]), view["next_cursor"]) == (31, None)
    row = view["items"][0]
    assert row["products"][0] | {"product_id": ""} == {
        "product_id": "",
        "product_name": "Toned",
        "name": "Toned",
        "unit": "litre",
        "unit_price": "60.00",
        "daily_quantities": {"2026-10-07": "1.000", "2026-10-08": "1.500", "2026-10-30": "2.000"},
        "week_totals": {"W1": "1.000", "W2": "1.500", "W5": "2.000"},
        "total_quantity": "4.500",
        "total_amount": "270.00",
    }
    assert (row["name"], row["bill"], row["previous_balance"], row["payment_status"]) == (
        "Asha",
        "270.00",
        "0.00",
        "unpaid",
    )
    living.go_to("2026-11-02")
    living.bill("2026-10")
    assert ok(living.admin.get("/billing/monthly-view", period="2026-10"))["items"][0]["bill"] == "270.00"
    november = ok(living.admin.get("/billing/monthly-view", period="2026-11"))["items"][0]
    assert (november["bill"], november["previous_balance"], november["current_balance"]) == (
        "540.00",
        "270.00",
        "810.00",
    )


def test_marketing_staff_see_their_own_customers_without_payments(living: LivingDairy) -> None:
    milk, meera = living.product("60.00"), living.staff("marketing_staff")
    mine = living.customer(marketing_staff_id=meera.user["id"])
    for customer in (mine, living.customer()):
        living.delivered(customer, (milk, "1"), on="2026-10-05")
    rows = ok(meera.get("/billing/monthly-view", period="2026-10"))["items"]
    assert [(row["customer_id"], "paid" in row, "payment_status" in row) for row in rows] == [
        (mine["id"], False, False)
    ]
    for path in ("/billing/preview", "/billing/runs", "/billing/unbilled", "/invoices"):
        refused(meera.get(path), 403, "forbidden")


def test_lists_page_through_everything_once(living: LivingDairy) -> None:
    milk = living.product("60.00")
    for _ in range(5):
        living.delivered(living.customer(), (milk, "1"), on="2026-10-05")
    for path, key in (
        ("/invoices", "id"),
        ("/billing/preview", "invoice_id"),
        ("/billing/monthly-view", "customer_id"),
    ):
        query = {} if path == "/invoices" else {"period": "2026-10"}
        seen: list[str] = []
        cursor: dict[str, Any] = {}
        while True:
            page = ok(living.admin.get(path, limit=2, **query, **cursor))
            seen += [item[key] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert (len(seen), len(set(seen))) == (5, 5), path
        refused(living.admin.get(path, cursor="junk", **query), 422, "validation_failed")


def test_invoices_are_found_by_their_date_both_ends_included(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer(billing_cycle="weekly")
    for day in ("2026-10-03", "2026-10-10"):
        living.delivered(asha, (milk, "1"), on=day)
    living.go_to("2026-11-01")
    living.bill("2026-10")

    def dates(**query: str) -> list[str]:
        return sorted(paper["invoice_date"] for paper in living.invoices(**query))

    assert dates() == ["2026-10-07", "2026-10-14"]
    assert dates(**{"invoice_date[gte]": "2026-10-14"}) == ["2026-10-14"]
    assert dates(**{"invoice_date[lte]": "2026-10-07"}) == ["2026-10-07"]
    assert dates(**{"invoice_date[gte]": "2026-10-08", "invoice_date[lte]": "2026-10-13"}) == []


@contextmanager
def counted(living: LivingDairy) -> Iterator[list[str]]:
    """The statements sent to the database meanwhile."""
    sent: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(living.app.database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(living.app.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ["/invoices", "/billing/preview", "/billing/monthly-view"])
def test_a_page_costs_as_many_statements_for_2n_rows_as_for_n(living: LivingDairy, path: str) -> None:
    milk = living.product("60.00")
    query = {} if path == "/invoices" else {"period": "2026-10"}
    counts = []
    for _ in range(2):
        for _ in range(3):
            living.delivered(living.customer(), (milk, "1"), on="2026-10-05")
        with counted(living) as sent:
            rows = ok(living.admin.get(path, **query))["items"]
        counts.append((len(rows), len(sent)))
    assert [rows for rows, _ in counts] == [3, 6]
    assert counts[0][1] == counts[1][1] <= 10


def test_a_chunk_costs_as_many_statements_for_2n_customers_as_for_n(living: LivingDairy) -> None:
    milk, counts = living.product("60.00"), []
    for month, customers in (("2026-10", 3), ("2026-11", 6)):
        for _ in range(customers):
            living.delivered(living.customer(), (milk, "1"), on=f"{month}-05")
        living.go_to("2026-12-01")
        with counted(living) as sent:
            assert living.bill(month, confirm=True)["invoices_issued"] == customers
        counts.append(len(sent))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "query",
    [{}, {"period": "banana"}, {"period": "2026-13"}, {"period": "2026-10", "limit": 0}, {"period": "2026-10", "x": 1}],
)
def test_a_preview_of_nonsense_is_refused(living: LivingDairy, query: dict[str, Any]) -> None:
    refused(living.admin.get("/billing/preview", **query), 422, "validation_failed")
    ok(living.admin.get("/billing/preview", period="2026-10", limit=1))


@pytest.mark.parametrize("path", ["/billing/preview", "/exports/ledger.csv", "/billing/monthly-view.xlsx", "/invoices"])
def test_a_month_is_written_in_plain_digits(living: LivingDairy, path: str) -> None:
    """It stands in file names, and a header holds no other digits."""
    ok(living.admin.get(path, period="2026-10"))
    refused(living.admin.get(path, period="20\u0662\u0666-10"), 422, "validation_failed")


def test_the_sheet_of_a_product_joins_what_was_delivered_of_it(living: LivingDairy) -> None:
    """As one condition with OR it was a hash over all that was delivered in the month, for each page."""
    with count_statements(living.app.database) as sent:
        ok(living.admin.get("/billing/monthly-view", period="2026-10", product_id=living.product()["id"]))
    plan = sent.plan(living.app.database, "WITH chosen AS", off=("seqscan",))
    assert "hashed SubPlan" not in plan and "EXISTS(SubPlan" not in plan, plan
