"""The outbox and the settings of documents against plain SQL: each constraint refuses by its name."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

SET_UP = """
INSERT INTO users (name, role, email) VALUES ('Ravi', 'admin', 'ravi@dairy.example');
INSERT INTO customers (id, name) VALUES ('00000000-0000-7000-8000-00000000000a', 'A'),
    ('00000000-0000-7000-8000-00000000000b', 'B');
INSERT INTO invoices (id, customer_id, period_start, period_end)
    VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000000a', '2026-10-01', '2026-10-31');
INSERT INTO outbox_messages (customer_id, invoice_id, channel, recipient, language, body)
    VALUES ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-000000000001', 'sms', '+919812345678',
        'en', 'Pay');
"""
GOOD = {
    "customer_id": "00000000-0000-7000-8000-00000000000a",
    "invoice_id": "00000000-0000-7000-8000-000000000001",
    "channel": "whatsapp",
    "recipient": "+919812345678",
    "language": "en",
    "body": "Pay",
}


def insert(**changes: str | None) -> str:
    row = {name: value for name, value in (GOOD | changes).items() if value is not None}
    values = ", ".join(f"'{value}'" for value in row.values())
    return f"INSERT INTO outbox_messages ({', '.join(row)}) VALUES ({values})"


def revoked(**changes: str) -> str:
    row = {"invoice_id": f"'{GOOD['invoice_id']}'", "revocations": "1", "revoked_at": "now()"}
    row |= {"revoked_by": "(SELECT min(id::text)::uuid FROM users)"} | changes
    return f"INSERT INTO invoice_links ({', '.join(row)}) VALUES ({', '.join(row.values())})"


CASES = [
    (insert(customer_id=GOOD["invoice_id"], invoice_id=None), "fk_outbox_messages_customer_id"),
    (insert(customer_id="00000000-0000-7000-8000-00000000000b"), "fk_outbox_messages_invoice_of_customer"),
    (insert(channel="pigeon"), "ck_outbox_messages_channel_known"),
    (insert(status="lost"), "ck_outbox_messages_status_known"),
    (insert(recipient="98123"), "ck_outbox_messages_recipient_fits_channel"),
    (insert(channel="email"), "ck_outbox_messages_recipient_fits_channel"),
    (insert(subject="Bill"), "ck_outbox_messages_subject_of_email"),
    (insert(status="sent"), "ck_outbox_messages_sent_iff_sent_at"),
    (insert(sent_at="2026-11-22"), "ck_outbox_messages_sent_iff_sent_at"),
    (insert(status="failed"), "ck_outbox_messages_failed_has_error"),
    (insert(attempts="-1"), "ck_outbox_messages_attempts_not_negative"),
    (insert(language="Hindi"), "ck_outbox_messages_language_format"),
    (insert(body=""), "ck_outbox_messages_text_lengths"),
    (insert(channel="sms"), "uq_outbox_messages_queued"),
    ("UPDATE outbox_messages SET body = 'Pay twice'", "tr_outbox_messages_stand"),
    ("UPDATE outbox_messages SET recipient = '+919800000000'", "tr_outbox_messages_stand"),
    (
        "UPDATE outbox_messages SET status = 'sent', sent_at = now();"
        " UPDATE outbox_messages SET status = 'queued', sent_at = NULL",
        "tr_outbox_messages_stand",
    ),
    ("UPDATE settings SET second_language = 'Hindi'", "ck_settings_second_language_format"),
    ("UPDATE settings SET invoice_footer = repeat('x', 501)", "ck_settings_invoice_footer_length"),
    ("UPDATE settings SET invoice_link_version = 0", "ck_settings_invoice_link_version_range"),
    ("UPDATE settings SET invoice_link_days = 0", "ck_settings_invoice_link_days_range"),
    (revoked(revocations="0"), "ck_invoice_links_revocations_range"),
    (revoked(invoice_id="uuid7()"), "fk_invoice_links_invoice_id"),
    (revoked(revoked_by="uuid7()"), "fk_invoice_links_revoked_by"),
    (revoked() + ";" + revoked(), "pk_invoice_links"),
]


@pytest.mark.parametrize(("statement", "name"), CASES)
def test_plain_sql_is_refused_by_name(bare: Any, statement: str, name: str) -> None:
    assert refuses(bare, SET_UP, statement) == name


def test_what_is_refused_is_otherwise_taken(bare: Any) -> None:
    assert refuses(bare, SET_UP, insert()) is None
    assert refuses(bare, SET_UP, insert(channel="email", recipient="a@b.example", subject="Bill")) is None
    fate = "UPDATE outbox_messages SET status = 'sent', sent_at = now(), attempts = 1"
    assert refuses(bare, SET_UP, fate) is None
    settings = "UPDATE settings SET second_language = NULL, invoice_footer = 'x', invoice_link_version = 2"
    assert refuses(bare, SET_UP, settings) is None
    assert refuses(bare, SET_UP, revoked()) is None


def test_every_constraint_of_the_outbox_is_tried(bare: Any) -> None:
    assert names_of(bare, ["outbox_messages"]) <= {name for _, name in CASES}
