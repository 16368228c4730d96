"""``/deliveries/{order_id}/photo`` and ``/delivery-photos``: what a door looked like."""

from typing import Any
from uuid import UUID

from flask import Response, current_app

from dairy_app.business.queries import today
from dairy_app.deliveries.policy import scope_of
from dairy_app.deliveries.routes import confirmer
from dairy_app.photos import queries, service
from dairy_app.photos.rules import KEPT_AS, NewPhoto
from dairy_app.photos.schemas import PhotoIn, PhotoPage, PhotoQuery, PhotoTakenOut
from dairy_app.photos.store import PhotoFiles, files_of
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.pages import Page

photos = Blueprint("photos", __name__, description="Photos as proof of a delivery")

JPEG = {"type": "string", "format": "binary"}
_SEE = (Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.CUSTOMER)


@photos.route("/deliveries/<uuid:order_id>/photo", methods=["POST"])
@photos.arguments(PhotoIn)
@photos.response(200, PhotoTakenOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def take_photo(sent: NewPhoto, order_id: UUID) -> dict[str, Any]:
    """Keep a photo of an order that is out or confirmed, in place of the one there is. The same again changes nothing.

    It is made small and written anew as JPEG, upright and without what the camera wrote beside the picture. An admin
    as long as the delivery may be confirmed, a delivery boy on the day itself.
    """
    session, by = current_session(), confirmer()
    photo, replayed = service.take_photo(session, photo_files(), by, scope_of(current_actor()), order_id, sent.photo)
    return {**photo, "replayed": replayed}


@photos.route("/deliveries/<uuid:order_id>/photo")
@etagged
@photos.response(200, JPEG, content_type=KEPT_AS)
@allow(*_SEE)
def read_photo(order_id: UUID) -> Response:
    """The photo of an order, as JPEG. A customer sees its own, a delivery boy those of his round of today."""
    photo, content = service.read_photo(current_session(), photo_files(), current_actor(), order_id)
    response = Response(content, mimetype=KEPT_AS)
    response.headers["Content-Disposition"] = f'inline; filename="delivery-{photo.delivery_date}.jpg"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@photos.route("/deliveries/<uuid:order_id>/photo", methods=["DELETE"])
@photos.response(204)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def remove_photo(order_id: UUID) -> None:
    """Delete the photo of an order; a delivery boy on the day itself."""
    service.remove_photo(current_session(), photo_files(), confirmer(), scope_of(current_actor()), order_id)


@photos.route("/delivery-photos")
@photos.arguments(PhotoQuery, location="query")
@photos.response(200, PhotoPage)
@allow(*_SEE, may_lag=True)
def list_photos(query: dict[str, Any]) -> Page:
    """Which photos there are, the newest first, with who took them; the picture is `/deliveries/{order_id}/photo`."""
    session, limit, cursor = current_session(), query.pop("limit"), query.pop("cursor")
    return queries.photo_page(session, current_actor(), query, today(session), limit=limit, cursor=cursor)


def photo_files() -> PhotoFiles:
    """Where this process keeps photos."""
    return files_of(current_app.config["DAIRY"])
