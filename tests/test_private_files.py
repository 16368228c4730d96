"""Whatever a command writes with names or amounts in it is for its owner's eyes: files 0600, folders it makes 0700."""

import os
import stat
import threading
from pathlib import Path

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.dairy import ok

__all__ = ["living"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def billed(living: LivingDairy, database_url: str) -> str:
    """The address of a dairy with one bill, and everybody may read what is written without a second thought."""
    living.go_to("2026-10-05")
    ok(living.confirm(living.order(living.customer(), (living.product("60.00"), "3"))))
    living.go_to("2026-11-01")
    living.bill("2026-10")
    return psycopg_dsn(database_url)


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("db backup {}/dairy.dump", "dairy.dump"),
        ("export invoice-register --period 2026-10 -o {}/register.csv", "register.csv"),
        ("export ledger --period 2026-10 --format xlsx -o {}/ledger.xlsx", "ledger.xlsx"),
        ("invoices pdf --period 2026-10 -o {}/invoices", "invoices"),
        ("import-mongo {}/dump --report {}/import.json", "import.json"),
    ],
)
def test_what_a_command_writes(billed: str, tmp_path: Path, command: str, written: str) -> None:
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "products.json").write_text("[]")
    before = os.umask(0o022)
    try:
        if not written.endswith("dump") and written != "invoices":
            (tmp_path / written).touch(0o644)  # an older one that everybody could read is replaced
        done = run_command(*command.format(tmp_path, tmp_path).split(), DATABASE_URL=billed)
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    made = tmp_path / written
    assert mode(made) == (0o700 if made.is_dir() else 0o600)
    inside = list(made.iterdir()) if made.is_dir() else []
    assert {mode(each) for each in inside} <= {0o600}
    assert bool(inside) == made.is_dir()


def test_a_backup_is_private_while_it_is_written(billed: str, tmp_path: Path) -> None:
    before = os.umask(0o022)
    seen, ended = set(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            for each in tmp_path.iterdir():
                try:
                    seen.add(mode(each))
                except FileNotFoundError:
                    continue

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        done = run_command("db", "backup", tmp_path / "dairy.dump", DATABASE_URL=billed)
    finally:
        ended.set()
        watching.join()
        os.umask(before)
    assert (done.returncode, seen) == (0, {0o600})
