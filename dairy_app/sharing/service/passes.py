"""What a right PIN earns: a pass in a cookie, good for one link as it stands.

The pass is an HMAC-SHA256 (RFC 2104), with the application's secret, over the link, its PIN's hash and its end; nothing
is stored. Another PIN or another end makes another pass; a revoked link opens with none.
"""

import hmac
from datetime import datetime
from typing import Protocol
from uuid import UUID


class Link(Protocol):
    """What a pass is made of: a row of ``shared_links``."""

    id: UUID
    pin_hash: str | None
    expires_at: datetime


def pass_for(secret: str, link: Link) -> str:
    """The pass of a link with a PIN, as hexadecimal text."""
    said = f"shared-link\n{link.id}\n{link.pin_hash}\n{link.expires_at.timestamp():.6f}"
    return hmac.new(secret.encode(), said.encode(), "sha256").hexdigest()


def is_pass(secret: str, link: Link, shown: str | None) -> bool:
    """Whether what was shown opens the link. One without a PIN is open."""
    if link.pin_hash is None:
        return True
    return hmac.compare_digest(pass_for(secret, link).encode(), (shown or "").encode())
