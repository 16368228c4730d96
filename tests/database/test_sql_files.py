"""The files of SQL: one object each, linted, and checked by plpgsql_check on a server that has it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dairy_app.common.errors import CODES
from dairy_app.database import ddl
from tests.migrations.test_lint import squawk

PRODUCT = Path(ddl.__file__).parent.parent
FILES = sorted(PRODUCT.glob("*/sql/*.sql"))
MADE = re.compile(r"^CREATE (?:CONSTRAINT )?(FUNCTION|VIEW|AGGREGATE|TRIGGER) (\w+)", re.MULTILINE)
#: Of this much a file consists: what it makes, the triggers that call it, and what these need beforehand.
STATEMENT = re.compile(r"^(CREATE (?:CONSTRAINT )?(?:FUNCTION|VIEW|AGGREGATE|TRIGGER|EXTENSION)|REVOKE) ", re.MULTILINE)


def test_there_are_as_many_files_as_the_loader_reads() -> None:
    assert len(FILES) > 50
    assert {path for path in FILES if not path.name.endswith(".include.sql")} == {
        PRODUCT / each.package / "sql" / f"{each.name}.sql" for each in ddl.files()
    }


@pytest.mark.parametrize("each", ddl.files(), ids=lambda each: each.name)
def test_a_file_is_named_as_the_object_it_makes(each: ddl.SqlFile) -> None:
    made = MADE.findall(each.sql)
    objects = [name for kind, name in made if kind != "TRIGGER"]
    if objects:
        assert objects == [each.name]
        assert set(re.findall(r"EXECUTE FUNCTION (\w+)", each.sql)) <= {each.name}, (
            "a trigger lies with the function it calls"
        )
    else:
        assert each.name.startswith("tr_"), "triggers of a function of another package"
    starts = [each.sql[found.start() :] for found in STATEMENT.finditer(each.sql)]
    assert each.sql.startswith(starts[0][:20]), "nothing but these statements"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_head_of_a_file_says_why(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = [line for line in text.splitlines() if line.startswith("--")]
    assert head or path.stem == "tr_never_truncated"
    assert max(len(line) for line in text.splitlines() if "(UPI|IMPS|" not in line) <= 120
    assert "\t" not in text and not re.search(r"[ ]+$", text, re.MULTILINE) and text.endswith("\n")


def test_what_a_file_refuses_with_is_raised_in_it_and_is_a_code() -> None:
    for each in ddl.files():
        assert set(each.codes.values()) <= CODES.keys(), each.name
        assert set(each.codes) == set(re.findall(r"CONSTRAINT = '(\w+)'", each.sql)), each.name


def test_squawk_finds_nothing_in_the_files() -> None:
    done = squawk("SET lock_timeout = '5s';\n" + "\n".join(each.sql for each in ddl.files()))
    assert (done.returncode, done.stdout) == (0, "")


#: A function that branches by table or operation is checked with each of its triggers: what is wrong is wrong with all
#: of them. Plain warnings are of literals that are cast.
CHECKED = """
    SELECT p.proname, m.lineno, m.message
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
    LEFT JOIN pg_trigger t ON t.tgfoid = p.oid AND NOT t.tgisinternal AND t.tgrelid <> 0
    CROSS JOIN LATERAL plpgsql_check_function_tb(p.oid, coalesce(t.tgrelid, 0), oldtable => t.tgoldtable,
        newtable => t.tgnewtable) m
    WHERE p.pronamespace = 'public'::regnamespace AND m.level IN ('error', 'warning extra')
    GROUP BY p.oid, p.proname, m.lineno, m.message
    HAVING count(DISTINCT t.oid) = (SELECT count(*) FROM pg_trigger WHERE tgfoid = p.oid) ORDER BY 1, 2"""


def test_plpgsql_check_finds_nothing(sql: Callable[..., Any]) -> None:
    if not sql("SELECT name FROM pg_available_extensions WHERE name = 'plpgsql_check'"):
        pytest.skip("this server has no plpgsql_check")
    sql("CREATE EXTENSION plpgsql_check")
    assert sql(CHECKED) == []
    sql("""
        CREATE FUNCTION broken() RETURNS void LANGUAGE plpgsql AS $$
        DECLARE unused integer;
        BEGIN
            PERFORM FROM orders WHERE nomber = 1;
        END $$""")
    found = {(name, message) for name, _, message in sql(CHECKED)}
    assert ("broken", 'column "nomber" does not exist') in found
