"""Request and response fields: strict on the way in, decimal strings on the way out.

A rule that stands only here is a defect: lengths and signs are repeated by CHECKs in the database.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load

from dairy_app.common.errors import invalid
from dairy_app.web import validate
from dairy_app.web.validate import Coded, Invalid, Pattern, code_messages

#: numeric(12,2) and numeric(10,3) end here.
MAX_MONEY = Decimal("9999999999.99")
MAX_QUANTITY = Decimal("9999999.999")
_PLAIN_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]+)?")


class Strict(Schema):
    """A schema that refuses fields it does not know, and says with a code what is wrong with a field.

    What is read is an object of the class ``makes``, which a service takes; without one (a query) a mapping.
    """

    makes: type | None = None

    error_messages = {
        "unknown": Coded("Unknown field.", validate.UNKNOWN_FIELD),
        "type": Coded("Invalid input type."),
    }

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Every field of a schema is given to this once."""
        code_messages(field_obj)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Any:
        return data if self.makes is None else self.makes(**data)


class Exact(fields.Field[Decimal]):
    """A decimal of a fixed number of places. Strings or JSON numbers in, strings out; nothing is rounded."""

    places = 2
    largest = MAX_MONEY
    example = "60.00"

    default_error_messages = {
        "invalid": "Not a plain decimal number.",
        "places": "At most {places} decimals.",
        "range": "Must be between {low} and {high}.",
    }

    def __init__(self, *, low: Decimal | int = 0, above: bool = False, **kwargs: Any) -> None:
        """``low`` is the smallest value taken; with ``above`` it is the first one refused."""
        metadata = {"example": self.example, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)
        self.low, self.above = Decimal(low), above

    @property
    def sent_pattern(self) -> str:
        """The form of what is sent, as a string."""
        sign = "-?" if self.low < 0 else ""
        above = "(?!0+([.]0+)?$)" if self.above else ""
        return rf"^{sign}{above}[0-9]{{1,{len(str(int(self.largest)))}}}([.][0-9]{{1,{self.places}}})?$"

    @property
    def answered_pattern(self) -> str:
        """The form of what is answered."""
        return rf"^-?[0-9]+[.][0-9]{{{self.places}}}$"

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{value:.{self.places}f}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        written = str(value)
        if isinstance(value, bool) or not _PLAIN_NUMBER.fullmatch(written):
            raise self.make_error("invalid")
        number = Decimal(written)
        if number != number.quantize(Decimal(1).scaleb(-self.places)):
            raise self.make_error("places", places=self.places)
        if number < self.low or (self.above and number == self.low) or number > self.largest:
            raise self.make_error("range", low=self.low, high=self.largest)
        return number


class Money(Exact):
    """Rupees: a decimal string with two places (``"1240.50"``)."""


class Percent(Exact):
    """Per cent: a decimal string with two places (``"12.00"``)."""

    largest = Decimal("999.99")
    example = "5.00"


class Quantity(Exact):
    """Litres, kilograms or pieces: a decimal string with three places (``"1.500"``)."""

    places = 3
    largest = MAX_QUANTITY
    example = "1.500"


class Line(fields.String):
    """One trimmed line of text, 1 to ``longest`` characters, no control characters."""

    def __init__(self, longest: int = 200, *, shortest: int = 1, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(min=shortest, max=longest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        line = super()._deserialize(value, attr, data, **kwargs).strip()
        if any(ord(c) < 32 or ord(c) == 127 for c in line):
            raise Invalid("Must be one line without control characters.")
        return line


class Paragraph(fields.String):
    """Free text over several lines, at most ``longest`` characters."""

    def __init__(self, longest: int = 2000, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(max=longest), **kwargs)


class Unnamed(fields.Nested):
    """A list of a known length that clients send and see as an object: the names are those of the fields of ``nested``.

    What was not sent is what its field has by default.
    """

    def named(self, values: Any) -> dict[str, Any]:
        """The values by name."""
        return dict(zip(self.schema.fields, values, strict=True))

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        named = None if value is None else self.named(value)
        return super()._serialize(named, *args, **kwargs)  # type: ignore[no-untyped-call]

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        given = super()._deserialize(*args, **kwargs)
        return [given[name] for name in self.schema.fields]


class Choice(fields.String):
    """One word of a closed list."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        super().__init__(validate=validate.OneOf(words), **kwargs)


class Day(fields.Date):
    """A business date, ``YYYY-MM-DD`` and nothing else that ISO 8601 would allow."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not _PLAIN_DATE.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type="date")
        return super()._deserialize(value, attr, data, **kwargs)


class Instant(fields.AwareDateTime):
    """A point in time, with its offset; kept in UTC, for PostgreSQL knows no offset of 16 hours or more."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            return super()._deserialize(value, attr, data, **kwargs).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type="datetime") from None


class UpdatedSince(Instant):
    """A filter of a list: what was made or changed at or after a moment."""

    def __init__(self, **kwargs: Any) -> None:
        said = "Made or changed since then, in its own columns. What began before may be committed after: overlap."
        super().__init__(metadata={"description": said, "example": "2026-11-20T06:30:00+05:30"}, **kwargs)


def day_in_path(written: str) -> date:
    """A business date that is part of an address. Raises validation_failed."""
    try:
        day: date = Day().deserialize(written)
    except ValidationError:
        raise invalid("/date", "Not a valid date: YYYY-MM-DD.") from None
    return day


class Month(fields.String):
    """A calendar month, ``YYYY-MM``."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"example": "2026-11", **kwargs.pop("metadata", {})}
        form = Pattern(r"^20[0-9]{2}-(0[1-9]|1[0-2])$", error="Must be a month, YYYY-MM.")
        super().__init__(validate=form, metadata=metadata, **kwargs)


class MonthsQuery(Strict):
    """From a month to a month, both included."""

    from_ = Month(required=True, data_key="from")
    to = Month(required=True)


#: Of a list by names: a name of 200 letters of any script, four bytes each, with what else is in a cursor.
LONGEST_CURSOR = 1200


class PageQuery(Strict):
    """What every list takes: how many, and where to go on."""

    limit = fields.Integer(strict=False, load_default=50, validate=validate.Range(1, 200))
    cursor = fields.String(load_default=None, validate=validate.Length(max=LONGEST_CURSOR))


class Several(fields.List[Any]):
    """A filter that takes several values: the parameter is repeated, and what has any of them is found."""

    def __init__(self, inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(inner, load_default=None, validate=validate.Length(1, 100), **kwargs)


class Sort(fields.String):
    """What a list is sorted by: one of ``names``, with ``-`` before it from the largest down; else by ``default``."""

    def __init__(self, *names: str, default: str) -> None:
        either = [written for name in names for written in (name, f"-{name}")]
        super().__init__(load_default=default, validate=validate.OneOf(either))


def page_of(item: type[Schema], name: str) -> type[Schema]:
    """The response schema of a list: ``{"items": […], "next_cursor": …}``."""
    return Strict.from_dict(
        {"items": fields.List(fields.Nested(item)), "next_cursor": fields.String(allow_none=True)}, name=name
    )
