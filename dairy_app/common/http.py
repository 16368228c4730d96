"""The request: its id, its actor, its one transaction, its answer or its problem document.

``DairyFlask`` runs every view inside one transaction with the caller already identified and the route's
policy already checked; a view is left with parsing, one service call and the answer.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from flask import Flask, Response, current_app, g, jsonify, request
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import RAISE
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from dairy_app.common import constraints
from dairy_app.common.access import Actor, Policy, policy_of
from dairy_app.common.errors import CODES, FieldError, Problem, code_of_http_status
from dairy_app.common.logs import log
from dairy_app.common.transactions import Database

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Identify = Callable[[Session, Policy], Actor | None]


class StrictParser(FlaskParser):
    """Refuses unknown fields everywhere, in the query string too, and NUL characters PostgreSQL cannot store."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE, "query_and_path": RAISE}

    def load_json(self, req: Any, schema: Any) -> Any:
        body = super().load_json(req, schema)
        if _holds_nul(body):
            raise Problem("validation_failed", "Text must not contain NUL characters.")
        return body


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


class Blueprint(SmorestBlueprint):
    """A domain's routes; request and response schemas make the OpenAPI document too."""

    ARGUMENTS_PARSER = StrictParser()


class ProblemApi(Api):  # type: ignore[misc]
    """The OpenAPI document, with errors left to this module's one shape."""

    def _register_error_handlers(self) -> None:
        """Not the library's handlers: ``register_errors`` below serves the whole application."""


class DairyFlask(Flask):
    """The application: one request, one transaction."""

    database: Database
    identify: Identify

    def dispatch_request(self) -> Any:
        """Identify the caller, check the policy, run the view: one transaction, again after a deadlock."""
        if request.routing_exception is not None:
            self.raise_routing_exception(request)  # raises
        rule = request.url_rule
        if rule is None or (request.method == "OPTIONS" and rule.provide_automatic_options):
            return super().dispatch_request()
        if any("\x00" in text for pair in request.args.items(multi=True) for text in pair):
            raise Problem("validation_failed", "Parameters must not contain NUL characters.")
        view = self.view_functions[rule.endpoint]
        policy = policy_of(view)
        assert policy is not None, "check_policies ran at start-up"
        arguments: dict[str, Any] = request.view_args or {}
        read_only = request.method in _SAFE_METHODS and not policy.records

        def answer(session: Session) -> Response:
            g.session, g.actor = session, None
            g.actor = self.identify(session, policy)
            return self.make_response(self.ensure_sync(view)(**arguments))

        if policy.own_transactions:
            with self.database.transaction(read_only=True) as session:
                g.actor = self.identify(session, policy)
            return view(**arguments)
        return self.database.run(answer, read_only=read_only)


def current_session() -> Session:
    """The session of this request's transaction."""
    session: Session = g.session
    return session


def current_actor() -> Actor:
    """Who calls. Only on routes whose policy asks for a login."""
    actor: Actor = g.actor
    return actor


def current_database() -> Database:
    """For views that declared ``own_transactions``."""
    app: DairyFlask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app.database


def check_policies(app: DairyFlask) -> None:
    """Stop the start-up when a route has no policy: forgetting one must not open it."""
    missing = [
        f"{rule.rule} ({rule.endpoint})"
        for rule in app.url_map.iter_rules()
        if policy_of(app.view_functions[rule.endpoint]) is None
    ]
    if missing:
        raise LookupError("routes without a policy: " + ", ".join(sorted(missing)))


def refusal(problem: Problem) -> Response:
    """A problem as an answer, so that the transaction commits what it recorded (a failed login)."""
    response = jsonify(problem.document(f"urn:request:{g.request_id}"))
    response.status_code = problem.status
    response.content_type = "application/problem+json"
    response.headers.update(problem.headers)
    return response


def register_errors(app: Flask) -> None:
    """Everything that can go wrong, as a problem document with a stable code."""

    @app.errorhandler(Problem)
    def on_problem(problem: Problem) -> Response:
        return refusal(problem)

    @app.errorhandler(HTTPException)
    def on_http_exception(error: HTTPException) -> Response:
        return refusal(_problem_of_http(error))

    @app.errorhandler(DBAPIError)
    def on_database_error(error: DBAPIError) -> Response:
        return refusal(_problem_of_database(error))

    @app.errorhandler(Exception)
    def on_fault(error: Exception) -> Response:
        log.exception("unhandled fault", exc_info=error)
        return refusal(Problem("internal_error"))


def _problem_of_http(error: HTTPException) -> Problem:
    messages = (getattr(error, "data", None) or {}).get("messages")
    if messages is not None:
        if messages == {"json": ["Invalid JSON body."]}:
            return Problem("malformed_request", "The body is not valid JSON.")
        found = [
            FieldError(pointer, "invalid", text)
            for location, fields in messages.items()
            for pointer, text in _flatten(fields, "" if location == "json" else f"/{location}")
        ]
        first = found[0] if found else FieldError("", "invalid", "The request is not valid.")
        return Problem("validation_failed", f"{first.pointer or 'body'}: {first.detail}", found)
    status = error.code or 500
    problem = Problem(code_of_http_status(status), CODES[code_of_http_status(status)][1])
    if status == 405 and getattr(error, "valid_methods", None):
        problem.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return problem


def _flatten(messages: Any, pointer: str) -> list[tuple[str, str]]:
    if isinstance(messages, Mapping):
        parts = [_flatten(value, f"{pointer}/{key}") for key, value in messages.items()]
        return [pair for part in parts for pair in part]
    if isinstance(messages, list):
        return [(pointer.removesuffix("/_schema"), str(text)) for text in messages]
    return [(pointer, str(messages))]


def _problem_of_database(error: DBAPIError) -> Problem:
    if isinstance(error, IntegrityError):
        name = error.orig.diag.constraint_name if error.orig is not None else None  # type: ignore[attr-defined]
        code = constraints.code_of(name)
        if code is not None:
            return Problem(code)
    elif isinstance(error, InterfaceError) or (isinstance(error, OperationalError) and _is_away(error)):
        log.error("database unavailable", error=str(error.orig))
        return Problem("database_unavailable", headers={"Retry-After": "5"})
    log.exception("database fault", exc_info=error)
    return Problem("internal_error")


def _is_away(error: OperationalError) -> bool:
    """No SQLSTATE: the server could not be asked; class 57P: it is shutting down or starting."""
    state = getattr(error.orig, "pgcode", None)
    return error.connection_invalidated or state is None or state.startswith(("08", "57P"))


def register_request_id(app: Flask) -> None:
    """Every request has an id: the client's ``X-Request-Id`` or a new one; it is returned and logged."""

    @app.before_request
    def take_request_id() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        g.actor = None

    @app.after_request
    def return_request_id(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        return response
