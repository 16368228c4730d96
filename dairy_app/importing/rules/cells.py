"""A cell as people write it → what it says: amounts, quantities, days, phones, words."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dairy_app.common.phones import normalise_phone
from dairy_app.web.schemas import MAX_MONEY, MAX_QUANTITY
from dairy_app.web.uploads import SEND_WORKBOOK, is_shortened, plain_heading


@dataclass(slots=True, eq=False)
class Unreadable(Exception):
    """A cell that says nothing, or cannot be told: a stable ``code`` and words for people."""

    code: str
    detail: str


_HALVES = str.maketrans({"½": ".5", "¼": ".25", "¾": ".75", "−": "-", "–": "-", "—": "-"})
#: 1,23,456.50 as India writes it, 123,456.50 as others do, and without commas.
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{2,3})*,\d{3}|\d*)(?:\.(\d*))?")
_CURRENCY = re.compile(r"^(?:₹|rs\.?|inr|रु\.?|रुपये)\s*|\s*(?:/-|/=|₹|rs\.?|inr|रु\.?|रुपये)$", re.IGNORECASE)
_SIDE = re.compile(
    r"^(?P<before>dr|cr|debit|credit)\b\.?\s*|\s*\(?\b(?P<after>dr|cr|debit|credit|जमा|बकाया|बाकी)\.?\)?$",
    re.IGNORECASE,
)
_OWED = frozenset({"dr", "debit", "d", "बकाया", "बाकी"})
_AHEAD = frozenset({"cr", "credit", "c", "जमा", "अग्रिम"})
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_NAMED_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/. ]*([a-z]{3,9})[-/., ]*(\d{4}|\d{2})", re.IGNORECASE)
_TIME = re.compile(r"[T ]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m)?$", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WITHOUT_FRACTION = re.compile(r"(.*\d)\.0+")
_MEASURED = re.compile(r"([\d.,]+)\s*([^\d\s.,][^\d]*)?")

#: What stands behind a quantity → the unit of the product, and how many of it one is.
_UNITS = {
    name: (unit, Decimal(size))
    for unit, size, names in (
        ("litre", "1", ("l", "lt", "ltr", "ltrs", "lit", "litre", "litres", "liter", "liters", "लीटर", "ली")),
        ("litre", "0.001", ("ml", "मिली")),
        ("kg", "1", ("kg", "kgs", "kilo", "किलो")),
        ("kg", "0.001", ("g", "gm", "gms", "gram", "grams", "ग्राम")),
        ("packet", "1", ("pkt", "pkts", "packet", "packets", "pouch", "pouches", "पैकेट")),
        ("piece", "1", ("pc", "pcs", "piece", "pieces", "nos", "नग")),
        ("dozen", "1", ("dozen", "doz", "दर्जन")),
    )
    for name in names
}
#: Cells of a product's column that say that nothing of it comes.
_NOTHING = frozenset({"-", "nil", "no", "x", "na", "n/a", "none", "नहीं"})


def _words(table: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """A closed list with other names of its words, as ``plain_heading`` compares them."""
    return {known: tuple(unicodedata.normalize("NFC", name) for name in names) for known, names in table.items()}


MODES = _words({
    "fixed_daily": ("daily", "every_day", "everyday", "रोज", "रोज़", "हर_दिन", "प्रतिदिन"),
    "alternate_days": ("alternate", "alternate_day", "every_other_day", "every_second_day", "एक_दिन_छोड़कर",
                       "एक_दिन_छोड़_कर"),
    "weekly_pattern": ("weekly", "weekdays", "some_days", "हफ्ते_के_दिन", "हफ़्ते_के_दिन"),
    "day_by_day": ("on_call",),
    "irregular": ("कभी_कभी",),
})  # fmt: skip
SHIFTS = _words({"morning": ("m", "am", "mor", "morn", "सुबह"), "evening": ("e", "pm", "eve", "शाम")})
METHODS = _words({
    "cash": ("नकद", "नगद", "कैश"),
    "upi": ("gpay", "google_pay", "phonepe", "phone_pe", "paytm", "bhim", "यूपीआई"),
    "qr": ("qr_code",),
    "bank_transfer": ("bank", "neft", "imps", "rtgs", "transfer", "online", "net_banking", "netbanking", "बैंक"),
    "card": ("credit_card", "debit_card", "कार्ड"),
    "cheque": ("check", "chq", "cheque_no", "चेक"),
    "wallet": (),
})  # fmt: skip
YES_OR_NO = _words({"yes": ("y", "true", "1", "हाँ", "हां", "जी"), "no": ("n", "false", "0", "नहीं")})
_WEEKDAYS = (
    ("mon", "monday", "सोम", "सोमवार"), ("tue", "tues", "tuesday", "मंगल", "मंगलवार"),
    ("wed", "weds", "wednesday", "बुध", "बुधवार"), ("thu", "thur", "thurs", "thursday", "गुरु", "गुरुवार"),
    ("fri", "friday", "शुक्र", "शुक्रवार"), ("sat", "saturday", "शनि", "शनिवार"), ("sun", "sunday", "रवि", "रविवार"),
)  # fmt: skip
_DAY_NO = {unicodedata.normalize("NFC", name): number for number, names in enumerate(_WEEKDAYS) for name in names}
WEEKDAYS = tuple(names[0] for names in _WEEKDAYS)


def amount_of(cell: str) -> Decimal:
    """Rupees, at most two decimals: ``1,23,456.50``, ``₹ 250``, ``500 Dr`` (owed); below 0: ``500 Cr``, ``(500)``."""
    return balance_of(cell)[0]


def rupees_of(cell: str) -> Decimal:
    """The same of what has no side: money that came in, a price."""
    amount, side = balance_of(cell)
    if side and amount >= 0:
        raise Unreadable("invalid", f"{cell}: only what is owed is Dr or Cr, write the amount alone.")
    return amount


def balance_of(cell: str) -> tuple[Decimal, int]:
    """The same, and the side that the cell names: 1 owed, -1 in advance, 0 none."""
    written, side = _latin(cell), ""
    if found := _SIDE.search(written):
        side = (found["before"] or found["after"]).lower()
        written = (written[: found.start()] + written[found.end() :]).strip()
    written = _CURRENCY.sub("", written).strip()
    sign = 1
    if written.startswith("(") and written.endswith(")"):
        sign, written = -1, written[1:-1].strip()
    elif written.startswith("-") or written.endswith("-"):
        sign, written = -1, written.removeprefix("-").removesuffix("-").strip()
    written = _CURRENCY.sub("", written).strip()
    if side and sign < 0:
        raise Unreadable("ambiguous", f"{cell} has both a sign and {side}: which side is it?")
    amount = _number(written, 2, cell)
    if amount > MAX_MONEY:
        raise Unreadable("invalid", f"{cell} is more than an account can hold.")
    if sign < 0 or side in _AHEAD:
        return -amount, -1
    return amount, 1 if side else 0


def names_a_side(cell: str) -> bool:
    """Whether an amount has Dr or Cr beside it, and not only a sign."""
    return _SIDE.search(_latin(cell)) is not None


def side_of(cell: str) -> int:
    """1 for a debit (owed by the customer), -1 for a credit."""
    word = plain_heading(cell)
    if word in _OWED:
        return 1
    if word in _AHEAD:
        return -1
    raise Unreadable("invalid", f"{cell} is neither Dr (owed) nor Cr (in advance).")


def quantity_of(cell: str, unit: str) -> Decimal:
    """A quantity in the product's unit, at most three decimals: ``1.5``, ``½``, ``500 ml``, ``2 ltr``. 0 for a dash."""
    written = _latin(cell)
    if written.lower() in _NOTHING:
        return Decimal(0)
    found = _MEASURED.fullmatch(written)
    if found is None:
        raise Unreadable("invalid", f"{cell} is not a quantity.")
    quantity = _number(found[1], 9, cell)
    if found[2]:
        counted, size = _UNITS.get(found[2].strip(" .").lower(), (None, Decimal(1)))
        if counted != unit:
            raise Unreadable("invalid", f"{cell}: this product is counted by the {unit}.")
        quantity *= size
    if quantity != round(quantity, 3):
        raise Unreadable("invalid", f"{cell} has more than three decimals.")
    if quantity > MAX_QUANTITY:
        raise Unreadable("invalid", f"{cell} is too much.")
    return round(quantity, 3)


def day_of(cell: str) -> date:
    """A day as written in India (``31-10-2026``, ``31/10/26``, ``31 Oct 26``) or ``2026-10-31``; times are left out."""
    written = _TIME.sub("", _latin(cell))
    if found := _YEAR_FIRST.fullmatch(written):
        year, month, day = map(int, found.groups())
    elif found := _DAY_FIRST.fullmatch(written):
        day, month, year = map(int, found.groups())
    elif (found := _NAMED_MONTH.fullmatch(written)) and found[2][:3].lower() in _MONTHS:
        day, month, year = int(found[1]), _MONTHS.index(found[2][:3].lower()) + 1, int(found[3])
    else:
        raise Unreadable("invalid", f"{cell} is not a day: write 31-10-2026 or 2026-10-31.")
    try:
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        raise Unreadable("invalid", f"{cell} is no day: the day comes first, then the month.") from None


def phone_of(cell: str) -> str:
    """A phone number in E.164. ``98123 45678.0`` is one, by a spreadsheet; ``9.19E+11`` has lost its digits."""
    if is_shortened(cell):
        raise Unreadable("shortened", SEND_WORKBOOK)
    try:
        return normalise_phone(whole(cell))
    except ValueError as error:
        raise Unreadable("invalid", f"{error}.") from None


def whole(cell: str) -> str:
    """A number without the fraction that a spreadsheet adds to it: ``411038.0``."""
    found = _WITHOUT_FRACTION.fullmatch(cell)
    return found[1] if found else cell


def word_of(cell: str, words: Mapping[str, tuple[str, ...]]) -> str:
    """One of a closed list, by any of its names."""
    word = plain_heading(cell)
    for known, names in words.items():
        if word == known or word in names:
            return known
    raise Unreadable("invalid", f"{cell} is none of: {', '.join(words)}.")


def weekdays_of(cell: str) -> list[int]:
    """Weekdays, 0 = Monday: ``mon wed fri``, ``Mon-Fri``, ``सोम, बुध``."""
    if plain_heading(cell) in {"all", "daily", *MODES["fixed_daily"]}:
        return list(range(7))
    written = re.sub(r"\s*-\s*", "-", _latin(cell).lower().strip("."))
    days: set[int] = set()
    for word in [each for each in re.split(r"[\s,;/&+]+|\band\b", written) if each] or [""]:
        first, dash, last = word.partition("-")
        if first not in _DAY_NO or (dash and last not in _DAY_NO):
            raise Unreadable("invalid", f"{cell} names no weekdays: write mon wed fri, or mon-sat.")
        begin, end = _DAY_NO[first], _DAY_NO[last or first]
        days |= {day % 7 for day in range(begin, end + (1 if end >= begin else 8))}
    return sorted(days)


def weekday_quantities_of(cell: str) -> list[Decimal]:
    """Quantities of weekdays, Monday first: ``mon:2 wed:2 sat:1.5``, ``mon-fri:1 sun:2``; 0 where none is named."""
    quantities: list[Decimal] = [Decimal(0)] * 7
    for word in cell.split():
        days, colon, written = word.strip(",;").partition(":")
        if not colon:
            raise Unreadable("invalid", f"{cell}: {word} has no quantity, write mon:2 wed:1.5.")
        quantity = _number(_latin(written), 3, cell)
        if quantity > MAX_QUANTITY:
            raise Unreadable("invalid", f"{cell} is too much.")
        for day in weekdays_of(days):
            quantities[day] = quantity
    return quantities


def _latin(cell: str) -> str:
    """Digits of any script as 0 to 9, fractions as decimals, one kind of minus."""
    plain = cell.strip()
    if plain.isascii():
        return plain
    plain = unicodedata.normalize("NFC", plain.translate(_HALVES)).replace("\u00a0", " ").strip()
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in plain)


def _number(written: str, places: int, cell: str) -> Decimal:
    found = _NUMBER.fullmatch(written)
    if found is None or not (found[1] or found[2]):
        raise Unreadable("invalid", f"{cell} is not a number: write 1240.50 or 1,240.50.")
    fraction = found[2] or ""
    if len(fraction) > places:  # 1.240 may be meant as a thousand
        raise Unreadable("invalid", f"{cell} has more than {places} decimals.")
    digits = found[1].replace(",", "") or "0"
    if len(digits) > 15:
        raise Unreadable("invalid", f"{cell} is too much.")
    return Decimal(f"{digits}.{fraction or '0'}")
