"""April 2025 to March 2026: a dairy billed by month, paid, corrected and exported, with the change of rates inside.

Milk is exempt; ghee at ₹112 is taxed at 12 % on papers to August 2025 and at 5 % from September on (the rate is that of
the invoice's date, the last of the month; changed on 22 September 2025); packed paneer at ₹105 is taxed at 5 % to
August and exempt from September on. Prices have the tax in them. What every paper must come to is reckoned below in
Python from these facts, and nothing but the deliveries and corrections listed here; the dairy's own figures (ledger,
register, GSTR-1 set, Tally, ageing, statements) must agree with it and with each other to the paisa.

- Asha takes 30.5 l of milk and 1 kg of ghee a month. She owed ₹150.50 before. She pays what is billed. July's paper
  is voided and issued anew. In September she gets a discount of ₹25.
- Bharat lives in another state and takes 2 kg of ghee. He pays by cheque; that of October bounces.
- The shop is registered and takes 10 l of milk and 3 kg of ghee: two papers. In July 1 kg of June's ghee comes back.
- Chitra takes 20 l of milk, had ₹80 in advance and pays ₹100 too much every month.
- Divya takes 1 kg of paneer and never pays; in December her paper of April is written off.
"""

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import ok

pytestmark = pytest.mark.slow

MONTHS = [f"2025-{month:02}" for month in range(4, 13)] + ["2026-01", "2026-02", "2026-03"]
YEAR = {"from": "2025-04-01", "to": "2026-03-31"}
CHANGED = "2025-09"
TAKES = {
    "Asha": {"milk": "30.5", "ghee": "1"},
    "Bharat": {"ghee": "2"},
    "Shop": {"milk": "10", "ghee": "3"},
    "Chitra": {"milk": "20"},
    "Divya": {"paneer": "1"},
}
PRICES = {"milk": Decimal(60), "ghee": Decimal(112), "paneer": Decimal(105)}
OPENING = {"Asha": Decimal("150.50"), "Chitra": Decimal("-80.00")}


def half_up(amount: Decimal, to: str = "0.01") -> Decimal:
    return amount.quantize(Decimal(to), ROUND_HALF_UP)


def rate(good: str, month: str) -> Decimal:
    """Per cent on a paper of this month."""
    before = month < CHANGED
    return {"milk": Decimal(0), "ghee": Decimal(12 if before else 5), "paneer": Decimal(5 if before else 0)}[good]


class Sums(defaultdict[str, Decimal]):
    """Rupees by name."""

    def __init__(self) -> None:
        super().__init__(Decimal)

    def add(self, other: dict[str, Decimal], times: int = 1) -> None:
        for name, amount in other.items():
            self[name] += times * amount


def line(good: str, quantity: str, month: str, *, inter_state: bool) -> Sums:
    gross, percent, found = half_up(PRICES[good] * Decimal(quantity)), rate(good, month), Sums()
    if percent == 0:
        found["exempt"] = gross
        return found
    if inter_state:
        found["igst"] = half_up(gross * percent / (100 + percent))
    else:
        found["cgst"] = found["sgst"] = half_up(gross * percent / (2 * (100 + percent)))
    found["taxable"] = gross - found["igst"] - found["cgst"] - found["sgst"]
    return found


def rounded(paper: Sums) -> Sums:
    exact = sum(paper.values(), Decimal(0))
    return with_(paper, total=half_up(exact, "1"), round_off=half_up(exact, "1") - exact)


def with_(paper: Sums, **more: Decimal) -> Sums:
    made = Sums()
    made.update(paper)
    made.update(more)
    return made


def papers(name: str, month: str) -> list[Sums]:
    """What a customer's papers of a month must come to."""
    lines = [line(good, much, month, inter_state=name == "Bharat") for good, much in TAKES[name].items()]
    if name == "Asha" and month == "2025-09":
        lines.append(with_(Sums(), exempt=Decimal(-25)))
    apart: dict[bool, Sums] = defaultdict(Sums)
    for each in lines:
        apart[name == "Shop" and "taxable" not in each].add(each)
    return [rounded(paper) for _, paper in sorted(apart.items())]


def billed(name: str, month: str) -> Decimal:
    return sum((paper["total"] for paper in papers(name, month)), Decimal(0))


class Year:
    """The dairy as it lives through the year, over HTTP."""

    def __init__(self, dairy: LivingDairy) -> None:
        self.dairy = dairy
        dairy.go_to("2025-04-01")
        gstin = "27AAPFU0939F1ZV"
        ok(dairy.admin.patch("/settings", {"unusual_total_percent": None, "gstin": gstin, "state_code": "27"}))
        self.goods = {
            "milk": dairy.product("60.00", name="Cow milk", hsn_code="0401"),
            "ghee": dairy.product("112.00", name="Ghee", hsn_code="0405", unit="kg"),
            "paneer": dairy.product("105.00", name="Paneer", hsn_code="0406", unit="kg", is_packed=True),
        }
        more = {
            "Bharat": {"state_code": "29"},
            "Shop": {"state_code": "27", "gstin": gstin, "gst_treatment": "registered"},
        }
        self.people = {name: dairy.customer(name=name, **more.get(name, {})) for name in TAKES}
        for name, amount in OPENING.items():
            body = {"customer_id": self.people[name]["id"], "as_of": "2025-03-31", "amount": str(amount)}
            ok(dairy.admin.post("/opening-balances", body), 201)

    def live(self, month: str) -> None:
        """Everybody gets the month's goods, and the month before has been billed, paid and corrected."""
        self.dairy.go_to(f"{month}-05")
        orders = [
            self.dairy.order(self.people[name], *((self.goods[good], much) for good, much in takes.items()))
            for name, takes in TAKES.items()
        ]
        confirmations = [{"order_id": order["id"], "status": "delivered"} for order in orders]
        done = ok(self.dairy.admin.post("/deliveries/confirmations/batch", {"confirmations": confirmations}))
        assert done["confirmed"] == len(orders)

    def bill(self, month: str, on: str) -> None:
        self.dairy.go_to(on)
        run = self.dairy.bill(month)
        assert (run["skipped"], run["total"]) == ([], f"{sum(billed(name, month) for name in TAKES):.2f}")

    def paid(self, month: str, on: str) -> None:
        """What came in for a month's papers."""
        for name, (method, extra) in {
            "Asha": ("upi", 0),
            "Bharat": ("cheque", 0),
            "Shop": ("bank_transfer", 0),
            "Chitra": ("cash", 100),
        }.items():
            body = {
                "customer_id": self.people[name]["id"],
                "amount": str(billed(name, month) + extra),
                "method": method,
                "received_on": on,
                "reference": f"{name}-{month}",
            }
            payment = ok(self.dairy.admin.post("/payments", body), 201)
            if (name, month) == ("Bharat", "2025-10"):
                ok(self.dairy.admin.post(f"/payments/{payment['id']}/reverse", {"reason": "The cheque bounced"}))

    def paper(self, name: str, month: str, kind: str | None = None) -> Any:
        found = self.dairy.invoices(customer_id=self.people[name]["id"], period=month, status="issued")
        (one,) = [paper for paper in found if kind in (None, paper["document_type"])]
        return self.dairy.invoice(one["id"])


def goods_come_back(year: Year) -> None:
    body = {
        "invoice_id": year.paper("Shop", "2025-06", "tax_invoice")["id"],
        "lines": [{"line_no": 1, "quantity": "1"}],
        "reason": "Ghee came back",
        "note_date": "2025-07-05",
    }
    ok(year.dairy.admin.post("/credit-notes", body), 201)


def void_and_issue_anew(year: Year) -> None:
    paper = year.paper("Asha", "2025-07")
    ok(year.dairy.admin.post(f"/invoices/{paper['id']}/void", {"reason": "Wrong address", "release_payments": True}))
    assert year.dairy.bill("2025-07")["total"] == f"{billed('Asha', '2025-07'):.2f}"


def discount(year: Year) -> None:
    body = {
        "customer_id": year.people["Asha"]["id"],
        "kind": "discount",
        "tax_class": "milk_fresh",
        "description": "For the late morning",
        "amount": "-25.00",
        "adjusted_on": "2025-09-05",
        "reason": "The van broke down",
    }
    ok(year.dairy.admin.post("/adjustments", body), 201)


def write_off(year: Year) -> None:
    paper = year.paper("Divya", "2025-04")
    body = {
        "customer_id": year.people["Divya"]["id"],
        "invoice_id": paper["id"],
        "amount": paper["total"],
        "reason": "Cannot be reached",
        "written_off_on": "2025-12-05",
    }
    ok(year.dairy.admin.post("/write-offs", body), 201)


#: What happens on the fifth of a month, beside deliveries and payments.
ON_THE_FIFTH: dict[str, Callable[[Year], None]] = {
    "2025-07": goods_come_back,
    "2025-08": void_and_issue_anew,
    "2025-09": discount,
    "2025-12": write_off,
}


@pytest.fixture
def year(living: LivingDairy) -> Year:
    """The whole year, on 1 April 2026: March is billed and not yet paid."""
    lived = Year(living)
    for month, after in zip(MONTHS, [*MONTHS[1:], "2026-04"], strict=True):
        lived.live(month)
        before = MONTHS[MONTHS.index(month) - 1] if month != MONTHS[0] else None
        if before:
            lived.paid(before, f"{month}-05")
        if month in ON_THE_FIFTH:
            ON_THE_FIFTH[month](lived)
        lived.bill(month, f"{after}-01")
    return lived


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def column(rows: list[dict[str, str]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows if row[name]), Decimal(0))


def export(year: Year, name: str, **query: str) -> bytes:
    answer = year.dairy.admin.get(f"/exports/{name}", **(YEAR | query))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.data


def test_everything_agrees_to_the_paisa(year: Year) -> None:
    issued = Sums()
    for month in MONTHS:
        for name in TAKES:
            for paper in papers(name, month):
                issued.add(paper)
    # 1 of 3 kg of June's ghee at 12 %: a third of ₹300.00, 6 % of it twice; no rounding on a part.
    taken_back = with_(Sums(), taxable=Decimal(100), cgst=Decimal(6), sgst=Decimal(6), total=Decimal(112))
    wanted = with_(issued)
    wanted.add(taken_back, -1)

    # the register
    register = rows_of(export(year, "invoice-register.csv"))
    of_register = {"taxable": "taxable_value", "cgst": "cgst_amount", "sgst": "sgst_amount", "igst": "igst_amount"}
    of_register |= {"exempt": "exempt_value", "round_off": "round_off", "total": "total_amount"}
    assert {name: column(register, head) for name, head in of_register.items()} == {
        name: wanted[name] for name in of_register
    }
    assert len(register) == 12 * 6 + 1 + 1, "six papers a month, the voided one, and the note"
    settled = sum(column(register, name) for name in ("amount_paid", "credit_applied", "balance_due"))
    assert settled == issued["total"], "the note is credit applied to its invoice"

    # what every customer owes
    paid = sum(billed(name, month) for month in MONTHS[:-1] for name in ("Asha", "Bharat", "Shop", "Chitra"))
    paid += 100 * len(MONTHS[:-1]) - billed("Bharat", "2025-10")
    gone = billed("Divya", "2025-04")
    owed = wanted["total"] + sum(OPENING.values()) - paid - gone
    ageing = ok(year.dairy.admin.get("/reports/ageing", as_of="2026-03-31"))
    assert Decimal(ageing["totals"]["net"]) == owed
    closings = {
        name: Decimal(ok(year.dairy.admin.get("/reports/statement", customer_id=each["id"], **YEAR))["closing"])
        for name, each in year.people.items()
    }
    assert {row["name"]: Decimal(row["net"]) for row in ageing["items"]} == {k: v for k, v in closings.items() if v}
    balances = {
        name: Decimal(ok(year.dairy.admin.get(f"/customers/{each['id']}/balance"))["balance"])
        for name, each in year.people.items()
    }
    assert balances == closings
    assert closings["Chitra"] == billed("Chitra", "2026-03") - 80 - 1100
    assert closings["Divya"] == sum(billed("Divya", month) for month in MONTHS[1:])

    # the journal
    journal = rows_of(export(year, "ledger.csv"))
    assert column(journal, "debit") == column(journal, "credit")
    receivables = [row for row in journal if row["ledger_name"] == "Customer receivables"]
    moved = column(receivables, "debit") - column(receivables, "credit")
    assert moved == owed - sum(OPENING.values()), "the opening balances are of the day before"

    # the return
    files = zipfile.ZipFile(io.BytesIO(export(year, "gstr1.zip")))
    table = {
        name.removesuffix(".csv").rpartition("/")[2]: rows_of(files.read(name))
        for name in files.namelist()
        if name.endswith(".csv")
    }
    taxed = sum(column(table[name], "Taxable Value") for name in ("b2b", "b2cl", "b2cs"))
    notes = sum(column(table[name], "Taxable Value") for name in ("cdnr", "cdnur"))
    assert (taxed - notes, notes) == (wanted["taxable"], taken_back["taxable"])
    hsn = table["hsn-b2b"] + table["hsn-b2c"]
    for name, head in (
        ("igst", "Integrated Tax Amount"),
        ("cgst", "Central Tax Amount"),
        ("sgst", "State/UT Tax Amount"),
    ):
        assert column(hsn, head) == wanted[name]
    assert column(table["exemp"], "Exempted(other than nil rated/non GST supply)") == wanted["exempt"]
    assert [row for row in table["self-checks"] if row["passed"] != "true"] == []

    # Tally
    vouchers = defaultdict(list)
    for voucher in ElementTree.fromstring(export(year, "tally.xml")).iter("VOUCHER"):
        entries = [
            (entry.findtext("LEDGERNAME"), Decimal(entry.findtext("AMOUNT") or ""))
            for entry in voucher.iter("ALLLEDGERENTRIES.LIST")
        ]
        assert sum(amount for _, amount in entries) == 0
        party = voucher.findtext("PARTYLEDGERNAME")
        vouchers[voucher.findtext("VOUCHERTYPENAME")].append(sum(amount for name, amount in entries if name == party))
    assert -sum(vouchers["Sales"]) - sum(vouchers["Credit Note"]) == wanted["total"]
    assert sum(vouchers["Receipt"]) == paid + billed("Bharat", "2025-10")

    # Once more: closed months give equal bytes.
    assert export(year, "invoice-register.csv") == export(year, "invoice-register.csv")
