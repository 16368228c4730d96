"""Bodies that somebody signed: an HMAC-SHA256 over the bytes as they came, asked for before anything is read."""

import hmac
from collections.abc import Callable, Sequence

from flask import Request, current_app

from dairy_app.common.errors import Problem


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether ``signature`` is the HMAC-SHA256 of the body under one of the secrets, in hexadecimal."""
    given = signature.encode()
    proofs = [hmac.digest(secret.encode(), body, "sha256").hex().encode() for secret in secrets]
    return any(hmac.compare_digest(proof, given) for proof in proofs)


def signed_by(header: str, prefix: str, setting: str) -> Callable[[Request], None]:
    """What a schema has as ``signed``: refuses (400 ``bad_signature``) a body without the signature that is due.

    The header holds ``prefix`` and the signature in hexadecimal digits. ``setting``: which one of the process is the
    secret; without one nothing is signed rightly.
    """

    def check(request: Request) -> None:
        key: str = getattr(current_app.config["DAIRY"], setting)
        shown = request.headers.get(header, "")
        if not (key and shown.startswith(prefix) and is_signed(request.get_data(), shown.removeprefix(prefix), [key])):
            raise Problem("bad_signature")

    return check
