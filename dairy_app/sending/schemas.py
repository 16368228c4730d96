"""Messages as clients see them."""

from typing import Any

from marshmallow import Schema, fields, pre_load, validates_schema

from dairy_app.outbox.models import CHANNELS, KINDS, MESSAGE_STATUSES, WHATSAPP_LANGUAGE, WHATSAPP_NAME
from dairy_app.outbox.rules import BY_THEMSELVES, NAMES
from dairy_app.sending.service.outbox import Failure
from dairy_app.sending.service.reminders import NewRule, RuleChange
from dairy_app.sending.service.telling import KindChange
from dairy_app.sending.service.templates import NewTemplate, TemplateChange
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Sort, Strict, page_of
from dairy_app.web.signatures import signed_by
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
    provider_id = fields.String(allow_none=True, metadata={"example": "wamid.HBgMOTE5ODEyMzQ1Njc4FQIAERgSM0E1"})


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


class MessageKindPatch(Strict):
    """Only what is sent changes."""

    makes = KindChange
    #: Only a low balance has one.
    not_in_example = ("below",)
    is_on = fields.Boolean(truthy={True}, falsy={False})
    quiet_from = fields.Time(allow_none=True, metadata={"example": "21:00:00"})
    quiet_to = fields.Time(allow_none=True, metadata={"example": "07:00:00"})
    below = Money(metadata={"example": "200.00"})


class MessageKindOut(Schema):
    """Whether messages of a kind are sent by themselves, and at which hours not."""

    kind = Choice(*BY_THEMSELVES)
    is_on = fields.Boolean()
    quiet_from = fields.Time(allow_none=True)
    quiet_to = fields.Time(allow_none=True)
    below = Money(allow_none=True)
    updated_at = fields.DateTime()


MessageKindPage = page_of(MessageKindOut, "MessageKindPage")


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


_WHATSAPP_NAME = {"example": "monthly_bill"}


def _whatsapp_name(**options: Any) -> fields.String:
    return fields.String(
        allow_none=True,
        validate=[
            validate.Length(max=512),
            Pattern(WHATSAPP_NAME, error="Must be small letters, digits and underscores."),
        ],
        metadata=_WHATSAPP_NAME,
        **options,
    )


def _whatsapp_language(**options: Any) -> fields.String:
    return fields.String(
        allow_none=True,
        validate=Pattern(WHATSAPP_LANGUAGE, error="Must be the code of a language at WhatsApp: en, hi, en_US."),
        metadata={"example": "en"},
        **options,
    )


class AtWhatsapp(Strict):
    """Under which name WhatsApp approved the words, and how they are filled there."""

    whatsapp_name = _whatsapp_name()
    whatsapp_language = _whatsapp_language()
    whatsapp_numbered = fields.Boolean(truthy={True}, falsy={False})
    whatsapp_document = fields.Boolean(truthy={True}, falsy={False})


_BODY = {"example": "Dear {name}, your bill {number} of {total} is here: {link}"}


class MessageTemplateIn(AtWhatsapp):
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

    whatsapp_name = _whatsapp_name(load_default=None)
    whatsapp_language = _whatsapp_language(load_default=None)

    @validates_schema
    def subject_of_email(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("subject") and data.get("channel") not in (None, "email"):
            raise Invalid("Only an e-mail has a subject.", "subject")


class MessageTemplatePatch(AtWhatsapp):
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
    whatsapp_name = fields.String(allow_none=True, metadata=_WHATSAPP_NAME)
    whatsapp_language = fields.String(allow_none=True, metadata={"example": "en"})
    whatsapp_numbered = fields.Boolean()
    whatsapp_document = fields.Boolean()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


MessageTemplatePage = page_of(MessageTemplateOut, "MessageTemplatePage")


class MessagePreviewOut(Schema):
    """A message as somebody would get it."""

    subject = fields.String(allow_none=True)
    body = fields.String()
    characters = fields.Integer(metadata={"description": "How long the text is."})
    whatsapp_body = fields.String(allow_none=True)
    message_id = fields.UUID(
        allow_none=True, metadata={"description": "The message that tells the same; null: it is made up."}
    )


class UsualWords(Schema):
    """The words of a kind where the dairy has none of its own."""

    kind = Choice(*NAMES)
    language = fields.String()
    subject = fields.String()
    body = fields.String(metadata=_BODY)
    names = fields.List(fields.String(), metadata={"description": "What may stand in braces."})


class UsualWordsOut(Schema):
    """The usual words of every kind."""

    items = fields.List(fields.Nested(UsualWords))


class WhatsappVerifyQuery(Strict):
    """What WhatsApp asks when it is told where receipts go."""

    mode = fields.String(required=True, data_key="hub.mode", validate=validate.OneOf(["subscribe"]))
    challenge = fields.String(
        required=True,
        data_key="hub.challenge",
        validate=Pattern("^[A-Za-z0-9_.-]{1,200}$", error="Must be a word."),
        metadata={"example": "1158201444"},
    )
    verify_token = fields.String(
        required=True, data_key="hub.verify_token", validate=validate.Length(max=500), metadata={"example": "milk-4711"}
    )


class WhatsappReceiptsIn(Strict):
    """What WhatsApp tells: receipts of messages, and much else, which is not read.

    It may tell more at any time, so what is unknown is no fault. Who signed it is asked before it is read.
    """

    signed = staticmethod(signed_by("X-Hub-Signature-256", "sha256=", "whatsapp_app_secret"))
    object = fields.String(metadata={"example": "whatsapp_business_account"})
    entry = fields.List(fields.Dict(), load_default=list, metadata={"example": []})

    @pre_load
    def known(self, data: Any, **_: Any) -> Any:
        return {name: data[name] for name in ("object", "entry") if name in data} if isinstance(data, dict) else data


class ReceivedOut(Schema):
    """What became of receipts."""

    messages = fields.Integer(metadata={"description": "How many messages changed."})
