"""Try to go back to the moment before a mistake, and what is lost when the disk of the server is gone.

``python deploy/try_point_in_time.py [mistake] [disk] [pgbackrest] [--short]`` starts PostgreSQL on loopback, which
archives its WAL with ``postgresql/archive-wal``, and the program on it with the sample dairy.

* ``mistake``: two customers are merged, which nobody can take back. The moment before is restored, by the name of a
  restore point and, but for the short form, by its time: each row must be as it was; what came after is named.
* ``disk``: the server's disk breaks while customers are created. What was acknowledged and is not in the archive yet is
  lost; with what ``pg_receivewal --synchronous`` has received nothing is.
* ``pgbackrest``: the mistake with pgBackRest as the archive, where it is installed, and a server of a version it knows.

Ends with exit code 1 when something is not as it should be. docs/backups.md has the same by hand.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from click import echo
from loopback_postgres import (
    Postgres,
    account,
    contents,
    dairy,
    difference,
    embedded_bin,
    own,
    run,
    seconds,
    system_bin,
    work_folder,
)
from try_proxies import Faults, Host, ask, until

HERE = Path(__file__).parent
CUSTOMERS = 20
#: The server completes a segment after so many seconds, full or not.
ARCHIVE_TIMEOUT = 3
#: For how long customers are created before the disk breaks: not a multiple of the timeout.
DISK_SECONDS = 7.5
CLIENTS = 2
#: The newest server that pgBackRest 2.45, Debian 12's, knows.
OF_PGBACKREST = 15
EMAIL, PASSWORD = "owner@dairy.example", "a long password for a try"


class Archive(Protocol):
    """Where base backups and WAL are kept, and how a server comes out of it."""

    def settings(self) -> dict[str, str]: ...

    def back_up(self, server: Postgres) -> None: ...

    def restore(self, server: Postgres, kind: str, target: str) -> None:
        """Make the files of ``server``; started, it goes as far as the target of this kind, ``name`` or ``time``."""


class ArchiveFolder:
    """A folder of WAL filled by ``postgresql/archive-wal``, and a base backup by ``pg_basebackup``."""

    def __init__(self, folder: Path) -> None:
        self.wal, self.base, self.script = folder / "wal", folder / "base", folder / "archive-wal"
        shutil.copy(HERE / "postgresql" / "archive-wal", self.script)  # the checkout may be closed to the server
        self.wal.mkdir()
        own(self.wal)

    def settings(self) -> dict[str, str]:
        return {
            "archive_mode": "on",
            "archive_command": f'{self.script} "%p" "{self.wal}/%f"',
            "archive_timeout": str(ARCHIVE_TIMEOUT),
        }

    def back_up(self, server: Postgres) -> None:
        server.tool("pg_basebackup", "-D", self.base, "-c", "fast", "-X", "stream")
        server.tool("pg_verifybackup", self.base)

    def restore(self, server: Postgres, kind: str, target: str) -> None:
        self.copy_base(server)
        server.configure(
            restore_command=f'cp "{self.wal}/%f" "%p"',
            recovery_target_action="promote",
            **{f"recovery_target_{kind}": target},
        )

    def copy_base(self, server: Postgres) -> None:
        """The base backup as the files of a server, which recovers when it starts and does not archive."""
        run(["cp", "-a", self.base, server.folder])
        (server.folder / "recovery.signal").touch(mode=0o600)
        own(server.folder / "recovery.signal")
        server.configure(archive_mode="off")


class PgBackRest:
    """pgBackRest's repository in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._config, self._password = folder, folder / "pgbackrest.conf", ""
        for each in ("repo", "lock", "spool"):
            (folder / each).mkdir()
            own(folder / each)

    def settings(self) -> dict[str, str]:
        return {
            "archive_mode": "on",
            "archive_command": f"pgbackrest --config={self._config} --stanza=dairy archive-push %p",
            "archive_timeout": str(ARCHIVE_TIMEOUT),
        }

    def back_up(self, server: Postgres) -> None:
        self._config.write_text(
            f"[global]\nrepo1-path={self._folder}/repo\nrepo1-retention-full=2\nstart-fast=y\nlog-level-file=off\n"
            f"lock-path={self._folder}/lock\nspool-path={self._folder}/spool\n\n"
            f"[dairy]\npg1-path={server.folder}\npg1-port={server.port}\npg1-socket-path={server.folder.parent}\n"
            "pg1-user=dairy\npg1-database=dairy\n"
        )
        self._password = server.password
        for command in ("stanza-create", "check", "backup"):
            self._run("--stanza=dairy", command)

    def restore(self, server: Postgres, kind: str, target: str) -> None:
        options = [f"--pg1-path={server.folder}", f"--type={kind}", f"--target={target}", "--target-action=promote"]
        self._run("--stanza=dairy", *options, "--archive-mode=off", "restore")

    def _run(self, *arguments: str) -> None:
        environment = {"PATH": os.environ["PATH"], "PGPASSWORD": self._password}
        run(["pgbackrest", f"--config={self._config}", "--log-level-console=error", *arguments], env=environment)


class Office:
    """The program on a server, and somebody who is logged in."""

    def __init__(self, server: Postgres, folder: Path, ends: ExitStack) -> None:
        environment = os.environ | {
            "DATABASE_URL": server.url,
            "DAIRY_DATA_DIR": str(folder),
            "DAIRY_SECRET_KEY": secrets.token_hex(32),
        }
        self._host, self._headers = Host(folder, environment), dict[str, str]()
        ends.callback(self.close)
        token = self.ask("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        self._host.stop()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the program answers; raises OSError when it refuses."""
        sent = None if body is None else json.dumps(body).encode()
        status, _, said = ask(self._host.port, method, f"/api/v1{path}", sent, self._headers, tls=False)
        if status not in {200, 201}:
            raise OSError(f"{path}: {status} {said[:300]!r}")
        return json.loads(said)

    def create(self, name: str) -> Any:
        """A customer; acknowledged when this returns."""
        phone = f"+9188{secrets.randbelow(10**8):08d}"
        given = {"name": name, "phone": phone, "address_line1": "1 Main Road", "area": "Kothrud"}
        return self.ask("POST", "/customers", given)

    def pay(self, customer_id: str) -> str:
        """A payment; the number of its receipt."""
        given = {"customer_id": customer_id, "amount": "10.00", "method": "cash"}
        return str(self.ask("POST", "/payments", given)["receipt_no"])


def make_dairy(server: Postgres, folder: Path, ends: ExitStack) -> None:
    """A new server with the sample dairy, and a login of our own."""
    ends.callback(server.stop)
    server.start()
    server.create_database()
    owner = ("create-admin", "--email", EMAIL, "--password-stdin")
    for command, given in ((("demo", "--no-serve", "--customers", str(CUSTOMERS)), None), (owner, PASSWORD)):
        done = dairy(server, *command, folder=folder, input=given)
        if done.returncode:
            raise SystemExit(done.stderr)


def until_archived(server: Postgres) -> None:
    """Complete the segment and wait until it is in the archive."""
    name = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.sql("SELECT pg_switch_wal()")
    until(
        lambda: server.sql(f"SELECT count(*) FROM pg_stat_archiver WHERE last_archived_wal >= '{name}'") == "1",
        "the archive of the last segment",
    )


def try_mistake(bin_dir: Path, folder: Path, archive: Archive, faults: Faults, *, short: bool) -> None:
    """Merge two customers, and go back to the moment before it."""
    with ExitStack() as ends:
        main = Postgres(bin_dir, folder / "main")
        main.make()
        main.configure(**archive.settings())
        make_dairy(main, folder / "data", ends)
        began = time.monotonic()
        archive.back_up(main)
        echo(f"  a base backup of PostgreSQL {main.version}, checked: {seconds(began)}")
        office = Office(main, folder / "data", ends)
        for n in range(10):
            office.create(f"Before the mistake {n}")
        one, other = (each["id"] for each in office.ask("GET", "/customers?limit=2&search=Before")["items"])
        cursor = read_events(office, 0)
        before = contents(main)
        main.sql("SELECT pg_create_restore_point('before the merge')")
        moment = main.sql("SELECT clock_timestamp()")
        office.ask("POST", f"/customers/{one}/merge", {"into": other, "reason": "the wrong ones"})
        for n in range(3):
            office.create(f"After the mistake {n}")
        receipt = office.pay(other)
        cursor = read_events(office, cursor)
        after = f"\\set moment '{moment}'\n" + (HERE / "postgresql" / "what-came-after.sql").read_text()
        lost = main.script(after)
        until_archived(main)
        office.close()
        main.stop()
        targets = [("name", "before the merge"), ("time", moment)]
        for kind, target in targets[:1] if short else targets:
            restored = Postgres(bin_dir, folder / f"by-{kind}", main.password)
            ends.callback(restored.stop)
            began = time.monotonic()
            archive.restore(restored, kind, target)
            restored.start()
            restored.until_primary()
            echo(f"  restored to the {kind} {target!r}: {seconds(began)}")
            apart = difference(before, contents(restored))
            faults.look("every row that was there before the mistake, and no other", not apart, apart or "none differs")
            for command in ("check-data", "verify-invoices"):
                done = dairy(restored, command, folder=folder / "data")
                said = (done.stdout or done.stderr).strip().splitlines()[-1]
                faults.look(f"dairy {command}", done.returncode == 0, said)
        named = all(f"After the mistake {n}" in lost for n in range(3)) and receipt in lost
        faults.look("what came after is named by the database that was left as it is", named, "as here:")
        for line in lost.splitlines():
            echo(f"    {line[:140]}".rstrip())
        go_on(restored, folder, cursor, receipt, faults, ends)


def read_events(office: Office, cursor: int) -> int:
    """As another program does: to the end; returns where it goes on."""
    page = office.ask("GET", f"/events?limit=1000&after={cursor}")
    while page["more"]:
        page = office.ask("GET", f"/events?limit=1000&after={page['next_after']}")
    return int(page["next_after"])


def go_on(server: Postgres, folder: Path, cursor: int, receipt: str, faults: Faults, ends: ExitStack) -> None:
    """Serve what was restored: whoever has read or printed more than there is now is not misled."""
    office = Office(server, folder / "data", ends)
    try:
        said = office.ask("GET", f"/events?after={cursor}")
    except OSError as error:
        said = error
    faults.look("a reader that is ahead is refused", "The last event has the id" in str(said), f"422, at {cursor}")
    server.script((HERE / "postgresql" / "after-restore.sql").read_text())
    given = office.ask("PATCH", "/settings", {"invoice_series": "INB"})
    faults.look("documents get another series", given["invoice_series"] == "INB", given["invoice_series"])
    new = office.pay(office.create("After the restore")["id"])
    faults.look("a receipt's number is not given again", new > receipt, f"{receipt}, now {new}")
    told: list[str] = []
    until(
        lambda: (
            told.extend(each["kind"] for each in office.ask("GET", f"/events?after={cursor}")["items"]) or len(told) > 1
        ),
        "the new events",
    )
    sound = dairy(server, "check-data", folder=folder / "data").returncode
    faults.look("the data still agrees with itself", sound == 0, f"exit code {sound}")
    faults.look("with ids from far ahead it reads what is new", told == ["customer.created", "payment.received"], told)
    office.close()


def try_disk(bin_dir: Path, folder: Path, archive: ArchiveFolder, faults: Faults) -> None:
    """Break the disk while customers are created, and count those that were acknowledged and are gone."""
    with ExitStack() as ends:
        main = Postgres(bin_dir, folder / "main")
        main.make()
        main.configure(**archive.settings())
        make_dairy(main, folder / "data", ends)
        archive.back_up(main)
        stream = folder / "stream"
        stream.mkdir()
        own(stream)
        receiver = receive(main, stream)
        ends.callback(receiver.wait)
        ends.callback(receiver.terminate)
        main.sql("ALTER SYSTEM SET synchronous_standby_names = 'receiver'")
        main.sql("SELECT pg_reload_conf()")
        until(lambda: main.sql("SELECT sync_state FROM pg_stat_replication") == "sync", "the receiver")
        office = Office(main, folder / "data", ends)
        acknowledged = create_until_broken(office, main)
        broken = time.monotonic()
        receiver.terminate()
        receiver.wait()
        shutil.rmtree(main.folder)
        office.close()
        for what, sources in (("the archive", [archive.wal]), ("the archive and the stream", [archive.wal, stream])):
            restored = Postgres(bin_dir, folder / f"of-{len(sources)}", main.password)
            ends.callback(restored.stop)
            archive.copy_base(restored)
            places = [f'cp "{each}/%f" "%p"' for each in sources] + [f'cp "{sources[-1]}/%f.partial" "%p"']
            restored.configure(restore_command=" || ".join(places), synchronous_standby_names="")
            began = time.monotonic()
            restored.start()
            restored.until_primary()
            took = seconds(began)
            there = set(restored.sql("SELECT name FROM customers").splitlines())
            lost = {name: at for name, at in acknowledged.items() if name not in there}
            window = broken - min(lost.values()) if lost else 0.0
            said = f"{len(lost)} of {len(acknowledged)} acknowledged customers, of the last {window:.1f} s ({took})"
            # A segment is completed when the timeout is over and then archived, each of which takes a moment.
            allowed = 0.0 if len(sources) > 1 else ARCHIVE_TIMEOUT + 3.0
            faults.look(f"lost with {what}", window <= allowed and bool(acknowledged), said)
            done = dairy(restored, "check-data", folder=folder / "data")
            faults.look("dairy check-data", done.returncode == 0, done.stdout.strip().splitlines()[-1])
            restored.stop()


def receive(server: Postgres, stream: Path) -> "subprocess.Popen[bytes]":
    """pg_receivewal, which says of what it has received that it is on the disk."""
    run([server.bin / "pg_receivewal", "-D", stream, "--slot=receiver", "--create-slot"], env=server.environment)
    command = ["pg_receivewal", "-D", str(stream), "--slot=receiver", "--synchronous", "--no-loop"]
    return subprocess.Popen(
        [str(server.bin / command[0]), *command[1:]],
        env=server.environment | {"PGAPPNAME": "receiver"},
        stderr=subprocess.DEVNULL,
        cwd="/",
        **account(),
    )


def create_until_broken(office: Office, server: Postgres) -> dict[str, float]:
    """Customers of several clients until the server is killed: the name → when it was acknowledged."""
    acknowledged, over = dict[str, float](), threading.Event()

    def work(client: int) -> None:
        n = 0
        while not over.is_set():
            n += 1
            try:
                office.create(f"Client {client} {n}")
                acknowledged[f"Client {client} {n}"] = time.monotonic()
            except OSError:
                continue  # refused: nobody was promised anything

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for each in threads:
        each.start()
    time.sleep(DISK_SECONDS)
    server.kill()
    over.set()
    for each in threads:
        each.join()
    return acknowledged


def main(wanted: list[str]) -> int:
    """Try what was asked for, or everything that can be tried here; the exit code."""
    short = "--short" in wanted
    wanted = [each for each in wanted if each != "--short"]
    known: dict[str, Callable[[Path, Faults], None]] = {
        "mistake": lambda folder, faults: try_mistake(
            embedded_bin(), folder, ArchiveFolder(folder), faults, short=short
        ),
        "disk": lambda folder, faults: try_disk(embedded_bin(), folder, ArchiveFolder(folder), faults),
    }
    old = system_bin(OF_PGBACKREST)
    if shutil.which("pgbackrest") and old is not None:
        known["pgbackrest"] = lambda folder, faults: try_mistake(old, folder, PgBackRest(folder), faults, short=short)
    names = [each for each in (wanted or known) if each in known]
    if not names:
        echo(f"Nothing of this can be tried here: {', '.join(wanted)}")
        return 1
    faults = Faults()
    for name in names:
        echo(name)
        with work_folder() as folder:
            (folder / "data").mkdir()
            known[name](folder, faults)
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
