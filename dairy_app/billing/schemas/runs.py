"""Previews and runs as clients see them."""

from marshmallow import Schema, fields

from dairy_app.billing.models import RUN_STATUSES
from dairy_app.web import validate
from dairy_app.web.schemas import (
    Choice,
    Day,
    Money,
    Month,
    PageQuery,
    Strict,
    page_of,
)


class PreviewQuery(PageQuery):
    """Which month, and optionally whose."""

    period = Month(required=True)
    customer_id = fields.UUID(load_default=None)
    area_id = fields.UUID(load_default=None)
    only_due = fields.Boolean(load_default=False, truthy={"true"}, falsy={"false"})


class RunQuery(PageQuery):
    """Which runs."""

    period = Month(load_default=None)


class PreviewTotals(Schema):
    """Sums of what a run would issue now, in rupees."""

    customers = fields.Integer()
    invoices = fields.Integer()
    orders = fields.Integer()
    one_time_orders = fields.Integer()
    one_time_amount = Money()
    prior_period_orders = fields.Integer()
    taxable = Money()
    tax = Money()
    round_off = Money()
    total = Money()


class BillingWarning(Schema):
    """Something that keeps documents back, or that the reader should know."""

    code = fields.String()
    detail = fields.String()
    customer_id = fields.UUID(allow_none=True, dump_default=None)
    invoice_id = fields.UUID(allow_none=True, dump_default=None)


class PreviewWarning(BillingWarning):
    """A warning before a run, which names the customer whose draft is kept back."""

    customer_code = fields.String(allow_none=True, dump_default=None)
    customer_name = fields.String(allow_none=True, dump_default=None)


class PreviewItem(Schema):
    """One draft as it would be issued; ``skip_code`` says why it would not."""

    invoice_id = fields.UUID()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String(attribute="name", dump_only=True)
    name = fields.String(metadata={"deprecated": True})
    period_start = Day()
    period_end = Day()
    invoice_date = Day()
    orders = fields.Integer()
    taxable = Money()
    tax = Money()
    round_off = Money()
    total = Money()
    previous_balance = Money()
    skip_code = fields.String(allow_none=True)


class PreviewOut(Schema):
    """What a run would issue, to the paisa."""

    period = fields.String()
    totals = fields.Nested(PreviewTotals)
    warnings = fields.List(fields.Nested(PreviewWarning))
    items = fields.List(fields.Nested(PreviewItem))
    next_cursor = fields.String(allow_none=True)


class RunIn(Strict):
    """What to bill. ``confirm`` issues although the total is unusual; ``dry_run`` issues nothing."""

    period = Month(required=True)
    customer_ids = fields.List(fields.UUID(), load_default=None, validate=validate.Length(1, 1000))
    through = Day(load_default=None)
    dry_run = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    confirm = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class RunOut(Schema):
    """A billing run, and how far it is."""

    id = fields.UUID(allow_none=True)
    period = fields.String()
    through = Day(allow_none=True)
    status = Choice(
        *RUN_STATUSES,
        "interrupted",
        metadata={"description": "interrupted: nobody is at work on it any more, ask again.", "example": "completed"},
    )
    dry_run = fields.Boolean(dump_default=False)
    customers_total = fields.Integer()
    customers_done = fields.Integer()
    invoices_issued = fields.Integer()
    orders_billed = fields.Integer()
    one_time_orders_billed = fields.Integer()
    one_time_amount = Money()
    prior_period_orders = fields.Integer()
    total = Money()
    skipped = fields.List(fields.Nested(BillingWarning))
    started_at = fields.DateTime(allow_none=True, dump_default=None)
    finished_at = fields.DateTime(allow_none=True, dump_default=None)
    error = fields.String(allow_none=True, dump_default=None)


RunPage = page_of(RunOut, "RunPage")
