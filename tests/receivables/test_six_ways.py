"""Three months of paying too little and too much: whoever says what is owed says the same."""

import re
from collections.abc import Callable
from typing import Any

from tests.billing.conftest import LivingDairy, living
from tests.dairy import ok

__all__ = ["living"]


def balance(living: LivingDairy, customer: str) -> str:
    return str(ok(living.admin.get(f"/customers/{customer}/balance"))["balance"])


def statement(living: LivingDairy, customer: str) -> str:
    span = {"from": "2026-01-01", "to": living.day(0)}
    return str(ok(living.admin.get("/reports/statement", customer_id=customer, **span))["closing"])


def ageing(living: LivingDairy, customer: str) -> str:
    items = ok(living.admin.get("/reports/ageing"))["items"]
    return next((str(each["net"]) for each in items if each["customer_id"] == customer), "0.00")


def monthly_view(living: LivingDairy, customer: str) -> str:
    """Of the month that runs, in which nothing was delivered yet."""
    view = ok(living.admin.get("/billing/monthly-view", period=living.day(0)[:7], customer_id=customer))
    return next((str(each["current_balance"]) for each in view["items"]), "0.00")


def ledger(living: LivingDairy, customer: str) -> str:
    items = ok(living.admin.get(f"/customers/{customer}/ledger", limit=200))["items"]
    return str(items[-1]["balance"]) if items else "0.00"


#: Whoever says what is owed today.
WAYS: tuple[Callable[[LivingDairy, str], str], ...] = (balance, statement, ageing, monthly_view, ledger)


def said(living: LivingDairy, customer: str) -> set[str]:
    """What all of them say, and the message about the last bill once there is one."""
    papers = living.invoices(customer_id=customer, status="issued")
    last = max((paper["number"], paper["id"]) for paper in papers)[1] if papers else None
    return {way(living, customer) for way in WAYS} | ({message(living, last)} if last else set())


def message(living: LivingDairy, invoice: str) -> str:
    """The amount to pay, below 0 what is in advance, out of the words that a customer gets."""
    words = ok(living.admin.post(f"/invoices/{invoice}/share", {"language": "en"}))["message"]
    if "Nothing is to be paid." in words:
        return "0.00"
    ((sign, amount),) = re.findall(
        r"^(To pay:|Nothing is to be paid; your advance is) ₹([0-9,]+\.[0-9]{2})", words, re.M
    )
    return ("" if sign == "To pay:" else "-") + str(amount).replace(",", "")


def pay(living: LivingDairy, customer: str, amount: str, **fields: Any) -> Any:
    body = {"customer_id": customer, "amount": amount, "method": "cash"} | fields
    return ok(living.admin.post("/payments", body), 201)


def test_preview_invoice_statement_ageing_monthly_view_and_balance_agree(living: LivingDairy) -> None:
    milk, customer = living.product("60.00"), living.customer()["id"]
    opening = {"customer_id": customer, "as_of": "2026-09-30", "amount": "45.50"}
    ok(living.admin.post("/opening-balances", opening), 201)
    owed = "45.50"
    # (month, day after it, litres, what is done before the bill, what is paid after it)
    months: tuple[tuple[str, str, str, str, str], ...] = (
        ("2026-10", "2026-11-01", "5", "45.50", "345.50"),  # billed 300.00
        ("2026-11", "2026-12-01", "2", "145.50", "265.50"),  # 200.00 were paid: too little; 120.00
        ("2026-12", "2027-01-01", "3", "-234.50", "-54.50"),  # 500.00 were paid: too much; 180.00
    )
    received = {"2026-10": "200.00", "2026-11": "500.00"}
    for month, after, litres, before, total in months:
        living.delivered({"id": customer}, (milk, litres), on=f"{month}-20")
        living.go_to(after)
        (row,) = living.preview(month)["items"]
        assert said(living, customer) == {row["previous_balance"]} == {before}, month
        month_row = ok(living.admin.get("/billing/monthly-view", period=month))["items"][0]
        assert month_row["current_balance"] == total, "the draft is in it"
        assert living.bill(month, confirm=True)["invoices_issued"] == 1
        (paper,) = living.invoices(period=month)
        assert living.invoice(paper["id"])["previous_balance"] == before
        assert said(living, customer) == {total}, month
        month_row = ok(living.admin.get("/billing/monthly-view", period=month))["items"][0]
        assert (month_row["previous_balance"], month_row["current_balance"]) == (owed, total)
        owed = total
        if month in received:
            living.go_to(f"{after[:8]}10")
            bounced = pay(living, customer, "77.00", method="cheque")
            pay(living, customer, received[month])
            ok(living.admin.post(f"/payments/{bounced['id']}/reverse", {"reason": "The cheque bounced"}))
            assert len(said(living, customer)) == 1


def test_credit_is_used_by_the_next_invoice(living: LivingDairy) -> None:
    milk, customer = living.product("60.00"), living.customer()["id"]
    pay(living, customer, "100.00")
    opening = {"customer_id": customer, "as_of": "2026-10-01", "amount": "10.00"}
    ok(living.admin.post("/opening-balances", opening), 201)
    living.delivered({"id": customer}, (milk, "2"), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    (paper,) = living.invoices()
    shown = [paper[name] for name in ("total", "amount_paid", "balance_due", "payment_status")]
    assert shown == ["120.00", "90.00", "30.00", "partial"]
    assert living.invoice(paper["id"])["previous_balance"] == "-90.00"
    assert said(living, customer) == {"30.00"}
    (month,) = ok(living.admin.get("/billing/monthly-view", period="2026-10"))["items"]
    sums = [month[name] for name in ("previous_balance", "bill", "other_entries", "paid", "current_balance")]
    assert sums == ["0.00", "120.00", "10.00", "100.00", "30.00"]
