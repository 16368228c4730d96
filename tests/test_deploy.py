"""The files of ``deploy/``: their commands are there, and what is installed does with them what a dairy needs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import run_command

DEPLOY = Path(__file__).parents[1] / "deploy"
#: Seconds for a programme that takes less than half a minute on a machine of its own.
PATIENCE = 600
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


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_behind_a_proxy(proxy: str) -> None:
    if shutil.which(proxy) is None:
        pytest.skip(f"{proxy} is not installed")
    tried("try_proxies.py", proxy)


def tried(programme: str, *arguments: str) -> None:
    """It finds nothing wrong. It may take minutes on a machine that is busy."""
    done = subprocess.run(
        [sys.executable, DEPLOY / programme, *arguments], capture_output=True, text=True, timeout=PATIENCE - 20
    )
    assert done.returncode == 0, done.stdout + done.stderr


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


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize("what", ["mistake", "disk", "pgbackrest"])
def test_a_server_comes_back_from_its_archive(what: str) -> None:
    if what == "pgbackrest" and (shutil.which(what) is None or not POSTGRES_15.exists()):
        pytest.skip("pgBackRest or PostgreSQL 15 is not installed")
    tried("try_point_in_time.py", what, "--short")


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
def test_a_filled_database_is_upgraded_from_15() -> None:
    if not POSTGRES_15.exists():
        pytest.skip("PostgreSQL 15 is not installed")
    tried("try_upgrade.py", "pg_upgrade", "--customers", "20")
