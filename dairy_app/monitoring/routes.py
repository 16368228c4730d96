"""``/api/health`` for load balancers and monitoring; ``/audit-log`` for who asks what happened."""

from typing import Any

from marshmallow import fields

from dairy_app import __version__
from dairy_app.common.access import Role, allow, allow_anyone
from dairy_app.common.http import Blueprint, current_session
from dairy_app.common.pages import Page
from dairy_app.common.schemas import Strict
from dairy_app.monitoring.queries import audit_page, schema_revision
from dairy_app.monitoring.schemas import AuditPage, AuditQuery

health = Blueprint("health", __name__, description="Is it alive")
audit = Blueprint("audit", __name__, description="Who changed what")


class HealthOut(Strict):
    """The server answers, and the database answered it."""

    status = fields.String(metadata={"example": "ok"})
    database = fields.String(metadata={"example": "ok"})
    migration = fields.String(allow_none=True, metadata={"description": "The schema's revision.", "example": "0007"})
    version = fields.String(metadata={"description": "The version of the program.", "example": __version__})


@health.route("/health")
@health.response(200, HealthOut)
@allow_anyone()
def read_health() -> dict[str, Any]:
    """Health of the server and its database.

    While the database is away the answer is the problem ``database_unavailable`` with status 503.
    """
    revision = schema_revision(current_session())
    return {"status": "ok", "database": "ok", "migration": revision, "version": __version__}


@audit.route("/audit-log")
@audit.arguments(AuditQuery, location="query")
@audit.response(200, AuditPage)
@allow(Role.ADMIN)
def list_audit_log(query: dict[str, Any]) -> Page:
    """Changes of rows, newest first: who, when, from what to what.

    Also those made with plain SQL. Deliveries and orders appear when they change after their confirmation.
    """
    return audit_page(current_session(), **query)
