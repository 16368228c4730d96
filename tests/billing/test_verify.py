"""``dairy verify-invoices`` finds whatever was changed behind the program's back, and names it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from dairy_app import cli
from dairy_app.billing.commands import verify_invoices
from dairy_app.invoices.queries.verification import all_series
from dairy_app.invoices.service.verification import FINDINGS, verify
from tests.billing.conftest import LivingDairy
from tests.billing.test_credit_notes import GSTIN, credit
from tests.dairy import kept, ok
from tests.statements import count_statements

Verify = Callable[..., tuple[int, Any]]


@kept
def book(living: LivingDairy) -> None:
    """Five invoices of October, the second voided, and three notes on the first; two lines each."""
    living.go_to("2026-10-05")
    living.seller(gstin=GSTIN)
    goods = living.product("60.00", hsn_code="0401"), living.product("713.35", hsn_code="0405", unit="kg")
    for _ in range(5):
        ok(living.confirm(living.order(living.customer(), *[(each, "3") for each in goods])))
    living.go_to("2026-11-01")
    living.bill("2026-10")
    first, second = sorted(living.invoices(), key=lambda paper: paper["number"])[:2]
    for _ in range(3):
        ok(credit(living, first, {"line_no": 1, "quantity": "0.5"}, {"line_no": 2, "amount": "10"}), 201)
    ok(living.admin.post(f"/invoices/{second['id']}/void", {"reason": "wrong price list"}))


@pytest.fixture
def books(living: LivingDairy) -> LivingDairy:
    book(living)
    living.go_to("2026-11-01")
    return living


@pytest.fixture
def verified(books: LivingDairy, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Verify:
    """``verified("--series", …)`` → (exit code, what the command prints as JSON)."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def call(*arguments: str) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as end:
            cli.main(["verify-invoices", "--json", *arguments])
        return int(end.value.code or 0), json.loads(capsys.readouterr().out)

    return call


def test_what_nobody_touched_is_whole(verified: Verify, sql: Any) -> None:
    code, found = verified()
    assert (code, found["findings"]) == (0, [])
    heads = {row[0]: row[1] for row in sql("SELECT series, last_hash FROM number_series")}
    assert [(head["papers"], head["count"], head["last_number"], head["last_hash"]) for head in found["series"]] == [
        ("invoices", 5, "INV/2627/0000005", heads["INV"]),
        ("credit_notes", 3, "CN/2627/0000003", heads["CN"]),
    ]
    assert [head["series"] for head in verified("--series", "CN")[1]["series"]] == ["CN"]


OF_3 = "invoice_id = (SELECT id FROM invoices WHERE {3})"
MORE = "SET exempt_value = exempt_value + 1, total = total + 1"
TAMPERED = [
    ("an amount", f"UPDATE invoices {MORE} WHERE {{3}}", "3", {"content_changed", "lines_differ"}),
    ("a date", "UPDATE invoices SET invoice_date = '2026-10-30' WHERE {3}", "3", {"content_changed"}),
    (
        "a snapshot",
        "UPDATE invoices SET snapshot = jsonb_set(snapshot, '{{buyer,name}}', '\"X\"') WHERE {3}",
        "3",
        {"content_changed"},
    ),
    ("a hash", "UPDATE invoices SET document_hash = repeat('a', 64) WHERE {3}", "3", {"content_changed"}),
    (
        "a link",
        "UPDATE invoices SET previous_hash = repeat('a', 64) WHERE {3}",
        "3",
        {"content_changed", "chain_broken"},
    ),
    ("a void paper", "UPDATE invoices SET place_of_supply = '29' WHERE {2}", "2", {"content_changed"}),
    (
        "a line's words",
        "UPDATE invoice_lines SET description = 'X' WHERE line_no = 1 AND " + OF_3,
        "3",
        {"content_changed"},
    ),
    (
        "a line's tax",
        "UPDATE invoice_lines SET cgst = cgst + 1, igst = igst - 1 WHERE gst_rate > 0 AND " + OF_3,
        "3",
        {"content_changed", "lines_differ"},
    ),
    (
        "a line gone",
        "DELETE FROM invoice_lines WHERE line_no = 1 AND " + OF_3,
        "3",
        {"content_changed", "lines_differ"},
    ),
    ("all lines gone", "DELETE FROM invoice_lines WHERE " + OF_3, "3", {"content_changed", "lines_differ"}),
    ("a paper gone", "DELETE FROM invoices WHERE {3}", "3", {"number_missing"}),
    ("the first gone", "DELETE FROM invoices WHERE {1}", "1", {"number_missing"}),
    ("the last gone", "DELETE FROM invoices WHERE {5}", "5", {"number_missing"}),
    (
        "a number",
        "UPDATE invoices SET number = 'INV/2627/0000009' WHERE {3}",
        "9",
        {"number_differs", "content_changed"},
    ),
    ("a place", "UPDATE invoices SET sequence_no = 7 WHERE {5}", "5", {"number_differs"}),
]


def tamper(sql: Any, statement: str) -> None:
    """What somebody with all rights can do: the triggers and foreign keys are asleep."""
    sql(f"SET session_replication_role = replica; {statement}; SET session_replication_role = origin")


def by_number(statement: str) -> str:
    """``{3}`` stands for the third paper of its series."""
    return statement.format(*(f"sequence_no = {no}" for no in range(10)))


@pytest.mark.parametrize(("statement", "no", "codes"), [t[1:] for t in TAMPERED], ids=[t[0] for t in TAMPERED])
def test_a_changed_invoice_is_found_and_named(
    verified: Verify, sql: Any, statement: str, no: str, codes: set[str]
) -> None:
    assert verified()[0] == 0
    tamper(sql, by_number(statement))
    code, found = verified()
    named = f"INV/2627/000000{no}"
    assert code == 1
    assert {each["code"] for each in found["findings"] if each["number"] == named} == codes
    assert all(each["detail"] == FINDINGS[each["code"]] for each in found["findings"])
    assert verified("--series", "CN")[0] == 0


OF_NOTE_2 = "credit_note_id = (SELECT id FROM credit_notes WHERE {2})"
NOTES_TAMPERED = [
    ("an amount", f"UPDATE credit_notes {MORE} WHERE {{2}}", {"content_changed", "lines_differ"}),
    ("a reason", "UPDATE credit_notes SET reason = 'gift' WHERE {2}", {"content_changed"}),
    ("a snapshot", "UPDATE credit_notes SET snapshot = '{{}}' WHERE {2}", {"content_changed"}),
    (
        "a line's goods",
        "UPDATE credit_note_lines SET quantity = 2 WHERE quantity IS NOT NULL AND " + OF_NOTE_2,
        {"content_changed"},
    ),
    (
        "a line gone",
        "DELETE FROM credit_note_lines WHERE line_no = 1 AND " + OF_NOTE_2,
        {"content_changed", "lines_differ"},
    ),
    ("a note gone", "DELETE FROM credit_notes WHERE {2}", {"number_missing"}),
]


@pytest.mark.parametrize(("statement", "codes"), [t[1:] for t in NOTES_TAMPERED], ids=[t[0] for t in NOTES_TAMPERED])
def test_a_changed_note_is_found_and_named(verified: Verify, sql: Any, statement: str, codes: set[str]) -> None:
    assert verified()[0] == 0
    tamper(sql, by_number(statement))
    code, found = verified()
    assert code == 1
    assert {each["code"] for each in found["findings"] if each["number"] == "CN/2627/0000002"} == codes
    assert verified("--series", "INV")[0] == 0


def test_a_paper_hashed_anew_no_longer_fits_the_next(verified: Verify, sql: Any) -> None:
    """Whoever knows how the hash is made must write every later paper anew."""
    tamper(sql, "UPDATE credit_notes SET document_hash = repeat('b', 64) WHERE sequence_no = 1")
    assert [(each["number"], each["code"]) for each in verified("--series", "CN")[1]["findings"]] == [
        ("CN/2627/0000001", "content_changed"),
        ("CN/2627/0000002", "chain_broken"),
    ]


@pytest.mark.parametrize(
    ("statement", "findings"),
    [
        ("UPDATE number_series SET next_no = 9", [("INV/2627/0000006 to INV/2627/0000008", "number_missing")]),
        ("UPDATE number_series SET next_no = 3", [("INV/2627", "series_differs")]),
        ("UPDATE number_series SET last_hash = repeat('c', 64)", [("INV/2627", "series_differs")]),
        ("DELETE FROM number_series", [("INV/2627", "series_missing")]),
    ],
)
def test_a_changed_series_is_found(verified: Verify, sql: Any, statement: str, findings: list[tuple[str, str]]) -> None:
    sql(f"{statement} WHERE series = 'INV'")
    assert [(each["number"], each["code"]) for each in verified()[1]["findings"]] == findings


def test_a_number_given_twice_is_found(verified: Verify, sql: Any) -> None:
    sql("ALTER TABLE invoices DROP CONSTRAINT uq_invoices_series_financial_year_sequence_no")
    tamper(sql, "UPDATE invoices SET sequence_no = 2 WHERE sequence_no = 3")
    found = verified()[1]["findings"]
    assert {each["code"] for each in found} == {"number_taken_twice", "number_differs", "number_missing"}


def test_all_notes_gone_is_found(verified: Verify, sql: Any) -> None:
    tamper(sql, "DELETE FROM credit_note_lines; DELETE FROM credit_notes")
    code, found = verified()
    assert (code, [(each["papers"], each["number"], each["code"]) for each in found["findings"]]) == (
        1,
        [("credit_notes", "CN/2627/0000001 to CN/2627/0000003", "number_missing")],
    )


def test_stretches_join_without_a_seam(books: LivingDairy, sql: Any) -> None:
    """Two papers a statement; what is wrong between two stretches is found too."""

    def findings(chunk: int) -> list[tuple[str, str]]:
        with books.app.database.transaction(read_only=True, snapshot=True) as session:
            stretches = [step for series in all_series(session, "INV") for step in verify(session, series, chunk)]
        assert sum(papers for papers, _ in stretches) == sql("SELECT count(*) FROM invoices WHERE number > ''")[0][0]
        return [(each.number, each.code) for _, found in stretches for each in found]

    assert [findings(chunk) for chunk in (1, 2, 5)] == [[]] * 3
    tamper(
        sql,
        "DELETE FROM invoices WHERE sequence_no = 3; UPDATE invoices SET due_date = '2026-12-31' WHERE sequence_no = 4",
    )
    wrong = [("INV/2627/0000003", "number_missing"), ("INV/2627/0000004", "content_changed")]
    assert [sorted(findings(chunk)) for chunk in (1, 2, 5)] == [wrong] * 3


def test_statements_do_not_grow_with_the_papers(books: LivingDairy) -> None:
    def sent(only: str) -> int:
        database = books.app.database
        with count_statements(database) as statements, database.transaction(read_only=True, snapshot=True) as session:
            for series in all_series(session, only):
                list(verify(session, series))
        return len(statements)

    assert sent("INV") == sent("CN") == 3


def test_for_people_it_is_a_table(verified: Verify, sql: Any, capsys: Any) -> None:
    def printed(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(["verify-invoices", *arguments])
        out = capsys.readouterr()
        return int(end.value.code or 0), out.out, out.err

    code, out, _ = printed()
    assert code == 0 and "every document is as it was issued" in out and "INV/2627/0000005" in out
    last = sql("SELECT last_hash FROM number_series WHERE series = 'INV'")[0][0]
    assert last in re.sub(r"[│\s]", "", out.partition("Last hash")[2]), "to be noted, so whole in a narrow terminal too"
    code, _, err = printed("--series", "XYZ")
    assert code == 2 and "no document has a number of series 'XYZ'" in err
    tamper(sql, "DELETE FROM invoices WHERE sequence_no = 3")
    code, out, err = printed()
    assert code == 1 and "number_missing" in out and "INV/2627/0000003" in out
    assert "1 findings" in err
    assert verify_invoices.epilog
