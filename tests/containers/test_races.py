"""Two at once return the same bottles: one of them is refused, and nobody ever has less than none."""

from typing import Any

import psycopg2

from dairy_app.database.transactions import Database
from tests.conftest import raw_connection
from tests.containers.conftest import Bottles
from tests.dairy import ok
from tests.races import at_once


def hold(bottles: Bottles) -> str:
    return f"SELECT FROM customers WHERE id = '{bottles.customer['id']}' FOR UPDATE"


def test_two_phones_bring_back_the_same_bottles(bottles: Bottles, database_url: str, database: Database) -> None:
    bottles.enter("out", 2)
    orders = [bottles.dairy.order(bottles.customer, (bottles.curd, "1")) for _ in range(2)]
    answers = at_once(
        database_url,
        hold(bottles),
        *(lambda order=order: bottles.dairy.confirm(order, empties=bottles.back(2)) for order in orders),
    )
    assert sorted(each.status_code for each in answers) == [200, 422]
    assert bottles.balance() == 0


def test_a_door_and_the_office(bottles: Bottles, database_url: str) -> None:
    bottles.enter("out", 2)
    order = bottles.dairy.order(bottles.customer, (bottles.curd, "1"))
    answers = at_once(
        database_url,
        hold(bottles),
        lambda: bottles.dairy.confirm(order, empties=bottles.back(2)),
        lambda: bottles.enter("lost", 1, reason="broken", charge=False),
    )
    assert sorted(each.status_code for each in answers) in ([200, 422], [201, 422])
    assert bottles.balance() in (0, 1)


def test_plain_sql_that_takes_no_lock(bottles: Bottles, database_url: str, sql: Any) -> None:
    ok(bottles.enter("out", 2), 201)
    statement = f"""INSERT INTO container_movements (customer_id, container_id, day, back)
        VALUES ('{bottles.customer["id"]}', '{bottles.bottle["id"]}', '2026-11-20', 2)"""

    def take_back() -> bool:
        with raw_connection(database_url) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(statement)
                connection.commit()
            except psycopg2.IntegrityError:
                return False
        return True

    assert sorted(at_once(database_url, "LOCK TABLE containers", take_back, take_back)) == [False, True]
    assert sql("SELECT balance FROM container_balances") == [(0,)]
