"""Documents that could not be placed, and what the earlier system's bill records say."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, Imported, Money, check, references, unique


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


class ImportedBill(Imported, Base):
    """One bill record of the earlier system about one imported order.

    A paid one proves that the order was billed there. An unpaid one proves nothing: a repair wrote such records and no
    bill ever showed them.
    """

    __tablename__ = "imported_bills"
    __table_args__ = (
        references("order_id", "orders.id", "order_not_found"),
        check("amount_positive", "amount > 0 AND amount <> 'NaN'"),
        check("billed_month_format", "billed_month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'"),
        Index("ix_imported_bills_order_id", "order_id"),
    )

    order_id: Mapped[UUID]
    amount: Mapped[Money]
    #: The month it was meant for, YYYY-MM; often not that of the delivery.
    billed_month: Mapped[str | None]
    is_paid: Mapped[bool]
