"""Is everything in order: the day's figures of the office, what a check of everything finds, backups."""

from typing import Any

from flask import Response, current_app, url_for
from marshmallow import fields

from dairy_app import __version__
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.monitoring.service import backups, preflight
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_database
from dairy_app.web.inside import ask

#: The figures of the day, as ``/monitoring/stats`` names them.
FIGURES = (
    "orders_today",
    "confirmations_today",
    "late_confirmations",
    "orders_pending_long",
    "draft_orders",
    "unbilled_oldest_days",
    "orphans",
    "failed_logins_last_hour",
)


class HealthQuery(PageQuery):
    """Whether to check everything: it reads every order, and is for once a day."""

    check = fields.Boolean(load_default=False, truthy={"yes"}, falsy={""})


@console.route("/health")
@console.arguments(HealthQuery, location="query")
@allow(Role.ADMIN, page=True, own_transactions=True)
def health(query: dict[str, Any]) -> Response:
    """Figures and backups; on demand the checks that ``dairy preflight`` makes."""
    settings = current_app.config["DAIRY"]
    checks = list(preflight.run(settings, settings.backups)) if query["check"] else None
    with frame.reading():
        return _health(checks=checks)


def _health(**names: Any) -> Response:
    folder = current_app.config["DAIRY"].backups
    names |= {"stats": ask("/monitoring/stats"), "figures": FIGURES, "version": __version__}
    return frame.page("health.html", folder=folder, backups=backups.kept(folder) if folder else [], **names)


@console.route("/health/backups", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True, own_transactions=True)
def make_backup(form: dict[str, str]) -> Response:
    """Back everything up; what takes longer goes on by itself."""
    del form
    folder, made = current_app.config["DAIRY"].backups, list[str | None]()
    if folder is None:
        raise Problem("not_found")

    def make() -> None:
        made.append(backups.make(current_database().url.render_as_string(hide_password=False), folder))

    def again(**names: Any) -> Response:
        with frame.reading():
            return _health(**names)

    address = url_for("console.health")
    refused = frame.send(make, again, address)
    return refused or frame.done(f"{address}#backups", "backup_made" if made[0] else "backup_goes_on", name=made[0])
