"""Bank statements as clients see them. Amounts are rupees."""

from marshmallow import Schema, fields

from dairy_app.collecting.rules.statements import Choice as ChosenLine
from dairy_app.collecting.rules.statements import NewStatement
from dairy_app.web import uploads, validate
from dairy_app.web.schemas import MAX_MONEY, Choice, Day, Line, Money, PageQuery, Strict, page_of

LINE_STATES = ("open", "booked", "already_booked", "reversed", "debit", "dismissed")
PROPOSED_BY = ("invoice", "code", "phone", "amount_and_name")
#: So many lines are booked at one time.
MOST_ACCEPTED = 1000


class BankStatementIn(Strict):
    """A statement as the bank's file has it: CSV (``,`` ``;`` or tab between the cells, UTF-8), XLSX, or MT940.

    As an upload named ``file`` with ``account`` beside it, as the body itself, or as text in ``csv``.
    """

    makes = NewStatement
    csv = fields.String(
        required=True,
        validate=validate.Length(min=1),
        metadata={
            "example": "Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance\n"
            "21/11/26,UPI-MEERA JOSHI-MEERA@OKBANK-412345678901-MILK,0000412345678901,21/11/26,,1240.00,51240.00\n"
        },
    )
    account = Line(60, load_default=None, metadata={"example": "HDFC 4321"})

    other_media = uploads.media_of_import("account", "sheet")
    beside_file = ("account", "sheet")


class BankStatementUpload(Strict):
    """Which account a file is of that is the body itself; of an upload it may stand here, too."""

    account = Line(60, load_default=None, metadata={"example": "HDFC 4321"})
    sheet = Line(100, load_default=None, metadata={"example": "1"})


class BankStatementQuery(PageQuery):
    """Which statements."""

    account = Line(60, load_default=None, metadata={"example": "HDFC 4321"})


class BankStatementOut(Schema):
    """A statement. ``new_lines``: those that were in no statement of the account before."""

    id = fields.UUID()
    account = fields.String(metadata={"example": "HDFC 4321"})
    first_day = Day()
    last_day = Day()
    line_count = fields.Integer()
    new_lines = fields.Integer()
    unbooked = fields.Integer()
    uploaded_by = fields.UUID()
    created_at = fields.DateTime()


BankStatementPage = page_of(BankStatementOut, "BankStatementPage")


class BankLinesQuery(PageQuery):
    """Which lines. ``open``: only what came in and is not booked."""

    open = fields.Boolean(load_default=False, truthy={"true"}, falsy={"false"})


class CandidateOut(Schema):
    """Whose payment a line may be, and what tells so."""

    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    by = Choice(*PROPOSED_BY)
    balance = Money(low=-MAX_MONEY)


class BankLineOut(Schema):
    """A line of a statement. ``amount``: above 0 it came in, below 0 it went out."""

    id = fields.UUID()
    line_no = fields.Integer()
    day = Day()
    amount = Money(low=-MAX_MONEY)
    narration = fields.String(metadata={"example": "UPI-MEERA JOSHI-MEERA@OKBANK-412345678901-MILK"})
    reference = fields.String(allow_none=True)
    balance = Money(low=-MAX_MONEY, allow_none=True)
    state = Choice(*LINE_STATES)
    payment_id = fields.UUID(allow_none=True)
    receipt_no = fields.String(allow_none=True)
    dismissed_reason = fields.String(allow_none=True, metadata={"example": "Interest"})
    proposal = fields.Nested(CandidateOut, allow_none=True)
    candidates = fields.List(fields.Nested(CandidateOut))


BankLinePage = page_of(BankLineOut, "BankLinePage")


class AcceptedLineIn(Strict):
    """A line, and whose payment it is."""

    makes = ChosenLine
    line = fields.UUID(required=True)
    customer_id = fields.UUID(required=True)


class AcceptLinesIn(Strict):
    """Lines that are booked together: all of them or none."""

    lines = fields.List(
        fields.Nested(AcceptedLineIn), required=True, validate=validate.Length(min=1, max=MOST_ACCEPTED)
    )


class DismissLinesIn(Strict):
    """Lines that are no customer's payments, and what they are: all of them or none."""

    lines = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=MOST_ACCEPTED))
    reason = Line(500, required=True, shortest=3, metadata={"example": "Interest"})


class LineAcceptedOut(Schema):
    """A line that was booked, and its receipt."""

    line = fields.UUID()
    payment_id = fields.UUID()
    receipt_no = fields.String()


class LinesAcceptedOut(Schema):
    """What was booked."""

    items = fields.List(fields.Nested(LineAcceptedOut))
