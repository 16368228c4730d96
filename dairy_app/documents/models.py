"""Which links to invoices ended."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, check, references


class InvoiceLink(Base):
    """How often, and when last, the links of an invoice were revoked; no row: never."""

    __tablename__ = "invoice_links"
    __table_args__ = (
        references("invoice_id", "invoices.id", "invoice_not_found", ondelete="CASCADE"),
        references("revoked_by", "users.id", "user_not_found"),
        check("revocations_range", "revocations BETWEEN 1 AND 1000"),
    )

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    revocations: Mapped[int] = mapped_column(SmallInteger)
    revoked_at: Mapped[datetime]
    revoked_by: Mapped[UUID]
