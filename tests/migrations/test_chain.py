"""The chain of revisions: one line, numbered, explained, and every step can be taken back."""

import re
import subprocess

import pytest
from alembic.script import Script, ScriptDirectory

from dairy_app.database import backups, migrations, structure
from tests.conftest import Server

pytestmark = pytest.mark.slow


def revisions() -> list[Script]:
    directory = ScriptDirectory.from_config(migrations.configuration())
    return list(directory.walk_revisions())[::-1]


def test_the_chain_is_one_line_numbered_without_gaps() -> None:
    numbers = [each.revision for each in revisions()]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
    assert [each.down_revision for each in revisions()] == [None, *numbers[:-1]]
    assert migrations.numbers() == numbers, "which are there is read from the names of the files alone"
    assert len(numbers) >= 7


@pytest.mark.parametrize("revision", revisions(), ids=lambda each: each.revision)
def test_a_revision_says_why_what_it_locks_and_what_undo_loses(revision: Script) -> None:
    assert revision.doc.strip()
    for section in ("Why:", "Locks:", "Undo:"):
        assert re.search(rf"^{section} *\S", revision.module.__doc__ or "", re.MULTILINE), section


def checked(built: structure.Structure) -> structure.Structure:
    """As if all rows were checked: undoing 0013 does not forget that old rows were found to obey."""
    return {name: definition.removesuffix(" NOT VALID") for name, definition in built.items()}


@pytest.mark.usefixtures("revisions_are_read_once")
def test_each_revision_can_be_taken_back_and_run_again(server: Server) -> None:
    url = server.create_database()
    with migrations.connect(url, autocommit=True) as connection:
        # Taking one back leaves the extensions: they may have been there for somebody else.
        connection.exec_driver_sql("CREATE EXTENSION btree_gist")
        connection.exec_driver_sql("CREATE EXTENSION pg_trgm")
    before = structure.read_from(url)
    for number in migrations.numbers():
        migrations.upgrade(url, number)
        after = structure.read_from(url)
        migrations.downgrade(url, f"{number}-1" if number == "0001" else f"{int(number) - 1:04d}")
        undone = structure.read_from(url)
        assert structure.differences(checked(undone), f"after undoing {number}", checked(before), "before") == []
        migrations.upgrade(url, number)
        assert structure.differences(structure.read_from(url), f"second {number}", after, "first") == []
        before = after
    server.drop_database(url)


def test_the_printed_sql_builds_what_the_upgrade_builds(server: Server, database_url: str) -> None:
    url = server.create_database()
    address, environment = backups.libpq(url)
    done = subprocess.run(
        [backups.tools_for(url) / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", address],
        input=migrations.sql(),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert migrations.current(url) == migrations.head()
    printed, run = structure.read_from(url), structure.read_from(database_url)
    assert structure.differences(printed, "printed", run, "run") == []
    server.drop_database(url)
