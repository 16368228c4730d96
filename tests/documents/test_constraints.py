"""The settings of documents and the links that ended against plain SQL: each constraint refuses by its name."""

from typing import Any

import pytest

from tests.constraints import bare, refuses

__all__ = ["bare"]

INVOICE = "00000000-0000-7000-8000-000000000001"
SET_UP = """
INSERT INTO users (name, role, email) VALUES ('Ravi', 'admin', 'ravi@dairy.example');
INSERT INTO customers (id, name) VALUES ('00000000-0000-7000-8000-00000000000a', 'A'),
    ('00000000-0000-7000-8000-00000000000b', 'B');
INSERT INTO invoices (id, customer_id, period_start, period_end)
    VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000000a', '2026-10-01', '2026-10-31');
"""


def revoked(**changes: str) -> str:
    row = {"invoice_id": f"'{INVOICE}'", "revocations": "1", "revoked_at": "now()"}
    row |= {"revoked_by": "(SELECT min(id::text)::uuid FROM users)"} | changes
    return f"INSERT INTO invoice_links ({', '.join(row)}) VALUES ({', '.join(row.values())})"


CASES = [
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
    settings = "UPDATE settings SET second_language = NULL, invoice_footer = 'x', invoice_link_version = 2"
    assert refuses(bare, SET_UP, settings) is None
    assert refuses(bare, SET_UP, revoked()) is None
