"""The OpenAPI document and its page: complete, valid, and without a word from outside."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask_smorest.spec.plugins import FlaskPlugin
from marshmallow import Schema
from openapi_spec_validator import OpenAPIV31SpecValidator

from dairy_app.app import create_app
from dairy_app.commands import openapi_document
from dairy_app.common import examples
from dairy_app.common.access import Role, policy_of
from dairy_app.common.errors import CODES
from dairy_app.common.http import DairyFlask
from dairy_app.common.transactions import Database
from dairy_app.orders.schemas import OrderIn
from dairy_app.settings import Settings
from tests.conftest import SECRET_KEY

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


def views(app: DairyFlask) -> dict[tuple[str, str], Any]:
    """Every route below /api/v1, and health, by its path and method in the document."""
    return {
        (FlaskPlugin.flaskpath2openapi(rule.rule), method.lower()): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1") or rule.rule == "/api/health"
    }


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


def test_every_operation_can_be_refused_as_a_problem(document: Any) -> None:
    for path, method, operation in operations(document):
        name = operation["responses"]["default"]["$ref"].rpartition("/")[2]
        content = document["components"]["responses"][name]["content"]
        assert list(content) == ["application/problem+json"], (path, method)
        assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CODES)


def test_headers_are_documented_where_they_are_honoured(app: DairyFlask, document: Any) -> None:
    seen = set()
    for path, method, operation in operations(document):
        view = views(app)[path, method]
        named = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
        expected = {"Idempotency-Key"} if getattr(view, "idempotent", False) else set()
        if getattr(view, "etagged", False):
            expected.add("If-None-Match" if method == "get" else "If-Match")
        assert named == expected, (path, method)
        seen |= named
    assert seen == {"Idempotency-Key", "If-None-Match", "If-Match"}


def test_every_example_of_a_body_is_accepted_by_its_schema(app: DairyFlask, document: Any) -> None:
    checked = 0
    for path, method, operation in operations(document):
        for each in getattr(views(app)[path, method], "_apidoc", {}).get("arguments", {}).get("parameters", []):
            if each["in"] == "json":
                schema: Schema = each["schema"]() if isinstance(each["schema"], type) else each["schema"]
                example = operation["requestBody"]["content"]["application/json"]["example"]
                assert schema.validate(example) == {}, (path, method, example)
                checked += 1
    assert checked >= 10


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
