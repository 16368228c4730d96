"""Try an upgrade while the dairy works: the former program on each new revision, then both programs, then the new one.

``python deploy/try_versions.py [--from REVISION-OF-GIT] [--seconds N]`` takes the former program from git, serves with
two hosts of it, and lets four clients live days of a dairy: customers, standing orders, deliveries, payments, bills,
credit notes. Meanwhile the database goes up revision by revision, and the hosts are replaced one after the other. Any
answer that is not the one expected is wrong, and so is anything acknowledged that is not stored. Ends with exit code 1
when something is wrong. Both programs run with the libraries of the Python that runs this.
"""

import argparse
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
from click import echo
from sqlalchemy import make_url
from try_proxies import EMAIL, PASSWORD, Faults, free_port, until

from dairy_app.database import embedded_postgres, migrations

HERE = Path(__file__).parent.parent
CLIENTS = 4
#: How long the clients work with each revision, in seconds.
EACH = 2.0


class Program:
    """A tree of the program's source, and how it is run on the one database of the try."""

    def __init__(self, tree: Path, environment: dict[str, str]) -> None:
        self._environment = {**environment, "PYTHONPATH": str(tree)}

    def run(self, *arguments: str, given: str | None = None) -> str:
        command = [sys.executable, "-m", "dairy_app.cli", *arguments]
        done = subprocess.run(
            command, env=self._environment, input=given, capture_output=True, text=True, cwd=tempfile.gettempdir()
        )
        if done.returncode:
            raise SystemExit(f"dairy {' '.join(arguments)}: {done.stderr.strip()[-1000:]}")
        return done.stdout

    def serve(self, port: int, log: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dairy_app.cli", "serve", "--port", str(port), "--workers", "1"]
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, env=self._environment, stdout=out, stderr=out, cwd=tempfile.gettempdir()
            )
        try:
            until(lambda: ask(port, "GET", "/api/health", None, "")[0] == 200, f"the server of {log.name}")
        except BaseException:
            process.terminate()
            raise
        return process


def ask(port: int, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
    """One request on a connection of its own: status, and the answer's JSON or text. Raises OSError."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        line.request(method, path, None if body is None else json.dumps(body), headers)
        answer = line.getresponse()
        text = answer.read().decode(errors="replace")
        is_json = "json" in (answer.headers["Content-Type"] or "")
        return answer.status, json.loads(text) if is_json and text else text
    finally:
        line.close()


class Dairy:
    """The hosts that serve just now, behind one door that knows which; and what they acknowledged and got wrong."""

    def __init__(self) -> None:
        self.hosts: list[int] = []
        self.token = ""
        self.step = "the former program"
        self.asked: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.stored: dict[str, set[str]] = {each: set() for each in ("customers", "orders", "payments", "invoices")}

    def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        """Ask one host; another when nobody listens there. A wrong answer ends the client's day."""
        for port in (secrets.choice(self.hosts), *self.hosts):
            try:
                status, answer = ask(port, method, f"/api/v1{path}", body, self.token)
            except ConnectionRefusedError:
                continue
            except OSError as error:
                self.refuse(method, path, type(error).__name__)
            self.asked[self.step] += 1
            if status != expect:
                said = {each: answer.get(each) for each in ("code", "detail")} if isinstance(answer, dict) else ""
                self.refuse(method, path, f"{status} {said}")
            return answer
        self.refuse(method, path, "no host")
        return None

    def refuse(self, method: str, path: str, why: str) -> None:
        plain = "/".join("…" if len(each) == 36 else each for each in path.partition("?")[0].split("/"))
        self.wrong[f"{self.step}: {method} {plain}: {why}"] += 1
        raise DayOver


class DayOver(Exception):
    """A client had an answer that it did not expect."""


def day_of(dairy: Dairy, milk: str, number: str) -> None:
    """A customer comes, gets milk, pays and is billed; what the office looks at meanwhile."""
    today = datetime.now(ZoneInfo("Asia/Kolkata")).date().isoformat()  # as a new dairy has it
    body = {"name": f"Household {number}", "phone": f"+91{number}", "address_line1": "1 Main Road", "area": "Kothrud"}
    customer = dairy.call("POST", "/customers", body, 201)["id"]
    dairy.stored["customers"].add(customer)
    standing = {"customer_id": customer, "product_id": milk, "mode": "fixed_daily", "default_quantity": "1",
                "start_date": today, "confirm": True}  # fmt: skip
    subscription = dairy.call("POST", "/subscriptions", standing, 201)["id"]
    dairy.call("PATCH", f"/subscriptions/{subscription}", {"default_quantity": "2", "confirm": True})
    items = [{"product_id": milk, "quantity": "1.5"}]
    ordered = {"customer_id": customer, "delivery_date": today, "items": items, "confirm": True}
    order = dairy.call("POST", "/orders", ordered, 201)["id"]
    dairy.call("POST", "/deliveries/confirmations", {"order_id": order, "status": "delivered"})
    dairy.stored["orders"].add(order)
    charge = {"customer_id": customer, "kind": "charge", "description": "Crate", "amount": "20.00", "reason": "Lost"}
    dairy.call("POST", "/adjustments", charge, 201)
    paid = {"customer_id": customer, "amount": "50.00", "method": "upi", "reference": f"4{number}"}
    dairy.stored["payments"].add(dairy.call("POST", "/payments", paid, 201)["id"])
    dairy.call("GET", f"/billing/preview?period={today[:7]}")
    run = {"period": f"{today[:7]}", "through": today, "customer_ids": [customer], "confirm": True}
    dairy.call("POST", "/billing/runs", run, 201)
    (invoice,) = dairy.call("GET", f"/invoices?customer_id={customer}&status=issued")["items"]
    dairy.stored["invoices"].add(invoice["id"])
    dairy.call("POST", "/credit-notes", {"invoice_id": invoice["id"], "reason": "Was sour"}, 201)
    dairy.call("PATCH", f"/customers/{customer}", {"notes": "Ring twice."})
    dairy.call("GET", f"/customers/{customer}/ledger")
    dairy.call("GET", "/reports/ageing")
    dairy.call("GET", f"/orders?delivery_date={today}&limit=20")
    dairy.call("GET", f"/exports/invoice-register.csv?period={today[:7]}")
    dairy.call("PATCH", "/settings", {"address": f"{number[-2:]} Milk Lane, Pune"})


def work(dairy: Dairy, milk: str, client: int, over: threading.Event) -> None:
    """Days after each other until it is ``over``. One that got a wrong answer is not gone on with."""
    n = 0
    while not over.is_set():
        n += 1
        try:
            day_of(dairy, milk, f"98{client}{n:07d}")
        except DayOver:
            time.sleep(0.2)


def former(reference: str, folder: Path, ends: ExitStack) -> Path:
    """The tree of a revision of git, beside this one."""
    tree = folder / "former"
    git("worktree", "add", "--detach", str(tree), reference)
    ends.callback(git, "worktree", "remove", "--force", str(tree))
    return tree


def git(*arguments: str) -> list[str]:
    """The lines that git answers about this repository."""
    done = subprocess.run(["git", "-C", str(HERE), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def revisions_at(commit: str) -> dict[str, str]:
    """The files of the database's revisions that a commit has, with git's names of their contents."""
    return {line.split("\t")[1]: line.split()[2] for line in git("ls-tree", commit, "alembic/versions/")}


def is_former(commit: str) -> bool:
    """Whether this program's revisions are those of the commit and some more: between releases a number may change."""
    before, now = revisions_at(commit), revisions_at("HEAD")
    return bool(before) and before.items() < now.items()


def the_last_former() -> str:
    """The last commit with fewer revisions."""
    for commit in git("rev-list", "--first-parent", "HEAD"):
        if is_former(commit):
            return commit
    raise SystemExit("git has no program with fewer revisions")


def missing(url: str, stored: dict[str, set[str]]) -> int:
    """How much of what was acknowledged is not in the database."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(plain)
    try:
        with connection.cursor() as cursor:
            for table, ids in stored.items():
                cursor.execute(
                    f"SELECT count(*) FROM unnest(%s::uuid[]) a (id) WHERE id NOT IN (SELECT id FROM {table})",
                    (list(ids),),
                )
                (lost,) = cursor.fetchone() or (0,)
                if lost:
                    return int(lost)
        return 0
    finally:
        connection.close()


def main() -> int:
    """Go from the former program to this one; the exit code."""
    told = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    told.add_argument("--from", dest="reference", help="where git has the former program")
    told.add_argument("--seconds", type=float, default=EACH, help="with each revision")
    asked = told.parse_args()
    faults, dairy, over = Faults(), Dairy(), threading.Event()
    with tempfile.TemporaryDirectory() as made, ExitStack() as ends:
        folder = Path(made)
        data = folder / "postgres"
        url = embedded_postgres.start(data)
        ends.callback(embedded_postgres.stop, data)
        environment = {**os.environ, "DATABASE_URL": url, "DAIRY_SECRET_KEY": secrets.token_hex(32),
                       "DAIRY_DATA_DIR": str(folder / "dairy")}  # fmt: skip
        reference = asked.reference or the_last_former()
        if not is_former(reference):
            raise SystemExit(f"the revisions of {reference} are not the first ones of this program")
        old, new = Program(former(reference, folder, ends), environment), Program(HERE, environment)
        old.run("db", "upgrade")
        old.run("create-admin", "--email", EMAIL, "--password-stdin", given=PASSWORD)
        begun = old.run("db", "current").split()[1].strip(",")
        echo(f"from {reference}, revision {begun}")
        serving: dict[int, subprocess.Popen[bytes]] = {}

        def stop(port: int) -> None:
            serving[port].terminate()
            serving.pop(port).wait(60)

        def start(program: Program) -> None:
            port = free_port()
            serving[port] = program.serve(port, folder / f"server-{port}.log")
            dairy.hosts = [*dairy.hosts, port]

        ends.callback(lambda: [stop(port) for port in list(serving)])
        start(old)
        start(old)
        signed_in = {"email": EMAIL, "password": PASSWORD}
        dairy.token = ask(dairy.hosts[0], "POST", "/api/v1/auth/login", signed_in, "")[1]["access_token"]
        dairy.call("PATCH", "/settings", {"business_name": "Sunrise", "address": "1 Milk Lane", "state_code": "27"})
        product = {"sku": "MILK", "name": "Milk", "category": "milk", "unit": "litre", "hsn_code": "0401"}
        milk = dairy.call("POST", "/products", product, 201)["id"]
        dairy.call("POST", f"/products/{milk}/prices", {"price": "60.00", "valid_from": "2020-01-01"}, 201)
        threads = [
            threading.Thread(target=work, args=(dairy, milk, client, over), daemon=True) for client in range(CLIENTS)
        ]
        ends.callback(over.set)
        for each in threads:
            each.start()
        time.sleep(asked.seconds)
        for revision in migrations.numbers():
            if revision > begun:
                dairy.step = f"the former program at revision {revision}"
                new.run("db", "upgrade", revision)
                time.sleep(asked.seconds)
        for port in list(dairy.hosts):
            dairy.step = "both programs"
            start(new)
            time.sleep(asked.seconds)
            dairy.hosts = [each for each in dairy.hosts if each != port]
            stop(port)
        dairy.step = "the new program"
        time.sleep(asked.seconds)
        over.set()
        for each in threads:
            each.join()
        for step, count in dairy.asked.items():
            mistakes = Counter({each: times for each, times in dairy.wrong.items() if each.startswith(f"{step}: ")})
            faults.look(f"{step}, {count} requests", not mistakes, mistakes.most_common(5) or "each as expected")
        counts = {table: len(ids) for table, ids in dairy.stored.items()}
        faults.look("acknowledged and stored", missing(url, dairy.stored) == 0, counts)
        for command in (("check-data",), ("verify-invoices",)):
            faults.look(f"dairy {' '.join(command)}", True, new.run(*command).strip().splitlines()[-1][:100])
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


if __name__ == "__main__":
    sys.exit(main())
