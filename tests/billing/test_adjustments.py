"""Charges and discounts on drafts: lines of their own at issue, frozen with the paper."""

from functools import partial
from typing import Any

import psycopg2
import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import kept, ok, refused
from tests.races import at_once


def adjust(living: LivingDairy, customer: Any, amount: str = "50.00", **fields: Any) -> Any:
    """The raw answer to a charge of 50 rupees, unless told otherwise."""
    kind = "discount" if amount.startswith("-") else "charge"
    body = {"customer_id": customer["id"], "kind": kind, "description": "Milk can, deposit", "amount": amount}
    return living.admin.post("/adjustments", body | {"reason": "lent in October"} | fields)


def delete(living: LivingDairy, adjustment: Any) -> Any:
    return living.admin.delete(f"/adjustments/{adjustment['id']}")


def test_a_charge_and_a_discount_are_lines_of_the_bill(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    charge = ok(adjust(living, asha), 201)
    discount = ok(adjust(living, asha, "-12.50", description="Ten years with us"), 201)
    assert (charge["adjusted_on"], charge["invoice_status"], charge["invoice_number"]) == ("2026-10-05", "draft", None)
    assert (charge["customer_code"], charge["created_by"]) == (asha["code"], living.admin.user["id"])
    assert charge["invoice_id"] == discount["invoice_id"] == living.invoices()[0]["id"]
    living.go_to("2026-11-01")
    assert living.bill("2026-10")["total"] == "158.00"
    paper = living.invoice(charge["invoice_id"])
    added = {line["description"]: line["line_total"] for line in paper["lines"] if line["source"] == "adjustment"}
    assert added == {"Milk can, deposit": "50.00", "Ten years with us": "-12.50"}


def test_an_adjustment_opens_the_draft_it_needs(living: LivingDairy) -> None:
    asha = living.customer()
    living.go_to("2026-10-12")
    made = ok(adjust(living, asha), 201)
    assert [(d["id"], d["period_start"], d["period_end"]) for d in living.invoices()] == [
        (made["invoice_id"], "2026-10-01", "2026-10-31")
    ]
    living.go_to("2026-11-01")
    assert (living.bill("2026-10")["invoices_issued"], living.invoices()[0]["total"]) == (1, "50.00")


def test_a_day_of_an_issued_bill_joins_the_next(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    made = ok(adjust(living, asha, adjusted_on="2026-10-05"), 201)
    draft = living.invoice(made["invoice_id"])
    assert (draft["status"], draft["period_start"], draft["total"]) == ("draft", "2026-11-01", "50.00")
    assert [line["prior_period"] for line in draft["lines"]] == [True]


@pytest.mark.parametrize("day", ["2026-11-01", "2025-10-10", "2016-10-12"])
def test_the_day_lies_in_the_last_year_or_the_running_period(living: LivingDairy, day: str) -> None:
    asha = living.customer()
    living.go_to("2026-10-12")
    problem = refused(adjust(living, asha, adjusted_on=day), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/adjusted_on"
    assert living.invoices() == []
    ok(adjust(living, asha, adjusted_on="2026-10-31"), 201)


def test_the_running_period_is_that_of_the_customers_cycle(living: LivingDairy) -> None:
    asha = living.customer(billing_cycle="weekly")
    living.go_to("2026-10-12")
    refused(adjust(living, asha, adjusted_on="2026-10-15"), 422, "validation_failed")
    ok(adjust(living, asha, adjusted_on="2026-10-14"), 201)


def test_nothing_is_added_to_closed_books(living: LivingDairy) -> None:
    asha = living.customer()
    ok(living.admin.patch("/settings", {"books_closed_through": "2026-09-30"}))
    refused(adjust(living, asha, adjusted_on="2026-09-30"), 409, "period_closed")
    ok(adjust(living, asha, adjusted_on="2026-10-01"), 201)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "charge", "amount": "-1.00"},
        {"kind": "discount", "amount": "1.00"},
        {"kind": "correction", "amount": "0.00"},
        {"kind": "gift"},
        {"amount": "0.001"},
        {"description": ""},
        {"reason": "no"},
    ],
)
def test_what_is_asked_must_make_sense(living: LivingDairy, change: dict[str, Any]) -> None:
    asha = living.customer()
    refused(adjust(living, asha, **change), 422, "validation_failed")
    assert living.invoices() == []
    for kind, amount in (("charge", "1.00"), ("discount", "-1.00"), ("correction", "1.00"), ("correction", "-1.00")):
        ok(adjust(living, asha, amount, kind=kind), 201)


def test_whom_and_by_which_tax(living: LivingDairy) -> None:
    asha = living.customer()
    refused(adjust(living, {"id": "00000000-0000-7000-8000-000000000000"}), 404, "customer_not_found")
    refused(adjust(living, asha, tax_class="no such class"), 404, "tax_class_not_found")
    assert living.invoices() == [], "a refusal opens no draft"
    living.seller(gstin="27AAPFU0939F1ZV")
    made = ok(adjust(living, asha, "105.00", tax_class="cheese"), 201)
    (line,) = living.invoice(made["invoice_id"])["lines"]
    assert (line["gst_rate"], line["taxable_value"], line["cgst"]) == ("5.00", "100.00", "2.50")


def test_a_charge_without_a_class_is_outside_gst_until_the_dairy_is_registered(living: LivingDairy) -> None:
    made = ok(adjust(living, living.customer()), 201)

    def supplied() -> list[str]:
        return [line["supply_type"] for line in living.invoice(made["invoice_id"])["lines"]]

    assert supplied() == ["non_gst"]
    living.seller(gstin="27AAPFU0939F1ZV")
    assert supplied() == ["exempt"]


def test_a_class_without_a_rate_would_hold_back_the_bill(living: LivingDairy, sql: Any) -> None:
    asha = living.customer()
    ok(adjust(living, asha, tax_class="unclassified"), 201)  # nothing is taxed here
    living.seller(gstin="27AAPFU0939F1ZV")
    problem = refused(adjust(living, asha, tax_class="unclassified"), 422, "validation_failed")
    assert [each["pointer"] for each in problem["errors"]] == ["/tax_class"]
    ok(living.admin.patch("/settings", {"default_adjustment_class": "unclassified"}))
    assert "has no rate on" in refused(adjust(living, asha), 422, "validation_failed")["detail"]
    assert sql("SELECT count(*) FROM adjustments") == [(1,)]


@pytest.mark.parametrize(("decides", "status"), [("invoice_date", 201), ("delivery_date", 422)])
def test_a_rate_that_began_since_counts_where_the_invoices_date_decides(
    living: LivingDairy, sql: Any, decides: str, status: int
) -> None:
    asha = living.customer()
    living.product(hsn_code="0406", tax_class="cheese")
    living.seller(gstin="27AAPFU0939F1ZV", tax_rate_date=decides)
    living.go_to("2026-10-12")
    sql("UPDATE tax_rates SET valid = daterange('2026-10-10', NULL) WHERE tax_class = 'cheese' AND upper_inf(valid)")
    sql("DELETE FROM tax_rates WHERE tax_class = 'cheese' AND NOT upper_inf(valid)")
    answer = adjust(living, asha, tax_class="cheese", adjusted_on="2026-10-05")
    assert answer.status_code == status, answer.get_data(as_text=True)
    living.go_to("2026-11-01")
    assert [paper["skip_code"] for paper in living.preview("2026-10")["items"]] == ([None] if status == 201 else [])


def test_the_same_key_is_the_same_adjustment(living: LivingDairy) -> None:
    asha = living.customer()
    body = {"customer_id": asha["id"], "kind": "charge", "description": "Can", "amount": "5", "reason": "lent out"}
    key = {"Idempotency-Key": "can 1"}
    first = ok(living.admin.post("/adjustments", body, headers=key), 201)
    assert ok(living.admin.post("/adjustments", body, headers=key), 201) == first
    assert len(ok(living.admin.get("/adjustments"))["items"]) == 1


def test_deleted_while_the_bill_is_a_draft(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    wrong, right = ok(adjust(living, asha, "5000.00"), 201), ok(adjust(living, asha, "50.00"), 201)
    ok(delete(living, wrong), 204)
    refused(delete(living, wrong), 404, "adjustment_not_found")
    living.go_to("2026-11-01")
    assert living.bill("2026-10")["total"] == "110.00"
    assert "correct it by credit note" in refused(delete(living, right), 409, "invoice_issued")["detail"]
    # Voiding brings it to the fresh draft, where it can go.
    ok(living.admin.post(f"/invoices/{right['invoice_id']}/void", {"reason": "wrong deposit"}))
    ok(delete(living, right), 204)
    assert living.bill("2026-10")["total"] == "60.00"


def test_adding_and_billing_at_once_loses_nothing(living: LivingDairy, database_url: str, sql: Any) -> None:
    """Whichever came first: the charge is on an issued bill as its line, or on a draft."""
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    hold = f"SELECT FROM customers WHERE id = '{asha['id']}' FOR UPDATE"
    add = partial(adjust, living, asha, adjusted_on="2026-10-05")
    at_once(database_url, hold, add, lambda: living.admin.post("/billing/runs", {"period": "2026-10"}))
    rows = sql(
        "SELECT i.status, (SELECT count(*) FROM invoice_lines l WHERE l.invoice_id = i.id AND l.source = 'adjustment')"
        " FROM adjustments a JOIN invoices i ON i.id = a.invoice_id"
    )
    assert rows in ([("issued", 1)], [("draft", 0)])
    living.go_to("2026-12-01")
    living.bill("2026-11", confirm=True)
    assert sql("SELECT sum(line_total) FROM invoice_lines WHERE source = 'adjustment'") == [(50,)]


def test_lists_and_who_may(living: LivingDairy) -> None:
    (asha, her), ravi, accountant = living.customer_login(), living.customer(), living.staff("accountant")
    first = ok(adjust(living, asha), 201)
    living.go_to("2026-11-02")
    living.bill("2026-10")
    second = ok(adjust(living, ravi), 201)

    def listed(**query: Any) -> list[str]:
        return [each["id"] for each in ok(accountant.get("/adjustments", **query))["items"]]

    assert listed() == [second["id"], first["id"]]
    assert (
        listed(period="2026-10") == listed(customer_id=asha["id"]) == listed(invoice_status="issued") == [first["id"]]
    )
    assert listed(invoice_id=second["invoice_id"]) == listed(invoice_status="draft") == [second["id"]]
    issued = ok(accountant.get("/adjustments", customer_id=asha["id"]))["items"][0]
    assert (issued["invoice_status"], issued["invoice_number"]) == ("issued", "INV/2627/0000001")
    for refusal in (her.get("/adjustments"), her.delete(f"/adjustments/{second['id']}"), her.post("/adjustments", {})):
        refused(refusal, 403, "forbidden")
    ok(accountant.delete(f"/adjustments/{second['id']}"), 204)


ROW = """INSERT INTO adjustments (customer_id, invoice_id, kind, description, amount, adjusted_on, reason, created_by)
    VALUES ('{customer}', '{draft}', 'charge', 'Can', 5, '2026-11-02', 'lent out', '{admin}')"""


ATTEMPTS = [
    ("onto an issued bill", ROW.replace("{draft}", "{issued}"), "tr_adjustments_touch_only_drafts"),
    ("onto a void bill", ROW.replace("{draft}", "{void}"), "tr_adjustments_touch_only_drafts"),
    ("after the bill's end", ROW.replace("-11-02", "-12-02"), "tr_adjustments_within_period"),
    ("onto another's bill", ROW.replace("{customer}", "{other}"), "fk_adjustments_invoice_of_customer"),
    ("an unknown kind", ROW.replace("'charge'", "'gift'"), "ck_adjustments_kind_known"),
    ("a charge below 0", ROW.replace(" 5,", " -5,"), "ck_adjustments_kind_has_its_sign"),
    ("a discount above 0", ROW.replace("charge", "discount"), "ck_adjustments_kind_has_its_sign"),
    ("of nothing", ROW.replace("charge", "correction").replace(" 5,", " 0,"), "ck_adjustments_amount_finite"),
    ("of NaN", ROW.replace(" 5,", " 'NaN',"), "ck_adjustments_amount_finite"),
    ("on no day", ROW.replace("2026-11-02", "-infinity"), "ck_adjustments_adjusted_on_finite"),
    ("without words", ROW.replace("'Can'", "''"), "ck_adjustments_description_length"),
    ("without a reason", ROW.replace("lent out", "no"), "ck_adjustments_reason_length"),
    (
        "of an unknown class",
        ROW.replace("kind,", "tax_class, kind,").replace("'charge'", "'x', 'charge'"),
        "fk_adjustments_tax_class",
    ),
    ("by nobody", ROW.replace("{admin}", "{draft}"), "fk_adjustments_created_by"),
    (
        "changing an issued one",
        "UPDATE adjustments SET amount = 1 WHERE invoice_id = '{issued}'",
        "tr_adjustments_touch_only_drafts",
    ),
    ("taking an issued one away", "UPDATE adjustments SET invoice_id = '{draft}'", "tr_adjustments_touch_only_drafts"),
    (
        "deleting an issued one",
        "DELETE FROM adjustments WHERE invoice_id = '{issued}'",
        "tr_adjustments_touch_only_drafts",
    ),
    ("emptied", "TRUNCATE adjustments, container_movements", "tr_never_truncated"),
    (
        "a draft cut below it",
        ROW + "; UPDATE invoices SET period_end = '2026-11-01' WHERE id = '{draft}'",
        "tr_invoices_end_after_their_orders",
    ),
    (
        "voiding without moving it",
        "UPDATE invoices SET status = 'void', void_reason = 'x', voided_at = '2026-11-02 12:00+05:30'"
        " WHERE id = '{issued}'",
        "tr_invoices_void_keeps_no_orders",
    ),
    ("issuing without its line", "{unlined}", "tr_invoices_equal_their_lines"),
]


@kept
def adjusted(living: LivingDairy) -> dict[str, str]:
    """A customer with a void, an issued and a draft paper; an adjustment stands on the issued one."""
    asha, other = living.customer(), living.customer()
    void = ok(adjust(living, asha), 201)["invoice_id"]
    living.go_to("2026-11-02")
    living.bill("2026-10")
    issued = ok(living.admin.post(f"/invoices/{void}/void", {"reason": "test of voiding"}))["replaced_by"]
    living.bill("2026-10")
    draft = ok(adjust(living, asha), 201)["invoice_id"]
    ids = {"customer": asha["id"], "other": other["id"], "void": void, "issued": issued, "draft": draft}
    frozen = "number = 'X/1', sequence_no = 1, status = 'issued', total = 0, round_off = 0, exempt_value = 0"
    copied = (
        "series", "financial_year", "invoice_date", "due_date", "document_type", "snapshot", "taxable_value", "cgst",
        "sgst", "igst", "previous_balance", "issued_at", "document_hash", "previous_hash", "hash_version",
    )  # fmt: skip
    columns = ", ".join(f"{name} = i.{name}" for name in copied).replace("series = i.series", "series = 'X'")
    unlined = f"UPDATE invoices d SET {frozen}, {columns} FROM invoices i WHERE d.id = '{draft}' AND i.id = '{issued}'"
    return ids | {"admin": str(living.admin.user["id"]), "unlined": unlined}


@pytest.fixture
def papers(living: LivingDairy) -> dict[str, str]:
    made: dict[str, str] = adjusted(living)
    living.go_to("2026-11-02")
    return made


@pytest.mark.parametrize(("attempt", "name"), [(a[1], a[2]) for a in ATTEMPTS], ids=[a[0] for a in ATTEMPTS])
def test_refused_by_the_database(papers: dict[str, str], sql: Any, attempt: str, name: str) -> None:
    sql(ROW.format(**papers))
    with pytest.raises(psycopg2.IntegrityError) as refusal:
        sql(attempt.format(**papers))
    assert refusal.value.diag.constraint_name == name
