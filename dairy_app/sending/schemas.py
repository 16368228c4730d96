"""Messages as clients see them."""

from typing import Any

from marshmallow import Schema, fields, validates_schema

from dairy_app.outbox.models import CHANNELS, KINDS, MESSAGE_STATUSES
from dairy_app.outbox.rules import NAMES
from dairy_app.sending.service.outbox import Failure
from dairy_app.sending.service.reminders import NewRule, RuleChange
from dairy_app.sending.service.templates import NewTemplate, TemplateChange
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Sort, Strict, page_of
from dairy_app.web.validate import Invalid, Pattern


class OutboxQuery(PageQuery):
    """Which messages."""

    status = Choice(*MESSAGE_STATUSES, load_default=None)
    channel = Choice(*CHANNELS, load_default=None)
    kind = Choice(*KINDS, load_default=None)
    invoice_id = fields.UUID(load_default=None)
    customer_id = fields.UUID(load_default=None)
    user_id = fields.UUID(load_default=None)
    billing_run_id = fields.UUID(load_default=None, metadata={"description": "About the invoices that a run issued."})
    sort = Sort("created_at", default="created_at")


class OutboxMessageOut(Schema):
    """One message as it is to be sent; the text of a secret one is shown to nobody."""

    id = fields.UUID()
    kind = Choice(*KINDS)
    customer_id = fields.UUID(allow_none=True)
    user_id = fields.UUID(allow_none=True)
    invoice_id = fields.UUID(allow_none=True)
    channel = Choice(*CHANNELS)
    recipient = fields.String(metadata={"example": "+919812345678"})
    language = fields.String()
    subject = fields.String(allow_none=True, metadata={"example": "Sunrise Dairy: INV/2627/0000042, ₹1,240.00"})
    body = fields.String(attribute="shown_body", allow_none=True, metadata={"example": "Dear Meera Joshi, …"})
    secret = fields.Boolean()
    status = Choice(*MESSAGE_STATUSES)
    attempts = fields.Integer()
    last_error = fields.String(allow_none=True, metadata={"example": "no such number"})
    error = fields.String(
        allow_none=True,
        metadata={"deprecated": True, "description": "The old name of `last_error`.", "example": "no such number"},
    )
    not_before = fields.DateTime()
    expires_at = fields.DateTime(allow_none=True)
    leased_until = fields.DateTime(allow_none=True)
    sent_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class OutboxMessageListed(OutboxMessageOut):
    """A message with the names of what it is about."""

    customer_code = fields.String(allow_none=True)
    customer_name = fields.String(allow_none=True)
    user_name = fields.String(allow_none=True)
    invoice_number = fields.String(allow_none=True)


class FailedIn(Strict):
    """What a sender failed with. With ``retry`` the message goes on waiting."""

    makes = Failure
    error = Line(500, required=True, metadata={"example": "no such number"})
    retry = fields.Boolean(load_default=False, truthy={True}, falsy={False})


OutboxPage = page_of(OutboxMessageListed, "OutboxPage")


class RuleFields(Strict):
    """When a reminder is due, how often, by which way, and when not."""

    days_after_due = fields.Integer(strict=True, validate=validate.Range(0, 365), metadata={"example": 3})
    every_days = fields.Integer(strict=True, validate=validate.Range(1, 365), metadata={"example": 7})
    max_times = fields.Integer(strict=True, validate=validate.Range(1, 12), metadata={"example": 3})
    channel = Choice(*CHANNELS, allow_none=True)
    quiet_from = fields.Time(allow_none=True, metadata={"example": "21:00:00"})
    quiet_to = fields.Time(allow_none=True, metadata={"example": "09:00:00"})


class ReminderRuleIn(RuleFields):
    """A new rule."""

    makes = NewRule
    days_after_due = fields.Integer(
        strict=True, required=True, validate=validate.Range(0, 365), metadata={"example": 3}
    )
    max_times = fields.Integer(strict=True, required=True, validate=validate.Range(1, 12), metadata={"example": 3})


class ReminderRulePatch(RuleFields):
    """Only what is sent changes."""

    makes = RuleChange


class ReminderRuleOut(Schema):
    """A rule of reminders."""

    id = fields.UUID()
    days_after_due = fields.Integer()
    every_days = fields.Integer()
    max_times = fields.Integer()
    channel = Choice(*CHANNELS, allow_none=True)
    quiet_from = fields.Time(allow_none=True)
    quiet_to = fields.Time(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


ReminderRulePage = page_of(ReminderRuleOut, "ReminderRulePage")


class ByChannelOut(Schema):
    """How many reminders go by one way."""

    channel = Choice(*CHANNELS)
    messages = fields.Integer()


class ReminderOut(Schema):
    """One reminder that is due."""

    invoice_id = fields.UUID()
    invoice_number = fields.String()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    reminder_rule_id = fields.UUID()
    turn = fields.Integer()
    channel = Choice(*CHANNELS)
    recipient = fields.String(allow_none=True, metadata={"example": "+919812345678"})
    due_date = Day()
    days_late = fields.Integer()
    open = Money()
    state = Choice("due", "without_address", "off")


class RemindersOut(Schema):
    """What would be queued now."""

    as_of = Day()
    due = fields.Integer()
    without_address = fields.Integer()
    off = fields.Integer()
    open = Money()
    by_channel = fields.List(fields.Nested(ByChannelOut))
    items = fields.List(fields.Nested(ReminderOut))


class RemindedOut(Schema):
    """What became of the reminders that were due."""

    queued = fields.Integer()
    without_address = fields.Integer()
    off = fields.Integer()


_BODY = {"example": "Dear {name}, your bill {number} of {total} is here: {link}"}


class MessageTemplateIn(Strict):
    """The dairy's own words for a kind of message."""

    makes = NewTemplate
    #: Only an e-mail has one.
    not_in_example = ("subject",)
    kind = Choice(*NAMES, required=True)
    channel = Choice(*CHANNELS, load_default=None, allow_none=True)
    language = fields.String(
        required=True,
        validate=Pattern("^[a-z]{2,3}$", error="Must be the code of a language."),
        metadata={"example": "en"},
    )
    subject = Line(200, load_default=None, allow_none=True, metadata={"example": "Your bill {number}"})
    body = fields.String(required=True, validate=validate.Length(min=1, max=2000), metadata=_BODY)

    @validates_schema
    def subject_of_email(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("subject") and data.get("channel") not in (None, "email"):
            raise Invalid("Only an e-mail has a subject.", "subject")


class MessageTemplatePatch(Strict):
    """Only what is sent changes."""

    makes = TemplateChange
    subject = Line(200, allow_none=True, metadata={"example": "Your bill {number}"})
    body = fields.String(validate=validate.Length(min=1, max=2000), metadata=_BODY)


class MessageTemplateOut(Schema):
    """The dairy's own words for a kind of message."""

    id = fields.UUID()
    kind = Choice(*NAMES)
    channel = Choice(*CHANNELS, allow_none=True)
    language = fields.String()
    subject = fields.String(allow_none=True)
    body = fields.String(metadata=_BODY)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


MessageTemplatePage = page_of(MessageTemplateOut, "MessageTemplatePage")


class MessagePreviewOut(Schema):
    """A message as somebody would get it, made up."""

    subject = fields.String(allow_none=True)
    body = fields.String()
    characters = fields.Integer(metadata={"description": "How long the text is."})
