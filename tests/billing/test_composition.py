"""A composition dealer (CGST Act s. 10): bills of supply at the quoted price, without tax, and a return of its own."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest

from dairy_app.billing.bulk.issuing import issue_drafts
from tests.billing.conftest import LivingDairy
from tests.command_line import run_command
from tests.conftest import raw_connection
from tests.dairy import ok, refused
from tests.documents.reading import text_of
from tests.exports.books import rows_of
from tests.statements import count_statements

GSTIN = "27AAPFU0939F1ZV"
SHOP_GSTIN = "27AAACR5055K1Z7"
COMPOSITION = {"gstin": GSTIN, "gst_scheme": "composition"}
LEGAL = "composition taxable person, not eligible to collect tax on supplies"
AMOUNTS = ("taxable_value", "exempt_value", "cgst", "sgst", "igst", "round_off", "total")


def goods(living: LivingDairy) -> tuple[Any, Any]:
    """Milk at 60.40, which is exempt, and ghee at 105.25, on which a regular seller's bills bear 5 %."""
    milk = living.product("60.40", name="Milk", hsn_code="0401")
    return milk, living.product("105.25", name="Ghee", unit="kg", hsn_code="0405")


def october(living: LivingDairy, *, prices_include_tax: bool = True, **customer: Any) -> Any:
    """1.5 l of milk and 2 kg of ghee of a composition dealer; it is 1 November and nothing is billed."""
    living.seller(**COMPOSITION, prices_include_tax=prices_include_tax)
    milk, ghee = goods(living)
    made = living.customer(**({"name": "Meera", "state_code": "27"} | customer))
    living.delivered(made, (milk, "1.5"), (ghee, "2"), on="2026-10-05")
    living.go_to("2026-11-01")
    return made


def bill_of(living: LivingDairy, customer: Any, period: str = "2026-10") -> Any:
    living.bill(period, confirm=True)
    (found,) = living.invoices(customer_id=customer["id"], status="issued", period=period)
    return living.invoice(found["id"])


def pdf(living: LivingDairy, path: str, **query: str) -> str:
    answer = living.admin.get(f"{path}/pdf", **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return text_of(answer.data)


def export(living: LivingDairy, profile: str, **query: str) -> list[dict[str, str]]:
    answer = living.admin.get(f"/exports/{profile}.csv", **(query or {"period": "2026-10"}))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return rows_of(answer.get_data())


@pytest.mark.parametrize("buyer", [{}, {"gstin": SHOP_GSTIN, "gst_treatment": "registered"}])
@pytest.mark.parametrize("prices_include_tax", [True, False])
def test_a_price_is_the_price_everywhere(living: LivingDairy, buyer: Any, *, prices_include_tax: bool) -> None:
    """1.5 × 60.40 = 90.60 and 2 × 105.25 = 210.50 are 301.10, rounded 301: on every door, for every buyer."""
    customer = october(living, prices_include_tax=prices_include_tax, **buyer)
    exposure = ok(living.admin.get(f"/customers/{customer['id']}/credit"))
    previewed = living.preview("2026-10")
    assert {name: previewed["totals"][name] for name in ("invoices", "taxable", "tax", "round_off", "total")} == {
        "invoices": 1,
        "taxable": "0.00",
        "tax": "0.00",
        "round_off": "-0.10",
        "total": "301.00",
    }
    assert exposure["draft"] == "301.10"
    bill = bill_of(living, customer)
    assert bill["document_type"] == "bill_of_supply"
    assert [bill[name] for name in AMOUNTS] == ["0.00", "301.10", "0.00", "0.00", "0.00", "-0.10", "301.00"]
    assert [(line["supply_type"], line["gst_rate"], line["line_total"]) for line in bill["lines"]] == [
        ("taxable", "0.00", "210.50"),
        ("exempt", "0.00", "90.60"),
    ]
    assert bill["snapshot"]["seller"]["gst_scheme"] == "composition"
    (row,) = export(living, "invoice-register")
    assert [row[name] for name in ("exempt_value", "taxable_value", "cgst_amount", "round_off", "total_amount")] == [
        "301.10", "0.00", "0.00", "-0.10", "301.00",
    ]  # fmt: skip
    assert sum(Decimal(line["line_total"]) for line in export(living, "invoice-lines")) == Decimal("301.10")
    text = pdf(living, f"/invoices/{bill['id']}")
    for expected in ("BILL OF SUPPLY", f"GSTIN: {GSTIN}", "0405", "105.25", "210.50", "301.10", "₹301.00"):
        assert expected in text, expected
    for absent in ("CGST", "SGST", "IGST", "TAX INVOICE", "incl. tax", "xempt"):
        assert absent not in text, absent


def test_the_legal_words_stand_at_the_top_in_every_language(living: LivingDairy) -> None:
    bill = bill_of(living, october(living))
    english, hindi = (pdf(living, f"/invoices/{bill['id']}", lang=code) for code in ("en", "hi"))
    assert english.startswith(LEGAL)
    assert hindi.index(LEGAL) < hindi.index("आपूर्ति बिल")
    assert hindi.startswith("कंपोज़ीशन करदाता")


def test_a_regular_seller_says_nothing_of_the_kind(living: LivingDairy) -> None:
    customer = october(living)
    living.seller(gst_scheme="regular")
    assert LEGAL not in pdf(living, f"/invoices/{bill_of(living, customer)['id']}")


def test_no_code_and_no_rate_is_missed(living: LivingDairy, sql: Any) -> None:
    """GSTR-1 is not filed, so its codes are not asked for; what has no rate yet bears none."""
    living.seller(**COMPOSITION)
    sweet = living.product("50.00", name="Sweets", hsn_code=None)
    customer = living.customer()
    living.delivered(customer, (sweet, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    sql("DELETE FROM tax_rates")
    assert living.preview("2026-10")["warnings"] == []
    (line,) = bill_of(living, customer)["lines"]
    assert (line["supply_type"], line["gst_rate"], line["line_total"]) == ("taxable", "0.00", "50.00")


def test_an_adjustment_needs_no_class_and_a_charge_bears_no_tax(living: LivingDairy) -> None:
    customer = october(living)
    adjust = {"customer_id": customer["id"], "kind": "charge", "description": "Can", "amount": "40.00",
              "reason": "Lost", "adjusted_on": "2026-10-31"}  # fmt: skip
    ok(living.admin.post("/adjustments", adjust), 201)
    for kind, basis, amount in (("delivery_charge", "per_month", "30.00"), ("discount", "percent", "10")):
        rule = {"kind": kind, "basis": basis, "amount": amount, "description": kind, "valid_from": "2026-10-01"}
        ok(
            living.admin.post("/charge-rules", rule | ({"tax_class": "butter_ghee"} if basis == "per_month" else {})),
            201,
        )
    bill = bill_of(living, customer)
    # 301.10 + 40 + 30 − 10 % of 301.10, of which 21.05 of ghee and 9.06 of milk: 340.99
    assert (bill["exempt_value"], bill["total"]) == ("340.99", "341.00")
    assert {line["gst_rate"] for line in bill["lines"]} == {"0.00"}


def test_a_note_follows_its_bill(living: LivingDairy, database_url: str) -> None:
    bill = bill_of(living, october(living))
    (ghee,) = [line["line_no"] for line in bill["lines"] if line["hsn_code"] == "0405"]
    body = {"invoice_id": bill["id"], "reason": "sour"}
    note = ok(living.admin.post("/credit-notes", body | {"lines": [{"line_no": ghee, "quantity": "0.5"}]}), 201)
    # Half a kilo of 105.25 is 52.625.
    assert [note[name] for name in ("taxable_value", "exempt_value", "cgst", "total")] == [
        "0.00", "52.63", "0.00", "52.63",
    ]  # fmt: skip
    more = ok(living.admin.post("/debit-notes", body | {"lines": [{"line_no": ghee, "amount": "10.00"}]}), 201)
    assert [more[name] for name in ("taxable_value", "exempt_value", "total")] == ["0.00", "10.00", "10.00"]
    text = pdf(living, f"/credit-notes/{note['id']}")
    assert "CREDIT NOTE" in text and "52.63" in text and "CGST" not in text
    done = run_command("verify-invoices", DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert "every document is as it was issued" in done.stdout


def test_the_turnover_of_a_quarter(living: LivingDairy) -> None:
    """Void bills are out, credit notes are taken off, debit notes are added; each in the month of its own date."""
    bill = bill_of(living, october(living))
    (ghee,) = [line["line_no"] for line in bill["lines"] if line["hsn_code"] == "0405"]
    body = {"invoice_id": bill["id"], "reason": "sour"}
    ok(living.admin.post("/credit-notes", body | {"lines": [{"line_no": ghee, "quantity": "0.5"}]}), 201)
    ok(living.admin.post("/debit-notes", body | {"lines": [{"line_no": ghee, "amount": "10.00"}]}), 201)
    other = living.customer()
    living.delivered(other, (goods(living)[0], "1"), on="2026-11-03")
    living.go_to("2026-12-01")
    void = bill_of(living, other, "2026-11")
    ok(living.admin.post(f"/invoices/{void['id']}/void", {"reason": "Wrong door"}))
    names = ("month", "documents", "invoices", "debit_notes", "credit_notes", "turnover", "of_taxable_supplies",
             "of_other_supplies")  # fmt: skip
    rows = export(living, "cmp08", **{"from": "2026-10-01", "to": "2026-12-31"})
    assert [[row[name] for name in names] for row in rows] == [
        ["2026-10", "1", "301.10", "0.00", "0.00", "301.10", "210.50", "90.60"],
        ["2026-11", "2", "0.00", "10.00", "-52.63", "-42.63", "-42.63", "0.00"],
        ["2026-12", "0", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00"],
    ]


RETURNS = ("gstr1/b2b.csv", "gstr1.zip", "gstr1.json", "gstr3b.csv", "gstr3b.json", "einvoice.json", "einvoice.xlsx",
           "gstr1.manifest.json")  # fmt: skip


def test_returns_of_regular_sellers_are_refused(living: LivingDairy) -> None:
    bill_of(living, october(living))
    for name in RETURNS:
        problem = refused(living.admin.get(f"/exports/{name}", period="2026-10"), 409, "under_composition")
        assert "CMP-08" in problem["detail"] and "GSTR-4" in problem["detail"]
    assert export(living, "exceptions") == []


def test_who_changes_keeps_what_was_issued(living: LivingDairy) -> None:
    """October regular, from 1 November by composition: October's return is there, and so are the taxes of its notes."""
    customer = october(living)
    living.go_to("2026-10-20")
    living.seller(gst_scheme="regular")
    living.go_to("2026-11-01")
    bill = bill_of(living, customer)
    # In 210.50 are 2 × 210.50 × 5 / 210 = 5.01 each: 200.48 without.
    assert [bill[name] for name in AMOUNTS] == ["200.48", "90.60", "5.01", "5.01", "0.00", "-0.10", "301.00"]
    living.seller(gst_scheme="composition")
    (ghee,) = [line["line_no"] for line in bill["lines"] if line["hsn_code"] == "0405"]
    lines = {"lines": [{"line_no": ghee, "quantity": "1"}]}
    note = ok(living.admin.post("/credit-notes", {"invoice_id": bill["id"], "reason": "sour"} | lines), 201)
    assert [note[name] for name in ("taxable_value", "cgst", "sgst", "total")] == ["100.23", "2.51", "2.51", "105.25"]
    assert LEGAL not in pdf(living, f"/credit-notes/{note['id']}")
    assert LEGAL not in pdf(living, f"/invoices/{bill['id']}")
    assert [row["Taxable Value"] for row in export(living, "gstr1/b2cs")] == ["200.48"]
    living.delivered(customer, (goods(living)[1], "1"), on="2026-11-05")
    living.go_to("2026-12-01")
    assert bill_of(living, customer, "2026-11")["document_type"] == "bill_of_supply"
    # November's return has the note and nothing of what was supplied under composition.
    assert [row["Taxable Value"] for row in export(living, "gstr1/b2cs", period="2026-11")] == ["-100.23"]
    assert [row["Nature of Document"] for row in export(living, "gstr1/docs", period="2026-11")] == ["Credit Note"]
    assert [row["turnover"] for row in export(living, "cmp08", **{"from": "2026-10-01", "to": "2026-12-31"})] == [
        "0.00", "105.25", "0.00",
    ]  # fmt: skip
    refused(living.admin.get("/exports/gstr3b.json", period="2026-12"), 409, "under_composition")


def test_the_preview_warns_of_what_came_before_the_change(living: LivingDairy) -> None:
    customer = october(living)
    living.seller(gst_scheme="regular")
    (warning,) = living.preview("2026-10")["warnings"]
    assert warning["code"] == "gst_scheme_changed"
    assert "2026-11-01" in warning["detail"]
    assert bill_of(living, customer)["document_type"] == "invoice_cum_bill_of_supply"
    living.delivered(customer, (goods(living)[1], "1"), on="2026-11-01")
    living.go_to("2026-12-01")
    assert "gst_scheme_changed" not in {each["code"] for each in living.preview("2026-11")["warnings"]}


def test_the_books_call_it_by_its_name(living: LivingDairy) -> None:
    bill_of(living, october(living))
    for name, told in (
        ("tally", "<LEDGERNAME>Sales under composition</LEDGERNAME>"),
        ("tally-masters", "<TAXABILITY>Taxable</TAXABILITY>"),
    ):
        body = living.admin.get(f"/exports/{name}.xml", period="2026-10").get_data(as_text=True)
        assert told in body
        assert "Sales GST" not in body
    reasons = [row["Item Tax Exemption Reason"] for row in export(living, "zoho-invoices")]
    assert reasons == ["Composition scheme", "Exempt supply"]


def test_bills_cost_as_many_statements_as_of_a_regular_seller(living: LivingDairy) -> None:
    customer = october(living)
    with count_statements(living.app.database) as composition:
        bill_of(living, customer)
    living.seller(gst_scheme="regular")
    living.delivered(customer, (goods(living)[0], "1"), on="2026-11-03")
    living.go_to("2026-12-01")
    with count_statements(living.app.database) as regular:
        bill_of(living, customer, "2026-11")
    assert len(composition) == len(regular)


def test_the_scheme_stays_while_bills_are_made(living: LivingDairy, database_url: str) -> None:
    """Lines are written before their document: both must be of one scheme."""
    with living.app.database.transaction() as session:
        at = datetime(2026, 11, 1, 3, tzinfo=UTC)
        issue_drafts(session, [], today=date(2026, 11, 1), at=at, run_id=None, issued_by=None)
        with raw_connection(database_url) as other, other.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                cursor.execute("UPDATE settings SET gstin = %s, state_code = '27', gst_scheme = 'composition'", [GSTIN])


def test_the_command_refuses_them_too(living: LivingDairy, database_url: str) -> None:
    bill_of(living, october(living))
    for profile, code in (("gstr1", 1), ("gstr1/b2cs", 1), ("einvoice", 1), ("cmp08", 0)):
        done = run_command("export", profile, "--period", "2026-10", DATABASE_URL=database_url)
        assert done.returncode == code, (profile, done.stderr)
        assert ("CMP-08" in done.stderr) == bool(code)


def test_customers_who_differ_by_law_are_merged(living: LivingDairy) -> None:
    """A regular dairy refuses (``taxed_otherwise``): what is not billed yet would bear another tax."""
    customer = october(living)
    shop = living.customer(gstin=SHOP_GSTIN, gst_treatment="registered", state_code="27")
    preview = f"/customers/{customer['id']}/merge-preview"
    assert ok(living.admin.get(preview, into=shop["id"]))["refusals"] == []
    living.seller(gst_scheme="regular")
    refusals = ok(living.admin.get(preview, into=shop["id"]))["refusals"]
    assert [each["code"] for each in refusals] == ["taxed_otherwise"]


def test_a_rule_may_name_a_class_without_a_rate(living: LivingDairy, sql: Any) -> None:
    october(living)
    sql("DELETE FROM tax_rates")
    rule = {"kind": "delivery_charge", "basis": "per_month", "amount": "30.00", "description": "Round",
            "valid_from": "2026-11-01", "tax_class": "butter_ghee"}  # fmt: skip
    ok(living.admin.post("/charge-rules", rule), 201)
    living.seller(gst_scheme="regular")
    refused(living.admin.post("/charge-rules", rule | {"valid_from": "2027-11-01"}), 422, "validation_failed")
