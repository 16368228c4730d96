"""The request: its id, its actor, its one transaction, its answer or its problem document.

``DairyFlask`` runs every view inside one transaction with the caller already identified and the route's
policy already checked; a view is left with parsing, one service call and the answer. What a view takes and answers it
declares with the decorators of ``Blueprint``: webargs reads by that, ``common.docs`` describes it.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

import flask
from flask import Flask, Request, Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from marshmallow import RAISE, Schema, fields, missing
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from dairy_app.common.errors import FieldError, Problem
from dairy_app.database import audit
from dairy_app.database.transactions import Database
from dairy_app.web import strict_json
from dairy_app.web.access import Actor, Policy, policy_of
from dairy_app.web.answers import form_of, write_json
from dairy_app.web.failures import problem_of_database, problem_of_full_pool, problem_of_http
from dairy_app.web.logs import log
from dairy_app.web.validate import UNKNOWN_FIELD, Invalid

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

View = TypeVar("View", bound=Callable[..., Any])
Identify = Callable[[Session, Policy], Actor | None]


class StrictParser(FlaskParser):
    """Refuses what is not declared: unknown fields (in the query string too), repeated parameters, other media."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE, "query_and_path": RAISE}

    def load_json(self, req: Request, schema: Any) -> Any:
        raw, signed = req.get_data(), getattr(schema, "signed", None)
        if signed is not None:
            signed(req)
        if not raw:
            return missing
        if not req.is_json:
            read = getattr(schema, "other_media", {}).get(req.mimetype)
            if read is not None:
                return read(req)
            raise Problem("unsupported_media_type", "Send the body as application/json.")
        return strict_json.load(raw, apart=getattr(schema, "judged_apart", None))

    def load_querystring(self, req: Request, schema: Any) -> Any:
        for name, values in req.args.lists():
            if len(values) > 1 and not isinstance(schema.load_fields.get(name), fields.List):
                raise Invalid("Given more than once.", name)
        return super().load_querystring(req, schema)


PARSER = StrictParser()


@dataclass(frozen=True, slots=True)
class Taken:
    """A part of the request that a view reads: ``location`` is the name that webargs has for it."""

    location: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of a view. A schema that is written out, not one of marshmallow, describes content that is not JSON."""

    status: int
    schema: Schema | Mapping[str, Any] | None
    content_type: str
    description: str
    headers: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Raw:
    """A body of JSON that somebody else describes and signs: what it is, an example, and the headers beside it."""

    description: str
    example: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def content(self) -> dict[str, Any]:
        """As OpenAPI describes a body: whoever sends it adds fields when it likes."""
        return {"schema": {"type": "object"}, "example": self.example}


@dataclass(frozen=True, slots=True)
class Declared:
    """What a view takes and answers, in the order in which its decorators were applied: from the view outwards."""

    takes: tuple[Taken, ...] = ()
    answers: tuple[Answered, ...] = ()
    raw: Raw | None = None

    @property
    def bodies(self) -> list[Schema]:
        """The schemas of JSON bodies."""
        return [each.schema for each in self.takes if each.location == "json"]

    @property
    def parameters(self) -> list[Schema]:
        """The schemas of the query string."""
        return [each.schema for each in self.takes if each.location == "query"]


def declared_by(view: Callable[..., Any]) -> Declared:
    """What a view declares with the decorators of ``Blueprint``; nothing when it has none."""
    declared: Declared = getattr(view, "declared", Declared())
    return declared


def _declare(view: View, declared: Declared) -> View:
    view.declared = declared  # type: ignore[attr-defined]
    return view


class Blueprint(flask.Blueprint):
    """A domain's routes; request and response schemas make the OpenAPI document too."""

    def __init__(self, name: str, import_name: str, *, description: str = "", **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.description = description

    def arguments(self, schema: type[Schema], *, location: str = "json") -> Callable[[View], View]:
        """Read a part of the request. The schema is made once, not once a request: copying its fields takes long."""
        taken = Taken(location, schema())

        def mark(view: View) -> View:
            before = declared_by(view)
            reading = PARSER.use_args(taken.schema, location=location)(view)
            return _declare(reading, replace(before, takes=(*before.takes, taken)))  # type: ignore[return-value]

        return mark

    def raw_body(self, raw: Raw) -> Callable[[View], View]:
        """Leave the body to the view, byte by byte, as what is signed must be."""
        return lambda view: _declare(view, replace(declared_by(view), raw=raw))

    def response(
        self,
        status: int,
        schema: type[Schema] | Schema | Mapping[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, Any] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
        """Answer with what the view returns, written by ``schema``.

        With another status or more headers when it returns them too, as Flask reads tuples. A ``Response`` is left as
        it is; of one the declaration is only for the document.
        """
        written = schema() if isinstance(schema, type) else schema
        answered = Answered(status, written, content_type, HTTPStatus(status).phrase, headers)
        form = form_of(written) if isinstance(written, Schema) else None

        def mark(view: Callable[..., Any]) -> Callable[..., Response]:
            @wraps(view)
            def answering(*args: Any, **kwargs: Any) -> Response:
                returned = view(*args, **kwargs)
                content, *rest = returned if isinstance(returned, tuple) else (returned,)
                if not isinstance(content, Response):
                    content = json_response(content if form is None else form(content), status)
                return current_app.make_response((content, *rest)) if rest else content

            before = declared_by(view)
            return _declare(answering, replace(before, answers=(*before.answers, answered)))

        return mark

    def alt_response(self, status: int, *, schema: type[Schema], description: str) -> Callable[[View], View]:
        """Declare another answer that the view itself may give."""
        answered = Answered(status, schema(), "application/json", description, None)

        def mark(view: View) -> View:
            before = declared_by(view)
            return _declare(view, replace(before, answers=(*before.answers, answered)))

        return mark


class Json(DefaultJSONProvider):
    """JSON of what no schema describes, in the same form as what one does."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """The JSON of ``obj`` as text."""
        return write_json(obj).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """An answer of JSON: of one thing, or of named ones."""
        return json_response(args[0] if args else kwargs)


def json_response(content: Any, status: int = 200) -> Response:
    """An answer of JSON."""
    return Response(write_json(content), status, content_type="application/json")


class DairyFlask(Flask):
    """The application: one request, one transaction."""

    json_provider_class = Json
    database: Database
    identify: Identify

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no view or hook of ours is a coroutine, and Flask looks for one ten times a request."""
        return func

    def dispatch_request(self) -> Any:
        """Identify the caller, check the policy, run the view: one transaction, again after a deadlock."""
        if request.routing_exception is not None:
            self.raise_routing_exception(request)  # raises
        rule = request.url_rule
        if rule is None or (request.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)):
            return super().dispatch_request()
        view = self.view_functions[rule.endpoint]
        policy = policy_of(view)
        assert policy is not None, "check_policies ran at start-up"
        _read_body()
        return self.answer(view, policy)

    def answer(self, view: Callable[..., Any], policy: Policy) -> Any:
        """What the view answers to who calls, in the transactions that its policy wants."""
        arguments: dict[str, Any] = request.view_args or {}

        def act(session: Session) -> Response:
            g.session, g.actor = session, None
            g.actor = self.identify(session, policy)
            refuse_undeclared(view)
            return self.make_response(self.ensure_sync(view)(**arguments))

        if not policy.own_transactions:
            return self.database.run(act, read_only=not writes(policy))
        if policy.roles is not None:
            g.actor = self.database.run(lambda session: self.identify(session, policy), read_only=True)
        refuse_undeclared(view)
        if not writes(policy):
            return self.ensure_sync(view)(**arguments)
        with audit.acting(attribution(g.actor)):
            return self.ensure_sync(view)(**arguments)


def writes(policy: Policy) -> bool:
    """Whether this request may change something."""
    return request.method not in _SAFE_METHODS or policy.records


def caller_address() -> str | None:
    """Where this request comes from; an address that is none (a socket, a wrong proxy header) is left out."""
    return _read_address(request.remote_addr or "")


@lru_cache(maxsize=1024)
def _read_address(written: str) -> str | None:
    try:
        return str(ipaddress.ip_address(written.partition("%")[0]))
    except ValueError:
        return None


def attribution(actor: Actor | None = None, **who: Any) -> audit.Attribution:
    """What the audit log shall say of this request; ``who``: fields of ``Attribution`` known otherwise."""
    if actor is not None:
        who |= {"actor_user_id": actor.user_id, "actor_role": actor.role}
    return audit.Attribution(**who, request_id=g.request_id, ip=caller_address())


def _read_body() -> None:
    """Take the whole body, or refuse it as too large, before anything is done; GET bodies mean nothing."""
    limit = current_app.config["MAX_CONTENT_LENGTH"]
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    if request.content_encoding not in {None, "", "identity"}:
        raise Problem("unsupported_media_type", "Send the body uncompressed.")
    if request.method not in _SAFE_METHODS:
        body = request.get_data(parse_form_data=False)
        if announced is None and len(body) >= limit:
            raise _too_large(limit)  # chunked: werkzeug stops reading at the limit and says nothing


def _too_large(limit: int) -> Problem:
    return Problem("payload_too_large", f"At most {limit:,} bytes.")


def refuse_undeclared(view: Callable[..., Any]) -> None:
    """Refuse query parameters and bodies that the route does not take, and characters no text may hold."""
    declared = declared_by(view)
    taken = {each.location for each in declared.takes}
    for name, value in request.args.items(multi=True):
        if not taken & {"query", "querystring"}:
            raise _invalid_parameter(name, "Unknown field.", UNKNOWN_FIELD)
        if "\x00" in name or "\x00" in value:
            raise _invalid_parameter(name.replace("\x00", ""), "Must not contain NUL characters.", "invalid")
    if any(isinstance(value, str) and "\x00" in value for value in (request.view_args or {}).values()):
        raise Problem("not_found")
    if declared.raw is None and not taken & {"json", "form", "files"} and request.method not in _SAFE_METHODS:
        body = request.get_data()
        if body and strict_json.load(body) != {}:
            raise Problem("validation_failed", "This address takes no body.")


def _invalid_parameter(name: str, detail: str, code: str) -> Problem:
    pointer = f"/query/{strict_json.token(name)}"[:200]
    return Problem("validation_failed", f"{pointer}: {detail}", [FieldError(pointer, code, detail)])


def current_session() -> Session:
    """The session of this request's transaction."""
    session: Session = g.session
    return session


def current_actor() -> Actor:
    """Who calls. Only on routes whose policy asks for a login."""
    actor: Actor = g.actor
    return actor


def current_database() -> Database:
    """For views that declared ``own_transactions``; of one that ``may_lag`` it may be a replica."""
    app: DairyFlask = current_app._get_current_object()  # type: ignore[attr-defined]
    database: Database = g.get("database", app.database)
    return database


def check_policies(app: DairyFlask) -> None:
    """Stop the start-up when a route has no policy: forgetting one must not open it.

    Also when it claims to be idempotent without a login or a transaction to hang the key on, or that it may lag though
    it is no GET, or is for everybody and does not look itself who calls.
    """
    faults = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        policy = policy_of(view)
        if policy is None:
            faults.append(f"{rule.rule} ({rule.endpoint}) has no policy")
        elif getattr(view, "idempotent", False) and (policy.roles is None or policy.own_transactions):
            faults.append(f"{rule.rule} ({rule.endpoint}) cannot be idempotent")
        elif policy.may_lag and not _could_lag(policy, rule.methods or set()):
            faults.append(f"{rule.rule} ({rule.endpoint}) cannot lag")
        elif "GET" not in (rule.methods or ()) and getattr(view, "etagged", False) and not hasattr(view, "locks"):
            faults.append(f"{rule.rule} ({rule.endpoint}) is changed without a lock: etagged_by")
    if faults:
        raise LookupError("; ".join(sorted(faults)))


def _could_lag(policy: Policy, methods: set[str]) -> bool:
    return methods <= _SAFE_METHODS and (policy.roles is not None or policy.records)


def refusal(problem: Problem) -> Response:
    """A problem as an answer, so that the transaction commits what it recorded (a failed login)."""
    response = json_response(problem.document(f"urn:request:{g.request_id}"), problem.status)
    response.content_type = "application/problem+json"
    response.headers.update(problem.headers)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers.setdefault("Retry-After", "5")
    return response


def register_errors(app: Flask) -> None:
    """Everything that can go wrong, as a problem document with a stable code."""

    @app.errorhandler(Problem)
    def on_problem(problem: Problem) -> Response:
        return refusal(problem)

    @app.errorhandler(HTTPException)
    def on_http_exception(error: HTTPException) -> Response:
        return refusal(problem_of_http(error))

    @app.errorhandler(DBAPIError)
    def on_database_error(error: DBAPIError) -> Response:
        return refusal(problem_of_database(error))

    @app.errorhandler(PoolTimeout)
    def on_full_pool(_error: PoolTimeout) -> Response:
        return refusal(problem_of_full_pool())

    @app.errorhandler(Exception)
    def on_fault(error: Exception) -> Response:
        log.error("unhandled fault", exc_info=error)
        return refusal(Problem("internal_error"))


def register_locations(app: Flask) -> None:
    """What made a resource that has a GET of its own says in ``Location`` where that is, also when it is a repeat."""

    @app.after_request
    def say_where(response: Response) -> Response:
        if response.status_code not in {201, 202} or not response.is_json:
            return response
        made = response.get_json()
        path = f"{request.path}/{made['id']}" if isinstance(made, dict) and made.get("id") else None
        if path is not None and _is_read(path):
            response.headers["Location"] = f"{request.script_root}{path}"
        return response


def _is_read(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    return adapter is not None and adapter.test(path, method="GET")


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
