"""PostgreSQL servers for the programs of this folder that try something: on loopback, with a password, thrown away.

PostgreSQL refuses to run as root. Root's servers run as ``postgres``, or as ``nobody`` where there is no such account.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from try_proxies import DAIRY, free_port, until

from dairy_app.database import embedded_postgres

#: Of Debian and Ubuntu, the PostgreSQL Development Group's packages included.
SYSTEM = Path("/usr/lib/postgresql")
#: A locale that PostgreSQL 15 and 18 have on every machine, and know by the same name.
LOCALE = ["-E", "UTF8", "--locale=C.UTF-8"]


def system_bin(major: int) -> Path | None:
    """The programs of an installed version; None: it is not here."""
    found = SYSTEM / str(major) / "bin"
    return found if (found / "initdb").exists() else None


@contextmanager
def work_folder() -> Iterator[Path]:
    """A short path, which the account of the servers may use too. It is removed with everything in it."""
    folder = Path(tempfile.mkdtemp(prefix="dairy-try-", dir="/tmp"))
    try:
        own(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def account() -> dict[str, Any]:
    """What a subprocess is started with to run as the account of the servers; nothing: it is ours."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise SystemExit("root needs an account postgres or nobody, as which the servers run")


def own(path: Path) -> None:
    """Give a file or folder to the account of the servers."""
    if who := account():
        shutil.chown(path, who["user"], who["group"])


def run(command: list[Any], **options: Any) -> str:
    """A program as the account of the servers; what it says. Ends everything when the program fails."""
    options = {"cwd": "/"} | ({} if "input" in options else {"stdin": subprocess.DEVNULL}) | options
    done = subprocess.run(
        [str(each) for each in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **account(),
        **options,
    )
    if done.returncode:
        raise SystemExit(f"{Path(str(command[0])).name} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


class Postgres:
    """One cluster in ``folder``. Its superuser is ``dairy``, who owns the database ``dairy``."""

    def __init__(self, bin_dir: Path, folder: Path, password: str | None = None) -> None:
        self.bin, self.folder, self.port = bin_dir, folder, free_port()
        self.password = password or secrets.token_hex(8)
        self._environment = {
            "PATH": f"{bin_dir}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port), "PGUSER": "dairy", "PGPASSWORD": self.password, "PGDATABASE": "dairy",
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql://dairy:{self.password}@127.0.0.1:{self.port}/dairy"

    @property
    def environment(self) -> dict[str, str]:
        """What libpq reads: with it psql, pg_dump and so on reach this server without an argument."""
        return dict(self._environment)

    @property
    def version(self) -> str:
        said = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        return said.split()[2]

    def tool(self, name: str, *arguments: Any, **options: Any) -> str:
        """Run one of the server's own programs."""
        return run([self.bin / name, *arguments], env=self._environment, **options)

    def make(self, *options: str) -> None:
        """The files of a new cluster, with ordinary, safe settings."""
        secret = self.folder.with_name(f"{self.folder.name}.password")
        secret.write_text(self.password)
        own(secret)
        self.tool(
            "initdb", "-D", self.folder, "-U", "dairy", "-A", "scram-sha-256", "--pwfile", secret, *LOCALE, *options
        )
        secret.unlink()

    def configure(self, **settings: str) -> None:
        """Lines at the end of ``postgresql.conf``."""
        with (self.folder / "postgresql.conf").open("a") as file:
            for name, value in settings.items():
                file.write(f"{name} = '{value}'\n")

    def start(self) -> None:
        """Start and wait until it takes connections; in a recovery, until that is over."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder.parent}"
        log = self.folder.with_name(f"{self.folder.name}.log")
        self.tool("pg_ctl", "start", "-s", "-w", "-t", "120", "-D", self.folder, "-l", log, "-o", options)

    def stop(self) -> None:
        if (self.folder / "postmaster.pid").exists():
            self.tool("pg_ctl", "stop", "-s", "-w", "-m", "fast", "-D", self.folder)

    def kill(self) -> None:
        """As by a power cut: nothing is written any more."""
        postmaster = int((self.folder / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        until(lambda: not _works_in(self.folder), "the end of the server's processes")
        (self.folder / "postmaster.pid").unlink()

    def sql(self, statement: str) -> str:
        """What psql prints of one statement, without headings; fields are separated by ``|``."""
        return self.tool("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement).strip()

    def script(self, text: str) -> str:
        """Run a script by psql; what it prints."""
        return self.tool("psql", "-Xq", "-v", "ON_ERROR_STOP=1", input=text)

    def create_database(self) -> None:
        """An empty database ``dairy``, in place of one that is there."""
        self.tool("dropdb", "--if-exists", "dairy", "--maintenance-db=postgres")
        self.tool("createdb", "-T", "template0", "dairy", "--maintenance-db=postgres")

    def until_primary(self) -> None:
        """After a recovery: until it takes writes."""
        until(lambda: self.sql("SELECT pg_is_in_recovery()") == "f", "the end of the recovery", 120)


def _works_in(folder: Path) -> bool:
    """Whether a process has this folder as its own (a zombie has none)."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").samefile(folder):
                return True
        except OSError:
            continue
    return False


def dairy(
    server: Postgres, *arguments: str, folder: Path, input: str | None = None
) -> subprocess.CompletedProcess[str]:
    """One command of the program on the database of a server; ``folder`` is its data folder."""
    environment = {**os.environ, "DATABASE_URL": server.url, "DAIRY_DATA_DIR": str(folder)}
    return subprocess.run(
        [*DAIRY, *arguments], env=environment, capture_output=True, text=True, check=False, input=input
    )


def contents(server: Postgres) -> dict[str, str]:
    """Every table → how many rows it has and a hash over all of them, whatever their order on the disk."""
    tables = server.sql(
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    ).split()
    rows = "count(*) || ' rows, ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '')"
    asked = " UNION ALL ".join(f"SELECT '{each}', {rows} FROM \"{each}\" t" for each in tables)
    lines = server.sql(asked).splitlines()
    return dict(line.split("|", 1) for line in lines)


def difference(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The tables that are not the same, with what they hold in the one and in the other."""
    names = sorted(before.keys() | after.keys())
    return [f"{each}: {before.get(each)} / {after.get(each)}" for each in names if before.get(each) != after.get(each)]


def embedded_bin() -> Path:
    """The programs of the embedded server, where the account of the servers can run them.

    Root's checkout is often closed to other accounts: then ``DAIRY_POSTGRES_BIN`` names a copy.
    """
    found = embedded_postgres.bin_dir()
    command = ["/bin/sh", "-c", 'test -x "$0"', str(found / "postgres")]
    if subprocess.run(command, cwd="/", check=False, **account()).returncode:
        raise SystemExit(f"the account of the servers cannot run {found}: name other programs with DAIRY_POSTGRES_BIN")
    return found


def seconds(began: float) -> str:
    """How long something took, for people."""
    return f"{time.monotonic() - began:.1f} s"
