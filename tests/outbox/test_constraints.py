"""The outbox against plain SQL: each constraint refuses by its name."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

SET_UP = """
INSERT INTO users (id, name, role, email)
    VALUES ('00000000-0000-7000-8000-00000000000c', 'Ravi', 'admin', 'ravi@dairy.example');
INSERT INTO customers (id, name) VALUES ('00000000-0000-7000-8000-00000000000a', 'A'),
    ('00000000-0000-7000-8000-00000000000b', 'B');
INSERT INTO invoices (id, customer_id, period_start, period_end)
    VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000000a', '2026-10-01', '2026-10-31');
INSERT INTO outbox_messages (customer_id, invoice_id, channel, recipient, language, body, dedupe_key)
    VALUES ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-000000000001', 'sms', '+919812345678',
        'en', 'Pay', 'first');
"""
GOOD = {
    "customer_id": "00000000-0000-7000-8000-00000000000a",
    "invoice_id": "00000000-0000-7000-8000-000000000001",
    "channel": "whatsapp",
    "recipient": "+919812345678",
    "language": "en",
    "body": "Pay",
}
RAVI = "00000000-0000-7000-8000-00000000000c"
OTHER = "00000000-0000-7000-8000-00000000000b"


def insert(**changes: str | None) -> str:
    row = {name: value for name, value in (GOOD | changes).items() if value is not None}
    values = ", ".join(f"'{value}'" for value in row.values())
    return f"INSERT INTO outbox_messages ({', '.join(row)}) VALUES ({values})"


def code(**changes: str | None) -> str:
    """A secret message to a login."""
    row: dict[str, str | None] = {"customer_id": None, "invoice_id": None, "user_id": RAVI, "kind": "login_code"}
    return insert(**(row | {"secret": "true", "expires_at": "2100-01-01"} | changes))


SENT = "UPDATE outbox_messages SET status = 'sent', sent_at = now()"
FAILED = "UPDATE outbox_messages SET status = 'failed', last_error = 'no such number'"
AGAIN = "UPDATE outbox_messages SET status = 'queued'"

CASES = [
    (insert(customer_id=GOOD["invoice_id"], invoice_id=None), "fk_outbox_messages_customer_id"),
    (insert(customer_id=OTHER), "fk_outbox_messages_invoice_of_customer"),
    (code(user_id=GOOD["invoice_id"]), "fk_outbox_messages_user_id"),
    (insert(channel="pigeon"), "ck_outbox_messages_channel_known"),
    (insert(status="lost"), "ck_outbox_messages_status_known"),
    (insert(kind="gossip"), "ck_outbox_messages_kind_known"),
    (insert(user_id=RAVI), "ck_outbox_messages_to_customer_or_login"),
    (code(user_id=None), "ck_outbox_messages_to_customer_or_login"),
    (code(invoice_id=GOOD["invoice_id"]), "ck_outbox_messages_invoice_has_customer"),
    (insert(recipient="98123"), "ck_outbox_messages_recipient_fits_channel"),
    (insert(channel="email"), "ck_outbox_messages_recipient_fits_channel"),
    (insert(channel="webhook", recipient="https://a.example"), "ck_outbox_messages_recipient_fits_channel"),
    (insert(subject="Bill"), "ck_outbox_messages_subject_of_email"),
    (insert(status="sent"), "ck_outbox_messages_sent_iff_sent_at"),
    (insert(status="delivered"), "ck_outbox_messages_sent_iff_sent_at"),
    (insert(sent_at="2026-11-22"), "ck_outbox_messages_sent_iff_sent_at"),
    (insert(status="failed"), "ck_outbox_messages_failed_has_error"),
    (insert(attempts="-1"), "ck_outbox_messages_attempts_not_negative"),
    (insert(language="Hindi"), "ck_outbox_messages_language_format"),
    (insert(body=""), "ck_outbox_messages_text_lengths"),
    (insert(dedupe_key=""), "ck_outbox_messages_dedupe_key_length"),
    (insert(dedupe_key="first"), "uq_outbox_messages_dedupe_key"),
    (insert(channel="sms"), "uq_outbox_messages_waiting"),
    (SENT + ", leased_until = now()", "ck_outbox_messages_leased_while_queued"),
    (insert(expires_at="2000-01-01"), "ck_outbox_messages_expires_after_it_may_be_sent"),
    (insert(quiet_from="21:00"), "ck_outbox_messages_quiet_is_a_span"),
    (insert(quiet_from="21:00", quiet_to="21:00"), "ck_outbox_messages_quiet_is_a_span"),
    (code(expires_at=None), "ck_outbox_messages_secret_expires"),
    (code(body=None), "ck_outbox_messages_secret_is_forgotten"),
    (insert(body=None), "ck_outbox_messages_secret_is_forgotten"),
    (code(told='{"name": "Asha"}'), "ck_outbox_messages_told_is_open"),
    (insert(told="[]"), "ck_outbox_messages_told_is_open"),
    (insert(provider_id=""), "ck_outbox_messages_provider_id_length"),
    (SENT + ";" + FAILED + ", sent_at = NULL", "tr_outbox_messages_stand"),
    (FAILED + ";" + SENT.replace("sent'", "delivered'") + ", last_error = NULL", "tr_outbox_messages_stand"),
    (SENT + ", provider_id = 'x';" + SENT + ", provider_id = 'y'", "tr_outbox_messages_stand"),
    (code() + ";" + FAILED + ";" + AGAIN, "ck_outbox_messages_secret_is_forgotten"),
    ("UPDATE outbox_messages SET body = 'Pay twice'", "tr_outbox_messages_stand"),
    ("UPDATE outbox_messages SET recipient = '+919800000000'", "tr_outbox_messages_stand"),
    ("UPDATE outbox_messages SET dedupe_key = NULL", "tr_outbox_messages_stand"),
    (SENT + ";" + AGAIN + ", sent_at = NULL", "tr_outbox_messages_stand"),
    (SENT + ";" + SENT + ", attempts = 2", "tr_outbox_messages_stand"),
    ("UPDATE outbox_messages SET status = 'withdrawn';" + AGAIN, "tr_outbox_messages_stand"),
    (FAILED + ";" + SENT, "tr_outbox_messages_stand"),
    (f"UPDATE outbox_messages SET customer_id = '{OTHER}'", "tr_outbox_messages_follow_merge"),
]


@pytest.mark.parametrize(("statement", "name"), CASES)
def test_plain_sql_is_refused_by_name(bare: Any, statement: str, name: str) -> None:
    assert refuses(bare, SET_UP, statement) == name


@pytest.mark.parametrize(
    "statement",
    [
        insert(),
        insert(channel="email", recipient="a@b.example", subject="Bill"),
        insert(channel="webhook", recipient="a@b.example"),
        insert(channel="webhook", kind="reminder", quiet_from="21:00", quiet_to="09:00"),
        insert(channel="sms", kind="reminder"),
        SENT + ", attempts = 1",
        SENT + ", provider_id = 'x';" + FAILED + ", sent_at = NULL",
        SENT + ", provider_id = 'x';" + AGAIN + ", sent_at = NULL",
        FAILED + ", provider_id = 'x';" + SENT.replace("sent'", "delivered'"),
        insert(told='{"name": "Asha"}', provider_id="wamid.A"),
        SENT + "; UPDATE outbox_messages SET status = 'delivered'",
        FAILED + ";" + AGAIN,
        "UPDATE outbox_messages SET leased_until = now(), attempts = 1, not_before = now()",
        code(),
    ],
)
def test_what_is_refused_is_otherwise_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


@pytest.mark.parametrize("fate", [SENT, FAILED, "UPDATE outbox_messages SET status = 'withdrawn'"])
def test_a_secret_is_forgotten_when_it_no_longer_waits(sql: Any, fate: str) -> None:
    sql(SET_UP), sql("DELETE FROM outbox_messages"), sql(code(body="Your code is 123456"))
    assert sql("SELECT body FROM outbox_messages") == [("Your code is 123456",)]
    sql(fate)
    assert sql("SELECT body FROM outbox_messages") == [(None,)]


def test_every_constraint_of_the_outbox_is_tried(bare: Any) -> None:
    assert names_of(bare, ["outbox_messages"]) <= {name for _, name in CASES}
