"""The one page of this package: where an invited person chooses a password."""

import base64
import hashlib
from pathlib import Path

from flask import Response

from dairy_app.settings import Settings

#: Below what every link begins with; the token follows after ``#``.
INVITATION_PATH = "/api/v1/auth/invitation"

_HTML = (Path(__file__).parent.parent / "templates" / "invitation.html").read_text(encoding="utf-8")


def _fingerprint(tag: str) -> str:
    inner = _HTML.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()}'"


#: Nothing but the page's own script, style and requests (CSP level 3).
_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src {_fingerprint('script')}",
        f"style-src {_fingerprint('style')}",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


def invitation_link(settings: Settings, token: str) -> str:
    """What to send to an invited person. The part after ``#`` stays in the browser."""
    return f"{settings.links_begin_with}{INVITATION_PATH}#{token}"


def invitation_page() -> Response:
    """The same page for everybody."""
    response = Response(_HTML, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
