"""What containers cost: as many statements for a thousand doors as for ten, and for who has none next to nothing."""

from typing import Any

from tests.containers.conftest import Bottles
from tests.dairy import ok
from tests.statements import count_statements


def doors(bottles: Bottles, number: int) -> list[dict[str, Any]]:
    found = []
    for _ in range(number):
        customer = bottles.dairy.customer(delivery_boy_id=bottles.boy.user["id"])
        order = bottles.dairy.order(customer, (bottles.milk, "2"))
        found.append({"order_id": order["id"], "status": "delivered", "empties": bottles.back(1)})
    return found


def test_many_doors_cost_as_many_statements_as_few(bottles: Bottles) -> None:
    few, many = doors(bottles, 2), doors(bottles, 4)
    database = bottles.dairy.app.database
    counted = []
    for told in (few, many):
        ok(bottles.boy.get("/deliveries/round"))
        with count_statements(database) as sent:
            ok(bottles.boy.get("/deliveries/round"))
            answer = ok(bottles.boy.post("/deliveries/confirmations/batch", {"confirmations": told}), 200)
            ok(bottles.dairy.admin.get("/reports/containers", by="customer"))
            ok(bottles.dairy.admin.get("/reports/containers", by="helper"))
        assert answer["confirmed"] == len(told)
        counted.append(len(sent))
    assert counted[0] == counted[1]
