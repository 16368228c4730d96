"""Files as clients send them, and what became of them."""

from marshmallow import fields

from dairy_app.importing.service.importing import Import
from dairy_app.web import uploads, validate
from dairy_app.web.schemas import Choice, Line, Strict

ON_EXISTING = ("refuse", "skip")
#: What may stand in the form beside the file, or in the query string.
OPTIONS = ("dry_run", "sheet", "on_existing", "confirm")


class ImportIn(Strict):
    """A table: CSV (``,`` ``;`` or tab between the cells, UTF-8, UTF-16 with its mark) or XLSX.

    As an upload named ``file`` with the options beside it, as the body itself, or as text in ``csv``.
    """

    makes = Import
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
