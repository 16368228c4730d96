"""The files of ``deploy/``: their commands are there, and with what is installed they do what a dairy needs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dairy_app.database.transactions import WEB
from tests.command_line import run_command

DEPLOY = Path(__file__).parents[1] / "deploy"
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
@pytest.mark.timeout(300)
@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_behind_a_proxy(proxy: str) -> None:
    if shutil.which(proxy) is None:
        pytest.skip(f"{proxy} is not installed")
    done = subprocess.run(
        [sys.executable, DEPLOY / "try_proxies.py", proxy], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr


#: Debian has some of these where only root looks.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def test_the_profile_of_pgbouncer_fits_the_limits_of_requests() -> None:
    """Who waits for a session is refused before the program gives up a statement, and a prepared one is never kept."""
    said = (DEPLOY / "pgbouncer" / "pgbouncer.ini").read_text()
    assert re.search(r"^pool_mode = transaction$", said, re.M)
    waits = re.search(r"^query_wait_timeout = ([0-9]+)$", said, re.M)
    assert waits is not None
    assert WEB.patience is not None
    assert 0 < int(waits[1]) < WEB.patience


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_behind_pgbouncer() -> None:
    if shutil.which("pgbouncer", path=PATH) is None:
        pytest.skip("pgbouncer is not installed")
    done = subprocess.run([sys.executable, DEPLOY / "try_pooling.py", "5"], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_primary_is_killed() -> None:
    lacking = [each for each in ("patroni", "etcd") if shutil.which(each) is None]
    lacking += [] if list(Path("/usr/lib/postgresql").glob("*/bin/postgres")) else ["PostgreSQL of Debian"]
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    command = [sys.executable, DEPLOY / "try_failover.py", "5", "short"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=380)
    assert done.returncode == 0, done.stdout + done.stderr
