"""Photos of deliveries: whose they are, who took them, and which file holds the picture."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, check, references, unique
from dairy_app.photos.rules import LONGEST_SIDE, MOST_BYTES


class DeliveryPhoto(Identified, Base):
    """The photo of one order's delivery. The picture itself is a file, which no backup of the database holds."""

    __tablename__ = "delivery_photos"
    __table_args__ = (
        references(
            ("order_id", "customer_id"),
            ("orders.id", "orders.customer_id"),
            "order_not_found",
            name="fk_delivery_photos_order_of_customer",
            deferrable=True,
        ),
        references("taken_by", "users.id", "user_not_found"),
        references("shared_link_id", "shared_links.id", "link_not_found"),
        unique("order_id"),
        unique("file_name"),
        check("file_name_format", "file_name ~ '^[0-9a-f]{32}[.]jpg$'"),
        check("size_range", f"size BETWEEN 1 AND {MOST_BYTES}"),
        check("sides_range", f"least(width, height) >= 1 AND greatest(width, height) <= {LONGEST_SIDE}"),
        check("hashes_are_sha256", "octet_length(sha256) = 32 AND octet_length(sent_sha256) = 32"),
        check("uploaded_at_finite", "isfinite(uploaded_at)"),
        check("taken_by_one", "num_nonnulls(taken_by, shared_link_id) = 1"),
        check("taken_by_name_length", "length(taken_by_name) BETWEEN 1 AND 200"),
        Index(None, "uploaded_at"),
        Index(None, "customer_id", "id"),
    )

    order_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    #: A random name: whoever reads the folder learns nothing, and no address can be guessed.
    file_name: Mapped[str]
    #: Bytes of the file.
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    #: Of the file.
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    #: Of what was sent, which is not kept: the same again is a repeat.
    sent_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    #: When it came here; it is deleted so many days later.
    uploaded_at: Mapped[datetime]
    taken_by: Mapped[UUID | None]
    #: A person's name, or a link's: links have no person.
    taken_by_name: Mapped[str]
    shared_link_id: Mapped[UUID | None]
