"""Photos of deliveries, written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dairy_app.photos.models import DeliveryPhoto

_photos = DeliveryPhoto.__table__


def put_photo(session: Session, row: Mapping[str, Any]) -> None:
    """Write the photo of an order; it takes the place of the one that the order has."""
    new = insert(DeliveryPhoto).values(**row)
    replaced = {name: new.excluded[name] for name in row if name != "order_id"}
    session.execute(new.on_conflict_do_update(index_elements=["order_id"], set_={**replaced, "updated_at": func.now()}))


def delete_photo(session: Session, order_id: UUID) -> str | None:
    """Delete the photo of an order; the name of its file, None when there is none."""
    return session.scalar(delete(DeliveryPhoto).where(_photos.c.order_id == order_id).returning(_photos.c.file_name))


def delete_older(session: Session, before: datetime, most: int) -> list[str]:
    """Delete photos that came before an instant, at most so many, the oldest first; the names of their files.

    One that is replaced at this moment is not old any more: its row is judged again once it is free.
    """
    is_old = _photos.c.uploaded_at < before
    oldest = select(_photos.c.id).where(is_old).order_by(_photos.c.uploaded_at).limit(most)
    gone = delete(DeliveryPhoto).where(_photos.c.id.in_(oldest), is_old).returning(_photos.c.file_name)
    return list(session.scalars(gone, execution_options={"synchronize_session": False}))
