"""Try read replicas: two servers, a primary and its standby, on this machine alone, while the standby stands still.

``python deploy/try_replicas.py [SECONDS]`` lets clients create customers through one server and look for them through
the other, stops the standby's replay for so many seconds (30; more than ``DAIRY_READ_LAG``), then stops and starts the
standby, says who answered what and what was stale, and stops everything. Needs the program and PostgreSQL's
``pg_basebackup``; ends with exit code 1 when something is not as it should be.
"""

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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2
from click import echo
from try_proxies import DAIRY, EMAIL, PASSWORD, Faults, Host, ask, until

from dairy_app.database import embedded_postgres

#: Seconds by which a replica that is read may lag, and how much longer a request may take that finds that out.
LAG, SLACK = int(os.environ.get("DAIRY_READ_LAG", "5")), 3
#: Seconds of work before the standby stands still, and after it goes on.
CALM = 4
WRITERS = 4
TOKEN = secrets.token_hex(16)


class Standby:
    """A copy of the primary that follows it."""

    def __init__(self, main: Path, place: Path, url: str) -> None:
        self._place = place
        tool, socket = embedded_postgres.bin_dir() / "pg_basebackup", parse_qs(urlsplit(url).query)["host"][0]
        copy = [tool, "-D", place, "-h", socket, "-p", "5432", "-U", "dairy", "-R", "-X", "stream", "-c", "fast"]
        subprocess.run(copy, check=True, capture_output=True)
        owner = main.stat()
        for each in (place, *place.rglob("*")):
            os.chown(each, owner.st_uid, owner.st_gid)
        self.start()

    def start(self) -> None:
        self.url = embedded_postgres.start(self._place)

    def stop(self) -> None:
        embedded_postgres.stop(self._place)

    def say(self, statement: str) -> None:
        """One statement to it, as its operator."""
        connection = psycopg2.connect(self.url.replace("postgresql+psycopg2", "postgresql"))
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()


class Work:
    """Clients at work until the end of a ``with`` block, and what they saw."""

    def __init__(self, hosts: list[Host], bearer: dict[str, str]) -> None:
        self._hosts, self._bearer = hosts, bearer
        self._over = threading.Event()
        self.seen: Counter[str] = Counter()
        #: Phone of each customer → when its creation was acknowledged.
        self._made: dict[str, float] = {}
        jobs = [(self._write, (client,)) for client in range(WRITERS)] + [(self._look, ())]
        self._threads = [threading.Thread(target=job, args=given) for job, given in jobs]

    def __enter__(self) -> "Work":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def _write(self, client: int) -> None:
        """Create a customer at one host, look for it at the other: half the clients by cookie, half by header."""
        n = 0
        while not self._over.is_set():
            n += 1
            phone, here = f"+9187{client}{n:07d}", self._hosts[n % 2]
            body = {"name": f"Customer {client} {n}", "phone": phone, "address_line1": "1 Main Road", "area": "Kothrud"}
            status, headers, _ = self._ask(here, "POST", "/api/v1/customers", {}, json.dumps(body).encode())
            if status != 201:
                continue
            self._made[phone] = time.monotonic()
            position = headers["Dairy-Position"]
            said = {"Cookie": f"dairy_position={position}"} if client % 2 else {"Dairy-Position": position}
            other = self._hosts[(n + 1) % 2]
            self._find(other, phone, said, "its own write")

    def _look(self) -> None:
        """Somebody who says nothing of what he has seen: what is older than the replicas may be must be there."""
        while not self._over.is_set():
            old = [phone for phone, at in list(self._made.items()) if at < time.monotonic() - LAG - SLACK]
            if old:
                self._find(secrets.choice(self._hosts), old[-1], {}, f"what is {LAG + SLACK} s old")
            self._over.wait(0.02)

    def _find(self, host: Host, phone: str, said: dict[str, str], what: str) -> None:
        status, _, answer = self._ask(host, "GET", f"/api/v1/customers?search={phone[1:]}", said)
        if status == 200:
            found = [each["phone"] for each in json.loads(answer)["items"]]
            self.seen[f"saw {what}" if phone in found else f"STALE: did not see {what}"] += 1

    def _ask(
        self, host: Host, method: str, path: str, said: dict[str, str], body: bytes | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        try:
            answer = ask(host.port, method, path, body, self._bearer | said, tls=False)
        except OSError as error:
            self.seen[f"ERROR: {type(error).__name__}"] += 1
            return 0, http.client.HTTPMessage(), b""
        if answer[0] >= 400:
            self.seen[f"ERROR: {answer[0]} {answer[2][:200]!r}"] += 1
        return answer


def figures(hosts: list[Host]) -> Counter[str]:
    """What both hosts tell Prometheus of reads, added up; with the lag as the first of them sees it."""
    found: Counter[str] = Counter()
    for host in hosts:
        status, _, text = ask(host.port, "GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, tls=False)
        assert status == 200, text
        for name, _, value in (line.rpartition(" ") for line in text.decode().splitlines()):
            if name.startswith("dairy_lagging_reads_total"):
                found["primary" if '"primary"' in name else "replica"] += int(value)
            elif name.startswith("dairy_replica_lag_seconds") and host is hosts[0]:
                found["lag in ms"] = int(1000 * float(value))
    return found


@contextmanager
def phase(name: str, hosts: list[Host]) -> Iterator[Counter[str]]:
    """A part of the trial; what was read where in it is said, and given at its end."""
    before, told = figures(hosts), Counter[str]()
    yield told
    after = figures(hosts)
    told.update({each: after[each] - before[each] for each in ("primary", "replica")})
    lag = f"{after['lag in ms'] / 1000:.1f} s" if "lag in ms" in after else "unknown: it is away"
    echo(f"  {name}: {told['replica']} reads on the replica, {told['primary']} on the primary; lag at the end {lag}")


def try_replicas(seconds: float, hosts: list[Host], standby: Standby, bearer: dict[str, str], faults: Faults) -> None:
    """Let clients work while the standby stands still, and while it is away."""
    with Work(hosts, bearer) as work:
        with phase("all is well", hosts) as calm:
            time.sleep(CALM)
        standby.say("SELECT pg_wal_replay_pause()")
        with phase(f"the replay stands still, the first {LAG} s", hosts):
            time.sleep(min(LAG, seconds))
        time.sleep(1)
        with phase("the replay stands still, later", hosts) as still:
            time.sleep(max(1.0, seconds - LAG - 1))
        standby.say("SELECT pg_wal_replay_resume()")
        time.sleep(2)
        with phase("the replay has gone on", hosts) as resumed:
            time.sleep(CALM)
        with phase("the standby is stopped", hosts) as away:
            standby.stop()
            time.sleep(CALM)
        healthy = [ask(each.port, "GET", "/api/health/ready", tls=False)[0] for each in hosts]
        standby.start()
        time.sleep(2 * LAG)
        with phase("the standby is back", hosts) as back:
            time.sleep(CALM)
    stale = sum(count for what, count in work.seen.items() if what.startswith("STALE"))
    failed = sum(count for what, count in work.seen.items() if what.startswith("ERROR"))
    for what, count in sorted(work.seen.items()):
        echo(f"  {count:6} {what}")
    faults.look("reads of the own write, and of what is old enough, that missed it", not stale, stale)
    faults.look("errors", not failed, failed)
    faults.look("while all is well the replica reads", calm["replica"] > 0, dict(calm))
    faults.look(f"while it is more than {LAG} s behind it does not", not still["replica"], dict(still))
    faults.look("when it has gone on it reads again", resumed["replica"] > 0, dict(resumed))
    faults.look("while it is away the primary reads", away["primary"] > 0, dict(away))
    faults.look("health while it is away", healthy == [200, 200], healthy)
    faults.look("when it is back it reads again", back["replica"] > 0, dict(back))


def main(seconds: float) -> int:
    """Try it; the exit code."""
    if not (embedded_postgres.bin_dir() / "pg_basebackup").exists():
        echo(f"There is no pg_basebackup in {embedded_postgres.bin_dir()}")
        return 1
    faults = Faults()
    with tempfile.TemporaryDirectory(dir="/tmp") as made, ExitStack() as ends:
        folder = Path(made)
        folder.chmod(0o755)  # PostgreSQL does not run as root
        main, copy = folder / "main", folder / "standby"
        ends.callback(embedded_postgres.stop, main)
        url = embedded_postgres.start(main)
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "DAIRY_DATA_DIR": str(folder / "dairy"),
            "DAIRY_SECRET_KEY": secrets.token_hex(32),
            "DAIRY_METRICS_TOKEN": TOKEN,
            "DAIRY_READ_LAG": str(LAG),
        }
        subprocess.run([*DAIRY, "db", "upgrade"], env=environment, check=True, capture_output=True)
        owner = [*DAIRY, "create-admin", "--email", EMAIL, "--password-stdin"]
        subprocess.run(owner, env=environment, check=True, capture_output=True, input=PASSWORD, text=True)
        ends.callback(embedded_postgres.stop, copy)
        standby = Standby(main, copy, url)
        hosts = []
        for _ in range(2):
            hosts.append(Host(folder, environment | {"DATABASE_READ_URL": standby.url}))
            ends.callback(hosts[-1].stop)
        login = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
        token = json.loads(ask(hosts[0].port, "POST", "/api/v1/auth/login", login, tls=False)[2])["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        until(lambda: "lag in ms" in figures(hosts), "the replica")
        try_replicas(seconds, hosts, standby, bearer, faults)
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0))
