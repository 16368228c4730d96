"""Days off: on which days the dairy rests, closing one and reopening it. What a closing does is told first."""

from typing import Any
from uuid import UUID

from flask import Response, g, url_for

from dairy_app.business.queries import today
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, console
from dairy_app.orders.models import SHIFTS
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, admits, ask, tried

#: Closed days on a page.
ROWS = 50
#: What closing a day did, as ``/closed-days`` counts it.
EFFECT = ("cancelled_orders", "cancelled_one_time_orders", "moved_orders", "left_out")


@console.route("/days-off")
@console.arguments(ListQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, Role.DELIVERY_BOY, page=True)
def days_off(query: dict[str, str]) -> Response:
    """The days to come on which nothing is brought, the earliest first."""
    return _days_off(query.get("cursor"))


def _days_off(cursor: str | None = None, **names: Any) -> Response:
    found = ask("/closed-days", **{"from": today(current_session())}, limit=ROWS, cursor=cursor)
    if admits("/closed-days", "POST"):
        names["areas"] = [(each["id"], each["name"]) for each in ask("/areas", limit=200)["items"]]
    return frame.page("days_off.html", found=found, shifts=SHIFTS, **names)


@console.route("/days-off", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def close_day(form: dict[str, str]) -> Response:
    """Look at what closing a day does to orders, or close it as it was looked at."""
    typed, done = frame.as_typed(form), dict[str, Any]()
    body = frame.fields_of(form, "day", "shift", "area_id", "reason", "deliver_on")

    def is_as_seen() -> bool:
        return form.get("do") == "close" and (form.get("looked"), form.get("after")) == (typed, _told(done))

    def close() -> None:
        with tried(unless=is_as_seen):
            done.update(act("POST", "/closed-days", {**body, "leave_out": True}, key=form.get("key")))

    address = url_for("console.days_off")
    refused = frame.send(close, lambda **names: _days_off(**names), address)
    if refused is not None:
        return refused
    if not is_as_seen():
        g.form_is_on = address
        return _days_off(form=form, looked=typed, effect=done, after=_told(done))
    cancelled = done["cancelled_orders"] + done["cancelled_one_time_orders"]
    return frame.done(address, "day_closed", day=frame.figures().day(done["day"]), n=cancelled)


def _told(done: dict[str, Any]) -> str:
    return " ".join(str(done[name]) for name in EFFECT)


@console.route("/days-off/<uuid:closed_day_id>/reopen", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def reopen_day(form: dict[str, str], closed_day_id: UUID) -> Response:
    """Let deliveries take place after all: the orders that the closing cancelled come back."""
    address = url_for("console.days_off")
    refused = frame.send(
        lambda: act("DELETE", f"/closed-days/{closed_day_id}"), lambda **names: _days_off(**names), address
    )
    return refused or frame.done(address, "day_reopened", day=form.get("day", ""))
