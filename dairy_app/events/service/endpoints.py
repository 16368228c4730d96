"""Who is told of events: endpoints made, changed, given another secret; a delivery tried again."""

import base64
import secrets
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.common.changes import sent
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.events import bulk, queries
from dairy_app.events.rules import OVERLAP, EndpointChange, NewEndpoint, refuse_url
from dairy_app.web.access import Actor

#: Bytes of a secret; Standard Webhooks asks for 24 to 64.
SECRET_BYTES = 32


def add_endpoint(session: Session, actor: Actor, wanted: NewEndpoint, local: bool) -> tuple[UUID, str]:
    """A new endpoint, told of what happens from now on; its id and its secret, which is shown this once.

    ``local``: addresses within this machine and its network are taken. Raises validation_failed (the address).
    """
    _require_address(wanted.url, local)
    secret = _new_secret()
    row = {
        "url": wanted.url,
        "kinds": sorted(set(wanted.kinds)),
        "description": wanted.description,
        "secret": secret,
        "told_through": queries.last_id(session),
        "created_by": actor.user_id,
    }
    return bulk.insert_endpoint(session, row), secret


def change_endpoint(session: Session, endpoint_id: UUID, change: EndpointChange, local: bool) -> None:
    """Change an endpoint. One that is active again is told of all that is kept of the time between, at once.

    Raises webhook_endpoint_not_found, validation_failed (the address).
    """
    row = sent(change)
    if isinstance(row.get("url"), str):
        _require_address(row["url"], local)
    if "kinds" in row:
        row["kinds"] = sorted(set(row["kinds"]))
    if row.keys() & {"url", "active"}:
        row["rests_until"] = None
    if row and not bulk.update_endpoint(session, endpoint_id, row):
        raise Problem("webhook_endpoint_not_found")


def rotate_secret(session: Session, endpoint_id: UUID) -> str:
    """A new secret, shown this once; for a day messages are signed with the former one, too.

    Raises webhook_endpoint_not_found.
    """
    former, moment, secret = queries.secret_of(session, endpoint_id), now(), _new_secret()
    row = {
        "secret": secret,
        "secret_since": moment,
        "former_secret": former,
        "former_secret_until": moment + OVERLAP,
    }
    bulk.update_endpoint(session, endpoint_id, row)
    return secret


def delete_endpoint(session: Session, endpoint_id: UUID) -> None:
    """Tell an address of nothing any more, and forget what it was told. Raises webhook_endpoint_not_found."""
    if not bulk.delete_endpoint(session, endpoint_id):
        raise Problem("webhook_endpoint_not_found")


def tell_again(session: Session, endpoint_id: UUID, event_id: int) -> Row[object]:
    """Try a delivery anew, whatever became of it. Raises event_not_found: it was not told of that, or it is gone."""
    queries.get_delivery(session, endpoint_id, event_id)
    bulk.tell_again(session, endpoint_id, event_id, now())
    return queries.get_delivery(session, endpoint_id, event_id)


def _require_address(url: str, local: bool) -> None:
    wrong = refuse_url(url, local)
    if wrong is not None:
        raise invalid("/url", wrong)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
