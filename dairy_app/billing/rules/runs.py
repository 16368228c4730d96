"""Why a draft is passed over, and whether a run's total looks right."""

from decimal import Decimal

#: Why a draft is passed over, and what to do about it.
SKIP_DETAILS = {
    "missing_seller": "Give the dairy a business name in the settings.",
    "period_closed": "The books are closed through the date this invoice would have.",
    "amount_too_large": "A line or the total is above 99,99,99,999 rupees: check the quantity, price or charge.",
    "zero_price": "Something delivered has the price 0 and is not marked free.",
    "missing_tax_rate": "A product's tax class has no rate on that date: choose a class or enter the rate.",
    "missing_hsn": "A taxed product has no HSN code.",
    "negative_total": "Discounts exceed what was delivered: the draft waits for more deliveries or a smaller discount.",
}


def is_unusual(total: Decimal, before: Decimal, percent: Decimal | None) -> bool:
    """Whether a run's total in rupees is too far from the month before.

    Without a month before or without a limit there is nothing to compare with.
    """
    if percent is None or before <= 0:
        return False
    return abs(total - before) * 100 > before * percent
