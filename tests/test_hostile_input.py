"""Every route that exists, met with input nobody should send: refused as a problem document, never a fault.

The routes, their fields and their parameters are read from the application, so this grows by itself.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from marshmallow import RAISE, Schema, ValidationError
from sqlalchemy import text
from werkzeug.test import TestResponse

from dairy_app.accounts.models import LoginAttempt
from dairy_app.app import create_app
from dairy_app.common.errors import CODES, Problem
from dairy_app.database.models import Base
from dairy_app.database.transactions import Database
from dairy_app.sample_words import SAMPLE_WORDS
from dairy_app.settings import Settings
from dairy_app.web import examples, strict_json
from dairy_app.web.access import Role, policy_of
from dairy_app.web.http import DairyFlask, declared_by
from dairy_app.web.openapi import path_of
from tests.conftest import SECRET_KEY, Server
from tests.dairy import Client, Dairy, kept, ok

pytestmark = pytest.mark.slow

#: What a field may get instead of its value. JSON texts, because some of them Python could not write.
NASTY = (
    "null", "true", "false", "0", "-1", "1.5", "2147483648", "-9223372036854775809", "1e400", "99999999999999999999",
    '""', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\u202e"', '"%s"', '"\'; DROP TABLE orders; --"', '"\\\\"',
    '"NaN"', '"Infinity"', '"-0"', '"1e5"', '"0x10"', '"\\u0661\\u0662"', '"999999999999999999999.99"', '"0.0000001"',
    '"0001-01-01"', '"9999-12-31"', '"2026-02-30"', '"20261122"', '"2026-11-22T00:00:00"',
    '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-12:00"', '"2026-11-22T24:00:00Z"', '"2026-13"', '"0000-00"',
    '"24:00:00"', '"00000000-0000-0000-0000-000000000000"', '"{00000000000000000000000000000000}"',
    '"' + "x" * 5000 + '"', '"\\ud83d\\udc04"', "[]", "{}", "[null]", '[[1]]', '{"$ne": null}', '["a", "a"]',
)  # fmt: skip
#: How many of them each field meets; which, moves on from field to field.
TURNS = 16
TEN_MB = b"x" * 10_000_000
#: Of what a schema refuses by itself, each so many-th is sent all the same, to see the refusal.
SENT = 8
#: Ending the session under test, or paying for hashing a hundred times, shows nothing new.
APART = {"auth.log_out"}


#: What they take is signed, by somebody whose secret this server does not know.
SIGNED = {"gateway_events.take_razorpay_event"}


@dataclass(frozen=True)
class Operation:
    """One method of one address, with what its route declares."""

    endpoint: str
    method: str
    path: str
    body: Schema | None
    query: Schema | None
    form: Schema | None
    public: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(app: DairyFlask) -> Iterator[Operation]:
    """All routes but those of the console: pages are met in ``tests/console/test_hostile_forms.py``."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        policy = policy_of(view)
        assert policy is not None
        if rule.endpoint.startswith("console."):
            continue
        taken = {each.location: each.schema for each in declared_by(view).takes}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = path_of(rule.rule)
            public = policy.roles is None
            yield Operation(
                rule.endpoint, method, path, taken.get("json"), taken.get("query"), taken.get("form"), public
            )


@kept
def furnish(dairy: Dairy) -> dict[str, Any]:
    """Something that is there to be hit, of each kind; its ids by the names of fields and parameters."""
    dairy.seller(cash_over_links=True)
    boy = dairy.staff("delivery_boy")
    customer, product = dairy.customer(delivery_boy_id=boy.user["id"]), dairy.product()
    order = dairy.order(customer, (product, "2"))
    ok(dairy.confirm(order))
    today = {"period": dairy.day(0)[:7], "through": dairy.day(0)}
    ok(dairy.admin.post("/billing/runs", today))
    invoice = ok(dairy.admin.get("/invoices", status="issued"))["items"][0]
    credit = {"invoice_id": invoice["id"], "reason": "sour", "lines": [{"line_no": 1, "quantity": "0.5"}]}
    charge = {
        "customer_id": customer["id"],
        "kind": "charge",
        "description": "Can",
        "amount": "5",
        "reason": "lent",
    }
    round_ = {"kind": "round", "delivery_boy_id": boy.user["id"], "rolling": True}
    link, other = (ok(dairy.admin.post("/shared-links", round_)) for _ in range(2))
    rule = {"kind": "delivery_charge", "basis": "per_month", "amount": "5", "description": "Delivery"}
    rule |= {"valid_from": dairy.day(0), "customer_id": customer["id"]}
    asked = {"kind": "stop", "customer_id": customer["id"], "stop_date": dairy.day(9)}
    return {
        "customer_id": customer["id"],
        "product_id": product["id"],
        "order_id": dairy.order(customer, (product, "3"))["id"],
        "area_id": customer["area"]["id"] if isinstance(customer.get("area"), dict) else customer.get("area_id"),
        "user_id": boy.user["id"],
        "delivery_boy_id": boy.user["id"],
        "delivery_date": dairy.day(0),
        "token": link["token"],
        "link_id": other["id"],
        "invoice_id": invoice["id"],
        "credit_note_id": ok(dairy.admin.post("/credit-notes", credit), 201)["id"],
        "debit_note_id": ok(dairy.admin.post("/debit-notes", credit), 201)["id"],
        "adjustment_id": ok(dairy.admin.post("/adjustments", charge), 201)["id"],
        "charge_rule_id": ok(dairy.admin.post("/charge-rules", rule), 201)["id"],
        "request_id": ok(dairy.nobody.post(f"/shared/{link['token']}/requests", asked))["id"],
    }


class House:
    """A dairy where something is there to be hit, and the ways to ask it."""

    def __init__(self, dairy: Dairy) -> None:
        self.app, self.dairy, self.client = dairy.app, dairy, dairy.admin
        self.ids = furnish(dairy)
        self.operations = list(operations(self.app))

    def path(self, operation: Operation, known: bool = True) -> str:
        """The address with ids that exist, or with ones nobody has."""

        def fill(match: re.Match[str]) -> str:
            return str((self.ids.get(match[1]) if known else None) or uuid4())

        return re.sub(r"\{(\w+)\}", fill, operation.path)

    def good_body(self, operation: Operation) -> Any:
        """A body that its schema takes, about things that are there."""
        return self._real(examples.of_schema(operation.body, SAMPLE_WORDS)) if operation.body else None

    def good_query(self, operation: Operation) -> dict[str, Any]:
        return (
            self._real(examples.of_schema(operation.query, SAMPLE_WORDS, required_only=True)) if operation.query else {}
        )

    def _real(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.ids.get(name) or self._real(item) for name, item in value.items()}
        return [self._real(item) for item in value] if isinstance(value, list) else value

    def send(self, operation: Operation, client: Client | None = None, **options: Any) -> TestResponse:
        path = options.pop("path", None) or self.path(operation)
        if operation.query is not None:
            options.setdefault("query_string", self.good_query(operation))
        return (client or self.client).call(operation.method, path, **options)

    def send_json(self, operation: Operation, raw: str | bytes, **options: Any) -> TestResponse:
        return self.send(operation, data=raw, content_type="application/json", **options)

    def fingerprint(self) -> dict[str, Any]:
        """What every table holds, but for the one that counts who guesses."""
        with self.app.database.transaction(read_only=True) as session:
            return {
                name: session.execute(
                    text(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t")
                ).one()
                for name in Base.metadata.tables
                if name != LoginAttempt.__tablename__
            }

    def stay_logged_in(self) -> None:
        with self.app.database.transaction() as session:
            session.execute(text("UPDATE shared_links SET window_cost = 0"))
        if self.client.get("/auth/me").status_code != 200:
            with self.app.database.transaction() as session:
                session.execute(text("TRUNCATE login_attempts"))
            self.client = self.dairy.login("admin@dairy.example")


@pytest.fixture(scope="module")
def house(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    url = server.create_database(template)
    database = Database(url)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("house"), secret_key=SECRET_KEY, log_level="error", password_cost="cheapest"
    )
    yield House(Dairy(create_app(settings, database)))
    database.dispose()
    server.drop_database(url)


def fault_in(answer: TestResponse) -> str | None:
    """What is wrong with an answer to hostile input; None when it is a proper answer or a proper refusal."""
    if answer.status_code < 400:
        return None
    shown = f"{answer.status_code} {answer.get_data(as_text=True)[:300]}"
    if answer.status_code >= 500:
        return f"a fault: {shown}"
    body = answer.get_json(silent=True) if answer.content_type == "application/problem+json" else None
    if body is None:
        return f"no problem document: {answer.content_type} {shown}"
    if CODES.get(body["code"], (None,))[0] != answer.status_code or body["status"] != answer.status_code:
        return f"code and status disagree: {shown}"
    return None


def test_the_walk_meets_every_route(house: House) -> None:
    pages = {endpoint for endpoint in house.app.view_functions if endpoint.startswith("console.")}
    assert {each.endpoint for each in house.operations} == set(house.app.view_functions) - pages
    assert len(house.operations) >= 45
    for each in house.operations:
        if each.body is not None:
            assert each.body.validate(house.good_body(each)) == {}, str(each)


def refusals(house: House, operation: Operation) -> Iterator[tuple[str, set[int], TestResponse]]:
    """Requests that no route may accept, each with the statuses it may be refused with."""
    here = {"path": house.path(operation)}
    unread = {400, 415, 422}
    unknown = {400} if getattr(operation.body, "signed", None) else {422}  # what nobody signed is not even read
    if operation.method != "GET":
        yield "malformed", unread, house.send_json(operation, b'{"a": ')
        yield "nested", unread, house.send_json(operation, b"[" * 100_000)
        yield "not UTF-8", unread, house.send_json(operation, b'{"\xff": 1}')
        yield "a list", unread, house.send_json(operation, b"[1]")
        yield "unknown field", unknown, house.send_json(operation, b'{"no_such_field": 1}')
        yield "NUL", unknown, house.send_json(operation, b'{"no_such_field": "\\u0000"}')
        yield "another medium", {400, 415, 422}, house.send(operation, data=b"<a/>", content_type="application/xml")
    yield "10 MB", {413}, house.send(operation, data=TEN_MB, content_type="application/json")
    yield "unknown parameter", {422}, house.send(operation, **here, query_string={"no_such_parameter": "1"})
    yield "NUL in the path", {404}, house.send(operation, path=house.path(operation) + "%00")
    if "{" in operation.path:
        body = house.good_body(operation)
        options: dict[str, Any] = {"json": body} if body is not None else {}
        if operation.form is not None:
            options = {"data": examples.of_schema(operation.form, SAMPLE_WORDS)}
        yield "an id nobody has", {404, 409, 422}, house.send(operation, path=house.path(operation, False), **options)
        nonsense = re.sub(r"\{\w+\}", "%F0%9F%90%84", operation.path)
        yield "no id at all", {404}, house.send(operation, path=nonsense, **options)
    if not operation.public:
        nobody = Client(house.app, None)
        yield "no token", {401}, house.send(operation, nobody)
        for token in ("x", "a.b.c", "\xff", "x" * 5000, f"{house.client._headers['Authorization'][7:-3]}AAA"):
            yield f"token {token[:5]!r}", {401}, house.send(operation, Client(house.app, token))
        yield "another scheme", {401}, house.send(operation, nobody, headers={"Authorization": "Basic YTpi"})


def test_what_no_route_may_accept_writes_nothing(house: House) -> None:
    before = house.fingerprint()
    wrong = []
    for operation in house.operations:
        for name, statuses, answer in refusals(house, operation):
            if operation.endpoint in SIGNED:
                statuses = statuses | {409}  # nothing is set up; tests/collecting is about bodies that are signed
            fault = fault_in(answer)
            if fault is None and answer.status_code not in statuses:
                fault = f"answered {answer.status_code}: {answer.get_data(as_text=True)[:200]}"
            if fault is not None:
                wrong.append(f"{operation}, {name}: {fault}")
    assert wrong == []
    assert house.fingerprint() == before


def test_an_expired_token_opens_nothing(house: House) -> None:
    before = house.fingerprint()
    with time_machine.travel(house.dairy.today().replace(year=2031), tick=False):
        codes = {
            str(each): (house.send(each).get_json(silent=True) or {}).get("code")
            for each in house.operations
            if not each.public
        }
    assert set(codes.values()) == {"token_expired"}, codes
    assert house.fingerprint() == before


def variations(body: Any, turn: "count[int]") -> Iterator[tuple[str, str]]:
    """The body with one value after the other replaced, as JSON texts, and where."""
    for path in list(_places(body)):
        for _ in range(TURNS):
            changed = deepcopy(body)
            mark = "\u2603"
            _put(changed, path, mark)
            nasty = NASTY[next(turn) % len(NASTY)]
            yield f"{path}={nasty[:40]}", json.dumps(changed).replace(json.dumps(mark), nasty)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*path, name)
        yield from _places(item, (*path, name))


def _put(value: Any, path: tuple[Any, ...], item: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = item


def is_refused(schema: Schema, raw: str) -> bool:
    """Whether a schema refuses a JSON text by itself, as the parser would ask it. Anything else raised is a fault."""
    try:
        schema.load(strict_json.load(raw.encode(), apart=getattr(schema, "judged_apart", None)), unknown=RAISE)
    except (ValidationError, Problem):
        return True
    return False


def test_no_value_of_a_field_is_a_fault(house: House) -> None:
    """What the schema takes is sent; of what it refuses, a part."""
    wrong, turn, spared = [], count(), count()
    for operation in house.operations:
        if operation.body is None or operation.endpoint in APART:
            continue
        statuses = set()
        for where, raw in variations(house.good_body(operation), turn):
            if is_refused(operation.body, raw) and next(spared) % SENT:
                continue
            answer = house.send_json(operation, raw)
            statuses.add(answer.status_code)
            fault = fault_in(answer)
            if fault is not None:
                wrong.append(f"{operation} {where}: {fault}")
        house.stay_logged_in()
        assert operation.public or statuses - {401, 403, 404}, f"{operation} was never reached: {statuses}"
    assert next(turn) > 1000
    assert wrong == []


def test_no_value_of_a_parameter_is_a_fault(house: House) -> None:
    """As with fields."""
    wrong, turn, spared = [], count(), count()
    values = [
        "",
        "\x00",
        "%",
        "-1",
        "1e9",
        "9" * 30,
        "0001-01-01",
        "9999-12-31",
        "9999-12",
        "2026-11",
        "true",
        "'",
        "\u0661",
    ]
    values += [
        "\\",
        "x" * 2000,
        "_%",
        "WyIwMDAxIl0",
        str(uuid4()),
        "+919812345678",
        "2026-11-22T00:00:00Z",
        "\U0001f404",
    ]
    for operation in house.operations:
        for name, field in (operation.query.fields if operation.query else {}).items():
            good = house.good_query(operation)
            for value in values:
                next(turn)
                query = good | {field.data_key or name: value}
                if "\x00" not in value and operation.query.validate(query) and next(spared) % SENT:
                    continue
                fault = fault_in(house.send(operation, query_string=query))
                if fault is not None:
                    wrong.append(f"{operation} ?{name}={value[:40]!r}: {fault}")
    assert next(turn) > 500
    assert wrong == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates().map(str) | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
@bounds(max_examples=200, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_body_is_a_fault(house: House, data: st.DataObject) -> None:
    """Fields of the right names with anything in them, for any route that takes a body."""
    bodies = [each for each in house.operations if each.body is not None and each.endpoint not in APART]
    operation = data.draw(st.sampled_from(bodies))
    assert operation.body is not None
    body = house.good_body(operation)
    for name in data.draw(st.lists(st.sampled_from(sorted(operation.body.fields)), max_size=3)):
        body[name] = data.draw(JSON)
    assert fault_in(house.send_json(operation, json.dumps(body))) is None


def test_every_role_is_refused_alike(house: House) -> None:
    """A supplier may do nothing yet: every route that asks for a login and names roles refuses the same way."""
    supplier = house.dairy.staff("supplier")
    answers = {
        str(each): house.send(each, supplier).get_json(silent=True)
        for each in house.operations
        if not each.public and Role.SUPPLIER not in (policy_of(house.app.view_functions[each.endpoint]).roles or ())  # type: ignore[union-attr]
    }
    assert len(answers) > 30
    assert {body["code"] for body in answers.values()} == {"forbidden"}
