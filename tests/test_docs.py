"""The OpenAPI document and its page: complete, valid, and without a word from outside."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator

from dairy_app.app import create_app
from dairy_app.commands import openapi_document
from dairy_app.common.errors import CODES
from dairy_app.database.transactions import Database
from dairy_app.field_words import FIELD_WORDS
from dairy_app.orders.models import ORDER_STATUSES
from dairy_app.orders.schemas import OrderIn
from dairy_app.settings import Settings
from dairy_app.sharing.schemas import SharedLinkIn
from dairy_app.web import examples, uploads
from dairy_app.web.access import Role, policy_of
from dairy_app.web.http import DairyFlask, declared_by
from dairy_app.web.openapi import path_of, without_null
from tests.conftest import SECRET_KEY

PROBLEM_SCHEMA = "#/components/schemas/Problem"
#: What Python's regular expressions have and ECMA-262 has not, or reads another way (`\\d` is ASCII there).
PYTHON_ONLY = re.compile(r"\\[AZzdDwWsSbB]|\(\?P|\(\?[aiLmsux-]+[:)]|\(\?#|\(\?\(|[*+?}]\+|\(\?>")
#: No server listens there: the document and its page need no database.
NOWHERE = Database("postgresql://nobody@127.0.0.1:1/none")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> DairyFlask:
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("docs"), secret_key=SECRET_KEY), NOWHERE)


@pytest.fixture(scope="module")
def document(app: DairyFlask) -> Any:
    answer = app.test_client().get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def resolved(document: Any, part: Any) -> Any:
    """A part of the document, or what it refers to."""
    if "$ref" not in part:
        return part
    for name in part["$ref"].removeprefix("#/").split("/"):
        document = document[name]
    return document


def walk(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in a part of the document; examples are none."""
    if isinstance(part, dict):
        yield part
        for name, each in part.items():
            if name not in {"example", "examples"}:
                yield from walk(each)
    elif isinstance(part, list):
        for each in part:
            yield from walk(each)


def reached(document: Any, part: Any) -> set[str]:
    """The names of the schemas that a part refers to, directly or through others."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        for each in walk(waiting.pop()):
            name = str(each.get("$ref", "")).rpartition("/")[2]
            if name and name not in found and "schemas" in each["$ref"]:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
    return found


def views(app: DairyFlask) -> dict[tuple[str, str], Any]:
    """Every route below /api/v1, and health, by its path and method in the document."""
    return {
        (path_of(rule.rule), method.lower()): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1") or rule.rule.startswith("/api/health")
    }


@pytest.mark.slow
def test_it_is_valid(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_is_in_it(app: DairyFlask, document: Any) -> None:
    assert {(path, method) for path, method, _ in operations(document)} == set(views(app))


def test_every_operation_says_what_it_does(document: Any) -> None:
    for path, method, operation in operations(document):
        assert 5 < len(operation["summary"]) <= 120, (path, method, operation["summary"])
        assert "`" not in operation["summary"]


def test_every_operation_says_who_may_call_it(app: DairyFlask, document: Any) -> None:
    for path, method, operation in operations(document):
        policy = policy_of(views(app)[path, method])
        assert policy is not None
        named = set(re.findall(r"`(\w+)`", operation["description"].splitlines()[-1]))
        if policy.roles is None:
            assert (operation["security"], named) == ([], set())
        elif policy.roles == frozenset(Role):
            assert operation["description"].endswith("Every login.")
        else:
            assert named == {role.value for role in policy.roles}, (path, method)
        if policy.roles is not None:
            assert operation["security"] == [{"bearerAuth": []}]


def test_every_operation_names_the_refusals_it_can_answer(app: DairyFlask, document: Any) -> None:
    for path, method, operation in operations(document):
        refusals = {int(status): each for status, each in operation["responses"].items() if status >= "400"}
        assert {413, 415, 422, 500, 503} <= set(refusals), (path, method)
        assert "default" not in operation["responses"]
        for status, said in refusals.items():
            answer = resolved(document, said)
            schema = answer["content"]["application/problem+json"]["schema"]
            assert (list(answer["content"]), schema["$ref"]) == (["application/problem+json"], PROBLEM_SCHEMA)
            codes = schema["properties"]["code"]["enum"]
            assert codes, (path, method, status)
            assert {CODES[code][0] for code in codes} == {status}, (path, method, codes)
            assert all(f"`{code}`" in answer["description"] for code in codes)
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CODES)


def test_codes_are_found_where_they_are_raised(document: Any) -> None:
    """In services, in helpers of other packages, in functions and constraints of the database; and no further."""

    def codes(method: str, path: str) -> set[str]:
        answers = document["paths"][f"/api/v1{path}"][method]["responses"].values()
        schemas = (resolved(document, each).get("content", {}).get("application/problem+json") for each in answers)
        return {code for each in schemas if each for code in each["schema"]["properties"]["code"]["enum"]}

    confirmed = {"order_cancelled", "confirmed_differently", "customer_mismatch", "delivery_date_outside_window"}
    assert confirmed <= codes("post", "/deliveries/confirmations")
    assert {"link_expired", "link_revoked", "pin_required", "rate_limited"} <= codes("get", "/shared/{token}/round")
    assert "overlaps" in codes("post", "/subscriptions/{subscription_id}/pauses")
    assert "area_not_found" in codes("post", "/areas")
    assert "in_use" in codes("patch", "/settings")
    assert "idempotency_key_reused" in codes("post", "/orders")
    assert "precondition_failed" in codes("patch", "/settings")
    reading = codes("get", "/orders")
    assert {code for code in reading if CODES[code][0] in {400, 404, 409, 410, 412, 429}} == set()


def test_patterns_are_those_of_every_validator(document: Any) -> None:
    patterns = {each["pattern"] for each in walk(document) if isinstance(each.get("pattern"), str)}
    assert len(patterns) >= 15
    for pattern in patterns:
        assert pattern.startswith("^") and pattern.endswith("$"), pattern
        assert not PYTHON_ONLY.search(pattern), pattern
        re.compile(pattern)


def test_a_pattern_still_refuses_a_closing_line_break() -> None:
    pin = SharedLinkIn().fields["pin"]
    assert pin.deserialize("4711") == "4711"
    for wrong in ("4711\n", "\n4711", "47111\n2222", "x4711"):
        with pytest.raises(ValidationError):
            pin.deserialize(wrong)


def test_every_field_and_parameter_says_what_it_means(document: Any) -> None:
    silent = [
        (name, field)
        for name, schema in document["components"]["schemas"].items()
        for field, form in schema.get("properties", {}).items()
        if not form.get("description")
    ]
    for path, item in document["paths"].items():
        parameters = [
            each for operation in item.values() if isinstance(operation, dict) for each in operation["parameters"]
        ]
        silent += [
            (path, each["name"]) for each in [*parameters, *item.get("parameters", ())] if not each.get("description")
        ]
    assert silent == [], "say it in dairy_app/field_words.py"


def test_every_field_has_a_type(document: Any) -> None:
    typed = {"type", "$ref", "anyOf", "enum", "const"}
    fields = [
        (name, field, form)
        for name, schema in document["components"]["schemas"].items()
        for field, form in schema.get("properties", {}).items()
    ]
    assert [each for each in fields if not each[2].keys() & typed] == []


def test_null_is_explained_only_where_it_can_be(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["OrderIn"]["properties"]["shift"]["description"] == "Morning or evening."
    assert schemas["RoundOut"]["properties"]["shift"]["description"] == "Morning or evening; null: both."


def test_old_names_stand_beside_the_new_ones(document: Any) -> None:
    old = {
        f"{name}.{field}": re.search("`([a-z_]+)`", form["description"])
        for name, schema in document["components"]["schemas"].items()
        for field, form in schema.get("properties", {}).items()
        if form.get("deprecated")
    }
    assert len(old) >= 8
    for place, new in old.items():
        assert new and new[1] in document["components"]["schemas"][place.partition(".")[0]]["properties"], place


def test_every_word_about_a_field_is_of_use(app: DairyFlask, document: Any) -> None:
    said = {text for each in walk(document) for text in [each.get("description")] if isinstance(text, str)}
    assert {name for name, text in FIELD_WORDS.items() if not said & {text, without_null(text)}} == set()


def test_weekdays_begin_on_monday_everywhere(document: Any) -> None:
    for name in ("SubscriptionIn", "SubscriptionPatch", "SubscriptionOut", "SubscriptionItemOut"):
        days = document["components"]["schemas"][name]["properties"]["weekly_pattern"]
        assert "0 = Monday" in days["description"], name
        assert (days["items"]["minimum"], days["items"]["maximum"]) == (0, 6)


def test_requests_refuse_what_answers_may_add(document: Any) -> None:
    """A body with an unknown field is refused; an answer has every field that it names and may get more."""
    schemas = document["components"]["schemas"]
    sent = reached(document, [operation.get("requestBody", {}) for _, _, operation in operations(document)])
    said = [operation["responses"] for _, _, operation in operations(document)]
    answered = reached(document, [*said, document["webhooks"]])
    assert sent & answered == set()
    assert sent | answered == set(schemas)
    for name in sent:
        assert schemas[name]["additionalProperties"] is False, name
    for name in answered - {"Problem"}:
        assert "additionalProperties" not in schemas[name], name
        assert schemas[name]["required"], name
    assert set(schemas["OrderOut"]["required"]) == set(schemas["OrderOut"]["properties"])
    made = schemas["NewCustomerOut"]
    assert set(made["properties"]) - set(made["required"]) == {"invitation_token"}


def test_closed_lists_of_words_are_told_in_answers_too(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["OrderOut"]["properties"]["status"]["enum"] == list(ORDER_STATUSES)
    assert schemas["OrderOut"]["properties"]["shift"]["enum"] == ["morning", "evening"]
    free = {
        (name, field)
        for name, schema in schemas.items()
        for field, form in schema.get("properties", {}).items()
        if field in {"status", "shift", "kind", "mode", "role", "channel", "method", "unit"}
        and not form.keys() & {"enum", "const"}
    }
    assert free == {
        ("AliveOut", "status"),
        ("HealthOut", "status"),
        ("Problem", "status"),
        ("InvoiceLineOut", "unit"),
        ("CreditNoteLineOut", "unit"),
        # The words of a gateway, which adds some when it likes.
        ("GatewayEventOut", "kind"),
        ("GatewayEventOut", "method"),
        ("GatewayEventInFull", "kind"),
        ("GatewayEventInFull", "method"),
        ("DebitNoteLineOut", "unit"),
    }


def test_uploads_are_described(document: Any) -> None:
    def taken(path: str) -> dict[str, Any]:
        content: dict[str, Any] = document["paths"][f"/api/v1{path}"]["post"]["requestBody"]["content"]
        return content

    media = {"application/json", "text/csv", "multipart/form-data", uploads.XLSX}
    for path in ("/opening-balances", "/customers/import", "/imports/payments"):
        assert set(taken(path)) == media
    form = taken("/customers/import")["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert form["properties"]["file"]["format"] == "binary"


def test_what_was_made_is_found_by_its_location(document: Any) -> None:
    found = {
        (path.removeprefix("/api/v1"), status)
        for path, method, operation in operations(document)
        for status, answer in operation["responses"].items()
        if "Location" in answer.get("headers", {})
    }
    single = {
        "/users",
        "/products",
        "/customers",
        "/orders",
        "/subscriptions",
        "/payments",
        "/refunds",
        "/credit-notes",
        "/debit-notes",
        "/charge-rules",
        "/webhook-endpoints",
        "/payment-links",
        "/bank-statements",
    }
    assert found == {(path, "201") for path in single | {"/billing/runs"}} | {("/billing/runs", "202")}


def test_headers_are_documented_where_they_are_honoured(app: DairyFlask, document: Any) -> None:
    seen = set()
    for path, method, operation in operations(document):
        view = views(app)[path, method]
        named = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
        expected = {"Idempotency-Key"} if getattr(view, "idempotent", False) else set()
        if getattr(view, "etagged", False):
            expected.add("If-None-Match" if method == "get" else "If-Match")
        if (raw := declared_by(view).raw) is not None:
            named -= raw.headers.keys()  # the view itself reads them
        assert named == expected, (path, method)
        seen |= named
    assert seen == {"Idempotency-Key", "If-None-Match", "If-Match"}


def test_examples_of_required_fields_alone() -> None:
    example = examples.of_schema(OrderIn(), {}, required_only=True)
    assert set(example) == {"delivery_date", "items"}
    assert OrderIn().validate(example) == {}


def test_money_is_a_string_everywhere(document: Any) -> None:
    """No answer holds a JSON number with a fraction."""
    found = [
        (name, field)
        for name, schema in document["components"]["schemas"].items()
        for field, form in schema.get("properties", {}).items()
        if "number" in (form.get("type") if isinstance(form.get("type"), list) else [form.get("type")])
    ]
    assert found == []


def test_the_command_writes_the_same_document(document: Any) -> None:
    assert openapi_document() == document


def test_the_page_loads_only_files_of_ours(app: DairyFlask) -> None:
    client = app.test_client()
    page = client.get("/api/docs")
    assert page.status_code == 200
    markup = page.get_data(as_text=True)
    sources = re.findall(r'(?:src|href)="([^"]+)"', markup)
    assert len(sources) >= 4
    for source in sources:
        assert "//" not in source
        answer = client.get(f"/api/{source}")
        assert answer.status_code == 200, source
        assert len(answer.data) > 100
    assert re.findall(r"<script(?![^>]*\bsrc=)", markup) == []  # no inline script
    assert re.findall(r"\son\w+=|style=", markup) == []


def test_the_policy_of_the_page_allows_nothing_from_outside(app: DairyFlask) -> None:
    policy = app.test_client().get("/api/docs").headers["Content-Security-Policy"]
    words = {word for part in policy.split(";") for word in part.split()[1:]}
    assert words == {"'none'", "'self'", "data:"}
    assert re.search(r"script-src 'self'(;|$)", policy)


@pytest.mark.parametrize("name", ["index.html", "../http.py", "..%2f..%2fhttp.py", "swagger-ui.js", "start.js%00"])
def test_other_files_are_not_served(app: DairyFlask, name: str) -> None:
    answer = app.test_client().get(f"/api/docs/{name}")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_the_page_is_asked_for_again_but_not_sent_again(app: DairyFlask) -> None:
    client = app.test_client()
    for path in ("/api/docs", "/api/docs/swagger-ui-bundle.js", "/api/openapi.json"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
