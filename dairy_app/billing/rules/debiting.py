"""What a debit note charges on an invoice line, to the paisa.

CGST Act s. 34 (3): where the value or the tax charged on an invoice is less than what is payable, the supplier issues a
debit note. The rate is that of the invoice's line; by quantity a unit costs what it cost there, by amount the tax is
within. The formulas are those of credit notes (``rules.crediting``), without an end: what a line has bounds what is
taken back of it, not what was forgotten.
"""

from dataclasses import replace
from decimal import Decimal

from dairy_app.billing.rules.crediting import Credit, LineCredit, OpenLine, by_amount, by_quantity

#: More than any column of money holds.
_BOUNDLESS = Decimal("1e12")


def charge(line: OpenLine, wanted: LineCredit) -> Credit:
    """A quantity of the goods of a line at their price there, or an amount with the tax in it."""
    endless = replace(
        line,
        left_quantity=_BOUNDLESS,
        left_taxable_value=_BOUNDLESS,
        left_cgst=_BOUNDLESS,
        left_igst=_BOUNDLESS,
        left_total=_BOUNDLESS,
        price_was_changed=False,
    )
    if wanted.quantity is not None:
        return by_quantity(endless, wanted.quantity)
    assert wanted.amount is not None, "the schema asks for one of both"
    return by_amount(endless, wanted.amount)
