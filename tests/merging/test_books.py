"""The books of two customers that become one: what is owed, to the day and the document, is as before."""

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.billing.test_credit_notes import GSTIN
from tests.dairy import Dairy, ok, refused
from tests.merging.conftest import Sql, Twice
from tests.receivables.histories import DAYS, START, History, invent, settle, write

PAIRS = 40
#: The last day of anything that happens in a life, and days on the way.
ON = [START + timedelta(n) for n in (0, 17, 31, 45, DAYS, DAYS + 60)]


def joined(old: History, new: History) -> History | None:
    """The life of both; None when opening balances of different days are in the way."""
    if old.opening and new.opening and old.opening[1] != new.opening[1]:
        return None
    opening = new.opening or old.opening
    if old.opening and new.opening:
        opening = (new.opening[0], new.opening[1], new.opening[2] + old.opening[2])
    return replace(
        new,
        opening=opening,
        invoices=old.invoices + new.invoices,
        payments=old.payments + new.payments,
        given_up=old.given_up + new.given_up,
        refunds=old.refunds + new.refunds,
    )


@pytest.mark.slow
def test_random_lives(dairy: Dairy, sql: Sql) -> None:
    """Two random lives merged are settled as if they had been one from the beginning, whichever day is asked for."""
    lives = [invent(seed) for seed in range(1000, 1000 + 2 * PAIRS)]
    write(sql, lives)
    ledger = "SELECT sum(debit), sum(credit) FROM customer_ledger"
    before = sql(ledger)
    ageing = {day: net(dairy, day) for day in ON}
    merged = 0
    for old, new in zip(lives[::2], lives[1::2], strict=True):
        body = {"into": str(new.id), "reason": "registered twice"}
        answer = dairy.admin.post(f"/customers/{old.id}/merge", body)
        one = joined(old, new)
        if one is None:
            refused(answer, 409, "merge_refused")
            continue
        merged += 1
        assert Decimal(ok(answer)["balance_together"]) == one.balance(ON[-1])
        for day in ON:
            rows = sql("SELECT document_id, open FROM open_items(ARRAY[%s::uuid], %s)", str(new.id), day)
            opened = {each: amount for each, amount in rows if each is not None}
            _, left, credit = settle(one, day)
            assert {str(each): amount for each, amount in left.items()} == opened, (old.id, day)
            assert -sum((amount for each, amount in rows if each is None), Decimal(0)) == credit, (old.id, day)
        assert sql("SELECT count(*) FROM open_items(ARRAY[%s::uuid], '9999-12-31')", str(old.id)) == [(0,)]
    assert merged > PAIRS / 2
    if not any(each.opening for each in lives):
        assert sql(ledger) == before
    assert {day: net(dairy, day) for day in ON} == ageing
    sums = sql("SELECT sum(debit) - sum(credit) FROM customer_ledger")
    assert sums == [(before[0][0] - before[0][1],)]


def net(dairy: Dairy, day: Any) -> str:
    """What everybody owes together as of a day, by the ageing."""
    return str(ok(dairy.admin.get("/reports/ageing", as_of=day.isoformat()))["totals"]["net"])


def exported(twice: Twice, name: str, **query: str) -> Any:
    answer = twice.admin.get(f"/exports/{name}", **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data()


def files(archive: bytes) -> dict[str, bytes]:
    """The tables of an archive; its manifest says when it was made."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist() if "manifest" not in name}


OCTOBER = {"period": "2026-10"}


def test_registers_and_returns_are_as_before(twice: Twice) -> None:
    """Old's bill of October was issued; its line, its buyer and its tax stay."""
    before = exported(twice, "invoice-register.csv", **OCTOBER), exported(twice, "invoice-lines.csv", **OCTOBER)
    ok(twice.merge())
    after = exported(twice, "invoice-register.csv", **OCTOBER), exported(twice, "invoice-lines.csv", **OCTOBER)
    assert after == before
    assert twice.old["code"].encode() in after[0]


def test_the_return_of_a_registered_dairy_is_as_before(twice: Twice, findings: Callable[[], list[str]]) -> None:
    living = twice.living
    living.seller(gstin=GSTIN)
    (can,) = ok(twice.admin.get("/adjustments"))["items"]
    ok(twice.admin.delete(f"/adjustments/{can['id']}"))  # without an HSN code it is on no return
    living.go_to("2026-12-01")
    third = living.customer(name="One of both", login=False)
    living.bill("2026-11", confirm=True)
    before = files(exported(twice, "gstr1.zip", period="2026-11"))
    ok(twice.merge(new=third))
    assert files(exported(twice, "gstr1.zip", period="2026-11")) == before
    assert findings() == []


def test_the_journal_has_one_party(twice: Twice) -> None:
    """What a bookkeeping program knows of the household is the ledger here: bills and money under one code."""
    ok(twice.merge())
    (paper,) = twice.living.invoices(customer_id=twice.new["id"], status="issued")
    note = {"invoice_id": paper["id"], "reason": "sour again", "lines": [{"line_no": 1, "amount": "5"}]}
    ok(twice.admin.post("/credit-notes", note), 201)
    query = {"from": "2026-10-01", "to": "2026-11-30"}
    rows = list(csv.DictReader(io.StringIO(exported(twice, "ledger.csv", **query).decode("utf-8-sig"))))
    parties = {each["party_code"] for each in rows} - {""}
    assert parties == {twice.new["code"]}
    owed = sum(Decimal(each["debit"]) - Decimal(each["credit"]) for each in rows if each["party_code"])
    assert owed == twice.balance(twice.new) == Decimal("150.00")


def test_what_is_delivered_and_what_was_sold_is_as_before(twice: Twice, sql: Sql) -> None:
    sold = """SELECT o.delivered_on, i.product_id, sum(i.delivered_quantity * i.unit_price), count(DISTINCT o.id)
        FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.delivery_confirmed GROUP BY 1, 2 ORDER BY 1, 2"""
    areas = """SELECT o.id, coalesce(o.area_id, c.area_id), coalesce(o.delivery_boy_id, c.delivery_boy_id)
        FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.delivery_confirmed ORDER BY 1"""
    helper = twice.living.staff("delivery_boy")
    ok(twice.admin.patch(f"/customers/{twice.old['id']}", {"delivery_boy_id": helper.user["id"], "area": "Baner"}))
    before = sql(sold), sql(areas)
    ok(twice.merge())
    assert (sql(sold), sql(areas)) == before


def test_a_bill_of_the_old_one_is_paid_and_voided_under_the_new_one(twice: Twice) -> None:
    ok(twice.merge())
    (paper,) = twice.living.invoices(customer_id=twice.new["id"], status="issued")
    due = twice.living.invoice(paper["id"])["balance_due"]
    ok(twice.admin.post("/payments", {
        "customer_id": twice.new["id"], "amount": due, "method": "cash",
        "allocations": [{"invoice_id": paper["id"], "amount": due}],
    }), 201)  # fmt: skip
    assert twice.living.invoice(paper["id"])["payment_status"] == "paid"
    note = {"invoice_id": paper["id"], "reason": "sour again", "lines": [{"line_no": 1, "amount": "5"}]}
    assert ok(twice.admin.post("/credit-notes", note), 201)["customer_id"] == twice.new["id"]
