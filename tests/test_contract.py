"""The suite's judge of answers is able to fail, and where things were made is said."""

from typing import Any

import pytest
from flask_smorest.spec.plugins import FlaskPlugin

from dairy_app.orders import queries
from tests.contract import contract_of
from tests.dairy import Dairy, ok


def test_a_wrong_answer_is_noticed(dairy: Dairy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that is missing, a word off the list, money as a number: each is an answer against the document."""
    order = dairy.order(dairy.customer(), (dairy.product(), "2"))
    right = ok(dairy.admin.get(f"/orders/{order['id']}"))
    path = FlaskPlugin.flaskpath2openapi("/api/v1/orders/<uuid:order_id>")

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
