"""Documents that could not be placed."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.common.models import Base, Identified, check, unique


class ImportQuarantine(Identified, Base):
    """One document of the earlier system that could not be placed, kept whole with the reason.

    ``resolved_at`` is set when a later import, after a repair, wrote a document of the same key.
    """

    __tablename__ = "import_quarantine"
    __table_args__ = (
        unique("collection", "legacy_id", "content_hash"),
        check("reason_length", "length(reason) BETWEEN 1 AND 60"),
    )

    collection: Mapped[str]
    legacy_id: Mapped[str]
    #: A stable word, for example ``customer_unresolved``.
    reason: Mapped[str]
    #: The value in question, for people.
    detail: Mapped[str | None]
    #: Relaxed Extended JSON, without password hashes.
    document: Mapped[Any] = mapped_column(JSONB)
    #: MD5 of the document as it was in its dump, but for its object id: two documents may share one key.
    content_hash: Mapped[str]
    resolved_at: Mapped[datetime | None]
