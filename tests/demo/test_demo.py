"""What a newcomer gets from `make demo`, and what it must never do."""

import csv
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from dairy_app.app import create_app
from dairy_app.billing.service import runs as service
from dairy_app.billing.service.runs import RunRequest
from dairy_app.business.queries import today
from dairy_app.database.transactions import Database
from dairy_app.demo import filling, people, queries
from dairy_app.demo.progress import bars
from dairy_app.demo.state import read_state
from dairy_app.settings import Settings
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, Server
from tests.dairy import Client, Dairy, ok

pytestmark = pytest.mark.slow

#: The fewest it takes: the two hundred of the demo itself take half a minute.
CUSTOMERS = 20
FILL = ("--no-serve", "--customers", str(CUSTOMERS))


@dataclass
class Demo:
    """A database and a data folder, and the command run on them."""

    url: str
    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command("demo", *(arguments or FILL), **self.settings)

    def run_as_a_newcomer(self) -> subprocess.CompletedProcess[str]:
        """In a process of its own, as `make demo` does."""
        return subprocess.run(
            [sys.executable, "-m", "dairy_app.cli", "demo", *FILL],
            env=self.environment, capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip

    @property
    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url, "DAIRY_DATA_DIR": str(self.folder), "DAIRY_LOG_LEVEL": "error"}

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **self.settings}

    def summary(self) -> dict[str, Any]:
        database = Database(self.url)
        with database.transaction(read_only=True) as session:
            sums = dict(queries.summary(session))
        database.dispose()
        return sums

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder / "exports" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def finished(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, str]]:
    """A first run on an empty database without a single table; and what it printed."""
    demo = Demo(server.create_database(), tmp_path_factory.mktemp("demo"))
    done = demo.run_as_a_newcomer()
    assert done.returncode == 0, done.stderr
    yield demo, done.stdout
    server.drop_database(demo.url)


def password_in(printed: str) -> str:
    found = set(re.findall(r"milk-[0-9a-f]{12}", printed))
    assert len(found) == 1
    return found.pop()


def test_a_newcomer_sees_invoices_and_a_csv(finished: tuple[Demo, str]) -> None:
    demo, printed = finished
    sums = demo.summary()
    assert sums["customers"] == CUSTOMERS
    assert sums["invoices"] > CUSTOMERS
    assert sums["delivered"] > 20 * CUSTOMERS
    assert min(sums["partial"], sums["not_delivered"], sums["cancelled"], sums["pending"]) > 0
    for shown in (sums["orders"], sums["delivered"], sums["one_time_amount"], sums["invoices"], sums["total"]):
        assert re.search(rf"\s{re.escape(f'{shown:,}')}\s", printed), shown
    assert "http://127.0.0.1:8000/api/docs" in printed
    register, lines = demo.rows("invoice-register"), demo.rows("invoice-lines")
    assert [row["status"] for row in register].count("void") == 1
    assert len(register) == sums["invoices"] + 1
    assert sum(Decimal(row["total_amount"]) for row in register) == sums["total"]
    of_one_time = [Decimal(row["line_total"]) for row in lines if row["source"] == "one_time"]
    assert sum(of_one_time) == sums["one_time_amount"] > 0


def test_both_months_before_are_delivered_and_billed(finished: tuple[Demo, str]) -> None:
    demo, _ = finished
    database = Database(demo.url)
    state = read_state(demo.url)
    assert (state.is_ready, state.day is not None) == (True, True)
    assert state.day is not None
    with database.transaction(read_only=True) as session:
        left = "SELECT count(*) FROM orders WHERE status = 'PENDING' AND delivery_date < :day"
        assert session.scalar(text(left), {"day": state.day}) == 0
    database.dispose()
    months = {row["invoice_date"][:7] for row in demo.rows("invoice-register")}
    first = queries.first_day_of(state.day)
    assert months == {first.strftime("%Y-%m"), (first + timedelta(days=31)).strftime("%Y-%m")}


def test_the_books_have_payments_and_both_papers_of_a_shop(finished: tuple[Demo, str]) -> None:
    demo, _ = finished
    sums = demo.summary()
    assert 0 < sums["open"] < sums["paid"] < sums["total"] - sums["open"], "the rest was credited"
    papers = [(row["customer_code"], row["invoice_date"]) for row in demo.rows("invoice-register")]
    assert sorted(papers.count(paper) for paper in set(papers))[-1] == 2


EVERYTHING = {
    "charges and discounts": "SELECT count(DISTINCT kind) = 2 FROM adjustments",
    "notes for goods and for an amount": "SELECT count(quantity) = 1 AND count(*) = 2 FROM credit_note_lines",
    "a void paper, issued anew": "SELECT count(*) = 1 FROM invoices v JOIN invoices n ON n.customer_id = v.customer_id"
    " AND n.period_start = v.period_start AND n.status = 'issued' WHERE v.status = 'void'",
    "a pause": "SELECT count(*) = 1 FROM subscription_pauses",
    "a trial": "SELECT count(*) = 1 FROM customers WHERE status = 'trial'",
    "one who stopped": "SELECT count(*) = 1 FROM customers WHERE status = 'stopped'",
    "a request that waits": "SELECT count(*) = 1 FROM change_requests WHERE status = 'pending'",
    "a delivery charge and a discount by rule, both on issued bills": "SELECT count(DISTINCT r.kind) = 2"
    " FROM invoice_lines l JOIN charge_rules r ON r.id = l.charge_rule_id JOIN invoices i ON i.id = l.invoice_id"
    " WHERE i.status = 'issued' AND sign(l.line_total) = CASE r.kind WHEN 'discount' THEN -1 ELSE 1 END",
    "cash handed over, and some that is not": "SELECT count(*) = 1 FROM cash_settlements WHERE variance <> 0",
}


def test_there_is_one_of_everything(finished: tuple[Demo, str]) -> None:
    demo, _ = finished
    database = Database(demo.url)
    with database.transaction(read_only=True) as session:
        missing = [what for what, question in EVERYTHING.items() if not session.scalar(text(question))]
    database.dispose()
    assert missing == []


def test_every_login_that_was_printed_works(finished: tuple[Demo, str], tmp_path: Path) -> None:
    demo, printed = finished
    database = Database(demo.url)
    app = create_app(Settings(tmp_path, secret_key=SECRET_KEY, log_level="error"), database)
    for role, email in re.findall(r"│ (\w+)\s*│ (\S+@dairy\.example)", printed):
        answer = ok(Client(app, None).post("/auth/login", {"email": email, "password": password_in(printed)}))
        assert answer["user"]["role"] == role
    database.dispose()
    assert len(re.findall("@dairy.example", printed)) == 5


def test_the_key_is_its_owners_only(finished: tuple[Demo, str]) -> None:
    file = finished[0].folder / "demo-secret-key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().strip()) == 64


def test_a_second_run_changes_nothing(finished: tuple[Demo, str]) -> None:
    demo, printed = finished
    before, files = demo.summary(), [file.stat().st_mtime_ns for file in sorted(demo.folder.rglob("*.csv"))]
    again = demo.run()
    assert (again.returncode, again.stdout) == (0, printed)
    assert demo.summary() == before
    assert [file.stat().st_mtime_ns for file in sorted(demo.folder.rglob("*.csv"))] == files


@pytest.fixture
def copied(finished: tuple[Demo, str], server: Server, tmp_path: Path) -> Iterator[Demo]:
    """The finished sample to write in."""
    demo = finished[0]
    shutil.copy2(demo.folder / "demo-secret-key", tmp_path)
    copy = Demo(server.create_database(make_url(demo.url).database), tmp_path)
    yield copy
    server.drop_database(copy.url)


def test_a_lost_key_is_replaced_and_its_password_works(finished: tuple[Demo, str], copied: Demo) -> None:
    (copied.folder / "demo-secret-key").unlink()
    again = copied.run()
    assert again.returncode == 0, again.stderr
    assert password_in(again.stdout) != password_in(finished[1])
    test_every_login_that_was_printed_works((copied, again.stdout), copied.folder)


def test_an_interrupted_run_comes_to_the_same_end(
    finished: tuple[Demo, str], database_url: str, database: Database, tmp_path: Path
) -> None:
    """Stopped after forty days and once more in the middle of a billing run: killed, so nothing was tidied up."""
    with bars() as steps:
        state = filling.begin(database, CUSTOMERS, "not the password", steps)
        assert state.day is not None
        filling.deliver(database, state.day - timedelta(days=40), steps)
    half = Demo(database_url, tmp_path)
    assert 0 < half.summary()["delivered"] < finished[0].summary()["delivered"]
    with database.transaction() as session:
        month = (state.day.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        accountant = people.actor_of(session, "accountant@dairy.example")
        request = RunRequest(month, confirm=True, idempotency_key=f"demo {month}")
        service.start_run(session, request, accountant)
    assert not read_state(database_url).is_ready
    done = half.run()
    assert done.returncode == 0, done.stderr
    assert half.summary() == finished[0].summary()
    assert len(half.rows("invoice-lines")) == len(finished[0].rows("invoice-lines"))


def test_somebody_elses_data_are_refused(dairy: Dairy, database_url: str, tmp_path: Path) -> None:
    customer = dairy.customer()
    done = Demo(database_url, tmp_path).run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("dairy: this database holds data that is not the demo's")
    assert done.stderr.count("\n") == 1
    assert [row["id"] for row in ok(dairy.admin.get("/customers"))["items"]] == [customer["id"]]
    assert not (tmp_path / "exports").exists()


def test_a_database_of_another_program_is_refused(server: Server, tmp_path: Path) -> None:
    demo = Demo(server.create_database(), tmp_path)
    database = Database(demo.url)
    with database.transaction() as session:
        session.connection().exec_driver_sql("CREATE TABLE ledger (id integer)")
    database.dispose()
    done = demo.run()
    server.drop_database(demo.url)
    assert done.returncode == 1
    assert "not the demo's" in done.stderr


def test_a_port_in_use_is_said_before_anything_is_filled(server: Server, tmp_path: Path) -> None:
    demo = Demo(server.create_database(), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = demo.run("--port", str(taken.getsockname()[1]))
    server.drop_database(demo.url)
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert list(tmp_path.iterdir()) == []


@contextmanager
def serving(demo: Demo, printed: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "dairy_app.cli", "demo", "--port", str(port)]
    with printed.open("w") as out:
        server = subprocess.Popen(command, env=demo.environment, stdout=out, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.terminate()
        assert server.wait(40) == 0


def test_it_serves_docs_and_a_round_and_takes_orders(finished: tuple[Demo, str], copied: Demo, tmp_path: Path) -> None:
    """In a process that only serves: nothing is loaded there that the application does not load itself."""
    demo, printed = copied, finished[1]
    with serving(demo, tmp_path / "printed") as port:
        assert b'"ok"' in fetch(port, "GET", "/api/health")
        (path,) = re.findall(r"Round http://127\.0\.0\.1:\d+(/s/\S+)", (tmp_path / "printed").read_text())
        assert b"Lane" in fetch(port, "GET", path)
        stops = json.loads(fetch(port, "GET", path.replace("/s/", "/api/v1/shared/") + "/round"))["stops"]
        assert len(stops) > 5
        (path,) = re.findall(r"Bill  http://127\.0\.0\.1:\d+(/i/\S+)", (tmp_path / "printed").read_text())
        assert b"INVOICE" in fetch(port, "GET", path)
        assert b"<html" in fetch(port, "GET", "/api/docs").lower()
        login = {"email": "customer@dairy.example", "password": password_in(printed)}
        token = json.loads(fetch(port, "POST", "/api/v1/auth/login", body=login))["access_token"]
        wares = json.loads(fetch(port, "GET", "/api/v1/products", token))["items"]
        wanted = {"delivery_date": after_tomorrow(demo), "items": [{"product_id": wares[0]["id"], "quantity": "2"}]}
        order = json.loads(fetch(port, "POST", "/api/v1/orders", token, wanted))
        assert order["status"] == "PENDING"
        cancel = f"/api/v1/orders/{order['id']}/cancel"
        assert json.loads(fetch(port, "POST", cancel, token, {"reason": "a test"}))["status"] == "CANCELLED"


def after_tomorrow(demo: Demo) -> str:
    """A day that no cut-off has closed, whatever the hour."""
    database = Database(demo.url)
    with database.transaction(read_only=True) as session:
        day = today(session) + timedelta(days=2)
    database.dispose()
    return day.isoformat()


def fetch(port: int, method: str, path: str, token: str | None = None, body: Any = None) -> bytes:
    """A successful answer; asks again while nobody listens yet."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    sent = None if body is None else json.dumps(body)
    until = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(method, path, sent, headers | {"Content-Type": "application/json"})
            with connection.getresponse() as answer:
                read = answer.read()
                assert answer.status in (200, 201), read
                return read
        except ConnectionRefusedError:
            assert time.monotonic() < until
        finally:
            connection.close()
