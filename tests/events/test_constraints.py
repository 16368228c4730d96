"""Constraints of events and of telling them hold against plain SQL."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("events", "webhook_endpoints", "webhook_deliveries")
ONE, OTHER = "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"
SECRET = f"'whsec_{'A' * 44}'"
SET_UP = f"""
SET LOCAL session_replication_role = replica;
INSERT INTO events (id, kind, object_type, object_id, data) VALUES (7, 'order.placed', 'order', {ONE}, '{{}}'),
    (8, 'order.placed', 'order', {ONE}, '{{}}');
INSERT INTO webhook_endpoints (id, url, secret, told_through) VALUES ({ONE}, 'https://shop.example/', {SECRET}, 8);
INSERT INTO webhook_deliveries (endpoint_id, event_id) VALUES ({ONE}, 7);
SET LOCAL session_replication_role = origin;
"""


def event(**changes: str) -> str:
    values = {"kind": "'order.placed'", "object_type": "'order'", "object_id": ONE, "data": "'{}'"} | changes
    return f"INSERT INTO events ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def endpoint(**changes: str) -> str:
    values = {"url": "'https://shop.example/'", "secret": SECRET, "told_through": "0"} | changes
    return f"INSERT INTO webhook_endpoints ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def delivery(**changes: str) -> str:
    values = {"endpoint_id": ONE, "event_id": "8"} | changes
    return f"INSERT INTO webhook_deliveries ({', '.join(values)}) VALUES ({', '.join(values.values())})"


REFUSED = {
    "ck_events_kind_known": event(kind="'order.eaten'"),
    "ck_events_object_of_kind": event(object_type="'invoice'"),
    "ck_events_id_positive": event(id="0"),
    "uq_events_id": event(id="7"),
    "fk_webhook_endpoints_created_by": endpoint(created_by=OTHER),
    "ck_webhook_endpoints_url_format": endpoint(url="'ftp://shop.example/'"),
    "ck_webhook_endpoints_description_length": endpoint(description="''"),
    "ck_webhook_endpoints_kinds_known": endpoint(kinds="'{order.eaten}'"),
    "ck_webhook_endpoints_secret_format": endpoint(secret="'whsec_short'"),
    "ck_webhook_endpoints_former_secret_format": endpoint(former_secret="'x'", former_secret_until="now()"),
    "ck_webhook_endpoints_former_secret_ends": endpoint(former_secret=SECRET),
    "ck_webhook_endpoints_told_through_not_negative": endpoint(told_through="-1"),
    "fk_webhook_deliveries_endpoint_id": delivery(endpoint_id=OTHER),
    "fk_webhook_deliveries_event_id": delivery(event_id="9"),
    "ck_webhook_deliveries_status_known": delivery(status="'lost'"),
    "ck_webhook_deliveries_attempts_range": delivery(attempts="9"),
    "ck_webhook_deliveries_delivered_iff_dated": delivery(status="'delivered'"),
    "ck_webhook_deliveries_failed_has_error": delivery(status="'failed'"),
    "ck_webhook_deliveries_answer_status_range": delivery(answer_status="99"),
    "ck_webhook_deliveries_last_error_length": delivery(last_error="repeat('x', 501)"),
}


@pytest.mark.parametrize("constraint", REFUSED)
def test_the_database_refuses(bare: Any, constraint: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[constraint]) == constraint


@pytest.mark.parametrize("statement", [event(), event(id="9"), endpoint(), delivery()])
def test_what_is_right_is_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_every_constraint_is_tried(bare: Any) -> None:
    assert names_of(bare, TABLES) == REFUSED.keys()
