"""Try what a failover costs: PostgreSQL on two nodes under Patroni, with the very file of this folder, on loopback.

``python deploy/try_failover.py [SECONDS] [short]`` starts etcd, two nodes with a synchronous standby, and
``dairy serve`` with both in ``DATABASE_URL``. While clients order, confirm and collect, and a month is billed, the node
of the primary is killed; it comes back as a standby; the new primary stands still for longer than it may, and goes on;
the two change places, as for maintenance (``short``: only the first of these). It says how long no primary was there,
what was answered, and what was lost (nothing), and stops everything. Needs the program (the Python that runs this has
it), Patroni, etcd and PostgreSQL; ends with exit code 1 when something is not as it should be.
"""

import json
import os
import pwd
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
from click import echo
from load import Book, Client, Dairy, Load, compare, fill
from try_pooling import roles, serving
from try_proxies import DAIRY, EMAIL, HERE, PASSWORD, Faults, free_port, running, until

CLIENTS, CUSTOMERS, CONFIRMATIONS = 15, 400, 150
#: The newest server that is here.
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))[-1:]
#: Seconds after which somebody must be the primary again; ``ttl`` of patroni.yml and some more.
FAILOVER = 60
#: No answer takes longer, whatever it is: a statement's 20 s and one of grace, and 5 s to connect.
LONGEST = 27


class Node:
    """One Patroni with its PostgreSQL."""

    def __init__(self, name: str, folder: Path, etcd: int, passwords: dict[str, str]) -> None:
        self.name, self.folder = name, folder / name
        self.port, self.api = free_port(), free_port()
        self.folder.mkdir()
        self._log = self.folder / "patroni.log"
        self._file = self.folder / "patroni.yml"
        said = (HERE / "patroni" / "patroni.yml").read_text()
        for old, new in (
            ("name: dairy-1", f"name: {name}"),
            ("10.0.0.11:8008", f"127.0.0.1:{self.api}"),
            ("10.0.0.21:2379,10.0.0.22:2379,10.0.0.23:2379", f"127.0.0.1:{etcd}"),
            ("10.0.0.11:5432", f"127.0.0.1:{self.port}"),
            ("/var/lib/postgresql/15/dairy", str(self.folder / "data")),
            ("/usr/lib/postgresql/15/bin", str(BINARIES[0])),
            ("/var/lib/postgresql/patroni.pgpass", str(self.folder / "pgpass")),
            ("/run/postgresql", str(self.folder)),
            ("10.0.0.0/24", "127.0.0.1/32"),
            ('"a password"', passwords["postgres"]),
            ('"another password"', passwords["replicator"]),
            ('"a third password"', passwords["rewinder"]),
            ("mode: required", "mode: 'off'"),
        ):
            assert old in said, f"{old!r} is not in patroni.yml"
            said = said.replace(old, new)
        self._file.write_text(said)
        _hand_over(self.folder, self._file)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Patroni, which starts PostgreSQL when it is its turn."""
        command = [str(shutil.which("patroni")), str(self._file)]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **_account())

    def kill(self) -> None:
        """All of the node at once, as when its power goes."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, what: signal.Signals) -> None:
        """Send it to all of the node."""
        assert self._process is not None
        for pid in [self._process.pid, *self._servers()]:
            with suppress(ProcessLookupError):
                os.kill(pid, what)

    def stop(self) -> None:
        """As its operator does; what is left then is killed."""
        self.signal(signal.SIGCONT)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
            self._process.kill()
            self._process.wait()
        for pid in self._servers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _servers(self) -> list[int]:
        """The processes that work in the folder of its data: they are ours, and nobody else's."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (entry / "cwd").samefile(self.folder / "data"):
                    found.append(int(entry.name))
        return found

    def log(self) -> str:
        """The last that it said."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


class Cluster:
    """Both nodes, as Patroni sees them."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    def roles(self) -> dict[str, str]:
        """Name → ``leader``, ``sync_standby`` or ``replica``, of those that run; from whichever node answers."""
        for node in self.nodes:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{node.api}/cluster", timeout=3) as said:
                members = json.loads(said.read())["members"]
                return {each["name"]: each["role"] for each in members if each["state"] in {"running", "streaming"}}
        return {}

    def is_whole(self) -> bool:
        """Whether one leads and the other follows it synchronously."""
        return sorted(self.roles().values()) == ["leader", "sync_standby"]

    def primary(self) -> Node:
        """The node that leads."""
        found = self.roles()
        return next(each for each in self.nodes if found.get(each.name) == "leader")

    def other(self) -> Node:
        """The node that does not."""
        primary = self.primary()
        return next(each for each in self.nodes if each is not primary)

    def set(self, **changes: Any) -> None:
        """Change the settings of the cluster."""
        self._ask("PATCH", "/config", changes)

    def switch(self) -> None:
        """Let them change places, as before maintenance of the primary's machine."""
        self._ask("POST", "/switchover", {"leader": self.primary().name, "candidate": self.other().name})

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.primary().api}{path}", json.dumps(body).encode(), method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What the nodes said, if something did not come about in the block."""
        try:
            yield
        except SystemExit:
            for each in self.nodes:
                echo(f"{each.name}:\n{each.log()}")
            raise

    def url(self, role: str, password: str, database: str = "dairy") -> str:
        """As the program takes it: both nodes, and whichever takes changes."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.nodes)
        return f"postgresql://{role}:{password}@{hosts}/{database}?target_session_attrs=read-write"


def _account() -> dict[str, Any]:
    """Who runs etcd and the nodes: PostgreSQL refuses to be root."""
    if os.geteuid():
        return {}
    postgres = pwd.getpwnam("postgres")
    return {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}


def _hand_over(*paths: Path) -> None:
    account = _account()
    for each in paths:
        each.chmod(0o700 if each.is_dir() else 0o600)
        if account:
            os.chown(each, account["user"], account["group"])


@contextmanager
def etcd(folder: Path) -> Iterator[int]:
    """The store of the cluster, on one machine; gives its port."""
    port, peers, data = free_port(), free_port(), folder / "etcd"
    data.mkdir()
    _hand_over(data)
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    command = [str(shutil.which("etcd")), "--data-dir", str(data), "--listen-client-urls", client]
    command += ["--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
    command += ["--initial-cluster", f"default={peer}"]
    with running(command, {"PATH": os.environ["PATH"]}, folder / "etcd.log", **_account()):
        until(lambda: urllib.request.urlopen(f"{client}/health", timeout=1).status == 200, "etcd")
        yield port


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[Cluster, dict[str, str]]]:
    """Two nodes, one of which follows the other synchronously; with the passwords of their roles."""
    passwords = {role: secrets.token_hex(16) for role in ("postgres", "replicator", "rewinder")}
    with etcd(folder) as port, ExitStack() as ends:
        both = Cluster([Node(name, folder, port, passwords) for name in ("dairy-1", "dairy-2")])
        for each in both.nodes:
            each.start()
            ends.callback(each.stop)
            until(lambda: "leader" in both.roles().values(), f"a primary ({each.log()})", 90)
        until(both.is_whole, "a synchronous standby", 90)
        yield both, passwords


class Trial:
    """The dairy on the cluster: what clients do, and what they see."""

    def __init__(self, both: Cluster, cursor_url: str, port: int, faults: Faults) -> None:
        self.both, self.url, self.port, self.faults, self.book = both, cursor_url, port, faults, Book()
        with self.asking() as cursor:
            cursor.execute("SELECT id::text FROM customers ORDER BY id")
            customers = [row[0] for row in cursor.fetchall()]
            cursor.execute("SELECT id::text FROM products")
            product = cursor.fetchone()[0]
            cursor.execute(
                "SELECT (now() AT TIME ZONE time_zone)::date::text,"
                " to_char(now() AT TIME ZONE time_zone - interval '1 month', 'YYYY-MM') FROM settings"
            )
            self.day, self.month = cursor.fetchone()
        self.dairy = Dairy(customers, product, self.day)
        self.token = Client(port, self.book).login().token

    @contextmanager
    def asking(self) -> Iterator[Any]:
        """A cursor on whichever is the primary."""
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            yield cursor

    def load(self) -> Load:
        """Clients of the one book."""
        load = Load(self.port, self.dairy, self.token, CLIENTS)
        load.book = self.book
        return load

    def kill_the_primary(self, seconds: float) -> None:
        """In the middle of a run and of everything else."""
        killed, run = self._begin("the node of the primary is killed"), dict[str, Any]()
        load = self.load()
        with load.running():
            billing = threading.Thread(target=lambda: run.update(load.client().bill(self.month)))
            billing.start()
            until(lambda: self._issued() >= CUSTOMERS // 5, "a fifth of the run", 60)
            issued, at = self._issued(), time.monotonic()
            killed.kill()
            until(lambda: "leader" in self._living(killed), "another primary", FAILOVER)
            promoted = time.monotonic() - at
            time.sleep(max(seconds, 5))
            billing.join(300)
        self._say(f"another primary after {promoted:.1f} s; without a success for {self.book.longest_silence():.1f} s")
        said = f"{issued} of {CUSTOMERS} invoices before, {run.get('invoices_issued')} after: {run.get('status')}"
        whole = run.get("status") == "completed" and run.get("invoices_issued") == CUSTOMERS and issued < CUSTOMERS
        self.faults.look("the run went on by itself", whole, said)
        self._compare()

    def _living(self, killed: Node) -> list[str]:
        return [role for name, role in self.both.roles().items() if name != killed.name]

    def _issued(self) -> int:
        with self.asking() as cursor:
            cursor.execute("SELECT count(*) FROM invoices WHERE status = 'issued'")
            return int(cursor.fetchone()[0])

    def come_back(self, node: Node) -> None:
        """The node that was killed is started: it follows the other one."""
        began = time.monotonic()
        node.start()
        until(self.both.is_whole, "the old primary as a standby", 120)
        self.faults.look("the old primary follows the new one", True, f"after {time.monotonic() - began:.1f} s")

    def stand_still(self, seconds: float) -> None:
        """The primary's machine stands still until another one was made the primary, and then goes on as if it was."""
        old = self._begin("the node of the primary stands still, and goes on when it was replaced")
        with self.load().running():
            time.sleep(2)
            old.signal(signal.SIGSTOP)
            at = time.monotonic()
            try:
                until(lambda: "leader" in self._living(old), "another primary", FAILOVER)
                promoted = time.monotonic() - at
                time.sleep(max(seconds, 5))
            finally:
                old.signal(signal.SIGCONT)
            follows = True
            try:
                until(self.both.is_whole, "the old primary as a standby", 90)
            except SystemExit:
                follows = False
                echo("\n".join(f"{each.name}:\n{each.log()}" for each in self.both.nodes))
            time.sleep(2)
        self.faults.look("the old primary follows the new one", follows, self.both.roles())
        self._say(f"another primary after {promoted:.1f} s; without a success for {self.book.longest_silence():.1f} s")
        self._compare()

    def _begin(self, what: str) -> Node:
        echo(what)
        self.book.times.clear()
        self.book.answers.clear()
        return self.both.primary()

    def switch(self, seconds: float) -> None:
        """Both are there and change places: a moment without a primary, and nothing else."""
        old = self._begin("the two change places")
        with self.load().running():
            time.sleep(2)
            self.both.switch()
            until(lambda: self.both.is_whole() and self.both.primary() is not old, "the change of places", FAILOVER)
            time.sleep(max(seconds / 2, 3))
        self._say(f"without a success for {self.book.longest_silence():.1f} s")
        self._compare()

    def _say(self, what: str) -> None:
        for line in self.book.lines():
            echo(line)
        echo(f"    {what}; the slowest answer after {self.book.slowest():.1f} s")

    def _compare(self) -> None:
        look, book = self.faults.look, self.book
        look("answers that no client should see", not book.strange, book.strange[:5] or "none")
        look("writes that nobody answered", not book.unanswered, len(book.unanswered))
        look(f"no answer took longer than {LONGEST} s", book.slowest() < LONGEST, f"{book.slowest():.1f} s")
        away = {(what, answer) for what, answer in book.answers if answer.startswith(("5", "no"))}
        # A file that was on its way ends in the middle, so that it does not look whole.
        strange = {each for each in away if not each[1].startswith("503 ")} - {("export", "no answer (IncompleteRead)")}
        look("while it lasted", not strange, sorted({answer for _, answer in away}) or "nobody noticed")
        with self.asking() as cursor:
            compare(cursor, book, self.day, look)

    def confirm(self, what: str) -> None:
        """What confirming costs just now, one after the other."""
        client, seconds = Client(self.port, Book(), self.token), list[float]()
        for number in range(CONFIRMATIONS):
            asked = {
                "customer_id": self.dairy.customers[number],
                "delivery_date": self.day,
                "items": [{"product_id": self.dairy.product, "quantity": "1"}],
                "confirm": True,
            }
            order = Client.write(client, "order", "/orders", asked, lambda: True)
            began = time.perf_counter()
            client.write(
                "confirmation", "/deliveries/confirmations", {"order_id": order["id"], "status": "delivered"}, bool
            )
            seconds.append(time.perf_counter() - began)
        cuts = statistics.quantiles(seconds, n=20)
        echo(f"  a confirmation {what}: median {1000 * cuts[9]:.1f} ms, 19 of 20 within {1000 * cuts[18]:.1f} ms")


def missing() -> str | None:
    """What of the programs is not here."""
    lacking = [each for each in ("patroni", "etcd") if shutil.which(each) is None]
    return ", ".join(lacking + ([] if BINARIES else ["PostgreSQL"])) or None


def main(wanted: list[str]) -> int:
    """Try it, with so many seconds of load after the failover; the exit code."""
    if lacking := missing():
        echo(f"These programs are not here: {lacking}")
        return 1
    short = "short" in wanted
    seconds, faults = next((float(each) for each in wanted if each != "short"), 20.0), Faults()
    with tempfile.TemporaryDirectory(prefix="dairy-ha-", dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        with cluster(folder) as (both, passwords):
            superuser = both.url("postgres", passwords["postgres"], "postgres")
            with closing(psycopg2.connect(superuser)) as connection, connection.cursor() as cursor:
                connection.autocommit = True
                cursor.execute("CREATE DATABASE dairy TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
                environment = {
                    **os.environ,
                    "DATABASE_URL": both.url("postgres", passwords["postgres"]),
                    "DAIRY_DATA_DIR": str(folder / "dairy"),
                    "DAIRY_SECRET_KEY": secrets.token_hex(32),
                    "DAIRY_LOG_LEVEL": "error",
                }
                own, _ = roles(environment, cursor)
            owner = environment | {"DATABASE_URL": both.url("dairy_owner", own["dairy_owner"])}
            served = environment | {"DATABASE_URL": both.url("dairy_app", own["dairy_app"])}
            subprocess.run([*DAIRY, "db", "upgrade"], env=owner, check=True, capture_output=True)
            admin = [*DAIRY, "create-admin", "--email", EMAIL, "--password-stdin"]
            subprocess.run(admin, env=served, check=True, capture_output=True, input=PASSWORD, text=True)
            with closing(psycopg2.connect(both.url("dairy_owner", own["dairy_owner"]))) as connection:
                with connection.cursor() as cursor:
                    fill(cursor, CUSTOMERS)
                connection.commit()
            with serving(folder, served) as port, both.explained():
                _try(both, both.url("postgres", passwords["postgres"]), port, seconds, faults, short)
            for command in (["check-data"], ["verify-invoices"]):
                done = subprocess.run([*DAIRY, *command], env=served, capture_output=True, text=True, check=False)
                said = (done.stdout + done.stderr).strip().splitlines()[-1:]
                faults.look(f"dairy {command[0]}", done.returncode == 0, said)
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


def _try(both: Cluster, url: str, port: int, seconds: float, faults: Faults, short: bool) -> None:
    trial = Trial(both, url, port, faults)
    old = both.primary()
    trial.kill_the_primary(seconds)
    if short:
        return
    trial.come_back(old)
    trial.stand_still(seconds)
    if not both.is_whole():  # what comes now would not come about
        return
    trial.switch(seconds)
    trial.confirm("with a synchronous standby")
    both.set(synchronous_mode=False)
    until(lambda: sorted(both.roles().values()) == ["leader", "replica"], "an asynchronous standby", 60)
    trial.confirm("with an asynchronous one")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
