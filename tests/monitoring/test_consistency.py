"""Each report of consistency finds what it is for, and nothing in a dairy that is in order."""

import json
import os
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.database.transactions import Database
from dairy_app.monitoring.queries import consistency, links
from dairy_app.monitoring.service import files
from dairy_app.photos.store import files_of
from dairy_app.settings import Settings
from dairy_app.web.http import DairyFlask
from tests.billing.conftest import LivingDairy
from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.dairy import ok
from tests.photos.pictures import door, names, send
from tests.statements import count_statements

#: Triggers and foreign keys asleep, as after a restore by hand.
ASLEEP = "SET LOCAL session_replication_role = replica"
TODAY = date(2026, 11, 1)
#: What the command and the API tell: what is in the database, and whether photos and files agree.
REPORTS = (*consistency.REPORTS, *files.REPORTS)


def dropped(table: str, *constraints: str) -> str:
    return f"ALTER TABLE {table} " + ", ".join(f"DROP CONSTRAINT {each} CASCADE" for each in constraints)


OFF_PAPER = dropped("orders", "ck_orders_delivered_iff_on_invoice", "ck_orders_payer_iff_on_invoice")
ONE_DELIVERED = "(SELECT id FROM orders WHERE status = 'DELIVERED' ORDER BY id LIMIT 1)"
ANOTHER = "(SELECT max(id::text)::uuid FROM customers WHERE id NOT IN (SELECT customer_id FROM invoices))"
THE_OPEN_ONE = "(SELECT id FROM orders WHERE status = 'PENDING')"
A_STANDING_ONE = "(SELECT id FROM subscriptions)"
AN_INVOICE = "(SELECT id FROM invoices WHERE status = 'issued')"
SHA_OF_X = "sha256('x'::bytea)"
#: A link that was paid, and an event of each kind.
GATEWAY = (
    """INSERT INTO payment_links (customer_id, invoice_id, amount, gateway, description, status, expires_at,
        created_by)
    SELECT customer_id, id, 1, 'razorpay', 'x', 'expired', '2027-01-01', (SELECT id FROM users LIMIT 1)
    FROM invoices WHERE status = 'issued' LIMIT 1""",
    f"""INSERT INTO gateway_events (gateway, event_id, body, body_sha256, object_type, gateway_payment_id, amount,
        status, payment_id, payment_link_id)
    SELECT 'razorpay', 'evt_1', 'x', {SHA_OF_X}, 'payment', 'pay_1', amount, 'booked', id,
        (SELECT id FROM payment_links) FROM payments LIMIT 1""",
    """INSERT INTO bank_statements (account, first_day, last_day, line_count, new_lines, uploaded_by)
    SELECT 'HDFC', received_on, received_on, 1, 1, (SELECT id FROM users LIMIT 1) FROM payments LIMIT 1""",
    """INSERT INTO bank_statement_lines (statement_id, account, line_no, day, amount, narration, day_number, payment_id,
        accepted_by, accepted_at)
    SELECT (SELECT id FROM bank_statements), 'HDFC', 1, received_on, amount, 'UPI', 1, id,
        (SELECT id FROM users LIMIT 1), now() FROM payments LIMIT 1""",
    """INSERT INTO gateway_events (gateway, event_id, body, body_sha256, object_type, gateway_payment_id,
        gateway_refund_id, amount, status, refund_id)
    SELECT 'razorpay', 'evt_2', 'y', sha256('y'::bytea), 'refund', 'pay_1', 'rfnd_1', amount, 'booked', id
    FROM refunds LIMIT 1""",
)

PROVOKED = [
    (
        "billing_runs_broken_off",
        ["INSERT INTO billing_runs (period, heartbeat_at) VALUES ('2026-10', '2026-10-01T00:00:00Z')"],
    ),
    ("one_time_orders_unbilled", [OFF_PAPER, f"UPDATE orders SET invoice_id = NULL WHERE id = {ONE_DELIVERED}"]),
    (
        "other_orders_unbilled",
        [
            OFF_PAPER,
            f"""UPDATE orders o SET invoice_id = NULL, order_type = 'subscription',
            subscription_id = {A_STANDING_ONE}, customer_id = (SELECT customer_id FROM subscriptions)
            WHERE id = {ONE_DELIVERED}""",
            "UPDATE delivery_statuses SET customer_id = (SELECT customer_id FROM subscriptions)",
        ],
    ),
    (
        "merged_customers_hold_rows",
        [
            """UPDATE customers SET merged_at = now(), merge_reason = 'twice', status = 'stopped', user_id = NULL,
                delivery_boy_id = NULL, merged_into = (SELECT id FROM customers ORDER BY id LIMIT 1)
            WHERE id = (SELECT id FROM customers ORDER BY id DESC LIMIT 1)"""
        ],
    ),
    ("orders_pending_long", [f"UPDATE orders SET delivery_date = '2026-10-24' WHERE id = {THE_OPEN_ONE}"]),
    (
        "held_orders_made",
        [
            f"""UPDATE orders SET order_type = 'subscription', subscription_id = (SELECT id FROM subscriptions LIMIT 1)
            WHERE id = {THE_OPEN_ONE}""",
            """INSERT INTO credit_holds (subscription_id, day, amount, exposure, credit_limit)
            SELECT subscription_id, delivery_date, 60, 60, 0 FROM orders WHERE subscription_id IS NOT NULL""",
        ],
    ),
    (
        "customers_without_login",
        [
            """UPDATE customers SET user_id = NULL
            WHERE id NOT IN (SELECT customer_id FROM subscriptions)"""
        ],
    ),
    (
        "subscribers_without_login",
        ["UPDATE customers SET user_id = NULL WHERE id IN (SELECT customer_id FROM subscriptions)"],
    ),
    ("deliveries_without_order", [f"UPDATE delivery_statuses SET order_id = uuid7() WHERE order_id = {ONE_DELIVERED}"]),
    (
        "subscription_orders_dangling",
        [f"UPDATE orders SET order_type = 'subscription', subscription_id = uuid7() WHERE id = {THE_OPEN_ONE}"],
    ),
    ("customers_contradicted", ["UPDATE payments SET customer_id = (SELECT customer_id FROM subscriptions)"]),
    ("customers_contradicted", [f"UPDATE orders SET payer_id = {ANOTHER} WHERE id = {ONE_DELIVERED}"]),
    (
        "customers_contradicted",
        [dropped("customers", "ck_customers_payer_pays_itself"), "UPDATE customers SET billed_to = id"],
    ),
    (
        "deliveries_contradicted",
        [f"UPDATE delivery_statuses SET status = 'partially_delivered' WHERE order_id = {ONE_DELIVERED}"],
    ),
    (
        "containers_miscounted",
        [
            "INSERT INTO containers (name, deposit) VALUES ('Bottle', 30)",
            """INSERT INTO container_balances (customer_id, container_id, balance)
            SELECT (SELECT id FROM customers LIMIT 1), id, 3 FROM containers""",
        ],
    ),
    ("phones_shared", ["UPDATE customers SET phone = '+919811111111'"]),
    ("emails_shared", ["UPDATE customers SET email = 'both@b.example'"]),
    ("invoices_without_lines", ["DELETE FROM invoice_lines"]),
    (
        "periods_billed_twice",
        [
            dropped("invoices", "ex_invoices_live_period"),
            "UPDATE invoices SET period_start = '2026-10-31' WHERE status = 'draft'",
        ],
    ),
    (
        "subscription_days_twice",
        [
            dropped("orders", "uq_orders_subscription_id_delivery_date"),
            """INSERT INTO orders (customer_id, order_type, subscription_id, delivery_date, shift, status, source)
            SELECT customer_id, 'subscription', id, '2026-11-01', 'morning', 'PENDING', 'generator'
            FROM subscriptions, generate_series(1, 2)""",
        ],
    ),
    (
        "statuses_unknown",
        [
            dropped("orders", "ck_orders_status_known"),
            f"UPDATE orders SET status = 'banana' WHERE id = {THE_OPEN_ONE}",
        ],
    ),
    (
        "drafts_of_ended_periods",
        [
            dropped("invoices", "ex_invoices_live_period"),
            "UPDATE invoices SET period_start = '2026-10-01', period_end = '2026-10-31' WHERE status = 'draft'",
        ],
    ),
    ("number_gaps", ["UPDATE number_series SET next_no = next_no + 1"]),
    (
        "totals_not_of_lines",
        [dropped("invoice_lines", "ck_invoice_lines_line_adds_up"), "UPDATE invoice_lines SET line_total = 1"],
    ),
    (
        "lines_not_as_delivered",
        [
            f"""UPDATE order_items SET delivered_quantity = delivered_quantity / 2
            WHERE order_id IN (SELECT id FROM orders WHERE invoice_id = {AN_INVOICE})"""
        ],
    ),
    (
        "lines_not_as_delivered",
        [f"UPDATE invoice_lines SET delivered_to = {ANOTHER} WHERE invoice_id = {AN_INVOICE}"],
    ),
    (
        "charges_of_others",
        [
            f"""INSERT INTO charge_rules (kind, basis, amount, valid, description, created_by, customer_id)
            SELECT 'delivery_charge', 'per_month', 5, '[2026-10-01,)', 'Delivery', (SELECT id FROM users LIMIT 1), id
            FROM customers WHERE id <> (SELECT customer_id FROM invoices WHERE id = {AN_INVOICE}) LIMIT 1""",
            f"""UPDATE invoice_lines SET source = 'charge', charge_rule_id = (SELECT id FROM charge_rules)
            WHERE invoice_id = {AN_INVOICE}""",
        ],
    ),
    (
        "ledger_not_open_items",
        [
            """CREATE OR REPLACE VIEW customer_ledger AS
            SELECT customer_id, as_of AS entry_date, 1 AS place, 'opening' AS kind, NULL::text AS document,
                id AS document_id, greatest(amount, 0)::numeric(12,2) AS debit,
                greatest(-amount, 0)::numeric(12,2) AS credit FROM opening_balances"""
        ],
    ),
    (
        "gateway_money_differs",
        [
            f"""INSERT INTO gateway_events (gateway, event_id, body, body_sha256, kind, object_type, gateway_payment_id,
                amount, currency, status, payment_id)
            SELECT 'razorpay', 'evt_1', 'x', {SHA_OF_X}, 'payment.captured', 'payment', 'pay_1', amount + 1, 'INR',
                'booked', id FROM payments LIMIT 1"""
        ],
    ),
    (
        "bank_lines_differ",
        [
            """INSERT INTO bank_statement_lines (statement_id, account, line_no, day, amount, narration, day_number,
                payment_id, accepted_by, accepted_at)
            SELECT uuid7(), 'HDFC', 1, received_on, amount + 1, 'UPI', 1, id, uuid7(), now() FROM payments LIMIT 1"""
        ],
    ),
    ("allocations_over_payment", ["UPDATE payments SET amount = 99"]),
    ("invoices_over_settled", ["UPDATE payment_allocations SET amount = 175.01", "UPDATE payments SET amount = 500"]),
    (
        "irns_of_several_documents",
        [
            f"UPDATE {table} SET irn = repeat('3f', 32), ack_no = '1', ack_date = now(), signed_qr = 'a.b.c'"
            for table in ("credit_notes", "debit_notes")
        ],
    ),
    (
        "archived_orders_at_work",
        [
            """INSERT INTO archived_orders (id, customer_id, delivery_date, status, source, cancelled_at)
            SELECT id, customer_id, delivery_date, 'CANCELLED', source, now() FROM orders LIMIT 1"""
        ],
    ),
    (
        "import_quarantine",
        [
            """INSERT INTO import_quarantine (collection, legacy_id, reason, document, content_hash)
            VALUES ('orders', 'ord_1', 'customer_unresolved', '{}', 'x')"""
        ],
    ),
    (
        "import_unlinked",
        [
            """INSERT INTO unlinked_delivery_statuses (id, customer_id, delivery_date, reason, document)
            SELECT uuid7(), id, '2026-10-01', 'two orders', '{}' FROM customers LIMIT 1"""
        ],
    ),
]


def found_after(database: Database, *statements: str) -> dict[str, consistency.Finding]:
    """What the reports say once the statements ran, without them and the triggers having been there."""
    with Session(database.engine) as session:
        for each in (ASLEEP, *statements):
            session.execute(text(each))
        found = consistency.find(session, TODAY)
        session.rollback()
    return {each.name: each for each in found if each.count}


def test_a_dairy_in_order_has_no_finding(filled: LivingDairy) -> None:
    answer = ok(filled.admin.get("/monitoring/consistency"))
    assert [each["name"] for each in answer["reports"] if each["count"]] == []
    assert (answer["critical"], answer["date"]) == (False, "2026-11-01")
    assert [each["name"] for each in answer["reports"]] == [each.name for each in REPORTS]


def test_every_report_is_provoked() -> None:
    assert {name for name, _ in PROVOKED} | {"links_dangling"} == {each.name for each in consistency.REPORTS}


def test_each_report_finds_what_it_is_for(filled: LivingDairy, app: DairyFlask) -> None:
    for name, statements in PROVOKED:
        found = found_after(app.database, *statements)
        assert name in found, name
        assert 1 <= len(found[name].examples) <= found[name].count, name


def test_each_link_that_leads_nowhere_is_found(filled: LivingDairy, app: DairyFlask) -> None:
    advance = {"customer_id": filled.customer()["id"], "amount": "5.00", "method": "cash"}
    ok(filled.admin.post("/payments", advance), 201)
    ok(filled.admin.post("/refunds", advance | {"reason": "Changed her mind"}), 201)
    ok(filled.admin.post(f"/customers/{advance['customer_id']}/moves", {"from": "2027-01-01", "stop_sequence": 1}), 201)
    rule = {"kind": "discount", "basis": "percent", "amount": "5", "description": "Old", "valid_from": "2026-11-01"}
    ok(filled.admin.post("/charge-rules", rule | {"customer_id": advance["customer_id"]}), 201)
    bottle = ok(filled.admin.post("/containers", {"name": "Bottle", "deposit": "30"}), 201)
    bottled = filled.order(filled.customer(), (filled.product(container_id=bottle["id"]), "1"))
    ok(filled.confirm(bottled), 200)
    ok(send(filled.admin, bottled, door()), 200)
    with app.database.transaction() as session:
        session.execute(text(ASLEEP))
        for statement in GATEWAY:
            session.execute(text(statement))
    for table, _, column, _ in links.LINKS:
        one = f"WHERE ctid = (SELECT ctid FROM {table} ORDER BY {column} IS NULL, ctid LIMIT 1)"  # one that has a link
        found = found_after(app.database, f"UPDATE {table} SET {column} = uuid7() {one}")
        assert found["links_dangling"].examples[0].startswith(f"{table}.{column} ")
        assert found["links_dangling"].count == 1


def test_no_table_with_a_customer_is_forgotten(sql: Any) -> None:
    """The catalogue knows every one: what has a customer, or points to one by another name."""
    rows = sql(
        """SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
        WHERE a.attname = 'customer_id' OR EXISTS (SELECT FROM pg_constraint k
            WHERE k.contype = 'f' AND k.confrelid = 'customers'::regclass AND k.conrelid = a.attrelid
                AND k.conkey = ARRAY[a.attnum])"""
    )
    otherwise = {("customers", "merged_into"), ("invoices", "issued_to"), ("credit_notes", "issued_to"),
        ("debit_notes", "issued_to")}  # fmt: skip
    otherwise |= {("customers", "billed_to"), ("invoice_lines", "delivered_to")}
    assert {*rows} - otherwise == {(table, "customer_id") for table in links.OF_CUSTOMERS}
    assert otherwise <= {*rows}


def test_no_row_that_has_its_customer_twice_is_forgotten(sql: Any) -> None:
    """By its own column, and by what it belongs to: the keys that hold both know each of them."""
    rows = sql(
        """SELECT k.conrelid::regclass::text, a.attname, k.confrelid::regclass::text FROM pg_constraint k
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND a.attname <> 'customer_id'
        WHERE k.contype = 'f' AND cardinality(k.conkey) = 2 AND EXISTS (SELECT FROM pg_attribute c
            WHERE c.attrelid = k.conrelid AND c.attnum = ANY (k.conkey) AND c.attname = 'customer_id')"""
    )
    assert {*rows} == {*links.OF_ONE_CUSTOMER}


def test_a_movement_of_another_customers_order_is_found(filled: LivingDairy, app: DairyFlask) -> None:
    bottle = "INSERT INTO containers (name, deposit) VALUES ('Bottle', 30)"
    back = f"""INSERT INTO container_movements (customer_id, container_id, order_id, day, back)
        SELECT (SELECT id FROM customers c WHERE c.id <> o.customer_id LIMIT 1), (SELECT id FROM containers), o.id,
            o.delivery_date, 1 FROM orders o WHERE id = {ONE_DELIVERED}"""
    found = found_after(app.database, bottle, back)["customers_contradicted"]
    assert [each.split()[0] for each in found.examples] == ["container_movements.order_id"]


def test_a_refund_and_a_message_of_a_merged_customer_are_found(filled: LivingDairy, app: DairyFlask) -> None:
    """Rows that were overlooked before; of each table there is one that somebody put there by hand."""
    rows = {
        "refunds": """(id, voucher_no, customer_id, amount, method, paid_on, reason, recorded_by)
            SELECT uuid7(), 'RF9', id, 1, 'cash', '2026-11-01', 'why', uuid7()""",
        "customer_moves": """(customer_id, moves_on, stop_sequence, entered_by)
            SELECT id, '2026-12-01', 1, uuid7()""",
        "outbox_messages": """(customer_id, channel, recipient, language, body)
            SELECT id, 'sms', '+919800000001', 'en', 'x'""",
        "container_balances": "(customer_id, container_id, balance) SELECT id, uuid7(), 0",
    }
    for table, row in rows.items():
        lone = "INSERT INTO customers (name) VALUES ('Lone')"
        merge = """UPDATE customers SET merged_at = now(), merge_reason = 'twice', status = 'stopped',
            merged_into = (SELECT id FROM customers WHERE name <> 'Lone' LIMIT 1) WHERE name = 'Lone'"""
        insert = f"INSERT INTO {table} {row} FROM customers WHERE name = 'Lone'"
        found = found_after(app.database, lone, merge, insert)["merged_customers_hold_rows"]
        assert [each.split()[0] for each in found.examples] == [table]


def test_the_command_prints_all_reports_and_ends_with_1_only_on_critical_ones(
    filled: LivingDairy, database_url: str, sql: Any
) -> None:
    sql("UPDATE customers SET phone = '+919811111111'")
    done = run_command("check-data", DATABASE_URL=psycopg_dsn(database_url))
    assert done.returncode == 0
    assert "phones_shared" in done.stdout
    assert f"1 of {len(REPORTS)} reports found something" in done.stdout
    sql("SET session_replication_role = replica")
    sql("UPDATE number_series SET next_no = next_no + 12 WHERE series = 'INV'")
    done = run_command("check-data", "--json", DATABASE_URL=psycopg_dsn(database_url))
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["reports"] == said["items"]
    found = {each["name"]: each for each in said["items"]}
    assert found["number_gaps"]["count"] == 12
    assert found["number_gaps"]["examples"] == [f"INV/2627/{n:07d}" for n in range(2, 12)]


def test_the_number_of_statements_does_not_depend_on_the_rows(filled: LivingDairy, app: DairyFlask) -> None:
    with count_statements(app.database) as few:
        ok(filled.admin.get("/monitoring/consistency"))
    for _ in range(3):
        filled.order(filled.customer(), (filled.product(), "1"))
    with count_statements(app.database) as more:
        ok(filled.admin.get("/monitoring/consistency"))
    assert len(few) == len(more)


def test_nothing_is_written_even_by_mistake(filled: LivingDairy, app: DairyFlask, sql: Any) -> None:
    before = sql("SELECT pg_current_snapshot()::text")
    ok(filled.admin.get("/monitoring/consistency"))
    assert sql("SELECT pg_current_snapshot()::text") == before


@pytest.mark.parametrize("path", ["/monitoring/consistency", "/monitoring/stats"])
def test_only_admins_see_it(filled: LivingDairy, path: str) -> None:
    assert filled.staff("accountant").get(path).status_code == 403
    assert ok(filled.admin.get(path))


def test_photos_and_files_that_do_not_agree_are_found(
    filled: LivingDairy, database_url: str, settings: Settings
) -> None:
    """A file that is gone, one that was cut off, and one that nobody knows; a young one may be on its way."""
    admin, photos = filled.admin, files_of(settings)
    gone, cut, whole = (filled.order(filled.customer(), (filled.product(), "1")) for _ in range(3))
    for order in (gone, cut, whole):
        ok(filled.confirm(order), 200)
        before = names(photos)
        ok(send(admin, order, door((64, 64))), 200)
        (name,) = names(photos) - before
        if order is gone:
            photos.remove(name)
        elif order is cut:
            (photos.folder / name[:2] / name).write_bytes(b"half")
    for name, age in ((f"{'0' * 32}.jpg", 61), (f"{'1' * 32}.jpg", 59)):
        file = photos.folder / name[:2] / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"stray")
        then = now().timestamp() - 60 * age
        os.utime(file, (then, then))
    told = {each["name"]: each for each in ok(admin.get("/monitoring/consistency"))["reports"] if each["count"]}
    assert {name: sorted(each["examples"]) for name, each in told.items()} == {
        "photos_without_file": sorted([gone["id"], cut["id"]]),
        "files_without_photo": [f"{'0' * 32}.jpg"],
    }
    given = {"DATABASE_URL": psycopg_dsn(database_url), "DAIRY_DATA_DIR": str(settings.data_dir)}
    done = run_command("check-data", "--json", **given)
    found = {each["name"]: each["count"] for each in json.loads(done.stdout)["items"] if each["count"]}
    assert found == {"photos_without_file": 2, "files_without_photo": 1}
