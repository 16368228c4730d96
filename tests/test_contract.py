"""The suite's judge of answers is able to fail, and where things were made is said."""

from typing import Any

import pytest

from dairy_app.orders import queries
from dairy_app.web.openapi import path_of
from tests.contract import contract_of
from tests.dairy import Dairy, ok


def test_a_wrong_answer_is_noticed(dairy: Dairy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that is missing, a word off the list, money as a number: each is an answer against the document."""
    order = dairy.order(dairy.customer(), (dairy.product(), "2"))
    right = ok(dairy.admin.get(f"/orders/{order['id']}"))
    path = path_of("/api/v1/orders/<uuid:order_id>")

    def faults(status: int = 200, media: str = "application/json", **wrong: Any) -> list[str]:
        return contract_of(dairy.app).faults("GET", path, status, media, right | wrong)

    assert faults() == []
    assert faults(added="later") == []
    for wrong in (
        {"status": "LOST"},
        {"total_amount": 120.0},
        {"total_amount": "120"},
        {"id": "7"},
        {"customer_id": None},
    ):
        assert len(faults(**wrong)) == 1, wrong
    assert faults(status=201) != [] and faults(media="text/html") != []
    del right["shift"]
    assert len(faults()) == 1

    real = queries.visible_order_view
    lost = {"status": "LOST"}
    monkeypatch.setattr(queries, "visible_order_view", lambda *arguments: real(*arguments) | lost)
    with pytest.raises(AssertionError, match=r"against the document.*LOST"):
        dairy.admin.get(f"/orders/{order['id']}")


def test_old_names_and_new_ones_say_the_same(dairy: Dairy) -> None:
    customer, product = dairy.customer(), dairy.product()
    ok(dairy.confirm(dairy.order(customer, (product, "2"))))
    opening = {"customer_id": customer["id"], "as_of": dairy.day(-40), "amount": "10"}
    ok(dairy.admin.post("/opening-balances", opening), 201)
    month = dairy.day(0)[:7]
    for path, query in (
        ("/reports/ageing", {}),
        ("/billing/preview", {"period": month}),
        ("/billing/monthly-view", {"period": month}),
    ):
        (row,) = ok(dairy.admin.get(path, **query))["items"]
        assert row["name"] == row["customer_name"] == customer["name"], path
        assert row["customer_code"] == customer["code"], path
    (row,) = ok(dairy.admin.get("/billing/unbilled"))["items"]
    assert row["period"] == row["month"] == month
    whose = {"customer_id": customer["id"], "from": dairy.day(-60), "to": dairy.day(0)}
    said = ok(dairy.admin.get("/reports/statement", **whose))
    assert said["items"] == said["entries"] and len(said["items"]) == 1
    said = ok(dairy.admin.get("/monitoring/consistency"))
    assert said["items"] == said["reports"] != []


def test_what_was_made_says_where_it_is_read(dairy: Dairy) -> None:
    customer, product = dairy.customer(), dairy.product()
    body = {"customer_id": customer["id"], "delivery_date": dairy.day(2)}
    body["items"] = [{"product_id": product["id"], "quantity": "1"}]
    key = {"Idempotency-Key": "once"}
    first, again = (dairy.admin.post("/orders", body, headers=key) for _ in range(2))
    made = ok(first, 201)
    for answer in (first, again):
        assert answer.headers["Location"] == f"/api/v1/orders/{made['id']}"
    assert ok(dairy.admin.get(first.headers["Location"])) == made
    wanted = {
        "customer_id": customer["id"],
        "product_id": product["id"],
        "mode": "fixed_daily",
        "default_quantity": "1",
    }
    standing = dairy.admin.post("/subscriptions", wanted)
    assert standing.headers["Location"] == f"/api/v1/subscriptions/{ok(standing, 201)['id']}"
    pause = dairy.admin.post(f"{standing.headers['Location']}/pauses", {"from": dairy.day(3)})
    assert set(ok(pause, 201)) >= {"id", "from", "to", "reason"}
    assert "Location" not in pause.headers  # nothing reads a single pause
    assert "Location" not in dairy.admin.get("/orders").headers
