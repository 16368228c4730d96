"""Kinds of containers, what the office enters of them, what is lost, and who sees it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.containers.conftest import Bottles
from tests.dairy import ok, read, refused


def drafts(bottles: Bottles) -> list[Any]:
    found = ok(bottles.dairy.admin.get("/invoices", status="draft", customer_id=bottles.customer["id"]))["items"]
    return [line for draft in found for line in ok(bottles.dairy.admin.get(f"/invoices/{draft['id']}"))["lines"]]


def test_kinds_of_containers(bottles: Bottles) -> None:
    admin = bottles.dairy.admin
    can = ok(admin.post("/containers", {"name": "Can", "deposit": "500"}), 201)
    assert (can["name"], can["deposit"]) == ("Can", "500.00")
    refused(admin.post("/containers", {"name": "CAN", "deposit": "1"}), 409, "already_exists")
    refused(admin.post("/containers", {"name": "Crate", "deposit": "-1"}), 422, "validation_failed")
    changed = ok(admin.patch(f"/containers/{can['id']}", {"name": "Steel can", "deposit": "550.00"}))
    assert (changed["name"], changed["deposit"]) == ("Steel can", "550.00")
    assert ok(admin.patch(f"/containers/{can['id']}", {"name": "Steel can"}))["deposit"] == "550.00"
    refused(admin.patch(f"/containers/{can['id']}", {"name": "glass bottle 1 L"}), 409, "already_exists")
    refused(admin.patch(f"/containers/{uuid4()}", {"name": "x"}), 404, "container_not_found")
    assert [each["name"] for each in ok(bottles.boy.get("/containers"))["items"]] == ["Glass bottle 1 l", "Steel can"]


def test_a_product_says_in_what_it_goes_out(bottles: Bottles) -> None:
    admin, path = bottles.dairy.admin, f"/products/{bottles.curd['id']}"
    assert (bottles.milk["container_id"], bottles.milk["containers_per_unit"]) == (bottles.bottle["id"], "1.000")
    refused(admin.patch(path, {"container_id": str(uuid4())}), 404, "container_not_found")
    refused(admin.patch(path, {"containers_per_unit": "2"}), 422, "validation_failed")
    refused(
        admin.patch(path, {"container_id": bottles.bottle["id"], "containers_per_unit": "0"}), 422, "validation_failed"
    )
    changed = ok(admin.patch(path, {"container_id": bottles.bottle["id"], "containers_per_unit": "2.5"}))
    assert changed["containers_per_unit"] == "2.500"
    gone = ok(admin.patch(path, {"container_id": None}))
    assert (gone["container_id"], gone["containers_per_unit"]) == (None, None)
    new = bottles.dairy.product(container_id=bottles.bottle["id"])
    assert new["containers_per_unit"] == "1.000"


def test_the_office_enters_what_moved_without_a_delivery(bottles: Bottles) -> None:
    refused(bottles.enter("back", 1), 422, "more_back_than_out")
    first = ok(bottles.enter("out", 5, reason="with him since 2024", day="2026-11-01"), 201)
    assert (first["out"], first["balance"], first["day"], first["by_name"]) == (5, 5, "2026-11-01", "Asha Admin")
    back = ok(bottles.enter("back", 2), 201)
    assert (back["back"], back["balance"], back["day"], back["order_id"]) == (2, 3, "2026-11-20", None)
    refused(bottles.enter("back", 4), 422, "more_back_than_out")
    for day in ("2026-11-21", "2025-11-01"):
        refused(bottles.enter("back", 1, day=day), 422, "validation_failed")
    for count in (0, -1, 1001, "2"):
        refused(bottles.enter("back", count), 422, "validation_failed")  # type: ignore[arg-type]
    refused(bottles.enter("back", 1, customer={"id": str(uuid4())}), 404, "customer_not_found")
    refused(bottles.enter("back", 1, container_id=str(uuid4())), 404, "container_not_found")
    assert len(read(bottles.dairy.admin, f"/customers/{bottles.customer['id']}/containers")) == 2


def test_a_lost_bottle_is_charged_with_its_deposit(bottles: Bottles, sql: Any) -> None:
    bottles.bring("3")
    lost = ok(bottles.enter("lost", 2, reason="broken at home"), 201)
    assert (lost["lost"], lost["balance"]) == (2, 1)
    (line,) = [each for each in drafts(bottles) if each["source"] == "adjustment"]
    assert (line["description"], line["gross_amount"]) == ("2 × Glass bottle 1 l", "60.00")
    (charge,) = ok(bottles.dairy.admin.get("/adjustments", customer_id=bottles.customer["id"]))["items"]
    assert (charge["id"], charge["kind"], charge["reason"]) == (lost["adjustment_id"], "charge", "broken at home")
    refused(bottles.enter("lost", 2, reason="broken at home"), 422, "more_back_than_out")
    ok(bottles.dairy.admin.delete(f"/adjustments/{charge['id']}"), 204)
    assert sql("SELECT lost, adjustment_id FROM container_movements WHERE lost > 0") == [(2, None)]
    free = ok(bottles.enter("lost", 1, reason="our own fault", charge=False), 201)
    assert (free["adjustment_id"], free["balance"], len(drafts(bottles))) == (None, 0, 1)


def test_a_loss_is_all_or_nothing(bottles: Bottles, sql: Any) -> None:
    bottles.bring("3")
    ok(bottles.dairy.admin.patch("/settings", {"books_closed_through": "2026-11-19"}))
    refused(bottles.enter("lost", 1, reason="broken", day="2026-11-18"), 409, "period_closed")
    refused(bottles.enter("lost", 1, reason="no"), 422, "validation_failed")
    ok(bottles.dairy.admin.patch(f"/containers/{bottles.bottle['id']}", {"deposit": "0"}))
    answer = refused(bottles.enter("lost", 1, reason="broken"), 422, "validation_failed")
    assert answer["errors"][0]["pointer"] == "/charge"
    assert (bottles.balance(), sql("SELECT count(*) FROM adjustments")) == (3, [(0,)])
    key = {"Idempotency-Key": str(uuid4())}
    path = f"/customers/{bottles.customer['id']}/containers/lost"
    body = {"container_id": bottles.bottle["id"], "count": 1, "reason": "broken", "charge": False}
    made = {ok(bottles.dairy.admin.post(path, body, headers=key), 201)["id"] for _ in range(2)}
    assert (len(made), bottles.balance()) == (1, 2)


def test_a_deposit_has_a_bound(bottles: Bottles) -> None:
    """As many as are lost at one time are charged with what a document can show."""
    admin, path = bottles.dairy.admin, f"/containers/{bottles.bottle['id']}"
    answer = refused(admin.post("/containers", {"name": "Urn", "deposit": "100000.01"}), 422, "validation_failed")
    assert answer["errors"][0]["pointer"] == "/deposit"
    refused(admin.patch(path, {"deposit": "9999999999.99"}), 422, "validation_failed")
    ok(admin.patch(path, {"deposit": "100000.00"}))
    ok(bottles.enter("out", 1000), 201)
    lost = ok(bottles.enter("lost", 1000, reason="burnt down"), 201)
    (charge,) = ok(admin.get("/adjustments", customer_id=bottles.customer["id"]))["items"]
    assert (charge["id"], charge["amount"]) == (lost["adjustment_id"], "100000000.00")


def test_more_than_can_be_counted_is_refused(bottles: Bottles, sql: Any) -> None:
    admin = bottles.dairy.admin
    sql(
        "INSERT INTO container_movements (customer_id, container_id, day, out) VALUES (%s, %s, '2026-11-20', 1000000)",
        bottles.customer["id"], bottles.bottle["id"],
    )  # fmt: skip
    refused(bottles.enter("out", 1), 422, "too_many_empties")
    ok(bottles.enter("back", 1), 201)
    ok(admin.patch(f"/products/{bottles.milk['id']}", {"containers_per_unit": "1000"}))
    elsewhere = bottles.dairy.customer()
    order = bottles.dairy.order(elsewhere, (bottles.milk, "9999999"), confirm=True)
    refused(bottles.dairy.confirm(order), 422, "too_many_empties")
    batch = [{"order_id": each["id"], "status": "delivered"} for each in (order, bottles.dairy.order(
        elsewhere, (bottles.milk, "1000")))]  # fmt: skip
    results = ok(admin.post("/deliveries/confirmations/batch", {"confirmations": batch}))["results"]
    assert [each.get("code") for each in results] == ["too_many_empties", None]
    assert bottles.balance(elsewhere) == 1_000_000
    ok(bottles.dairy.confirm(order, status="not_delivered", reason_code="closed"))


def test_the_report_sums_more_than_one_customer_can_have(bottles: Bottles, sql: Any) -> None:
    """Thousands of customers with as many as there may be, all of one helper."""
    sql("INSERT INTO customers (name, delivery_boy_id) SELECT 'C' || n, %s FROM generate_series(1, 2200) n",
        bottles.boy.user["id"])  # fmt: skip
    sql(
        """INSERT INTO container_movements (customer_id, container_id, day, out, by)
        SELECT id, %s, '2026-11-20', 1000000, delivery_boy_id FROM customers WHERE name ~ '^C[0-9]+$'""",
        bottles.bottle["id"],
    )
    (row,) = ok(bottles.dairy.admin.get("/reports/containers", by="helper"))["items"]
    assert (row["out"], row["balance"], row["deposits"]) == (2_200_000_000, 2_200_000_000, "66000000000.00")


def test_the_history_of_a_customer_tells_its_empties(bottles: Bottles) -> None:
    order = bottles.bring("3", empties=bottles.back(1))
    slip = ok(bottles.enter("lost", 1, reason="broken", charge=False), 201)
    ok(bottles.correct(order, "2"))
    entries = read(bottles.dairy.admin, "/audit-log", customer_id=bottles.customer["id"])
    told = [each for each in entries if each["table_name"] == "container_movements"]
    assert [(each["action"], each["before"], each["after"].get("out")) for each in told] == [
        ("UPDATE", {"out": 3}, 2), ("INSERT", None, 0)
    ]  # fmt: skip
    lost = told[1]
    assert (lost["row_id"], lost["after"]["lost"], lost["after"]["reason"]) == (slip["id"], 1, "broken")
    assert lost["actor_user_id"] == bottles.dairy.admin.user["id"]


def test_a_registered_seller_names_a_class(bottles: Bottles) -> None:
    bottles.dairy.seller(gstin="27AAPFU0939F1ZV")
    bottles.bring("3")
    answer = refused(bottles.enter("lost", 1, reason="broken"), 422, "validation_failed")
    assert answer["errors"][0]["pointer"] == "/tax_class"
    ok(bottles.enter("lost", 1, reason="broken", tax_class="milk_fresh"), 201)
    assert bottles.balance() == 2


def test_who_sees_what(bottles: Bottles) -> None:
    own, client = bottles.dairy.customer_login()
    ok(bottles.enter("out", 2, customer=own, reason="from before"), 201)
    seen = ok(client.get(f"/customers/{own['id']}/containers"))
    assert seen["balances"][0]["balance"] == 2
    assert "by" not in seen["items"][0] and "by_name" not in seen["items"][0]
    refused(client.get(f"/customers/{bottles.customer['id']}/containers"), 404, "customer_not_found")
    refused(bottles.boy.get(f"/customers/{own['id']}/containers"), 404, "customer_not_found")
    ok(bottles.boy.get(f"/customers/{bottles.customer['id']}/containers"))
    refused(client.post(f"/customers/{own['id']}/containers/back", {}), 403, "forbidden")


@pytest.mark.parametrize("by", ["customer", "helper"])
def test_the_report(bottles: Bottles, by: str) -> None:
    admin = bottles.dairy.admin
    bottles.enter("out", 4, day="2026-10-31")
    bottles.bring("2", empties=bottles.back(3))
    elsewhere = bottles.dairy.customer()
    bottles.bring("1", customer=elsewhere)
    ok(bottles.enter("lost", 1, reason="broken"), 201)
    found = ok(admin.get("/reports/containers", by=by))
    assert (found["by"], found["from"], found["to"]) == (by, "2026-11-01", "2026-11-20")
    rows = [
        (each["customer_name"] or each["staff_name"], each["out"], each["back"], each["lost"], each["balance"],
            each["deposits"])
        for each in found["items"]
    ]  # fmt: skip
    own = bottles.customer["name"]
    assert (
        rows
        == {
            "customer": [(own, 2, 3, 1, 2, "60.00"), (elsewhere["name"], 1, 0, 0, 1, "30.00")],
            "helper": [
                ("Asha Admin", 0, 0, 1, 0, "0.00"),
                ("Bala Boy", 2, 3, 0, 2, "60.00"),
                (None, 1, 0, 0, 1, "30.00"),
            ],
        }[by]
    )
    october = ok(admin.get("/reports/containers", by=by, **{"from": "2026-10-01", "to": "2026-10-31"}))["items"]
    assert sum(each["out"] for each in october) == 4
    refused(
        admin.get("/reports/containers", by=by, **{"from": "2026-10-01", "to": "2026-09-30"}), 422, "validation_failed"
    )
    refused(bottles.boy.get("/reports/containers", by=by), 403, "forbidden")
