"""The OpenAPI document and its page for people."""

from flask import Blueprint, Flask, Response, jsonify
from flask_smorest import Api

from dairy_app.common.access import allow_anyone


def register(app: Flask, api: Api) -> None:
    """Serve ``/api/openapi.json``; after all blueprints are registered."""
    docs = Blueprint("docs", __name__, url_prefix="/api")

    @docs.route("/openapi.json")
    @allow_anyone(own_transactions=True)
    def openapi_json() -> Response:
        return jsonify(api.spec.to_dict())

    app.register_blueprint(docs)
