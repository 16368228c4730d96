"""Returns as the portal's JSON: the form of its offline tool, and the sums of the CSV tables to the paisa."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.command_line import run_command
from tests.dairy import ok, refused
from tests.exports.accounts import SHOP_GSTIN
from tests.exports.books import Books

OCTOBER = {"period": "2026-10"}
NOVEMBER = {"period": "2026-11"}
COLUMNS = {
    "txval": "Taxable Value",
    "iamt": "Integrated Tax Amount",
    "camt": "Central Tax Amount",
    "samt": "State/UT Tax Amount",
}


def fetched(books: Books, name: str, **query: str) -> Any:
    """A return, its numbers exact."""
    answer = books.dairy.admin.get(f"/exports/{name}.json", **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.headers["Content-Type"] == "application/json"
    return json.loads(answer.get_data(), parse_float=Decimal)


def total(books: Books, name: str, column: str, **query: str) -> Decimal:
    """The sum of a column of a CSV."""
    body = books.download(name, **query).decode("utf-8-sig")
    return sum((Decimal(row[column]) for row in csv.DictReader(io.StringIO(body, newline=""))), Decimal(0))


def item(rate: int, value: str, **taxes: str) -> dict[str, Any]:
    amounts = {name: Decimal(amount) for name, amount in taxes.items()}
    return {"num": 1, "itm_det": {"txval": Decimal(value), "rt": rate, **amounts, "csamt": Decimal("0.00")}}


def plain(value: Any) -> Any:
    """Rates without the places that the database keeps of them."""
    if isinstance(value, dict):
        return {key: int(each) if key == "rt" and each == int(each) else plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_october(accounts: Books) -> None:
    found = plain(fetched(accounts, "gstr1", **OCTOBER))
    assert list(found) == ["gstin", "fp", "version", "hash", "b2b", "b2cl", "b2cs", "nil", "hsn", "doc_issue"]
    assert (found["gstin"], found["fp"], found["hash"]) == ("27AAPFU0939F1ZV", "102026", "hash")
    assert found["b2b"] == [
        {
            "ctin": SHOP_GSTIN,
            "inv": [
                {
                    "inum": "INV/2627/0000002",
                    "idt": "31-10-2026",
                    "val": Decimal("1100.00"),
                    "pos": "27",
                    "rchrg": "N",
                    "inv_typ": "R",
                    "itms": [item(5, "1047.62", camt="26.19", samt="26.19")],
                }
            ],
        }
    ]
    assert found["b2cl"] == [
        {
            "pos": "29",
            "inv": [
                {
                    "inum": "INV/2627/0000005",
                    "idt": "31-10-2026",
                    "val": Decimal("110000.00"),
                    "itms": [item(5, "104761.90", iamt="5238.10")],
                }
            ],
        }
    ]
    assert [(each["sply_ty"], each["pos"], each["typ"], each["rt"], str(each["txval"])) for each in found["b2cs"]] == [
        ("INTRA", "27", "OE", 5, "130.96"),
        ("INTER", "29", "OE", 5, "523.81"),
    ]
    assert [sorted(each.keys() & {"iamt", "camt", "samt"}) for each in found["b2cs"]] == [["camt", "samt"], ["iamt"]]
    assert [(each["sply_ty"], str(each["expt_amt"])) for each in found["nil"]["inv"]] == [
        ("INTRAB2B", "600.00"),
        ("INTRAB2C", "210.00"),
    ]
    (milk, ghee) = found["hsn"]["hsn_b2b"]
    assert (milk["num"], milk["hsn_sc"], milk["uqc"], milk["qty"], milk["rt"]) == (1, "0401", "LTR", 10, 0)
    assert milk["desc"] == "Milk and cream, not concentrat"
    assert (ghee["num"], str(ghee["txval"]), str(ghee["camt"])) == (2, "1047.62", "26.19")
    assert found["doc_issue"]["doc_det"] == [
        {
            "doc_num": 1,
            "docs": [
                {
                    "num": 1,
                    "from": "INV/2627/0000001",
                    "to": "INV/2627/0000006",
                    "totnum": 6,
                    "cancel": 1,
                    "net_issue": 5,
                }
            ],
        }
    ]


def test_november_takes_back_with_amounts_above_0_where_a_note_is_listed(accounts: Books) -> None:
    found = plain(fetched(accounts, "gstr1", **NOVEMBER))
    assert list(found) == ["gstin", "fp", "version", "hash", "b2cs", "cdnr", "cdnur", "hsn", "doc_issue"]
    (buyer,) = found["cdnr"]
    (note,) = buyer["nt"]
    assert buyer["ctin"] == SHOP_GSTIN
    assert (note["ntty"], note["nt_num"], note["nt_dt"], str(note["val"])) == (
        "C", "CN/2627/0000002", "05-11-2026", "105.00",
    )  # fmt: skip
    assert note["itms"] == [item(5, "100.00", camt="2.50", samt="2.50")]
    (large,) = found["cdnur"]
    assert (large["typ"], large["pos"], str(large["val"])) == ("B2CL", "29", "1050.00")
    assert large["itms"] == [item(5, "1000.00", iamt="50.00")]
    assert [str(each["txval"]) for each in found["b2cs"]] == ["-52.38"]
    assert found["doc_issue"]["doc_det"][0]["doc_num"] == 5


def values(found: Any, table: str) -> Decimal:
    """The taxable values of a table."""
    rows = found.get(table, [])
    if table == "b2cs":
        return sum((each["txval"] for each in rows), Decimal(0))
    papers = rows if table == "cdnur" else [each for row in rows for each in row.get("inv", row.get("nt"))]
    return sum((each["itm_det"]["txval"] for paper in papers for each in paper["itms"]), Decimal(0))


@pytest.mark.parametrize("period", ["2026-10", "2026-11"])
def test_the_sums_are_those_of_the_tables(accounts: Books, period: str) -> None:
    found, summary = (fetched(accounts, name, period=period) for name in ("gstr1", "gstr3b"))
    tables = ("b2b", "b2cl", "b2cs", "cdnr", "cdnur")
    for table in tables:
        assert values(found, table) == total(accounts, f"gstr1/{table}", "Taxable Value", period=period), table
    for whom in ("b2b", "b2c"):
        for key, column in COLUMNS.items():
            in_json = sum((row[key] for row in found["hsn"][f"hsn_{whom}"]), Decimal(0))
            assert in_json == total(accounts, f"gstr1/hsn-{whom}", column, period=period), (whom, key)
    taxed = sum(values(found, table) * (-1 if table.startswith("cdn") else 1) for table in tables)
    assert summary["sup_details"]["osup_det"]["txval"] == taxed
    taxes = {
        key: sum((row[key] for rows in found["hsn"].values() for row in rows), Decimal(0))
        for key in ("iamt", "camt", "samt")
    }
    assert {key: summary["sup_details"]["osup_det"][key] for key in taxes} == taxes


def test_the_summary_return(accounts: Books, sql: Callable[..., Any]) -> None:
    found = fetched(accounts, "gstr3b", **OCTOBER)
    assert (found["gstin"], found["ret_period"]) == ("27AAPFU0939F1ZV", "102026")
    assert {key: str(each) for key, each in found["sup_details"]["osup_det"].items()} == {
        "txval": "106464.29", "iamt": "5264.29", "camt": "29.46", "samt": "29.46", "csamt": "0.00",
    }  # fmt: skip
    assert str(found["sup_details"]["osup_nil_exmp"]["txval"]) == "810.00"
    assert [(each["pos"], str(each["txval"]), str(each["iamt"])) for each in found["inter_sup"]["unreg_details"]] == [
        ("29", "105285.71", "5264.29")
    ]
    assert found["inter_sup"]["comp_details"] == found["inter_sup"]["uin_details"] == []
    rows = list(csv.reader(io.StringIO(accounts.download("gstr3b", **OCTOBER).decode("utf-8-sig"), newline="")))
    assert [(row[0], row[2], row[3], row[4], row[5], row[6]) for row in rows[1:]] == [
        ("3.1(a)", "", "106464.29", "5264.29", "29.46", "29.46"),
        ("3.1(c)", "", "810.00", "0.00", "0.00", "0.00"),
        ("3.1(e)", "", "0.00", "0.00", "0.00", "0.00"),
        ("3.2", "29-Karnataka", "105285.71", "5264.29", "0.00", "0.00"),
    ]
    sql(
        "SET session_replication_role = replica; UPDATE invoices SET snapshot = jsonb_set(jsonb_set(snapshot,"
        " '{buyer,gst_treatment}', '\"composition\"'), '{buyer,gstin}', '\"29AAPFU0939F1ZR\"')"
        " WHERE number = 'INV/2627/0000005'"
    )
    sql("SET session_replication_role = origin")
    found = fetched(accounts, "gstr3b", **OCTOBER)
    assert [(each["pos"], str(each["txval"])) for each in found["inter_sup"]["comp_details"]] == [("29", "104761.90")]


def test_a_month_without_papers_is_an_empty_return(accounts: Books) -> None:
    assert fetched(accounts, "gstr1", period="2026-01").keys() == {"gstin", "fp", "version", "hash"}
    assert str(fetched(accounts, "gstr3b", period="2026-01")["sup_details"]["osup_det"]["txval"]) == "0.00"


def test_before_may_2025_table_12_is_one(accounts: Books, sql: Callable[..., Any]) -> None:
    sql(
        "SET session_replication_role = replica;"
        " UPDATE invoices SET invoice_date = '2025-04-30' WHERE status = 'issued'"
    )
    sql("SET session_replication_role = origin")
    rows = fetched(accounts, "gstr1", period="2025-04", despite_findings="true")["hsn"]["data"]
    assert [row["num"] for row in rows] == [1, 2, 3, 4]


def test_a_quarter_is_named_by_its_last_month(accounts: Books) -> None:
    found = fetched(accounts, "gstr1", **{"from": "2026-10-01", "to": "2026-12-31"})
    assert (found["fp"], found.keys() >= {"b2b", "cdnr"}) == ("122026", True)


@pytest.mark.parametrize(
    "days", [("2026-10-01", "2026-10-30"), ("2026-10-02", "2026-10-31"), ("2026-10-01", "2026-11-30")]
)
def test_other_days_are_no_return(accounts: Books, days: tuple[str, str]) -> None:
    for name in ("gstr1", "gstr3b"):
        answer = accounts.dairy.admin.get(f"/exports/{name}.json", **{"from": days[0], "to": days[1]})
        assert refused(answer, 422, "validation_failed")["errors"][0]["pointer"] == "/query/period"


def test_who_has_no_gstin_files_nothing(books: Books) -> None:
    books.dairy.seller(gstin=None)
    for name in ("gstr1", "gstr3b"):
        refused(books.dairy.admin.get(f"/exports/{name}.json", **OCTOBER), 422, "validation_failed")


def test_a_return_that_does_not_agree_is_held_back(accounts: Books, sql: Callable[..., Any]) -> None:
    sql("SET session_replication_role = replica; UPDATE invoice_lines SET hsn_code = NULL WHERE hsn_code = '0405'")
    sql("SET session_replication_role = origin")
    refused(accounts.dairy.admin.get("/exports/gstr1.json", **OCTOBER), 409, "self_check_failed")
    fetched(accounts, "gstr1", **OCTOBER, despite_findings="true")


def test_only_accountants_and_admins(accounts: Books) -> None:
    ok(accounts.dairy.staff("accountant").get("/exports/gstr1.json", **OCTOBER))
    refused(accounts.dairy.staff("marketing_staff").get("/exports/gstr3b.json", **OCTOBER), 403, "forbidden")


def test_the_command_writes_the_same_bytes(accounts: Books, database_url: str) -> None:
    for name in ("gstr1", "gstr3b"):
        served = accounts.dairy.admin.get(f"/exports/{name}.json", **OCTOBER)
        done = run_command("export", name, "--period", "2026-10", "--format", "json", DATABASE_URL=database_url)
        assert (done.returncode, done.stdout) == (0, served.get_data(as_text=True))
        manifest = ok(accounts.dairy.admin.get(f"/exports/{name}.manifest.json", format="json", **OCTOBER))
        assert manifest["bytes"] == len(served.get_data())
