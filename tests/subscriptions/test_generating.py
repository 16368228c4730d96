"""A day's orders: what is due, once, at the day's price."""

from tests.dairy import ok, refused
from tests.subscriptions.household import TODAY, TOMORROW, Household


def test_a_standing_order_becomes_an_order_with_the_price_of_its_day(household: Household) -> None:
    made = household.subscribe()
    ok(household.admin.post(f"/products/{household.milk['id']}/prices", {"price": "63.00", "valid_from": TOMORROW}))
    done = household.generate()
    assert (done["created"], done["skipped_existing"], done["blocked"]) == (1, 0, 0)
    order = household.order()
    assert order["order_type"], order["subscription_id"] == ("subscription", made["id"])
    assert (order["status"], order["source"], order["total_amount"]) == ("PENDING", "generator", "126.00")
    assert order["items"][0]["price_source"] == "product"


def test_a_second_time_makes_nothing_new(household: Household) -> None:
    household.subscribe()
    first = household.generate()
    again = household.generate()
    assert (first["created"], again["created"], again["skipped_existing"]) == (1, 0, 1)
    assert len(household.orders()) == 1
