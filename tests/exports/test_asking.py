"""Who may export, and what is refused before the first byte."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import run_command
from tests.dairy import Dairy, ok, refused
from tests.exports.books import Books

OCTOBER = {"period": "2026-10"}
#: Those that take ``bom``, and those that are no text of ours.
TEXTS = [
    "/exports/invoice-register.csv",
    "/exports/gstr1/b2b.csv",
    "/exports/gstr1.zip",
    "/exports/ledger.manifest.json",
]
PATHS = [*TEXTS, "/exports/invoice-lines.xlsx", "/exports/tally.xml", "/exports/tally-masters.xml"]


@pytest.mark.parametrize("path", PATHS)
def test_only_admin_and_accountant_export(dairy: Dairy, path: str) -> None:
    assert dairy.admin.get(path, **OCTOBER).status_code == 200
    assert dairy.staff("accountant").get(path, **OCTOBER).status_code == 200
    refused(dairy.staff("marketing_staff").get(path, **OCTOBER), 403, "forbidden")
    refused(dairy.staff("delivery_boy").get(path, **OCTOBER), 403, "forbidden")
    refused(dairy.customer_login()[1].get(path, **OCTOBER), 403, "forbidden")
    refused(dairy.nobody.get(path, **OCTOBER), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "/query/period"),
        ({"period": "banana"}, "/query/period"),
        ({"period": "2026-13"}, "/query/period"),
        ({"from": "2026-10-01"}, "/query/period"),
        ({"to": "2026-10-01"}, "/query/period"),
        ({"period": "2026-10", "from": "2026-10-01"}, "/query/period"),
        ({"period": "2026-10", "from": "2026-10-01", "to": "2026-10-31"}, "/query/period"),
        ({"from": "2026-10-02", "to": "2026-10-01"}, "/query/from"),
        ({"from": "2026-10-32", "to": "2026-11-01"}, "/query/from"),
        ({"from": "2025-01-01", "to": "2026-01-02"}, "/query/to"),
        ({"period": "2026-10", "colour": "red"}, "/query/colour"),
        ({"period": "2026-10", "as_of": "soon"}, "/query/as_of"),
        ({"period": "2026-10", "bom": "maybe"}, "/query/bom"),
    ],
)
def test_wrong_days_are_refused_before_the_stream(dairy: Dairy, query: dict[str, str], pointer: str) -> None:
    for path in PATHS:
        problem = refused(dairy.admin.get(path, **query), 422, "validation_failed")
        assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    "query",
    [
        {"period": "2026-02"},
        {"from": "2024-01-01", "to": "2024-12-31"},  # 366 days
        {"from": "2026-10-05", "to": "2026-10-05"},
        {"period": "2026-10", "as_of": "2027-01-01", "bom": "true"},
        {"period": "2062-10"},  # has not begun: nothing is in it
    ],
)
def test_right_days_are_taken(dairy: Dairy, query: dict[str, str]) -> None:
    for path in TEXTS:
        assert dairy.admin.get(path, **query).status_code == 200
    days = {name: value for name, value in query.items() if name != "bom"}
    for path in PATHS:
        assert dairy.admin.get(path, **days).status_code == 200


@pytest.mark.parametrize("profile", ["nothing", "gstr1/nothing", "invoice-register.csv", "INVOICE-REGISTER"])
def test_an_unknown_profile_is_not_found(dairy: Dairy, profile: str) -> None:
    problem = refused(dairy.admin.get(f"/exports/{profile}.csv", **OCTOBER), 404, "profile_not_found")
    assert "invoice-register" in problem["detail"]


@pytest.mark.parametrize("path", ["nothing.xlsx", "nothing.manifest.json", "gstr1/.csv", "gstr1.csv", "tally.xlsx"])
def test_an_unknown_file_is_not_found(dairy: Dairy, path: str) -> None:
    refused(dairy.admin.get(f"/exports/{path}", **OCTOBER), 404, "profile_not_found")


@pytest.mark.parametrize(("name", "form"), [("gstr1", "csv"), ("tally", "zip"), ("ledger", "xml"), ("docs", "csv")])
def test_a_manifest_is_of_a_file_that_can_be_had(dairy: Dairy, name: str, form: str) -> None:
    path = f"/exports/{name}.manifest.json"
    refused(dairy.admin.get(path, format=form, **OCTOBER), 404, "profile_not_found")
    problem = refused(dairy.admin.get(path, format="pdf", **OCTOBER), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == ["/query/format"]


def test_a_period_that_has_not_begun_has_a_header_alone(dairy: Dairy) -> None:
    assert dairy.admin.get("/exports/receipts.csv", period="2062-10", bom="false").get_data() == (
        b"receipt_no,date,customer_code,method,reference,amount,allocated,unapplied,collected_by,status\r\n"
    )


def test_the_answer_says_what_it_is(dairy: Dairy) -> None:
    answer = dairy.admin.get("/exports/invoice-register.csv", **OCTOBER)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="invoice-register-v3-2026-10.csv"'
    assert (answer.headers["X-Export-Profile"], answer.headers["X-Export-Version"]) == ("invoice-register", "3")
    days = {"from": "2026-10-01", "to": "2026-11-15"}
    answer = dairy.admin.get("/exports/invoice-lines.csv", **days)
    assert 'filename="invoice-lines-v3-2026-10-01_2026-11-15.csv"' in answer.headers["Content-Disposition"]


def test_bom_can_be_left_out(dairy: Dairy) -> None:
    with_bom = dairy.admin.get("/exports/invoice-register.csv", **OCTOBER).get_data()
    without = dairy.admin.get("/exports/invoice-register.csv", bom="false", **OCTOBER).get_data()
    assert with_bom == b"\xef\xbb\xbf" + without
    assert without.startswith(b"document_type,")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_asking_for_the_head_leaves_no_connection_behind(dairy: Dairy, form: str) -> None:
    answer = dairy.admin.call("HEAD", f"/exports/invoice-register.{form}", query_string=OCTOBER)
    answer.close()
    assert (answer.status_code, answer.data) == (200, b"")
    assert dairy.app.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def run(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("export", *arguments, DATABASE_URL=database_url)


def run_process(database_url: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The same as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "dairy_app.cli", "export", *arguments],
        env={"PATH": "/usr/bin:/bin", "DATABASE_URL": database_url},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_the_command_writes_the_same_bytes(books: Books, database_url: str, tmp_path: Path) -> None:
    october = ("--from", "2026-10-01", "--to", "2026-10-31")
    for profile in ("invoice-register", "invoice-lines"):
        target = tmp_path / f"{profile}.csv"
        target.write_text("an older one")
        done = run(database_url, profile, "--period", "2026-10", "-o", str(target))
        assert done.returncode == 0, done.stderr
        assert target.read_bytes() == books.download(profile)
        assert target.stat().st_mode & 0o777 == 0o600
        assert run(database_url, profile, *october).stdout.encode() == books.download(profile)
    assert run_process(database_url, profile, *october).stdout == books.download(profile)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["invoice-lines.csv", "invoice-register.csv"]


@pytest.mark.parametrize(
    ("name", "form", "path"),
    [
        ("ledger", "xlsx", "ledger.xlsx"),
        ("gstr1", None, "gstr1.zip"),
        ("tally", None, "tally.xml"),
        ("gstr1/exemp", None, "gstr1/exemp.csv"),
    ],
)
def test_the_command_writes_every_form(
    books: Books, database_url: str, tmp_path: Path, name: str, form: str | None, path: str
) -> None:
    target = tmp_path / "out"
    asked = ("--as-of", "2026-11-30", "--period", "2026-10", "-o", str(target))
    done = run(database_url, name, *asked, *(("--format", form) if form else ()))
    assert done.returncode == 0, done.stderr
    answer = books.dairy.admin.get(f"/exports/{path}", **OCTOBER, as_of="2026-11-30")
    assert target.read_bytes() == answer.get_data()
    assert "self-check" not in done.stderr


def test_the_command_tells_of_a_failed_self_check(
    books: Books, database_url: str, tmp_path: Path, sql: Callable[..., Any]
) -> None:
    sql("SET session_replication_role = replica; UPDATE invoice_lines SET hsn_code = NULL WHERE gst_rate = 0")
    asked = ("gstr1", "--period", "2026-10", "-o", str(tmp_path / "gstr1.zip"))
    done = run(database_url, *asked)
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "lines without an HSN code = 0: 5 and 0" in done.stderr
    done = run(database_url, *asked, "--despite-findings")
    assert (done.returncode, (tmp_path / "gstr1.zip").read_bytes()[:2]) == (0, b"PK")
    assert "self-check failed: lines without an HSN code = 0: 5 and 0" in done.stderr


def test_the_command_writes_one_customers_statement(books: Books, database_url: str) -> None:
    customer = books.customers["quoted"]["id"]
    asked = ("statement", "--period", "2026-10", "--customer-id")
    done = run(database_url, *asked, customer)
    assert done.stdout.encode() == books.download("statement", **OCTOBER, customer_id=customer)
    done = run(database_url, *asked, "0199f3a4-5b6c-7d8e-9f01-23456789abcd")
    assert (done.returncode, done.stdout, "customer_not_found" in done.stderr) == (1, "", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing", "--period", "2026-10"),
        ("invoice-register",),
        ("invoice-register", "--period", "banana"),
        ("invoice-register", "--period", "2026-10", "--from", "2026-10-01"),
        ("invoice-register", "--from", "2026-10-02", "--to", "2026-10-01"),
        ("invoice-register", "--period", "2026-10", "--format", "pdf"),
        ("invoice-register", "--period", "2026-10", "--format", "zip"),
        ("gstr1", "--period", "2026-10", "--format", "csv"),
        ("statement", "--period", "2026-10"),
        ("ledger", "--period", "2026-10", "--customer-id", "0199f3a4-5b6c-7d8e-9f01-23456789abcd"),
        ("invoice-register", "--period", "2026-10", "-o", "/nonexistent/x.csv"),
    ],
)
def test_wrong_use_of_the_command_writes_nothing(database_url: str, arguments: tuple[str, ...]) -> None:
    assert run(database_url, "invoice-register", "--period", "2026-10").returncode == 0
    done = run(database_url, *arguments)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.slow
def test_a_command_that_fails_keeps_the_older_file(database_url: str, tmp_path: Path, sql: object) -> None:
    target = tmp_path / "register.csv"
    asked = ("invoice-register", "--period", "2026-10", "-o", str(target))
    assert run(database_url, *asked).returncode == 0
    before = target.read_bytes()
    sql("ALTER TABLE invoices RENAME COLUMN due_date TO due")  # type: ignore[operator]
    assert run_process(database_url, *asked).returncode == 1
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_profiles_are_in_the_published_document(dairy: Dairy) -> None:
    paths = ok(dairy.nobody.get("/api/openapi.json"))["paths"]
    shown = paths["/api/v1/exports/{profile}.csv"]["get"]
    assert [each["name"] for each in shown["parameters"] if each["in"] == "query"] == [
        "period", "from", "to", "as_of", "customer_id", "bom",
    ]  # fmt: skip
    assert "text/csv" in shown["responses"]["200"]["content"]
