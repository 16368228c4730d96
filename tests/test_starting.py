"""What a start loads, and what it leaves alone: every command and every server pays for it.

Counted in modules, which no busy machine changes, instead of in seconds.
"""

import gc
import json
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from dairy_app import app, cli, serving
from dairy_app.common.loading import loading
from tests.command_line import run_command
from tests.conftest import psycopg_dsn

#: Steps of one process, each after those before it.
STEPS = """
import json, sys
loaded = {}
from dairy_app import cli
loaded["cli"] = sorted(sys.modules)
try:
    cli.main(["db", "current"])
except SystemExit as end:
    assert end.code == 0, end.code
loaded["db current"] = sorted(sys.modules)
from dairy_app import app
loaded["app"] = sorted(sys.modules)
print(json.dumps(loaded))
"""
#: What only some requests and commands need: revisions, PDF, workbooks, the earlier system's dumps, chosen passwords.
FOR_FEW = {"alembic", "mako", "reportlab", "PIL", "uharfbuzz", "openpyxl", "bson", "pymongo", "zxcvbn"}
FOR_REQUESTS = {"flask", "werkzeug", "marshmallow", "structlog", "apispec", "rich", "dairy_app.models"}
#: Step → what it does not load, and the most modules that it does (when this was written: 117, 406 and 1168).
LEFT_ALONE = {
    "cli": (FOR_FEW | FOR_REQUESTS | {"sqlalchemy", "psycopg2"}, 200),
    "db current": (FOR_FEW | FOR_REQUESTS, 520),
    "app": (FOR_FEW | {"dairy_app.sending.senders", "dairy_app.events.service.posting"}, 1250),
}


def test_a_start_loads_only_what_it_needs(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": psycopg_dsn(database_url)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    for step, (unwanted, most) in LEFT_ALONE.items():
        packages = {module.partition(".")[0] for module in loaded[step]} | set(loaded[step])
        assert (step, packages & unwanted) == (step, set())
        assert len(loaded[step]) <= most, step


def test_what_is_loaded_is_not_looked_through_for_garbage_and_what_comes_later_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert gc.isenabled()
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, before), "a command in a process that has it loaded"
    held = [[]]  # something that the collector looks at
    with pytest.raises(ImportError), loading():
        monkeypatch.setitem(sys.modules, "something_new", gc)
        raise ImportError
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    assert all(each is not held for each in gc.get_objects())


def test_the_application_is_made_once_and_neither_connects_nor_starts_threads(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had, all the processes that are forked then would share."""
    made = []

    def create_app(*arguments: Any) -> Any:
        made.append(app.create_app(*arguments))
        return made[-1]

    def instead_of_forking(parent: serving.Workers) -> None:
        threads.append(set(threading.enumerate()))
        parent._listener.close()

    threads = [set(threading.enumerate())]
    monkeypatch.setattr(serving, "create_app", create_app)
    monkeypatch.setattr(serving.Workers, "run", instead_of_forking)
    settings = {"DATABASE_URL": psycopg_dsn(database_url), "DAIRY_SECRET_KEY": "k" * 32}
    done = run_command("serve", "--workers", "2", "--port", "0", **settings)
    assert (done.returncode, done.stderr) == (0, "")
    (application,) = made
    pool = application.database.engine.pool
    assert (pool.checkedin(), pool.checkedout(), "probe" in vars(application.database)) == (0, 0, False)
    before, after = threads
    assert after <= before


#: Loads a command as it is called, and lists the foreign keys that do not find their table.
RESOLVED = """
import sys
import click
from dairy_app import cli
cli.root.get_command(click.Context(cli.root), sys.argv[1])
from dairy_app.database.models import Base
known = set(Base.metadata.tables)
print(sorted({str(key.target_fullname) for table in Base.metadata.tables.values() for key in table.foreign_keys
    if key.target_fullname.partition(".")[0] not in known}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(set(cli.COMMANDS) - cli.WITHOUT_ROWS))
def test_a_command_knows_every_table_that_its_rows_point_at(command: str) -> None:
    done = subprocess.run([sys.executable, "-c", RESOLVED, command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
