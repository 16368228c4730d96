"""Links at a payment gateway: one for the same at a time, made with nothing locked, cancelled there and here."""

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from dairy_app.collecting.gateways.gateway import Refused, Unreachable
from dairy_app.collecting.gateways.razorpay import Razorpay
from tests.collecting.conftest import Answer, Api, Gateway, wrong
from tests.conftest import raw_connection
from tests.dairy import ok, read, refused

NOBODY = "00000000-0000-7000-8000-000000000000"


def test_a_link_is_made_as_razorpay_wants_it(gateway: Gateway, api: Api) -> None:
    till = gateway.till
    till.dairy.seller()
    invoice = till.invoice("124.50")
    link = gateway.link(None, invoice_id=invoice, customer_id=None)
    ((method, path, headers, body),) = api.came
    assert (method, path) == ("POST", "/v1/payment_links")
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"rzp_test_1:s3cret"
    expires = datetime.fromisoformat(link["expires_at"])
    assert timedelta(days=13) < expires - datetime.now(UTC) < timedelta(days=15)
    assert body == {
        "amount": 12450,
        "currency": "INR",
        "accept_partial": False,
        "reference_id": link["id"].replace("-", ""),
        "description": "Sunrise Dairy: T/1",
        "customer": {"name": till.customer["name"], "contact": till.customer["phone"]},
        "expire_by": int(expires.timestamp()),
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "notes": {"payment_link": link["id"]},
    }
    (gateway_id,) = api.links
    assert (link["gateway_id"], link["url"]) == (gateway_id, f"https://rzp.io/rzp/{gateway_id}")
    assert (link["status"], link["invoice_number"], link["last_error"]) == ("created", "T/1", None)
    assert read(till.admin, "/payment-links", invoice_id=invoice) == [link]
    assert ok(till.admin.get(f"/payment-links/{link['id']}")) == link


def test_for_the_same_there_is_one_link(gateway: Gateway, api: Api) -> None:
    first = gateway.link()
    again = gateway.till.admin.post("/payment-links", {"customer_id": gateway.till.id, "amount": "124.00"})
    assert ok(again, 200) == first
    assert gateway.link("125.00")["id"] != first["id"]
    assert len(api.links) == 2
    with time_machine.travel(datetime.now(UTC) + timedelta(days=15), tick=False):
        gateway.till.dairy.log_in_again()
        assert gateway.link()["id"] != first["id"]
        links = {each["id"]: each["status"] for each in read(gateway.till.admin, "/payment-links")}
    assert links[first["id"]] == "expired"


def test_who_asks_again_after_silence_gets_the_same_link(gateway: Gateway, api: Api) -> None:
    """It was made, and the answer was lost; the next time the gateway knows the reference."""

    def lost() -> Answer | None:
        method, path, _, body = api.came[-1]
        api.answer(method, path, body)
        return 504, {}

    body = {"customer_id": gateway.till.id, "amount": "124.00"}
    api.odd.append(lost)
    refused(gateway.till.admin.post("/payment-links", body), 503, "gateway_unavailable")
    (waiting,) = read(gateway.till.admin, "/payment-links")
    assert (waiting["status"], waiting["url"], waiting["last_error"]) == ("creating", None, "the gateway answers 504")
    made = ok(gateway.till.admin.post("/payment-links", body), 200)
    assert (made["id"], made["status"], made["last_error"]) == (waiting["id"], "created", None)
    assert list(api.links) == [made["gateway_id"]]


def test_what_the_gateway_refuses_has_failed(gateway: Gateway, api: Api) -> None:
    body = {"customer_id": gateway.till.id, "amount": "124.00"}
    api.odd.append(lambda: (400, wrong("contact: the number is invalid")))
    problem = refused(gateway.till.admin.post("/payment-links", body), 409, "gateway_refused")
    assert problem["detail"] == "400 contact: the number is invalid"
    (failed,) = read(gateway.till.admin, "/payment-links")
    assert (failed["status"], failed["last_error"]) == ("failed", "400 contact: the number is invalid")
    assert ok(gateway.till.admin.post("/payment-links", body), 201)["id"] != failed["id"]


def test_a_link_is_cancelled_there_and_here(gateway: Gateway, api: Api) -> None:
    admin, link = gateway.till.admin, gateway.link()
    path = f"/payment-links/{link['id']}/cancel"
    for _ in range(2):
        assert ok(admin.post(path))["status"] == "cancelled"
    assert api.links[link["gateway_id"]]["status"] == "cancelled"
    assert [each[:2] for each in api.came[1:]] == [("POST", f"/v1/payment_links/{link['gateway_id']}/cancel")]
    assert gateway.link()["id"] != link["id"]
    refused(admin.post(f"/payment-links/{NOBODY}/cancel"), 404, "payment_link_not_found")


def test_what_the_gateway_does_not_cancel_stands_as_it_does_there(gateway: Gateway, api: Api) -> None:
    admin, paid, over = gateway.till.admin, gateway.link("10.00"), gateway.link("20.00")
    api.links[paid["gateway_id"]]["status"] = "paid"
    api.links[over["gateway_id"]]["status"] = "expired"
    refused(admin.post(f"/payment-links/{paid['id']}/cancel"), 409, "illegal_transition")
    assert ok(admin.post(f"/payment-links/{over['id']}/cancel"))["status"] == "expired"
    gateway.sent(gateway.captured(gateway.payment(paid, amount=1000)))
    refused(admin.post(f"/payment-links/{paid['id']}/cancel"), 409, "illegal_transition")
    api.odd.append(lambda: (500, {}))
    other = gateway.till.admin.post("/payment-links", {"customer_id": gateway.till.id, "amount": "30.00"})
    refused(other, 503, "gateway_unavailable")
    (creating, *_) = ok(admin.get("/payment-links", status="creating"))["items"]
    assert ok(admin.post(f"/payment-links/{creating['id']}/cancel"))["status"] == "cancelled", "it was never made"


def test_a_link_that_is_cancelled_while_it_is_made_does_not_stay_open_there(
    gateway: Gateway, api: Api, sql: Callable[..., Any]
) -> None:
    def meanwhile() -> Answer | None:
        sql("UPDATE payment_links SET status = 'cancelled'")
        return None

    api.odd.append(meanwhile)
    assert gateway.link()["status"] == "cancelled"
    assert [each["status"] for each in api.links.values()] == ["cancelled"]


def test_nothing_is_locked_while_the_gateway_is_asked(gateway: Gateway, api: Api, database_url: str) -> None:
    looked = []

    def look() -> Answer | None:
        with raw_connection(database_url) as other, other.cursor() as cursor:
            cursor.execute("SELECT status FROM payment_links FOR UPDATE NOWAIT")
            looked.extend(cursor.fetchall())
            cursor.execute("SELECT FROM customers FOR UPDATE NOWAIT")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state LIKE 'idle in transaction%'"
            )
            looked.extend(cursor.fetchall())
        return None

    api.odd += [look, look]
    link = gateway.link()
    ok(gateway.till.admin.post(f"/payment-links/{link['id']}/cancel"))
    assert looked == [("creating",), (0,), ("created",), (0,)]


def test_what_makes_no_link(gateway: Gateway, api: Api) -> None:
    till, admin = gateway.till, gateway.till.admin
    invoice, other = till.invoice("100"), till.dairy.customer()

    def ask(**body: Any) -> Any:
        return admin.post("/payment-links", body)

    refused(ask(), 422, "validation_failed")
    refused(ask(customer_id=NOBODY), 404, "customer_not_found")
    refused(ask(invoice_id=NOBODY), 404, "invoice_not_found")
    refused(ask(invoice_id=invoice, customer_id=other["id"]), 409, "customer_mismatch")
    refused(ask(invoice_id=invoice, amount="100.01"), 422, "allocation_exceeds_balance")
    nothing = refused(ask(customer_id=other["id"]), 422, "validation_failed")
    assert nothing["errors"][0] == {
        "pointer": "/amount", "code": "range", "detail": "0.00 is owed; a link asks for 1.00 at least.",
    }  # fmt: skip
    refused(ask(customer_id=till.id, amount="0.99"), 422, "validation_failed")
    for soon in (timedelta(minutes=5), timedelta(days=181)):
        moment = (datetime.now(UTC) + soon).isoformat()
        refused(ask(customer_id=till.id, expires_at=moment), 422, "validation_failed")
    assert api.came == [] and read(admin, "/payment-links") == []
    assert ok(ask(customer_id=till.id), 201)["amount"] == "100.00", "what is owed in all"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_nobody_answers(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        Razorpay(url, "key", "s3cret").find("x")
    assert "s3cret" not in str(caught.value)


def test_who_answers_a_byte_now_and_then_is_left(api: Api) -> None:
    stay = threading.Event()

    def slowly() -> Answer | None:
        stay.wait(20)
        return None

    api.odd.append(slowly)
    with pytest.raises(Unreachable):
        Razorpay(api.url, "key", "s3cret", patience=0.3).find("x")
    stay.set()


def test_an_answer_that_is_none_is_no_link(api: Api) -> None:
    razorpay = Razorpay(api.url, "key", "s3cret")
    api.odd += [lambda: (200, "nonsense"), lambda: (200, {"payment_links": "x"}), lambda: (401, wrong("no such key"))]
    with pytest.raises(Unreachable):
        razorpay.cancel("plink_1")
    assert razorpay.find("x") is None
    with pytest.raises(Refused, match="401 no such key"):
        razorpay.find("x")
