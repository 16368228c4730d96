"""The OpenAPI 3.1 document and its page for people, both without a word from outside.

What the document says of each operation is in ``web.openapi``.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import flask_swagger_ui
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask, Response, jsonify, request
from marshmallow import Schema
from marshmallow.fields import Constant, Field, Time, Url
from werkzeug.exceptions import NotFound

from dairy_app.common.errors import CODES
from dairy_app.web import http, openapi
from dairy_app.web.access import allow_anyone
from dairy_app.web.schemas import Exact, Month

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

<details><summary>Values, lists, changes, errors</summary>

**Values.** Money and quantities are decimal strings (`"1240.50"`, `"1.500"`). Dates are `YYYY-MM-DD` in the
dairy's time zone, months `YYYY-MM`, instants RFC 3339 with an offset. Unknown fields and parameters are refused.

**Lists** answer `{"items": […], "next_cursor": "…"}`; send `cursor` to go on. **Single resources** carry an
`ETag`; send it as `If-Match` to change only what you have seen.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`:

| status | codes |
|---|---|
"""


class ApiDocument:
    """The OpenAPI document of the blueprints that are mounted with it.

    It is made when it is first asked for: that takes as long as all the rest of the start-up.
    """

    def __init__(self, app: Flask, words: openapi.Words, version: str) -> None:
        self._app, self._words, self._version = app, words, version
        self._mounted: list[http.Blueprint] = []
        self._told: list[tuple[type[Schema], Sequence[str]]] = []
        self._making = Lock()
        self._document: dict[str, Any] | None = None

    def mount(self, blueprint: http.Blueprint, prefix: str) -> None:
        """Serve a blueprint, and describe it later."""
        self._app.register_blueprint(blueprint, url_prefix=prefix)
        self._mounted.append(blueprint)

    def tell(self, schema: type[Schema], kinds: Sequence[str]) -> None:
        """Describe messages that are sent to other programs, of some kinds and one form."""
        self._told.append((schema, kinds))

    def document(self) -> dict[str, Any]:
        """The OpenAPI document of everything mounted."""
        with self._making:
            if self._document is None:
                self._document = self._make()
            return self._document

    def _make(self) -> dict[str, Any]:
        classes: dict[str, type[Schema]] = {}

        def name_of(schema: Any) -> str:
            """A component has the name of its class, which is kept for what ``complete`` says of its fields."""
            own: type[Schema] = schema if isinstance(schema, type) else type(schema)
            classes[own.__name__] = own
            return own.__name__

        spec = _begun(MarshmallowPlugin(name_of), self._version)
        for blueprint in self._mounted:
            for rule in self._app.url_map.iter_rules():
                if rule.endpoint.rpartition(".")[0] == blueprint.name:
                    view = self._app.view_functions[rule.endpoint]
                    methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
                    spec.path(
                        path=openapi.path_of(rule.rule),
                        operations={method.lower(): openapi.operation_of(view, blueprint.name) for method in methods},
                        parameters=openapi.parameters_of(rule.rule),
                    )
            spec.tag({"name": blueprint.name, "description": blueprint.description})
        for schema, _ in self._told:
            spec.components.schema(name_of(schema), schema=schema)
        document = spec.to_dict()
        document["webhooks"] = {
            kind: openapi.webhook(kind, schema.__name__) for schema, kinds in self._told for kind in kinds
        }
        return openapi.complete(self._app, document, classes, self._words)


def _begun(plugin: MarshmallowPlugin, version: str) -> APISpec:
    """A document without operations, and what it makes of our fields."""
    information = {
        "description": f"{_INTRODUCTION}{_table_of_codes()}\n</details>\n",
        "contact": {"name": "Whoever runs this server"},
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }
    spec = APISpec("dairy_app", version, "3.1.0", [plugin], info=information)
    for field, form in ((Exact, "decimal"), (Month, None), (Url, "uri")):
        plugin.map_to_openapi_type(field, "string", form)  # type: ignore[no-untyped-call]
    assert plugin.converter is not None, "APISpec makes it"
    plugin.converter.add_attribute_function(_form_of)  # type: ignore[no-untyped-call]
    spec.components.schema("Problem", openapi.problem_schema())
    return spec


def _form_of(_converter: Any, field: Field[Any], **_: Any) -> dict[str, Any]:
    """The form of a field that the library does not know."""
    if isinstance(field, Exact):
        return {"pattern": field.sent_pattern, openapi.ANSWERED_PATTERN: field.answered_pattern}
    if isinstance(field, Time):  # the format "time" of JSON Schema has an offset, the dairy's clock has none
        return {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?$"}
    return {"const": field.constant} if isinstance(field, Constant) else {}


def _table_of_codes() -> str:
    by_status = groupby(sorted(CODES, key=lambda code: CODES[code][0]), key=lambda code: CODES[code][0])
    return "".join(f"| {status} | {', '.join(f'`{code}`' for code in codes)} |\n" for status, codes in by_status)


def register(app: Flask, api: ApiDocument) -> None:
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
