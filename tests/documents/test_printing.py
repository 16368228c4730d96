"""``dairy invoices pdf``: a file a number, taken up where it stopped, whatever the number of processes."""

from pathlib import Path
from typing import Any

import pytest

from dairy_app.documents.service import printing
from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.dairy import ok
from tests.documents.conftest import Bills
from tests.statements import count_statements


def print_all(url: str, folder: Path, *more: str) -> str:
    done = run_command("invoices", "pdf", "--period", "2026-10", "-o", folder, *more, DATABASE_URL=psycopg_dsn(url))
    assert done.returncode == 0, done.stderr
    return done.stdout.removeprefix(f"{folder}: ").strip()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_document_of_the_month_is_a_file(bills: Bills, database_url: str, tmp_path: Path) -> None:
    one = bills.bill()
    ok(bills.admin.post(f"/invoices/{one['id']}/void", {"reason": "Wrong price"}))
    bills.dairy.bill("2026-10", confirm=True)
    folder = tmp_path / "new" / "folder"
    assert print_all(database_url, folder) == "2 written, 0 were there"
    assert names(folder) == ["INV-2627-0000001.pdf", "INV-2627-0000002.pdf"]
    shown = bills.pdf(one)
    assert (folder / "INV-2627-0000001.pdf").read_bytes().startswith(shown)
    assert (folder / "INV-2627-0000001.pdf").stat().st_mode & 0o777 == 0o600
    assert print_all(database_url, folder) == "0 written, 2 were there"


def test_what_changed_or_broke_is_written_anew(bills: Bills, database_url: str, tmp_path: Path) -> None:
    bills.bill()
    assert print_all(database_url, tmp_path) == "1 written, 0 were there"
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert print_all(database_url, tmp_path) == "1 written, 0 were there"
    assert file.read_bytes() == whole
    file.write_bytes(b"")
    assert print_all(database_url, tmp_path) == "1 written, 0 were there"
    assert print_all(database_url, tmp_path, "--language", "hi") == "1 written, 0 were there"
    assert file.read_bytes() != whole
    bills.pay("1.00")
    assert print_all(database_url, tmp_path) == "1 written, 0 were there"
    assert names(tmp_path) == [file.name]


@pytest.mark.slow
def test_several_processes_write_the_same(
    bills: Bills, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their clock is the real one, so what is due is told as of another day; what was issued is the same."""
    monkeypatch.setattr(printing, "CHUNK", 1)
    bills.bill()
    bills.bill()
    assert print_all(database_url, tmp_path, "--jobs", "2") == "2 written, 0 were there"
    assert names(tmp_path) == ["INV-2627-0000001.pdf", "INV-2627-0000002.pdf"]


def test_a_month_without_documents_is_an_empty_folder(bills: Bills, database_url: str, tmp_path: Path) -> None:
    assert print_all(database_url, tmp_path) == "0 written, 0 were there"


def test_documents_are_read_as_a_set(bills: Bills, database_url: str, tmp_path: Path) -> None:
    milk, _ = bills.goods()
    sent = []
    for count in (2, 4):
        people = [bills.dairy.customer() for _ in range(count)]
        for person in people:
            bills.dairy.delivered(person, (milk, "1"), on="2026-10-02")
        bills.person = people[0]
        bills.issue()
        folder = tmp_path / str(count)
        folder.mkdir()
        database = bills.dairy.app.database
        with count_statements(database) as statements:
            done = list(printing.print_period(database, database_url, "2026-10", folder, jobs=1, language=None))
        assert len(done) == 1
        sent.append(len(statements))
    assert sent[0] == sent[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--period", "2026-13", "-o", "x"), "'2026-13' does not match the format"),
        (("--period", "2026-10"), "Missing option '-o'"),
    ],
)
def test_wrong_use_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = run_command("invoices", "pdf", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr


def test_a_folder_that_cannot_be_made_is_one_line(bills: Bills, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    where = str(tmp_path / "file" / "below")
    done = run_command("invoices", "pdf", "--period", "2026-10", "-o", where, DATABASE_URL=psycopg_dsn(database_url))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot make" in done.stderr


def test_a_document_that_cannot_be_drawn_is_named_and_holds_nobody_up(
    bills: Bills, database_url: str, tmp_path: Path, sql: Any
) -> None:
    """One whose seller got lost (a hand in the database), between two that are whole."""
    milk, _ = bills.goods()
    people = [bills.dairy.customer() for _ in range(3)]
    for person in people:
        bills.dairy.delivered(person, (milk, "1"), on="2026-10-02")
    bills.person = people[0]
    bills.issue()
    damaged, drawn = "INV/2627/0000002", ["INV-2627-0000001.pdf", "INV-2627-0000003.pdf"]
    sql("SET session_replication_role = replica")
    sql("UPDATE invoices SET snapshot = snapshot #- '{seller,business_name}' WHERE number = %s", damaged)
    done = run_command("invoices", "pdf", "--period", "2026-10", "-o", tmp_path, DATABASE_URL=psycopg_dsn(database_url))
    ((invoice_id,),) = sql("SELECT id::text FROM invoices WHERE number = %s", damaged)
    assert done.returncode == 1
    assert f"{invoice_id} could not be drawn: KeyError: 'business_name'" in done.stderr
    assert "2 written, 0 were there" in done.stdout
    assert names(tmp_path) == drawn


def test_a_document_whose_picture_fails_is_named_by_its_number(
    bills: Bills, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bills.bill()
    bills.bill()
    drawing = printing.pdf.draw

    def failing(document: Any, t: Any) -> bytes:
        if document.number.endswith("1"):
            raise ValueError("no room")
        return drawing(document, t)

    monkeypatch.setattr(printing.pdf, "draw", failing)
    done = run_command("invoices", "pdf", "--period", "2026-10", "-o", tmp_path, DATABASE_URL=psycopg_dsn(database_url))
    assert (done.returncode, names(tmp_path)) == (1, ["INV-2627-0000002.pdf"])
    assert "INV/2627/0000001 could not be drawn: ValueError: no room" in done.stderr
