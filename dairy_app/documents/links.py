"""Links to invoices: nothing secret is stored, because a token proves itself.

A token is the invoice's id and an HMAC-SHA256 over the links' version (settings) and that id, cut to 128 bits, under a
key derived from ``DAIRY_SECRET_KEY`` for this purpose alone. Another key or another version ends every link.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

_PURPOSE = b"dairy_app: links to invoices"
_ID_BYTES = _PROOF_BYTES = 16


@dataclass(frozen=True)
class Links:
    """Makes and reads tokens. ``public_url`` is where people reach the pages."""

    secret_key: str = field(repr=False)
    version: int
    public_url: str

    @cached_property
    def _key(self) -> bytes:
        return hmac.digest(self.secret_key.encode(), _PURPOSE, hashlib.sha256)

    def _proof(self, invoice_id: UUID) -> bytes:
        return hmac.digest(self._key, b"%d:" % self.version + invoice_id.bytes, hashlib.sha256)[:_PROOF_BYTES]

    def token(self, invoice_id: UUID) -> str:
        """43 characters that may stand in an address."""
        written = base64.urlsafe_b64encode(invoice_id.bytes + self._proof(invoice_id))
        return written.decode().rstrip("=")

    def url(self, invoice_id: UUID) -> str:
        return f"{self.public_url}/i/{self.token(invoice_id)}"

    def invoice_of(self, token: str) -> UUID | None:
        """The id that a token was made for; None for anything that was not made here, with this key and version."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (UnicodeEncodeError, binascii.Error, ValueError):
            return None
        if len(raw) != _ID_BYTES + _PROOF_BYTES:
            return None
        invoice_id = UUID(bytes=raw[:_ID_BYTES])
        # The whole token is compared: base64 has several spellings of the same bytes.
        return invoice_id if hmac.compare_digest(self.token(invoice_id).encode(), token.encode("ascii")) else None
