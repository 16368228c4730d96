"""Photos as proof of a delivery: seen on the order's page, taken there or on the page of a round."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from marshmallow import fields

from dairy_app.common.errors import Problem, invalid
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.console.routes.orders import order_page
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, fetch

WHO_SEES = (Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.CUSTOMER)


class PhotoVersion(PageQuery):
    """Which of the photos that an order had one after the other; only so that a browser asks for a new one."""

    v = fields.String(validate=validate.Length(max=40))


@console.route("/orders/<uuid:order_id>/photo")
@console.arguments(PhotoVersion, location="query")
@allow(*WHO_SEES, page=True)
def photo(query: dict[str, str], order_id: UUID) -> Response:
    """The photo of an order, for the session of a browser."""
    del query
    return fetch(f"/deliveries/{order_id}/photo")


@console.route("/orders/<uuid:order_id>/photo", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.DELIVERY_BOY, page=True)
def take_photo(form: dict[str, str], order_id: UUID) -> Response:
    """Keep a photo; afterwards one is where one came from: on the order's page, or at its door on the round's."""
    file = request.files.get("file")

    def take() -> None:
        if file is None or not file.filename:
            raise invalid("/photo", frame.words()("photo_choose"))
        try:
            act("POST", f"/deliveries/{order_id}/photo", file=file)
        except Problem as problem:
            # What is said to programs of media types and pixels is told in the words of the page.
            raise problem if problem.errors else Problem(problem.code, headers=problem.headers) from problem

    back = _came_from(form, order_id)
    refused = frame.send(take, lambda **names: order_page(order_id, "photo", **names), back)
    return refused or frame.done(back, "photo_taken")


def _came_from(form: dict[str, str], order_id: UUID) -> str:
    """The page on which the form was: a round of a day, at the order's door, or the order's own."""
    try:
        helper_id = UUID(form["helper_id"])
    except (KeyError, ValueError):
        return url_for("console.order", order_id=order_id)
    return url_for("console.stops", helper_id=helper_id, date=form.get("date") or None, _anchor=f"order-{order_id}")


@console.route("/orders/<uuid:order_id>/photo/remove", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.DELIVERY_BOY, page=True)
def remove_photo(form: dict[str, str], order_id: UUID) -> Response:
    """Delete the photo of an order."""
    del form
    address = url_for("console.order", order_id=order_id)

    def again(**names: Any) -> Response:
        return order_page(order_id, "photo", **names)

    refused = frame.send(lambda: act("DELETE", f"/deliveries/{order_id}/photo"), again, address)
    return refused or frame.done(address, "photo_removed")
