"""What was archived, day by day, and what pointed to it."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Index, Numeric, func
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, check, references


class ArchivedDay(Base):
    """The archived orders of one planned day: how many, what they came to, and by what they are proved."""

    __tablename__ = "archived_days"
    __table_args__ = (check("counts_not_negative", "orders >= 0 AND items >= 0 AND statuses >= 0"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    orders: Mapped[int]
    items: Mapped[int]
    statuses: Mapped[int]
    #: Rupees of what was delivered, before discounts and added taxes.
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    #: The SHA-256 of each order with its items and its status, one XOR the next. Not of whose they are: they follow
    #: their customer into a merge.
    digest: Mapped[str] = mapped_column(BIT(256))
    archived_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ArchivedLinkEvent(Base):
    """Which archived order an event of a shared link was about."""

    __tablename__ = "archived_link_events"
    __table_args__ = (
        references("event_id", "shared_link_events.id", "event_not_found"),
        references("order_id", "archived_orders.id", "order_not_found"),
        Index(None, "order_id"),
    )

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    order_id: Mapped[UUID]
