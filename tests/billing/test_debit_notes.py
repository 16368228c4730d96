"""Debit notes (CGST Act s. 34 (3)): what an invoice asked too little for, at its rates, owed at every door."""

from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.invoices.models import CreditNote, DebitNote
from dairy_app.invoices.queries.verification import all_series
from dairy_app.invoices.service.verification import verify
from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused
from tests.documents.reading import text_of
from tests.exports.books import rows_of

SELLER = {"gstin": "27AAPFU0939F1ZV"}


@pytest.fixture
def shop(living: LivingDairy) -> Any:
    """A registered shop in October: 10 l of milk at 60 (exempt) and 2 kg of ghee at 525 with 5 % in it."""
    living.seller(**SELLER)
    milk = living.product("60.00", name="Milk", hsn_code="0401")
    ghee = living.product("525.00", name="Ghee", unit="kg", hsn_code="0405", is_packed=True)
    made = living.customer(name="Shop", state_code="27", gstin="27AAACR5055K1Z7", gst_treatment="registered")
    living.delivered(made, (milk, "10"), (ghee, "2"), on="2026-10-05")
    living.go_to("2026-11-02")
    living.bill("2026-10")
    return made


def ghee_bill(living: LivingDairy, shop: Any) -> Any:
    (found,) = [each for each in living.invoices(customer_id=shop["id"], status="issued") if each["total"] == "1050.00"]
    return living.invoice(found["id"])


def charge(living: LivingDairy, invoice: Any, *lines: Any, **fields: Any) -> Any:
    body = {"invoice_id": invoice["id"], "reason": "old price", "lines": list(lines)}
    return living.admin.post("/debit-notes", body | fields)


def credit(living: LivingDairy, invoice: Any, *lines: Any, **fields: Any) -> Any:
    body = {"invoice_id": invoice["id"], "reason": "sour"} | ({"lines": list(lines)} if lines else {})
    return living.admin.post("/credit-notes", body | fields)


def balance(living: LivingDairy, customer: Any) -> Decimal:
    return Decimal(ok(living.admin.get(f"/customers/{customer['id']}/balance"))["balance"])


def test_an_amount_is_taxed_at_the_rate_of_the_invoice(living: LivingDairy, shop: Any) -> None:
    bill = ghee_bill(living, shop)
    note = ok(charge(living, bill, {"line_no": 1, "amount": "105.00"}), 201)
    assert (note["number"], note["note_date"], note["due_date"]) == ("DN/2627/0000001", "2026-11-02", "2026-11-12")
    assert [note[name] for name in ("taxable_value", "cgst", "sgst", "igst", "exempt_value", "total")] == [
        "100.00", "2.50", "2.50", "0.00", "0.00", "105.00",
    ]  # fmt: skip
    (line,) = note["lines"]
    assert (line["description"], line["hsn_code"], line["gst_rate"], line["quantity"]) == ("Ghee", "0405", "5.00", None)
    assert (note["invoice_number"], note["snapshot"]) == (bill["number"], bill["snapshot"])
    assert living.invoice(bill["id"])["document_hash"] == bill["document_hash"]
    again = ok(charge(living, bill, {"line_no": 1, "amount": "5000.00"}), 201)
    assert again["number"] == "DN/2627/0000002"
    listed = ok(living.admin.get("/debit-notes", invoice_id=bill["id"]))["items"]
    assert [each["number"] for each in listed] == ["DN/2627/0000002", "DN/2627/0000001"]


def test_as_much_as_the_line_itself(living: LivingDairy, shop: Any) -> None:
    note = ok(charge(living, ghee_bill(living, shop), {"line_no": 1, "amount": "1050.00"}), 201)
    assert [note[name] for name in ("taxable_value", "cgst", "total")] == ["1000.00", "25.00", "1050.00"]


def test_what_was_free_is_charged_with_the_tax_of_its_place(living: LivingDairy) -> None:
    """A line of 0 rupees to another state has no IGST that would tell: the place of supply does."""
    living.seller(**SELLER)
    ghee = living.product("525.00", name="Ghee", unit="kg", hsn_code="0405", is_packed=True)
    sample = living.product("0.01", name="Sample", unit="kg", hsn_code="0405", is_packed=True)
    away = living.customer(name="Away", state_code="29")
    living.delivered(away, (ghee, "1"), (sample, "1"), on="2026-10-05")
    living.go_to("2026-11-02")
    living.bill("2026-10")
    (bill,) = (living.invoice(each["id"]) for each in living.invoices(customer_id=away["id"]))
    line = {"line_no": line_of(bill, "Sample"), "amount": "105.00"}
    note = ok(charge(living, bill, line), 201)
    assert [note[name] for name in ("taxable_value", "cgst", "sgst", "igst")] == ["100.00", "0.00", "0.00", "5.00"]


def test_a_quantity_costs_what_it_cost_there(living: LivingDairy, shop: Any) -> None:
    """Also more of it than the invoice has."""
    note = ok(charge(living, ghee_bill(living, shop), {"line_no": 1, "quantity": "3"}), 201)
    assert (note["taxable_value"], note["cgst"], note["total"]) == ("1500.00", "37.50", "1575.00")


@pytest.mark.parametrize(
    ("line", "fields", "status", "code"),
    [
        ({"line_no": 9, "amount": "1.00"}, {}, 422, "validation_failed"),
        ({"line_no": 1}, {}, 422, "validation_failed"),
        ({"line_no": 1, "amount": "0.00"}, {}, 422, "validation_failed"),
        ({"line_no": 1, "amount": "1.00", "quantity": "1"}, {}, 422, "validation_failed"),
        ({"line_no": 1, "amount": "1.00"}, {"note_date": "2026-11-03"}, 422, "validation_failed"),
        ({"line_no": 1, "amount": "1.00"}, {"note_date": "2026-10-30"}, 422, "validation_failed"),
        ({"line_no": 1, "amount": "1.00"}, {"lines": []}, 422, "validation_failed"),
        ({"line_no": 1, "amount": "1.00"}, {"reason": "x"}, 422, "validation_failed"),
    ],
)
def test_what_is_refused(living: LivingDairy, shop: Any, line: Any, fields: Any, status: int, code: str) -> None:
    refused(charge(living, ghee_bill(living, shop), line, **fields), status, code)
    assert balance(living, shop) == Decimal("1650.00")


def two_lines(living: LivingDairy) -> Any:
    """A bill of ghee for 525.00, butter for 525.00 and a discount of 105.00, all with 5 % in it, of 2 November."""
    living.seller(**SELLER)
    goods = [living.product("525.00", name=each, unit="kg", hsn_code="0405", is_packed=True)
        for each in ("Ghee", "Butter")]  # fmt: skip
    buyer = living.customer(name="Hotel", state_code="27")
    living.delivered(buyer, *((each, "1") for each in goods), on="2026-10-05")
    body = {"customer_id": buyer["id"], "kind": "discount", "description": "Festival", "amount": "-105.00"}
    ok(living.admin.post("/adjustments", body | {"reason": "promised", "tax_class": "butter_ghee"}), 201)
    living.go_to("2026-11-02")
    living.bill("2026-10")
    (found,) = living.invoices(customer_id=buyer["id"])
    return living.invoice(found["id"])


def line_of(invoice: Any, name: str) -> int:
    (line,) = [each["line_no"] for each in invoice["lines"] if each["description"] == name]
    return int(line)


def test_a_line_has_by_a_day_what_was_charged_on_it_by_then(living: LivingDairy) -> None:
    """Also where the invoice as a whole has more."""
    bill = two_lines(living)
    ghee = line_of(bill, "Ghee")
    living.go_to("2026-11-10")
    ok(charge(living, bill, {"line_no": ghee, "amount": "105.00"}), 201)
    taken = {"line_no": ghee, "amount": "600.00"}
    problem = refused(credit(living, bill, taken, note_date="2026-11-09"), 422, "credit_exceeds_line")
    assert "525.00 rupees" in problem["detail"]
    ok(credit(living, bill, taken, note_date="2026-11-10"), 201)


def test_an_invoice_has_by_a_day_what_was_charged_on_it_by_then(living: LivingDairy, shop: Any) -> None:
    """500.00 are written off and 600.00 are to be taken back: 1050.00 and, from the tenth on, 210.00."""
    bill = ghee_bill(living, shop)
    living.go_to("2026-11-10")
    off = {"customer_id": shop["id"], "invoice_id": bill["id"], "amount": "500.00", "reason": "moved away"}
    ok(living.admin.post("/write-offs", off), 201)
    ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    taken = {"line_no": 1, "amount": "600.00"}
    problem = refused(credit(living, bill, taken, note_date="2026-11-09"), 422, "credit_exceeds_line")
    assert "550.00 rupees left" in problem["detail"]
    ok(credit(living, bill, taken, note_date="2026-11-10"), 201)


def test_a_discount_is_no_line_to_charge_on(living: LivingDairy) -> None:
    bill = two_lines(living)
    line = {"line_no": line_of(bill, "Festival"), "amount": "10.50"}
    problem = refused(charge(living, bill, line), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/lines/0/line_no"
    assert "is a discount; charge on a line of goods" in problem["errors"][0]["detail"]


def test_not_on_drafts_or_void_invoices_nor_into_closed_days(living: LivingDairy, shop: Any) -> None:
    bill = ghee_bill(living, shop)
    ok(living.admin.patch("/settings", {"returns_filed_through": "2026-10-31"}))
    refused(charge(living, bill, {"line_no": 1, "amount": "1.00"}, note_date="2026-10-31"), 409, "return_filed")
    ok(living.admin.patch("/settings", {"returns_filed_through": None, "books_closed_through": "2026-10-31"}))
    refused(charge(living, bill, {"line_no": 1, "amount": "1.00"}, note_date="2026-10-31"), 409, "period_closed")
    ok(charge(living, bill, {"line_no": 1, "amount": "1.00"}), 201)
    ok(living.admin.patch("/settings", {"books_closed_through": None}))
    refused(living.admin.post(f"/invoices/{bill['id']}/void", {"reason": "wrong"}), 409, "in_use")


def test_every_door_says_the_same(living: LivingDairy, shop: Any, sql: Any) -> None:
    """Ledger, balance, statement, open items, ageing (both ways), exposure, files: the sums are one."""
    bill = ghee_bill(living, shop)
    ok(living.admin.post("/payments", {"customer_id": shop["id"], "amount": "1650.00", "method": "cash",
        "received_on": "2026-11-02"}), 201)  # fmt: skip
    note = ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    assert balance(living, shop) == Decimal("210.00")
    bill = living.invoice(bill["id"])
    assert (bill["payment_status"], bill["balance_due"]) == ("paid", "0.00")
    for day in ("2026-11-02", "2026-11-12", "2026-11-13", "2026-12-20"):
        living.go_to(day)
        (open_items,) = sql(
            f"SELECT kind, document, due_date::text, open FROM open_items(ARRAY['{shop['id']}'::uuid], '{day}')"
            " WHERE open <> 0"
        )
        assert open_items == ("debit_note", note["number"], "2026-11-12", Decimal("210.00"))
        aged = ok(living.admin.get("/reports/ageing", as_of=day))
        (row,) = aged["items"]
        bucket = {"2026-11-13": "days_1_30", "2026-12-20": "days_31_60"}.get(day, "not_due")
        assert (row[bucket], row["net"], aged["totals"]["net"]) == ("210.00", "210.00", "210.00")
        file = living.admin.get("/exports/ageing.csv", **{"from": "2026-10-01", "to": day})
        assert Decimal(rows_of(file.get_data())[0]["net"]) == Decimal("210.00")
    days = {"from": "2026-10-01", "to": "2026-11-30"}
    statement = ok(living.admin.get("/reports/statement", customer_id=shop["id"], **days))
    assert statement["closing"] == "210.00"
    assert ("debit_note", note["number"], "210.00") in [
        (each["kind"], each["document"], each["debit"]) for each in statement["items"]
    ]
    assert sql(f"SELECT balance FROM credit_exposures(ARRAY['{shop['id']}'::uuid], '2026-11-02')") == [(Decimal(210),)]
    register = living.admin.get("/exports/invoice-register.csv", period="2026-11")
    (row,) = rows_of(register.get_data())
    assert [row[name] for name in ("document_type", "number", "original_document_number", "total_amount")] == [
        "debit_note", note["number"], bill["number"], "210.00",
    ]  # fmt: skip
    assert (row["amount_paid"], row["balance_due"], row["due_date"]) == ("0.00", "210.00", "2026-11-12")
    journal = rows_of(living.admin.get("/exports/ledger.csv", period="2026-11").get_data())
    mine = [each for each in journal if each["voucher_no"] == note["number"]]
    assert {each["voucher_type"] for each in mine} == {"Debit Note"}
    assert [(each["ledger_name"], each["debit"], each["credit"]) for each in mine] == [
        ("Customer receivables", "210.00", "0.00"), ("Sales GST 5%", "0.00", "200.00"),
        ("Output CGST", "0.00", "5.00"), ("Output SGST", "0.00", "5.00"),
    ]  # fmt: skip


def test_money_pays_it_after_its_invoice(living: LivingDairy, shop: Any) -> None:
    bill = ghee_bill(living, shop)
    note = ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    body = {"customer_id": shop["id"], "amount": "1700.00", "method": "cash", "received_on": "2026-11-02"}
    paid = ok(living.admin.post("/payments", body), 201)
    shown = ok(living.admin.get(f"/payments/{paid['id']}"))
    told = {each["document"]: (each["kind"], each["amount"]) for each in shown["applications"]}
    assert told[note["number"]] == ("debit_note", "50.00")
    assert balance(living, shop) == Decimal("160.00")
    rows = rows_of(living.admin.get("/exports/allocations.csv", period="2026-11").get_data())
    assert {(each["document_number"], each["amount"]) for each in rows} >= {(note["number"], "50.00")}
    assert sum(Decimal(each["amount"]) for each in rows) == Decimal("1700.00")


def test_a_credit_note_takes_back_what_a_debit_note_charged(living: LivingDairy, shop: Any, sql: Any) -> None:
    """All that is left of the invoice is its own and what was charged since; nothing of both remains."""
    bill = ghee_bill(living, shop)
    note = ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    refused(credit(living, bill, {"line_no": 1, "amount": "1260.01"}), 422, "credit_exceeds_line")
    taken = ok(credit(living, bill), 201)
    assert (taken["taxable_value"], taken["cgst"], taken["total"]) == ("1200.00", "30.00", "1260.00")
    assert balance(living, shop) == Decimal("600.00")
    found = sql(f"SELECT kind, open FROM open_items(ARRAY['{shop['id']}'::uuid], '2026-11-02') ORDER BY kind, open")
    assert found == [("debit_note", Decimal(0)), ("invoice", Decimal(0)), ("invoice", Decimal(600))]
    applied = sql(
        "SELECT debit_kind, amount FROM applications(NULL, '2026-11-02') WHERE credit_kind = 'credit_note' ORDER BY 1"
    )
    assert applied == [("debit_note", Decimal(210)), ("invoice", Decimal(1050))]
    assert living.invoice(bill["id"])["credit_applied"] == "1050.00"
    row = {each["number"]: each for each in rows_of(
        living.admin.get("/exports/invoice-register.csv", period="2026-11").get_data())}[note["number"]]  # fmt: skip
    assert (row["credit_applied"], row["balance_due"]) == ("210.00", "0.00")


def test_a_return_at_the_new_price_takes_back_the_new_price(living: LivingDairy, shop: Any) -> None:
    """After 210.00 more for 2 kg, a kilogram is worth 630.00 with its tax."""
    bill = ghee_bill(living, shop)
    ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    assert ok(credit(living, bill, {"line_no": 1, "quantity": "1"}), 201)["total"] == "630.00"


def test_what_was_charged_later_is_not_taken_back_before(living: LivingDairy, shop: Any) -> None:
    """On no day is more taken back than was charged until then: open items and ledger agree as of each."""
    bill = ghee_bill(living, shop)
    living.go_to("2026-11-10")
    ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    taken = {"line_no": 1, "amount": "1060.00"}
    refused(credit(living, bill, taken, note_date="2026-11-09"), 422, "credit_exceeds_line")
    ok(credit(living, bill, taken, note_date="2026-11-10"), 201)


def test_the_return_lists_it_as_a_note_of_type_d(living: LivingDairy, shop: Any) -> None:
    bill = ghee_bill(living, shop)
    ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    ok(credit(living, bill, {"line_no": 1, "amount": "105.00"}), 201)
    consumer = living.customer(name="Household", state_code="27")
    ghee = ok(living.admin.get("/products"))["items"]
    living.delivered(consumer, (next(each for each in ghee if each["name"] == "Ghee"), "1"), on="2026-11-03")
    living.go_to("2026-12-02")
    living.bill("2026-11", confirm=True)
    (small,) = living.invoices(customer_id=consumer["id"])
    ok(charge(living, small, {"line_no": 1, "amount": "52.50"}), 201)
    november = rows_of(living.admin.get("/exports/gstr1/cdnr.csv", period="2026-11").get_data())
    columns = ("Note Number", "Note Type", "Note Value", "Taxable Value")
    assert [tuple(each[name] for name in columns) for each in november] == [
        ("CN/2627/0000001", "C", "105.00", "100.00"), ("DN/2627/0000001", "D", "210.00", "200.00"),
    ]  # fmt: skip
    portal = living.admin.get("/exports/gstr1.json", period="2026-11").get_json()
    assert sorted((each["ntty"], each["val"]) for each in portal["cdnr"][0]["nt"]) == [("C", 105.0), ("D", 210.0)]
    assert [(each["doc_num"], each["docs"][0]["totnum"]) for each in portal["doc_issue"]["doc_det"]] == [
        (1, 1), (5, 1), (4, 1),
    ]  # fmt: skip
    december = living.admin.get("/exports/gstr1.json", period="2026-12").get_json()
    assert [(each["txval"], each["camt"]) for each in december["b2cs"]] == [(50.0, 1.25)]
    for period, value in (("2026-11", "600.00"), ("2026-12", "50.00")):
        summary = rows_of(living.admin.get("/exports/gstr3b.csv", period=period).get_data())
        assert summary[0]["Total Taxable Value"] == value
        manifest = ok(living.admin.get("/exports/gstr1.manifest.json", period=period))
        assert [each["name"] for each in manifest["checks"] if not each["passed"]] == []
    tally = living.admin.get("/exports/tally.xml", period="2026-11").get_data(as_text=True)
    assert 'VCHTYPE="Debit Note"' in tally


def test_it_is_registered_as_an_e_invoice(living: LivingDairy, shop: Any) -> None:
    ok(living.admin.patch("/settings", {"city": "Pune", "pincode": "411004"}))
    ok(living.admin.patch(f"/customers/{shop['id']}", {"city": "Pune", "pincode": "411038"}))
    bill = ghee_bill(living, shop)
    note = ok(charge(living, bill, {"line_no": 1, "quantity": "1"}), 201)
    (asked,) = living.admin.get("/exports/einvoice.json", period="2026-11").get_json()
    assert asked["DocDtls"] == {"Typ": "DBN", "No": note["number"], "Dt": "02/11/2026"}
    assert asked["RefDtls"]["PrecDocDtls"][0]["InvNo"] == bill["number"]
    answer = {"DocNo": note["number"], "Irn": "3f" * 32, "AckNo": 1, "AckDt": "2026-11-02 07:00:00",
        "SignedQRCode": "a.b.c"}  # fmt: skip
    ok(living.admin.put("/invoices/e-invoices", [answer]))
    assert ok(living.admin.get(f"/debit-notes/{note['id']}"))["irn"] == "3f" * 32
    read = text_of(living.admin.get(f"/debit-notes/{note['id']}/pdf").get_data())
    for said in ("DEBIT NOTE", note["number"], bill["number"], "525.00", "Ack. no. 1"):
        assert said in read


def test_a_customer_sees_its_own(living: LivingDairy, shop: Any) -> None:
    note = ok(charge(living, ghee_bill(living, shop), {"line_no": 1, "amount": "1.05"}), 201)
    _, other = living.customer_login()
    refused(other.get(f"/debit-notes/{note['id']}"), 404, "debit_note_not_found")
    refused(other.get(f"/debit-notes/{note['id']}/pdf"), 404, "debit_note_not_found")
    assert ok(other.get("/debit-notes"))["items"] == []
    refused(other.post("/debit-notes", {}), 403, "forbidden")


def test_reminders_count_it_with_its_bill(living: LivingDairy, shop: Any) -> None:
    ok(living.admin.post("/reminder-rules", {"days_after_due": 3, "max_times": 3}), 201)
    ok(living.admin.post("/payments", {"customer_id": shop["id"], "amount": "1650.00", "method": "cash",
        "received_on": "2026-11-02"}), 201)  # fmt: skip
    ok(charge(living, ghee_bill(living, shop), {"line_no": 1, "amount": "210.00"}), 201)
    living.go_to("2026-11-14")
    assert ok(living.admin.get("/reminders"))["items"] == []
    living.go_to("2026-11-15")
    (due,) = ok(living.admin.get("/reminders"))["items"]
    assert (due["open"], due["due_date"], due["days_late"]) == ("210.00", "2026-11-12", 3)


def test_the_chain_of_hashes_and_the_checks_of_data(living: LivingDairy, shop: Any, sql: Any) -> None:
    bill = ghee_bill(living, shop)
    for amount in ("105.00", "52.50"):
        ok(charge(living, bill, {"line_no": 1, "amount": amount}), 201)
    first, second = sql("SELECT document_hash, previous_hash FROM debit_notes ORDER BY sequence_no")
    assert (first[1], second[1]) == ("0" * 64, first[0])
    assert sql("SELECT next_no, last_hash FROM number_series WHERE series = 'DN'") == [(3, second[0])]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE debit_notes SET reason = 'another' WHERE sequence_no = 1", "content_changed"),
        ("UPDATE debit_note_lines SET quantity = 5", "content_changed"),
        ("UPDATE debit_notes SET total = total + 1, exempt_value = 1 WHERE sequence_no = 2", "lines_differ"),
        ("UPDATE number_series SET last_hash = repeat('a', 64) WHERE series = 'DN'", "series_differs"),
        ("UPDATE debit_notes SET previous_hash = repeat('a', 64) WHERE sequence_no = 2", "chain_broken"),
    ],
)
def test_what_was_changed_behind_the_program_is_found(living: LivingDairy, shop: Any, change: str, code: str) -> None:
    bill = ghee_bill(living, shop)
    for amount in ("105.00", "52.50"):
        ok(charge(living, bill, {"line_no": 1, "amount": amount}), 201)
    assert found_of_debit_notes(living) == set()
    assert code in found_of_debit_notes(living, change)


def found_of_debit_notes(living: LivingDairy, change: str = "SELECT 1") -> set[str]:
    """The findings of the series of debit notes after a change with the triggers asleep, which is taken back."""
    with Session(living.app.database.engine) as session:
        for each in ("SET LOCAL session_replication_role = replica", change):
            session.execute(text(each))
        series = [each for each in all_series(session) if each.papers == "debit_notes"]
        assert [(each.series, each.count) for each in series] == [("DN", 2)]
        found = {wrong.code for each in series for _, findings in verify(session, each) for wrong in findings}
        session.rollback()
        return found


def test_the_database_alone_keeps_it_so(living: LivingDairy, shop: Any, sql: Any) -> None:
    bill = ghee_bill(living, shop)
    note = ok(charge(living, bill, {"line_no": 1, "amount": "105.00"}), 201)
    which = f"WHERE id = '{note['id']}'"
    columns = "id, customer_id, invoice_id, series, financial_year, sequence_no, number, note_date, due_date, reason," \
        " snapshot, taxable_value, exempt_value, cgst, sgst, igst, total, issued_at, issued_by, document_hash," \
        " previous_hash, hash_version"  # fmt: skip

    def again(**changes: str) -> str:
        given = {"id": "uuid7()", "sequence_no": "9", "number": "'DN/2627/0000009'"} | changes
        values = ", ".join(given.get(name.strip(), name.strip()) for name in columns.split(","))
        return f"INSERT INTO debit_notes ({columns}) SELECT {values} FROM debit_notes {which}"

    for statement, name in (
        (f"UPDATE debit_notes SET reason = 'other' {which}", "tr_debit_notes_frozen"),
        (f"DELETE FROM debit_notes {which}", "tr_debit_notes_frozen"),
        ("UPDATE debit_note_lines SET line_total = line_total + 1", "tr_debit_notes_frozen"),
        ("DELETE FROM debit_note_lines", "tr_debit_notes_frozen"),
        ("TRUNCATE debit_note_lines", "tr_never_truncated"),
        (again(), "tr_debit_notes_add_up"),
        (again(note_date="'2026-10-30'", due_date="'2026-10-30'"), "tr_debit_notes_after_invoice"),
        (again(note_date="'2026-08-31'"), "tr_debit_notes_after_return"),
        (again(sequence_no="1"), "uq_debit_notes_series_financial_year_sequence_no"),
        (again(number="'DN/2627/0000001'"), "uq_debit_notes_financial_year_number"),
        (again(number="'dn 1'"), "ck_debit_notes_number_format"),
        (again(due_date="note_date - 1"), "ck_debit_notes_due_not_before_date"),
        (again(note_date="'-infinity'"), "ck_debit_notes_date_finite"),
        (again(total="0", taxable_value="0", cgst="0", sgst="0"), "ck_debit_notes_total_positive"),
        (again(total="1"), "ck_debit_notes_total_adds_up"),
        (again(igst="1", total="total + 1"), "ck_debit_notes_one_kind_of_gst"),
        (again(cgst="3", total="105.50"), "ck_debit_notes_cgst_equals_sgst"),
        (again(reason="'x'"), "ck_debit_notes_reason_length"),
        ("UPDATE settings SET debit_note_series = 'CN'", "ck_settings_debit_note_series_format"),
        ("UPDATE settings SET credit_note_series = 'DN', debit_note_series = 'DBN'", "tr_settings_series_stay_apart"),
    ):
        with pytest.raises(psycopg2.Error) as by:
            sql(statement)
        assert name in (str(by.value.diag.constraint_name or ""),), (statement, by.value)


def copied(note: Any, day: str) -> str:
    """The statement that writes a credit note once more, dated otherwise."""
    given = {"id": "uuid7()", "sequence_no": "2", "number": "'CN/2627/0000002'", "note_date": f"date '{day}'"}
    columns = [column.name for column in CreditNote.__table__.c]
    return f"""
        WITH note AS (
            INSERT INTO credit_notes ({", ".join(columns)}) SELECT {", ".join(given.get(c, c) for c in columns)}
            FROM credit_notes WHERE id = '{note["id"]}' RETURNING id
        )
        INSERT INTO credit_note_lines
        SELECT note.id, line_no, invoice_id, invoice_line_no, quantity, taxable_value, cgst, sgst, igst, line_total
        FROM credit_note_lines, note WHERE credit_note_id = '{note["id"]}'"""


@pytest.mark.parametrize(("day", "is_taken"), [("2026-11-10", True), ("2026-11-09", False)])
def test_the_database_knows_what_was_charged_on_a_line_by_a_day(
    living: LivingDairy, sql: Any, day: str, is_taken: bool
) -> None:
    """300.00 and 300.00 are more than the line's 525.00, and less than that with 105.00 of the tenth."""
    bill = two_lines(living)
    ghee = line_of(bill, "Ghee")
    living.go_to("2026-11-10")
    ok(charge(living, bill, {"line_no": ghee, "amount": "105.00"}), 201)
    first = ok(credit(living, bill, {"line_no": ghee, "amount": "300.00"}), 201)
    if is_taken:
        sql(copied(first, day))
        return
    with pytest.raises(psycopg2.IntegrityError) as by:
        sql(copied(first, day))
    assert by.value.diag.constraint_name == "tr_credit_notes_within_lines"


@pytest.mark.parametrize(("day", "is_taken"), [("2026-11-10", True), ("2026-11-09", False)])
def test_the_database_knows_what_was_charged_on_an_invoice_by_a_day(
    living: LivingDairy, shop: Any, sql: Any, day: str, is_taken: bool
) -> None:
    """600.00 are written off; twice 300.00 are within the line, and more than the rest of 1050.00 before the tenth."""
    bill = ghee_bill(living, shop)
    living.go_to("2026-11-10")
    off = {"customer_id": shop["id"], "invoice_id": bill["id"], "amount": "600.00", "reason": "moved away"}
    ok(living.admin.post("/write-offs", off), 201)
    ok(charge(living, bill, {"line_no": 1, "amount": "210.00"}), 201)
    first = ok(credit(living, bill, {"line_no": 1, "amount": "300.00"}), 201)
    if is_taken:
        sql(copied(first, day))
        return
    with pytest.raises(psycopg2.IntegrityError) as by:
        sql(copied(first, day))
    assert by.value.diag.constraint_name == "tr_invoices_reduced_within_total"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ({"taxable_value": "100", "cgst": "3", "sgst": "3", "igst": "0", "line_total": "106"}, "at_rates"),
        ({"taxable_value": "0", "cgst": "0", "sgst": "0", "igst": "0", "line_total": "105"}, "at_rates"),
        ({"taxable_value": "100", "cgst": "0", "sgst": "0", "igst": "5", "line_total": "105"}, None),
        ({"taxable_value": "100", "cgst": "2.5", "sgst": "2.5", "igst": "0", "line_total": "106"}, "line_adds_up"),
        ({"taxable_value": "-1", "cgst": "0", "sgst": "0", "igst": "0", "line_total": "-1"}, "above_zero"),
        ({"taxable_value": "100", "cgst": "2", "sgst": "3", "igst": "0", "line_total": "105"}, "cgst_equals_sgst"),
    ],
)
def test_the_database_knows_the_rates_of_the_invoice(
    living: LivingDairy, shop: Any, sql: Any, line: dict[str, str], name: str | None
) -> None:
    """A whole note written by hand: its one line is not what the invoice's rate makes of it."""
    bill = ghee_bill(living, shop)
    note = ok(charge(living, bill, {"line_no": 1, "amount": "105.00"}), 201)
    total = line["line_total"]
    amounts = {name: line[name] for name in ("taxable_value", "cgst", "sgst", "igst")}
    exempt = str(Decimal(total) - sum(map(Decimal, amounts.values())))
    given = {"id": "uuid7()", "sequence_no": "2", "number": "'DN/2627/0000002'", "total": f"greatest({total}, 1)"}
    given |= amounts | {"exempt_value": exempt if Decimal(total) > 0 else "2"}
    columns = [column.name for column in DebitNote.__table__.c]
    statement = f"""
        WITH note AS (
            INSERT INTO debit_notes ({", ".join(columns)}) SELECT {", ".join(given.get(c, c) for c in columns)}
            FROM debit_notes WHERE id = '{note["id"]}' RETURNING id
        )
        INSERT INTO debit_note_lines SELECT note.id, 1, '{bill["id"]}', 1, NULL, {", ".join(line.values())} FROM note"""
    with pytest.raises(psycopg2.IntegrityError) as by:
        sql(statement)
    expected = {"at_rates": "tr_debit_notes_at_rates", None: "tr_debit_notes_at_rates"}
    found = str(by.value.diag.constraint_name)
    assert found == expected.get(name) or found.endswith(str(name)), found
