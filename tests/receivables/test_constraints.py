"""The money's constraints and triggers hold against plain SQL."""

from typing import Any

import pytest

from dairy_app.database.constraints import TRIGGER_CODES
from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("payments", "refunds", "payment_allocations", "opening_balances", "write_offs", "cash_settlements")


def one(number: int) -> str:
    return f"'00000000-0000-0000-0000-00000000000{number}'"


ASHA, RAVI, NOBODY = one(1), one(2), one(9)
#: Papers: 1 of Asha (100), 2 of Ravi (100), 3 of Asha, void (100), 4 of Asha, a draft. Payments: 1 of Asha (100, half
#: of it for paper 1), 2 of Asha in cash (80, by user 1), 3 of Asha, settled, 4 of Asha, reversed. Refunds: 1 of Ravi
#: by transfer, 2 of Ravi in cash by user 2, 3 of Ravi, reversed.
SET_UP = f"""
SET LOCAL session_replication_role = replica;
INSERT INTO users (id, name, phone, role) VALUES ({ASHA}, 'Kavita', '+919800000001', 'admin'),
    ({RAVI}, 'Boy', '+919800000002', 'delivery_boy');
INSERT INTO customers (id, code, name) VALUES ({ASHA}, 'K1', 'Asha'), ({RAVI}, 'K2', 'Ravi');
INSERT INTO invoices (id, customer_id, period_start, period_end, status, document_type, series, financial_year,
    sequence_no, number, invoice_date, due_date, snapshot, taxable_value, exempt_value, cgst, sgst, igst, round_off,
    total, previous_balance, issued_at, document_hash, previous_hash, hash_version, void_reason, voided_at)
SELECT CAST(id AS uuid), CAST(whose AS uuid), DATE '2026-01-01' - 31 * n, DATE '2026-01-31' - 31 * n, status,
    'invoice', 'T', '2526', n, 'T/' || n,
    '2026-01-31', '2026-02-10', '{{}}', 0, 100, 0, 0, 0, 0, 100, 0, now(), 'x', 'x', 1,
    CASE status WHEN 'void' THEN 'why' END, CASE status WHEN 'void' THEN now() END
FROM (VALUES (1, {one(1)}, {ASHA}, 'issued'), (2, {one(2)}, {RAVI}, 'issued'), (3, {one(3)}, {ASHA}, 'void'),
    (5, {one(5)}, {ASHA}, 'issued')) AS papers (n, id, whose, status);
INSERT INTO invoices (id, customer_id, period_start, period_end) VALUES ({one(4)}, {ASHA}, '2026-02-01', '2026-02-28');
INSERT INTO cash_settlements (id, staff_id, settled_for, expected, handed_over, settled_by)
    VALUES ({one(1)}, {RAVI}, '2026-02-01', 30, 25, {ASHA});
INSERT INTO payments (id, receipt_no, customer_id, amount, method, received_on, reference, legacy_id)
    VALUES ({one(1)}, 'R1', {ASHA}, 100, 'upi', '2026-02-01', 'utr1', 'old');
INSERT INTO payments (id, receipt_no, customer_id, amount, method, received_on, collected_by, cash_settlement_id)
    VALUES ({one(2)}, 'R2', {ASHA}, 80, 'cash', '2026-02-01', {RAVI}, NULL),
        ({one(3)}, 'R3', {ASHA}, 30, 'cash', '2026-02-01', {RAVI}, {one(1)});
INSERT INTO payments (id, receipt_no, customer_id, amount, method, received_on, status, reversed_on, reversal_reason)
    VALUES ({one(4)}, 'R4', {ASHA}, 50, 'cheque', '2026-02-01', 'reversed', '2026-02-02', 'bounced');
INSERT INTO payment_allocations (id, payment_id, customer_id, invoice_id, amount, allocated_on)
    VALUES ({one(1)}, {one(1)}, {ASHA}, {one(1)}, 50, '2026-02-01');
INSERT INTO opening_balances (customer_id, as_of, amount, legacy_id) VALUES ({RAVI}, '2026-01-01', -5, 'old');
INSERT INTO refunds (id, voucher_no, customer_id, amount, method, paid_on, reference, reason, recorded_by, paid_by)
    VALUES ({one(1)}, 'RF1', {RAVI}, 1, 'upi', '2026-02-01', 'utr1', 'moved', {ASHA}, NULL),
        ({one(2)}, 'RF2', {RAVI}, 1, 'cash', '2026-02-01', NULL, 'moved', {ASHA}, {RAVI});
INSERT INTO refunds (id, voucher_no, customer_id, amount, method, paid_on, reason, recorded_by, status, reversed_on,
        reversal_reason)
    VALUES ({one(3)}, 'RF3', {RAVI}, 1, 'upi', '2026-02-01', 'moved', {ASHA}, 'reversed', '2026-02-02', 'came back');
INSERT INTO write_offs (id, customer_id, invoice_id, amount, written_off_on, reason, written_by)
    VALUES ({one(1)}, {RAVI}, {one(2)}, 40, '2026-02-05', 'moved away', {ASHA});
SET LOCAL session_replication_role = origin;
"""


def insert(table: str, values: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def payment(**changes: str) -> str:
    values = {"customer_id": ASHA, "amount": "60", "method": "'cash'", "received_on": "'2026-02-01'"}
    return insert("payments", values | changes)


def refund(**changes: str) -> str:
    values = {"customer_id": ASHA, "amount": "1", "method": "'cash'", "paid_on": "'2026-02-01'", "reason": "'moved'"}
    return insert("refunds", values | {"recorded_by": ASHA} | changes)


def allocation(**changes: str) -> str:
    values = {"payment_id": one(1), "customer_id": ASHA, "invoice_id": one(1), "amount": "50"}
    return insert("payment_allocations", values | {"allocated_on": "'2026-02-01'"} | changes)


def opening(**changes: str) -> str:
    return insert("opening_balances", {"customer_id": ASHA, "as_of": "'2026-01-01'", "amount": "5"} | changes)


def write_off(**changes: str) -> str:
    values = {"customer_id": ASHA, "amount": "60", "written_off_on": "'2026-02-01'", "reason": "'gone'"}
    return insert("write_offs", values | {"written_by": ASHA} | changes)


def settlement(**changes: str) -> str:
    values = {"staff_id": RAVI, "settled_for": "'2026-02-01'", "expected": "0", "handed_over": "0"}
    return insert("cash_settlements", values | {"settled_by": ASHA} | changes)


LATER = "'2026-02-02'"
REVERSED = "status = 'reversed', reversed_on = '2026-02-02', reversal_reason = 'x'"
SETTLED = f"cash_settlement_id = {one(1)}"
REFUSED = {
    "fk_payments_customer_id": payment(customer_id=NOBODY),
    "fk_payments_collected_by": payment(collected_by=NOBODY),
    "fk_payments_recorded_by": payment(recorded_by=NOBODY),
    "fk_payments_reversed_by": payment(reversed_by=NOBODY),
    "fk_payments_cash_settlement_id": payment(collected_by=RAVI, cash_settlement_id=NOBODY),
    "fk_payments_shared_link_id": payment(method="'cash'", collected_by=RAVI, shared_link_id=NOBODY),
    "ck_payments_links_take_cash": payment(method="'cash'", shared_link_id=NOBODY),
    "uq_payments_client_event": payment(client_event_id=NOBODY)
    + ";"
    + payment(receipt_no="'R99'", client_event_id=NOBODY),
    "uq_payments_id_customer_id": f"ALTER TABLE payments DROP CONSTRAINT pk_payments CASCADE; {payment(id=one(1))}",
    "uq_payments_receipt_no": payment(receipt_no="'R1'"),
    "uq_payments_legacy_id": payment(legacy_id="'old'"),
    "uq_payments_reference": payment(method="'bank_transfer'", reference="'UTR1'"),
    "uq_payments_cheque": payment(method="'cheque'", reference="'7'")
    + "; "
    + payment(id=one(8), receipt_no="'R8'", method="'cheque'", reference="'no. 7'"),
    "ck_payments_method_known": payment(method="'crypto'"),
    "ck_payments_status_known": payment(status="'lost'"),
    "ck_payments_amount_positive": payment(amount="'NaN'"),
    "ck_payments_received_on_finite": payment(received_on="'infinity'"),
    "ck_payments_reversed_with_reason": payment(status="'reversed'", reversed_on="'2026-02-01'"),
    "ck_payments_reversed_after_receipt": payment(
        status="'reversed'", reversed_on="'2026-01-31'", reversal_reason="'x'"
    ),
    "ck_payments_only_collected_cash_is_settled": f"UPDATE payments SET {SETTLED} WHERE id = {one(1)}",
    "ck_payments_text_lengths": payment(reference="''"),
    "fk_refunds_customer_id": refund(customer_id=NOBODY),
    "fk_refunds_paid_by": refund(paid_by=NOBODY),
    "fk_refunds_recorded_by": refund(recorded_by=NOBODY),
    "fk_refunds_reversed_by": refund(reversed_by=NOBODY),
    "fk_refunds_cash_settlement_id": refund(paid_by=RAVI, cash_settlement_id=NOBODY),
    "uq_refunds_voucher_no": refund(voucher_no="'RF1'"),
    "uq_refunds_reference": refund(customer_id=RAVI, method="'bank_transfer'", reference="'UTR 1'"),
    "ck_refunds_method_known": refund(method="'crypto'"),
    "ck_refunds_status_known": refund(status="'lost'"),
    "ck_refunds_amount_positive": refund(amount="'NaN'"),
    "ck_refunds_paid_on_finite": refund(paid_on="'infinity'"),
    "ck_refunds_reversed_with_reason": refund(status="'reversed'", reversed_on="'2026-02-01'"),
    "ck_refunds_reversed_after_payment": refund(status="'reversed'", reversed_on="'2026-01-31'", reversal_reason="'x'"),
    "ck_refunds_only_cash_is_paid_by_staff": refund(method="'upi'", paid_by=RAVI),
    "ck_refunds_only_cash_of_staff_is_settled": refund(cash_settlement_id=one(1)),
    "ck_refunds_reason_length": refund(reason="'no'"),
    "ck_refunds_text_lengths": refund(reference="''"),
    "fk_payment_allocations_payment_of_customer": allocation(payment_id=NOBODY),
    "fk_payment_allocations_invoice_of_customer": allocation(invoice_id=one(2)),
    "fk_payment_allocations_allocated_by": allocation(payment_id=one(2), allocated_by=NOBODY),
    "uq_payment_allocations_live": allocation(),
    "ck_payment_allocations_amount_positive": allocation(amount="0"),
    "ck_payment_allocations_released_after": allocation(released_on="'2026-01-31'"),
    "fk_opening_balances_customer_id": opening(customer_id=NOBODY),
    "fk_opening_balances_entered_by": opening(entered_by=NOBODY),
    "uq_opening_balances_customer_id": opening(customer_id=RAVI),
    "uq_opening_balances_legacy_id": opening(legacy_id="'old'"),
    "ck_opening_balances_amount_finite": opening(amount="'NaN'"),
    "ck_opening_balances_as_of_finite": opening(as_of="'-infinity'"),
    "fk_write_offs_customer_id": write_off(customer_id=NOBODY),
    "fk_write_offs_invoice_of_customer": write_off(invoice_id=one(2)),
    "fk_write_offs_written_by": write_off(written_by=NOBODY),
    "ck_write_offs_amount_positive": write_off(amount="-1"),
    "ck_write_offs_written_off_on_finite": write_off(written_off_on="'infinity'"),
    "ck_write_offs_reason_length": write_off(reason="'no'"),
    "fk_cash_settlements_staff_id": settlement(staff_id=NOBODY),
    "fk_cash_settlements_settled_by": settlement(settled_by=NOBODY),
    "ck_cash_settlements_amounts_not_negative": settlement(handed_over="-1"),
    "ck_cash_settlements_settled_for_finite": settlement(settled_for="'infinity'"),
    "ck_cash_settlements_notes_length": settlement(notes="repeat('x', 501)"),
}

#: (what is tried, the trigger that refuses it)
ATTEMPTS = [
    ("another amount", f"UPDATE payments SET amount = 1 WHERE id = {one(1)}", "tr_money_frozen"),
    ("another customer", f"UPDATE payments SET customer_id = {RAVI} WHERE id = {one(2)}", "tr_money_frozen"),
    (
        "no longer reversed",
        f"UPDATE payments SET status = 'received', reversed_on = NULL, reversal_reason = NULL WHERE id = {one(4)}",
        "tr_money_frozen",
    ),
    (
        "another day of reversal",
        f"UPDATE payments SET reversed_on = '2026-02-03' WHERE id = {one(4)}",
        "tr_money_frozen",
    ),
    ("out of its settlement", f"UPDATE payments SET cash_settlement_id = NULL WHERE id = {one(3)}", "tr_money_frozen"),
    ("deleting a payment", f"DELETE FROM payments WHERE id = {one(2)}", "tr_money_frozen"),
    ("another amount paid back", f"UPDATE refunds SET amount = 2 WHERE id = {one(1)}", "tr_money_frozen"),
    (
        "another day of coming back",
        f"UPDATE refunds SET reversed_on = '2026-02-03' WHERE id = {one(3)}",
        "tr_money_frozen",
    ),
    (
        "reversed after it was set off",
        settlement(id=one(5), expected="79")
        + f"; UPDATE payments SET cash_settlement_id = {one(5)} WHERE id = {one(2)}"
        + f"; UPDATE refunds SET cash_settlement_id = {one(5)} WHERE id = {one(2)}"
        + f"; UPDATE refunds SET {REVERSED} WHERE id = {one(2)}",
        "tr_money_frozen",
    ),
    (
        "reversed and set off at once",
        f"UPDATE refunds SET {REVERSED}, {SETTLED} WHERE id = {one(2)}",
        "tr_money_frozen",
    ),
    (
        "handed over although it was reversed",
        f"UPDATE payments SET {REVERSED} WHERE id = {one(2)}; "
        + settlement(id=one(5), expected="80")
        + f"; UPDATE payments SET cash_settlement_id = {one(5)} WHERE id = {one(2)}",
        "tr_money_frozen",
    ),
    ("deleting a refund", f"DELETE FROM refunds WHERE id = {one(1)}", "tr_money_frozen"),
    ("paid back a paisa too much", refund(amount="10.01"), "tr_refunds_within_credit"),
    (
        "paid back twice",
        payment(id=one(5), amount="70") + ";" + refund(amount="80") + ";" + refund(amount="0.01"),
        "tr_refunds_within_credit",
    ),
    (
        "paid back before it came in",
        payment(id=one(5), amount="100", received_on=LATER) + ";" + refund(amount="60.01"),
        "tr_refunds_within_credit",
    ),
    ("set off unseen", f"UPDATE refunds SET {SETTLED} WHERE id = {one(2)}", "tr_cash_settlements_add_up"),
    (
        "another's refund",
        settlement(id=one(5), staff_id=ASHA, expected="0")
        + f"; UPDATE payments SET cash_settlement_id = {one(5)} WHERE id = {one(2)}"
        + f"; UPDATE refunds SET cash_settlement_id = {one(5)} WHERE id = {one(2)}",
        "tr_cash_settlements_add_up",
    ),
    ("another allocation", "UPDATE payment_allocations SET amount = 1", "tr_money_frozen"),
    ("deleting an allocation", "DELETE FROM payment_allocations", "tr_money_frozen"),
    (
        "allocated again",
        "UPDATE payment_allocations SET released_on = '2026-02-02';"
        " UPDATE payment_allocations SET released_on = '2026-02-03'",
        "tr_money_frozen",
    ),
    ("another write-off", "UPDATE write_offs SET amount = 1", "tr_money_frozen"),
    ("deleting a write-off", "DELETE FROM write_offs", "tr_money_frozen"),
    ("another settlement", "UPDATE cash_settlements SET handed_over = 30", "tr_money_frozen"),
    ("deleting a settlement", "DELETE FROM cash_settlements", "tr_money_frozen"),
    *((f"{table} emptied", f"TRUNCATE {table} CASCADE", "tr_never_truncated") for table in TABLES),
    (
        "more allocated than paid",
        allocation(payment_id=one(2), amount="80.01"),
        "tr_allocations_within_payment",
    ),
    (
        "more allocated than paid on a day gone by",
        "UPDATE payment_allocations SET released_on = '2026-02-05'; "
        + allocation(invoice_id=one(5), amount="50.01", allocated_on="'2026-02-04'"),
        "tr_allocations_within_payment",
    ),
    (
        "allocated from a reversed payment",
        allocation(payment_id=one(4), amount="1"),
        "tr_allocations_within_payment",
    ),
    (
        "more allocated than billed",
        allocation(payment_id=one(2), amount="50.01"),
        "tr_allocations_within_invoice",
    ),
    ("allocated to a void paper", allocation(invoice_id=one(3)), "tr_allocations_within_invoice"),
    ("allocated to a draft", allocation(invoice_id=one(4)), "tr_allocations_within_invoice"),
    (
        "more allocated than a write-off left",
        payment(id=one(5), customer_id=RAVI, amount="100")
        + ";"
        + allocation(payment_id=one(5), customer_id=RAVI, invoice_id=one(2), amount="60.01"),
        "tr_allocations_within_invoice",
    ),
    (
        "more given up than billed",
        write_off(customer_id=RAVI, invoice_id=one(2), amount="60.01"),
        "tr_invoices_reduced_within_total",
    ),
    ("giving up a void paper", write_off(invoice_id=one(3)), "tr_invoices_reduced_within_total"),
    ("giving up a draft", write_off(invoice_id=one(4)), "tr_invoices_reduced_within_total"),
    (
        "giving up before it was billed",
        write_off(invoice_id=one(1), written_off_on="'2026-01-30'"),
        "tr_invoices_reduced_after_date",
    ),
    (
        "reversed and still allocated",
        f"UPDATE payments SET {REVERSED} WHERE id = {one(1)}",
        "tr_gone_papers_hold_no_money",
    ),
    (
        "void and still allocated",
        f"UPDATE invoices SET status = 'void', void_reason = 'why', voided_at = invoice_date WHERE id = {one(1)}",
        "tr_gone_papers_hold_no_money",
    ),
    (
        "void and given up",
        f"UPDATE invoices SET status = 'void', void_reason = 'why', voided_at = invoice_date WHERE id = {one(2)}",
        "tr_gone_papers_hold_no_money",
    ),
    ("expecting what nobody paid", settlement(expected="10"), "tr_cash_settlements_add_up"),
    ("slipped into a settlement", f"UPDATE payments SET {SETTLED} WHERE id = {one(2)}", "tr_cash_settlements_add_up"),
    (
        "another's cash",
        settlement(id=one(5), staff_id=ASHA, expected="80")
        + f"; UPDATE payments SET cash_settlement_id = {one(5)} WHERE id = {one(2)}",
        "tr_cash_settlements_add_up",
    ),
    (
        "a later day's cash",
        settlement(id=one(5), settled_for="'2026-01-31'", expected="80")
        + f"; UPDATE payments SET cash_settlement_id = {one(5)} WHERE id = {one(2)}",
        "tr_cash_settlements_add_up",
    ),
]

ACCEPTED = [
    payment(collected_by=RAVI, recorded_by=ASHA, reference="'UTR1'", notes="'at the door'"),
    payment(method="'upi'", reference="'utr2'"),
    payment(status="'reversed'", reversed_on="'2026-02-01'", reversal_reason="'x'", method="'upi'", reference="'utr1'"),
    payment(id=one(5), amount="100") + ";" + refund(amount="60", paid_by=RAVI),
    refund(amount="60") + ";" + payment(id=one(5), amount="100"),
    f"UPDATE refunds SET status = 'reversed', reversed_on = '2026-02-02', reversal_reason = 'x' WHERE id = {one(1)}",
    f"UPDATE payments SET {REVERSED} WHERE id = {one(3)}",
    allocation(payment_id=one(2), amount="50"),
    allocation(released_on="'2026-02-01'"),
    f"UPDATE payment_allocations SET released_on = '2026-02-02'; {allocation(amount='100', allocated_on=LATER)}",
    f"UPDATE payment_allocations SET released_on = '2026-02-02'; UPDATE payments SET {REVERSED} WHERE id = {one(1)}",
    opening(amount="-9999999999.99", entered_by=ASHA),
    write_off(invoice_id=one(1), written_off_on="'2026-01-31'", amount="100"),
    write_off(customer_id=RAVI, invoice_id=one(2), amount="60"),
    settlement(id=one(5), expected="80", handed_over="79.50", settled_for="'2026-02-02'")
    + f"; UPDATE payments SET cash_settlement_id = {one(5)} WHERE id = {one(2)}",
]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


@pytest.mark.parametrize(("attempt", "name"), [each[1:] for each in ATTEMPTS], ids=[each[0] for each in ATTEMPTS])
def test_refused_by_a_trigger(bare: Any, attempt: str, name: str) -> None:
    assert refuses(bare, SET_UP, attempt) == name


@pytest.mark.parametrize("statement", ACCEPTED)
def test_the_same_rows_without_the_fault_are_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_no_constraint_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) == set(REFUSED)
    assert {name for *_, name in ATTEMPTS} <= set(TRIGGER_CODES)
