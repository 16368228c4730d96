"""Links to invoices: nothing secret is stored, because a token proves itself.

A token is the invoice's id, the last day it is good for (when there is one), and an HMAC-SHA256 cut to 128 bits, under
a key derived from ``DAIRY_SECRET_KEY`` for this purpose alone, over both, the links' version (settings) and how often
the links of this invoice were revoked. Another key or version ends every link, a revocation those of one bill.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from uuid import UUID

_PURPOSE = b"dairy_app: links to invoices"
_ID_BYTES = _PROOF_BYTES = 16
#: Days since this one, until 2179.
_FIRST_DAY, _DAY_BYTES = date(2000, 1, 1), 2


@dataclass(frozen=True, slots=True)
class Read:
    """What a token of ours says: until when it is good, None for ever; how often links had been revoked before it."""

    expires_on: date | None
    revocations: int


@dataclass(frozen=True)
class Links:
    """Makes and reads tokens. ``public_url``: where people reach the pages, ``expires_on``: last day of new ones."""

    secret_key: str = field(repr=False)
    version: int
    public_url: str
    expires_on: date | None = None

    @cached_property
    def _key(self) -> bytes:
        return hmac.digest(self.secret_key.encode(), _PURPOSE, hashlib.sha256)

    def _written(self, content: bytes, revocations: int) -> str:
        since = b"%d" % self.version + (b".%d" % revocations if revocations else b"")
        proof = hmac.digest(self._key, since + b":" + content, hashlib.sha256)[:_PROOF_BYTES]
        return base64.urlsafe_b64encode(content + proof).decode().rstrip("=")

    def token(self, invoice_id: UUID, revocations: int = 0) -> str:
        """43 characters that may be in an address, 46 with a last day."""
        return self._written(invoice_id.bytes + _day_bytes(self.expires_on), revocations)

    def url(self, invoice_id: UUID, revocations: int = 0) -> str:
        return f"{self.public_url}/i/{self.token(invoice_id, revocations)}"

    def read(self, token: str, revocations: int) -> Read | None:
        """What a token says, whose invoice's links were revoked so often; None for any that was not made here."""
        content = _content(token)
        for before in range(revocations, -1, -1) if content else ():
            # The whole token is compared: base64 has several spellings of the same bytes.
            if hmac.compare_digest(self._written(content, before).encode(), token.encode("ascii")):
                return Read(_day_of(content[_ID_BYTES:]), before)
        return None


def named_in(token: str) -> UUID | None:
    """The id that a token names, proven or not; None for what has not the form of one."""
    content = _content(token)
    return UUID(bytes=content[:_ID_BYTES]) if content else None


def _content(token: str) -> bytes:
    """What a token says before its proof; nothing for what has not the form of one."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return b""
    content = raw[:-_PROOF_BYTES]
    return content if len(content) in (_ID_BYTES, _ID_BYTES + _DAY_BYTES) else b""


def _day_bytes(day: date | None) -> bytes:
    return b"" if day is None else (day - _FIRST_DAY).days.to_bytes(_DAY_BYTES, "big")


def _day_of(written: bytes) -> date | None:
    return _FIRST_DAY + timedelta(days=int.from_bytes(written, "big")) if written else None
