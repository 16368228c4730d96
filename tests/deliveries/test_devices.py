"""What a phone says of itself: kept beside what the server knows, shown to staff, and no reason to refuse."""

from typing import Any
from uuid import uuid4

import pytest

from tests.dairy import ok, refused
from tests.deliveries.rounds import Round, counts


def test_the_phones_time_and_place_are_kept_beside_the_servers(round_: Round, sql: Any) -> None:
    order = round_.order()
    told = {"device_time": "1970-01-01T00:03:00+05:30", "latitude": "18.5074123", "longitude": 73.8077}
    answer = ok(round_.dairy.confirm(order, by=round_.boy, **told), 200)["delivery_status"]
    shown = {name: answer[name] for name in ("device_time", "latitude", "longitude", "confirmed_at", "delivered_at")}
    assert shown == {
        "device_time": "1969-12-31T18:33:00+00:00",
        "latitude": "18.507412",
        "longitude": "73.807700",
        "confirmed_at": "2026-11-20T04:30:00+00:00",
        "delivered_at": "2026-11-20T04:30:00+00:00",
    }
    assert round_.read(order)["delivery_status"] == answer
    listed = ok(round_.dairy.admin.get("/delivery-statuses"))["items"][0]
    assert listed == answer
    ((latitude, longitude),) = sql("SELECT latitude::text, longitude::text FROM delivery_statuses")
    assert (latitude, longitude) == ("18.507412", "73.807700")


@pytest.mark.parametrize(
    ("field", "good", "wrong"),
    [
        ("latitude", ["90", -90, "0.0000001", 1e-7, "-0"], ["90.000001", "-91", "north", True, None, "1e1", "NaN"]),
        ("longitude", ["180", "-180.0000000"], ["180.1", "9999", "", [], "1,5"]),
        (
            "device_time",
            ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00-18:33"],
            ["2026-11-20T10:00:00", "2300-01-01T00:00:00Z", 7, "now", None],
        ),
        ("reason_code", ["customer_absent", "the dog again"], ["", "x" * 61, "a\nb", 7]),
    ],
)
def test_what_can_be_told(round_: Round, sql: Any, field: str, good: list[Any], wrong: list[Any]) -> None:
    order = round_.order()
    before = counts(sql)
    for value in wrong:
        problem = refused(round_.dairy.confirm(order, **{field: value}), 422, "validation_failed")
        assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]
    assert counts(sql) == before
    for value in good:
        ok(round_.dairy.confirm(round_.order(), **{field: value}), 200)


def test_the_reasons_to_count_by_are_documented(round_: Round) -> None:
    document = ok(round_.dairy.nobody.get("/api/openapi.json"))
    described = document["components"]["schemas"]["ConfirmationIn"]["properties"]["reason_code"]["description"]
    for code in ("customer_absent", "door_locked", "refused", "out_of_stock", "wrong_address", "other"):
        assert code in described


def test_an_event_id_is_of_one_order(round_: Round) -> None:
    first, second, event = round_.order(), round_.order(), str(uuid4())
    ok(round_.dairy.confirm(first, client_event_id=event), 200)
    refused(round_.dairy.confirm(second, client_event_id=event), 409, "already_exists")
    assert ok(round_.dairy.confirm(first, client_event_id=event), 200)["replayed"] is True
    # A second attempt may come under the number of the first.
    other = str(uuid4())
    ok(round_.dairy.confirm(second, client_event_id=other, status="not_delivered"), 200)
    assert ok(round_.dairy.confirm(second, client_event_id=other), 200)["order_status"] == "DELIVERED"
