"""A change of a standing order and something else at the very same moment, over two real connections."""

from typing import Any

from tests.dairy import ok
from tests.races import at_once
from tests.subscriptions.household import TODAY, TOMORROW, Household


def customer_lock(household: Household) -> str:
    return f"SELECT FROM customers WHERE id = '{household.customer['id']}' FOR UPDATE"


def test_a_change_and_the_confirmation_of_that_day(household: Household, database_url: str) -> None:
    """Whichever comes first, what is on the draft is what the order says, and the other is told so."""
    made = household.subscribe()
    household.generate(TODAY)
    order = household.order(TODAY)

    def change() -> Any:
        return household.override(made, TODAY, "5").status_code

    def confirm() -> Any:
        return household.dairy.confirm(order).status_code

    changed, confirmed = at_once(database_url, customer_lock(household), change, confirm)
    assert confirmed == 200
    status, quantity = household.says(TODAY)
    assert (changed, status, quantity) in {(200, "DELIVERED", "5.000"), (409, "DELIVERED", "2.000")}
    assert household.order(TODAY)["items"][0]["delivered_quantity"] == quantity


def test_a_pause_and_the_confirmation_of_that_day(household: Household, database_url: str) -> None:
    made = household.subscribe()
    household.generate(TODAY)
    order = household.order(TODAY)
    answers = at_once(
        database_url,
        customer_lock(household),
        lambda: household.pause(made, TODAY).status_code,
        lambda: household.dairy.confirm(order).status_code,
    )
    ends = {(201, 400): "CANCELLED", (409, 200): "DELIVERED"}
    assert household.says(TODAY)[0] == ends[answers[0], answers[1]]


def test_two_pauses_that_overlap(household: Household, database_url: str) -> None:
    made = household.subscribe()
    answers = at_once(
        database_url,
        customer_lock(household),
        lambda: household.pause(made, TOMORROW, "2026-11-25").status_code,
        lambda: household.pause(made, "2026-11-24").status_code,
    )
    assert sorted(answers) == [201, 409]
    assert len(household.read(made)["pauses"]) == 1


def test_two_words_about_one_day(household: Household, database_url: str) -> None:
    made = household.subscribe()
    household.generate()
    answers = at_once(
        database_url,
        customer_lock(household),
        *(lambda quantity=quantity: household.override(made, TOMORROW, quantity).status_code for quantity in "37"),
    )
    assert answers == [200, 200]
    (said,) = household.read(made)["overrides"]
    assert household.says() == ("PENDING", said["quantity"])


def test_a_customer_paused_while_its_day_is_made(household: Household, database_url: str) -> None:
    household.subscribe()
    path = f"/customers/{household.customer['id']}"
    at_once(
        database_url,
        "SELECT pg_advisory_xact_lock(122537101324915)",  # that of making orders
        household.generate,
        lambda: ok(household.admin.patch(path, {"status": "paused"})),
    )
    assert all(order["status"] == "CANCELLED" for order in household.orders())


def test_two_changes_from_a_day_on(household: Household, database_url: str) -> None:
    made = household.subscribe()
    path = f"/subscriptions/{made['id']}/changes"
    answers = at_once(
        database_url,
        customer_lock(household),
        *(
            lambda day=day: household.admin.post(path, {"from": day, "shift": "evening"}).status_code
            for day in ("2026-11-24", "2026-11-25")
        ),
    )
    planned = household.read(made)["changes"]
    assert (answers, len(planned)) in (([201, 201], 2), ([409, 201], 1))


def test_a_change_from_a_day_on_while_the_day_is_made(household: Household, database_url: str) -> None:
    made = household.subscribe()
    path = f"/subscriptions/{made['id']}/changes"
    at_once(
        database_url,
        "SELECT pg_advisory_xact_lock(122537101324915)",  # that of making orders
        household.generate,
        lambda: ok(household.admin.post(path, {"from": TOMORROW, "default_quantity": "5"}), 201),
    )
    assert household.says() == ("PENDING", "5.000")
