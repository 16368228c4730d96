"""Whoever changes what is due waits for the making of orders with nothing in its hands.

Making orders takes its own lock and then the customers who move; whoever had locked a customer and waited for that lock
would stand in its way, and PostgreSQL would end one of the two.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.dairy import ok
from tests.importing.sheets import upload
from tests.races import while_orders_are_made
from tests.subscriptions.household import TOMORROW, Household

LATER = "2026-11-25"
#: A customer who has all that is changed, and how: each is given the household and what it has.
CHANGES: dict[str, Callable[[Household, dict[str, Any]], Any]] = {
    "a new standing order": lambda home, has: home.admin.post(
        "/subscriptions",
        {"customer_id": home.customer["id"], "product_id": home.milk["id"], "mode": "fixed_daily",
         "default_quantity": "2", "confirm": True},
    ),
    "a file of standing orders": lambda home, has: upload(
        home.admin, "standing-orders", f"Code,Product,Qty,Shift\n{home.customer['code']},{home.milk['sku']},1,pm\n"
    ),
    "a file of customers": lambda home, has: upload(
        home.admin, "customers",
        f"Code,Name,Phone,Address,Area,Product,Qty,Shift\n{home.customer['code']},,,,,{home.milk['sku']},1,pm\n",
        on_existing="skip",
    ),
    "a changed standing order": lambda home, has: home.admin.patch(has["order"], {"default_quantity": "3"}),
    "a standing order changed as it was seen": lambda home, has: home.admin.call(
        "PATCH", has["order"], {"If-Match": has["order_tag"]}, json={"default_quantity": "3"}
    ),
    "a change from a day on": lambda home, has: home.admin.post(
        f"{has['order']}/changes", {"from": LATER, "shift": "evening"}
    ),
    "a word about a day": lambda home, has: home.admin.put(f"{has['order']}/overrides/{LATER}", {"quantity": "1"}),
    "a word that is taken back": lambda home, has: home.admin.delete(f"{has['order']}/overrides/{TOMORROW}"),
    "a pause": lambda home, has: home.admin.post(f"{has['order']}/pauses", {"from": LATER, "to": LATER}),
    "a pause of all": lambda home, has: home.admin.post(f"{has['customer']}/pauses", {"from": LATER, "to": LATER}),
    "a pause of all that ends": lambda home, has: home.admin.delete(f"{has['customer']}/pauses/{has['pause']}"),
    "an end": lambda home, has: home.admin.post(f"{has['order']}/stop", {}),
    "a move": lambda home, has: home.admin.post(f"{has['customer']}/moves", {"from": LATER, "address_line1": "2 Mill"}),
    "a move that is taken back": lambda home, has: home.admin.delete(f"{has['customer']}/moves/{has['move']}"),
    "a customer who stops": lambda home, has: home.admin.patch(has["customer"], {"status": "stopped"}),
    "a customer changed as it was seen": lambda home, has: home.admin.call(
        "PATCH", has["customer"], {"If-Match": has["customer_tag"]}, json={"status": "paused"}
    ),
    "an order that is cancelled": lambda home, has: home.admin.post(
        f"/orders/{has['made']}/cancel", {"reason": "Nobody is there"}
    ),
    "a closed day": lambda home, has: home.admin.post("/closed-days", {"day": TOMORROW, "reason": "Festival"}),
}  # fmt: skip


def things(home: Household) -> dict[str, Any]:
    order, customer = f"/subscriptions/{home.subscribe()['id']}", f"/customers/{home.customer['id']}"
    ok(home.admin.put(f"{order}/overrides/{TOMORROW}", {"quantity": "5"}))
    pause = ok(home.admin.post(f"{customer}/pauses", {"from": "2026-12-01", "to": "2026-12-02"}), 201)
    move = ok(home.admin.post(f"{customer}/moves", {"from": "2026-12-01", "address_line1": "2 Mill"}), 201)
    home.generate()
    return {
        "order": order, "customer": customer, "made": home.order()["id"],
        "pause": pause["household_pause_id"], "move": move["id"],
        "order_tag": home.admin.get(order).headers["ETag"], "customer_tag": home.admin.get(customer).headers["ETag"],
    }  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_who_waits_for_the_making_of_orders_has_locked_nobody(
    household: Household, database_url: str, change: str
) -> None:
    has = things(household)
    answer = while_orders_are_made(
        database_url, lambda: CHANGES[change](household, has),
        "SELECT FROM customers FOR NO KEY UPDATE NOWAIT", "SELECT FROM subscriptions FOR NO KEY UPDATE NOWAIT",
    )  # fmt: skip
    assert answer.status_code in (200, 201, 204), answer.get_data(as_text=True)
