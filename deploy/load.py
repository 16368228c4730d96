"""A dairy at work, for what tries deployments: drafts of a month to bill, and clients that order, confirm and collect.

Every write carries an ``Idempotency-Key`` and is repeated with it until it is answered, as a client should: afterwards
what was acknowledged is compared with what is stored.
"""

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any
from uuid import uuid4

from try_proxies import EMAIL, PASSWORD

#: Customers with a draft of last month and two orders on it, and one product; five drafts to a chunk of a run.
_DAIRY = """
UPDATE settings SET business_name = 'Sunrise Dairy', address = '1 Milk Lane', state_code = '27', billing_chunk = 5;
INSERT INTO products (sku, name, unit, hsn_code, tax_class) VALUES ('MILK', 'Milk', 'litre', '0401', 'milk_fresh');
INSERT INTO product_prices (product_id, price, valid) SELECT id, 60, '[2020-01-01,)' FROM products;
INSERT INTO customers (name, phone)
SELECT 'Customer ' || n, '+9196' || lpad(n::text, 8, '0') FROM generate_series(1, {customers}) n;
INSERT INTO invoices (customer_id, period_start, period_end)
SELECT id, date_trunc('month', now() - interval '1 month'), date_trunc('month', now()) - interval '1 day'
FROM customers;
INSERT INTO orders (customer_id, order_type, delivery_date, shift, status, source, delivered_on, delivered_at,
    delivery_confirmed, invoice_id)
SELECT i.customer_id, 'one_time', day, 'morning', 'DELIVERED', 'staff', day, day + time '06:00', true, i.id
FROM invoices i CROSS JOIN LATERAL (VALUES (i.period_start), (i.period_start + 1)) AS days (day);
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
SELECT o.id, 1, p.id, 1.5, 60, 'product', 1.5 FROM orders o CROSS JOIN products p"""

#: Seconds that a client waits before it sends the same again; the answer says 5, which is for thousands of clients.
AGAIN = 0.2
#: Seconds after the end of the load until a client gives a write up that nobody answers.
PATIENCE = 60
#: Customers of a file.
IMPORTED = 5


def fill(cursor: Any, customers: int) -> None:
    """Put so many customers with a month to bill into an empty dairy; ``cursor``: of the owner of its tables."""
    cursor.execute(_DAIRY.format(customers=customers))


@dataclass
class Book:
    """What clients saw: answers by what was asked, and the id of each write that was acknowledged, by its key."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    acknowledged: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    #: Writes that nobody answered, and answers that no client should see.
    unanswered: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    #: Numbers for what must be new.
    numbers: Iterator[int] = field(default_factory=count)
    #: When an answer came, by ``time.monotonic``; whether it was a success; seconds that it took.
    times: list[tuple[float, bool, float]] = field(default_factory=list)

    def longest_silence(self) -> float:
        """The longest time, in seconds, without a successful write or read."""
        well = sorted(at for at, is_well, _ in self.times if is_well)
        return max((later - sooner for sooner, later in pairwise(well)), default=0.0)

    def slowest(self) -> float:
        """Seconds of the answer that took longest, whatever it was."""
        return max((seconds for _, _, seconds in self.times), default=0.0)

    def lines(self) -> Iterator[str]:
        """The answers, as a table for people."""
        for (what, answer), times in sorted(self.answers.items()):
            yield f"    {what:<14}{answer:<28}{times:>7,}"


class Client:
    """One client on one connection."""

    def __init__(self, port: int, book: Book, token: str = "") -> None:
        self._port, self._book, self.token = port, book, token
        self._line: http.client.HTTPConnection | None = None
        self._is_repeated = False

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str = "", kind: str = "application/json"
    ) -> tuple[int, bytes]:
        """One request; raises OSError or HTTPException when there was no whole answer. Remembers a repeated one."""
        line = self._line or http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        self._line = None
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self.token}"}
        if key:
            headers["Idempotency-Key"] = key
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        line.request(method, f"/api/v1{path}", content, headers)
        answer = line.getresponse()
        said = answer.read()
        self._is_repeated = "Idempotency-Replayed" in answer.headers
        if answer.status == 503 and not answer.headers.get("Retry-After"):
            self._book.strange.append(f"503 without Retry-After: {said[:200]!r}")
        self._line = line
        return answer.status, said

    def login(self) -> "Client":
        """As the owner."""
        status, said = self.ask("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
        assert status == 200, said
        self.token = json.loads(said)["access_token"]
        return self

    def read(self, what: str, path: str) -> bytes | None:
        """One GET that is counted; the body of a success."""
        status, said = self._counted(what, "GET", path)
        return said if status == 200 else None

    def write(self, what: str, path: str, body: Any, ends: Callable[[], bool], **options: Any) -> Any:
        """A POST that is repeated until it is answered; its answer, None for one that was given up."""
        key = str(uuid4())
        given_up = None
        while True:
            status, said = self._counted(what, "POST", path, body, key=key, **options)
            if status in {200, 201}:
                made = json.loads(said)
                self._book.acknowledged[what][key] = str(made.get("id") or made.get("delivery_status_id") or "")
                return made
            if status not in {0, 503}:
                self._book.strange.append(f"{what}: {status} {said[:300]!r}")
                return None
            if ends():
                given_up = given_up or time.monotonic() + PATIENCE
                if time.monotonic() > given_up:
                    self._book.unanswered.append(f"{what} {key}")
                    return None
            time.sleep(AGAIN)

    def bill(self, month: str, seconds: float = 300) -> dict[str, Any]:
        """Bill a month: asked again with the same key until the run is done; the run as it is then."""
        key, ends, run = str(uuid4()), time.monotonic() + seconds, dict[str, Any]()
        while run.get("status") != "completed" and time.monotonic() < ends:
            asked = {"period": month, "confirm": True}
            status, said = self._counted("billing run", "POST", "/billing/runs", asked, key=key)
            if status in {200, 201, 202}:
                run = json.loads(said)
            elif status not in {0, 503}:
                self._book.strange.append(f"billing run: {status} {said[:300]!r}")
                break
            time.sleep(AGAIN)
        return run

    def _counted(self, what: str, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, bytes]:
        began = time.monotonic()
        try:
            status, said = self.ask(method, path, body, **options)
        except (OSError, http.client.HTTPException) as error:
            status, said, answer = 0, b"", f"no answer ({type(error).__name__})"
        else:
            answer = f"{status} {json.loads(said)['code']}" if status >= 400 else str(status)
            if self._is_repeated:
                answer += " once more"
        if status >= 500 and status != 503:
            self._book.strange.append(f"{what}: {status} {said[:300]!r}")
        self._book.answers[what, answer] += 1
        now = time.monotonic()
        if what != "billing run":  # is waited for, if it takes no longer than 20 s
            self._book.times.append((now, status in {200, 201}, now - began))
        return status, said


@dataclass(frozen=True)
class Dairy:
    """What clients need to know to order: who, what and which day."""

    customers: list[str]
    product: str
    day: str


class Load:
    """Clients at work until they are told to stop: two of five sell, the others read, export and import."""

    def __init__(self, port: int, dairy: Dairy, token: str, clients: int) -> None:
        self.book, self.over = Book(), threading.Event()
        self._port, self._dairy, self._token = port, dairy, token
        works = [self._sell, self._sell, self._read, self._export, self._import]
        self._threads = [
            threading.Thread(target=self._until_over, args=(works[number % len(works)], number), daemon=True)
            for number in range(clients)
        ]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """The load, for the block; afterwards every write was answered, or given up."""
        for each in self._threads:
            each.start()
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        self.over.set()
        for each in self._threads:
            each.join(PATIENCE + 90)
            if each.is_alive():
                self.book.strange.append(f"{each.name} hangs")

    def client(self) -> Client:
        """Another client of the same book."""
        return Client(self._port, self.book, self._token)

    def _until_over(self, work: Callable[[Client, int], None], number: int) -> None:
        client, turn = self.client(), number
        try:
            while not self.over.is_set():
                work(client, turn)
                turn += len(self._threads)
        except Exception as error:
            self.book.strange.append(f"a client ended: {error!r}")

    def _sell(self, client: Client, turn: int) -> None:
        customer = self._dairy.customers[turn % len(self._dairy.customers)]
        ends = self.over.is_set
        asked = {
            "customer_id": customer,
            "delivery_date": self._dairy.day,
            "items": [{"product_id": self._dairy.product, "quantity": "1"}],
            "confirm": True,
        }
        order = client.write("order", "/orders", asked, ends)
        if order is not None:
            confirmed = {"order_id": order["id"], "status": "delivered"}
            client.write("confirmation", "/deliveries/confirmations", confirmed, ends)
        paid = {"customer_id": customer, "amount": "10.00", "method": "cash"}
        client.write("payment", "/payments", paid, ends)

    def _read(self, client: Client, turn: int) -> None:
        client.read("list", "/orders?limit=50" if turn % 2 else "/customers?limit=50")
        if self.over.wait(0.02):
            return

    def _export(self, client: Client, turn: int) -> None:
        del turn
        said = client.read("export", "/exports/deliveries.csv?period=" + self._dairy.day[:7])
        if said is not None and not said.endswith(b"\r\n"):
            self.book.strange.append(f"an export that was cut short: {said[-80:]!r}")
        self.over.wait(0.1)

    def _import(self, client: Client, turn: int) -> None:
        turn = next(self.book.numbers)
        rows = "".join(f"Imported {turn} {n},+9197{turn:07d}{n},{n} Main Road,Kothrud\r\n" for n in range(IMPORTED))
        file = f"name,phone,address_line1,area\r\n{rows}".encode()
        client.write("import", "/imports/customers", file, self.over.is_set, kind="text/csv")
        self.over.wait(0.2)


def compare(cursor: Any, book: Book, day: str, look: Callable[[str, bool, Any], None]) -> None:
    """Look whether what was acknowledged is stored, once, and nothing else; ``cursor``: reads every table."""
    for what, query in (
        ("order", f"SELECT id::text FROM orders WHERE delivery_date = '{day}'"),
        ("payment", "SELECT id::text FROM payments"),
    ):
        cursor.execute(query)
        stored, acknowledged = {row[0] for row in cursor.fetchall()}, list(book.acknowledged[what].values())
        lost, unasked = set(acknowledged) - stored, stored - set(acknowledged)
        twice = len(acknowledged) - len(set(acknowledged))
        look(
            f"{what}s acknowledged and stored",
            not lost and not unasked and not twice,
            f"{len(acknowledged)} and {len(stored)}: {len(lost)} lost, {len(unasked) + twice} too many",
        )
    cursor.execute(f"SELECT count(*) FROM orders WHERE delivery_date = '{day}' AND status = 'DELIVERED'")
    delivered, confirmed = cursor.fetchone()[0], len(book.acknowledged["confirmation"])
    look("confirmations acknowledged and stored", delivered == confirmed, f"{confirmed} and {delivered}")
    cursor.execute("SELECT count(*) FROM customers WHERE name LIKE 'Imported %'")
    there, imported = cursor.fetchone()[0], IMPORTED * len(book.acknowledged["import"])
    look("customers of files acknowledged and stored", there == imported, f"{imported} and {there}")
    for what, query in (
        ("invoices", "SELECT count(*), count(DISTINCT sequence_no), max(sequence_no) FROM invoices WHERE number <> ''"),
        (
            "receipts",
            "SELECT count(*), count(DISTINCT receipt_no), max(substring(receipt_no FROM '[0-9]+$')::int) FROM payments",
        ),
    ):
        cursor.execute(query)
        rows, numbers, last = cursor.fetchone()
        look(f"numbers of {what} without a gap", rows == numbers == (last or 0), f"{rows} rows, the last is {last}")
