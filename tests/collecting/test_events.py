"""What a gateway tells is kept as it came and booked once: signed, repeated, late, out of order, at the same moment."""

import hashlib
import itertools
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairy_app.collecting.rules.razorpay import read_event
from tests.collecting.conftest import FORMER, SECRET, Gateway
from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.dairy import ok, refused
from tests.races import at_once


def test_a_payment_of_a_link_is_booked_and_settles_its_invoice(gateway: Gateway) -> None:
    till = gateway.till
    till.invoice("50", day=-30)
    invoice = till.invoice("124", day=-20)
    link = gateway.link(None, invoice_id=invoice)
    assert (link["amount"], link["invoice_id"], link["status"]) == ("124.00", invoice, "created")
    payment = gateway.payment(link)
    assert gateway.sent(gateway.captured(payment)) == "booked"
    (event,) = gateway.events()
    booked = ok(till.admin.get(f"/payments/{event['payment_id']}"))
    assert (booked["amount"], booked["method"], booked["reference"]) == ("124.00", "upi", payment["id"])
    assert (booked["received_on"], booked["recorded_by"]) == (till.dairy.day(0), None)
    assert [(each["invoice_id"], each["amount"]) for each in booked["allocations"]] == [(invoice, "124.00")]
    assert event["receipt_no"] == booked["receipt_no"] and event["customer_id"] == till.id
    after = ok(till.admin.get(f"/payment-links/{link['id']}"))
    assert (after["status"], after["paid_at"][:10]) == ("paid", str(gateway.moment.date()))
    assert till.balance() == "50.00"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("upi", "upi"), ("card", "card"), ("emi", "card"), ("netbanking", "bank_transfer"), ("wallet", "wallet")],
)
def test_each_way_of_paying_is_one_of_ours(gateway: Gateway, theirs: str, ours: str) -> None:
    payment = gateway.payment(gateway.link(), method=theirs)
    assert gateway.sent(gateway.captured(payment)) == "booked"
    assert gateway.payments() == [("124.00", ours, payment["id"])]


def test_only_what_is_signed_is_kept(gateway: Gateway) -> None:
    event = gateway.captured(gateway.payment(gateway.link()))
    for wrong in ({"secret": "another"}, {"signature": "00"}, {"signature": "ä"}, {"signature": "f" * 64}):
        refused(gateway.send(event, **wrong), 400, "bad_signature")
    refused(gateway.send(b"", signature="x"), 400, "bad_signature")
    refused(gateway.send(b"x" * 262_145), 413, "payload_too_large")
    assert gateway.events() == [] and gateway.payments() == []
    assert gateway.sent(event, secret=FORMER) == "booked", "both secrets hold while they are changed"
    assert gateway.sent(event, secret=SECRET) == "booked"


def test_repeated_events_change_nothing(gateway: Gateway) -> None:
    link = gateway.link()
    payment = gateway.payment(link)
    event = gateway.captured(payment)
    for key in ("evt_1", "evt_1", "evt_2", None):  # by its id, or word by word under another
        assert gateway.sent(event, key=key) == "booked"
    assert len(gateway.events()) == 1
    assert gateway.sent(gateway.link_paid(link, payment)) == "repeated"
    assert gateway.sent(gateway.captured(payment)) == "repeated", "told anew"
    assert gateway.payments() == [("124.00", "upi", payment["id"])]
    first, second, third = gateway.events()
    assert first["payment_id"] == second["payment_id"] == third["payment_id"] is not None


def test_without_an_id_the_body_is_the_id(gateway: Gateway, sql: Any) -> None:
    gateway.sent(gateway.captured(gateway.payment()), key=None)
    gateway.sent(gateway.captured(gateway.payment()), key="x" * 101)
    rows = sql("SELECT event_id, encode(body_sha256, 'hex') FROM gateway_events")
    assert len(rows) == 2 and all(key == digest for key, digest in rows)


def test_any_order_ends_in_the_same_state(gateway: Gateway) -> None:
    """Captured, paid and two refunds in all 24 orders: one payment, two refunds, the same days and rupees."""
    ends = set()
    for order in itertools.permutations(range(4)):
        customer = gateway.till.dairy.customer()
        link = gateway.link(customer_id=customer["id"])
        payment = gateway.payment(link)
        events = [gateway.captured(payment), gateway.link_paid(link, payment)]
        events += [gateway.refunded(payment, "24.00"), gateway.refunded(payment, "60.50")]
        for place in order:
            gateway.sent(events[place])
        ledger = ok(gateway.till.admin.get(f"/customers/{customer['id']}/ledger"))["items"]
        shown = sorted((each["date"], each["kind"], each["debit"], each["credit"]) for each in ledger)
        states = sorted(e["status"] for e in gateway.events(gateway_payment_id=payment["id"]))
        link_now = ok(gateway.till.admin.get(f"/payment-links/{link['id']}"))["status"]
        ends.add((tuple(shown), tuple(states), link_now))
    day = gateway.till.dairy.day(0)
    ledger = (
        (day, "payment", "0.00", "124.00"), (day, "refund", "24.00", "0.00"), (day, "refund", "60.50", "0.00")
    )  # fmt: skip
    assert ends == {(ledger, ("booked", "booked", "booked", "repeated"), "paid")}


def test_a_refund_waits_for_its_payment_also_when_a_person_books_that(gateway: Gateway) -> None:
    payment = gateway.payment()
    assert gateway.sent(gateway.refunded(payment, "24.00")) == "waiting"
    assert gateway.sent(gateway.captured(payment)) == "held"
    assert gateway.stand() == [
        ("refund.processed", "waiting", "payment_not_booked"),
        ("payment.captured", "held", "customer_unknown"),
    ]
    _, held = gateway.events()
    path = f"/gateway-events/{held['id']}/book"
    body = refused(gateway.till.admin.post(path), 422, "validation_failed")
    assert body["errors"][0]["pointer"] == "/customer_id"
    ok(gateway.till.admin.post(path, {"customer_id": gateway.till.id, "received_on": gateway.till.dairy.day(0)}))
    refund, booked = gateway.events()
    assert (booked["status"], booked["decided_by"]) == ("booked", gateway.till.admin.user["id"])
    assert (refund["status"], refund["decided_by"]) == ("booked", None)
    made = ok(gateway.till.admin.get(f"/refunds/{refund['refund_id']}"))
    assert (made["amount"], made["method"], made["recorded_by"]) == ("24.00", "upi", None)
    assert made["reference"] == refund["gateway_refund_id"]
    assert gateway.till.balance() == "-100.00"
    refused(gateway.till.admin.post(path), 409, "illegal_transition")


def test_what_is_refunded_without_credit_is_held_and_can_be_tried_again(gateway: Gateway) -> None:
    till = gateway.till
    till.invoice("124")
    payment = gateway.payment(gateway.link())
    gateway.sent(gateway.captured(payment))
    assert gateway.sent(gateway.refunded(payment, "124.00")) == "held"
    event = gateway.events()[-1]
    assert event["reason"] == "refund_exceeds_credit"
    path = f"/gateway-events/{event['id']}/book"
    refused(till.admin.post(path), 422, "refund_exceeds_credit")
    till.paid("124.00")
    assert ok(till.admin.post(path))["status"] == "booked"
    assert till.balance() == "0.00"


def test_of_a_reversed_payment_nothing_is_paid_back(gateway: Gateway) -> None:
    payment = gateway.payment(gateway.link())
    gateway.sent(gateway.captured(payment))
    ok(gateway.till.reverse({"id": gateway.events()[0]["payment_id"]}))
    assert gateway.sent(gateway.refunded(payment, "24.00")) == "held"
    assert gateway.events()[-1]["reason"] == "payment_reversed"


def test_an_automatic_refund_of_what_was_never_captured_is_noted(gateway: Gateway) -> None:
    payment = gateway.payment(captured=False, status="refunded")
    assert gateway.sent(gateway.refunded(payment, "24.00")) == "noted"


@pytest.mark.parametrize(
    ("fields", "reason", "bookable"),
    [
        ({"amount": 12401}, "amount_differs", True),
        ({"currency": "USD"}, "currency_unknown", False),
        ({"method": "barter"}, "method_unknown", True),
        ({"notes": []}, "customer_unknown", True),
        ({"notes": {"payment_link": "23"}}, "customer_unknown", True),
    ],
)
def test_what_does_not_fit_is_held(gateway: Gateway, fields: Any, reason: str, bookable: bool) -> None:
    payment = gateway.payment(gateway.link(), **fields)
    assert gateway.sent(gateway.captured(payment)) == "held"
    (event,) = gateway.events(status="held")
    assert event["reason"] == reason and event["detail"]
    assert gateway.payments() == []
    whose = {"customer_id": gateway.till.id, "method": "upi"}
    answer = gateway.till.admin.post(f"/gateway-events/{event['id']}/book", whose)
    if bookable:
        assert ok(answer)["status"] == "booked"
        assert gateway.payments() == [(f"{Decimal(payment['amount']) / 100:.2f}", "upi", payment["id"])]
    else:
        refused(answer, 409, "illegal_transition")


@pytest.mark.parametrize(
    "body",
    [
        b"not JSON", b"[]", b'"x"', b"\xff", b"{}", b'{"event": 1}', b"[" * 50_000, b"1" * 5000,
        b'{"event": "payment.captured"}',
        b'{"event": "payment.captured", "payload": {"payment": {"entity": {"id": "pay_1", "captured": true}}}}',
        b'{"event": "payment.captured", "payload": {"payment": {"entity": {"id": "pay_1", "captured": true,'
        b' "amount": 1.5, "created_at": 1749618371, "currency": "INR"}}}}',
        b'{"event": "payment.captured", "payload": {"payment": {"entity": {"id": "pay_1\\ud800", "captured": true,'
        b' "amount": 100, "created_at": 1749618371, "currency": "INR"}}}}',
        b'{"event": "refund.processed", "payload": {"refund": {"entity": {"id": "rfnd_1"}}}}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_kept_as_it_came(gateway: Gateway, body: bytes) -> None:
    assert gateway.sent(body) == "held"
    (event,) = gateway.events()
    assert (event["reason"], event["amount"]) == ("unreadable", None)
    whole = ok(gateway.till.admin.get(f"/gateway-events/{event['id']}"))
    assert whole["body"] == body.decode(errors="replace")
    refused(gateway.till.admin.post(f"/gateway-events/{event['id']}/book"), 409, "illegal_transition")


@given(st.integers(1, 10**12 - 1))
def test_paise_are_rupees_exactly(paise: int) -> None:
    entity = f'{{"id": "pay_1", "captured": true, "amount": {paise}, "created_at": 1749618371, "currency": "INR"}}'
    told = read_event(f'{{"event": "payment.captured", "payload": {{"payment": {{"entity": {entity}}}}}}}'.encode())
    assert told.amount is not None and told.amount * 100 == paise
    assert -told.amount.as_tuple().exponent == 2  # type: ignore[operator]


def test_other_events_are_noted_and_end_links(gateway: Gateway) -> None:
    link, other, paid = gateway.link(), gateway.link("10.00"), gateway.link("20.00")
    for kind, each in (("payment_link.cancelled", link), ("payment_link.expired", other)):
        entity = {"id": each["gateway_id"], "reference_id": each["id"]}
        assert gateway.sent(gateway.event(kind, payment_link=entity)) == "noted"
    payment = gateway.payment(paid, amount=2000)
    assert gateway.sent(gateway.captured(payment)) == "booked"
    late = {"id": paid["gateway_id"], "reference_id": paid["id"]}
    assert gateway.sent(gateway.event("payment_link.expired", payment_link=late)) == "noted"
    assert gateway.sent(gateway.event("payment.failed", payment=payment | {"captured": False})) == "noted"
    assert gateway.sent(gateway.event("settlement.processed", settlement={"id": "setl_1"})) == "noted"
    links = ok(gateway.till.admin.get("/payment-links"))["items"]
    assert [each["status"] for each in links] == ["paid", "expired", "cancelled"]
    again = gateway.payment(link)
    assert gateway.sent(gateway.captured(again)) == "booked", "the page was there: who paid has paid"
    assert len(gateway.events(kind="settlement.processed")) == 1


def test_closed_books_hold_a_payment_until_they_are_open_or_another_day_is_said(
    gateway: Gateway, database_url: str
) -> None:
    admin, day = gateway.till.admin, gateway.till.dairy.day
    ok(admin.patch("/settings", {"books_closed_through": day(0)}))
    first, second = (gateway.payment(gateway.link(amount)) for amount in ("124.00", "10.00"))
    second["amount"] = 1000
    assert [gateway.sent(gateway.captured(each)) for each in (first, second)] == ["held", "held"]
    assert {each["reason"] for each in gateway.events()} == {"period_closed"}
    path = f"/gateway-events/{gateway.events()[0]['id']}/book"
    refused(admin.post(path), 409, "period_closed")
    ok(admin.patch("/settings", {"books_closed_through": day(-1)}))
    ok(admin.post(path))
    done = run_command("gateways", "book", DATABASE_URL=psycopg_dsn(database_url))
    assert done.stdout.strip() == "1 booked, 0 still need a person", done
    assert {each["status"] for each in gateway.events()} == {"booked"}


def test_a_payment_that_was_entered_by_hand_is_not_booked_again(gateway: Gateway) -> None:
    till, payment = gateway.till, gateway.payment(gateway.link())
    known = till.paid("124.00", method="upi", reference=payment["id"])
    assert gateway.sent(gateway.captured(payment)) == "booked"
    assert gateway.events()[0]["payment_id"] == known["id"]
    other = gateway.payment(gateway.link("10.00"), amount=1000)
    till.paid("9.00", method="upi", reference=other["id"])
    assert gateway.sent(gateway.captured(other)) == "held"
    assert gateway.events()[-1]["reason"] == "already_exists"


def test_what_was_booked_for_the_wrong_customer_is_booked_anew_once_it_is_reversed(gateway: Gateway) -> None:
    till, payment = gateway.till, gateway.payment()
    event = gateway.captured(payment)
    gateway.sent(event, key="evt_1")
    path = f"/gateway-events/{gateway.events()[0]['id']}/book"
    wrong = ok(till.admin.post(path, {"customer_id": till.dairy.customer()["id"]}))
    refused(till.admin.post(path, {"customer_id": till.id}), 409, "illegal_transition")
    ok(till.reverse({"id": wrong["payment_id"]}))
    assert gateway.sent(event, key="evt_1") == "booked", "sent again, it is not booked by itself"
    assert gateway.sent(gateway.captured(payment)) == "repeated"
    right = ok(till.admin.post(path, {"customer_id": till.id}))
    assert right["customer_id"] == till.id and right["payment_id"] != wrong["payment_id"]
    assert till.balance() == "-124.00"
    assert {each["payment_id"] for each in gateway.events()} == {right["payment_id"]}


def test_what_is_dismissed_stays_so_for_every_event_of_the_payment(gateway: Gateway) -> None:
    admin, payment = gateway.till.admin, gateway.payment()
    gateway.sent(gateway.captured(payment))
    gateway.sent(gateway.event("order.paid", payment=payment, order={"id": "order_1"}))
    event = gateway.events()[0]
    path = f"/gateway-events/{event['id']}"
    refused(admin.post(f"{path}/dismiss", {"reason": "x"}), 422, "validation_failed")
    gone = ok(admin.post(f"{path}/dismiss", {"reason": "Money of the sweet shop"}))
    assert (gone["status"], gone["detail"]) == ("dismissed", "Money of the sweet shop")
    refused(admin.post(f"{path}/dismiss", {"reason": "again"}), 409, "illegal_transition")
    assert [each["status"] for each in gateway.events()] == ["dismissed", "dismissed"]
    assert gateway.sent(gateway.captured(payment)) == "dismissed"
    assert ok(admin.post(f"{path}/book", {"customer_id": gateway.till.id}))["status"] == "booked"
    refused(admin.get("/gateway-events/00000000-0000-7000-8000-000000000000"), 404, "gateway_event_not_found")


def test_the_customer_of_a_link_may_have_been_merged(gateway: Gateway) -> None:
    till, other = gateway.till, gateway.till.dairy.customer()
    link, twin = gateway.link(customer_id=other["id"]), gateway.link()
    ok(till.admin.post(f"/customers/{other['id']}/merge", {"into": till.id, "reason": "the same family"}))
    links = {each["id"]: each for each in ok(till.admin.get("/payment-links"))["items"]}
    assert {each["customer_id"] for each in links.values()} == {till.id}
    assert (links[link["id"]]["status"], links[twin["id"]]["status"]) == ("expired", "created")
    assert gateway.sent(gateway.captured(gateway.payment(link))) == "booked"
    assert till.balance() == "-124.00"


def test_the_same_payment_at_the_same_moment_is_booked_once(gateway: Gateway, database_url: str) -> None:
    """Over real connections: the same event twice, and two events of one payment, held up before they are judged."""
    link = gateway.link()
    payment = gateway.payment(link)
    event = gateway.captured(payment)
    hold = f"SELECT FROM customers WHERE id = '{gateway.till.id}' FOR UPDATE"
    calls = [
        lambda: gateway.sent(event, key="evt_1"),
        lambda: gateway.sent(event, key="evt_1"),
        lambda: gateway.sent(gateway.link_paid(link, payment), key="evt_2"),
    ]
    assert set(at_once(database_url, hold, *calls)) == {"booked", "repeated"}
    assert sorted(each["status"] for each in gateway.events()) == ["booked", "repeated"]
    assert gateway.payments() == [("124.00", "upi", payment["id"])]


def test_a_refund_at_the_moment_of_its_payment_is_not_missed(gateway: Gateway, database_url: str) -> None:
    hold = f"SELECT FROM customers WHERE id = '{gateway.till.id}' FOR UPDATE"
    payment = gateway.payment(gateway.link())
    events = gateway.captured(payment), gateway.refunded(payment, "24.00")
    at_once(database_url, hold, *(lambda each=each: gateway.sent(each) for each in events), one_by_one=True)
    assert {each["status"] for each in gateway.events()} == {"booked"}


def test_two_people_at_once_book_a_payment_once(gateway: Gateway, database_url: str) -> None:
    gateway.sent(gateway.captured(gateway.payment()))
    path = f"/gateway-events/{gateway.events()[0]['id']}/book"
    others = [gateway.till.dairy.customer()["id"] for _ in range(2)]
    hold = "SELECT FROM gateway_events FOR UPDATE"
    calls = [lambda one=each: gateway.till.admin.post(path, {"customer_id": one}).status_code for each in others]
    assert sorted(at_once(database_url, hold, *calls)) == [200, 409]
    assert len(gateway.payments()) == 1


def test_an_event_that_was_kept_and_not_judged_is_booked_when_it_is_sent_again(gateway: Gateway, sql: Any) -> None:
    """As when the program was stopped between the two transactions."""
    event = gateway.captured(gateway.payment(gateway.link()))
    sql("ALTER TABLE payments ADD CONSTRAINT stopped CHECK (false) NOT VALID")
    try:
        assert gateway.send(event, key="evt_1").status_code == 500
    finally:
        sql("ALTER TABLE payments DROP CONSTRAINT stopped")
    assert gateway.events()[0]["status"] == "received" and gateway.payments() == []
    assert gateway.sent(event, key="evt_1") == "booked"


def test_the_body_is_what_was_signed(gateway: Gateway, sql: Any) -> None:
    event = gateway.captured(gateway.payment())
    gateway.sent(event)
    ((body, digest),) = sql("SELECT body, body_sha256 FROM gateway_events")
    assert hashlib.sha256(bytes(body)).digest() == bytes(digest)
    logged = sql("SELECT after FROM audit_log WHERE table_name = 'gateway_events'")
    assert logged and not any("body" in str(after) for (after,) in logged)


def test_without_a_secret_nothing_is_taken(gateway: Gateway) -> None:
    app = gateway.till.dairy.app
    app.config["DAIRY"] = replace(
        app.config["DAIRY"], razorpay_webhook_secret="", razorpay_webhook_secret_former="", razorpay_key_id=""
    )
    refused(gateway.send(gateway.captured(gateway.payment())), 409, "gateway_not_configured")
    refused(gateway.till.admin.post("/payment-links", {"customer_id": gateway.till.id}), 409, "gateway_not_configured")
