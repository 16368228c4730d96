"""Days, periods and amounts in the words of a language."""

from datetime import date
from decimal import Decimal

from dairy_app.common.words import Words
from dairy_app.documents.rules import spelt

_POWERS = ((10_000_000, "crore"), (100_000, "lakh"), (1_000, "thousand"), (100, "hundred"))


def day_of(t: Words, day: date) -> str:
    """``31 Oct 2026``."""
    return t("day", day=day.day, month=t.month(day), year=day.year)


def period_of(t: Words, first: date, last: date) -> str:
    """``1 Oct 2026 to 31 Oct 2026``."""
    return day_of(t, first) if first == last else t("period", first=day_of(t, first), last=day_of(t, last))


def amount_in_words(t: Words, amount: Decimal) -> str:
    """``Rupees Twelve Lakh Thirty-Four Thousand … and Fifty Paise Only``; of an amount from 0 on."""
    names = t("numbers").split("|")
    powers = [(value, t(word)) for value, word in _POWERS]
    rupees, paise = divmod(int(amount * 100), 100)
    if paise:
        said = (spelt(rupees, names, powers), spelt(paise, names, powers))
        return t("rupees_and_paise_in_words", rupees=said[0], paise=said[1])
    return t("rupees_in_words", rupees=spelt(rupees, names, powers))


def title_of(t: Words, document_type: str) -> str:
    """``TAX INVOICE``."""
    return t(f"title_{document_type}")
