"""The OpenAPI 3.1 document and its page for people, both without a word from outside.

Who may call an operation, what it refuses and how a repeat is made safe is read from the routes themselves:
their policy, their decorators, the table of error codes.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Flask, Response, jsonify, request
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from flask_smorest.spec.plugins import FlaskPlugin
from marshmallow import Schema
from werkzeug.exceptions import NotFound

from dairy_app.common import examples
from dairy_app.common.access import Policy, Role, allow_anyone, policy_of
from dairy_app.common.errors import CODES, Problem, code_of_http_status
from dairy_app.common.schemas import Money, Month, Quantity

PROBLEM = "application/problem+json"
#: Swagger UI's own files are taken from its package, the page around them from here.
_OWN = Path(__file__).parent / "static" / "docs"
_SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
#: The media types are written out: a system's own table may call scripts plain text, which browsers then refuse.
_FILES = {
    "start.js": (_OWN, "text/javascript"),
    "swagger-ui.css": (_SWAGGER, "text/css"),
    "swagger-ui-bundle.js": (_SWAGGER, "text/javascript"),
    "favicon-32x32.png": (_SWAGGER, "image/png"),
}
#: Swagger UI sets styles by script, which no policy forbids; its icons are data: images in the style sheet.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_INTRODUCTION = """\
Back office of a milk delivery business.

**Log in** with `POST /api/v1/auth/login` and send the `access_token` as `Authorization: Bearer …`.

**Values.** Money and quantities are decimal strings (`"1240.50"`, `"1.500"`). Dates are `YYYY-MM-DD` in the
dairy's time zone, months `YYYY-MM`, instants RFC 3339 with an offset. Unknown fields and parameters are refused.

**Lists** answer `{"items": […], "next_cursor": "…"}`; send `cursor` to go on. **Single resources** carry an
`ETag`; send it as `If-Match` to change only what you have seen.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`:

| status | codes |
|---|---|
"""


class ProblemApi(Api):
    """The OpenAPI document of the blueprints; errors are left to ``common.http`` and its one shape.

    The document is made when it is first asked for: it takes as long as all the rest of the start-up.
    """

    def __init__(self, app: Flask, sample_words: Mapping[str, str]) -> None:
        self._words = sample_words
        self._mounted: list[SmorestBlueprint] = []
        self._making = Lock()
        self._document: dict[str, Any] | None = None
        super().__init__(app)

    def register_blueprint(self, blueprint: SmorestBlueprint, **options: Any) -> None:
        """Serve a blueprint, and describe it later."""
        self._app.register_blueprint(blueprint, **options)
        self._mounted.append(blueprint)

    def document(self) -> dict[str, Any]:
        """The OpenAPI document of everything mounted."""
        with self._making:
            if self._document is None:
                for each in self._mounted:
                    each.register_views_in_doc(self, self._app, self.spec, name=each.name, parameters=None)
                    self.spec.tag({"name": each.name, "description": each.description})
                self._document = _complete(self._app, self.spec.to_dict(), self._words)
            return self._document

    def _register_error_handlers(self) -> None:
        """Not the library's handlers: ``register_errors`` serves the whole application."""

    def _register_responses(self) -> None:
        self.spec.components.schema("Problem", _problem_schema())
        for status in HTTPStatus:
            response = {"description": status.phrase}
            if status >= HTTPStatus.BAD_REQUEST:
                response |= _refusal(code_of_http_status(status))
            self.spec.components.response(status.name, response, lazy=True)
        default = {"description": "A problem; see `code`", **_refusal("not_found")}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, default, lazy=True)

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        for field in (Money, Quantity):
            self.register_field(field, "string", "decimal")
        self.register_field(Month, "string", None)
        bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        self.spec.components.security_scheme("bearerAuth", bearer)
        self.spec.options["info"] = {
            "description": _INTRODUCTION + _table_of_codes(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        }


def _table_of_codes() -> str:
    by_status = groupby(sorted(CODES, key=lambda code: CODES[code][0]), key=lambda code: CODES[code][0])
    return "".join(f"| {status} | {', '.join(f'`{code}`' for code in codes)} |\n" for status, codes in by_status)


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    error = {"type": "object", "properties": {"pointer": text, "code": text, "detail": text}}
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457). Some codes add facts of their own.",
        "required": ["type", "title", "status", "code", "detail", "instance", "errors"],
        "properties": {
            "type": text | {"format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "code": text | {"enum": list(CODES)},
            "detail": text,
            "instance": text | {"description": "Names this occurrence by its `X-Request-Id`."},
            "errors": {"type": "array", "items": error},
        },
    }


def _refusal(code: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"content": {PROBLEM: {"schema": schema, "example": Problem(code).document("urn:request:5f0c1d2e")}}}


def register(app: Flask, api: ProblemApi) -> None:
    """Serve ``/api/openapi.json`` and ``/api/docs``. Call it after all blueprints are registered."""
    pages = Blueprint("docs", __name__, url_prefix="/api")

    @pages.route("/openapi.json")
    @allow_anyone(own_transactions=True)
    def openapi_json() -> Response:
        return _cached(jsonify(api.document()))

    @pages.route("/docs")
    @allow_anyone(own_transactions=True)
    def page() -> Response:
        response = _file(_OWN / "index.html", "text/html")
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        return response

    @pages.route("/docs/<name>")
    @allow_anyone(own_transactions=True)
    def file(name: str) -> Response:
        if name not in _FILES:
            raise NotFound
        folder, mimetype = _FILES[name]
        return _file(folder / name, mimetype)

    app.register_blueprint(pages)
    app.extensions["openapi"] = api.document


def _file(path: Path, mimetype: str) -> Response:
    return _cached(Response(path.read_bytes(), mimetype=mimetype))


def _cached(response: Response) -> Response:
    """Kept by browsers, but asked for again each time: cheap, and never stale after an upgrade."""
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _complete(app: Flask, document: dict[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """Add to each operation what its route declares: who may call it, its headers, examples of its bodies."""
    document["servers"] = [{"url": "/"}]
    endpoints = {
        (FlaskPlugin.flaskpath2openapi(rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            endpoint = endpoints[path, method]
            view = app.view_functions[endpoint]
            policy = policy_of(view)
            if policy is not None:  # else check_policies stops the start-up
                _add_policy(operation, policy)
            operation["summary"] = operation.get("summary", "").replace("``", "")
            operation["operationId"] = endpoint.replace(".", "_")
            operation["responses"] = {str(status): each for status, each in operation["responses"].items()}
            _add_headers(operation, view, method)
            _add_examples(operation, getattr(view, "_apidoc", {}), words)
    return document


def _add_policy(operation: dict[str, Any], policy: Policy) -> None:
    if policy.roles is None:
        who, operation["security"] = "Public: no login.", []
    else:
        names = [role.value for role in Role if role in policy.roles]
        everyone = len(names) == len(Role)
        who = "Every login." if everyone else "Roles: " + ", ".join(f"`{name}`" for name in names) + "."
        operation["security"] = [{"bearerAuth": []}]
    operation["description"] = "\n\n".join(filter(None, [operation.get("description"), who]))


def _add_headers(operation: dict[str, Any], view: Callable[..., Any], method: str) -> None:
    parameters = operation.setdefault("parameters", [])
    if getattr(view, "idempotent", False):
        parameters.append(_header("Idempotency-Key", "Makes a repeat safe: same key and body, same answer.", 200))
    if getattr(view, "etagged", False) and method == "get":
        parameters.append(_header("If-None-Match", "The `ETag` you have; when it still holds: 304, no body.", 500))
        operation["responses"]["304"] = {"description": "Unchanged"}
    elif getattr(view, "etagged", False):
        parameters.append(_header("If-Match", "The `ETag` you read; when it changed since: 412.", 500))


def _header(name: str, description: str, longest: int) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": longest}
    return {"in": "header", "name": name, "required": False, "description": description, "schema": schema}


def _add_examples(operation: dict[str, Any], declared: dict[str, Any], words: Mapping[str, str]) -> None:
    for each in declared.get("arguments", {}).get("parameters", []):
        if each["in"] == "json":
            _add_example(operation["requestBody"], each["schema"], words)
    for status, answers in declared.get("response", {}).get("responses", {}).items():
        for answer in answers:
            if isinstance(answer, dict) and isinstance(answer.get("schema"), Schema):
                _add_example(operation["responses"][str(status)], answer["schema"], words)


def _add_example(part: dict[str, Any], schema: Schema, words: Mapping[str, str]) -> None:
    content = part.get("content", {}).get("application/json")
    if content is not None and not content.keys() & {"example", "examples"}:
        one = examples.of_schema(schema, words)
        content["example"] = [one] if schema.many else one
