"""What a right PIN earns: a pass in a cookie, good for one link as it stands.

The pass is an HMAC-SHA256 (RFC 2104), with the application's secret, over the link, its PIN's hash and its end; nothing
is stored. Another PIN or another end makes another pass; a revoked link opens with none.
"""

import hmac
from datetime import datetime
from typing import Any


def pass_for(secret: str, link: Any) -> str:
    """The pass of a link with a PIN, as hexadecimal text."""
    end: datetime = link.expires_at
    said = f"shared-link\n{link.id}\n{link.pin_hash}\n{end.timestamp():.6f}"
    return hmac.new(secret.encode(), said.encode(), "sha256").hexdigest()


def is_pass(secret: str, link: Any, shown: str | None) -> bool:
    """Whether what was shown opens the link. One without a PIN is open."""
    if link.pin_hash is None:
        return True
    return hmac.compare_digest(pass_for(secret, link).encode(), (shown or "").encode())
