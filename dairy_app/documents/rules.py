"""Amounts as India writes and says them, sums by rate, and the link that UPI apps understand."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from urllib.parse import quote

_LONGEST_NOTE = 50


class Amounts(Protocol):
    """A line with its tax."""

    @property
    def gst_rate(self) -> Decimal: ...
    @property
    def taxable_value(self) -> Decimal: ...
    @property
    def cgst(self) -> Decimal: ...
    @property
    def sgst(self) -> Decimal: ...
    @property
    def igst(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class RateSum:
    """The tax of one rate (per cent), in rupees."""

    rate: Decimal
    taxable_value: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal


def sums_by_rate(lines: Iterable[Amounts]) -> list[RateSum]:
    """One sum for each rate above 0, the lowest first."""
    by_rate: dict[Decimal, list[Amounts]] = {}
    for line in lines:
        if line.gst_rate > 0:
            by_rate.setdefault(line.gst_rate, []).append(line)
    return [
        RateSum(
            rate,
            taxable_value=sum((line.taxable_value for line in own), Decimal(0)),
            cgst=sum((line.cgst for line in own), Decimal(0)),
            sgst=sum((line.sgst for line in own), Decimal(0)),
            igst=sum((line.igst for line in own), Decimal(0)),
        )
        for rate, own in sorted(by_rate.items())
    ]


def indian(amount: Decimal) -> str:
    """Rupees with paise, grouped by lakh and crore: ``12,34,567.50``."""
    whole, _, paise = f"{abs(amount):.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    sign = "−" if amount < 0 else ""
    return f"{sign}{','.join([*pairs, tail])}.{paise}"


def percent(rate: Decimal) -> str:
    """A rate without trailing zeros: ``5``, ``2.5``."""
    return f"{rate.normalize():f}"


def spelt(number: int, names: Sequence[str], powers: Sequence[tuple[int, str]]) -> str:
    """A whole number in words. ``names``: of 0 to 99; ``powers``: (10000000, crore) down to (100, hundred)."""
    if number < len(names):
        return names[number]
    for value, word in powers:
        if number >= value:
            many, rest = divmod(number, value)
            said = f"{spelt(many, names, powers)} {word}"
            return f"{said} {spelt(rest, names, powers)}" if rest else said
    raise ValueError(f"no words for {number}")


def reference_of(number: str) -> str:
    """A document's number as UPI takes it for ``tr``: no slashes, 15 characters at most."""
    return number.replace("/", "")


def upi_link(*, upi_id: str, name: str, amount: Decimal, number: str) -> str:
    """A link of the NPCI linking specification. Spaces are %20: UPI apps do not read a plus sign as one."""
    fields = {
        "pa": quote(upi_id, safe="@"),
        "pn": quote(name[:_LONGEST_NOTE], safe=""),
        "am": f"{amount:.2f}",
        "cu": "INR",
        "tn": quote(f"Bill {number}"[:_LONGEST_NOTE], safe=""),
        "tr": quote(reference_of(number), safe=""),
    }
    return "upi://pay?" + "&".join(f"{key}={value}" for key, value in fields.items())


def whatsapp_link(phone: str | None, message: str) -> str | None:
    """Opens a chat with the message typed in; None without a number. Digits only, as wa.me wants them."""
    digits = re.sub(r"[^0-9]", "", phone or "")
    return f"https://wa.me/{digits}?text={quote(message, safe='')}" if digits else None
