"""The one page of this package: where an invited person chooses a password."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from flask import Response, render_template_string, request

from dairy_app.common.words import Words, choose_of, read_catalogues
from dairy_app.settings import Settings

#: Below what every link begins with; the token follows after ``#``.
INVITATION_PATH = "/api/v1/auth/invitation"

_PACKAGE = Path(__file__).parent.parent
_HTML = (_PACKAGE / "templates" / "invitation.html").read_text(encoding="utf-8")


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


@cache
def catalogues() -> dict[str, Words]:
    """The words of the page: one file a language in ``words/``, all with the same keys."""
    return read_catalogues(_PACKAGE / "words")


def invitation_page() -> Response:
    """The same page for everybody, in the language chosen on the other pages, else one of the browser's."""
    t = choose_of(catalogues(), request.cookies.get("dairy_language"), *(tag for tag, _ in request.accept_languages))
    refusals = tuple(key for key in t.texts if key.startswith("refused_"))
    response = Response(render_template_string(_HTML, t=t, refusals=refusals), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Vary"] = "Cookie, Accept-Language"
    return response
