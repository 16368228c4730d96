"""``ETag`` and ``If-Match``: read once, send only what changed, never overwrite another's change unseen.

The tag is a hash of what GET answers to this caller. A change that names the tag it was made from
(``If-Match``) is refused with 412 ``precondition_failed`` when GET would answer something else by now.
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app, make_response, request
from werkzeug.http import quote_etag

from dairy_app.common.errors import Problem
from dairy_app.web.http import current_session

View = TypeVar("View", bound=Callable[..., Any])


#: Locks the rows of a resource, named by the arguments of its address; raises the problem when there is none.
Lock = Callable[..., object]


def etagged(view: View) -> View:
    """Tag a single resource. Goes directly below ``@blueprint.route`` of its GET.

    GET answers with ``ETag``, or 304 to a matching ``If-None-Match``.
    """

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Response:
        response = make_response(view(*args, **kwargs))
        response.set_etag(_tag(response))
        response.make_conditional(request)
        return response

    wrapped.etagged = True  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]


def etagged_by(lock: Lock) -> Callable[[View], View]:
    """The same for PATCH or PUT of that address, which may send ``If-Match``.

    It is judged after ``lock`` has taken what the change will lock anyway: who waited for another's change sees it.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Response:
            if "If-Match" in request.headers and not request.if_match.star_tag:
                lock(**(request.view_args or {}))
                _require_match()
            return make_response(view(*args, **kwargs))

        wrapped.etagged = True  # type: ignore[attr-defined]
        wrapped.locks = True  # type: ignore[attr-defined]
        return wrapped  # type: ignore[return-value]

    return mark


def _require_match() -> None:
    """Raise 412 unless GET would answer with a tag that ``If-Match`` names."""
    current_session().expire_all()
    current = make_response(_read_view()(**(request.view_args or {})))
    current_session().expunge_all()  # what is decided later is read anew
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
