"""Who goes which round: the sequence of its doors, whose customers they are, who goes instead on one day."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.console.rules.places import in_order
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, admits, ask, fetch

#: A form has a field for each customer, whose name begins so.
PLACE = "place-"
#: What is chosen where nobody stands in any more.
HIMSELF = "himself"


@console.route("/rounds/<uuid:helper_id>/sequence")
@console.arguments(PageQuery, location="query")
@allow(Role.ADMIN, page=True)
def sequence(query: dict[str, Any], helper_id: UUID) -> Response:
    """All customers of a round in the order in which they are reached, to be moved."""
    return _sequence(helper_id)


def _sequence(helper_id: UUID, wanted: list[str] | None = None, **names: Any) -> Response:
    """``wanted``: the order that was refused; whoever joined meanwhile comes behind it, marked."""
    answer = fetch(_path_of(helper_id))
    customers = answer.get_json()["items"]
    if wanted is not None:
        places = {each: place for place, each in enumerate(wanted)}
        customers = [{**each, "is_new": each["customer_id"] not in places} for each in customers]
        names["is_changed"] = True
        customers.sort(key=lambda each: places.get(each["customer_id"], len(places)))
    names |= {"customers": customers, "seen": answer.headers["ETag"], "helper": ask(f"/users/{helper_id}")}
    names["helpers"] = _helpers()
    return frame.page("sequence.html", **names)


@console.route("/rounds/<uuid:helper_id>/sequence", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def save_sequence(form: dict[str, str], helper_id: UUID) -> Response:
    """Put the customers of a round in order, unless somebody has changed it since it was shown."""
    typed = [(name.removeprefix(PLACE), place) for name, place in request.form.items() if name.startswith(PLACE)]
    wanted = in_order(typed)

    def save() -> None:
        try:
            act("PUT", _path_of(helper_id), {"customer_ids": wanted}, match=form.get("seen"))
        except Problem as problem:
            now = [each["customer_id"] for each in ask(_path_of(helper_id))["items"]]
            if problem.code != "precondition_failed" or now != wanted:
                raise  # else it was sent before, and only the answer was lost

    address = url_for("console.sequence", helper_id=helper_id)
    refused = frame.send(save, lambda **names: _sequence(helper_id, wanted, **names), address)
    return refused or frame.done(url_for("console.stops", helper_id=helper_id), "sequence", n=len(wanted))


@console.route("/rounds/<uuid:helper_id>/customers", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def give_customers(form: dict[str, str], helper_id: UUID) -> Response:
    """Give the ticked customers of a round to another helper for good."""
    marked = request.form.getlist("customer")
    to = frame.part_of_address(form, "to") if form.get("to") else str(helper_id)

    def give() -> None:
        act("POST", f"/deliveries/sequence/{to}/customers", {"customer_ids": marked}, key=form.get("key"))

    def again(**names: Any) -> Response:
        return _sequence(helper_id, marked=marked, **names)

    refused = frame.send(give, again, url_for("console.sequence", helper_id=helper_id))
    if refused is not None:
        return refused
    name = ask(f"/users/{to}")["name"]
    return frame.done(url_for("console.sequence", helper_id=to), "customers_given", n=len(marked), name=name)


def _helpers() -> Any:
    return ask("/users", role=Role.DELIVERY_BOY.value, is_active="true", limit=200)["items"]


def _path_of(helper_id: UUID) -> str:
    return f"/deliveries/sequence/{helper_id}"


@console.route("/rounds/who-goes")
@console.arguments(PageQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True)
def who_goes(query: dict[str, Any]) -> Response:
    """Which customers each helper has, where, in which shift and on which days; and who goes instead."""
    return _who_goes()


def _who_goes(**names: Any) -> Response:
    if admits("/deliveries/stand-ins", "PUT"):
        names["helpers"] = _helpers()
    return frame.page("who_goes.html", plan=ask("/reports/round-plan")["items"], day=today(current_session()), **names)


@console.route("/rounds/stand-ins", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def set_stand_in(form: dict[str, str]) -> Response:
    """Let somebody else go a round on one day, or its helper himself again."""
    given: dict[str, Any] = {}
    is_back = form.get("stand_in_id") == HIMSELF

    def give() -> None:
        body = frame.fields_of(form, "delivery_boy_id", "stand_in_id", "delivery_date", "shift")
        given.update(act("PUT", "/deliveries/stand-ins", body | ({"stand_in_id": None} if is_back else {})))

    address = url_for("console.who_goes")
    refused = frame.send(give, lambda **names: _who_goes(**names), address)
    if refused is not None:
        return refused
    whose = ask(f"/users/{form['delivery_boy_id']}")["name"]
    if is_back:
        return frame.done(address, "goes_himself", name=whose, **given)
    return frame.done(address, "stand_in", name=ask(f"/users/{form['stand_in_id']}")["name"], whose=whose, **given)
