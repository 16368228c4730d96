"""Every page as every role: who may open it, what stands in it, what it costs."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from dairy_app.common.errors import CODES
from dairy_app.console.routes import frame
from dairy_app.console.rules.menu import MENU
from dairy_app.database.transactions import Database
from dairy_app.web.access import Role, policy_of
from dairy_app.web.http import DairyFlask
from tests.console.conftest import SignIn
from tests.console.visitor import Visitor
from tests.dairy import Dairy, ok
from tests.deliveries.rounds import at
from tests.statements import count_statements

#: Elements and attributes that the policy of the pages forbids.
FORBIDDEN = re.compile(r"<style|<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|javascript:", re.I)
#: Words in a page that only a program would say.
RAW = re.compile(r"\b(None|undefined|Undefined|NULL|\w+_\w+)\b")


def addresses(app: DairyFlask) -> Iterator[tuple[str, frozenset[Role] | None]]:
    """The pages without a part of their address that differs, and who may open them."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("console.") and "GET" in (rule.methods or ()) and not rule.arguments:
            policy = policy_of(app.view_functions[rule.endpoint])
            assert policy is not None
            yield rule.rule, policy.roles


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_the_menu_offers_exactly_what_the_role_may_open(dairy: Dairy, sign_in: SignIn, role: str) -> None:
    visitor = sign_in(role)
    first = visitor.open("/")
    if role == "customer":
        first = visitor.follow(first)
    assert first.status == 200
    offered = {link for link in first.links() if link.startswith("/") and "?" not in link}
    for address, roles in addresses(dairy.app):
        is_admitted = roles is None or Role(role) in roles
        page = visitor.open(address)
        assert page.status in ({200, 303} if is_admitted else {403}), address
        if not is_admitted:
            assert address not in offered
    for endpoint, _ in MENU:
        policy = policy_of(dairy.app.view_functions[f"console.{endpoint}"])
        assert policy is not None
        with dairy.app.test_request_context():
            assert (dairy.app.url_for(f"console.{endpoint}") in offered) == policy.admits(Role(role)), endpoint


@pytest.mark.parametrize("language", sorted(frame.catalogues()))
def test_pages_are_whole_in_every_language_and_hold_no_code(dairy: Dairy, admin: Visitor, language: str) -> None:
    customer = dairy.customer(notes="Ring twice")
    milk = dairy.product("60.00")
    dairy.confirm(dairy.order(customer, (milk, "2")))
    dairy.order(customer, (milk, "1"), on=dairy.day(1))
    own = f"/customers/{customer['id']}"
    dairy.subscription(customer, milk)
    days = [f"{own}?day={dairy.day(offset)}" for offset in (-1, 0, 1, 2)]
    more = [
        own,
        *days,
        f"{own}/change",
        f"{own}/credit",
        f"{own}/pay-back",
        f"{own}/containers",
        f"{own}/statement",
        f"/audit-log?customer={customer['id']}",
    ]
    for address in [*(path for path, _ in addresses(dairy.app)), *more]:
        page = admin.open(f"{address}{'&' if '?' in address else '?'}lang={language}")
        text = page.response.get_data(as_text=True)
        assert page.status == 200, address
        assert page.every("html")[0]["lang"] == language
        assert not FORBIDDEN.search(text), address
        assert not RAW.search(page.speech), (address, RAW.findall(page.speech))
        assert page.response.headers["Content-Security-Policy"] == frame.PAGE_POLICY
        assert page.response.headers["Cache-Control"] == "no-store"
        assert len(page.every("h1")) == len(page.every("main")) == 1
        labelled = {each.get("for") for each in page.every("label")}
        for tag in ("input", "select", "textarea"):
            for each in page.every(tag):
                assert each.get("type") in {"hidden"} or each.get("id") in labelled, (address, each)
        ids = [each["id"] for _, each in page.elements if each.get("id")]
        assert len(ids) == len(set(ids)), address


def test_every_word_is_in_every_language_and_used_somewhere(dairy: Dairy) -> None:
    english, *others = frame.catalogues().values()
    for other in others:
        assert other.texts.keys() == english.texts.keys()
        for key, text in english.texts.items():
            assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", other.texts[key])), key


#: Of clients of the API, of phones on a round, of who runs the server: no form of the console is answered so.
SAID_TO_OTHERS = {
    "not_authenticated", "token_expired", "token_revoked", "pin_required", "wrong_pin", "link_expired",
    "link_revoked", "tax_class_not_found", "billing_run_not_found", "opening_balance_not_found",
    "cash_settlement_not_found", "customer_mismatch", "method_not_allowed", "unsupported_media_type",
    "headers_too_large", "not_implemented", "database_rights_missing", "database_outdated",
    "webhook_endpoint_not_found", "event_not_found", "events_gone", "bad_signature",
}  # fmt: skip


@pytest.mark.parametrize("language", frame.catalogues())
def test_every_refusal_is_told_in_every_language(language: str) -> None:
    said = {code for code in CODES if frame.catalogues()[language].has(f"error_{code}")}
    assert said | SAID_TO_OTHERS == set(CODES)


def test_hostile_words_stay_words(dairy: Dairy, admin: Visitor) -> None:
    hostile = "<b onclick='x'>\"&{{7*7}}</script>"
    customer = dairy.customer(name=hostile, address_line1=hostile, notes=hostile, area=f"Area {hostile}")
    for address in (f"/customers/{customer['id']}", "/customers"):
        page = admin.open(address)
        assert hostile in page.words
        assert "onclick" not in {name for _, given in page.elements for name in given}


TOLD: list[Any] = [
    {"word": "payment", "values": []},
    {"word": "payment", "values": {"self": "1"}},
    {"word": ["payment"], "values": {}},
    {"values": {}},
    "payment",
    1,
    None,
]


@pytest.mark.parametrize("written", [b"[" * 2_500, b"\xff", b"{", b"", *(json.dumps(each).encode() for each in TOLD)])
def test_what_was_done_is_told_by_nobody_else(admin: Visitor, written: bytes) -> None:
    admin.http.set_cookie(frame.SAID_COOKIE, base64.urlsafe_b64encode(written).decode())
    page = admin.open("/customers")
    assert page.status == 200
    assert "said" not in {given.get("class") for _, given in page.elements}


def test_files_are_kept_under_their_version(dairy: Dairy) -> None:
    visitor = Visitor(dairy.app)
    sheet = visitor.open("/").every("link")[1]["href"] or ""
    answer = visitor.http.get(sheet)
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    other = visitor.http.get(re.sub(r"/static/\w+/", "/static/0/", sheet))
    assert (other.status_code, other.headers["Cache-Control"]) == (200, "no-cache")
    assert visitor.http.get("/static/0/frame.py").status_code == 404


def test_an_unknown_page_says_so_in_words(admin: Visitor) -> None:
    assert admin.open("/customers/00000000-0000-7000-8000-000000000000").status == 404
    for path, status in (("/customers/nobody", 404), ("/nothing/here", 404), ("/sign-out", 405)):
        page = admin.open(path)
        assert (page.status, len(page.every("h1"))) == (status, 1), path
        assert page.response.headers["Content-Security-Policy"] == frame.PAGE_POLICY
    for path in ("/api/v1/nothing", "/nothing"):
        assert admin.http.get(path).mimetype == "application/problem+json"
    page = admin.open("/customers?cursor=nonsense")
    assert page.status == 422
    assert "This did not work" in page.words


def test_what_past_months_left_unbilled_is_told_and_this_month_not(clock: time_machine.Traveller, dairy: Dairy) -> None:
    milk, customer = dairy.product("60.00"), dairy.customer()
    for day, count in (("2026-10-30", 2), ("2026-11-01", 3)):
        clock.move_to(at(f"{day} 10:00"))
        dairy.log_in_again()
        for _ in range(count):
            ok(dairy.confirm(dairy.order(customer, (milk, "1"), on=day)))
    words = Visitor.of(dairy.app, "admin@dairy.example").open("/").words
    assert "Delivered in past months and not billed: 2 orders ₹ 120.00" in words


def test_a_database_that_only_reads_shows_pages_and_takes_no_form(
    dairy: Dairy, admin: Visitor, sql: Any, database: Database
) -> None:
    page, name = admin.open("/areas"), database.url.database
    sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    database.dispose()
    try:
        assert admin.open("/areas").status == 200
        refused = admin.submit(page, "/areas", name="North")
        assert (refused.status, refused.response.headers["Retry-After"]) == (503, "5")
        assert "takes no changes" in refused.words
    finally:
        sql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        database.dispose()
    assert admin.submit(page, "/areas", name="North").status == 303


def test_the_first_pages_cost_the_same_for_twice_as_much(dairy: Dairy, admin: Visitor) -> None:
    milk = dairy.product("60.00")

    def fill() -> str:
        for _ in range(4):
            customer = dairy.customer()
            dairy.confirm(dairy.order(customer, (milk, "2")))
            dairy.subscription(customer, milk)
            dairy.subscription(customer, dairy.product("40.00"))
        return str(customer["id"])

    def cost(address: str) -> int:
        admin.open(address)
        with count_statements(dairy.app.database) as sent:
            assert admin.open(address).status == 200
        return len(sent)

    first = fill()
    asked = ("/", "/customers", f"/customers/{first}", f"/customers/{first}?day={dairy.day(1)}")
    before = [cost(address) for address in asked]
    fill()
    dairy.subscription({"id": first}, dairy.product("50.00"))
    dairy.order({"id": first}, (milk, "1"), on=dairy.day(1))
    assert [cost(address) for address in asked] == before
    assert before[1] <= 6 < before[2] < before[3] <= 42


def test_today_leads_to_what_is_stuck(dairy: Dairy, admin: Visitor) -> None:
    """A product that is off sale while customers wait for it."""
    milk = dairy.product("60.00", name="Cow milk")
    dairy.subscription(dairy.customer(), milk, "2")
    assert "Nothing is stuck." in admin.open("/").words
    ok(dairy.admin.patch(f"/products/{milk['id']}", {"is_active": False}))
    page = admin.open("/")
    assert "Cow milk is off sale; customers who wait for it: 1" in page.words
    assert f"/products/{milk['id']}" in page.links()
    assert "Nothing is stuck." not in page.words
