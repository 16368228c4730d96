"""``ETag`` and ``If-Match``: read once, send only what changed, never overwrite another's change unseen.

The tag is a hash of what GET answers to this caller. A change that names the tag it was made from
(``If-Match``) is refused with 412 ``precondition_failed`` when GET would answer something else by now.
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app, g, make_response, request
from sqlalchemy.orm import Session
from werkzeug.http import quote_etag

from dairy_app.common.errors import Problem
from dairy_app.common.http import current_database, current_session

View = TypeVar("View", bound=Callable[..., Any])


def etagged(view: View) -> View:
    """Tag a single resource. Goes directly below ``@blueprint.route`` of its GET and of its PATCH or PUT.

    GET answers with ``ETag``, or 304 to a matching ``If-None-Match``. A change may send ``If-Match``: it is
    judged before the view runs, and again when the view has its locks, against what others committed by then.
    """

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Response:
        if request.method in {"GET", "HEAD"}:
            response = make_response(view(*args, **kwargs))
            response.set_etag(_tag(response))
            response.make_conditional(request)
            return response
        if "If-Match" not in request.headers or request.if_match.star_tag:
            return make_response(view(*args, **kwargs))
        session = current_session()
        _require_match(session)
        response = make_response(view(*args, **kwargs))
        # What this request changed it holds locked by now. Another connection still sees it as it was before.
        session.flush()
        with current_database().transaction(read_only=True) as before:
            _require_match(before)
        return response

    wrapped.etagged = True  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]


def _require_match(session: Session) -> None:
    """Raise 412 unless GET, asked through ``session``, would answer with a tag that ``If-Match`` names."""
    own, g.session = g.session, session
    try:
        current = make_response(_read_view()(**(request.view_args or {})))
    finally:
        g.session = own
    session.expunge_all()  # what is decided later is read again, under the lock
    if not request.if_match.contains_weak(_tag(current)):  # a proxy that compresses makes tags weak
        raise Problem("precondition_failed", headers={"ETag": quote_etag(_tag(current))})


def _read_view() -> Callable[..., Any]:
    """The GET view of the address being changed, without its own tagging."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    endpoint, _ = adapter.match(request.path, method="GET")
    view: Callable[..., Any] = current_app.view_functions[endpoint]
    return getattr(view, "__wrapped__", view) if getattr(view, "etagged", False) else view


def _tag(response: Response) -> str:
    return hashlib.sha256(response.get_data()).hexdigest()[:32]
