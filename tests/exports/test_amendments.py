"""Invoices voided after their return was filed: that return stays as it was, a later one amends it, once.

October as it was filed, a seller in 27 (Maharashtra), ghee at 550.00 with 5 % in it, cups at 59.00 with 18 %, milk at
60.00 exempt:

==========  ====  ===================  ===================================================================
customer    in    delivered            paper
==========  ====  ===================  ===================================================================
household   27    0.25 kg              1: 130.96; a credit note of 0.1 kg on 31 October takes back 52.38
family      27    1 kg, 2 cups, 1 l    2: 523.80, 100.00, milk 60.00; withdrawn
shop        27    2 kg, 10 l           3: 1047.62; 4: 600.00 (registered); both withdrawn
stall       27    1 kg                 5: 523.80 (registered)
neighbour   29    1 kg                 6: 523.81
cousin      29    1 kg                 7: 523.81
hotel       29    200 kg               8: 104761.90, above the limit of B2CL; withdrawn
==========  ====  ===================  ===================================================================
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from dairy_app.demo.sample import gstin
from tests.dairy import Dairy, ok
from tests.exports.books import KOLKATA, NOVEMBER, Books
from tests.exports.test_gstr1 import HEADINGS, table
from tests.exports.test_portal import fetched, item, plain

SHOP = gstin(1001)
BUYERS = {
    "household": ("27", {}),
    "family": ("27", {}),
    "shop": ("27", {"gstin": SHOP}),
    "stall": ("27", {"gstin": gstin(1002)}),
    "neighbour": ("29", {}),
    "cousin": ("29", {}),
    "hotel": ("29", {}),
}
MONTHS = ("2026-10", "2026-11", "2026-12", "2027-01", "2027-02")
QUARTER = {"from": "2026-10-01", "to": "2026-12-31"}
TABLES = ("b2b", "b2ba", "b2cl", "b2cla", "b2cs", "b2csa", "cdnr", "cdnra", "cdnur")


def fill_october(made: Books) -> dict[str, Any]:
    dairy = made.dairy
    dairy.seller(gstin="27AAPFU0939F1ZV", due_days=10)
    ok(dairy.admin.post("/tax-classes", {"code": "cups", "description": "Cups", "hsn_prefix": "2202"}), 201)
    rate = {"supply_type": "taxable", "gst_rate": "18", "valid_from": "2026-01-01", "source": "for the test"}
    ok(dairy.admin.post("/tax-classes/cups/rates", rate), 201)
    milk = dairy.product("60.00", name="Cow milk", hsn_code="0401")
    ghee = dairy.product("550.00", name="Ghee", unit="kg", hsn_code="0405", is_packed=True)
    cups = dairy.product("59.00", name="Cups", unit="piece", hsn_code="2202", tax_class="cups")
    for kind, (state, fields) in BUYERS.items():
        made.customers[kind] = dairy.customer(name=kind.title(), pincode="411038", state_code=state, **fields)
    for kind, items in {
        "household": [(ghee, "0.25")],
        "family": [(ghee, "1"), (cups, "2"), (milk, "1")],
        "shop": [(milk, "10"), (ghee, "2")],
        "stall": [(ghee, "1")],
        "neighbour": [(ghee, "1")],
        "cousin": [(ghee, "1")],
        "hotel": [(ghee, "200")],
    }.items():
        made.deliver(made.customers[kind], *items)
    made.travel(NOVEMBER)
    assert made.bill()["skipped"] == []
    household = paper(made, "household")
    taken = {"invoice_id": household["id"], "reason": "too much", "note_date": "2026-10-31"}
    ok(dairy.admin.post("/credit-notes", taken | {"lines": [{"line_no": 1, "quantity": "0.1"}]}), 201)
    return made.customers


def paper(made: Books, kind: str) -> Any:
    """The first invoice of a customer, in full."""
    papers = ok(made.dairy.admin.get("/invoices", customer_id=made.customers[kind]["id"]))["items"]
    first = min((each for each in papers if each["number"]), key=lambda each: each["number"])
    return ok(made.dairy.admin.get(f"/invoices/{first['id']}"))


def void(made: Books, kind: str) -> None:
    invoice = paper(made, kind)
    told = {"reason": "wrong price list", "after_return": True}
    ok(made.dairy.admin.post(f"/invoices/{invoice['id']}/void", told))


@pytest.fixture
def october(clock: Any, dairy: Dairy) -> Books:
    """October is billed; it is 5 December, and its return is filed."""
    made = Books(dairy, clock)
    made.customers = dairy.keep(lambda _dairy: fill_october(made))
    made.travel(datetime(2026, 12, 5, 9, 0, tzinfo=KOLKATA))
    return made


def filed(made: Books, **query: str) -> dict[str, bytes]:
    """Every table and file of a return."""
    found = {name: made.download(f"gstr1/{name}", **query) for name in HEADINGS}
    for name in ("gstr1", "gstr3b"):
        found[f"{name}.json"] = made.dairy.admin.get(f"/exports/{name}.json", **query).get_data()
    return {**found, "gstr3b": made.download("gstr3b", **query)}


def test_the_return_that_was_filed_stays_and_december_amends_it(october: Books) -> None:
    before = filed(october, period="2026-10")
    for kind in ("family", "shop", "hotel"):
        void(october, kind)
    assert filed(october, period="2026-10") == before
    assert table(october, "docs", period="2026-10")[0][3:] == ["8", "0"]

    december = {"period": "2026-12"}
    number, hotel = paper(october, "shop")["number"], paper(october, "hotel")
    assert table(october, "b2ba", **december) == [
        [SHOP, "Shop", number, "31-Oct-26", number, "31-Oct-26", "0.00", "27-Maharashtra", "N", "", "Regular B2B", "",
         "5", "0.00", "0.00"]
    ]  # fmt: skip
    assert table(october, "b2cla", **december) == [
        [
            hotel["number"],
            "31-Oct-26",
            "29-Karnataka",
            hotel["number"],
            "31-Oct-26",
            "0.00",
            "",
            "5",
            "0.00",
            "0.00",
            "",
        ]
    ]
    # 130.96 - 52.38 of the household; nothing is left at 18 %. Karnataka has nothing withdrawn that b2cs had.
    assert table(october, "b2csa", **december) == [
        ["2026-27", "October", "27-Maharashtra", "OE", "", "5", "78.58", "0.00", ""],
        ["2026-27", "October", "27-Maharashtra", "OE", "", "18", "0.00", "0.00", ""],
    ]
    for name in ("b2b", "b2cl", "b2cs", "cdnr", "cdnra", "cdnur", "docs"):
        assert table(october, name, **december) == [], name
    assert [row[1:] for row in table(october, "exemp", **december)] == [
        ["0.00", "0.00", "0.00"], ["0.00", "-600.00", "0.00"], ["0.00", "0.00", "0.00"], ["0.00", "-60.00", "0.00"],
    ]  # fmt: skip
    assert [(row[0], row[3], row[5], row[6]) for row in table(october, "hsn-b2b", **december)] == [
        ("0401", "-10", "0", "-600.00"), ("0405", "-2", "5", "-1047.62"),
    ]  # fmt: skip
    assert [(row[0], row[3], row[5], row[6]) for row in table(october, "hsn-b2c", **december)] == [
        ("0401", "-1", "0", "-60.00"), ("0405", "-201", "5", "-105285.70"), ("2202", "-2", "18", "-100.00"),
    ]  # fmt: skip
    assert table(october, "b2ba", period="2026-11") == table(october, "b2csa", period="2027-01") == []


def test_the_file_of_the_portal_amends_the_same(october: Books) -> None:
    for kind in ("family", "shop", "hotel"):
        void(october, kind)
    found = plain(fetched(october, "gstr1", period="2026-12"))
    assert list(found) == ["gstin", "fp", "version", "hash", "b2ba", "b2cla", "b2csa", "nil", "hsn"]
    shop, hotel = paper(october, "shop"), paper(october, "hotel")

    def nothing(invoice: Any) -> dict[str, Any]:
        number = {"oinum": invoice["number"], "oidt": "31-10-2026", "inum": invoice["number"], "idt": "31-10-2026"}
        return {**number, "val": Decimal("0.00")}

    regular = {"pos": "27", "rchrg": "N", "inv_typ": "R", "itms": [item(5, "0.00", camt="0.00", samt="0.00")]}
    assert found["b2ba"] == [{"ctin": SHOP, "inv": [nothing(shop) | regular]}]
    assert found["b2cla"] == [{"pos": "29", "inv": [nothing(hotel) | {"itms": [item(5, "0.00", iamt="0.00")]}]}]
    (place,) = found["b2csa"]
    assert {key: place[key] for key in ("omon", "sply_ty", "pos", "typ")} == {
        "omon": "102026", "sply_ty": "INTRA", "pos": "27", "typ": "OE",
    }  # fmt: skip
    assert [(each["rt"], str(each["txval"]), str(each["camt"]), str(each["samt"])) for each in place["itms"]] == [
        (5, "78.58", "1.96", "1.96"), (18, "0.00", "0.00", "0.00"),
    ]  # fmt: skip
    for name in ("b2ba", "b2cla", "b2csa"):
        in_json = [each for row in found[name] for each in row.get("inv", [row])]
        values = sum((i.get("itm_det", i)["txval"] for each in in_json for i in each["itms"]), Decimal(0))
        assert values == sum((Decimal(row[HEADINGS[name].split(",").index("Taxable Value")])
                              for row in table(october, name, period="2026-12")), Decimal(0))  # fmt: skip
    summary = fetched(october, "gstr3b", period="2026-12")
    assert {key: str(each) for key, each in summary["sup_details"]["osup_det"].items()} == {
        "txval": "-106433.32", "iamt": "-5238.10", "camt": "-48.29", "samt": "-48.29", "csamt": "0.00",
    }  # fmt: skip
    assert str(summary["sup_details"]["osup_nil_exmp"]["txval"]) == "-660.00"
    rows = csv.reader(io.StringIO(october.download("gstr3b", period="2026-12").decode("utf-8-sig"), newline=""))
    assert [(row[0], *row[3:7]) for row in rows][1:] == [
        ("3.1(a)", "-106433.32", "-5238.10", "-48.29", "-48.29"),
        ("3.1(c)", "-660.00", "0.00", "0.00", "0.00"),
        ("3.1(e)", "0.00", "0.00", "0.00", "0.00"),
        ("3.2", "-104761.90", "-5238.10", "0.00", "0.00"),
    ]
    assert [(each["pos"], str(each["txval"])) for each in summary["inter_sup"]["unreg_details"]] == [
        ("29", "-104761.90")
    ]


def test_a_later_amendment_replaces_the_earlier_and_changes_no_file(october: Books) -> None:
    void(october, "neighbour")
    amended = ["2026-27", "October", "29-Karnataka", "OE", "", "5", "523.81", "0.00", ""]
    assert table(october, "b2csa", period="2026-12") == [amended]
    december = filed(october, period="2026-12")
    october.travel(datetime(2027, 1, 1, 0, 30, tzinfo=KOLKATA))  # still 31 December in UTC
    void(october, "cousin")
    assert filed(october, period="2026-12") == december
    assert table(october, "b2csa", period="2027-01") == [[*amended[:6], "0.00", *amended[7:]]]


def test_a_quarter_amends_quarters_and_what_it_voided_itself_is_only_void(october: Books) -> None:
    void(october, "family")
    october.travel(datetime(2027, 2, 5, 9, 0, tzinfo=KOLKATA))
    before = filed(october, **QUARTER)
    assert table(october, "docs", **QUARTER)[0][3:] == ["8", "1"]
    assert table(october, "b2csa", **QUARTER) == []
    void(october, "neighbour")
    assert filed(october, **QUARTER) == before
    amended = table(october, "b2csa", **{"from": "2027-01-01", "to": "2027-03-31"})
    assert [row[:7] for row in amended] == [["2026-27", "December", "29-Karnataka", "OE", "", "5", "523.81"]]


def on_the_portal(made: Books) -> dict[Any, dict[str, Decimal]]:
    """Values and taxes as the portal knows them after all returns: what is amended is replaced."""
    known: dict[Any, dict[str, Decimal]] = {}
    taxes = ("txval", "iamt", "camt", "samt")
    for month in MONTHS:
        found = fetched(made, "gstr1", period=month)
        for name, key in (("b2b", "inum"), ("b2cl", "inum"), ("b2ba", "oinum"), ("b2cla", "oinum")):
            for invoice in (each for row in found.get(name, []) for each in row["inv"]):
                for line in invoice["itms"]:
                    told = (invoice[key], line["itm_det"]["rt"])
                    assert (told in known) == name.endswith("a"), told
                    known[told] = {tax: line["itm_det"].get(tax, Decimal(0)) for tax in taxes}
        for row in found.get("b2cs", []):
            told = (found["fp"], row["pos"], row["rt"])
            known[told] = {tax: row.get(tax, Decimal(0)) for tax in taxes}
        for row in found.get("b2csa", []):
            for line in row["itms"]:
                told = (row["omon"], row["pos"], line["rt"])
                assert told in known
                known[told] = {tax: line.get(tax, Decimal(0)) for tax in taxes}
        assert "cdnr" not in found
        assert "cdnur" not in found
    return known


def test_all_returns_together_hold_every_living_document_once(october: Books) -> None:
    for kind in ("family", "shop", "hotel"):
        void(october, kind)
    assert october.bill("2026-10")["invoices_issued"] == 4
    october.travel(datetime(2027, 1, 3, 9, 0, tzinfo=KOLKATA))
    void(october, "neighbour")
    october.travel(datetime(2027, 2, 3, 9, 0, tzinfo=KOLKATA))
    void(october, "stall")
    assert october.bill("2026-10")["invoices_issued"] == 2

    books: dict[str, Decimal] = defaultdict(Decimal)
    for row in october.csv("invoice-register", **{"from": "2026-10-01", "to": "2027-02-28"}):
        for tax, column in {"txval": "taxable_value", "iamt": "igst_amount", "camt": "cgst_amount",
                            "samt": "sgst_amount", "exempt": "exempt_value"}.items():  # fmt: skip
            books[tax] += Decimal(row[column])
    # By hand: 130.96 - 52.38 + 523.80 + 100.00 + 1047.62 + 523.80 + 2 x 523.81 + 104761.90.
    assert (str(books["txval"]), str(books["exempt"])) == ("108083.32", "660.00")
    taxes = {tax: value for tax, value in books.items() if tax != "exempt"}

    known = on_the_portal(october)
    assert {tax: sum(each[tax] for each in known.values()) for tax in taxes} == taxes
    owed, summed, untaxed = (defaultdict(Decimal) for _ in range(3))
    for month in MONTHS:
        details = fetched(october, "gstr3b", period=month)["sup_details"]
        found = fetched(october, "gstr1", period=month)
        for tax in taxes:
            owed[tax] += details["osup_det"][tax]
            summed[tax] += sum(row[tax] for rows in found.get("hsn", {}).values() for row in rows if row["rt"])
        untaxed["3.1(c)"] += details["osup_nil_exmp"]["txval"]
        untaxed["nil"] += sum(each["expt_amt"] for each in found.get("nil", {"inv": []})["inv"])
    assert dict(owed) == dict(summed) == taxes
    assert dict(untaxed) == {"3.1(c)": books["exempt"], "nil": books["exempt"]}


def test_the_checks_count_what_was_withdrawn(october: Books, sql: Callable[..., Any]) -> None:
    for kind in ("family", "shop", "hotel"):
        void(october, kind)
    for month in MONTHS:
        manifest = ok(october.dairy.admin.get("/exports/gstr1.manifest.json", period=month))
        assert all(check["passed"] for check in manifest["checks"]), month
    checks = {each["name"]: each for each in manifest_of(october)["checks"]}
    assert [checks[name]["left"] for name in ("hsn_b2b", "hsn_b2c")] == ["-1647.62", "-105445.70"]
    sql("SET session_replication_role = replica")
    sql(
        "UPDATE invoice_lines SET taxable_value = taxable_value + 1, line_total = line_total + 1"
        " WHERE invoice_id = %s AND gst_rate = 5",
        paper(october, "family")["id"],
    )
    failed = {each["name"]: each["difference"] for each in manifest_of(october)["checks"] if not each["passed"]}
    assert failed == {"hsn_total": "-1.00"}


def manifest_of(made: Books) -> Any:
    return ok(made.dairy.admin.get("/exports/gstr1.manifest.json", period="2026-12"))
