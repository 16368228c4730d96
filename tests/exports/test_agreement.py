"""Two months with taxed, exempt, void and credited goods through every export: to the paisa the same."""

from collections import defaultdict
from decimal import Decimal
from xml.etree import ElementTree

from tests.dairy import ok
from tests.exports.books import Books

BOTH = {"from": "2026-10-01", "to": "2026-11-30"}


def total(books: Books, profile: str, column: str) -> Decimal:
    return sum((Decimal(row[column] or "0") for row in books.csv(profile, **BOTH)), Decimal(0))


def tally_ledgers(books: Books) -> dict[str, Decimal]:
    """Debits less credits of every ledger."""
    body = books.dairy.admin.get("/exports/tally.xml", **BOTH).get_data()
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for entry in ElementTree.fromstring(body).iter("ALLLEDGERENTRIES.LIST"):
        balances[str(entry.findtext("LEDGERNAME"))] -= Decimal(str(entry.findtext("AMOUNT")))
    return dict(balances)


def journal_ledgers(books: Books) -> dict[str, Decimal]:
    """The same of the journal; a customer's ledger goes by the code."""
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for row in books.csv("ledger", **BOTH):
        balances[row["party_code"] or row["ledger_name"]] += Decimal(row["debit"]) - Decimal(row["credit"])
    return dict(balances)


def test_register_lines_ledger_tally_and_gstr1_agree(accounts: Books) -> None:
    ledgers = journal_ledgers(accounts)
    codes = {kind: customer["code"] for kind, customer in accounts.customers.items()}
    # By hand: 130.96 + 1047.62 + 523.81 + 104761.90 - 52.38 - 100.00 - 1000.00; 210.00 + 600.00.
    assert ledgers == {
        "Sales GST 5%": Decimal("-105311.91"),
        "Sales exempt": Decimal("-810.00"),
        "Output CGST": Decimal("-25.65"),
        "Output SGST": Decimal("-25.65"),
        "Output IGST": Decimal("-5214.29"),
        "Round off": Decimal("-0.50"),
        "Cash": Decimal("200.00"),
        "UPI": Decimal("1700.00"),
        "Bank": Decimal("0.00"),
        "Bad debts": Decimal("20.00"),
        "Opening balances": Decimal("-100.00"),
        codes["household"]: Decimal("73.00"),
        codes["shop"]: Decimal("-105.00"),
        codes["neighbour"]: Decimal("650.00"),
        codes["hotel"]: Decimal("108950.00"),
    }
    assert tally_ledgers(accounts) == ledgers
    assert sum(ledgers.values()) == 0

    amounts = (
        "taxable_value",
        "exempt_value",
        "cgst_amount",
        "sgst_amount",
        "igst_amount",
        "round_off",
        "total_amount",
    )
    register = {column: total(accounts, "invoice-register", column) for column in amounts}
    assert register["taxable_value"] == -ledgers["Sales GST 5%"]
    assert register["exempt_value"] == -ledgers["Sales exempt"]
    assert register["cgst_amount"] == register["sgst_amount"] == -ledgers["Output CGST"]
    assert register["igst_amount"] == -ledgers["Output IGST"]
    assert register["round_off"] == -ledgers["Round off"]
    assert register["total_amount"] == Decimal("111388.00")
    assert register["total_amount"] == total(accounts, "invoice-lines", "line_total") + register["round_off"]

    def taxed(table: str) -> Decimal:
        return total(accounts, f"gstr1/{table}", "Taxable Value")

    listed = taxed("b2b") + taxed("b2cl") + taxed("b2cs") - taxed("cdnr") - taxed("cdnur")
    assert listed == register["taxable_value"]
    exempt = total(accounts, "gstr1/exemp", "Exempted(other than nil rated/non GST supply)")
    assert exempt == register["exempt_value"]
    assert taxed("hsn-b2b") + taxed("hsn-b2c") == listed + exempt
    for column, tax in (("Integrated Tax Amount", "igst_amount"), ("Central Tax Amount", "cgst_amount")):
        assert total(accounts, "gstr1/hsn-b2b", column) + total(accounts, "gstr1/hsn-b2c", column) == register[tax]

    owed = {row["customer_code"]: Decimal(row["net"]) for row in accounts.csv("ageing", **BOTH)}
    assert owed == {code: ledgers[code] for code in owed}
    assert set(owed) == set(codes.values()) - {codes["mistake"]}
    for customer in accounts.customers.values():
        balance = ok(accounts.dairy.admin.get(f"/customers/{customer['id']}/balance"))["balance"]
        assert Decimal(balance) == owed.get(customer["code"], 0)
    received = total(accounts, "receipts", "amount")
    assert received == ledgers["Cash"] + ledgers["UPI"] + Decimal("550.00")  # the cheque came in, and bounced
    assert total(accounts, "receipts", "allocated") == total(accounts, "allocations", "amount")
