"""``/api/health`` for load balancers; ``/monitoring/…``, ``/metrics`` for who watches; ``/audit-log`` for auditors."""

import hmac
from functools import cache
from typing import Any

import flask
from flask import Response, current_app, request
from marshmallow import fields
from sqlalchemy.orm import Session

from dairy_app import __version__
from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.database import migrations
from dairy_app.monitoring.queries import consistency, stats
from dairy_app.monitoring.queries.health import audit_page, schema_revision, takes_no_writes
from dairy_app.monitoring.schemas import AuditPage, AuditQuery, ConsistencyOut, StatsOut
from dairy_app.monitoring.service import files
from dairy_app.monitoring.service.replicas import exposition
from dairy_app.web.access import Role, allow, allow_anyone
from dairy_app.web.http import Blueprint, current_database, current_session
from dairy_app.web.lagging import current_replicas
from dairy_app.web.pages import Page
from dairy_app.web.schemas import Strict

health = Blueprint("health", __name__, description="Is it alive")
audit = Blueprint("audit", __name__, description="Who changed what")
monitoring = Blueprint("monitoring", __name__, description="Is everything in order")
metrics = flask.Blueprint("metrics", __name__)


@cache
def revisions() -> tuple[str, ...]:
    """The revisions this program knows, first to last; read from their files once."""
    return tuple(migrations.numbers())


class HealthOut(Strict):
    """The server answers, and the database answered it.

    ``status``: ``ok``, or ``degraded`` while the database is ahead of this program (an upgrade on its way).
    """

    status = fields.String(metadata={"example": "ok"})
    database = fields.String(metadata={"example": "ok"})
    migration = fields.String(allow_none=True, metadata={"description": "The schema's revision.", "example": "0007"})
    version = fields.String(metadata={"description": "The version of the program.", "example": __version__})


class AliveOut(Strict):
    """The server answers."""

    status = fields.String(metadata={"example": "ok"})
    version = fields.String(metadata={"description": "The version of the program.", "example": __version__})


@health.route("/health")
@health.response(200, HealthOut)
@allow_anyone(own_transactions=True)
def read_health() -> dict[str, Any]:
    """Health of the server and its database.

    An upgrade goes database first, program after: a program that finds the database ahead of it works on and
    says `degraded`, so that a load balancer keeps it and monitoring sees it. A program that finds the database
    behind it, or empty, cannot work: the problem `database_outdated` with status 503 keeps traffic away from it
    until `dairy db upgrade` has run. Also 503: `database_unavailable` while the database is away or does not answer
    within seconds, `database_read_only` while it takes no writes (a standby), `database_rights_missing` while the
    role of the program has no rights on the tables (as after a restore).
    """
    return _health()


@health.route("/health/ready")
@health.response(200, HealthOut)
@allow_anyone(own_transactions=True)
def read_readiness() -> dict[str, Any]:
    """The same as `/api/health`, under the name that Kubernetes' probes have for it: send requests here, or not."""
    return _health()


@health.route("/health/live")
@health.response(200, AliveOut)
@allow_anyone(own_transactions=True)
def read_liveness() -> dict[str, Any]:
    """The server answers, whatever its database does: to start it anew would not bring that back."""
    return {"status": "ok", "version": __version__}


def _health() -> dict[str, Any]:
    try:
        revision = current_database().probe.run(_revision_of_primary, read_only=True)
    except migrations.MissingRights:
        raise Problem("database_rights_missing") from None
    *older, newest = revisions()
    if revision is None or revision in older:
        raise Problem("database_outdated", facts={"migration": revision, "needed": newest, "version": __version__})
    status = "ok" if revision == newest else "degraded"
    return {"status": status, "database": "ok", "migration": revision, "version": __version__}


def _revision_of_primary(session: Session) -> str | None:
    """Raised in the transaction, the refusal closes its connection: the next one may be another server's."""
    if takes_no_writes(session):
        raise Problem("database_read_only")
    return schema_revision(session)


@audit.route("/audit-log")
@audit.arguments(AuditQuery, location="query")
@audit.response(200, AuditPage)
@allow(Role.ADMIN, may_lag=True)
def list_audit_log(query: dict[str, Any]) -> Page:
    """Changes of rows, newest first: who, when, from what to what.

    Also those made with plain SQL. Deliveries and orders appear when they change after their confirmation.
    """
    return audit_page(current_session(), **query)


@monitoring.route("/monitoring/stats")
@monitoring.response(200, StatsOut)
@allow(Role.ADMIN, may_lag=True)
def read_stats() -> dict[str, Any]:
    """Figures of the day: orders, confirmations, drafts, one-time revenue, orphans."""
    return stats.read(current_session())


@monitoring.route("/monitoring/consistency")
@monitoring.response(200, ConsistencyOut)
@allow(Role.ADMIN)
def read_consistency() -> dict[str, Any]:
    """Does the data agree with itself: the reports of consistency.

    What `dairy check-data` prints, as of one instant. It reads every order: ask once a day, not once a minute.
    """
    session = current_session()
    current_database().lengthen(session)
    day = today(session)
    found = consistency.find(session, day) + files.find(session, current_app.config["DAIRY"])
    return {"date": day, "critical": consistency.is_critical(found), "reports": found}


@metrics.route("/metrics")
@allow_anyone()
def read_metrics() -> Response:
    """The figures of `/monitoring/stats` for Prometheus, and of read replicas; without the token of the settings: 404.

    Only by token, also from this machine: behind a proxy on it every caller seems to be here.
    """
    token = current_app.config["DAIRY"].metrics_token
    if not token:
        raise Problem("not_found")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Problem("not_authenticated", headers={"WWW-Authenticate": "Bearer"})
    text, replicas = stats.exposition(stats.read(current_session())), current_replicas()
    if replicas is not None:
        text += exposition(replicas)
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")
