"""Credit notes against somebody with psql: each attempt is refused by the constraint named."""

from functools import partial
from typing import Any

import psycopg2
import pytest

from tests.billing.conftest import LivingDairy
from tests.billing.test_credit_notes import credit, issued
from tests.conftest import raw_connection
from tests.dairy import kept, ok
from tests.races import at_once

#: A note of 1 kg of ghee and 2 litres of milk as SQL literals, by column.
NOTE = {
    "id": "'{new}'",
    "customer_id": "'{customer}'",
    "invoice_id": "'{invoice}'",
    "series": "'CN'",
    "financial_year": "'2627'",
    "sequence_no": "2",
    "number": "'CN/2627/0000002'",
    "note_date": "'2026-11-01'",
    "reason": "'sour milk'",
    "snapshot": "'{{}}'",
    "taxable_value": "679.38",
    "exempt_value": "120",
    "cgst": "16.98",
    "sgst": "16.98",
    "igst": "0",
    "round_off": "0",
    "total": "833.34",
    "issued_at": "now()",
    "issued_by": "'{admin}'",
    "document_hash": "'x'",
    "previous_hash": "'x'",
    "hash_version": "1",
}
GHEE = {
    "credit_note_id": "'{new}'",
    "line_no": "1",
    "invoice_id": "'{invoice}'",
    "invoice_line_no": "{ghee}",
    "quantity": "1",
    "taxable_value": "679.38",
    "cgst": "16.98",
    "sgst": "16.98",
    "igst": "0",
    "line_total": "713.34",
}
NO_TAX = {"taxable_value": "0", "cgst": "0", "sgst": "0"}
MILK = GHEE | NO_TAX | {"line_no": "2", "invoice_line_no": "{milk}", "quantity": "2", "line_total": "120"}


def insert(table: str, row: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())});"


def note(*lines: dict[str, str], **changes: str) -> str:
    """A note written by hand, with both lines unless told otherwise."""
    rows = lines or (GHEE, MILK)
    return insert("credit_notes", NOTE | changes) + "".join(insert("credit_note_lines", row) for row in rows)


def milk_only(**line: str) -> str:
    """A note of milk for what its line says."""
    row = MILK | line
    return note(row, **NO_TAX, exempt_value=row["line_total"], total=row["line_total"])


def ghee_only(**line: str) -> str:
    """A note of ghee for what its line says."""
    row = GHEE | line
    amounts = {name: row[name] for name in ("taxable_value", "cgst", "sgst", "igst")}
    return note(row, **amounts, exempt_value="0", total=row["line_total"])


MORE_TAXABLE = {"taxable_value": "713.34", "cgst": "0", "sgst": "0"}
VOID = (
    "UPDATE invoices SET status = 'void', void_reason = 'x', voided_at = '2026-11-02 12:00+05:30'"
    " WHERE id = '{invoice}';"
)
FRESH = (
    "INSERT INTO invoices (id, customer_id, period_start, period_end) VALUES ('{new}', '{customer}', '2026-10-01',"
    " '2026-10-31'); UPDATE orders SET invoice_id = '{new}' WHERE invoice_id = '{invoice}';"
)
WRITE_OFF = """INSERT INTO write_offs (customer_id, invoice_id, amount, written_off_on, reason, written_by)
    VALUES ('{customer}', '{invoice}', {amount}, '2026-11-01', 'moved away', '{admin}')"""

ATTEMPTS = [
    ("changing a note", "UPDATE credit_notes SET total = 1", "tr_credit_notes_frozen"),
    ("deleting a note", "DELETE FROM credit_notes", "tr_credit_notes_frozen"),
    ("changing a line", "UPDATE credit_note_lines SET quantity = 1", "tr_credit_notes_frozen"),
    ("deleting a line", "DELETE FROM credit_note_lines", "tr_credit_notes_frozen"),
    ("notes emptied", "TRUNCATE credit_notes CASCADE", "tr_never_truncated"),
    ("lines emptied", "TRUNCATE credit_note_lines", "tr_never_truncated"),
    ("of a draft", note(MILK, invoice_id="'{draft}'"), "fk_credit_note_lines_note_of_invoice"),
    (
        "of a draft, without lines",
        insert("credit_notes", NOTE | {"invoice_id": "'{draft}'"}),
        "tr_credit_notes_on_issued",
    ),
    ("without lines", insert("credit_notes", NOTE), "tr_credit_notes_add_up"),
    ("more than its lines", note(total="834.34", exempt_value="121"), "tr_credit_notes_add_up"),
    ("less tax than its lines", note(cgst="0", sgst="0", exempt_value="153.96"), "tr_credit_notes_add_up"),
    (
        "a line added to an old note",
        insert("credit_note_lines", GHEE | {"credit_note_id": "'{note}'", "line_no": "2"}),
        "tr_credit_notes_add_up",
    ),
    ("more goods than the line", milk_only(quantity="9.001"), "tr_credit_notes_within_lines"),
    ("more money than the line", milk_only(quantity="NULL", line_total="540.01"), "tr_credit_notes_within_lines"),
    (
        "adding to what a line has",
        note(GHEE, MILK | {"line_total": "-1"}, exempt_value="-1", total="712.34"),
        "tr_credit_notes_within_lines",
    ),
    (
        "more tax than the line",
        ghee_only(cgst="51", sgst="51", line_total="781.38"),
        "tr_credit_notes_within_lines",
    ),
    (
        "more value than the line",
        ghee_only(taxable_value="2038.16", cgst="0", sgst="0", line_total="2038.16"),
        "tr_credit_notes_within_lines",
    ),
    ("another tax than the line", ghee_only(cgst="0", sgst="0", igst="33.96"), "tr_credit_notes_within_lines"),
    ("of another's invoice", note(customer_id="'{other}'"), "fk_credit_notes_invoice_of_customer"),
    ("by nobody", note(issued_by="'{invoice}'"), "fk_credit_notes_issued_by"),
    ("a number twice", note(number="'CN/2627/0000001'"), "uq_credit_notes_financial_year_number"),
    ("a place twice", note(sequence_no="1"), "uq_credit_notes_series_financial_year_sequence_no"),
    ("an id twice", note(id="'{note}'"), "pk_credit_notes"),
    ("a number in small letters", note(number="'cn/2627/2'"), "ck_credit_notes_number_format"),
    ("a long number", note(number="'CN/2627/000000002'"), "ck_credit_notes_number_format"),
    ("on no day", note(note_date="'infinity'"), "ck_credit_notes_date_finite"),
    ("a sum that is none", note(total="834"), "ck_credit_notes_total_adds_up"),
    ("of nothing", note(**NO_TAX, exempt_value="0", total="0"), "ck_credit_notes_total_positive"),
    ("rounded by a rupee", note(round_off="-1", total="832.34"), "ck_credit_notes_round_off_below_rupee"),
    ("two kinds of tax", note(igst="1", total="834.34"), "ck_credit_notes_one_kind_of_gst"),
    ("halves that differ", note(cgst="17.98", sgst="15.98"), "ck_credit_notes_cgst_equals_sgst"),
    ("without a reason", note(reason="'no'"), "ck_credit_notes_reason_length"),
    ("a line of no invoice line", note(MILK | {"invoice_line_no": "9"}), "fk_credit_note_lines_line_of_invoice"),
    (
        "one invoice line twice",
        note(MILK, MILK | {"line_no": "3"}),
        "uq_credit_note_lines_credit_note_id_invoice_line_no",
    ),
    ("a line 0", note(MILK | {"line_no": "0"}), "ck_credit_note_lines_line_no_positive"),
    ("a line that is no sum", note(GHEE | {"line_total": "713"}), "ck_credit_note_lines_line_adds_up"),
    ("tax of no value", note(MILK | {"cgst": "1", "sgst": "1"}), "ck_credit_note_lines_line_adds_up"),
    ("fewer goods than none", milk_only(quantity="-1"), "ck_credit_note_lines_one_sign"),
    (
        "value against tax",
        ghee_only(taxable_value="-1", cgst="2", sgst="2", line_total="3"),
        "ck_credit_note_lines_one_sign",
    ),
    (
        "tax against value",
        ghee_only(taxable_value="5", cgst="-1", sgst="-1", line_total="3"),
        "ck_credit_note_lines_one_sign",
    ),
    (
        "igst against value",
        ghee_only(taxable_value="5", cgst="0", sgst="0", igst="-1", line_total="4"),
        "ck_credit_note_lines_one_sign",
    ),
    (
        "halves of a line that differ",
        note(GHEE | {"cgst": "17.98", "sgst": "15.98"}, MILK),
        "ck_credit_note_lines_cgst_equals_sgst",
    ),
    ("a line of nothing", note(MILK | {"line_total": "0"}), "ck_credit_note_lines_not_nothing"),
    ("voiding a credited invoice", VOID + FRESH, "tr_invoices_void_has_no_notes"),
    ("writing off what was credited", WRITE_OFF.replace("{amount}", "2680.01"), "tr_invoices_reduced_within_total"),
    (
        "crediting what was written off",
        WRITE_OFF.replace("{amount}", "2600") + ";" + note(),
        "tr_invoices_reduced_within_total",
    ),
    ("one series for both", "UPDATE settings SET credit_note_series = 'INV'", "tr_settings_series_stay_apart"),
    ("a series in digits", "UPDATE settings SET credit_note_series = '1'", "ck_settings_credit_note_series_format"),
]


@kept
def noted(living: LivingDairy) -> dict[str, Any]:
    """An invoice of 10 litres and 3 kg (2740 rupees) with a note of 1 litre, another customer, and a draft."""
    paper = issued(living)
    lines = {line["hsn_code"]: line["line_no"] for line in paper["lines"]}
    made = ok(credit(living, paper, {"line_no": lines["0401"], "quantity": "1"}), 201)
    other = living.customer()
    charge = {"customer_id": paper["customer_id"], "kind": "charge", "description": "Can", "amount": "5"}
    charge["tax_class"] = "milk_fresh"
    draft = ok(living.admin.post("/adjustments", charge | {"reason": "lent out"}), 201)["invoice_id"]
    ids = {"invoice": paper["id"], "customer": paper["customer_id"], "other": other["id"], "draft": draft}
    known = {"note": made["id"], "admin": living.admin.user["id"], "new": "00000000-0000-7000-8000-000000000001"}
    return ids | known | {"milk": lines["0401"], "ghee": lines["0405"]}


@pytest.fixture
def names(living: LivingDairy) -> dict[str, Any]:
    made: dict[str, Any] = noted(living)
    living.go_to("2026-11-01")
    return made


@pytest.mark.parametrize(("attempt", "name"), [(a[1], a[2]) for a in ATTEMPTS], ids=[a[0] for a in ATTEMPTS])
def test_refused_by_the_database(names: dict[str, Any], sql: Any, attempt: str, name: str) -> None:
    with pytest.raises(psycopg2.IntegrityError) as refusal:
        sql(attempt.format(**names))
    assert refusal.value.diag.constraint_name == name


def test_the_same_note_without_a_fault_is_taken(names: dict[str, Any], sql: Any) -> None:
    sql(note().format(**names))
    assert sql("SELECT count(*), sum(total) FROM credit_notes")[0][0] == 2


def test_two_by_hand_at_once_take_no_more_than_there_is(names: dict[str, Any], sql: Any, database_url: str) -> None:
    """9 litres are left; two notes of 6 each fit alone and not together."""

    def write(no: int) -> str | None:
        row = MILK | {"credit_note_id": f"'{names['invoice'][:-2]}{no:02}'", "quantity": "6", "line_total": "360"}
        numbered = {"id": row["credit_note_id"], "sequence_no": str(no), "number": f"'CN/2627/{no:07}'"}
        with raw_connection(database_url) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(note(row, **NO_TAX, **numbered, exempt_value="360", total="360").format(**names))
                connection.commit()
            except psycopg2.IntegrityError as error:
                return str(error.diag.constraint_name)
        return None

    hold = f"SELECT FROM invoices WHERE id = '{names['invoice']}' FOR UPDATE"
    answers = at_once(database_url, hold, partial(write, 2), partial(write, 3))
    assert set(answers) == {None, "tr_credit_notes_within_lines"}
    assert sql("SELECT sum(quantity) FROM credit_note_lines") == [(7,)]
