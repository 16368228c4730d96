"""squawk reads the SQL of all revisions and knows what hurts a running server: long locks, rewrites."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dairy_app.database import migrations

NOT_ASKED = (
    # Where a revision is one transaction it runs whole or not at all: IF NOT EXISTS would only hide a surprise.
    "prefer-robust-stmts",
    # Keys are uuid or bigint; what is integer or smallint is a count or a number with a CHECK on its range.
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    # lock_timeout keeps others from waiting; a backfill itself may take its time.
    "require-statement-timeout",
)

#: The revisions that replace the MongoDB scripts run at the cut-over, while nobody is served …
LAST_OF_THE_CUT_OVER = "0006"
#: … so there a table may be locked while it is checked, rewritten or indexed. Later ones get no such leave.
MAY_LOCK = (
    "adding-field-with-default",
    "adding-not-nullable-field",
    "ban-drop-constraint",  # one that an attempt which was cut short has added
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
)


def squawk(sql: str, *excluded: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("squawk", path=str(Path(sys.executable).parent))
    assert program is not None
    leave = [f"--exclude={rule}" for rule in (*NOT_ASKED, *excluded)]
    return subprocess.run(
        [program, "--pg-version=15", "--stdin-filepath=revisions.sql", "--reporter=gcc", *leave],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )


def our_sql(first: str, last: str) -> str:
    """The revisions without Alembic's own table, whose shape is not ours to choose."""
    sql = re.sub(r"CREATE TABLE alembic_version \(.*?\);", "", migrations.sql(first, last), flags=re.DOTALL)
    return "\n".join(line for line in sql.splitlines() if "alembic_version" not in line)


def test_squawk_finds_nothing_in_the_revisions_of_the_cut_over() -> None:
    done = squawk(our_sql("base", LAST_OF_THE_CUT_OVER), *MAY_LOCK)
    assert (done.returncode, done.stdout) == (0, "")


def test_squawk_finds_nothing_in_the_revisions_since() -> None:
    done = squawk(our_sql(LAST_OF_THE_CUT_OVER, "head"))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("ALTER TABLE orders ADD COLUMN mood varchar(10)", "prefer-text-field"),
        ("ALTER TABLE orders ADD CONSTRAINT ck CHECK (true)", "constraint-missing-not-valid"),
        ("CREATE INDEX ix ON orders (notes)", "require-concurrent-index-creation"),
        ("ALTER TABLE orders ADD COLUMN at timestamp", "prefer-timestamp-tz"),
        ("ALTER TABLE orders ALTER COLUMN notes TYPE varchar", "changing-column-type"),
    ],
)
def test_squawk_is_awake(statement: str, rule: str) -> None:
    done = squawk(f"{our_sql(LAST_OF_THE_CUT_OVER, 'head')}\n{statement};\n")
    assert done.returncode == 1
    assert rule in done.stdout
