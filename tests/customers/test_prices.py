"""Prices agreed with one customer, and the one rule of what something costs whom on which day."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Numeric, Uuid, column, select, values

from dairy_app.customers.queries import prices_for, with_price
from tests.customers.conftest import Town
from tests.dairy import Client, Dairy, ok, refused
from tests.races import at_once
from tests.statements import count_statements


def agree(
    dairy: Dairy, customer: Any, product: Any, price: str | None, valid_from: str, by: Client | None = None
) -> Any:
    body = {"product_id": product["id"], "price": price, "valid_from": valid_from}
    return (by or dairy.admin).put(f"/customers/{customer['id']}/prices", body)


def agreed(dairy: Dairy, customer: Any, **query: Any) -> list[tuple[str, str, str | None]]:
    items = ok(dairy.admin.get(f"/customers/{customer['id']}/prices", **query))["items"]
    return [(each["price"], each["valid_from"], each["valid_to"]) for each in items]


def pays(dairy: Dairy, customer: Any, product: Any, on: str) -> tuple[str, str] | None:
    product_id = UUID(product["id"])
    with dairy.app.database.transaction(read_only=True) as session:
        found = prices_for(session, UUID(customer["id"]), [product_id], date.fromisoformat(on)).get(product_id)
    return None if found is None else (str(found[0]), found[1])


def test_an_agreed_price_beats_the_list_while_it_is_in_force(dairy: Dairy) -> None:
    product, customer, neighbour = dairy.product("60.00", since="2026-01-01"), dairy.customer(), dairy.customer()
    answer = ok(agree(dairy, customer, product, "55.00", "2026-04-01"), 200)
    assert (answer.pop("repriced_orders"), answer.pop("kept_orders")) == (0, 0)
    assert answer == ok(dairy.admin.get(f"/customers/{customer['id']}/prices"))
    assert answer["items"][0]["product_name"] == product["name"]
    ok(agree(dairy, customer, product, None, "2026-05-01"), 200)
    assert agreed(dairy, customer) == [("55.00", "2026-04-01", "2026-04-30")]
    assert pays(dairy, customer, product, "2026-03-31") == ("60.00", "product")
    assert pays(dairy, customer, product, "2026-04-01") == ("55.00", "customer")
    assert pays(dairy, customer, product, "2026-04-30") == ("55.00", "customer")
    assert pays(dairy, customer, product, "2026-05-01") == ("60.00", "product")
    assert pays(dairy, customer, product, "2025-12-31") is None
    assert pays(dairy, neighbour, product, "2026-04-15") == ("60.00", "product")


def test_an_agreed_price_needs_no_list_price_and_may_be_nothing(dairy: Dairy) -> None:
    product, customer = dairy.product(None), dairy.customer()
    ok(agree(dairy, customer, product, "0", "2026-04-01"))
    assert pays(dairy, customer, product, "2026-04-01") == ("0.00", "customer")


def test_a_quoted_price_comes_between(dairy: Dairy) -> None:
    """For rows of any kind at once, as a day's orders are generated."""
    listed, both, bare = dairy.product("60.00"), dairy.product("60.00"), dairy.product(None)
    customer = dairy.customer()
    ok(agree(dairy, customer, both, "55.00", "2026-01-01"))
    quotes = [(listed, Decimal("58.00")), (listed, None), (both, Decimal("58.00")), (bare, Decimal(0)), (bare, None)]
    wanted = values(column("n", Numeric), column("product_id", Uuid), column("quoted", Numeric(12, 2)), name="wanted")
    wanted = wanted.data([(n, UUID(product["id"]), quoted) for n, (product, quoted) in enumerate(quotes)])
    source, price, price_source = with_price(
        wanted, UUID(customer["id"]), wanted.c.product_id, date(2026, 4, 1), wanted.c.quoted
    )
    with dairy.app.database.transaction(read_only=True) as session:
        rows = session.execute(select(price, price_source).select_from(source).order_by(wanted.c.n)).all()
    assert [tuple(row) for row in rows] == [
        (Decimal(58), "subscription"),
        (Decimal(60), "product"),
        (Decimal(55), "customer"),
        (Decimal(0), "subscription"),
        (None, None),
    ]


def test_prices_for_many_products_are_one_statement(dairy: Dairy) -> None:
    products = [dairy.product(f"{n}.00") for n in range(1, 7)]
    customer = dairy.customer()
    ids = [UUID(each["id"]) for each in products]
    counts = []
    with dairy.app.database.transaction(read_only=True) as session:
        for chosen in (ids[:3], ids):
            with count_statements(dairy.app.database) as sent:
                found = prices_for(session, UUID(customer["id"]), chosen, date(2026, 4, 1))
            counts.append((len(found), len(sent)))
    assert counts == [(3, 1), (6, 1)]


def test_agreed_prices_follow_each_other(dairy: Dairy) -> None:
    product, other, customer = dairy.product(), dairy.product(), dairy.customer()
    ok(agree(dairy, customer, other, "40.00", "2026-01-01"))
    ok(agree(dairy, customer, product, "50.00", "2026-01-01"))
    ok(agree(dairy, customer, product, "54.00", "2026-07-01"))
    ok(agree(dairy, customer, product, "52.00", "2026-04-01"))
    assert agreed(dairy, customer, product_id=product["id"]) == [
        ("50.00", "2026-01-01", "2026-03-31"),
        ("52.00", "2026-04-01", "2026-06-30"),
        ("54.00", "2026-07-01", None),
    ]
    assert len(agreed(dairy, customer)) == 4
    assert agreed(dairy, customer, product_id=other["id"]) == [("40.00", "2026-01-01", None)]


def test_the_same_again_changes_nothing_and_another_price_is_refused(dairy: Dairy) -> None:
    product, customer = dairy.product(), dairy.customer()
    first = ok(agree(dairy, customer, product, "50.00", "2026-01-01"))
    assert ok(agree(dairy, customer, product, "50.00", "2026-01-01")) == first
    refused(agree(dairy, customer, product, "51.00", "2026-01-01"), 409, "already_exists")
    assert agreed(dairy, customer) == [("50.00", "2026-01-01", None)]


def test_a_price_taken_back_on_its_first_day_was_never_agreed(dairy: Dairy) -> None:
    product, customer = dairy.product(), dairy.customer()
    ok(agree(dairy, customer, product, "50.00", "2026-01-01"))
    assert ok(agree(dairy, customer, product, None, "2026-01-01"))["items"] == []
    assert ok(agree(dairy, customer, product, None, "2026-01-01"))["items"] == []
    ok(agree(dairy, customer, product, "51.00", "2026-01-01"))
    assert agreed(dairy, customer) == [("51.00", "2026-01-01", None)]


def test_ending_a_price_leaves_a_later_one(dairy: Dairy) -> None:
    product, customer = dairy.product(), dairy.customer()
    ok(agree(dairy, customer, product, "50.00", "2026-01-01"))
    ok(agree(dairy, customer, product, "54.00", "2026-07-01"))
    ok(agree(dairy, customer, product, None, "2026-03-01"))
    assert agreed(dairy, customer) == [("50.00", "2026-01-01", "2026-02-28"), ("54.00", "2026-07-01", None)]


def test_what_is_no_agreed_price_is_refused_and_nothing_written(dairy: Dairy, everything: Any) -> None:
    product, customer = dairy.product(), dairy.customer()
    good = {"product_id": product["id"], "price": "50.00", "valid_from": "2026-01-01"}
    path = f"/customers/{customer['id']}/prices"
    nobody = "00000000-0000-0000-0000-000000000009"
    before = everything()
    for wrong in (
        {"price": "-1"},
        {"price": "1.005"},
        {"price": ""},
        {"valid_from": None},
        {"valid_from": "soon"},
        {"product_id": "milk"},
        {"product_id": None},
        {"until": "2026-02-01"},
    ):
        refused(dairy.admin.put(path, good | wrong), 422, "validation_failed")
    for missing in good:
        rest = {name: value for name, value in good.items() if name != missing}
        refused(dairy.admin.put(path, rest), 422, "validation_failed")
    refused(dairy.admin.put(path, good | {"product_id": nobody}), 404, "product_not_found")
    refused(dairy.admin.put(f"/customers/{nobody}/prices", good), 404, "customer_not_found")
    refused(dairy.admin.get(f"/customers/{nobody}/prices"), 404, "customer_not_found")
    assert everything() == before
    ok(dairy.admin.put(path, good))


@pytest.mark.parametrize("who", ["asmita_client", "meena", "anil", "accountant", "supplier"])
def test_only_an_admin_sees_and_agrees_prices(town: Town, everything: Any, who: str) -> None:
    client = town.dairy.staff(who) if who in {"accountant", "supplier"} else getattr(town, who)
    product = town.dairy.product()
    before = everything()
    refused(agree(town.dairy, town.asmita, product, "1.00", "2026-01-01", client), 403, "forbidden")
    refused(client.get(f"/customers/{town.asmita['id']}/prices"), 403, "forbidden")
    assert everything() == before


def test_two_agreed_prices_at_once(dairy: Dairy, database_url: str) -> None:
    product, customer = dairy.product(), dairy.customer()
    other_admin = dairy.login("admin@dairy.example")
    ok(agree(dairy, customer, product, "50.00", "2026-01-01"))
    answers = at_once(
        database_url,
        "LOCK TABLE customer_prices IN SHARE ROW EXCLUSIVE MODE",
        lambda: agree(dairy, customer, product, "51.00", "2026-04-01"),
        lambda: agree(dairy, customer, product, "52.00", "2026-04-01", other_admin),
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    refused(lost, 409, "already_exists")
    price = ok(won, 200)["items"][1]["price"]
    assert agreed(dairy, customer) == [("50.00", "2026-01-01", "2026-03-31"), (price, "2026-04-01", None)]
