"""Reminders: who would get which by which way, reminding them, and the rules by which that happens each night."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.outbox.models import CHANNELS
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: More rules than anybody has.
RULES = 100
_WHOLE = ("days_after_due", "every_days", "max_times")


@console.route("/reminders")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def reminders(query: dict[str, str]) -> Response:
    """Who would be reminded now, and the rules; nothing is queued by looking."""
    del query
    return _reminders()


def _reminders(**names: Any) -> Response:
    names |= {"found": ask("/reminders"), "rules": ask("/reminder-rules", limit=RULES)["items"], "channels": CHANNELS}
    return frame.page("reminders.html", **names)


@console.route("/reminders", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def remind(form: dict[str, str]) -> Response:
    """Queue what is due now; the nightly command will not queue it again."""
    done: dict[str, Any] = {}
    address = url_for("console.reminders")
    refused = frame.send(
        lambda: done.update(act("POST", "/reminders", key=form.get("key"))),
        lambda **names: _reminders(**names),
        address,
    )
    return refused or frame.done(address, "reminded", n=done["queued"])


@console.route("/reminders/rules", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def new_reminder_rule(form: dict[str, str]) -> Response:
    """Enter a rule."""
    return _settle(form, lambda: act("POST", "/reminder-rules", _body(form), key=form.get("key")), "reminder_rule")


@console.route("/reminders/rules/<uuid:reminder_rule_id>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def change_reminder_rule(form: dict[str, str], reminder_rule_id: UUID) -> Response:
    """Change a rule."""
    path = f"/reminder-rules/{reminder_rule_id}"
    return _settle(form, lambda: act("PATCH", path, _body(form)), "reminder_rule", changing=str(reminder_rule_id))


@console.route("/reminders/rules/<uuid:reminder_rule_id>/end", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def end_reminder_rule(form: dict[str, str], reminder_rule_id: UUID) -> Response:
    """End a rule; what waits already is sent."""
    return _settle(form, lambda: act("DELETE", f"/reminder-rules/{reminder_rule_id}"), "reminder_rule_ended")


def _settle(form: Mapping[str, str], work: Any, said: str, **names: Any) -> Response:
    address = url_for("console.reminders")
    refused = frame.send(work, lambda **told: _reminders(**names, **told), address)
    return refused or frame.done(f"{address}#rules", said)


def _body(form: Mapping[str, str]) -> dict[str, Any]:
    """What the API gets: what is no number it refuses itself, and what was left empty is nothing."""
    body: dict[str, Any] = frame.fields_of(form, *_WHOLE)
    body = {
        name: int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
        for name, text in body.items()
    }
    for name in ("channel", "quiet_from", "quiet_to"):
        body[name] = form.get(name, "").strip() or None
    return body
