"""`make revision` begins a file that lint, upgrade and downgrade accept as it is, and that nobody may leave so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dairy_app.database import migrations
from tests.migrations.test_lint import squawk

TOP = Path(__file__).resolve().parents[2]
#: What the template asks for, each to be answered or replaced before the revision is shared.
ASKED = ("what the change is for", "what is locked, how", "what the downgrade gives", "DO $$ BEGIN NULL; END $$")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which a revision can be begun without touching this one."""
    shutil.copytree(TOP / "alembic", tmp_path / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "alembic.ini", "pyproject.toml", "setup.cfg", "dairy_app"):
        (tmp_path / name).symlink_to(TOP / name)
    return tmp_path


def run(checkout: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def make_revision(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    installed = checkout / "installed"  # without a blank or a quote, whatever is in the path of this checkout
    if not installed.exists():
        installed.symlink_to(Path(sys.prefix))
    return run(checkout, "make", "--old-file=.venv/installed-dev", "BIN=installed/bin", "revision", *arguments)


def test_a_revision_is_numbered_and_accepted_as_it_was_begun(checkout: Path, database_url: str) -> None:
    last, number = migrations.head(), migrations.next_number()
    assert last is not None
    done = make_revision(checkout, 'NAME=customers\' birthdays, "all" of them.')
    file = f"alembic/versions/{number}_customers_birthdays_all_of_them.py"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}\n", "")
    text = (checkout / file).read_text(encoding="utf-8")
    assert text.startswith('"""Customers\' birthdays, "all" of them.\n\nWhy: ')
    assert f'\nrevision = "{number}"\ndown_revision = "{last}"\n' in text
    assert all(words in text for words in ASKED)

    python = [sys.executable, "-m"]
    for check in (["ruff", "check", "--no-cache"], ["ruff", "format", "--no-cache", "--check"]):
        linted = run(checkout, *python, *check, file)
        assert linted.returncode == 0, linted.stdout
    dairy = [*python, "dairy_app.cli", "db"]
    printed = run(checkout, *dairy, "sql", "--from", last)
    assert "DO $$" in printed.stdout
    statements = [line for line in printed.stdout.splitlines() if "alembic_version" not in line]
    found = squawk("\n".join(statements))
    assert (found.returncode, found.stdout) == (0, "")

    for command, reached in ((["upgrade"], number), (["downgrade", last], last)):
        moved = run(checkout, *dairy, *command, DATABASE_URL=database_url)
        assert (moved.returncode, moved.stdout) == (0, f"the database is at revision {reached}\n"), moved.stderr
    assert migrations.current(database_url) == last


def test_a_revision_without_a_name_is_not_begun(checkout: Path) -> None:
    before = sorted((checkout / "alembic/versions").iterdir())
    done = make_revision(checkout)
    assert (done.returncode, done.stdout) == (2, "")
    assert "make revision NAME='" in done.stderr
    assert sorted((checkout / "alembic/versions").iterdir()) == before


@pytest.mark.parametrize("words", ASKED)
def test_no_revision_is_left_as_it_was_begun(words: str) -> None:
    assert words in (TOP / "alembic/script.py.mako").read_text(encoding="utf-8")
    revisions = sorted((TOP / "alembic/versions").glob("*.py"))
    assert len(revisions) >= 28
    assert [each.name for each in revisions if words in each.read_text(encoding="utf-8")] == []
