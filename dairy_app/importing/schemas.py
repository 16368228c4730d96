"""Files as clients send them, and what became of them."""

from typing import Any

from marshmallow import Schema, fields, post_load, validates_schema

from dairy_app.importing.service.importing import Import
from dairy_app.receivables.schemas.payments import OpeningBalanceRow
from dairy_app.receivables.service.opening_balances import NewOpeningBalance
from dairy_app.web import uploads, validate
from dairy_app.web.schemas import MAX_MONEY, Choice, Day, Line, Money, Strict
from dairy_app.web.validate import Invalid

ON_EXISTING = ("refuse", "skip")
#: What may stand in the form beside the file, or in the query string.
OPTIONS = ("dry_run", "sheet", "on_existing", "confirm")


class ImportIn(Strict):
    """A table: CSV (``,`` ``;`` or tab between the cells, UTF-8, UTF-16 with its mark) or XLSX.

    As an upload named ``file`` with the options beside it, as the body itself, or as text in ``csv``.
    """

    makes: type | None = Import
    csv = fields.String(
        required=True,
        validate=validate.Length(min=1),
        metadata={"example": "Name,Mobile,Address,Area\nAsha Rao,98123 45671,14 Canal Road,Kothrud\n"},
    )
    dry_run = fields.Boolean(load_default=False, truthy={True, "true"}, falsy={False, "false"})
    on_existing = Choice(*ON_EXISTING, load_default="refuse")
    confirm = fields.Boolean(load_default=False, truthy={True, "true"}, falsy={False, "false"})

    other_media = uploads.media_of_import(*OPTIONS)
    beside_file = OPTIONS


class ImportQuery(Strict):
    """The options of a file that is the body itself; of an upload they may stand here, too."""

    dry_run = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})
    on_existing = Choice(*ON_EXISTING, load_default=None)
    confirm = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})
    sheet = Line(100, load_default=None, metadata={"example": "1"})


class ColumnRead(Strict):
    """A column of the file. ``read_as`` null: it was ignored; ``product:SKU``: a quantity a day of that product."""

    header = fields.String()
    read_as = fields.String(allow_none=True)


class FaultOut(Strict):
    """What is wrong with one cell."""

    line = fields.Integer()
    column = fields.String()
    code = fields.String()
    detail = fields.String()


class ItemOut(Strict):
    """A row that was taken."""

    sometimes = ("receipt_no",)
    line = fields.Integer()
    id = fields.UUID(allow_none=True)
    code = fields.String(allow_none=True)
    receipt_no = fields.String(allow_none=True)
    skipped = fields.Boolean()


class ImportOut(Strict):
    """What was written, or with ``dry_run`` would be: nothing while there are faults."""

    dry_run = fields.Boolean()
    columns = fields.List(fields.Nested(ColumnRead))
    created = fields.Integer()
    skipped = fields.Integer()
    standing_orders = fields.Integer()
    opening_balances = fields.Integer()
    logins = fields.Integer()
    new_areas = fields.List(fields.String())
    faults = fields.List(fields.Nested(FaultOut))
    fault_count = fields.Integer()
    items = fields.List(fields.Nested(ItemOut))


class CustomerRead(Strict):
    """A row as it was read; of a customer that exists already only its line and id."""

    sometimes = ("id", "name", "phone", "area", "login")
    line = fields.Integer(metadata={"description": "As a spreadsheet counts."})
    id = fields.UUID(metadata={"description": "Not in a dry run."})
    name = fields.String()
    phone = fields.String()
    area = fields.String()
    login = fields.Boolean()


class CustomersImported(Strict):
    """What was registered, or would be; ``items``: the first 200 rows."""

    dry_run = fields.Boolean()
    created = fields.Integer()
    logins = fields.Integer()
    new_areas = fields.List(fields.String())
    items = fields.List(fields.Nested(CustomerRead))


class OpeningBalanceIn(ImportIn):
    """What one customer, by id or code, owed (above 0) or had paid in advance (below 0); or a file of many.

    A file is read as ``POST /imports/opening-balances`` reads it.
    """

    makes = None

    customer_id = fields.UUID(load_default=None)
    customer_code = Line(40, load_default=None)
    as_of = Day(load_default=None)
    amount = Money(low=-MAX_MONEY, load_default=None)
    csv = fields.String(load_default=None)

    not_in_example = ("customer_code", "csv", *OPTIONS)

    @validates_schema
    def _one_or_many(self, data: dict[str, Any], **_: Any) -> None:
        named = {name for name, value in data.items() if value is not None} - set(OPTIONS)
        if "csv" in named:
            if len(named) > 1:
                raise Invalid("Send either a CSV or one balance.", "csv")
            return
        if len(named & {"customer_id", "customer_code"}) != 1:
            raise Invalid("Name the customer by its id or its code.", "customer_id")
        for name in ("as_of", "amount"):
            if name not in named:
                raise Invalid(validate.MISSING, name)
        for name in ("dry_run", "confirm"):
            if data[name]:
                raise Invalid("In a body this is of a file only; it may stand in the query string.", name)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> NewOpeningBalance | Import:
        options = {name: data.pop(name) for name in ("csv", "dry_run", "on_existing", "confirm")}
        return NewOpeningBalance(**data) if options["csv"] is None else Import(**options)


class OpeningBalancesEntered(Schema):
    """What was entered, or with ``dry_run`` would be; of a long file the first 200 rows."""

    dry_run = fields.Boolean()
    created = fields.Integer()
    debit = Money()
    credit = Money()
    items = fields.List(fields.Nested(OpeningBalanceRow))
