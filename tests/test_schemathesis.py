"""What the document promises, asked of the application by somebody who has read nothing else (Schemathesis).

For each role, of every operation that it may call a few requests are made up from the document alone; half of them
name things that are there. No answer may have a status, a medium or a form that the document does not promise.
Made up the same way every time: a failure here fails everywhere.
"""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dairy_app.catalogue import queries as catalogue
from dairy_app.common.errors import Problem
from dairy_app.web.access import Role, policy_of
from dairy_app.web.http import DairyFlask
from dairy_app.web.openapi import path_of
from tests.dairy import Client, Dairy, kept, ok
from tests.test_access_matrix import client_of
from tests.test_hostile_input import furnish

pytestmark = pytest.mark.slow

load_all_checks()
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
#: Of every operation so many requests.
EXAMPLES = 4
#: They end the login that asks, or what the others need.
LAST = {"POST /api/v1/auth/logout", "PATCH /api/v1/settings", "PATCH /api/v1/users/{user_id}"}
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")


@kept
def furnish_more(dairy: Dairy) -> dict[str, Any]:
    """What a hostile guest does not need, and what the house has already."""
    admin, ids = dairy.admin, furnish(dairy)
    wanted = {name: ids[name] for name in ("customer_id", "product_id")} | {
        "mode": "fixed_daily",
        "default_quantity": "1",
    }
    standing = ok(admin.post("/subscriptions", wanted), 201)
    pause = ok(admin.post(f"/subscriptions/{standing['id']}/pauses", {"from": dairy.day(20)}), 201)
    away = {"from": dairy.day(10), "to": dairy.day(11)}
    household = ok(admin.post(f"/customers/{ids['customer_id']}/pauses", away), 201)
    closed = ok(admin.post("/closed-days", {"day": dairy.day(40), "reason": "Festival"}), 201)
    money = {"customer_id": ids["customer_id"], "amount": "10", "method": "cash"}
    message = ok(admin.post(f"/invoices/{ids['invoice_id']}/share", {"queue": True}))
    return ids | {
        "subscription_id": standing["id"],
        "pause_id": pause["id"],
        "household_pause_id": household["household_pause_id"],
        "closed_day_id": closed["id"],
        "payment_id": ok(admin.post("/payments", money), 201)["id"],
        "run_id": ok(admin.get("/billing/runs"))["items"][0]["id"],
        "message_id": message["outbox_id"],
        "profile": "invoice-register",
        "code": "milk_fresh",
        "period": dairy.day(0)[:7],
    }


@pytest.fixture
def there(dairy: Dairy) -> tuple[Dairy, dict[str, Any]]:
    """A dairy in which every kind of thing is there once, and their ids by the names of fields and parameters."""
    return dairy, furnish_more(dairy)


def admitted(app: DairyFlask, role: Role | None) -> set[str]:
    """The operations that a role may call by its login, None: that need none, as the document names them."""
    found = set()
    for rule in app.url_map.iter_rules():
        policy = policy_of(app.view_functions[rule.endpoint])
        if policy is not None and (policy.roles is None if role is None else role in (policy.roles or ())):
            path = path_of(rule.rule)
            found |= {f"{method} {path}" for method in rule.methods or ()}
    return found


@cache
def all_operations(app: DairyFlask) -> list[Any]:
    """What the document describes. Read once: each operation keeps how requests for it are made up."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    return [each.ok() for each in schema.get_all_operations()]


def operations(app: DairyFlask, role: Role | None) -> Iterator[Any]:
    """The operations of the document that a role may call; what only reads first."""
    known = admitted(app, role)
    found = [each for each in all_operations(app) if each.label in known]
    return iter(sorted(found, key=lambda each: (each.label in LAST, ORDER.index(each.method.upper()))))


def real(value: Any, ids: dict[str, Any]) -> Any:
    """A made-up body about things that are there."""
    if isinstance(value, dict):
        return {name: ids.get(name) or real(each, ids) for name, each in value.items()}
    return [real(each, ids) for each in value] if isinstance(value, list) else value


def faults(operation: Any, client: Client, ids: dict[str, Any], statuses: set[int]) -> list[str]:
    """What is wrong with the answers to some requests; ``statuses`` gathers how they were answered."""
    found: list[str] = []

    @bounds(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), about_real=st.booleans())
    def ask(case: Any, about_real: bool) -> None:
        if about_real:
            case.path_parameters = real(case.path_parameters, ids)
            case.query = real(case.query, ids)
            case.body = real(case.body, ids)
        answer = case.call(headers={**client._headers, "Accept-Encoding": "identity"})
        statuses.add(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            found.extend(f"{operation.label}: {each}"[:1500] for each in group.exceptions)

    ask()
    return found


def refuse(code: str, *_: Any, **__: Any) -> Any:
    raise Problem(code)


@pytest.mark.timeout(600)  # twenty seconds for an admin, when nobody else works on the machine
@pytest.mark.parametrize("role", [*Role, None], ids=str)
def test_answers_are_those_of_the_document(there: tuple[Dairy, dict[str, Any]], role: Role | None) -> None:
    dairy, ids = there
    client = dairy.admin if role is Role.ADMIN else dairy.nobody if role is None else client_of(dairy, role)[0]
    statuses: dict[str, set[int]] = {}
    wrong = [
        each
        for operation in operations(dairy.app, role)
        for each in faults(operation, client, ids, statuses.setdefault(operation.label, set()))
    ]
    assert wrong == [], "\n\n".join(wrong)
    seen = set().union(*statuses.values())
    assert 200 in seen and len(statuses) >= 3, "nothing was asked for"


def test_a_wrong_answer_is_found(there: tuple[Dairy, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    dairy, ids = there
    (read,) = (each for each in operations(dairy.app, Role.ADMIN) if each.label == "GET /api/v1/products/{product_id}")
    assert faults(read, dairy.admin, ids, set()) == []
    real_product = catalogue.get_product

    def barrel(*arguments: Any, **options: Any) -> Any:
        return {"id": real_product(*arguments, **options).id, "unit": "barrel"}

    monkeypatch.setattr(catalogue, "get_product", barrel)
    wrong = faults(read, dairy.admin, ids, set())
    assert wrong and "barrel" in wrong[0]
    for code, said in (("period_closed", "Received: 409"), ("order_not_found", '"order_not_found" is not one of')):
        monkeypatch.setattr(catalogue, "get_product", partial(refuse, code))
        wrong = faults(read, dairy.admin, ids, set())
        assert wrong and said in wrong[0]
