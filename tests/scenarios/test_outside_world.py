"""A month is billed, sent, paid and reminded while whatever sends is killed: each message once, each rupee once.

The counterparts are real ones on this machine: a mail server, the gateway's API, processes of ``dairy outbox send``.
"""

import json
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.billing.conftest import MORNING
from tests.collecting.conftest import Api, Gateway, api, settings
from tests.collecting.test_statements import HDFC, accept, lines, row, uploaded
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, psycopg_dsn
from tests.dairy import Dairy, ok, read
from tests.events.conftest import Reader
from tests.exports.books import rows_of
from tests.receivables.conftest import Till
from tests.sending.post import Post, open_post
from tests.sending.test_kills import begin

__all__ = ["api", "settings"]
pytestmark = pytest.mark.slow

#: Who pays over the gateway, whose payment the bank's statement has, and who has to be reminded.
ONLINE, BY_BANK, LATE = range(8), range(8, 16), range(16, 24)
KILLS = 10


@pytest.fixture
def post() -> Iterator[Post]:
    with open_post() as server:
        yield server


@pytest.fixture
def till(dairy: Dairy, sql: Any) -> Till:
    return Till(dairy, sql)


class Senders:
    """Two processes send at a time, and one of them is killed wherever it happens to be."""

    def __init__(self, url: str, post: Post, folder: Path, sql: Any) -> None:
        self.chance, self.kills = random.Random(20261201), 0
        self._url, self._post, self._folder, self._sql = url, post, folder, sql

    def kill(self, times: int) -> None:
        self._post.slowness = 0.02
        for _ in range(times):
            both = victim, other = [begin(self._url, self._post.port, self._folder) for _ in range(2)]
            for _ in range(self.chance.randint(1, 3)):
                self._post.arrived.acquire(timeout=5)  # the last ones may be on their way already
            try:
                victim.wait(self.chance.uniform(0, 0.05))
            except subprocess.TimeoutExpired:
                os.kill(victim.pid, signal.SIGKILL)
                self.kills += 1
            other.send_signal(signal.SIGTERM)
            for each in both:
                each.communicate(timeout=60)
            # Nobody waits for the end of a lease whose holder is gone.
            self._sql(
                "UPDATE outbox_messages SET leased_until = NULL, not_before = '2020-01-01' WHERE status = 'queued'"
            )

    def finish(self) -> None:
        last = begin(self._url, self._post.port, self._folder)
        said, error = last.communicate(timeout=120)
        assert last.returncode == 0, error
        assert b" 0 failed" in said


@pytest.mark.timeout(400)
def test_a_month_goes_out_and_comes_back(
    dairy: Dairy, till: Till, api: Api, post: Post, database_url: str, tmp_path: Path, sql: Any
) -> None:
    first = (dairy.today().replace(day=1) - timedelta(days=40)).replace(day=1)  # long enough ago to be overdue
    reader, senders = Reader(dairy, sql), Senders(database_url, post, tmp_path, sql)
    customers, run = billed(dairy, first)
    assert (run["invoices_issued"], run["skipped"]) == (len(customers), [])
    period = f"{first:%Y-%m}"
    bills = {each["customer_id"]: each for each in read(dairy.admin, "/invoices", period=period)}
    for _ in range(2):
        ok(dairy.admin.post(f"/billing/runs/{run['id']}/messages", {"channel": "email"}))
    senders.kill(KILLS // 2)
    senders.finish()
    of_bills = each_once(sql, post, "bill", senders.kills)
    assert of_bills == Counter(each["email"] for each in customers)

    gateway = Gateway(till)
    over_the_gateway(gateway, [(each, bills[each["id"]]) for each in map(customers.__getitem__, ONLINE)])
    over_the_bank(till, [(each, bills[each["id"]]) for each in map(customers.__getitem__, BY_BANK)])

    ok(
        dairy.admin.post("/reminder-rules", {"days_after_due": 1, "max_times": 1, "channel": "email"} | NEVER_QUIET),
        201,
    )
    assert [ok(dairy.admin.post("/reminders"))["queued"] for _ in range(2)] == [len(LATE), 0]
    senders.kill(KILLS - KILLS // 2)
    senders.finish()
    assert senders.kills >= KILLS // 2, "who ended before it was killed proves nothing"
    reminded = each_once(sql, post, "reminder", senders.kills)
    assert reminded == Counter(customers[n]["email"] for n in LATE)
    over_the_gateway(gateway, [(each, bills[each["id"]]) for each in map(customers.__getitem__, LATE)])

    paid = Counter({each["customer_id"]: Decimal(each["amount"]) for each in read(dairy.admin, "/payments")})
    assert paid == {customer: Decimal(bill["total"]) for customer, bill in bills.items()}
    assert sql("SELECT count(*) FROM payments") == [(len(customers),)]
    assert {each["payment_status"] for each in read(dairy.admin, "/invoices", period=period)} == {"paid"}

    told = Counter((each["kind"], each["object_id"]) for each in everything(reader))
    assert set(told.values()) == {1}
    of_kind = {kind: {key for each, key in told if each == kind} for kind, _ in told}
    assert of_kind["invoice.issued"] == {each["id"] for each in bills.values()}
    assert of_kind["payment.received"] == {each["id"] for each in read(dairy.admin, "/payments")}

    agree(dairy, period)
    checked = run_command("check-data", DATABASE_URL=psycopg_dsn(database_url), DAIRY_SECRET_KEY=SECRET_KEY)
    assert checked.returncode == 0, checked.stdout
    verified = run_command("verify-invoices", DATABASE_URL=psycopg_dsn(database_url), DAIRY_SECRET_KEY=SECRET_KEY)
    assert verified.returncode == 0, verified.stdout


NEVER_QUIET = {"quiet_from": None, "quiet_to": None}


def billed(dairy: Dairy, first: date) -> tuple[list[Any], Any]:
    """Customers who each got milk, which is exempt, and butter, which is taxed, on two days of a month; and its run."""
    with time_machine.travel(datetime(first.year, first.month, 1, tzinfo=UTC) + MORNING, tick=False) as clock:
        dairy.log_in_again()
        dairy.seller(gstin="27AAPFU0939F1ZV", due_days=5)
        milk = dairy.product("64.00", name="Cow milk 1 l")
        butter = dairy.product("105.00", name="Butter 200 g", unit="packet", hsn_code="0405", is_packed=True)
        made = [
            dairy.customer(email=f"home{n}@b.example", channel="email") for n in range(len((*ONLINE, *BY_BANK, *LATE)))
        ]
        for day in range(2):
            clock.move_to(datetime(first.year, first.month, 1 + day, tzinfo=UTC) + MORNING)
            dairy.log_in_again()
            for n, each in enumerate(made):
                ok(dairy.confirm(dairy.order(each, (milk, f"{1 + n / 2}"), (butter, "1"))))
        clock.move_to(datetime(first.year, first.month, 1, tzinfo=UTC) + timedelta(days=33))
        dairy.log_in_again()
        run = ok(dairy.admin.post("/billing/runs", {"period": f"{first:%Y-%m}", "confirm": True}))
    dairy.log_in_again()
    return made, run


def each_once(sql: Any, post: Post, kind: str, kills: int) -> Counter[str]:
    """The recipients of the messages of a kind, all of which arrived: once for who knows a Message-ID again."""
    sent = dict(sql("SELECT id::text, recipient FROM outbox_messages WHERE kind = %s", kind))
    assert sql("SELECT DISTINCT status FROM outbox_messages WHERE kind = %s", kind) == [("sent",)]
    assert sent.keys() <= post.ids.keys()
    assert sum(post.ids[key] for key in sent) - len(sent) <= kills
    return Counter(sent.values())


def over_the_gateway(gateway: Gateway, bills: list[tuple[Any, Any]]) -> None:
    """A link for each bill, paid; what the gateway tells comes at once, in any order and more than once."""
    events = []
    for customer, bill in bills:
        link = gateway.link(bill["total"], customer_id=customer["id"], invoice_id=bill["id"])
        payment = gateway.payment(link, amount=int(Decimal(bill["total"]).scaleb(2)))
        events += [(n, each) for n, each in enumerate([gateway.captured(payment), gateway.link_paid(link, payment)])]
        events += events[-2:]
    keys = {id(each): f"evt_{bills[0][0]['id'][-12:]}_{place}" for place, (_, each) in enumerate(events)}
    random.Random(1).shuffle(events)
    with ThreadPoolExecutor(3) as pool:
        said = pool.map(lambda each: gateway.send(each, key=keys[id(each)]).status_code, [each for _, each in events])
    assert set(said) == {200}
    assert {each["status"] for each in gateway.events(limit=100)} == {"booked", "repeated"}


def over_the_bank(till: Till, bills: list[tuple[Any, Any]]) -> None:
    """The bank's statement, which is uploaded twice; each line is proposed rightly by what stands in it."""
    text = HDFC + "".join(
        row(till, bill["total"], f"NEFT CR {bill['number']} DAIRY", f"HDFCN{n:011d}")
        for n, (_, bill) in enumerate(bills)
    )
    statement = uploaded(till, text)
    found = lines(till, statement)
    assert [each["proposal"]["customer_id"] for each in found] == [customer["id"] for customer, _ in bills]
    ok(accept(till, statement, *((each, each["proposal"]["customer_id"]) for each in found)))
    assert uploaded(till, text)["new_lines"] == 0


def everything(reader: Reader) -> list[Any]:
    told: list[Any] = []
    while news := reader.news(limit=50):
        told += news
    return told


def agree(dairy: Dairy, period: str) -> None:
    """The return as the portal takes it has the sums of the register, and those of GSTR-3B, to the paisa."""

    def export(name: str) -> bytes:
        answer = dairy.admin.get(f"/exports/{name}", period=period)
        assert answer.status_code == 200
        return answer.get_data()

    register = rows_of(export("invoice-register.csv"))
    taxable, exempt = (sum(Decimal(each[name]) for each in register) for name in ("taxable_value", "exempt_value"))
    tax = sum(Decimal(each[name]) for each in register for name in ("cgst_amount", "sgst_amount", "igst_amount"))
    said = json.loads(export("gstr1.json"), parse_float=Decimal)
    assert sum(each["txval"] for each in said["b2cs"]) == taxable > 0
    assert sum(each["camt"] + each["samt"] for each in said["b2cs"]) == tax
    assert sum(each["expt_amt"] + each["nil_amt"] for each in said["nil"]["inv"]) == exempt > 0
    supplies = json.loads(export("gstr3b.json"), parse_float=Decimal)["sup_details"]
    assert (supplies["osup_det"]["txval"], supplies["osup_nil_exmp"]["txval"]) == (taxable, exempt)
