"""Every revision on a database with rows in it: what it fills is right, and taking it back loses only what it said.

One database lives through the chain. After each revision it gets rows that only this revision can hold; then the
revision is taken back: refused, where that loses something, until the loss is allowed, and then everything that was
there before is there again, to the last column.
"""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from alembic import op

from dairy_app.common import revisions
from dairy_app.database import backups, migrations, structure
from tests.conftest import Server, psycopg_dsn, raw_connection
from tests.receivables.conftest import ISSUED

pytestmark = pytest.mark.slow

Rows = dict[str, list[str]]


def ident(n: int) -> str:
    return f"00000000-0000-7000-8000-{n:012d}"


ASHA, BALU, CHITRA, ADMIN, MILK = (ident(n) for n in range(1, 6))
BY_PLAN, DELIVERED, TWICE_A, TWICE_B, PARTLY, OPEN = (ident(n) for n in range(11, 17))
STANDING, INVOICE, NOTE, PAYMENT, LINK = (ident(n) for n in range(21, 26))

WORLD = f"""
INSERT INTO users (id, name, role, phone) VALUES
    ('{ident(31)}', 'Asha', 'customer', '+919800000001'), ('{ADMIN}', 'Ravi', 'admin', '+919800000099');
INSERT INTO areas (name) VALUES ('Kothrud');
INSERT INTO customers (id, name, phone) VALUES ('{ASHA}', 'Asha', '+919800000001'),
    ('{BALU}', 'Balu', '+919800000002'), ('{CHITRA}', 'Chitra', NULL);
INSERT INTO products (id, sku, name, unit) VALUES ('{MILK}', 'M1', 'Milk', 'litre');
INSERT INTO product_prices (product_id, price, valid) VALUES ('{MILK}', 60, '[2026-01-01,)');
INSERT INTO customer_prices (customer_id, product_id, price, valid) VALUES ('{BALU}', '{MILK}', 58, '[2026-01-01,)');
INSERT INTO subscriptions (id, customer_id, product_id, mode, default_quantity, start_date)
    VALUES ('{STANDING}', '{ASHA}', '{MILK}', 'fixed_daily', 1, '2026-01-01');
INSERT INTO orders (id, customer_id, delivery_date, status, source) VALUES
    ('{BY_PLAN}', '{ASHA}', '2026-09-01', 'DELIVERED', 'generator'),
    ('{DELIVERED}', '{BALU}', '2026-09-02', 'DELIVERED', 'staff'),
    ('{TWICE_A}', '{BALU}', '2026-09-03', 'PENDING', 'staff'),
    ('{TWICE_B}', '{BALU}', '2026-09-03', 'PENDING', 'staff'),
    ('{PARTLY}', '{CHITRA}', '2026-10-31', 'DELIVERED', 'staff'),
    ('{OPEN}', '{CHITRA}', '2026-11-01', 'PENDING', 'staff');
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)
    SELECT id, 1, '{MILK}', 2, 60, 'product' FROM orders;
INSERT INTO delivery_statuses (id, customer_id, delivery_date, status, delivered_at, notes) VALUES
    ('{ident(41)}', '{ASHA}', '2026-09-01', 'delivered', '2026-09-01 06:30+05:30', 'at the gate'),
    ('{ident(42)}', '{BALU}', '2026-09-02', 'delivered', '2026-09-02 06:30+05:30', NULL),
    ('{ident(43)}', '{BALU}', '2026-09-03', 'delivered', '2026-09-03 06:30+05:30', 'which of the two?'),
    ('{ident(44)}', '{BALU}', '2026-09-09', 'delivered', '2026-09-09 06:30+05:30', 'no order'),
    ('{ident(45)}', '{CHITRA}', '2026-10-31', 'delivered', '2026-10-31 06:30+05:30', NULL);
"""

#: What only this revision can hold; its loss is why taking it back is refused.
ADDED = {
    "0005": f"UPDATE delivery_statuses SET confirmation_method = 'shared_link' WHERE order_id = '{DELIVERED}'",
    "0006": ISSUED.format(customer=ASHA, day="2026-08-31", due_days=10, total="120.00")
    .replace("INSERT INTO invoices (customer_id", "INSERT INTO invoices (id, customer_id")
    .replace("SELECT '", f"SELECT '{INVOICE}', '", 1),
    "0007": f"""INSERT INTO invitations (user_id, token_hash, expires_at) VALUES ('{ADMIN}', '\\x01', now())""",
    "0008": """INSERT INTO import_quarantine (collection, legacy_id, reason, document, content_hash)
        VALUES ('orders', 'ord_1', 'customer_unresolved', '{}', 'x')""",
    "0009": f"""INSERT INTO subscription_overrides (subscription_id, date, kind, quantity, channel)
            VALUES ('{STANDING}', '2026-11-05', 'override', 3, 'phone');
        INSERT INTO subscription_pauses (subscription_id, period, channel)
            VALUES ('{STANDING}', '[2026-12-01,2026-12-05)', 'phone')""",
    "0010": f"""INSERT INTO shared_links (id, token_hash, name, delivery_boy_id, is_rolling, expires_at, created_by)
            VALUES ('{LINK}', sha256('x'), 'Ravi', '{ADMIN}', true, now() + interval '1 day', '{ADMIN}');
        UPDATE delivery_statuses SET shared_link_id = '{LINK}' WHERE order_id = '{DELIVERED}'""",
    "0011": f"""UPDATE delivery_statuses SET corrected_at = now(), corrected_by_user_id = '{ADMIN}',
        correction_reason = 'one short' WHERE order_id = '{PARTLY}'""",
    "0012": "INSERT INTO audit_log (table_name, row_id, action) VALUES ('orders', 'x', 'UPDATE')",
    "0014": f"""INSERT INTO credit_notes (id, customer_id, invoice_id, series, financial_year, sequence_no, number,
            note_date, reason, snapshot, taxable_value, exempt_value, cgst, sgst, igst, round_off, total, issued_at,
            issued_by, document_hash, previous_hash, hash_version)
        VALUES ('{NOTE}', '{ASHA}', '{INVOICE}', 'CN', '2627', 1, 'CN/2627/0000001', '2026-09-05', 'quality', '{{}}',
            0, 10, 0, 0, 0, 0, 10, now(), '{ADMIN}', 'x', 'x', 1)""",
    "0015": f"""INSERT INTO payments (id, customer_id, amount, method, received_on)
            VALUES ('{PAYMENT}', '{ASHA}', 100, 'cash', '2026-09-10');
        INSERT INTO payment_allocations (payment_id, customer_id, invoice_id, amount, allocated_on)
            VALUES ('{PAYMENT}', '{ASHA}', '{INVOICE}', 100, '2026-09-10')""",
    "0017": f"""INSERT INTO outbox_messages (customer_id, channel, recipient, language, body)
        VALUES ('{BALU}', 'sms', '+919800000002', 'en', 'Your bill')""",
    "0024": f"""INSERT INTO invoice_links (invoice_id, revocations, revoked_at, revoked_by)
        VALUES ('{INVOICE}', 1, now(), '{ADMIN}')""",
    "0026": f"""INSERT INTO outbox_messages (customer_id, channel, recipient, language, body, status)
        VALUES ('{BALU}', 'sms', '+919800000002', 'en', 'By mistake', 'withdrawn')""",
    "0035": f"UPDATE orders SET source = 'door' WHERE id = '{DELIVERED}'",
    "0037": f"""INSERT INTO customers (name, status, merged_into, merged_at, merge_reason)
        VALUES ('Baloo', 'stopped', '{BALU}', now(), 'registered twice')""",
    "0039": f"""INSERT INTO closed_days (id, day, reason) VALUES ('{ident(51)}', '2026-11-08', 'Diwali');
        INSERT INTO orders (customer_id, delivery_date, source, status, cancelled_at, closed_day_id)
            VALUES ('{CHITRA}', '2026-11-08', 'staff', 'CANCELLED', now(), '{ident(51)}')""",
    "0041": f"""INSERT INTO payments (receipt_no, customer_id, amount, method, received_on)
            VALUES ('R0000040', '{BALU}', 100, 'cash', '2026-09-10') ON CONFLICT DO NOTHING;
        INSERT INTO refunds (customer_id, amount, method, paid_on, reason, recorded_by)
            VALUES ('{BALU}', 100, 'cash', '2026-09-11', 'Moved away', '{ADMIN}')""",
    "0042": f"""INSERT INTO customer_moves (customer_id, moves_on, stop_sequence, entered_by)
        VALUES ('{BALU}', '2027-01-01', 10, '{ADMIN}')""",
    "0050": f"""INSERT INTO charge_rules (kind, basis, amount, valid, description, created_by)
        VALUES ('delivery_charge', 'per_month', 50, '[2026-09-01,)', 'Delivery', '{ADMIN}')""",
    "0043": f"""INSERT INTO payments
            (receipt_no, customer_id, amount, method, received_on, collected_by, shared_link_id)
        VALUES ((SELECT 'RC' || count(*) FROM payments), '{BALU}', 10, 'cash', '2026-09-10', '{ADMIN}', '{LINK}')""",
    "0047": f"""INSERT INTO containers (id, name, deposit) VALUES ('{ident(61)}', 'Glass bottle', 30);
        INSERT INTO container_movements (customer_id, container_id, day, out, by)
            VALUES ('{BALU}', '{ident(61)}', '2026-11-08', 3, '{ADMIN}')""",
    "0058": f"""INSERT INTO outbox_messages (user_id, kind, channel, recipient, language, body, secret, expires_at)
            VALUES ('{ADMIN}', 'login_code', 'sms', '+919800000009', 'en', '123456', true, '2100-01-01');
        INSERT INTO outbox_messages (customer_id, kind, channel, recipient, language, body, status, sent_at)
            VALUES ('{BALU}', 'reminder', 'webhook', '+919800000002', 'en', 'Please pay', 'delivered', now())""",
    "0060": f"""INSERT INTO reminder_rules (days_after_due, max_times) VALUES (3, 3);
        UPDATE customers SET channel = 'email', messages_off = '{{reminder}}' WHERE id = '{BALU}'""",
    "0062": "INSERT INTO message_templates (kind, channel, language, body)"
    " VALUES ('bill', NULL, 'en', 'Dear {name}'), ('bill', 'whatsapp', 'en', 'Hello {name}')",
    "0065": f"""INSERT INTO login_attempts (login_hash, ip_address, kind) VALUES ('x', '192.0.2.1', 'reset');
        INSERT INTO password_resets (user_id, code_hash, asked_at, expires_at, day_began_at)
            VALUES ('{ADMIN}', sha256('1'), '2026-11-09 06:00Z', '2026-11-09 06:15Z', '2026-11-09 06:00Z')""",
    "0063": f"""INSERT INTO delivery_photos (order_id, customer_id, file_name, size, width, height, sha256, sent_sha256,
            uploaded_at, taken_by, taken_by_name)
        SELECT id, customer_id, repeat('a', 32) || '.jpg', 1000, 1600, 1200, sha256('a'), sha256('b'), '2026-11-09',
            '{ADMIN}', 'Kavita' FROM orders WHERE id = '{DELIVERED}';
        INSERT INTO shared_link_events (link_id, action, result) VALUES ('{LINK}', 'photo', 'ok')""",
    "0052": f"INSERT INTO credit_holds VALUES ('{STANDING}', '2026-11-09', 60, 60, 0)",
    "0055": f"""INSERT INTO webhook_endpoints (url, secret, told_through)
        VALUES ('https://shop.example/', 'whsec_{"A" * 44}', 0)""",
    "0067": f"""UPDATE customers SET payer_key = id WHERE id = '{BALU}';
        UPDATE customers SET billed_to = '{BALU}' WHERE id = '{CHITRA}'""",
    "0069": f"""INSERT INTO payment_links (customer_id, amount, gateway, description, expires_at, created_by)
            VALUES ('{BALU}', 100, 'razorpay', 'Bill', '2100-01-01', '{ADMIN}');
        INSERT INTO gateway_events (gateway, event_id, body, body_sha256, kind, object_type)
            VALUES ('razorpay', 'evt_1', 'x', sha256('x'), 'payment_link.expired', 'payment_link')""",
    "0070": f"""INSERT INTO bank_statements (id, account, first_day, last_day, line_count, new_lines, uploaded_by)
            VALUES ('{ident(71)}', 'HDFC', '2026-11-01', '2026-11-30', 1, 1, '{ADMIN}');
        INSERT INTO bank_statement_lines (statement_id, account, line_no, day, amount, narration, day_number)
            VALUES ('{ident(71)}', 'HDFC', 2, '2026-11-01', 100, 'UPI', 1)""",
    "0071": """INSERT INTO message_templates (kind, language, body) VALUES ('low_balance', 'en', 'Dear {name}')
            ON CONFLICT DO NOTHING;
        UPDATE message_templates SET whatsapp_name = 'monthly_bill', whatsapp_language = 'en'
            WHERE channel = 'whatsapp';
        UPDATE outbox_messages SET told = '{"name": "Balu"}', provider_id = 'wamid.A' WHERE kind = 'reminder'""",
    "0073": f"""UPDATE credit_notes SET irn = repeat('3f', 32), ack_no = '1', ack_date = '2026-09-06 06:00Z',
        signed_qr = 'a.b.c' WHERE id = '{NOTE}';
        INSERT INTO debit_notes (customer_id, invoice_id, series, financial_year, sequence_no, number, note_date,
            due_date, reason, snapshot, taxable_value, exempt_value, cgst, sgst, igst, total, issued_at, issued_by,
            document_hash, previous_hash, hash_version)
        VALUES ('{ASHA}', '{INVOICE}', 'DN', '2627', 1, 'DN/2627/0000001', '2026-09-06', '2026-09-16', 'old price',
            '{{}}', 0, 5, 0, 0, 0, 5, now(), '{ADMIN}', 'x', 'x', 1)""",
    "0075": "UPDATE settings SET gstin = '27AAPFU0939F1ZV', state_code = '27', gst_scheme = 'composition'",
    "0077": f"""UPDATE bank_statement_lines
        SET dismissed_by = '{ADMIN}', dismissed_at = now(), dismissed_reason = 'Interest'""",
}

#: Taking these back with these rows in the database is refused until the loss is allowed.
LOSES = {
    "0002": "link from orders to standing orders",
    "0003": "link from delivery statuses to orders",
    "0004": "link from customers to their logins",
    "0005": "who confirmed deliveries",
    "0006": "issued invoices",
    "0008": "wait in quarantine",
    "0009": "overrides, pauses and new quantities",
    "0010": "which links confirmed deliveries",
    "0011": "who corrected deliveries",
    "0012": "the audit log",
    "0014": "credit notes and adjustments",
    "0015": "payments, opening balances and write-offs",
    "0017": "messages to customers",
    "0024": "which links to bills were revoked",
    "0026": "which messages were taken back",
    "0035": "which orders were made at which door",
    "0037": "who was merged into whom",
    "0039": "which days were closed",
    "0041": "refunds",
    "0042": "moves of customers",
    "0043": "over which links cash was noted",
    "0047": "containers and who has them",
    "0050": "charge rules",
    "0052": "why orders were held back",
    "0055": "the addresses that are told of events",
    "0058": "messages that are not bills",
    "0060": "rules of reminders",
    "0062": "own words for messages",
    "0063": "whose photos there are",
    "0067": "who pays for whom",
    "0077": "dismissed lines of the bank",
    "0075": "pays GST by composition",
    "0073": "what the portal answered for credit notes, and debit notes",
    "0071": "names of templates at WhatsApp",
    "0070": "statements of the bank",
    "0069": "links by which customers pay",
}

#: (question, answer) once the revision ran: its backfill was right.
FILLED: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "0002": (
        "SELECT id::text, subscription_id::text FROM orders WHERE order_type <> 'one_time'",
        [(BY_PLAN, STANDING)],
    ),
    "0003": (
        "SELECT id::text, order_id::text FROM delivery_statuses UNION ALL"
        " SELECT id::text, reason FROM unlinked_delivery_statuses ORDER BY 1",
        [
            (ident(41), BY_PLAN),
            (ident(42), DELIVERED),
            (ident(43), "several orders or rows on that day"),
            (ident(44), "no order on that day"),
            (ident(45), PARTLY),
        ],
    ),
    "0004": ("SELECT id::text, user_id::text FROM customers WHERE user_id IS NOT NULL", [(ASHA, ident(31))]),
    "0005": (
        "SELECT o.id::text, delivered_on::text, delivered_quantity FROM orders o JOIN order_items i ON order_id = o.id"
        " WHERE delivery_confirmed ORDER BY 1",
        [(BY_PLAN, "2026-09-01", 2), (DELIVERED, "2026-09-02", 2), (PARTLY, "2026-10-31", 2)],
    ),
    "0006": (
        "SELECT o.id::text, d.status, d.customer_id = o.customer_id, d.period_start::text FROM orders o"
        " JOIN invoices d ON d.id = o.invoice_id ORDER BY 1",
        [
            (BY_PLAN, "draft", True, "2026-09-01"),
            (DELIVERED, "draft", True, "2026-09-01"),
            (PARTLY, "draft", True, "2026-10-01"),
        ],
    ),
    "0068": (
        "SELECT id::text, payer_id = customer_id FROM orders WHERE payer_id IS NOT NULL OR invoice_id IS NOT NULL"
        " ORDER BY 1",
        [(BY_PLAN, True), (DELIVERED, True), (PARTLY, True)],
    ),
}

#: Dropped with their table or column and made anew by the next upgrade: settings are the dairy's wishes, not records.
NOT_RECORDS = {"alembic_version", "settings", "message_kinds"}


class Filled:
    """A database that a chain of revisions is run on, asked over one connection: each new one reads the catalogue."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg2.connect(psycopg_dsn(url))

    def run(self, statements: str) -> list[tuple[Any, ...]]:
        """In one transaction with triggers and foreign keys asleep: how rows came about is not what is tested."""
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statements)
            return cursor.fetchall() if cursor.description else []

    def rows(self) -> Rows:
        """All rows of all tables, each as JSON."""
        tables = [name for (name,) in self.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        both = " UNION ALL ".join(f"SELECT '{each}', to_jsonb(t)::text FROM {each} t" for each in tables)
        found: Rows = {each: [] for each in tables if each not in NOT_RECORDS}
        for name, row in self.run(f"{both} ORDER BY 1, 2"):
            if name not in NOT_RECORDS:
                found[name].append(row)
        return found


def lost(before: Rows, after: Rows) -> list[str]:
    """Rows that are no longer there as they were."""
    return [f"{name}: {row}" for name, rows in before.items() for row in rows if row not in after.get(name, [])]


def check_filled(database: Filled, number: str) -> None:
    if number in FILLED:
        question, answer = FILLED[number]
        assert database.run(question) == answer, number


def take_back(database: Filled, number: str, before: Rows) -> None:
    """Down to the revision before: refused while that loses something, then nothing but that is lost."""
    here, former = database.rows(), f"{int(number) - 1:04d}"
    if number in LOSES:
        with pytest.raises(migrations.MigrationFailed, match=LOSES[number]):
            migrations.downgrade(database.url, former)
        assert (migrations.current(database.url), database.rows()) == (number, here)
    migrations.downgrade(database.url, former, allow_data_loss=number in LOSES)
    assert migrations.current(database.url) == former
    assert lost(before, database.rows()) == [], f"undoing {number}"


@pytest.mark.usefixtures("revisions_are_read_once")
def test_each_revision_fills_what_it_adds_and_loses_only_what_it_says(server: Server) -> None:
    database = Filled(server.create_database())
    migrations.upgrade(database.url, "0001")
    database.run(WORLD)
    for number in migrations.numbers()[1:]:
        before = database.rows()
        migrations.upgrade(database.url, number)
        check_filled(database, number)
        database.run(ADDED.get(number, "SELECT"))
        take_back(database, number, before)
        migrations.upgrade(database.url, number)
        check_filled(database, number)
        database.run(ADDED.get(number, "SELECT"))
    server.drop_database(database.url)


def test_the_printed_sql_fills_what_the_upgrade_fills(server: Server) -> None:
    database = Filled(server.create_database())
    migrations.upgrade(database.url, "0001")
    database.run(WORLD)
    address, environment = backups.libpq(database.url)
    done = subprocess.run(
        [backups.tools_for(database.url) / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", address],
        input=migrations.sql("0001"), env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert migrations.current(database.url) == migrations.head()
    for number in FILLED:
        check_filled(database, number)
    server.drop_database(database.url)


def test_nothing_is_refused_where_nothing_is_lost(server: Server, template: str) -> None:
    url = server.create_database(template)
    migrations.downgrade(url, "base")
    assert migrations.current(url) is None
    server.drop_database(url)


@pytest.mark.parametrize("change", [lambda rows: rows["orders"].pop(), lambda rows: rows.pop("areas")])
def test_a_lost_row_would_be_seen(change: Callable[[Rows], Any]) -> None:
    before = {"orders": [json.dumps({"id": n}) for n in range(3)], "areas": [json.dumps({"name": "x"})]}
    after = {name: list(rows) for name, rows in before.items()}
    change(after)
    assert len(lost(before, after)) == 1


def test_links_that_were_ended_do_not_come_back_unseen(server: Server, template: str) -> None:
    """Their version is forgotten with its column, and the next upgrade begins at the first one again."""
    url = server.create_database(template)
    Filled(url).run("UPDATE settings SET invoice_link_version = 2")
    with pytest.raises(migrations.MigrationFailed, match="links to bills were ended"):
        migrations.downgrade(url, "0016")
    Filled(url).run("UPDATE settings SET invoice_link_version = 1")
    migrations.downgrade(url, "0016")
    server.drop_database(url)


class CutShort(Exception):
    """As if the process had ended here."""


def test_a_backfill_that_is_cut_short_anywhere_is_completed_by_the_next_upgrade(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One statement more each time: what ended between two of them is taken up, and comes to the same rows."""
    monkeypatch.setattr(revisions, "CUSTOMERS_A_BATCH", 1)
    databases = [Filled(server.create_database()) for _ in range(2)]
    for database in databases:
        migrations.upgrade(database.url, "0001")
        database.run(WORLD)
    whole, pieces = databases
    migrations.upgrade(whole.url, "0006")
    run, left, cuts = revisions.run, 0, 0

    def run_while_it_lasts(sql: str) -> None:
        nonlocal left
        if left == 0:
            raise CutShort
        left -= 1
        run(sql)

    monkeypatch.setattr(revisions, "run", run_while_it_lasts)
    for number in ("0002", "0003", "0004", "0005", "0006"):
        for most in range(1, 100, 2):
            left = most
            try:
                migrations.upgrade(pieces.url, number)
                break
            except CutShort:
                cuts += 1
        assert migrations.current(pieces.url) == number
        check_filled(pieces, number)
    assert cuts > 30
    monkeypatch.undo()
    left_behind, expected = pieces.rows(), whole.rows()
    assert {name: len(rows) for name, rows in left_behind.items()} == {n: len(rows) for n, rows in expected.items()}
    read = structure.read_from
    assert structure.differences(read(pieces.url), "in pieces", read(whole.url), "at once") == []
    for database in databases:
        server.drop_database(database.url)


def test_while_rows_are_filled_a_reader_and_a_writer_of_orders_get_through(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every statement of 0002 to 0006 that is a transaction of its own nothing on orders is locked."""
    monkeypatch.setattr(revisions, "CUSTOMERS_A_BATCH", 1)
    database = Filled(server.create_database())
    migrations.upgrade(database.url, "0001")
    database.run(WORLD)
    run, looked = revisions.run, 0

    with raw_connection(database.url) as other:
        other.autocommit = True

        def run_and_look(sql: str) -> None:
            nonlocal looked
            run(sql)
            if op.get_bind().connection.dbapi_connection.autocommit:
                with other.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass AND granted")
                    assert cursor.fetchone() == (0,), sql
                    cursor.execute("UPDATE orders SET notes = 'seen' WHERE status = 'PENDING'")
                looked += 1

        monkeypatch.setattr(revisions, "run", run_and_look)
        migrations.upgrade(database.url, "0006")
    assert looked > 40
    server.drop_database(database.url)
