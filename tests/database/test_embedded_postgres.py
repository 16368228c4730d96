"""The embedded server, with real processes: kills, races, other accounts, awkward paths.

As root the same tests also show what root's server may and may not do; nothing here needs root.
"""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from dairy_app.database import embedded_postgres
from dairy_app.database.embedded_postgres import EmbeddedPostgresError, start, stop

pytestmark = pytest.mark.slow

ROOT = os.geteuid() == 0
# Starts a server as the user given. It changes user after the imports only, since a checkout in /root can be
# read by root alone.
STARTER = """
import os, sys
from pathlib import Path
from dairy_app.database.embedded_postgres import EmbeddedPostgresError, start
folder, user, group = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if user != os.geteuid():
    os.setgroups([]), os.setgid(group), os.setuid(user)
try:
    print(start(Path(folder), fast_unsafe=True))
except EmbeddedPostgresError as error:
    print("refused:", error)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account can enter: pytest's own is closed to the account of root's server."""
    folder = Path(tempfile.mkdtemp(prefix="dairy-embedded-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    for lock in folder.rglob("pg.lock"):
        stop(lock.with_suffix(""))
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(lock.with_suffix(".socket").readlink())
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def finished() -> Iterator[Path]:
    """A complete cluster, stopped. Copying it is faster than making one."""
    with tempfile.TemporaryDirectory(prefix="dairy-embedded-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        start(Path(name, "pg"), fast_unsafe=True)
        stop(Path(name, "pg"))
        yield Path(name, "pg")


@pytest.fixture
def cluster(place: Path, finished: Path) -> Path:
    subprocess.run(["cp", "-a", finished, place / "pg"], check=True)
    return place / "pg"


def is_running(data_dir: Path) -> bool:
    """Whether the server of ``data_dir`` accepts connections from this account now."""
    with contextlib.suppress(OSError):
        server = embedded_postgres._Server(data_dir.resolve(), {})
        return server.exists() and server.is_up()
    return False


def starter(folder: Path, account: pwd.struct_passwd | None = None, **options: Any) -> subprocess.Popen[str]:
    user = (account.pw_uid, account.pw_gid) if account else (os.geteuid(), os.getegid())
    command = [sys.executable, "-c", STARTER, str(folder), *map(str, user)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def answer(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=60)[0].strip()


def query(url: str, statement: str) -> list[Any]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return list(result.one()) if result.returns_rows else []


def postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


def server_processes(folder: Path) -> set[int]:
    return embedded_postgres._Server(folder.resolve(), {}).processes()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


def kill_server(folder: Path) -> None:
    os.kill(postmaster(folder), signal.SIGKILL)
    wait_until(lambda: not server_processes(folder))


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def ordinary_account() -> pwd.struct_passwd:
    """Ourselves; for root somebody else than `nobody`, so that the two cannot be mistaken for each other."""
    if not ROOT:
        return pwd.getpwuid(os.geteuid())
    return next(found for found in pwd.getpwall() if found.pw_uid and found.pw_name != "nobody")


def test_a_fresh_folder_gets_a_database_and_a_detached_unprivileged_server(place: Path) -> None:
    folder = place / "new" / "pg"
    found = query(
        start(folder),
        "SELECT current_user, current_database(), lower('ДОМ'), datlocprovider::text, "
        "current_setting('fsync'), current_setting('listen_addresses') "
        "FROM pg_database WHERE datname = current_database()",
    )
    server = postmaster(folder)
    assert found == ["dairy", "dairy", "дом", "b", "on", ""]
    assert os.getsid(server) == server
    assert Path(f"/proc/{server}").stat().st_uid == (pwd.getpwnam("nobody").pw_uid if ROOT else os.geteuid())
    assert (mode(place), mode(folder)) == (0o755, 0o700)
    assert "ready to accept connections" in (folder / "server.log").read_text()


def test_a_second_start_attaches_to_the_same_server(cluster: Path) -> None:
    url = start(cluster, fast_unsafe=True)
    server = postmaster(cluster)
    assert query(url, "SHOW fsync") == ["off"]
    assert start(cluster) == url
    assert postmaster(cluster) == server


def test_four_processes_at_once_make_one_server(place: Path) -> None:
    urls = {answer(process) for process in [starter(place / "pg") for _ in range(4)]}
    assert urls == {f"postgresql+psycopg2://dairy@/dairy?host={place}/pg"}
    assert (place / "pg/server.log").read_text().count("ready to accept connections") == 1
    assert is_running(place / "pg")


def test_a_killed_server_recovers_with_its_data(cluster: Path) -> None:
    query(start(cluster), "CREATE TABLE kept AS SELECT 7 AS litres")
    os.kill(postmaster(cluster), signal.SIGKILL)  # and start again while its children are still ending
    assert query(start(cluster), "SELECT litres FROM kept") == [7]


def test_no_second_server_beside_the_last_process_of_a_killed_one(cluster: Path) -> None:
    """It may still write into the data, so the start waits for its end; here it is kept from ending."""
    [last] = query(start(cluster), "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    server = postmaster(cluster)
    os.kill(last, signal.SIGSTOP)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(os.kill, last, signal.SIGCONT)
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: server_processes(cluster) == {last})
        with pytest.raises(EmbeddedPostgresError, match=rf"\[{last}\] are still at work"):
            start(cluster, timeout=0.2)
        assert postmaster(cluster) == server
    assert query(start(cluster), "SELECT 1") == [1]


@pytest.mark.parametrize("victims", ["the starter and initdb", "the starter alone"])
def test_a_killed_first_start_does_no_harm(place: Path, victims: str) -> None:
    process = starter(place / "pg", start_new_session=True)
    wait_until((place / "pg.init/PG_VERSION").exists)
    (os.killpg if victims == "the starter and initdb" else os.kill)(process.pid, signal.SIGKILL)
    answer(process)
    assert not (place / "pg").exists()
    assert query(start(place / "pg", fast_unsafe=True), "SELECT current_database()") == ["dairy"]
    assert not (place / "pg.init").exists()


def test_a_pid_file_that_names_a_stranger(cluster: Path) -> None:
    start(cluster, fast_unsafe=True)
    kill_server(cluster)
    owner = cluster.stat()
    account: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if ROOT else {}
    with (
        subprocess.Popen(["sleep", "20"], cwd="/", **account) as stranger,
        contextlib.ExitStack() as at_the_end,
    ):
        at_the_end.callback(stranger.kill)
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            lines = (cluster / name).read_text().splitlines()
            (cluster / name).write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        assert not is_running(cluster)
        assert not stop(cluster)
        assert query(start(cluster, fast_unsafe=True), "SELECT 1") == [1]
        assert stranger.poll() is None


def test_awkward_characters_in_the_path(place: Path) -> None:
    folder = place / "root's dairy checkout" / '$HOME "q" 100%41 ₹:a+b&c#' / "pg"
    assert query(start(folder, fast_unsafe=True), "SHOW data_directory") == [str(folder)]
    assert (folder / ".s.PGSQL.5432").is_socket()


def test_a_path_too_long_for_a_socket_gets_a_private_folder(place: Path) -> None:
    folder = place / ("deep/" * 40) / "pg"
    url = start(folder, fast_unsafe=True)
    private = folder.with_name("pg.socket").readlink()
    assert url.endswith(f"?host={private}")
    assert query(url, "SHOW data_directory") == [str(folder)]
    assert (mode(private), private.stat().st_uid) == (0o700, folder.stat().st_uid)
    assert stop(folder)
    assert start(folder, fast_unsafe=True) == url
    stop(folder)
    private.chmod(0o777)  # as if somebody else had made it, after /tmp was cleared
    assert not start(folder, fast_unsafe=True).endswith(f"?host={private}")
    shutil.rmtree(private)


def test_a_comma_in_the_path(cluster: Path) -> None:
    """It would end the name of the socket folder, for the server and for libpq."""
    folder = cluster.parent / "one,two" / "pg"
    folder.parent.mkdir()
    cluster.rename(folder)
    assert query(start(folder, fast_unsafe=True), "SHOW data_directory") == [str(folder)]


def test_a_private_parent_keeps_its_mode(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in /root: closed to the account of root's server, so root's data and binaries go elsewhere."""
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    (closed / "binaries").symlink_to(embedded_postgres.bin_dir().parent)
    monkeypatch.setenv("DAIRY_POSTGRES_BIN", str(closed / "binaries/bin"))
    monkeypatch.setattr(embedded_postgres, "ROOT_HOME", place / "home")
    query(start(closed / "pg", fast_unsafe=True), "CREATE TABLE kept AS SELECT 7 AS litres")
    assert mode(closed) == 0o700
    assert (closed / "pg").resolve().parent == (place / "home" if ROOT else closed)
    assert Path(f"/proc/{postmaster(closed / 'pg')}").stat().st_uid != 0
    assert is_running(closed / "pg")
    assert stop(closed / "pg")
    assert query(start(closed / "pg", fast_unsafe=True), "SELECT litres FROM kept") == [7]
    assert len(list(place.glob("home/binaries-*/"))) == ROOT


def test_a_folder_that_is_closed_later(cluster: Path) -> None:
    cluster.parent.chmod(0o700)
    refused = pytest.raises(EmbeddedPostgresError, match=r"chmod o\+x") if ROOT else contextlib.nullcontext()
    with refused:
        start(cluster, fast_unsafe=True)
    assert mode(cluster.parent) == 0o700
    assert is_running(cluster) is not ROOT


def test_an_ordinary_user_and_then_root(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of a folder in somebody's checkout runs as that somebody, whoever starts it."""
    account = ordinary_account()
    checkout = place / "checkout"
    checkout.mkdir()
    monkeypatch.setattr(embedded_postgres, "ROOT_HOME", place / "home")
    if ROOT:
        os.chown(checkout, account.pw_uid, account.pw_gid)
        as_account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        monkeypatch.setenv("DAIRY_POSTGRES_BIN", str(embedded_postgres._reachable_bin(as_account)))
    for name, first in (("by the user", account), ("by root", None)):
        folder = checkout / name / "pg"
        url = answer(starter(folder, first))
        assert query(url, "SELECT 1") == [1]
        assert answer(starter(folder, account)) == start(folder) == url
        assert Path(f"/proc/{postmaster(folder)}").stat().st_uid == account.pw_uid
        assert stop(folder)


def test_a_folder_of_another_account_is_refused(place: Path) -> None:
    folder = place / "roots" / "pg" if ROOT else Path("/etc")
    if ROOT:
        folder.mkdir(parents=True)
        folder.parent.chmod(0o777)
    refusal = answer(starter(folder, ordinary_account()))
    assert refusal.startswith("refused:")
    assert "DAIRY_DATA_DIR" in refusal
    assert len(refusal.splitlines()) == 1
    assert not (folder / "PG_VERSION").exists()


def test_no_binaries(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIRY_POSTGRES_BIN", str(place))
    with pytest.raises(EmbeddedPostgresError, match="DATABASE_URL"):
        start(place / "pg")
    assert not (place / "pg").exists()


def test_a_folder_with_other_files_is_refused_and_kept(place: Path) -> None:
    (place / "pg").mkdir()
    (place / "pg/ledger.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="other files"):
        start(place / "pg")
    assert (place / "pg/ledger.txt").read_text() == "mine"


def test_a_server_that_cannot_start_says_why(cluster: Path) -> None:
    (cluster / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EmbeddedPostgresError, match=r"FATAL.*incompatible with server.*server\.log") as refusal:
        start(cluster)
    assert "\n" not in str(refusal.value)


def test_stop_of_nothing_does_nothing(place: Path) -> None:
    assert not stop(place / "pg")
    assert not is_running(place / "pg")
    assert list(place.iterdir()) == []


def test_stop_is_idempotent_and_keeps_the_data(cluster: Path) -> None:
    url = start(cluster, fast_unsafe=True)
    query(url, "CREATE TABLE kept AS SELECT 7 AS litres")
    assert is_running(cluster)
    assert stop(cluster)
    assert not is_running(cluster)
    wait_until(lambda: not server_processes(cluster))
    assert not stop(cluster)
    assert start(cluster, fast_unsafe=True) == url
    assert query(url, "SELECT litres FROM kept") == [7]
