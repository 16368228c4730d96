"""A route of the API, asked from within a request: what pages are made of.

It runs in the transaction of the request around it, for the caller who was identified there, with everything that
the route declares: its policy, its schemas, its idempotency key. A page can do nothing that the API would refuse.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, g, request
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException

from dairy_app.common.errors import FieldError, Problem
from dairy_app.database.transactions import READ_ONLY, RETRYABLE, sqlstate, undone_if_refused
from dairy_app.web.access import Policy, policy_of
from dairy_app.web.failures import problem_of_database, problem_of_http
from dairy_app.web.http import DairyFlask, current_actor, current_session, refuse_undeclared

API = "/api/v1"


def admits(path: str, method: str = "GET") -> bool:
    """Whether the caller's role may ask for a path below ``/api/v1``."""
    with _within(path, method):
        return _policy().admits(current_actor().role)


def ask(path: str, **query: Any) -> Any:
    """What GET of a path below ``/api/v1`` answers, read as JSON. Parameters that are None are left out.

    Raises the problem with which the route refuses.
    """
    return json.loads(fetch(path, **query).get_data())


def fetch(path: str, **query: Any) -> Response:
    """The same as it comes, for what is not JSON: a document to pass on."""
    given = {name: value for name, value in query.items() if value is not None}
    try:
        with _within(path, "GET", given):
            return _answer()
    except HTTPException as error:
        raise problem_of_http(error) from error


def act(
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    match: str | None = None,
    file: FileStorage | None = None,
    **query: Any,
) -> Any:
    """Do what the route does: all of it, or nothing. ``key``: an ``Idempotency-Key``; ``file``: an upload as the body;
    ``match``: the ``ETag`` of what the caller saw (``If-Match``).

    Raises the problem with which the route refuses; the rest of the request goes on as if it had not been asked. What
    a refusal records (a failed try) stays.
    """
    given = {"Idempotency-Key": key, "If-Match": match}
    headers = {name: value for name, value in given.items() if value}
    sent = {"json": dict(body or {})} if file is None else {"data": {"file": (file.stream, file.filename or "file")}}
    try:
        with undone_if_refused(current_session()), _within(path, method, query, headers, **sent):
            response = _answer()
    except DBAPIError as error:
        if sqlstate(error) in {*RETRYABLE, READ_ONLY} or error.connection_invalidated:
            raise  # the transaction as a whole is tried again, or says that nothing is written here
        raise problem_of_database(error) from error
    except HTTPException as error:
        raise problem_of_http(error) from error
    content: Any = json.loads(response.get_data()) if response.data else None
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise Problem(content["code"], content["detail"], [FieldError(**each) for each in content["errors"]])
    return content


def together() -> AbstractContextManager[None]:
    """Several acts as one: all of them, or none."""
    return undone_if_refused(current_session())


class _Tried(Exception):
    """Everything was done as if in earnest; nothing of it shall stay."""


@contextmanager
def tried(unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Acts that are only to be judged: what they would come to is known, and nothing of them stays.

    ``unless``: asked when they are done, whether they stay after all.
    """
    try:
        with together():
            yield
            if not unless():
                raise _Tried
    except _Tried:
        pass


@contextmanager
def _within(
    path: str,
    method: str,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    **sent: Any,
) -> Iterator[None]:
    """A request to the API, made by whoever made the one around it."""
    app: DairyFlask = current_app._get_current_object()  # type: ignore[attr-defined]
    around = {name: request.environ[name] for name in ("REMOTE_ADDR", "HTTP_USER_AGENT") if name in request.environ}
    kept = {name: g.get(name) for name in ("session", "actor", "request_id")}
    with app.test_request_context(
        API + path, method=method, query_string=query or {}, headers=headers, environ_overrides=around, **sent
    ):
        for name, value in kept.items():
            setattr(g, name, value)
        try:
            yield
        finally:
            request.environ["wsgi.input"].close()  # of a large upload it is a file


def _answer() -> Response:
    if not _policy().admits(current_actor().role):
        raise Problem("forbidden")
    view: Callable[..., Any] = current_app.view_functions[_endpoint()]
    request.get_data(parse_form_data=False)  # kept, also when a form is read of it
    refuse_undeclared(view)
    return current_app.make_response(view(**(request.view_args or {})))


def _policy() -> Policy:
    policy = policy_of(current_app.view_functions[_endpoint()])
    assert policy is not None and not policy.own_transactions and policy.roles is not None, request.path
    return policy


def _endpoint() -> str:
    if request.routing_exception is not None:
        raise request.routing_exception
    assert request.endpoint is not None
    return request.endpoint
