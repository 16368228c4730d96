"""Taking, removing and reading photos, and deleting those that need not be kept.

What takes long, reading and writing the picture, comes before the customer's lock; what decides is read after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.database.transactions import Database, after_commit
from dairy_app.deliveries.rules import Confirmer, Scope
from dairy_app.photos import bulk, queries
from dairy_app.photos.pictures import made_small
from dairy_app.photos.rules import MOST_BYTES, PHOTOGRAPHED, YOUNG, is_within_window
from dairy_app.photos.store import PhotoFiles
from dairy_app.web.access import Actor

#: Photos whose rows are deleted in one transaction.
CHUNK = 500


def take_photo(
    session: Session, files: PhotoFiles, by: Confirmer, scope: Scope, order_id: UUID, sent: bytes
) -> tuple[dict[str, Any], bool]:
    """Keep a photo of an order's delivery, in place of the one there is; and whether this one was kept before.

    The same bytes again change nothing. Raises order_not_found (also outside the scope), illegal_transition (neither
    out nor confirmed), delivery_date_outside_window, forbidden (a delivery boy's on another day),
    payload_too_large, unsupported_media_type, validation_failed, timed_out, files_unavailable.
    """
    if not sent:
        raise invalid("/photo", "The file is empty.")
    if len(sent) > MOST_BYTES:
        raise Problem("payload_too_large", f"At most {MOST_BYTES:,} bytes.")
    hashed = sha256(sent).digest()
    order = queries.order_within(session, scope, order_id)
    _require_photographed(session, by, order)
    if _is_repeat(files, queries.photo_of(session, order_id), hashed):
        return queries.photo_view(session, order_id), True
    picture = made_small(sent)
    name = files.write(picture.content)
    try:
        lock_customers(session, [order.customer_id])
        order = queries.order_within(session, scope, order_id, lock=True)
        _require_photographed(session, by, order)
        former = queries.photo_of(session, order_id)
        is_repeat = _is_repeat(files, former, hashed)
        if is_repeat:  # sent twice at once
            files.remove(name)
        else:
            row = {
                "order_id": order_id,
                "customer_id": order.customer_id,
                "file_name": name,
                "size": len(picture.content),
                "width": picture.width,
                "height": picture.height,
                "sha256": sha256(picture.content).digest(),
                "sent_sha256": hashed,
                "uploaded_at": now(),
                "taken_by": by.user_id,
                "taken_by_name": by.name,
                "shared_link_id": by.shared_link_id,
            }
            bulk.put_photo(session, row)
    except BaseException:
        files.remove(name)
        raise
    if former is not None and not is_repeat:
        after_commit(session, partial(files.remove, former.file_name))
    return queries.photo_view(session, order_id), is_repeat


def remove_photo(session: Session, files: PhotoFiles, by: Confirmer, scope: Scope, order_id: UUID) -> None:
    """Delete the photo of an order: its row, and when that is sure, its file.

    Raises order_not_found, forbidden (a delivery boy's on another day), photo_not_found.
    """
    lock_customers(session, [queries.order_within(session, scope, order_id).customer_id])
    _require_own_day(session, by, queries.order_within(session, scope, order_id, lock=True))
    name = bulk.delete_photo(session, order_id)
    if name is None:
        raise Problem("photo_not_found")
    after_commit(session, partial(files.remove, name))


def read_photo(session: Session, files: PhotoFiles, actor: Actor, order_id: UUID) -> tuple[Row[Any], bytes]:
    """The photo of an order and its picture. Raises photo_not_found (also without its file), files_unavailable."""
    photo = queries.visible_photo(session, actor, order_id, today(session))
    content = files.read(photo.file_name)
    if content is None:
        raise Problem("photo_not_found", "The file of the photo is missing.")
    return photo, content


def _is_repeat(files: PhotoFiles, former: Row[Any] | None, hashed: bytes) -> bool:
    """Whether these bytes are kept already: a photo whose file is gone is brought back by sending it again."""
    if former is None or bytes(former.sent_sha256) != hashed:
        return False
    return bool(files.size_of(former.file_name) == former.size)


def _require_photographed(session: Session, by: Confirmer, order: Row[Any]) -> None:
    if order.status not in PHOTOGRAPHED:
        raise Problem(
            "illegal_transition", f"The order is neither out for delivery nor confirmed; it is {order.status}."
        )
    _require_own_day(session, by, order)
    if not is_within_window(order.delivery_date, today(session), business_settings(session).delivery_window_days):
        raise Problem("delivery_date_outside_window")


def _require_own_day(session: Session, by: Confirmer, order: Row[Any]) -> None:
    if by.method == "delivery_boy" and order.delivery_date != today(session):
        raise Problem("forbidden", "A delivery boy takes and removes photos on the day of the delivery.")


# ------------------------------------------------------------------------------------------- what goes by itself


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted: photos that were old, and files that had no row."""

    old: int
    orphans: int


def purge(database: Database, files: PhotoFiles) -> Purged:
    """Delete photos that are older than the setting, and files whose row is gone or was never written.

    Row first, then file; photos go chunk by chunk, each in a transaction, so that it may be broken off and repeated.
    Raises files_unavailable when the folder cannot be read.
    """
    old = sum(len(names) for names in _old(database, files))
    orphans = 0
    try:
        for part in files.parts():
            before = now() - YOUNG
            aged = [each.name for each in part if each.written_at < before]
            if aged:
                known = database.run(partial(queries.known_names, names=aged), read_only=True)
                orphans += sum(files.remove(name) for name in aged if name not in known)
    except OSError as error:
        raise Problem("files_unavailable", f"{files.folder}: {error.strerror}") from error
    return Purged(old, orphans)


def _old(database: Database, files: PhotoFiles) -> Iterator[list[str]]:
    while True:
        names = database.run(_delete_old)
        for name in names:
            files.remove(name)
        yield names
        if len(names) < CHUNK:
            return


def _delete_old(session: Session) -> list[str]:
    days = business_settings(session).photo_days
    return [] if days is None else bulk.delete_older(session, now() - timedelta(days=days), CHUNK)


# ------------------------------------------------------------------------------------------- do they agree


@dataclass(frozen=True, slots=True)
class Compared:
    """What rows and files disagree about: orders whose file is missing or of another size, and files without a row."""

    without_file: list[str]
    without_row: list[str]


def compare(session: Session, files: PhotoFiles) -> Compared:
    """Compare rows and files, which no constraint can. In a folder that cannot be read there is no file.

    Files first: one that is written or deleted meanwhile is looked at again.
    """
    try:
        found = {each.name: each for part in files.parts() for each in part}
    except OSError:
        found = {}
    rows = {row.file_name: row for row in queries.files_in_rows(session)}
    wrong = [row for name, row in rows.items() if name not in found or found[name].size != row.size]
    wrong = [row for row in wrong if files.size_of(row.file_name) != row.size]
    still = queries.known_names(session, [row.file_name for row in wrong])
    without_file = [str(row.order_id) for row in wrong if row.file_name in still]
    before = now() - YOUNG
    without_row = [name for name, each in found.items() if name not in rows and each.written_at < before]
    return Compared(without_file, without_row)
