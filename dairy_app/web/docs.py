"""The OpenAPI 3.1 document and its page for people, both without a word from outside.

What the document says beyond the library's own is in ``web.openapi``.
"""

from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Flask, Response, jsonify, request
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow.fields import Constant, Field, Time, Url
from werkzeug.exceptions import NotFound

from dairy_app.common.errors import CODES
from dairy_app.web import openapi
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

**Values.** Money and quantities are decimal strings (`"1240.50"`, `"1.500"`). Dates are `YYYY-MM-DD` in the
dairy's time zone, months `YYYY-MM`, instants RFC 3339 with an offset. Unknown fields and parameters are refused.

**Lists** answer `{"items": […], "next_cursor": "…"}`; send `cursor` to go on. **Single resources** carry an
`ETag`; send it as `If-Match` to change only what you have seen.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`:

| status | codes |
|---|---|
"""


class ProblemApi(Api):
    """The OpenAPI document of the blueprints; errors are left to ``web.http`` and its one shape.

    The document is made when it is first asked for: it takes as long as all the rest of the start-up.
    """

    def __init__(self, app: Flask, words: openapi.Words) -> None:
        self._words = words
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
                classes = {name: key[0] for key, name in self.ma_plugin.converter.refs.items()}
                self._document = openapi.complete(self._app, self.spec.to_dict(), classes, self._words)
            return self._document

    def _register_error_handlers(self) -> None:
        """Not the library's handlers: ``register_errors`` serves the whole application."""

    def _register_responses(self) -> None:
        self.spec.components.schema("Problem", openapi.problem_schema())
        for status in HTTPStatus:  # the library refers to them by name; ``openapi.complete`` puts the codes there
            self.spec.components.response(status.name, {"description": status.phrase}, lazy=True)
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, {"description": "A problem"}, lazy=True)

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        self.register_field(Exact, "string", "decimal")
        self.register_field(Month, "string", None)
        self.register_field(Url, "string", "uri")
        self.ma_plugin.converter.add_attribute_function(_form_of)
        bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        self.spec.components.security_scheme("bearerAuth", bearer)
        self.spec.options["info"] = {
            "description": _INTRODUCTION + _table_of_codes(),
            "contact": {"name": "Whoever runs this server"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        }


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
