"""Headers of every answer: what a browser may do with it, who may ask from elsewhere, and gzip for large ones."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence

from flask import Flask, Response, request
from flask_cors import CORS

#: An answer of the API is data: it loads nothing, runs nothing, is in no frame.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
MIN_GZIP_BYTES = 1024
_LEVEL = 6
#: A compressed answer is another representation, so it gets another tag (RFC 9110, 8.8.3.3).
_SUFFIX = '-gzip"'
_TEXTS = frozenset(
    {
        "application/json",
        "application/problem+json",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/plain",
        "text/xml",
    }
)


#: What clients of the API send and read besides what every page of another origin may.
_SENT = (
    "Authorization",
    "Content-Type",
    "Dairy-Position",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-Id",
)
_READ = (
    "Content-Disposition",
    "Dairy-Position",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "X-Request-Id",
)
_HOUR = 3600
#: Of every answer; what a view sets itself stands.
_SECURE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": DATA_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SECURE_CHANNEL = {"Strict-Transport-Security": "max-age=31536000"}


def register(app: Flask, cors_origins: Sequence[str] = ()) -> None:
    """Set the security headers of every answer (a view's own stand), compress the large ones.

    Pages of ``cors_origins`` may call the API, with a token and never with a cookie.
    """
    if cors_origins:
        CORS(
            app,
            resources={r"/api/.*": {"origins": list(cors_origins)}},
            allow_headers=list(_SENT),
            expose_headers=list(_READ),
            max_age=_HOUR,
        )
    app.before_request(_read_tags_of_compressed_answers)
    app.after_request(_secure)
    app.after_request(_compress)


def _secure(response: Response) -> Response:
    said = {name.lower() for name, _ in response.headers}
    for name, value in (_SECURE | _SECURE_CHANNEL if request.is_secure else _SECURE).items():
        if name.lower() not in said:
            response.headers.add(name, value)
    return response


def _read_tags_of_compressed_answers() -> None:
    for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"):
        if name in request.environ:
            request.environ[name] = request.environ[name].replace(_SUFFIX, '"')


def _compress(response: Response) -> Response:
    if not _is_large_text(response):
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"] or request.method == "HEAD":
        return response
    if response.is_streamed:
        response.response = _gzip_stream(response.response)
    else:
        response.set_data(gzip.compress(response.get_data(), _LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    tag = response.headers.get("ETag")
    if tag is not None:
        response.headers["ETag"] = tag[:-1] + _SUFFIX
    return response


def _is_large_text(response: Response) -> bool:
    if response.mimetype not in _TEXTS or response.direct_passthrough or response.status_code in {204, 206, 304}:
        return False
    if "Content-Encoding" in response.headers:
        return False
    return response.is_streamed or len(response.get_data()) >= MIN_GZIP_BYTES


def _gzip_stream(parts: Iterable[bytes | str]) -> Iterator[bytes]:
    """The parts compressed as they come, in constant memory; closing it closes the source."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    try:
        for part in parts:
            packed = packer.compress(part.encode() if isinstance(part, str) else part)
            if packed:
                yield packed
        yield packer.flush()
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
