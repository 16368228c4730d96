"""Rounds: how far they are, the stops of one with its loading sheet, and links for helpers."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.business.queries import today
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.documents.drawing.codes import code_of, runs
from dairy_app.orders.models import SHIFTS
from dairy_app.photos.rules import PHOTOGRAPHED
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_actor, current_session
from dairy_app.web.inside import act, admits, ask
from dairy_app.web.schemas import Day

LINKS = 50
#: Photos of a day that are asked for at a time.
PHOTOS = 200


class RoundsQuery(PageQuery):
    """Which day."""

    date = Day()


class StopsQuery(RoundsQuery):
    """Which day and shift."""

    shift = fields.String(validate=validate.OneOf(["", *SHIFTS]))


@console.route("/rounds")
@console.arguments(RoundsQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True, may_lag=True)
def rounds(query: dict[str, Any]) -> Response:
    """The rounds of a day, and the links that are in use."""
    return _rounds(query.get("date"))


def _rounds(day: date | None = None, **names: Any) -> Response:
    day = day or today(current_session())
    if admits("/shared-links"):
        names["links"] = ask("/shared-links", limit=LINKS)["items"]
        names["helpers"] = ask("/users", role=Role.DELIVERY_BOY.value, is_active="true", limit=200)["items"]
        names["areas"] = ask("/areas", limit=200)["items"]
    found = ask("/reports/rounds", delivery_date=day)["items"]
    return frame.page("rounds.html", rounds=found, day=day, **_liveness(day), **names)


def _liveness(day: date) -> dict[str, Any]:
    """As of when a page about a day is, and whether its figures can change while somebody looks."""
    return {"at": now().isoformat(), "is_live": day == today(current_session())}


@console.route("/rounds/<uuid:helper_id>")
@console.arguments(StopsQuery, location="query")
@allow(Role.ADMIN, Role.DELIVERY_BOY, page=True, may_lag=True)
def stops(query: dict[str, Any], helper_id: UUID) -> Response:
    """The doors of a helper's round in sequence, and what to load; made to be printed too. A helper sees his own."""
    actor = current_actor()
    if actor.role is Role.DELIVERY_BOY and helper_id != actor.user_id:
        raise Problem("user_not_found")
    day, shift = query.get("date") or today(current_session()), query.get("shift") or None
    found = ask("/deliveries/round", delivery_boy_id=helper_id, delivery_date=day, shift=shift)
    helper = {"id": actor.user_id, "name": actor.name} if helper_id == actor.user_id else ask(f"/users/{helper_id}")
    names = {"photographed": _photographed(day), "photos_of": PHOTOGRAPHED if day == today(current_session()) else ()}
    return frame.page("stops.html", round=found, helper=helper, shift=shift, **names, **_liveness(day))


def _photographed(day: date) -> set[str]:
    """The orders of a day of which there is a photo."""
    orders, cursor = set[str](), None
    while True:
        page = ask("/delivery-photos", delivery_date=day, limit=PHOTOS, cursor=cursor)
        orders |= {each["order_id"] for each in page["items"]}
        cursor = page["next_cursor"]
        if cursor is None:
            return orders


@console.route("/rounds/links", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def new_link(form: dict[str, str]) -> Response:
    """A link to a round for a helper's phone; its address is shown once, with a code to scan."""
    made: dict[str, Any] = {}

    def make() -> None:
        kind, _, whose = form.get("whose", "").partition(":")
        body: dict[str, Any] = {"kind": "round", **frame.fields_of(form, "pin", "shift", "date")}
        body["area_id" if kind == "area" else "delivery_boy_id"] = whose
        body["rolling"] = "date" not in body
        if form.get("hours", "").isdecimal():
            body["expires_in_hours"] = int(form["hours"])
        made.update(act("POST", "/shared-links", body, key=form.get("key")))

    refused = frame.send(make, lambda **names: _rounds(**names), url_for("console.rounds"))
    if refused is not None:
        return refused
    link = made.get("url")
    day = date.fromisoformat(form["date"]) if form.get("date") else None
    return _rounds(day, made=made, link=link, code=[runs(row) for row in code_of(link)] if link else [])


@console.route("/rounds/links/<uuid:link_id>/revoke", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def revoke_link(form: dict[str, str], link_id: UUID) -> Response:
    """End a link at once."""
    address = url_for("console.rounds")
    refused = frame.send(lambda: act("DELETE", f"/shared-links/{link_id}"), lambda **names: _rounds(**names), address)
    return refused or frame.done(address, "link_revoked", name=form.get("name", ""))
