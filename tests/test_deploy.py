"""The files of ``deploy/``: their commands are there, and proxies and replicas do what a dairy needs of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dairy_app.database import embedded_postgres
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


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_with_a_replica_that_stands_still_and_goes_away() -> None:
    if not (embedded_postgres.bin_dir() / "pg_basebackup").exists():
        pytest.skip("there is no pg_basebackup")
    done = subprocess.run(
        [sys.executable, DEPLOY / "try_replicas.py", "4"],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "DAIRY_READ_LAG": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
