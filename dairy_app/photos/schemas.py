"""Photos of deliveries as clients send and see them."""

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from marshmallow import fields

from dairy_app.common.errors import invalid
from dairy_app.photos.rules import FORMATS, NewPhoto
from dairy_app.web.schemas import Day, PageQuery, Strict, page_of
from dairy_app.web.validate import UNKNOWN_FIELD, Invalid

if TYPE_CHECKING:
    from flask import Request

#: A white pixel, for examples: a JPEG that every reader takes.
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC"


class Picture(fields.String):
    """The bytes of a picture: in JSON as base64, as a file or a body as they are."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bytes):
            return value
        written = super()._deserialize(value, attr, data, **kwargs)
        try:
            return base64.b64decode(written, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid("Must be base64.") from None


def _of_body(request: "Request") -> dict[str, Any]:
    return {"photo": request.get_data()}


def _of_upload(request: "Request") -> dict[str, Any]:
    for name in request.form:
        raise invalid(f"/{name}"[:200], "Unknown field.", UNKNOWN_FIELD)
    if list(request.files) != ["file"] or len(request.files.getlist("file")) != 1:
        raise invalid("/file", "Send one file, in a field named file.")
    return {"photo": request.files["file"].read()}


class PhotoIn(Strict):
    """A photo: JPEG, PNG or WebP, at most 2 MB. As an upload named ``file``, as the body itself, or as base64."""

    makes = NewPhoto
    photo = Picture(required=True, metadata={"example": _PIXEL, "format": "byte"})

    other_media: dict[str, Callable[["Request"], dict[str, Any]]] = {
        "multipart/form-data": _of_upload,
        **dict.fromkeys(FORMATS.values(), _of_body),
    }


class PhotoOut(Strict):
    """A photo that is kept."""

    sometimes: tuple[str, ...] = ("taken_by", "shared_link_id")
    id = fields.UUID()
    order_id = fields.UUID()
    customer_id = fields.UUID()
    delivery_date = Day()
    size = fields.Integer()
    width = fields.Integer()
    height = fields.Integer()
    sha256 = fields.String()
    uploaded_at = fields.DateTime()
    taken_by = fields.UUID(allow_none=True)
    taken_by_name = fields.String()
    shared_link_id = fields.UUID(allow_none=True)


class PhotoTakenOut(PhotoOut):
    """A photo that was just sent; ``replayed``: it was here already."""

    sometimes = ()
    replayed = fields.Boolean()


class PhotoQuery(PageQuery):
    """Which photos."""

    order_id = fields.UUID()
    customer_id = fields.UUID()
    delivery_date = Day()


PhotoPage = page_of(PhotoOut, "PhotoPage")
