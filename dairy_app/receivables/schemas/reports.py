"""Ledger, balance, statement and ageing as clients see them. Amounts are rupees."""

from marshmallow import Schema, fields

from dairy_app.customers.models import CUSTOMER_STATUSES
from dairy_app.web.schemas import Choice, Day, Money, PageQuery, Strict


class LedgerQuery(PageQuery):
    """Which entries; both days included."""

    first = Day(load_default=None, data_key="from")
    last = Day(load_default=None, data_key="to")


class LedgerEntry(Schema):
    """One entry, with the balance after it. ``debit`` is owed, ``credit`` came in or was given up."""

    date = Day(attribute="entry_date")
    kind = Choice(
        "opening",
        "invoice",
        "void",
        "credit_note",
        "debit_note",
        "payment",
        "reversal",
        "write_off",
        "refund",
        "refund_reversal",
    )
    document = fields.String(allow_none=True)
    document_id = fields.UUID()
    debit = Money()
    credit = Money()
    balance = Money()


class LedgerOut(Schema):
    """A customer's ledger, oldest entry first. ``balance`` is today's, whatever part is shown."""

    customer_id = fields.UUID()
    balance = Money()
    items = fields.List(fields.Nested(LedgerEntry))
    next_cursor = fields.String(allow_none=True)


class BalanceOut(Schema):
    """What a customer owes today; below 0 it is credit. ``overdue``: the part that was due before today."""

    customer_id = fields.UUID()
    as_of = Day()
    balance = Money()
    overdue = Money()


class StatementQuery(Strict):
    """Whose statement, from a day to a day, both included."""

    customer_id = fields.UUID(required=True)
    first = Day(required=True, data_key="from")
    last = Day(required=True, data_key="to")


class StatementOut(Schema):
    """A statement of account: ``opening`` before the first day, each entry, ``closing`` after the last."""

    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    first = Day(data_key="from")
    last = Day(data_key="to")
    opening = Money()
    debit = Money()
    credit = Money()
    closing = Money()
    items = fields.List(fields.Nested(LedgerEntry), attribute="entries", dump_only=True)
    entries = fields.List(fields.Nested(LedgerEntry), metadata={"deprecated": True})


class AgeingQuery(PageQuery):
    """As of which day (today when left out); ``area_id`` takes the areas below it too."""

    as_of = Day(load_default=None)
    area_id = fields.UUID(load_default=None)


class AgeingSums(Schema):
    """What is open by days past due, what is paid in advance, and what remains: net = all of it − the credit."""

    not_due = Money()
    days_1_30 = Money()
    days_31_60 = Money()
    days_61_90 = Money()
    days_over_90 = Money()
    unapplied_credit = Money()
    net = Money()


class AgeingTotals(AgeingSums):
    """The sums of all customers, not of the page."""

    customers = fields.Integer()


class AgeingItem(AgeingSums):
    """How one customer stands, whatever its status."""

    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String(attribute="name", dump_only=True)
    name = fields.String(metadata={"deprecated": True})
    phone = fields.String(allow_none=True)
    status = Choice(*CUSTOMER_STATUSES)


class AgeingOut(Schema):
    """Who owes what for how long, by customer code. ``totals`` comes with the first page."""

    as_of = Day()
    items = fields.List(fields.Nested(AgeingItem))
    totals = fields.Nested(AgeingTotals, allow_none=True)
    next_cursor = fields.String(allow_none=True)
