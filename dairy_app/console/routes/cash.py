"""Cash that was collected at the doors: who carries how much, handing it over, and what was missing."""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.common.errors import FieldError, Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask, together

WHO = (Role.ADMIN, Role.ACCOUNTANT)
ROWS = 50


class CashQuery(ListQuery):
    """Of whom to list each payment."""

    staff = fields.UUID()


@console.route("/cash")
@console.arguments(CashQuery, location="query")
@allow(*WHO, page=True)
def cash(query: dict[str, Any]) -> Response:
    """What is to be handed over, and what was handed over before, the latest first."""
    return _cash(query.get("staff"), query.get("cursor"))


def _cash(staff_id: UUID | None = None, cursor: str | None = None, **names: Any) -> Response:
    expected = ask("/cash-settlements/expected")
    if staff_id is not None:
        carried = ask("/cash-settlements/expected", staff_id=staff_id)["items"]
        for part in ("payments", "refunds"):
            names[part] = [each for one in carried for each in one[part]]
    found = ask("/cash-settlements", limit=ROWS, cursor=cursor)
    return frame.page("cash.html", expected=expected, found=found, staff_id=staff_id and str(staff_id), **names)


@console.route("/cash/<uuid:staff_id>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def receive_cash(form: dict[str, str], staff_id: UUID) -> Response:
    """Book what somebody hands over; a difference is kept with it."""
    body = {"staff_id": str(staff_id), **frame.fields_of(form, "handed_over", "notes")}
    told: dict[str, Any] = {}

    def receive() -> None:
        with together():
            told.update(act("POST", "/cash-settlements", body, key=form.get("key")))
            if told["expected"] != form.get("expected"):  # what came in after the page was opened is not in this hand
                detail = frame.words()("cash_more", amount=frame.figures().rupees(told["expected"]))
                raise Problem("precondition_failed", errors=[FieldError("/handed_over", "changed", detail)])

    refused = frame.send(receive, lambda **names: _cash(sent=str(staff_id), **names), url_for("console.cash"))
    if refused is not None:
        return refused
    say = frame.figures()
    amounts = {name: say.rupees(told[name]) for name in ("handed_over", "variance")}
    said = "cash_differs" if say.sign(told["variance"]) else "cash_right"
    return frame.done(url_for("console.cash"), said, name=form.get("name", ""), **amounts)
