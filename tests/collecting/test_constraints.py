"""The constraints and triggers of links and events hold against plain SQL."""

from typing import Any

import pytest

from dairy_app.database.constraints import TRIGGER_CODES
from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("payment_links", "gateway_events", "bank_statements", "bank_statement_lines")


def one(number: int) -> str:
    return f"'00000000-0000-0000-0000-00000000000{number}'"


ASHA, RAVI, ADMIN, NOBODY = one(1), one(2), one(3), one(9)
#: A link of Asha that is open, and one of Ravi that was paid; a payment and a refund of Asha, and one more of each;
#: events: 1 a payment that is booked, 2 a refund that is, 3 one that is held.
SET_UP = f"""
SET LOCAL session_replication_role = replica;
INSERT INTO users (id, name, phone, role) VALUES ({ADMIN}, 'Kavita', '+919800000001', 'admin');
INSERT INTO customers (id, code, name) VALUES ({ASHA}, 'K1', 'Asha'), ({RAVI}, 'K2', 'Ravi');
INSERT INTO invoices (id, customer_id, period_start, period_end) VALUES ({one(4)}, {ASHA}, '2026-02-01', '2026-02-28');
INSERT INTO payments (id, receipt_no, customer_id, amount, method, received_on)
    VALUES ({one(1)}, 'R1', {ASHA}, 100, 'upi', '2026-02-01'), ({one(2)}, 'R2', {ASHA}, 100, 'upi', '2026-02-01');
INSERT INTO refunds (id, voucher_no, customer_id, amount, method, paid_on, reason)
    VALUES ({one(1)}, 'RF1', {ASHA}, 1, 'upi', '2026-02-01', 'why'), ({one(2)}, 'RF2', {ASHA}, 1, 'upi', '2026-02-01',
        'why');
INSERT INTO payment_links (id, customer_id, amount, gateway, gateway_id, url, description, status, expires_at,
    created_by, paid_at)
VALUES ({one(1)}, {ASHA}, 100, 'razorpay', 'plink_1', 'https://rzp.io/1', 'x', 'created', '2100-01-01', {ADMIN}, NULL),
    ({one(2)}, {RAVI}, 100, 'razorpay', 'plink_2', 'https://rzp.io/2', 'x', 'paid', '2100-01-01', {ADMIN}, now());
INSERT INTO gateway_events (id, gateway, event_id, body, body_sha256, object_type, gateway_payment_id,
    gateway_refund_id, amount, status, reason, payment_id, refund_id)
SELECT CAST(id AS uuid), 'razorpay', event, CAST(event AS bytea), sha256(CAST(event AS bytea)), object, 'pay_1', refund,
    100, status, reason, CAST(payment AS uuid), CAST(paid_back AS uuid)
FROM (VALUES ({one(1)}, 'e1', 'payment', NULL, 'booked', NULL, {one(1)}, NULL),
    ({one(2)}, 'e2', 'refund', 'rfnd_1', 'booked', NULL, NULL, {one(1)}),
    ({one(3)}, 'e3', 'payment', NULL, 'held', 'period_closed', NULL, NULL))
    AS e (id, event, object, refund, status, reason, payment, paid_back);
INSERT INTO bank_statements (id, account, first_day, last_day, line_count, new_lines, uploaded_by)
    VALUES ({one(1)}, 'HDFC', '2026-02-01', '2026-02-02', 2, 2, {ADMIN});
INSERT INTO bank_statement_lines (id, statement_id, account, line_no, day, amount, narration, reference, day_number,
    payment_id, accepted_by, accepted_at)
VALUES ({one(1)}, {one(1)}, 'HDFC', 2, '2026-02-01', 100, 'UPI', 'UTR 1', 1, {one(1)}, {ADMIN}, now()),
    ({one(2)}, {one(1)}, 'HDFC', 3, '2026-02-01', 100, 'CASH', NULL, 1, NULL, NULL, NULL);
SET LOCAL session_replication_role = origin;
"""


def insert(table: str, values: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def link(**changes: str) -> str:
    values = {"customer_id": ASHA, "amount": "50", "gateway": "'razorpay'", "description": "'x'"}
    return insert("payment_links", values | {"expires_at": "'2100-01-01'", "created_by": ADMIN} | changes)


def event(**changes: str) -> str:
    values = {"gateway": "'razorpay'", "event_id": "'e9'", "body": "'z'", "body_sha256": "sha256('z'::bytea)"}
    return insert("gateway_events", values | changes)


def booked(**changes: str) -> str:
    values = {"object_type": "'payment'", "gateway_payment_id": "'pay_2'", "amount": "100", "status": "'booked'"}
    return event(**values | {"payment_id": one(2)} | changes)


def paid_back(**changes: str) -> str:
    values = {"object_type": "'refund'", "gateway_refund_id": "'rfnd_2'", "payment_id": "NULL", "refund_id": one(2)}
    return booked(**values | changes)


def statement(**changes: str) -> str:
    values = {"account": "'HDFC'", "first_day": "'2026-02-01'", "last_day": "'2026-02-01'", "line_count": "1"}
    return insert("bank_statements", values | {"new_lines": "1", "uploaded_by": ADMIN} | changes)


def line(**changes: str) -> str:
    values = {"statement_id": one(1), "account": "'HDFC'", "line_no": "4", "day": "'2026-02-01'", "amount": "100"}
    return insert("bank_statement_lines", values | {"narration": "'NEFT'", "day_number": "1"} | changes)


DISMISSED_LINE = {"dismissed_by": ADMIN, "dismissed_at": "now()", "dismissed_reason": "'Interest'"}
BOOKED_LINE = {"payment_id": one(2), "accepted_by": ADMIN, "accepted_at": "now()"}

REFUSED = {
    "fk_bank_statements_uploaded_by": statement(uploaded_by=NOBODY),
    "ck_bank_statements_account_length": statement(account="''"),
    "ck_bank_statements_days_in_order": statement(first_day="'2026-02-02'"),
    "ck_bank_statements_lines_counted": statement(new_lines="2"),
    "fk_bank_statement_lines_statement_id": line(statement_id=NOBODY),
    "fk_bank_statement_lines_payment_id": line(**BOOKED_LINE | {"payment_id": NOBODY}),
    "fk_bank_statement_lines_accepted_by": line(**BOOKED_LINE | {"accepted_by": NOBODY}),
    "uq_bank_statement_lines_same": line(reference="'1'"),
    "uq_bank_statement_lines_statement_id_line_no": line(line_no="3"),
    "uq_bank_statement_lines_payment_id": line(**BOOKED_LINE | {"payment_id": one(1)}),
    "ck_bank_statement_lines_amount_not_nothing": line(amount="0"),
    "ck_bank_statement_lines_day_finite": line(day="'infinity'"),
    "ck_bank_statement_lines_numbers_above_zero": line(day_number="0"),
    "ck_bank_statement_lines_only_what_came_in_is_booked": line(amount="-100", **BOOKED_LINE),
    "ck_bank_statement_lines_accepted_whole": line(payment_id=one(2)),
    "fk_bank_statement_lines_dismissed_by": line(**DISMISSED_LINE | {"dismissed_by": NOBODY}),
    "ck_bank_statement_lines_only_what_came_in_is_dismissed": line(amount="-100", **DISMISSED_LINE),
    "ck_bank_statement_lines_dismissed_whole": line(dismissed_reason="'Interest'"),
    "ck_bank_statement_lines_dismissed_reason_length": line(**DISMISSED_LINE | {"dismissed_reason": "'it'"}),
    "ck_bank_statement_lines_text_lengths": line(narration="''"),
    "fk_payment_links_customer_id": link(customer_id=NOBODY),
    "fk_payment_links_invoice_of_customer": link(customer_id=RAVI, invoice_id=one(4)),
    "fk_payment_links_created_by": link(created_by=NOBODY),
    "uq_payment_links_gateway_gateway_id": link(gateway_id="'plink_1'"),
    "uq_payment_links_live": link(amount="100"),
    "ck_payment_links_gateway_known": link(gateway="'other'"),
    "ck_payment_links_status_known": link(status="'lost'"),
    "ck_payment_links_amount_range": link(amount="0.99"),
    "ck_payment_links_created_has_address": link(status="'created'"),
    "ck_payment_links_paid_iff_dated": link(status="'paid'"),
    "ck_payment_links_failed_has_error": link(status="'failed'"),
    "ck_payment_links_expires_after": link(expires_at="'2020-01-01'"),
    "ck_payment_links_url_format": link(url="'rzp.io'"),
    "ck_payment_links_text_lengths": link(description="''"),
    "fk_gateway_events_payment_link_id": event(payment_link_id=NOBODY),
    "fk_gateway_events_payment_id": booked(payment_id=NOBODY),
    "fk_gateway_events_refund_id": paid_back(refund_id=NOBODY),
    "fk_gateway_events_decided_by": event(decided_by=NOBODY, decided_at="now()"),
    "uq_gateway_events_gateway_event_id": event(event_id="'e1'"),
    "uq_gateway_events_gateway_body_sha256": event(body="'e1'", body_sha256="sha256('e1'::bytea)"),
    "uq_gateway_events_payment": booked(gateway_payment_id="'pay_1'"),
    "uq_gateway_events_refund": paid_back(gateway_refund_id="'rfnd_1'"),
    "uq_gateway_events_booked_as": booked(payment_id=one(1)),
    "uq_gateway_events_paid_back_as": paid_back(refund_id=one(1)),
    "ck_gateway_events_gateway_known": event(gateway="'other'"),
    "ck_gateway_events_status_known": event(status="'lost'"),
    "ck_gateway_events_object_type_known": event(object_type="'order'"),
    "ck_gateway_events_body_sha256_is_of_body": event(body_sha256="sha256('y'::bytea)"),
    "ck_gateway_events_body_length": event(body="''", body_sha256="sha256(''::bytea)"),
    "ck_gateway_events_names_its_object": event(object_type="'refund'", gateway_payment_id="'pay_1'"),
    "ck_gateway_events_booked_as_what_it_is": booked(payment_id="NULL", refund_id=one(2)),
    "ck_gateway_events_only_money_is_booked": booked(amount="NULL"),
    "ck_gateway_events_reason_while_open": event(status="'held'"),
    "ck_gateway_events_decided_whole": event(decided_by=ADMIN),
    "ck_gateway_events_amount_positive": event(amount="0"),
    "ck_gateway_events_happened_at_finite": event(happened_at="'infinity'"),
    "ck_gateway_events_text_lengths": event(event_id="''"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_each_constraint_refuses(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


def test_no_constraint_was_forgotten(bare: Any) -> None:
    assert names_of(bare, TABLES) == set(REFUSED)


@pytest.mark.parametrize(
    "statement", [link(), link(invoice_id=one(4)), event(), booked(), paid_back(), line(), line(**BOOKED_LINE)]
)
def test_what_is_right_is_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


@pytest.mark.parametrize(
    ("statement", "trigger"),
    [
        ("UPDATE payment_links SET amount = 1", "tr_payment_links_stand"),
        (f"UPDATE payment_links SET customer_id = {RAVI} WHERE id = {one(1)}", "tr_payment_links_stand"),
        ("UPDATE payment_links SET gateway_id = 'another'", "tr_payment_links_stand"),
        (f"UPDATE payment_links SET status = 'creating' WHERE id = {one(1)}", "tr_payment_links_stand"),
        (f"UPDATE payment_links SET status = 'expired', paid_at = NULL WHERE id = {one(2)}", "tr_payment_links_stand"),
        (f"UPDATE payment_links SET paid_at = '2026-01-01' WHERE id = {one(2)}", "tr_payment_links_stand"),
        ("DELETE FROM payment_links", "tr_payment_links_stand"),
        ("UPDATE gateway_events SET body = 'q', body_sha256 = sha256('q'::bytea)", "tr_gateway_events_stand"),
        ("UPDATE gateway_events SET amount = 5", "tr_gateway_events_stand"),
        (
            f"UPDATE gateway_events SET status = 'noted', payment_id = NULL WHERE id = {one(1)}",
            "tr_gateway_events_stand",
        ),
        (f"UPDATE gateway_events SET payment_id = {one(2)} WHERE id = {one(1)}", "tr_gateway_events_stand"),
        (f"UPDATE gateway_events SET refund_id = {one(2)} WHERE id = {one(2)}", "tr_gateway_events_stand"),
        ("DELETE FROM gateway_events", "tr_gateway_events_stand"),
        ("UPDATE bank_statement_lines SET amount = 5", "tr_bank_statement_lines_stand"),
        (f"UPDATE bank_statement_lines SET payment_id = {one(2)} WHERE id = {one(1)}", "tr_bank_statement_lines_stand"),
        (
            f"UPDATE bank_statement_lines SET dismissed_by = {ADMIN}, dismissed_at = now(), dismissed_reason = 'Rent'"
            f" WHERE id = {one(1)}",
            "tr_bank_statement_lines_stand",
        ),
        ("DELETE FROM bank_statement_lines", "tr_bank_statement_lines_stand"),
        ("TRUNCATE bank_statement_lines", "tr_never_truncated"),
        ("TRUNCATE bank_statements CASCADE", "tr_never_truncated"),
        ("TRUNCATE gateway_events", "tr_never_truncated"),
        ("TRUNCATE payment_links CASCADE", "tr_never_truncated"),
    ],
)
def test_what_stands_stays(bare: Any, statement: str, trigger: str) -> None:
    assert refuses(bare, SET_UP, statement) == trigger
    assert trigger in TRIGGER_CODES


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE payment_links SET status = 'cancelled' WHERE id = {one(1)}",
        f"UPDATE payment_links SET status = 'paid', paid_at = now() WHERE id = {one(1)}",
        f"""UPDATE gateway_events SET status = 'noted', reason = NULL WHERE id = {one(3)}""",
    ],
)
def test_what_becomes_of_it_is_written(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None
