"""Changing a customer: two people at it overwrite nothing of each other unseen."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.common.errors import Problem, invalid
from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import customers_named
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.customers.models import BILLING_CYCLES, CUSTOMER_STATUSES, GST_TREATMENTS, PAYMENT_TERMS
from dairy_app.customers.policy import ADMIN_FIELDS, OWN_FIELDS
from dairy_app.outbox.models import CHANNELS, TO_CUSTOMERS
from dairy_app.web import strict_json
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_actor
from dairy_app.web.inside import act, ask, fetch

WHO = (Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)
#: What the form shows, by the heading it is under.
GROUPS: dict[str, tuple[str, ...]] = {
    "change_door": ("address_line1", "address_line2", "city", "pincode", "map_link", "notes"),
    "change_round": ("area", "delivery_boy_id", "stop_sequence"),
    "change_contact": ("name", "phone", "email", "language", "channel", "messages_off"),
    "change_terms": (
        "status",
        "trial_start_date",
        "code",
        "billing_cycle",
        "payment_terms",
        "credit_limit",
        "billed_to",
        "marketing_staff_id",
        "gst_treatment",
        "gstin",
    ),
}
#: Fields that have their word from another page; that of the others is ``field_…``.
_WORDS = {"address_line1": "house_street", "notes": "note_for_helper", "delivery_boy_id": "helper"} | {
    name: name for name in ("name", "phone", "email", "area", "status", "code")
}
_WHOLE = frozenset({"stop_sequence"})
#: Which messages a customer wants, as the form offers it: the kinds that are off, and the word for that.
WANTED = {"": "nothing", "reminder": "reminders", ",".join(sorted(TO_CUSTOMERS)): "everything"}
#: Staff whom only an admin can choose among.
_STAFF = {"delivery_boy_id": Role.DELIVERY_BOY, "marketing_staff_id": Role.MARKETING_STAFF}


@console.route("/customers/<uuid:customer_id>/change")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def customer_form(query: dict[str, str], customer_id: UUID) -> Response:
    """What may be changed of a customer, by the caller's role; a customer changes its own address and language."""
    del query
    return _form_page(customer_id)


@console.route("/customers/<uuid:customer_id>/change", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def change_customer(form: dict[str, str], customer_id: UUID) -> Response:
    """Save what was changed, unless somebody changed the customer since the form was shown."""
    changes = _changes(form)

    def change() -> None:
        if changes:
            body = {name: _value(name, text) for name, text in changes.items()}
            if body.get("billed_to"):
                body["billed_to"] = _payer(changes["billed_to"])
            act("PATCH", f"/customers/{customer_id}", body, match=form.get("seen", ""))

    address = url_for("console.customer_form", customer_id=customer_id)
    refused = frame.send(change, lambda **names: _form_page(customer_id, **names), address)
    if refused is not None:
        return refused
    response = frame.done(url_for("console.customer", customer_id=customer_id), "changed" if changes else "unchanged")
    if current_actor().role is Role.CUSTOMER and changes.get("language"):
        frame.remember_language(response, changes["language"])
    return response


def _form_page(customer_id: UUID, form: Mapping[str, str] | None = None, **names: Any) -> Response:
    """The form as the customer is now, with what was typed; marked is what somebody else changed meanwhile."""
    answer = fetch(f"/customers/{customer_id}")
    customer = json.loads(answer.get_data())
    groups = _offered()
    if customer["billed_to"] and "billed_to" in groups.get("change_terms", ()):
        customer["billed_to"] = ask(f"/customers/{customer['billed_to']}")["code"]
    now = {name: _text(customer[name]) for fields in groups.values() for name in fields}
    typed, before = (_changes(form), _shown(form)) if form is not None else ({}, now)
    names |= {
        "customer": customer,
        "seen": answer.headers["ETag"],
        "shown": json.dumps(now),
        "groups": groups,
        "values": now | {name: text for name, text in typed.items() if name in now},
        "meanwhile": {name: text for name, text in now.items() if text != before.get(name, text)},
        "labels": {name: _WORDS.get(name, f"field_{name}") for name in now},
        "options": _options(groups, now),
    }
    return frame.page("change_customer.html", **names)


def _offered() -> dict[str, list[str]]:
    """The fields that the caller's role may set, by their headings."""
    role = current_actor().role
    hidden = {Role.ADMIN: frozenset[str](), Role.MARKETING_STAFF: ADMIN_FIELDS | set(_STAFF)}.get(role)
    found = {
        heading: [name for name in fields if (name in OWN_FIELDS if hidden is None else name not in hidden)]
        for heading, fields in GROUPS.items()
    }
    return {heading: fields for heading, fields in found.items() if fields}


def _options(groups: Mapping[str, list[str]], now: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What there is to choose from: codes with their words."""
    say, nobody = frame.figures(), ("", "–")
    options = {
        "status": [(each, say.word("status", each)) for each in CUSTOMER_STATUSES],
        "billing_cycle": [(each, say.word("cycle", each)) for each in BILLING_CYCLES],
        "gst_treatment": [(each, say.word("gst", each)) for each in GST_TREATMENTS],
        "payment_terms": [(each, say.word("terms", each)) for each in PAYMENT_TERMS],
        "channel": [nobody, *((each, say.word("me_channel", each)) for each in CHANNELS)],
        "messages_off": [(code, frame.words()(f"off_{key}")) for code, key in WANTED.items()],
        "language": [nobody, *((code, each("language")) for code, each in frame.catalogues().items())],
    }
    offered = {name for fields in groups.values() for name in fields}
    if now.get("messages_off", "") not in WANTED:  # what an API client chose is kept, and shown as it is
        options["messages_off"].append((now["messages_off"], now["messages_off"]))
    for name, role in _STAFF.items():
        if name in offered:
            people = ask("/users", role=role.value, is_active="true", limit=200)["items"]
            options[name] = [nobody, *((each["id"], each["name"]) for each in people)]
    if "area" in offered:
        options["area"] = [(each["name"], each["name"]) for each in ask("/areas", limit=200)["items"]]
    return options


def _changes(form: Mapping[str, str]) -> dict[str, str]:
    """What is typed otherwise than it was shown."""
    shown = _shown(form)
    typed = {name: form[name].replace("\r\n", "\n").strip() for name in shown if name in form}
    return {name: text for name, text in typed.items() if text != shown[name].strip()}


def _shown(form: Mapping[str, str]) -> dict[str, str]:
    """The fields as the form showed them. Raises malformed_request when it does not say so."""
    shown = strict_json.load(form.get("shown", "").encode())
    names = {name for fields in GROUPS.values() for name in fields}
    if (
        not isinstance(shown, dict)
        or not shown.keys() <= names
        or not all(isinstance(each, str) for each in shown.values())
    ):
        raise Problem("malformed_request")
    return shown


def _text(value: str | int | list[str] | None) -> str:
    if isinstance(value, list):
        return ",".join(sorted(value))
    return "" if value is None else str(value)


def _payer(typed: str) -> str:
    """The id of whoever has this code or phone number."""
    found = customers_named(typed)
    if len(found) != 1:
        code = "invalid" if found else "customer_not_found"
        raise invalid("/billed_to", frame.words()("sheet_several" if found else "sheet_nobody"), code)
    return str(found[0]["id"])


def _value(name: str, text: str) -> str | int | list[str] | None:
    if name == "messages_off":
        return text.split(",") if text else []
    if name in _WHOLE and text.isdecimal():
        return int(text)
    return text or None
