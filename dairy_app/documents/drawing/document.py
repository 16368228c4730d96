"""What is on a document, whoever draws it: the snapshot of its issue, its lines, and the account as of a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from dairy_app.documents.rules import RateSum, sums_by_rate, upi_link
from dairy_app.exports.gst.codes import STATES, UNIT_QUANTITY_CODES

#: UQC of what is counted in no unit of goods (a charge, a discount).
OTHERS = "OTH"


@dataclass(frozen=True, slots=True)
class Party:
    """Buyer or seller as they were at issue."""

    name: str
    legal_name: str | None = None
    address: str | None = None
    gstin: str | None = None
    state_code: str | None = None
    phone: str | None = None
    code: str | None = None
    fssai_no: str | None = None
    upi_id: str | None = None
    #: Of a seller: how it paid GST when the document was issued; None: not known of documents of before.
    gst_scheme: str | None = None

    @property
    def state_name(self) -> str | None:
        return STATES.get(self.state_code) if self.state_code else None


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``quantity`` None: an amount was credited without goods. Amounts in rupees."""

    description: str
    hsn_code: str | None
    unit: str
    quantity: Decimal | None
    unit_price: Decimal
    discount: Decimal
    gst_rate: Decimal
    supply_type: str
    taxable_value: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    line_total: Decimal
    gross_amount: Decimal
    source: str
    prior_period: bool
    first_date: date
    last_date: date
    #: Who got what a credit note takes back, where that was another than the buyer.
    got_by: str | None = None

    @property
    def uqc(self) -> str:
        """The unit quantity code that rule 46 asks for."""
        return UNIT_QUANTITY_CODES.get(self.unit, OTHERS)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came on one day."""

    day: date
    goods: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    #: Who got it, where that was another than the buyer.
    got_by: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The lines, from 1, of somebody whose deliveries the buyer pays for; ``total`` in rupees."""

    name: str
    code: str
    address: str
    first_line: int
    last_line: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Reference:
    """Another document that this one names."""

    id: UUID
    number: str
    document_type: str
    day: date
    total: Decimal


@dataclass(frozen=True, slots=True)
class Registered:
    """What the government's portal answered for a document: its number, its receipt, the text of the QR code."""

    irn: str
    ack_no: str
    ack_day: date
    signed_qr: str


@dataclass(frozen=True, slots=True)
class Account:
    """What the customer owes on the day ``as_of``, and how it came about. Rupees, below 0: paid in advance.

    ``previous`` + this document and its companion − ``received`` + ``later`` = ``balance``. ``received`` is what came
    in or was credited since the document was issued; below 0 when more was charged than received.
    """

    as_of: date
    previous: Decimal
    documents: Decimal
    received: Decimal
    later: Decimal
    balance: Decimal
    #: What is open of this very document.
    open: Decimal


@dataclass(frozen=True, slots=True)
class Document:
    """An issued invoice, bill of supply or credit note. ``document_type`` chooses its title and columns."""

    id: UUID
    document_type: str
    number: str
    day: date
    seller: Party
    buyer: Party
    place_of_supply: str | None
    taxable_value: Decimal
    exempt_value: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    round_off: Decimal
    total: Decimal
    lines: Sequence[Line]
    due_date: date | None = None
    period: tuple[date, date] | None = None
    #: Of a void document: the day and the reason.
    void: tuple[date, str] | None = None
    #: The other document of the same period.
    companion: Reference | None = None
    #: The invoice that a credit note takes back from.
    original: Reference | None = None
    reason: str | None = None
    registered: Registered | None = None
    #: Behind the buyer's own lines.
    sections: Sequence[Section] = ()
    deliveries: Sequence[Delivery] = ()
    account: Account | None = None
    footer: str | None = None
    #: The customer's own, for whoever reads the document.
    language: str | None = None

    @property
    def days(self) -> list[tuple[str | None, list[Delivery]]]:
        """The deliveries of each who got some; None: of the buyer itself."""
        return [(got_by, list(rows)) for got_by, rows in groupby(self.deliveries, key=lambda row: row.got_by)]

    @property
    def has_tax(self) -> bool:
        """Whether the document has columns of tax: a bill of supply and a plain invoice must not."""
        return any(line.gst_rate > 0 for line in self.lines)

    @property
    def by_composition(self) -> bool:
        """Whether the seller collects no tax on it (CGST Act s. 10 (4)); the document must say so at the top."""
        return self.seller.gst_scheme == "composition"

    @property
    def is_interstate(self) -> bool:
        return self.place_of_supply is not None and self.place_of_supply != self.seller.state_code

    @property
    def prices_include_tax(self) -> bool:
        """Seen from the amounts, because the setting may have changed since."""
        taxed = [line for line in self.lines if line.gst_rate > 0 and line.quantity is not None]
        return any(abs(line.taxable_value) < abs(line.gross_amount - line.discount) for line in taxed)

    @property
    def rates(self) -> list[RateSum]:
        return sums_by_rate(self.lines)

    @property
    def pay_link(self) -> str | None:
        """The ``upi:`` link that pays what is due in all; None when there is nothing to pay or nowhere to pay it."""
        return self._upi_link(self.account.balance) if self.account else None

    @property
    def own_link(self) -> str | None:
        """The one that pays what is open of this document alone; None when that is the same, or nothing."""
        if self.account is None or self.account.open == self.account.balance:
            return None
        return self._upi_link(self.account.open)

    def _upi_link(self, amount: Decimal) -> str | None:
        if amount <= 0 or not self.seller.upi_id:
            return None
        return upi_link(upi_id=self.seller.upi_id, name=self.seller.name, amount=amount, number=self.number)

    @property
    def file_name(self) -> str:
        return f"{self.number.replace('/', '-')}.pdf"


def sections_of(snapshot: Any) -> list[Section]:
    """Whose deliveries a document has beside its buyer's, as its snapshot names them."""
    return [
        Section(
            name=each["name"],
            code=each["code"],
            address=each["address"],
            first_line=each["first_line"],
            last_line=each["last_line"],
            total=Decimal(str(each["total"])),
        )
        for each in snapshot.get("sections", ())
    ]


def parties(snapshot: Any) -> tuple[Party, Party]:
    """Seller and buyer of a stored snapshot."""
    seller, buyer = snapshot["seller"], snapshot["buyer"]
    address = buyer.get("address") or ""
    rest = [part for part in (buyer.get("area"), buyer.get("pincode")) if part and part not in address]
    return (
        Party(
            name=seller["business_name"],
            legal_name=seller.get("legal_name"),
            address=seller.get("address"),
            gstin=seller.get("gstin"),
            state_code=seller.get("state_code"),
            phone=seller.get("phone"),
            fssai_no=seller.get("fssai_no"),
            upi_id=seller.get("upi_id"),
            gst_scheme=seller.get("gst_scheme"),
        ),
        Party(
            name=buyer["name"],
            address=", ".join([address, *rest]).strip(", ") or None,
            gstin=buyer.get("gstin"),
            state_code=buyer.get("state_code"),
            phone=buyer.get("phone"),
            code=buyer.get("code"),
        ),
    )
