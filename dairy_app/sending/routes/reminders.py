"""``/reminder-rules``, and ``/reminders``: who would be reminded of what, and reminding them."""

from typing import Any
from uuid import UUID

from flask import current_app

from dairy_app.documents.service.documents import links_of
from dairy_app.sending import queries
from dairy_app.sending.models import ReminderRule
from dairy_app.sending.schemas import (
    RemindedOut,
    ReminderRuleIn,
    ReminderRuleOut,
    ReminderRulePage,
    ReminderRulePatch,
    RemindersOut,
)
from dairy_app.sending.service import reminders as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page
from dairy_app.web.schemas import PageQuery

reminders = Blueprint("reminders", __name__, description="Reminding customers of what they owe")


@reminders.route("/reminder-rules")
@reminders.arguments(PageQuery, location="query")
@reminders.response(200, ReminderRulePage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_reminder_rules(query: dict[str, Any]) -> Page:
    """The rules, the oldest first."""
    return read_page(current_session(), queries.rules(), [ReminderRule.id], **query)


@reminders.route("/reminder-rules", methods=["POST"])
@idempotent
@reminders.arguments(ReminderRuleIn)
@reminders.response(201, ReminderRuleOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def create_reminder_rule(wanted: service.NewRule) -> ReminderRule:
    """Remind so many days after the due date, and again; from the next queuing on."""
    return service.create_rule(current_session(), wanted)


@reminders.route("/reminder-rules/<uuid:reminder_rule_id>", methods=["PATCH"])
@reminders.arguments(ReminderRulePatch)
@reminders.response(200, ReminderRuleOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def change_reminder_rule(change: service.RuleChange, reminder_rule_id: UUID) -> ReminderRule:
    """Change a rule; what it queued stays."""
    return service.change_rule(current_session(), reminder_rule_id, change)


@reminders.route("/reminder-rules/<uuid:reminder_rule_id>", methods=["DELETE"])
@reminders.response(204)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def delete_reminder_rule(reminder_rule_id: UUID) -> None:
    """End a rule; what it queued stays."""
    service.delete_rule(current_session(), reminder_rule_id)


@reminders.route("/reminders")
@reminders.response(200, RemindersOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def preview_reminders() -> service.Reminders:
    """Who would be reminded of what now, by which way, and who not; nothing is queued. At most 200 are named."""
    return service.due_reminders(current_session())


@reminders.route("/reminders", methods=["POST"])
@idempotent
@reminders.response(200, RemindedOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def queue_reminders() -> service.Reminded:
    """Queue what is due, as the nightly command does; what was queued already is not queued again."""
    session = current_session()
    return service.queue_reminders(session, links_of(session, current_app.config["DAIRY"]))
