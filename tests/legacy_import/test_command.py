"""``dairy import-mongo`` as its operator sees it, and an import that must not be kept."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dairy_app import cli, legacy_import
from dairy_app.database import migrations
from dairy_app.database.transactions import Database
from dairy_app.legacy_import.queries.report import FATES, WORDS
from dairy_app.legacy_import.reading.dumps import UnreadableDump, open_dump
from dairy_app.legacy_import.service.importing import ImportDoesNotBalance, import_dump
from tests.constraints import bare, refuses  # noqa: F401 - a fixture
from tests.legacy_import.dumps import MILK, WrittenDump, item
from tests.races import at_once

pytestmark = pytest.mark.slow

TABLES = ("users", "customers", "products", "orders", "invoices", "delivery_statuses", "import_quarantine", "areas")


@pytest.fixture
def dump() -> WrittenDump:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    dump.order("ord_1", "u1", item(MILK, 2))
    dump.order("ord_2", "gone")
    dump.delivery("ord_1", "c1")
    return dump


@pytest.fixture
def dairy(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``dairy …`` against this test's database; returns the exit code."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return run


def rows(sql: Any) -> dict[str, int]:
    return {table: sql(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def test_it_imports_prints_and_writes_its_report(
    dump: WrittenDump, dairy: Any, sql: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    assert dairy("import-mongo", str(dump.write(tmp_path)), "--report", str(report)) == 0
    printed = capsys.readouterr()
    assert "delivery_statuses" in printed.out and "111.00" in printed.out and "customer_unresolved" in printed.out
    assert "6 documents written; documents and money balance." in printed.out
    assert printed.err == ""
    written = json.loads(report.read_text())
    assert written["balanced"] is True
    assert written["collections"]["orders"]["written"] == written["collections"]["orders"]["quarantined"] == 1
    assert written["money"] == [
        {"customer": "c1", "month": "2026-09", "paper": "draft", "orders": 1, "before": "111.00", "after": "111.00"}
    ]
    assert rows(sql)["orders"] == 1


def test_a_dry_run_says_the_same_and_keeps_nothing(
    dump: WrittenDump, dairy: Any, sql: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(dump.write(tmp_path))
    assert dairy("import-mongo", path, "--dry-run", "--json") == 0
    dry = json.loads(capsys.readouterr().out)
    assert set(rows(sql).values()) == {0}
    assert dairy("import-mongo", path, "--json") == 0
    real = json.loads(capsys.readouterr().out)
    assert dry.pop("dry_run") is True and real.pop("dry_run") is False
    assert dry == real


def test_a_cut_file_is_one_line_and_nothing_is_imported(
    dump: WrittenDump, dairy: Any, sql: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = dump.write(tmp_path)
    file = path / "earlybird_delivery" / "delivery_statuses.bson"
    file.write_bytes(file.read_bytes()[:-5])
    assert dairy("import-mongo", str(path)) == 1
    printed = capsys.readouterr()
    orders = len(dump.collections["orders"])
    assert re.search(rf"^│ orders +│ +{orders} │$", printed.out, re.M), "what was read before is told"
    assert printed.out.endswith("The dump cannot be read to its end: nothing was kept.\n")
    assert "delivery_statuses.bson cannot be read after document 0" in printed.err and printed.err.count("\n") == 1
    assert set(rows(sql).values()) == {0}
    report = tmp_path / "report.json"
    assert dairy("import-mongo", str(path), "--json", "--report", str(report)) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["balanced"], told["collections"]["orders"]["read"], len(told["findings"])) == (False, orders, 1)
    assert json.loads(report.read_text()) == told


@pytest.mark.parametrize(("path", "code"), [("nowhere", 2), (".", 1)])
def test_a_path_without_a_dump_is_one_line(
    dairy: Any, tmp_path: Path, path: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dairy("import-mongo", str(tmp_path / path)) == code
    assert capsys.readouterr().err.count("\n") == 1


def test_an_import_whose_money_does_not_balance_is_not_kept(
    dump: WrittenDump, dairy: Any, sql: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trigger that nobody remembers rounds prices: the sums differ, so the import must not stay."""
    sql("""
        CREATE FUNCTION round_prices() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.unit_price := round(NEW.unit_price); RETURN NEW; END $$;
        CREATE TRIGGER round_prices BEFORE INSERT ON order_items FOR EACH ROW EXECUTE FUNCTION round_prices()""")
    assert dairy("import-mongo", str(dump.write(tmp_path))) == 1
    printed = capsys.readouterr()
    assert "customer c1, 2026-09, on drafts: 111.00 rupees (1 orders) in the dump, 112.00 (1) written" in printed.err
    assert "nothing was kept" in printed.out
    assert set(rows(sql).values()) == {0}


def test_a_document_that_vanishes_on_the_way_is_noticed(
    dump: WrittenDump, database: Database, sql: Any, tmp_path: Path
) -> None:
    sql("""
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER lose BEFORE INSERT ON import_quarantine FOR EACH ROW EXECUTE FUNCTION lose()""")
    with pytest.raises(ImportDoesNotBalance) as refused, database.transaction() as session:
        import_dump(session, open_dump(dump.write(tmp_path)))
    assert refused.value.report.findings() == ["orders: 2 documents read, 1 accounted for"]
    assert set(rows(sql).values()) == {0}


def test_large_collections_are_staged_in_pieces(database: Database, sql: Any, tmp_path: Path) -> None:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    for n in range(5001):
        dump.order(f"ord_{n}", "u1", item(MILK, 1), on=f"2026-09-{n % 30 + 1:02d}")
    steps: list[tuple[str, int]] = []
    with database.transaction() as session:
        import_dump(session, open_dump(dump.write(tmp_path)), lambda *step: steps.append(step))
    assert [done for step, done in steps if step == "orders"] == [0, 5000, 1]
    assert sql("SELECT count(*), sum(delivered_quantity)::int FROM order_items") == [(5001, 5001)]


def test_a_failure_after_the_first_tables_leaves_nothing(database: Database, sql: Any, tmp_path: Path) -> None:
    dump = WrittenDump()
    dump.customer("c1", user="u1")
    path = dump.write(tmp_path)
    (path / "earlybird_delivery" / "delivery_status.bson").write_bytes(b"\x01")
    with pytest.raises(UnreadableDump), database.transaction() as session:
        import_dump(session, open_dump(path))
    assert set(rows(sql).values()) == {0}


def test_of_two_imports_at_once_the_second_waits_and_writes_nothing(
    dump: WrittenDump, database: Database, database_url: str, sql: Any, tmp_path: Path
) -> None:
    path = dump.write(tmp_path)

    def take() -> int:
        with database.transaction() as session:
            return import_dump(session, open_dump(path)).written

    written = at_once(database_url, "SELECT pg_advisory_xact_lock(hashtext('import-mongo'))", take, take)
    assert sorted(written) == [0, 6]
    assert rows(sql)["orders"] == rows(sql)["import_quarantine"] == 1


def test_every_reason_and_remark_has_words_for_people() -> None:
    """Codes stand in the shapes and in the SQL of judging; the report explains each."""
    sources = [file.read_text() for file in Path(legacy_import.__file__).parent.rglob("*.py")]
    written = set().union(*(re.findall(r"(?:refuse|remark)\(\"([a-z_]+)\"", source) for source in sources))
    judged = set().union(
        *(re.findall(r"(?:THEN|ELSE|remarks,|reason =) '([a-z]+_[a-z_]+)'", source) for source in sources)
    )
    fates = {fate for fate, _ in FATES} | {"partially_delivered", "one_time"}
    assert len(written) > 10 and len(judged) > 20
    assert (written | judged) - fates - set(WORDS) == set()


def test_a_downgrade_does_not_throw_waiting_documents_away(
    dump: WrittenDump, dairy: Any, sql: Any, tmp_path: Path, database_url: str
) -> None:
    assert dairy("import-mongo", str(dump.write(tmp_path))) == 0
    migrations.downgrade(database_url, "0008", allow_data_loss=True)  # the audit log knows of the import
    with pytest.raises(migrations.MigrationFailed, match="wait in quarantine"):
        migrations.downgrade(database_url, "0007")
    sql("UPDATE import_quarantine SET resolved_at = now()")
    migrations.downgrade(database_url, "0007")
    assert sql("SELECT to_regclass('import_quarantine')") == [(None,)]


DOCUMENT = "INSERT INTO import_quarantine (collection, legacy_id, reason, document, content_hash) VALUES {row}"


def test_the_quarantine_holds_a_document_once_and_always_with_a_reason(bare: Any) -> None:  # noqa: F811
    one = DOCUMENT.format(row="('orders', 'ord_1', 'status_unknown', '{}', 'x')")
    assert refuses(bare, one, one) == "uq_import_quarantine_collection_legacy_id_content_hash"
    assert refuses(bare, one, one.replace("'x'", "'y'")) is None
    nameless = one.replace("status_unknown", "")
    assert refuses(bare, "SELECT 1", nameless) == "ck_import_quarantine_reason_length"
