"""The constraints on links and requests hold against plain SQL."""

from typing import Any

import pytest

from tests.constraints import bare, names_of, refuses

__all__ = ["bare"]

TABLES = ("shared_links", "shared_link_events", "change_requests")
ONE = "00000000-0000-0000-0000-000000000001"
TWO = "00000000-0000-0000-0000-000000000002"
NOBODY = "00000000-0000-0000-0000-000000000009"
HASH = "sha256('one')"
PIN_HASH = "'$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA'"
SET_UP = f"""
INSERT INTO users (id, name, email, role) VALUES ('{ONE}', 'A', 'a@dairy.example', 'admin');
INSERT INTO areas (id, name) VALUES ('{ONE}', 'Kothrud');
INSERT INTO customers (id, name) VALUES ('{ONE}', 'Asha'), ('{TWO}', 'Zoya');
INSERT INTO products (id, sku, name, unit, tax_class)
    SELECT '{ONE}', 'M', 'Milk', 'litre', code FROM tax_classes LIMIT 1;
INSERT INTO subscriptions (id, customer_id, product_id, mode, start_date)
    VALUES ('{ONE}', '{ONE}', '{ONE}', 'fixed_daily', '2026-11-01'),
    ('{TWO}', '{TWO}', '{ONE}', 'fixed_daily', '2026-11-01');
INSERT INTO orders (id, customer_id, delivery_date, source) VALUES ('{ONE}', '{ONE}', '2026-11-20', 'staff'),
    ('{TWO}', '{TWO}', '2026-11-20', 'staff');
INSERT INTO shared_links (id, token_hash, name, delivery_boy_id, link_date, expires_at, created_by)
    VALUES ('{ONE}', {HASH}, 'L', '{ONE}', '2026-11-20', now() + interval '1 hour', '{ONE}');
INSERT INTO change_requests (id, kind, customer_id, payload, asked_by_link_id, client_event_id)
    VALUES ('{ONE}', 'stop', '{ONE}', '{{"stop_date": "2026-11-20"}}', '{ONE}', '{ONE}');
"""


def insert(table: str, values: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def link(**changes: str) -> str:
    values = {
        "token_hash": "sha256('two')",
        "name": "'L'",
        "delivery_boy_id": f"'{ONE}'",
        "link_date": "'2026-11-20'",
        "expires_at": "now() + interval '1 hour'",
        "created_by": f"'{ONE}'",
    }
    return insert("shared_links", values | changes)


def event(**changes: str) -> str:
    return insert("shared_link_events", {"link_id": f"'{ONE}'", "action": "'round'", "result": "'ok'"} | changes)


def request(**changes: str) -> str:
    values = {
        "kind": "'pause'",
        "customer_id": f"'{ONE}'",
        "payload": '\'{"from": "2026-11-20"}\'',
        "asked_by_link_id": f"'{ONE}'",
    }
    return insert("change_requests", values | changes)


def decided(**changes: str) -> str:
    who = {"status": "'approved'", "decided_at": "now()", "decided_by": f"'{ONE}'"}
    return request(**(who | changes))


def status(**changes: str) -> str:
    values = {
        "order_id": f"'{ONE}'",
        "customer_id": f"'{ONE}'",
        "delivery_date": "'2026-11-20'",
        "status": "'not_delivered'",
        "confirmed_at": "now()",
        "confirmation_method": "'shared_link'",
        "shared_link_id": f"'{ONE}'",
    }
    return insert("delivery_statuses", values | changes)


REFUSED = {
    "fk_shared_links_delivery_boy_id": link(delivery_boy_id=f"'{NOBODY}'"),
    "fk_shared_links_area_id": link(delivery_boy_id="NULL", area_id=f"'{NOBODY}'"),
    "fk_shared_links_created_by": link(created_by=f"'{NOBODY}'"),
    "fk_shared_links_revoked_by": link(revoked_at="now()", revoked_by=f"'{NOBODY}'"),
    "uq_shared_links_token_hash": link(token_hash=HASH),
    "ck_shared_links_shift_known": link(shift="'noon'"),
    "ck_shared_links_token_hash_is_sha256": link(token_hash="'token'"),
    "ck_shared_links_boy_or_area": link(area_id=f"'{ONE}'"),
    "ck_shared_links_date_or_rolling": link(is_rolling="true"),
    "ck_shared_links_expires_within_30_days": link(expires_at="now() + interval '720 hours 1 second'"),
    "ck_shared_links_revoked_by_somebody": link(revoked_at="now()"),
    "ck_shared_links_pin_is_hashed": link(pin_hash="'4711'"),
    "ck_shared_links_attempts_need_pin": link(failed_attempts="1"),
    "ck_shared_links_counts_not_negative": link(use_count="-1"),
    "ck_shared_links_name_length": link(name="''"),
    "fk_shared_link_events_link_id": event(link_id=f"'{NOBODY}'"),
    "fk_shared_link_events_order_id": event(order_id=f"'{NOBODY}'"),
    "ck_shared_link_events_action_known": event(action="'peek'"),
    "ck_shared_link_events_result_length": event(result="''"),
    "fk_change_requests_customer_id": request(customer_id=f"'{NOBODY}'"),
    "fk_change_requests_subscription_of_customer": request(subscription_id=f"'{TWO}'"),
    "fk_change_requests_order_of_customer": decided(kind="'extra_item'", applied_order_id=f"'{TWO}'"),
    "fk_change_requests_asked_by_link_id": request(asked_by_link_id=f"'{NOBODY}'"),
    "fk_change_requests_asked_by_user_id": request(asked_by_link_id="NULL", asked_by_user_id=f"'{NOBODY}'"),
    "fk_change_requests_decided_by": decided(decided_by=f"'{NOBODY}'"),
    "uq_change_requests_client_event_id": request(client_event_id=f"'{ONE}'"),
    "uq_change_requests_pending": request(kind="'stop'", payload='\'{"stop_date":"2026-11-20"}\''),
    "ck_change_requests_kind_known": request(kind="'rename'"),
    "ck_change_requests_status_known": decided(status="'perhaps'"),
    "ck_change_requests_asked_by_one": request(asked_by_user_id=f"'{ONE}'"),
    "ck_change_requests_payload_is_object": request(payload="'[]'"),
    "ck_change_requests_applied_when_approved": request(applied_payload="'{}'"),
    "ck_change_requests_subscription_fits_kind": request(kind="'quantity'"),
    "ck_change_requests_decided_iff_not_pending": request(decided_at="now()", decided_by=f"'{ONE}'"),
    "ck_change_requests_rejected_with_reason": decided(status="'rejected'"),
    "ck_change_requests_extra_item_has_order": decided(kind="'extra_item'"),
    "ck_change_requests_text_lengths": request(note="repeat('x', 2001)"),
}
ALSO_REFUSED = [
    ("ck_shared_links_boy_or_area", link(delivery_boy_id="NULL")),
    ("ck_shared_links_date_or_rolling", link(link_date="NULL")),
    ("ck_shared_links_date_or_rolling", link(link_date="'infinity'")),
    ("ck_shared_links_expires_within_30_days", link(expires_at="now()")),
    ("ck_shared_links_expires_within_30_days", link(expires_at="'infinity'", created_at="'infinity'")),
    ("ck_shared_links_revoked_by_somebody", link(revoked_by=f"'{ONE}'")),
    ("ck_shared_links_attempts_need_pin", link(locked_until="now()")),
    ("ck_shared_links_attempts_need_pin", link(failed_attempts="-1", pin_hash=PIN_HASH)),
    ("ck_shared_links_counts_not_negative", link(window_cost="-1")),
    ("ck_change_requests_asked_by_one", request(asked_by_link_id="NULL")),
    (
        "ck_change_requests_payload_is_object",
        request(payload="jsonb_build_object('a', repeat('x', 2000))"),
    ),
    (
        "ck_change_requests_subscription_fits_kind",
        request(kind="'extra_item'", subscription_id=f"'{ONE}'"),
    ),
    ("ck_change_requests_decided_iff_not_pending", decided(decided_by="NULL")),
    ("ck_change_requests_decided_iff_not_pending", request(decision_reason="'R'")),
    ("ck_change_requests_extra_item_has_order", decided(applied_order_id=f"'{ONE}'")),
    ("ck_change_requests_text_lengths", decided(decision_reason="repeat('x', 501)")),
    ("fk_delivery_statuses_shared_link_id", status(shared_link_id=f"'{NOBODY}'")),
    ("ck_delivery_statuses_link_confirms_by_link", status(confirmation_method="'admin'")),
]
ACCEPTED = [
    link(),
    link(delivery_boy_id="NULL", area_id=f"'{ONE}'", link_date="NULL", is_rolling="true", shift="'evening'"),
    link(expires_at="now() + interval '720 hours'", revoked_at="now()", revoked_by=f"'{ONE}'"),
    link(pin_hash=PIN_HASH, failed_attempts="5", locked_until="now()"),
    event(),
    event(action="'confirm'", order_id=f"'{ONE}'", ip="'10.0.0.1'"),
    request(),
    request(subscription_id=f"'{ONE}'", note="'N'"),
    request(asked_by_link_id="NULL", asked_by_user_id=f"'{ONE}'"),
    request(kind="'quantity'", subscription_id=f"'{ONE}'"),
    decided(kind="'stop'", payload='\'{"stop_date":"2026-11-20"}\''),  # the same as the waiting one
    decided(applied_payload="'{}'", decision_reason="'R'"),
    decided(status="'rejected'", decision_reason="'R'"),
    decided(kind="'extra_item'", applied_order_id=f"'{ONE}'"),
    "UPDATE change_requests SET status = 'rejected', decision_reason = 'R', decided_at = now(), decided_by = id",
    status(),
    status(shared_link_id="NULL"),
]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(bare: Any, name: str) -> None:
    assert refuses(bare, SET_UP, REFUSED[name]) == name


@pytest.mark.parametrize(("name", "statement"), ALSO_REFUSED)
def test_refused_for_another_reason_too(bare: Any, name: str, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) == name


@pytest.mark.parametrize("statement", ACCEPTED)
def test_the_same_rows_without_the_fault_are_taken(bare: Any, statement: str) -> None:
    assert refuses(bare, SET_UP, statement) is None


def test_no_constraint_is_left_out(bare: Any) -> None:
    assert names_of(bare, TABLES) == set(REFUSED)


@pytest.mark.parametrize(
    "change", ["status = 'pending', decided_at = NULL, decided_by = NULL", "note = 'N'", "payload = '{}'"]
)
def test_a_decided_request_is_never_changed(bare: Any, change: str) -> None:
    decide = "UPDATE change_requests SET status = 'approved', decided_at = now(), decided_by = id;"
    assert refuses(bare, SET_UP + decide, f"UPDATE change_requests SET {change}") == "tr_change_requests_stand"
    assert refuses(bare, SET_UP, "UPDATE change_requests SET note = 'N'") is None


def test_a_deleted_order_leaves_its_events(bare: Any) -> None:
    shown = event(action="'confirm'", order_id=f"'{ONE}'")
    assert refuses(bare, f"{SET_UP}; {shown};", f"DELETE FROM orders WHERE id = '{ONE}'") is None
