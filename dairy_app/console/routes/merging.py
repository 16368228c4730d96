"""Two customers that are one: found, looked at, and merged. What it does is told before."""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask

#: Customers to choose from.
FOUND = 10
#: So many digits at the end of a phone number find who shares it.
DIGITS = 10


class MergeQuery(PageQuery):
    """Who is looked for, and who was chosen."""

    q = fields.String(load_default="")
    into = fields.String(load_default="")


@console.route("/customers/<uuid:customer_id>/merge")
@console.arguments(MergeQuery, location="query")
@allow(Role.ADMIN, page=True)
def merge_form(query: dict[str, str], customer_id: UUID) -> Response:
    """Who a customer is beside this one: those with its phone number, or who is looked for; then what a merge does."""
    return _merge_page(customer_id, query["q"].strip(), query["into"])


@console.route("/customers/<uuid:customer_id>/merge", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def merge_customers(form: dict[str, str], customer_id: UUID) -> Response:
    """Merge the customer into the one that was looked at."""
    into, done = frame.part_of_address(form, "into"), dict[str, Any]()
    body = {"into": into, "reason": form.get("reason", "").strip()}

    def merge() -> None:
        done.update(act("POST", f"/customers/{customer_id}/merge", body, key=form.get("key")))

    address = url_for("console.merge_form", customer_id=customer_id, into=into)
    refused = frame.send(merge, lambda **names: _merge_page(customer_id, "", into, **names), address)
    if refused is not None:
        return refused
    names = {"code": done["customer"]["code"], "balance": frame.figures().rupees(done["balance_together"])}
    return frame.done(url_for("console.customer", customer_id=into), "merged", **names)


def _merge_page(customer_id: UUID, typed: str, into: str, **names: Any) -> Response:
    customer = ask(f"/customers/{customer_id}")
    search = typed or (customer["phone"] or "")[-DIGITS:]
    found = ask("/customers", search=search, limit=FOUND + 1)["items"] if search else []
    names["others"] = [each for each in found if each["id"] != customer["id"]][:FOUND]
    names["preview"] = ask(f"/customers/{customer_id}/merge-preview", into=into) if into else None
    return frame.page("merge.html", customer=customer, typed=typed, **names)


def merged_page(customer: dict[str, Any]) -> Response:
    """Of a customer who was merged into another: into whom."""
    try:
        other = ask(f"/customers/{customer['merged_into']}")
    except Problem:  # somebody else looks after that one
        other = None
    return frame.page("merged.html", customer=customer, other=other)
