"""What a complete export must hold, computed in the same snapshot as the rows."""

from typing import Any

from sqlalchemy.orm import Session

from dairy_app.exports.files.downloads import Download
from dairy_app.exports.files.streams import settle
from dairy_app.exports.gst.gstr1_set import Digest
from dairy_app.exports.registers.findings import voided_after_return
from dairy_app.exports.rules import Span


def manifest(session: Session, download: Download, span: Span, *, bom: bool) -> dict[str, Any]:
    """Rows, bytes, SHA-256, sums in rupees, self-checks, and what was voided after its return was filed.

    ``session`` must be a snapshot.
    """
    settle(session)
    digest = Digest()
    rows = download.source(span, bom).copy(session, digest.take)
    return {
        "profile": download.name,
        "version": download.version,
        "format": download.form,
        "first": span.first,
        "last": span.last,
        "as_of": span.as_of,
        "file_name": download.file_name(span),
        "rows": rows,
        "bytes": digest.size,
        "sha256": digest.sha256.hexdigest(),
        "sums": download.sums(session, span),
        "voided_after_return": voided_after_return(session, span),
        "checks": [check.facts() for check in download.checks(session, span)],
    }
