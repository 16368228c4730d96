"""What a credit note takes back of an invoice line, to the paisa.

CGST Act s. 34: where the value or the tax charged on an invoice exceeds what is payable, or goods are returned, the
supplier issues a credit note that names them. The rate is that of the invoice's line (s. 14 decided it then).

By quantity q of a line with quantity Q whose price has no tax in it: value = round(value × q / Q), tax = round(value ×
rate / 200) twice within the state, else round(value × rate / 100) once. After something was taken back or charged
without goods (another price), a unit is worth what is left: value = round(value left × q / quantity left).
Of a line whose price has the tax in it, and of an untaxed one, the total counts: amount = round(total × q / Q).
By amount a, the tax in it: round(a × rate / (2 × (100 + rate))) twice, else round(a × rate / (100 + rate)) once, and
value = a − tax, so that it comes to a exactly; as on the invoice. All half up to the paisa.

Nothing of a line is ever taken back beyond what it has: value, tax and total stop at what is left, and whoever takes
the rest gets exactly the rest, whatever earlier roundings came to. As long as tax is left, some value is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

PAISA = Decimal("0.01")
NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class LineCredit:
    """What to take back of one invoice line: a ``quantity`` of its goods, or an ``amount`` of rupees with tax."""

    line_no: int
    quantity: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An invoice line and what earlier notes left of it. Rupees; ``sgst`` is always ``cgst``.

    ``left_*``: still to be taken back. ``price_was_changed``: an earlier note took or charged an amount without goods.
    ``includes_tax``: the line's price had the tax in it. ``is_interstate``: its tax is IGST, also where it comes to 0.
    """

    line_no: int
    quantity: Decimal
    taxable_value: Decimal
    line_total: Decimal
    gst_rate: Decimal
    left_quantity: Decimal
    left_taxable_value: Decimal
    left_cgst: Decimal
    left_igst: Decimal
    left_total: Decimal
    price_was_changed: bool
    includes_tax: bool
    is_interstate: bool = False
    unit: str = "litre"
    is_goods: bool = True

    @property
    def is_taxed(self) -> bool:
        return self.gst_rate > 0


@dataclass(frozen=True, slots=True)
class Credit:
    """What one line of a note takes back. Rupees; ``quantity`` is None for an amount without goods."""

    invoice_line_no: int
    quantity: Decimal | None
    taxable_value: Decimal
    cgst: Decimal
    igst: Decimal
    line_total: Decimal


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """What is left of an invoice: its ``total`` after notes and write-offs, and its ``round_off`` after notes."""

    total: Decimal
    round_off: Decimal


def to_paisa(amount: Decimal) -> Decimal:
    """Half up, once per amount."""
    return amount.quantize(PAISA, ROUND_HALF_UP)


def the_rest(line: OpenLine, quantity: Decimal | None = None) -> Credit:
    """All that is left of a line: its money to the paisa, with all goods left unless fewer are named."""
    goods = quantity or line.left_quantity or None
    return Credit(line.line_no, goods, line.left_taxable_value, line.left_cgst, line.left_igst, line.left_total)


def by_quantity(line: OpenLine, quantity: Decimal) -> Credit:
    """A part of the goods of a line; ``quantity`` is at most what is left of it."""
    if quantity == line.left_quantity:
        return the_rest(line)
    by_value = line.is_taxed and not line.includes_tax
    whole, whole_quantity = (line.taxable_value if by_value else line.line_total), line.quantity
    left = line.left_taxable_value if by_value else line.left_total
    if line.price_was_changed:
        whole, whole_quantity = left, line.left_quantity
    part = to_paisa(whole * quantity / whole_quantity)
    if part >= left:
        return the_rest(line, quantity)
    if not by_value:
        return replace(by_amount(line, part), quantity=quantity)
    cgst, igst = _tax(line, part, Decimal(100))
    return Credit(line.line_no, quantity, part, cgst, igst, part + 2 * cgst + igst)


def by_amount(line: OpenLine, amount: Decimal) -> Credit:
    """Money without goods, the tax in it; ``amount`` is at most what is left of the line.

    A value that is not above 0 means that so small an amount cannot be divided into value and tax.
    """
    if amount == line.left_total:
        return Credit(line.line_no, None, line.left_taxable_value, line.left_cgst, line.left_igst, line.left_total)
    if not line.is_taxed:
        return Credit(line.line_no, None, NOTHING, NOTHING, NOTHING, amount)
    cgst, igst = _tax(line, amount, 100 + line.gst_rate)
    # At least a paisa of value stays with the tax that stays.
    least_tax = amount - line.left_taxable_value + PAISA
    if line.is_interstate:
        igst = max(igst, least_tax)
    else:
        cgst = max(cgst, (least_tax / 2).quantize(PAISA, ROUND_CEILING))
    return Credit(line.line_no, None, amount - 2 * cgst - igst, cgst, igst, amount)


def _tax(line: OpenLine, amount: Decimal, parts: Decimal) -> tuple[Decimal, Decimal]:
    """CGST (and as much SGST) or IGST in an amount that is ``parts`` hundredths of its value, at most what is left."""
    if line.is_interstate:
        return NOTHING, min(to_paisa(amount * line.gst_rate / parts), line.left_igst)
    return min(to_paisa(amount * line.gst_rate / (2 * parts)), line.left_cgst), NOTHING


def takes_all(lines: Sequence[OpenLine], credits: Sequence[Credit]) -> bool:
    """Whether these credits leave nothing on any line of the invoice."""
    taken = {credit.invoice_line_no: credit.line_total for credit in credits}
    return all(line.left_total == taken.get(line.line_no, 0) for line in lines)


def round_off(invoice: OpenInvoice, credits: Sequence[Credit], whole: bool) -> Decimal:
    """What a note is rounded by; below a rupee, or more is taken back than the invoice has left.

    The note that takes all that is left carries the round-off that is left, so that nothing remains; any other has
    none. No note is above what the invoice's total has left (earlier notes, write-offs, the invoice's own rounding).
    """
    lines_total = sum((credit.line_total for credit in credits), NOTHING)
    wanted = invoice.round_off if whole else NOTHING
    return min(wanted, invoice.total - lines_total)
