"""What a complete export must hold, computed in the same snapshot as the rows."""

import hashlib
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.exports.profiles import Profile, source_of, totals_of
from dairy_app.exports.span import Span


class _Digest:
    """SHA-256 and size of what passes."""

    def __init__(self, prefix: bytes) -> None:
        self.sha256, self.size = hashlib.sha256(), 0
        self.take(prefix)

    def take(self, chunk: bytes) -> None:
        self.sha256.update(chunk)
        self.size += len(chunk)


def manifest(session: Session, profile: Profile, span: Span, *, bom: bool) -> dict[str, Any]:
    """Rows, bytes, SHA-256 and, in rupees, the sums of the amounts. ``session`` must be a snapshot."""
    source = source_of(profile, span, bom=bom)
    source.settle(session)
    digest = _Digest(source.prefix)
    rows = source.copy(session, digest.take)
    return {
        "profile": profile.name,
        "version": profile.version,
        "first": span.first,
        "last": span.last,
        "as_of": span.as_of,
        "file_name": profile.file_name(span),
        "rows": rows,
        "bytes": digest.size,
        "sha256": digest.sha256.hexdigest(),
        "sums": totals_of(session, profile, span),
    }
