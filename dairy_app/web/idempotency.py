"""``Idempotency-Key``: the same request sent twice is done once and answered twice.

The key's row is inserted first, in the request's own transaction: a second caller waits for the first,
then gets its answer. An error rolls the row back, so errors are never stored. An answer that holds a secret which is
shown once (an invitation) is stored without it: ``idempotent_but``.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, make_response, request
from sqlalchemy import LargeBinary, SmallInteger, delete, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.common.errors import Problem
from dairy_app.database.models import Base, check, references
from dairy_app.web.http import current_actor, current_session

View = TypeVar("View", bound=Callable[..., Any])


class IdempotencyKey(Base):
    """One request that a client marked as repeatable, with its answer."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        references("user_id", "users.id", "user_not_found", ondelete="CASCADE"),
        check("key_length", "length(key) BETWEEN 1 AND 200"),
    )

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    response: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


def idempotent(view: View) -> View:
    """``idempotent_but`` for an answer without secrets."""
    return idempotent_but()(view)


def idempotent_but(*secrets: str) -> Callable[[View], View]:
    """Let clients repeat this POST safely. Goes directly below ``@blueprint.route``.

    Same user, address, key and body → the stored answer with ``Idempotency-Replayed: true``; same key, other
    body → 422 ``idempotency_key_reused``. ``secrets``: fields that the repeated answer does not have. Only for routes
    that ask for a login and leave the transaction to us.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            key = request.headers.get("Idempotency-Key")
            if key is None:
                return view(*args, **kwargs)
            if not (1 <= len(key) <= 200 and key.isprintable()):
                raise Problem("validation_failed", "Idempotency-Key must be 1 to 200 printable characters.")
            known = _remember(key)
            if known is not None:
                return known
            response = make_response(view(*args, **kwargs))
            _store(key, response, secrets)
            return response

        wrapped.idempotent = ("Idempotency-Key", *secrets)  # type: ignore[attr-defined]
        return wrapped  # type: ignore[return-value]

    return mark


def _store(key: str, response: Response, secrets: Sequence[str]) -> None:
    """Keep the answer, except for a refusal that commits: trying again must be possible."""
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        current_session().execute(delete(IdempotencyKey).where(*_this_request(key)))
        return
    said = response.get_data(as_text=True)
    if secrets:
        said = json.dumps({name: value for name, value in json.loads(said).items() if name not in secrets})
    answer = {"status": response.status_code, "response": said}
    current_session().execute(update(IdempotencyKey).where(*_this_request(key)).values(answer))


def _this_request(key: str) -> tuple[Any, ...]:
    table = IdempotencyKey
    return table.user_id == current_actor().user_id, table.route == _route(), table.key == key


def _route() -> str:
    return f"{request.method} {request.path}"


def _content() -> bytes:
    """The body; of a form with files what is in it, because its boundary is another one each time."""
    if request.mimetype != "multipart/form-data":
        return request.get_data()
    parts = [(name, value.encode()) for name, value in request.form.items(multi=True)]
    for name, file in request.files.items(multi=True):
        parts.append((f"{name}/{file.filename}", file.read()))
        file.seek(0)
    return b"".join(b"%d %d " % (len(name), len(part)) + name.encode() + part for name, part in parts)


def _remember(key: str) -> Response | None:
    """Insert the key; when it already exists, the answer that was given then."""
    asked = hashlib.sha256(request.query_string + b"\n" + _content()).digest()
    row = {"user_id": current_actor().user_id, "route": _route(), "key": key, "request_hash": asked}
    session = current_session()
    written = session.execute(
        postgresql.insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.key)
    ).first()
    if written is not None:
        return None
    stored = session.execute(
        select(IdempotencyKey.request_hash, IdempotencyKey.status, IdempotencyKey.response).where(*_this_request(key))
    ).one()
    if bytes(stored.request_hash) != asked:
        raise Problem("idempotency_key_reused")
    answer = Response(stored.response, stored.status, content_type="application/json")
    answer.headers["Idempotency-Replayed"] = "true"
    return answer
