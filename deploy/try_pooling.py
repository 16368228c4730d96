"""Try the program behind PgBouncer in transaction mode, with the very file of this folder, on loopback.

``python deploy/try_pooling.py [SECONDS]`` starts an embedded server, PgBouncer with fewer sessions than the program has
threads, and ``dairy serve`` behind it; clients order, confirm, collect, read, export and import while a month is billed
and messages are sent. It says what was answered and what was lost, how many sessions the server had, and stops
everything. Needs the program (the Python that runs this has it) and PgBouncer; ends with exit code 1 when something is
not as it should be.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
from click import echo
from load import Book, Client, Dairy, Load, compare, fill
from try_proxies import DAIRY, EMAIL, HERE, PASSWORD, Faults, ask, free_port, running, until

WORKERS, THREADS, CLIENTS, CUSTOMERS = 2, 6, 30, 300
#: Sessions of the server: a quarter of what the program could use.
SESSIONS = 4
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


class Sessions:
    """Counts the sessions of the program at the server, every few milliseconds, and keeps the most there were."""

    def __init__(self, dsn: str, condition: str) -> None:
        self.most: dict[str, int] = {}
        self.total = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(dsn, condition), daemon=True)

    def __enter__(self) -> "Sessions":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self, dsn: str, condition: str) -> None:
        with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not self._over.wait(0.01):
                cursor.execute(f"SELECT application_name, count(*) FROM pg_stat_activity WHERE {condition} GROUP BY 1")
                found = dict(cursor.fetchall())
                self.total = max(self.total, sum(found.values()))
                for name, count in found.items():
                    self.most[name] = max(self.most.get(name, 0), count)


class Messages:
    """A program of the dairy's own that takes messages; keeps how often each came."""

    def __init__(self) -> None:
        taken = self.taken = Counter[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                taken[self.headers["Idempotency-Key"]] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is said of a request."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> "Messages":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(folder: Path, environment: dict[str, str], **changes: str) -> Iterator[int]:
    """``dairy serve``, until the end of the block; gives its port."""
    port, size = free_port(), ["--workers", str(WORKERS), "--threads", str(THREADS)]
    command = [*DAIRY, "serve", "--port", str(port), *size]
    with running(command, environment | changes, folder / f"server-{port}.log"):
        until(lambda: ask(port, "GET", "/api/health/ready", tls=False)[0] == 200, "the server")
        yield port


@contextmanager
def pgbouncer(folder: Path, socket: Path, secrets_of: dict[str, str]) -> Iterator[int]:
    """With ``pgbouncer/pgbouncer.ini``: only the addresses, files and the number of sessions are others."""
    port, file, users = free_port(), folder / "pgbouncer.ini", folder / "userlist.txt"
    said = (HERE / "pgbouncer" / "pgbouncer.ini").read_text()
    for old, new in (
        ("dairy = host=127.0.0.1 port=5432", f"dairy = host={socket} port=5432"),
        ("listen_port = 6432", f"listen_port = {port}"),
        ("unix_socket_dir = /run/postgresql", "unix_socket_dir ="),
        ("default_pool_size = 20", f"default_pool_size = {SESSIONS}"),
        ("auth_file = /etc/pgbouncer/userlist.txt", f"auth_file = {users}"),
    ):
        assert old in said, f"{old!r} is not in pgbouncer.ini"
        said = said.replace(old, new)
    file.write_text(said)
    users.write_text("".join(f'"{role}" "{secret}"\n' for role, secret in secrets_of.items()))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to be root, and only the server's account reaches the socket
        owner = socket.stat()
        account = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        for each in (file, users):
            os.chown(each, owner.st_uid, owner.st_gid)
    program = shutil.which("pgbouncer", path=PATH)
    assert program is not None
    with running([program, str(file)], dict(os.environ), folder / "pgbouncer.log", **account):
        until(lambda: _answers(port, secrets_of["dairy_watch"]), "PgBouncer")
        yield port


def _answers(port: int, password: str) -> bool:
    try:
        pools(port, password)
    except psycopg2.OperationalError:
        return False
    return True


def pools(port: int, password: str) -> list[dict[str, Any]]:
    """What PgBouncer says of its pools."""
    with closing(psycopg2.connect(_dsn(port, "dairy_watch", password, "pgbouncer"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SHOW POOLS")
            names = [each[0] for each in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _dsn(port: int, role: str, password: str, database: str = "dairy") -> str:
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"


def roles(environment: dict[str, str], cursor: Any) -> tuple[dict[str, str], dict[str, str]]:
    """The roles of `dairy db roles`, with passwords; these, and the secrets that PgBouncer holds."""
    said = subprocess.run([*DAIRY, "db", "roles"], env=environment, check=True, capture_output=True).stdout
    subprocess.run([*DAIRY, "db", "psql"], env=environment, check=True, capture_output=True, input=said)
    passwords = {role: secrets.token_hex(16) for role in ("dairy_owner", "dairy_app")}
    held = {"dairy_watch": secrets.token_hex(16)}
    for role, password in passwords.items():
        cursor.execute(f"SET password_encryption = 'scram-sha-256'; ALTER ROLE {role} PASSWORD '{password}'")
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (role,))
        held[role] = cursor.fetchone()[0]
    return passwords, held


def asking(port: int, path: str, **options: Any) -> threading.Thread:
    """A request that is on its way."""
    thread = threading.Thread(target=ask, args=(port, "GET", path), kwargs={"tls": False, **options})
    thread.start()
    return thread


def try_formula(folder: Path, environment: dict[str, str], dsn: str, token: str, faults: Faults) -> None:
    """Without a pool, everybody waits for a table: each thread holds a connection, and health has its own."""
    echo("without a pool")
    with serving(folder, environment) as port, closing(psycopg2.connect(dsn)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE customers")
        path, who = "/api/v1/customers", {"Authorization": f"Bearer {token}"}
        with Sessions(dsn, "application_name IN ('dairy_app', 'dairy health')") as sessions:
            lists: list[threading.Thread] = []
            end = time.monotonic() + 4  # less than a lock is waited for
            while time.monotonic() < end and sessions.total < WORKERS * (THREADS + 2):
                for _ in range(WORKERS * THREADS):
                    lists.append(asking(port, path, headers=who))
                for each in [asking(port, "/api/health") for _ in range(8)]:
                    each.join()
            other.rollback()
            for each in lists:
                each.join()
    formula = WORKERS * (THREADS + 2)
    faults.look(f"at most workers x (threads + 2) = {formula} sessions", sessions.total <= formula, sessions.most)
    faults.look("each thread had one", sessions.most.get("dairy_app") == WORKERS * THREADS, sessions.total)


def try_pool(folder: Path, environment: dict[str, str], dsn: str, seconds: float, faults: Faults) -> None:
    """Everything a dairy does in a day, behind a pool that is smaller than the program."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        passwords, held = roles(environment, cursor)
        with pgbouncer(folder, _socket(dsn), held) as pool:
            through = _dsn(pool, "dairy_app", passwords["dairy_app"])
            pooled = environment | {"DATABASE_URL": through}
            echo(f"behind PgBouncer, {SESSIONS} sessions for {WORKERS} x ({THREADS} + 2) connections")
            with serving(folder, pooled) as port, Sessions(dsn, "usename = 'dairy_app'") as sessions:
                _work(port, pooled, cursor, seconds, faults)
                _wait_for_a_table(port, dsn, faults)
            faults.look(f"sessions of the server, at most {SESSIONS}", sessions.total <= SESSIONS, sessions.total)
            _sessions_are_clean(through, faults)
            _what_does_not_go_through(folder, environment, pool, passwords, faults)
            for each in pools(pool, held["dairy_watch"]):
                if each["database"] == "dairy":
                    echo(f"  pool of {each['user']}: longest wait now {each['maxwait']} s, {each['sv_idle']} idle")


def _socket(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def _work(port: int, environment: dict[str, str], cursor: Any, seconds: float, faults: Faults) -> None:
    cursor.execute("SELECT id::text FROM customers ORDER BY id")
    customers = [row[0] for row in cursor.fetchall()]
    cursor.execute("SELECT id::text FROM products")
    product = cursor.fetchone()[0]
    cursor.execute("SELECT (now() AT TIME ZONE time_zone)::date::text, "
                   "to_char(now() AT TIME ZONE time_zone - interval '1 month', 'YYYY-MM') FROM settings")  # fmt: skip
    day, month = cursor.fetchone()
    load = Load(port, Dairy(customers, product, day), Client(port, Book()).login().token, CLIENTS)
    sender, began = [*DAIRY, "outbox", "send", "--watch"], time.monotonic()
    with Messages() as messages:
        sending = environment | {"DAIRY_MESSAGES_URL": messages.url}
        with subprocess.Popen(sender, env=sending, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as outbox:
            with load.running():
                run = load.client().bill(month)
                told = {"channel": "webhook"}
                load.client().write("messages", f"/billing/runs/{run['id']}/messages", told, lambda: True)
                time.sleep(max(0.0, seconds - (time.monotonic() - began)))
            cursor.execute("SELECT count(*) FROM outbox_messages WHERE channel = 'webhook'")
            queued = cursor.fetchone()[0]
            until(lambda: len(messages.taken) == queued, "the outbox", 60)
            outbox.terminate()
    for line in load.book.lines():
        echo(line)
    took = time.monotonic() - began
    echo(f"    {len(load.book.times) / took:,.0f} answers a second, the slowest after {load.book.slowest():.1f} s")
    faults.look("answers that no client should see", not load.book.strange, load.book.strange[:5] or "none")
    faults.look("writes that nobody answered", not load.book.unanswered, len(load.book.unanswered))
    billed = run.get("invoices_issued")
    faults.look("a month was billed meanwhile", billed == CUSTOMERS, f"{billed} invoices")
    said = f"{queued} and {sum(messages.taken.values())}"
    faults.look("messages queued and taken, each once", queued == CUSTOMERS == sum(messages.taken.values()), said)
    compare(cursor, load.book, day, faults.look)
    for command in (["check-data"], ["verify-invoices"]):
        done = subprocess.run([*DAIRY, *command], env=environment, capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).strip().splitlines()[-1:]
        faults.look(f"dairy {command[0]}, through the pool", done.returncode == 0, said)


def _wait_for_a_table(port: int, dsn: str, faults: Faults) -> None:
    """Every session waits for a table for longer than PgBouncer lets its clients wait."""
    book = Book()
    token = Client(port, book).login().token
    with closing(psycopg2.connect(dsn)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE customers")
        readers = [
            threading.Thread(target=Client(port, book, token).read, args=("list", "/customers?limit=5"))
            for _ in range(3 * SESSIONS)
        ]
        for each in readers:
            each.start()
        for each in readers:
            each.join()
        other.rollback()
    for line in book.lines():
        echo(line)
    faults.look("a pool that is full is 503, within its time", not book.strange and book.slowest() < 21, book.slowest())
    faults.look("and afterwards it is not", Client(port, book, token).read("list", "/customers") is not None, "200")


def _sessions_are_clean(through: str, faults: Faults) -> None:
    """No session keeps what health, a run or an export set for itself."""
    found = set()
    connections = [psycopg2.connect(through) for _ in range(SESSIONS)]  # in transactions: each has one of its own
    try:
        for each in connections:
            with each.cursor() as cursor:
                cursor.execute(
                    "SELECT string_agg(current_setting(name), ' ' ORDER BY name) FROM unnest(ARRAY['jit', "
                    "'lock_timeout', 'search_path', 'statement_timeout', 'TimeZone', 'work_mem']) name"
                )
                found |= {row[0] for row in cursor.fetchall()}
                cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
                found |= {f"{row[0]} advisory locks" for row in cursor.fetchall() if row[0]}
    finally:
        for each in connections:
            each.close()
    faults.look("what the sessions are left with", len(found) == 1 and " 20s " in found.copy().pop(), found)


def _what_does_not_go_through(
    folder: Path, environment: dict[str, str], pool: int, passwords: dict[str, str], faults: Faults
) -> None:
    """Work that would leave something behind in its session is refused; an import of hours is not."""
    owner = environment | {"DATABASE_URL": _dsn(pool, "dairy_owner", passwords["dairy_owner"])}
    for command in (["db", "upgrade"], ["db", "backup", str(folder / "no.dump")]):
        done = subprocess.run([*DAIRY, *command], env=owner, capture_output=True, text=True, check=False)
        refused = done.returncode == 1 and "leads through a pool" in done.stderr
        faults.look(f"dairy {' '.join(command[:2])} is refused", refused, done.stderr.strip()[-160:])
    dump = folder / "dump"
    dump.mkdir()
    people = [
        {"_id": str(number), "name": f"Ravi {number}", "role": "admin", "email": f"ravi{number}@dairy.example"}
        for number in range(2000)
    ]
    (dump / "users.json").write_text("\n".join(json.dumps(each) for each in people))
    done = subprocess.run([*DAIRY, "import-mongo", str(dump)], env=owner, capture_output=True, text=True, check=False)
    said = (done.stderr or done.stdout).strip().splitlines()[-1:]
    faults.look("an import by COPY into temporary tables", done.returncode == 0, said)


def main(wanted: list[str]) -> int:
    """Try it for so many seconds of load; the exit code."""
    if shutil.which("pgbouncer", path=PATH) is None:
        echo("PgBouncer is not here")
        return 1
    seconds, faults = float(wanted[0]) if wanted else 30.0, Faults()
    with tempfile.TemporaryDirectory(prefix="dairy-pool-", dir="/tmp") as made, ExitStack() as ends:
        folder = Path(made)
        folder.chmod(0o755)
        environment = {
            **os.environ,
            "DAIRY_DATA_DIR": str(folder / "dairy"),
            "DAIRY_SECRET_KEY": secrets.token_hex(32),
            "DAIRY_LOG_LEVEL": "error",
        }
        environment.pop("DATABASE_URL", None)
        ends.callback(subprocess.run, [*DAIRY, "db", "stop"], env=environment, capture_output=True)
        subprocess.run([*DAIRY, "db", "upgrade"], env=environment, check=True, capture_output=True)
        owner = [*DAIRY, "create-admin", "--email", EMAIL, "--password-stdin"]
        subprocess.run(owner, env=environment, check=True, capture_output=True, input=PASSWORD, text=True)
        started = subprocess.run([*DAIRY, "db", "start"], env=environment, check=True, capture_output=True, text=True)
        dsn = started.stdout.strip().replace("+psycopg2", "")
        with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            fill(cursor, CUSTOMERS)
            connection.commit()
        with serving(folder, environment) as port:
            token = Client(port, Book()).login().token
        try_formula(folder, environment, dsn, token, faults)
        try_pool(folder, environment, dsn, seconds, faults)
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
