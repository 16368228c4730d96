"""A process that bills is killed, again and again, wherever it happens to be."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import pytest
import time_machine

from dairy_app.billing.service import runs as service
from dairy_app.billing.service.runs import RunRequest
from dairy_app.database.transactions import Database
from tests.command_line import run_command

pytestmark = pytest.mark.slow

CUSTOMERS = 120
#: Each costs a run at most two of its sixty chunks, so none comes to its end before it is killed.
KILLS = 20
NOW = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)

#: Drafts of October with two orders each, two customers a chunk.
_DRAFTS = f"""
UPDATE settings SET business_name = 'Sunrise Dairy', state_code = '27', billing_chunk = 2;
INSERT INTO products (sku, name, unit, hsn_code, tax_class) VALUES ('MILK', 'Milk', 'litre', '0401', 'milk_fresh');
INSERT INTO customers (name) SELECT 'Customer ' || n FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO invoices (customer_id, period_start, period_end) SELECT id, '2026-10-01', '2026-10-31' FROM customers;
INSERT INTO orders (customer_id, order_type, delivery_date, shift, status, source, delivered_on, delivered_at,
    delivery_confirmed, invoice_id)
SELECT i.customer_id, 'one_time', day, 'morning', 'DELIVERED', 'staff', day, day + time '06:00', true, i.id
FROM invoices i CROSS JOIN (VALUES (date '2026-10-05'), (date '2026-10-06')) AS days (day);
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
SELECT o.id, 1, p.id, 1.5, 60, 'product', 1.5 FROM orders o CROSS JOIN products p;
"""


def bill(url: str, parent: Connection) -> None:
    """What ``dairy bill --period 2026-10`` does, in a process of its own; after each chunk it waits for leave."""

    def tell(_: Any) -> None:
        parent.send(True)
        parent.recv()

    with time_machine.travel(NOW):
        database, asked = Database(url), RunRequest("2026-10", confirm=True)
        run = database.run(lambda session: service.start_run(session, asked, None)).run
        service.carry_out(database, run.id, asked, None, progress=tell)


def begin(url: str) -> tuple[Any, Connection]:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    ours, theirs = processes.Pipe()
    process = processes.Process(target=bill, args=(url, theirs))
    process.start()
    return process, ours


def one_chunk(child: Connection) -> float:
    """Let it do a chunk; returns the seconds that it took."""
    began = time.perf_counter()
    child.send(True)
    assert child.poll(30)
    child.recv()
    return time.perf_counter() - began


@pytest.mark.timeout(240)
def test_killed_at_twenty_moments_nothing_is_lost_or_billed_twice(database_url: str, sql: Any) -> None:
    sql(_DRAFTS)
    chance, billed, in_a_chunk = random.Random(20261101), 0, 0
    for turn in range(KILLS):
        process, child = begin(database_url)
        assert child.poll(30)
        child.recv()
        if not turn:
            a_chunk = one_chunk(child)  # so the moments are spread over a chunk's work, on a slow machine too
        child.send(True)
        process.join(chance.uniform(0, a_chunk) if turn else 0)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        known, billed = billed, sql("SELECT count(*) FROM invoices WHERE status = 'issued'")[0][0]
        in_a_chunk += billed - known == (4 if not turn else 2)
        check(sql)
    assert billed < CUSTOMERS
    assert in_a_chunk, "killed while at work"
    last, child = begin(database_url)
    for _ in range(CUSTOMERS):
        child.send(True)
    last.join(60)
    assert last.exitcode == 0
    check(sql)
    assert sql(
        "SELECT count(*), min(sequence_no), max(sequence_no), sum(total) FROM invoices WHERE status = 'issued'"
    ) == [(CUSTOMERS, 1, CUSTOMERS, CUSTOMERS * 180)]


@pytest.mark.parametrize(("stop", "code", "said"), [(signal.SIGINT, 1, "stopped"), (signal.SIGTERM, -15, "")])
def test_stopped_by_its_operator_a_run_is_interrupted_and_the_next_one_ends_it(
    database_url: str, database: Database, sql: Any, stop: signal.Signals, code: int, said: str
) -> None:
    sql(_DRAFTS)
    sql("""
        UPDATE settings SET billing_chunk = 1;
        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$;
        CREATE TRIGGER slowly BEFORE UPDATE OF status ON invoices FOR EACH ROW EXECUTE FUNCTION slowly()""")
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "LANG": "C.UTF-8"}
    command = [sys.executable, "-m", "dairy_app.cli", "bill", "--period", "2026-10", "--yes"]
    run = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    issued = "SELECT count(*) FROM invoices WHERE status = 'issued'"
    for _ in range(1200):
        if sql(issued)[0][0] or run.poll() is not None:
            break
        time.sleep(0.05)
    run.send_signal(stop)
    _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors.strip().splitlines()[-1:] if said else []) == (code, [said] if said else [])
    assert "Traceback" not in errors
    assert 0 < sql(issued)[0][0] < CUSTOMERS
    check(sql)
    sql("DROP TRIGGER slowly ON invoices")
    sql("UPDATE billing_runs SET heartbeat_at = heartbeat_at - interval '3 minutes'")  # a chunk may take two
    ((broken_off,),) = sql("SELECT id FROM billing_runs")
    with database.transaction() as session:
        assert service.read_run(session, broken_off).status == "interrupted"
    again = run_command("bill", "--period", "2026-10", "--yes", DATABASE_URL=database_url)
    assert again.returncode == 0, again.stderr
    assert sql(issued) == [(CUSTOMERS,)]
    check(sql)


def check(sql: Any) -> None:
    """Each order on exactly one live paper, numbers without a gap, the series at the number that follows."""
    assert (
        sql("""
        SELECT count(*) FROM orders o JOIN invoices i ON i.id = o.invoice_id AND i.status IN ('draft', 'issued')""")
        == [(2 * CUSTOMERS,)]
    )
    assert sql("""
        SELECT count(*) FROM invoices i WHERE i.status = 'issued' AND i.total <>
            (SELECT sum(l.line_total) FROM invoice_lines l WHERE l.invoice_id = i.id) + i.round_off""") == [(0,)]
    issued, last, following = sql("""
        SELECT (SELECT count(*) FROM invoices WHERE number IS NOT NULL), max(sequence_no),
            (SELECT next_no FROM number_series) FROM invoices""")[0]
    assert issued == (last or 0) == (following or 1) - 1
