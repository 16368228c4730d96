"""What spreadsheets leave in a file: sums below the rows, numbers with a fraction, formulas."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.dairy import Dairy, ok
from tests.importing.sheets import FILES, faults, upload, workbook


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    dairy.product(name="Cow Milk", sku="COW")
    return dairy.customer(name="Asha Rao", phone="+919812345601")


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("word", ["Total", "कुल", "Grand total:"])
@pytest.mark.parametrize("place", ["{},,", ",{},", ",,{}"])
def test_a_row_of_totals_is_left_out_wherever_its_word_stands(
    dairy: Dairy, asha: Any, kind: str, word: str, place: str
) -> None:
    headings, cells = FILES[kind]
    text = f"Code,Phone,Name,{headings}\nC000001,9812345601,Asha Rao,{cells}\n{place.format(word)},{cells}\n"
    seen = ok(upload(dairy.admin, kind, text, on_existing="skip", dry_run=True), 200)
    assert seen["faults"] == []
    assert [each["line"] for each in seen["items"]] == [2]


def test_a_count_may_stand_before_the_word(dairy: Dairy, asha: Any) -> None:
    text = "S.No,Code,Name,Amount,Mode\n1,C000001,,5,cash\n1 customer,,Total,5,cash\nTotal,,1 customer,5,cash\n"
    assert len(ok(upload(dairy.admin, "payments", text), 201)["items"]) == 1


def test_a_name_beside_the_word_makes_it_a_row(dairy: Dairy, asha: Any) -> None:
    text = "Code,Name,Amount,Mode\nTotal,Asha Rao,5,cash\n"
    assert faults(ok(upload(dairy.admin, "payments", text, dry_run=True), 200)) == [
        (2, "customer_code", "customer_not_found")
    ]


def test_what_is_named_by_a_number_is_found_with_a_fraction(dairy: Dairy, asha: Any) -> None:
    dairy.product(name="Toned", sku="101")
    helper = dairy.staff("delivery_boy").user
    ok(dairy.admin.patch(f"/users/{helper['id']}", {"phone": "+919812345677"}))
    text = "Code,Product,Qty\nC000001,101.0,1\n"
    assert ok(upload(dairy.admin, "standing-orders", text, dry_run=True), 200)["faults"] == []
    text = "Code,101.0\nC000001,1\n"
    seen = ok(upload(dairy.admin, "standing-orders", text, dry_run=True), 200)
    assert [each["read_as"] for each in seen["columns"]] == ["customer_code", "product:101"]
    text = "Name,Phone,Address,Area,Helper\nBela,9812345602,2 Mill Road,Baner,9812345677.0\n"
    assert ok(upload(dairy.admin, "customers", text, dry_run=True), 200)["faults"] == []


def written_by_a_program(rows: Sequence[Sequence[Any]], changes: Mapping[str, str]) -> bytes:
    """A workbook; ``changes``: what stands in its XML → what shall stand there."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(*rows))) as book, zipfile.ZipFile(out, "w") as changed:
        for name in book.namelist():
            part = book.read(name).decode()
            for before, after in changes.items():
                part = part.replace(before, after) if "sheet1" in name else part
            changed.writestr(name, part)
    return out.getvalue()


def test_a_formula_that_was_never_computed_is_a_fault(dairy: Dairy, asha: Any) -> None:
    """A program writes formulas without what they come to: that reads as nothing, and a debt would be left out."""
    rows = (
        ("S.No", "Name", "Phone", "Address", "Area", "Cow Milk", "Balance"),
        ("=ROW()-1", "Bela", 9812345602, "2 Mill Road", "Baner", "=1+1", "=500*2"),
        (None, "Total", None, None, None, None, "=SUM(G2:G2)"),
    )
    seen = ok(upload(dairy.admin, "customers", workbook(*rows), dry_run=True), 200)
    assert faults(seen) == [(2, "product:COW", "not_computed"), (2, "opening_balance", "not_computed")]
    assert "save it once in the spreadsheet program" in seen["faults"][0]["detail"]
    only_sums = (*rows[:1], (1, "Bela", 9812345602, "2 Mill Road", "Baner", 1, 5), *rows[2:])
    assert ok(upload(dairy.admin, "customers", workbook(*only_sums), dry_run=True), 200)["faults"] == []


@pytest.mark.parametrize(
    ("cell", "balance"),
    [
        ("<c r='G2'><f>500*2</f><v>1000</v></c>", 1), ("<c r='G2' t='str'><f>IF(A2=0,1,\"\")</f><v></v></c>", 0),
        ("<c r='G2' t='str'><f>\"5 Dr\"</f><v>5 Dr</v></c>", 1), ("<c r='G2' s='0'/>", 0),
    ],
)  # fmt: skip
def test_a_formula_that_was_computed_is_what_it_came_to(dairy: Dairy, cell: str, balance: int) -> None:
    rows = (
        ("S.No", "Name", "Phone", "Address", "Area", "Cow", "Balance"),
        (1, "Bela", 9812345602, "2 Mill Road", "Baner", None, "=500*2"),
    )
    raw = written_by_a_program(rows, {'<c r="G2"><f>500*2</f><v></v></c>': cell, '<c r="G2"><f>500*2</f><v/></c>': cell,
                                      '<c r="G2"><f>500*2</f><v /></c>': cell})  # fmt: skip
    assert raw != workbook(*rows)
    seen = ok(upload(dairy.admin, "customers", raw, dry_run=True), 200)
    assert (seen["faults"], seen["opening_balances"]) == ([], balance)


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"])
def test_what_a_spreadsheet_could_not_compute_is_no_text(dairy: Dairy, error: str) -> None:
    rows = (("Name", "Phone", "Address", "Area", "Cow Milk"), (error, 9812345602, "2 Mill Road", "Baner", error))
    dairy.product(name="Cow Milk", sku="COW")
    text = "\n".join(",".join(map(str, cells)) for cells in rows)
    for content in (workbook(*rows), text):
        assert faults(ok(upload(dairy.admin, "customers", content, dry_run=True), 200)) == [
            (2, "name", "not_computed"), (2, "product:COW", "not_computed")
        ]  # fmt: skip
