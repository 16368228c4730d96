"""The files of ``deploy/``: their commands are there, and what is installed does with them what a dairy needs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dairy_app.database import embedded_postgres
from dairy_app.database.transactions import WEB
from dairy_app.web.http import DairyFlask
from tests.command_line import run_command

DEPLOY = Path(__file__).parents[1] / "deploy"
sys.path.insert(0, str(DEPLOY))
import try_container  # noqa: E402 - the programs are no package

#: Seconds for a program that takes less than half a minute on a machine of its own.
PATIENCE = 600
#: Debian has some programs where only root looks.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin/pg_upgrade")
COMMANDS = sorted({
    match[1].split(" --")[0]
    for unit in (DEPLOY / "systemd").glob("*.service")
    for match in re.finditer(r"/opt/dairy/bin/dairy ([a-z -]+)", unit.read_text())
})  # fmt: skip


def test_the_units_are_found() -> None:
    assert {"serve", "outbox send", "webhooks send", "orders generate", "db backup"} <= set(map(str.strip, COMMANDS))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_a_unit_is_there(command: str) -> None:
    assert run_command(*command.split(), "--help").returncode == 0


def test_a_timer_has_its_service() -> None:
    timers = list((DEPLOY / "systemd").glob("*.timer"))
    assert len(timers) == 2
    assert all(each.with_suffix(".service").exists() for each in timers)


BUILT, IMAGE = try_container.stages((DEPLOY / "Containerfile").read_text())
IGNORED = (DEPLOY.parent / ".dockerignore").read_text()


def test_what_the_image_copies_is_there_and_let_through() -> None:
    copied = [each for name, words in BUILT if name == "COPY" for each in try_container.sources(words)]
    assert {"requirements.lock", "dairy_app", "alembic"} <= set(copied)
    assert [each for each in copied if not (DEPLOY.parent / each).exists()] == []
    assert [each for each in copied if not try_container.is_let_through(each, IGNORED)] == []
    assert try_container.is_let_through("dairy_app/database/sql/uuid7.sql", IGNORED)


@pytest.mark.parametrize(
    "path",
    [".git/config", ".env", ".dairy/postgres/PG_VERSION", "backup/dairy.dump", "all.dump", ".venv/bin/python", "tests",
     "deploy/systemd/dairy.service", "dairy_app/orders/__pycache__/rules.pyc"],
)  # fmt: skip
def test_what_is_no_part_of_the_program_does_not_get_into_an_image(path: str) -> None:
    assert not try_container.is_let_through(path, IGNORED)


def test_an_image_has_what_is_locked_and_no_secret() -> None:
    installs = [words for name, words in BUILT if name == "RUN" and "install" in words]
    assert all(
        "--require-hashes" in each or "--no-index" in each
        for words in installs for each in words.split("&&") if " install " in each
    )  # fmt: skip
    words = " ".join(each for stage in (BUILT, IMAGE) for name, each in stage if name in {"ENV", "ARG"})
    assert re.findall(r"SECRET|PASSWORD|TOKEN|DATABASE_URL", words) == []


def test_an_image_serves_as_nobody_in_particular() -> None:
    said = dict(IMAGE)
    assert [name for name, _ in IMAGE].index("USER") < [name for name, _ in IMAGE].index("ENTRYPOINT")
    user, group = said["USER"].split(":")
    assert user.isdigit() and group.isdigit() and user != "0" and group != "0"  # Kubernetes asks for a number
    command = [*json.loads(said["ENTRYPOINT"])[1:], *json.loads(said["CMD"])]
    assert run_command(command[0], "--help").returncode == 0
    assert command[command.index("--port") + 1] == said["EXPOSE"]


def test_the_health_check_asks_what_is_there(app: DairyFlask) -> None:
    found = re.search(r"127\.0\.0\.1:(\d+)(/[\w/]+)", dict(IMAGE)["HEALTHCHECK"])
    assert found is not None
    assert found[1] == dict(IMAGE)["EXPOSE"]
    assert found[2] == "/api/health/live"
    assert app.test_client().get(found[2]).status_code == 200


def keep(segment: Path, kept: Path) -> subprocess.CompletedProcess[str]:
    """What the server does with a segment that is complete."""
    return subprocess.run(
        [DEPLOY / "postgresql" / "archive-wal", segment, kept], capture_output=True, text=True, check=False
    )


def test_a_segment_is_kept_once_and_never_replaced(tmp_path: Path) -> None:
    segment, kept = tmp_path / "segment", tmp_path / "archive" / "000000010000000000000001"
    kept.parent.mkdir()
    segment.write_bytes(b"WAL")
    kept.with_name(f"{kept.name}.part").write_bytes(b"of a try that was killed")
    assert (keep(segment, kept).returncode, kept.read_bytes()) == (0, b"WAL")
    assert keep(segment, kept).returncode == 0  # the server died before it noted that it had archived it
    assert list(kept.parent.iterdir()) == [kept]
    segment.write_bytes(b"of another server")
    done = keep(segment, kept)
    assert (done.returncode, kept.read_bytes()) == (1, b"WAL")
    assert "is there already, with other content" in done.stderr


def test_a_segment_that_cannot_be_kept_is_not_said_to_be(tmp_path: Path) -> None:
    segment = tmp_path / "segment"
    segment.write_bytes(b"WAL")
    assert keep(segment, tmp_path / "not mounted" / "0001").returncode != 0
    assert keep(tmp_path / "none", tmp_path / "0001").returncode != 0
    assert not (tmp_path / "0001").exists()


def test_the_profile_of_pgbouncer_fits_the_limits_of_requests() -> None:
    """Who waits for a session is refused before the program gives up a statement, and a prepared one is never kept."""
    said = (DEPLOY / "pgbouncer" / "pgbouncer.ini").read_text()
    assert re.search(r"^pool_mode = transaction$", said, re.M)
    waits = re.search(r"^query_wait_timeout = ([0-9]+)$", said, re.M)
    assert waits is not None
    assert WEB.patience is not None
    assert 0 < int(waits[1]) < WEB.patience


def is_installed(*programs: str) -> bool:
    return all(shutil.which(each, path=PATH) for each in programs)


def has_the_former_program() -> bool:
    done = subprocess.run(["git", "rev-list", "--count", "HEAD"], cwd=DEPLOY, capture_output=True, text=True)
    return done.returncode == 0 and int(done.stdout) > 100


#: Each program in its short form, whether all that it needs is here, and what it needs.
PROGRAMS = [
    (["try_point_in_time.py", "mistake", "--short"], True, ""),
    (["try_replicas.py", "4"], (embedded_postgres.bin_dir() / "pg_basebackup").exists(), "pg_basebackup"),
    (["try_versions.py", "--seconds", "0.3"], has_the_former_program(), "the former program in git"),
    (["try_point_in_time.py", "disk", "--short"], True, ""),
    (["try_point_in_time.py", "pgbackrest", "--short"], is_installed("pgbackrest") and POSTGRES_15.exists(),
     "pgBackRest and PostgreSQL 15"),
    (["try_upgrade.py", "pg_upgrade", "--customers", "20"], POSTGRES_15.exists(), "PostgreSQL 15"),
    (["try_proxies.py", "nginx"], is_installed("nginx"), "nginx"),
    (["try_proxies.py", "caddy"], is_installed("caddy"), "Caddy"),
    (["try_pooling.py", "5"], is_installed("pgbouncer"), "PgBouncer"),
    (["try_failover.py", "5", "short"], is_installed("patroni", "etcd") and POSTGRES_15.exists(),
     "Patroni, etcd and PostgreSQL 15"),
]  # fmt: skip
#: So many of them are run with all other tests; each of the others takes up a minute of it, and `make test-deployments`
#: runs them.
ALWAYS = 1


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize(
    ("place", "command", "is_here", "needs"),
    [(place, *each) for place, each in enumerate(PROGRAMS)],
    ids=["-".join(each[0][:2]) for each in PROGRAMS],
)
def test_a_program_finds_nothing_wrong(place: int, command: list[str], is_here: object, needs: str) -> None:
    if place >= ALWAYS and not os.environ.get("DEPLOYMENTS"):
        pytest.skip("make test-deployments")
    if not is_here:
        pytest.skip(f"{needs}: not installed")
    done = subprocess.run(
        [sys.executable, DEPLOY / command[0], *command[1:]],
        capture_output=True,
        text=True,
        timeout=PATIENCE - 20,
        env={**os.environ, "DAIRY_READ_LAG": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
