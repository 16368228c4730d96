"""Checks of what a customer says about itself."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dairy_app.common.errors import invalid
from dairy_app.common.phones import normalise_phone

#: The dairy gives out C000001, C000002, …; a code of one's own must not look like one of them.
_GIVEN_CODE = re.compile(r"C[0-9]{6,}")
#: Fewer digits would find half the town.
SHORTEST_PHONE_TAIL = 3
_PHONE_LIKE = re.compile(r"[+0-9 ()-]+")
#: A link that leads to a map, and nowhere else: helpers follow it from their round.
MAP_LINK = (
    "^https://((www[.])?google[.](com|co[.]in)/maps|maps[.]google[.](com|co[.]in)/|maps[.]app[.]goo[.]gl/|goo[.]gl/maps/"
    "|maps[.]apple[.]com/|(www[.])?openstreetmap[.]org/|osm[.]org/|(www[.])?bing[.]com/maps|(maps[.])?mappls[.]com/"
    "|plus[.]codes/|(www[.])?waze[.]com/)[!-~]*$"
)


@dataclass(frozen=True, slots=True)
class Moved:
    """How a customer differs on a day from its own columns; None: in nothing. With line 1 come line 2 and map link."""

    address_line1: str | None
    address_line2: str | None
    map_link: str | None
    city: str | None
    pincode: str | None
    area_id: UUID | None
    delivery_boy_id: UUID | None


def is_map_link(link: str) -> bool:
    """Whether a link leads to a map."""
    return re.fullmatch(MAP_LINK, link) is not None


def is_reserved_code(code: str) -> bool:
    """Whether the dairy itself gives out customer codes of this form."""
    return _GIVEN_CODE.fullmatch(code) is not None


def number_of_code(code: str) -> int | None:
    """Which of the codes that the dairy gives out this is: 7 for C000007, None for one of its own kind."""
    return int(code[1:]) if is_reserved_code(code) else None


def plain_name(name: str) -> str:
    """A name as it is compared: small letters, single blanks, a letter and its sign as one however they were typed."""
    return " ".join(unicodedata.normalize("NFC", name).lower().split())


def tax_fields(fields: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What a GSTIN says beside what was said: a new customer is registered, in the state of its first two digits.

    ``known``: the same fields as they are, empty for a new customer. Raises ``validation_failed`` when a registered
    one would have no GSTIN.
    """
    settled: dict[str, Any] = {}
    if fields.get("gstin"):
        if not known and fields.get("gst_treatment") is None:
            settled["gst_treatment"] = "registered"
        if not (fields.get("state_code") or known.get("state_code")):
            settled["state_code"] = fields["gstin"][:2]
    together = known | fields | settled
    if together.get("gst_treatment") == "registered" and not together.get("gstin"):
        raise invalid("/gstin", "A registered customer needs a GSTIN.", "required")
    return settled


def search_words(text: str) -> list[str]:
    """The words that are looked for; parted as ``search_text()`` parts those of a customer."""
    return [word for word in re.split(r"[-\s/,.;:#()&+]+", text) if word]


def like_literal(text: str) -> str:
    """For LIKE, where ``%`` and ``_`` stand for themselves."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def phone_digits(text: str) -> str:
    """The digits of what looks like a phone number or the end of one, else nothing."""
    if not _PHONE_LIKE.fullmatch(text):
        return ""
    try:
        return normalise_phone(text).removeprefix("+")
    except ValueError:
        digits = "".join(re.findall(r"[0-9]", text))
    return digits if len(digits) >= SHORTEST_PHONE_TAIL else ""
