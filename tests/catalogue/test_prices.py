"""Dated list prices over HTTP: one a day, none lost, the next begins where the last ends."""

from datetime import datetime
from typing import Any

import time_machine

from tests.dairy import Client, Dairy, ok, refused
from tests.races import at_once


def set_price(dairy: Dairy, product: Any, price: str, valid_from: str, by: Client | None = None) -> Any:
    body = {"price": price, "valid_from": valid_from}
    return (by or dairy.admin).post(f"/products/{product['id']}/prices", body)


def history(dairy: Dairy, product: Any) -> list[tuple[str, str, str | None]]:
    items = ok(dairy.admin.get(f"/products/{product['id']}/prices"))["items"]
    return [(each["price"], each["valid_from"], each["valid_to"]) for each in items]


def test_a_new_price_ends_the_one_in_force_the_day_before(dairy: Dairy) -> None:
    product = dairy.product("60.00", since="2026-01-01")
    made = ok(set_price(dairy, product, "62.50", "2026-04-01"), 201)
    assert (made["price"], made["valid_from"], made["valid_to"]) == ("62.50", "2026-04-01", None)
    assert made["product_id"] == product["id"]
    assert history(dairy, product) == [("60.00", "2026-01-01", "2026-03-31"), ("62.50", "2026-04-01", None)]


def test_a_price_before_a_later_one_ends_where_that_begins(dairy: Dairy) -> None:
    product = dairy.product("60.00", since="2026-01-01")
    ok(set_price(dairy, product, "70.00", "2026-07-01"), 201)
    made = ok(set_price(dairy, product, "65.00", "2026-04-01"), 201)
    assert made["valid_to"] == "2026-06-30"
    ok(set_price(dairy, product, "50.00", "2025-01-01"), 201)
    assert history(dairy, product) == [
        ("50.00", "2025-01-01", "2025-12-31"),
        ("60.00", "2026-01-01", "2026-03-31"),
        ("65.00", "2026-04-01", "2026-06-30"),
        ("70.00", "2026-07-01", None),
    ]


def test_a_second_price_from_the_same_day_is_there_already(dairy: Dairy) -> None:
    product = dairy.product("60.00", since="2026-01-01")
    ok(set_price(dairy, product, "70.00", "2026-07-01"), 201)
    before = history(dairy, product)
    for price, day in (("61.00", "2026-01-01"), ("70.00", "2026-07-01")):
        refused(set_price(dairy, product, price, day), 409, "already_exists")
    assert history(dairy, product) == before


def test_products_do_not_share_prices(dairy: Dairy) -> None:
    milk, curd = dairy.product("60.00"), dairy.product("80.00")
    ok(set_price(dairy, milk, "61.00", "2026-01-01"), 201)
    assert [each[0] for each in history(dairy, curd)] == ["80.00"]


def test_todays_price_changes_at_midnight_of_the_dairy(dairy: Dairy) -> None:
    product = dairy.product("60.00", since="2026-01-01")
    ok(set_price(dairy, product, "66.00", "2026-03-10"), 201)
    path = f"/products/{product['id']}"
    for instant, price in (("2026-03-09T18:29:00+00:00", "60.00"), ("2026-03-09T18:31:00+00:00", "66.00")):
        with time_machine.travel(datetime.fromisoformat(instant), tick=False):
            client = dairy.login("admin@dairy.example")
            assert ok(client.get(path))["current_price"] == price
            assert [each["current_price"] for each in ok(client.get("/products"))["items"]] == [price]


NO_PRICES: list[dict[str, Any]] = [
    {"price": "-0.01"},
    {"price": "1.005"},
    {"price": "1e3"},
    {"price": "Infinity"},
    {"price": True},
    {"price": None},
    {"price": "10000000000.00"},
    {"valid_from": "2026-02-30"},
    {"valid_from": "01.04.2026"},
    {"valid_from": None},
    {"valid_to": "2026-12-31"},
]


def test_what_is_no_price_is_refused_and_nothing_written(dairy: Dairy) -> None:
    product = dairy.product("60.00", since="2026-01-01")
    before = history(dairy, product)
    body = {"price": "61.00", "valid_from": "2026-04-01"}
    path = f"/products/{product['id']}/prices"
    for wrong in NO_PRICES:
        refused(dairy.admin.post(path, body | wrong), 422, "validation_failed")
        assert history(dairy, product) == before, wrong
    ok(dairy.admin.post(path, body), 201)


def test_prices_at_the_edges_of_what_can_be_stored(dairy: Dairy) -> None:
    product = dairy.product(None)
    for price, day in (("9999999999.99", "9999-12-31"), ("0", "0001-01-01")):
        ok(set_price(dairy, product, price, day), 201)
    assert history(dairy, product) == [
        ("0.00", "0001-01-01", "9999-12-30"),
        ("9999999999.99", "9999-12-31", None),
    ]


def test_the_history_pages(dairy: Dairy) -> None:
    product = dairy.product("60.00", since="2026-01-01")
    for month in range(2, 6):
        ok(set_price(dairy, product, f"{60 + month}.00", f"2026-{month:02d}-01"), 201)
    path, found, cursor = f"/products/{product['id']}/prices", [], {}
    while True:
        page = ok(dairy.admin.get(path, limit=2, **cursor))
        found += [each["price"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == ["60.00", "62.00", "63.00", "64.00", "65.00"]


#: Every call has to write here, so all of them get as far as this together.
HOLD = "LOCK TABLE product_prices IN SHARE ROW EXCLUSIVE MODE"


def test_two_prices_from_the_same_day_at_once(dairy: Dairy, database_url: str) -> None:
    product, other_admin = dairy.product("60.00", since="2026-01-01"), dairy.login("admin@dairy.example")
    answers = at_once(
        database_url,
        HOLD,
        lambda: set_price(dairy, product, "61.00", "2026-04-01"),
        lambda: set_price(dairy, product, "62.00", "2026-04-01", other_admin),
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    refused(lost, 409, "already_exists")
    price = ok(won, 201)["price"]
    assert history(dairy, product) == [("60.00", "2026-01-01", "2026-03-31"), (price, "2026-04-01", None)]


def test_two_prices_from_different_days_at_once_both_stand(dairy: Dairy, database_url: str) -> None:
    product, other_admin = dairy.product("60.00", since="2026-01-01"), dairy.login("admin@dairy.example")
    answers = at_once(
        database_url,
        HOLD,
        lambda: set_price(dairy, product, "61.00", "2026-04-01"),
        lambda: set_price(dairy, product, "62.00", "2026-05-01", other_admin),
    )
    assert [each.status_code for each in answers] == [201, 201]
    assert history(dairy, product) == [
        ("60.00", "2026-01-01", "2026-03-31"),
        ("61.00", "2026-04-01", "2026-04-30"),
        ("62.00", "2026-05-01", None),
    ]
