"""Pages of other origins may call the API where the dairy says so, and nowhere else."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from dairy_app.app import create_app
from dairy_app.settings import Settings
from tests.dairy import Dairy

SHOP = "https://shop.example"


@pytest.fixture
def browser(dairy: Dairy, settings: Settings) -> FlaskClient:
    return create_app(replace(settings, cors_origins=(SHOP,)), dairy.app.database).test_client()


def asked(browser: FlaskClient, origin: str, path: str = "/api/v1/customers") -> dict[str, str]:
    wanted = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, idempotency-key",
    }
    answer = browser.options(path, headers={"Origin": origin} | wanted)
    return {name.lower(): value for name, value in answer.headers.items()}


def test_a_page_of_a_named_origin_may_ask(browser: FlaskClient) -> None:
    headers = asked(browser, SHOP)
    assert headers["access-control-allow-origin"] == SHOP
    assert "POST" in headers["access-control-allow-methods"]
    assert headers["access-control-allow-headers"].lower() == "authorization, idempotency-key"
    assert "access-control-allow-credentials" not in headers


def test_it_reads_the_answer_and_its_headers(browser: FlaskClient, dairy: Dairy) -> None:
    token = {"Authorization": f"Bearer {dairy.admin.token}"}
    answer = browser.get("/api/v1/customers", headers={"Origin": SHOP, **token})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert {"ETag", "Location"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    refused = browser.get("/api/v1/customers", headers={"Origin": SHOP})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, SHOP)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"]
)
def test_nobody_else_may(browser: FlaskClient, origin: str) -> None:
    assert "access-control-allow-origin" not in asked(browser, origin)


def test_the_pages_for_people_are_for_nobody_elsewhere(browser: FlaskClient) -> None:
    answer = browser.get("/i/no-such-token", headers={"Origin": SHOP})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_by_default_nobody_may(dairy: Dairy) -> None:
    assert "access-control-allow-origin" not in asked(dairy.app.test_client(), SHOP)
