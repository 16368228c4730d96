"""Bodies that somebody signed: an HMAC-SHA256 over the bytes as they came, asked for before anything is read."""

import hmac
from collections.abc import Callable

from flask import Request, current_app

from dairy_app.common.errors import Problem


def signed_by(header: str, prefix: str, setting: str) -> Callable[[Request], None]:
    """What a schema has as ``signed``: refuses (400 ``bad_signature``) a body without the signature that is due.

    The header holds ``prefix`` and the signature in hexadecimal digits. ``setting``: which one of the process is the
    secret; without one nothing is signed rightly.
    """

    def check(request: Request) -> None:
        key: str = getattr(current_app.config["DAIRY"], setting)
        shown = request.headers.get(header, "")
        right = prefix + hmac.digest(key.encode(), request.get_data(), "sha256").hex()
        if not (key and hmac.compare_digest(shown.encode(), right.encode())):
            raise Problem("bad_signature")

    return check
