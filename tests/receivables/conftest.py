"""A dairy with money in it: papers that are given, whatever was delivered, and what comes in over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.constraints import bare
from tests.dairy import Client, Dairy, ok

__all__ = ["bare"]

#: A paper that is issued without anything delivered: how it came about is billing's, here it is only owed.
ISSUED = """
INSERT INTO invoices (customer_id, period_start, period_end, status, document_type, series, financial_year, sequence_no,
    number, invoice_date, due_date, snapshot, taxable_value, exempt_value, cgst, sgst, igst, round_off, total,
    previous_balance, issued_at, document_hash, previous_hash, hash_version)
SELECT '{customer}', '{day}', '{day}', 'issued', 'invoice', 'T', '2627', n, 'T/' || n, '{day}',
    CAST('{day}' AS date) + {due_days}, '{{}}', 0, {total}, 0, 0, 0, 0, {total}, 0, now(), 'x', 'x', 1
FROM (SELECT count(*) + 1 AS n FROM invoices) AS known RETURNING id::text, number"""


class Till:
    """One customer with a login, and what it owes and pays. Days count from today."""

    def __init__(self, dairy: Dairy, sql: Callable[..., Any]) -> None:
        self.dairy, self.sql, self.admin = dairy, sql, dairy.admin
        self.customer, self.login = dairy.customer_login()
        self.id = self.customer["id"]

    def invoice(self, total: str, day: int = -20, due_days: int = 10, customer: str | None = None) -> str:
        """The id of an issued paper of so many rupees, dated ``day``."""
        words = {"customer": customer or self.id, "day": self.dairy.day(day), "due_days": due_days, "total": total}
        self.sql("SET session_replication_role = replica")
        try:
            return str(self.sql(ISSUED.format(**words))[0][0])
        finally:
            self.sql("SET session_replication_role = origin")

    def pay(self, amount: str, *chosen: tuple[str, str], by: Client | None = None, **fields: Any) -> TestResponse:
        """The raw answer to a payment; chosen are (invoice, amount), ``day`` counts from today."""
        body: dict[str, Any] = {"customer_id": self.id, "amount": amount, "method": "cash"} | fields
        if "day" in body:
            body["received_on"] = self.dairy.day(body.pop("day"))
        if chosen:
            body["allocations"] = [{"invoice_id": invoice, "amount": part} for invoice, part in chosen]
        return (by or self.admin).post("/payments", body)

    def paid(self, amount: str, *chosen: tuple[str, str], **fields: Any) -> Any:
        return ok(self.pay(amount, *chosen, **fields), 201)

    def reverse(self, payment: Any, **fields: Any) -> TestResponse:
        return self.admin.post(f"/payments/{payment['id']}/reverse", {"reason": "The cheque bounced"} | fields)

    def balance(self) -> str:
        return str(ok(self.admin.get(f"/customers/{self.id}/balance"))["balance"])

    def ledger(self) -> list[tuple[str, str, str, str]]:
        items = ok(self.admin.get(f"/customers/{self.id}/ledger"))["items"]
        return [(each["kind"], each["debit"], each["credit"], each["balance"]) for each in items]

    def open(self, day: int = 0) -> dict[str, str]:
        """What is open per document as of a day; credit below 0."""
        rows = self.sql(
            "SELECT coalesce(document_id::text, kind), open::text FROM open_items(ARRAY[%s]::uuid[], %s)"
            " WHERE open <> 0", self.id, self.dairy.day(day)
        )  # fmt: skip
        return dict(rows)

    def ageing(self, day: int = 0) -> Any:
        """The customer's row, None when it is not listed."""
        items = ok(self.admin.get("/reports/ageing", as_of=self.dairy.day(day)))["items"]
        return next((each for each in items if each["customer_id"] == self.id), None)

    def rows(self) -> list[Any]:
        """How many rows the money's tables have, to see that nothing was written."""
        tables = ("payments", "refunds", "payment_allocations", "write_offs", "opening_balances", "cash_settlements")
        counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in tables)
        return list(self.sql(f"SELECT {counts}"))


@pytest.fixture
def till(dairy: Dairy, sql: Callable[..., Any]) -> Till:
    return Till(dairy, sql)
