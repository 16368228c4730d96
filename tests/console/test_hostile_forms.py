"""Every page and form, met with input that nobody should send: refused in words, never a fault."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.routing import Rule

from dairy_app import console
from dairy_app.web.http import DairyFlask, declared_by
from tests.console.visitor import BROWSER, Page, Visitor
from tests.dairy import Dairy, ok

pytestmark = pytest.mark.slow

NASTY = ("", " ", "0", "-1", "1e400", "NaN", "\x00", "a\x00b", "\u202e", "%s", "../../etc", "'; DROP TABLE orders; --",
    "9999-12-31", "0001-01-01", "2026-02-30", "2026-13", "x" * 5000, "{}", "[1]", "null",
    "00000000-0000-0000-0000-000000000000", "yes", "²", "१२")  # fmt: skip
#: Each form meets so many-th of them; which, moves on from form to form.
TURNS = 3
#: What a form's fields are called, by the macros that draw them and as they stand in a page.
NAMED = re.compile(
    r"""(?:field|area|tick|sure|choice)\("([\w-]+)"|<(?:input|select|textarea|button)\b[^>]* name="([\w-]+)\""""
)
TEMPLATES = Path(console.__file__).parent / "templates" / "console"
#: Every name that a form of the console sends, and some that are made of a name, a number or an id.
NAMES = {
    name for page in TEMPLATES.glob("*.html") for found in NAMED.findall(page.read_text()) for name in found if name
}
NAMES -= {"csrf_token"}
NAMES |= {"key", "act", "customer_id", "business_name", "due_days", "cutoff_morning", "language", "lines", "lines_from",
    "weekday", "on_mon", "r0-customer", "r0-amount", "r0-method", "r0-received_on", "r0-reference", "quantity_1",
    "amount_1", "quantity_00000000-0000-7000-8000-000000000000", "place-x",
    "place-00000000-0000-7000-8000-000000000000"}  # fmt: skip


def rules(app: DairyFlask, method: str) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("console.") and method in (rule.methods or ()):
            yield rule


@pytest.fixture(autouse=True)
def one_database(dairy: Dairy, database_url: str) -> None:
    """The page about health asks it by its address: without one it would start a server of its own."""
    dairy.app.config["DAIRY"] = replace(dairy.app.config["DAIRY"], database_url=database_url)


@pytest.fixture
def known(dairy: Dairy) -> dict[str, str]:
    """Something that is there to be hit, by the names of parts of an address."""
    customer, milk = dairy.customer(), dairy.product("60.00")
    rule = {"kind": "delivery_charge", "basis": "per_month", "amount": "5", "description": "Delivery"}
    return {
        "charge_rule_id": ok(dairy.admin.post("/charge-rules", rule | {"valid_from": dairy.day(0)}), 201)["id"],
        "customer_id": customer["id"],
        "product_id": milk["id"],
        "order_id": dairy.order(customer, (milk, "1"))["id"],
        "subscription_id": dairy.subscription(customer, milk)["id"],
        "helper_id": dairy.staff("delivery_boy").user["id"],
        "version": "0",
        "name": "console.css",
        "verb": "stop",
    }


def path_of(rule: Rule, known: dict[str, str]) -> str:
    values: dict[str, Any] = {name: known.get(name) or str(uuid4()) for name in rule.arguments}
    built = rule.build(values, append_unknown=False)
    assert built is not None
    return built[1]


def judge(page: Page, what: str) -> None:
    assert page.status < 500, what
    assert "Traceback" not in page.words, what
    if page.status >= 400:
        assert page.response.mimetype == "text/html", what
        assert len(page.every("h1")) == 1, what


@pytest.mark.timeout(360)  # every page, with every parameter: 20 s where nothing else is at work
def test_no_parameter_of_a_page_is_a_fault(dairy: Dairy, admin: Visitor, known: dict[str, str]) -> None:
    for rule in rules(dairy.app, "GET"):
        path = path_of(rule, known)
        for schema in declared_by(dairy.app.view_functions[rule.endpoint]).parameters:
            for name in (*schema.fields, "unknown"):
                for value in NASTY:
                    answer = admin.http.get(path, query_string={name: value}, headers=BROWSER)
                    judge(Page(answer), f"{path}?{name}={value!r}")


def test_no_field_of_a_form_is_a_fault(dairy: Dairy, known: dict[str, str]) -> None:
    posts = [rule for rule in rules(dairy.app, "POST") if rule.endpoint not in {"console.sign_in", "console.sign_out"}]
    visitor = Visitor.of(dairy.app, "admin@dairy.example")
    token = visitor.open("/").form("/sign-out").fields["csrf_token"]
    for turn, rule in enumerate(posts):
        for ids, values in ((known, NASTY[turn % TURNS :: TURNS]), ({"verb": "x"}, NASTY[:1])):
            path = path_of(rule, ids)
            for value in values:
                sent = dict.fromkeys(NAMES, value) | {"csrf_token": token, "name": "Somebody"}
                judge(Page(visitor.http.post(path, data=sent, headers=BROWSER)), f"{path} {value!r}")
    ok(dairy.admin.get("/auth/me"))


def test_a_body_that_is_no_form_is_refused(dairy: Dairy, admin: Visitor, known: dict[str, str]) -> None:
    for rule in rules(dairy.app, "POST"):
        path = path_of(rule, known)
        for options in ({"json": {"amount": "1"}}, {"data": b"\xff\xfe", "content_type": "text/csv"}, {}):
            page = Page(admin.http.post(path, headers=BROWSER, **options))
            assert page.status == 400, path


@pytest.mark.parametrize("hostile", ["../settings?", "x/void?y=", "%2e%2e", "", "a b"])
def test_no_form_leads_to_another_route(dairy: Dairy, admin: Visitor, hostile: str) -> None:
    """An id of a form becomes a part of an address of the API: it is a part, or nothing is asked."""
    token = admin.open("/").form("/sign-out").fields["csrf_token"]
    ravi = dairy.staff("delivery_boy").user["id"]
    for address, name in (("/messages/again", "invoice_id"), (f"/rounds/{ravi}/customers", "to")):
        if hostile or name == "invoice_id":  # without a helper the round itself is meant
            sent = {"csrf_token": token, name: hostile, "customer": ravi}
            assert admin.http.post(address, data=sent).status_code == 404, address
