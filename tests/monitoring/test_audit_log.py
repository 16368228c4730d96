"""Who changed what: every change of what is audited leaves one entry, whoever makes it, and no entry changes."""

from typing import Any

import psycopg2
import pytest

from dairy_app.common.errors import CODES
from dairy_app.database.constraints import code_of
from tests.dairy import PASSWORD, Client, Dairy, ok, refused
from tests.statements import count_statements


def entries(client: Client, **query: Any) -> list[dict[str, Any]]:
    """The log as an admin reads it, newest first."""
    items: list[dict[str, Any]] = ok(client.get("/audit-log", limit=200, **query))["items"]
    return items


def changes(client: Client, **query: Any) -> list[tuple[str, Any, Any]]:
    return [(each["action"], each["before"], each["after"]) for each in entries(client, **query)]


# What an entry says


def test_a_change_says_who_when_on_which_request_and_from_what_to_what(dairy: Dairy) -> None:
    customer = dairy.customer(notes="old words")
    headers = {"X-Request-Id": "req-4711"}
    ok(dairy.admin.patch(f"/customers/{customer['id']}", {"notes": "new words"}, headers=headers))
    entry = entries(dairy.admin, table_name="customers", row_id=customer["id"])[0]
    assert entry["at"][:10] >= dairy.day(-1)
    assert {name: entry[name] for name in entry.keys() - {"id", "at"}} == {
        "actor_user_id": dairy.admin.user["id"],
        "actor_role": "admin",
        "shared_link_id": None,
        "request_id": "req-4711",
        "ip": "127.0.0.1",
        "db_user": entry["db_user"],
        "table_name": "customers",
        "row_id": customer["id"],
        "action": "UPDATE",
        "before": {"notes": "old words"},
        "after": {"notes": "new words"},
    }


def test_the_first_entry_of_a_row_holds_all_that_it_began_with(dairy: Dairy) -> None:
    product = dairy.product(price=None, name="Ghee", sku="GHEE")
    [(action, before, after)] = changes(dairy.admin, table_name="products", row_id=product["id"])
    assert (action, before) == ("INSERT", None)
    assert (after["sku"], after["name"], after["is_active"]) == ("GHEE", "Ghee", True)
    assert not {"created_at", "updated_at", "packet_size"} & after.keys()


def test_a_change_that_is_none_and_a_refused_one_leave_nothing(dairy: Dairy) -> None:
    customer = dairy.customer(notes="words")
    address = f"/customers/{customer['id']}"
    before = len(entries(dairy.admin))
    ok(dairy.admin.patch(address, {"notes": "words"}))
    refused(dairy.admin.patch(address, {"gstin": "none of ours"}), 422, "validation_failed")
    assert len(entries(dairy.admin)) == before
    ok(dairy.admin.patch(address, {"notes": "others"}))
    assert len(entries(dairy.admin)) == before + 1


def test_an_actor_does_not_outlive_the_transaction(dairy: Dairy, sql: Any) -> None:
    """Connections are pooled: whoever comes next must not be taken for the one before."""
    ok(dairy.admin.patch("/settings", {"business_name": "Before"}))
    with dairy.app.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE settings SET business_name = 'After'")
    newest = entries(dairy.admin, table_name="settings")[0]
    assert newest["after"] == {"business_name": "After"}
    assert (newest["actor_user_id"], newest["actor_role"], newest["request_id"], newest["ip"]) == (None,) * 4


def test_no_secret_is_told_but_that_it_changed(dairy: Dairy, sql: Any) -> None:
    client = dairy.staff("accountant")
    row = {"table_name": "users", "row_id": client.user["id"]}
    [accepted, made] = entries(dairy.admin, **row)
    assert "password" not in made["after"]
    assert (accepted["before"]["password"], accepted["after"]["password"]) == (None, "***")
    assert (accepted["actor_user_id"], accepted["actor_role"]) == (client.user["id"], "accountant")
    assert (accepted["ip"], len(accepted["request_id"])) == ("127.0.0.1", 32)
    ok(client.post("/auth/password", {"current_password": PASSWORD, "new_password": "four other words entirely"}))
    changed = entries(dairy.admin, **row)[0]
    assert (changed["before"]["password"], changed["after"]["password"]) == ("***", "***")
    sql("UPDATE users SET password_hash = 'stolen' WHERE id = %s", client.user["id"])
    assert changes(dairy.admin, **row)[0] == ("UPDATE", {"password": "***"}, {"password": "***"})
    assert sql("SELECT count(*) FROM audit_log WHERE concat(before, after) ~ 'argon2|stolen|_hash'") == [(0,)]


def test_logging_in_is_no_news(dairy: Dairy) -> None:
    before = len(entries(dairy.admin))
    dairy.login("admin@dairy.example")
    assert len(entries(dairy.admin)) == before


def test_money_is_a_string_in_it_too(dairy: Dairy) -> None:
    product = dairy.product(price="60.10")
    ok(dairy.admin.post(f"/products/{product['id']}/prices", {"price": "62.00", "valid_from": dairy.day(1)}), 201)
    actions = changes(dairy.admin, table_name="product_prices")
    assert [action for action, *_ in actions] == ["INSERT", "UPDATE", "INSERT"]
    assert [actions[0][2]["price"], actions[2][2]["price"]] == ["62.00", "60.10"]
    assert list(actions[1][2]) == ["valid"]


def test_a_run_that_is_many_transactions_has_an_actor_too(dairy: Dairy) -> None:
    """Issuing and voiding are told, with number and total; the paper itself is frozen and tells the rest."""
    dairy.seller()
    milk = dairy.product(price="50.00")
    order = dairy.order(dairy.customer(), (milk, "2"))
    ok(dairy.confirm(order), 200)
    accountant = dairy.staff("accountant")
    run = ok(accountant.post("/billing/runs", {"period": dairy.day(0)[:7], "through": dairy.day(0)}), 201)
    assert run["invoices_issued"] == 1
    invoice = ok(accountant.get("/invoices"))["items"][0]
    ok(accountant.post(f"/invoices/{invoice['id']}/void", {"reason": "wrong name"}))
    told = entries(dairy.admin, table_name="invoices", row_id=invoice["id"])
    issued = {"status": "issued", "number": invoice["number"], "total": "100.00"}
    assert [(each["before"], each["after"]) for each in told] == [
        ({"status": "issued"}, {**issued, "status": "void", "void_reason": "wrong name"}),
        ({"status": "draft"}, issued),
    ]
    assert {each["actor_user_id"] for each in told} == {accountant.user["id"]}
    assert len({each["request_id"] for each in told}) == 2


# What is told of deliveries


def test_confirming_is_told_by_the_rows_and_what_changes_after_it_by_the_log(dairy: Dairy, sql: Any) -> None:
    milk = dairy.product()
    first, second = (dairy.order(dairy.customer(), (milk, "2")) for _ in range(2))
    ok(dairy.confirm(first), 200)
    ok(dairy.confirm(second, status="not_delivered"), 200)
    assert {each["table_name"] for each in entries(dairy.admin)} & {
        "orders",
        "order_items",
        "delivery_statuses",
    } == set()
    ok(dairy.confirm(second), 200)  # a second attempt
    [(_, before, after)] = changes(dairy.admin, table_name="orders", row_id=second["id"])
    assert (before["status"], after["status"]) == ("NOT_DELIVERED", "DELIVERED")
    assert changes(dairy.admin, table_name="order_items", row_id=f"{second['id']}/1") == [
        (
            "UPDATE",
            {"delivered_quantity": "0.000", "item_status": "shortage"},
            {"delivered_quantity": "2.000", "item_status": "full"},
        )
    ]
    [(_, before, after)] = changes(dairy.admin, table_name="delivery_statuses")
    assert (before["status"], after["status"]) == ("not_delivered", "delivered")
    assert entries(dairy.admin, table_name="orders", row_id=first["id"]) == []


def test_confirming_costs_no_statement_more(dairy: Dairy) -> None:
    order = dairy.order(dairy.customer(), (dairy.product(), "1"))
    with count_statements(dairy.app.database) as sent:
        ok(dairy.confirm(order), 200)
    assert len(sent) == 2
    assert "set_config" in sent[0][0]


# Plain SQL

A_ROW: dict[str, tuple[str, str]] = {
    # table → a change of its rows, a column it changes
    "users": ("UPDATE users SET role = 'supplier' WHERE role = 'accountant'", "role"),
    "customers": ("UPDATE customers SET notes = 'by hand'", "notes"),
    "customer_prices": ("UPDATE customer_prices SET price = 1", "price"),
    "products": ("UPDATE products SET is_active = false", "is_active"),
    "product_prices": ("UPDATE product_prices SET price = 1", "price"),
    "tax_classes": ("UPDATE tax_classes SET description = 'x' WHERE is_default", "description"),
    "tax_rates": ("UPDATE tax_rates SET source = 'x' WHERE gst_rate = 0", "source"),
    "settings": ("UPDATE settings SET due_days = due_days + 1", "due_days"),
    "subscriptions": ("UPDATE subscriptions SET status = 'stopped'", "status"),
    "subscription_overrides": ("UPDATE subscription_overrides SET quantity = 7", "quantity"),
    "subscription_pauses": ("UPDATE subscription_pauses SET reason = 'x'", "reason"),
    "subscription_quantities": ("UPDATE subscription_quantities SET quantity = 7", "quantity"),
    "shared_links": ("UPDATE shared_links SET expires_at = expires_at - interval '1 hour'", "expires_at"),
    "change_requests": ("UPDATE change_requests SET note = 'x'", "note"),
    "orders": ("UPDATE orders SET delivered_on = delivered_on - 1 WHERE invoice_id IS NOT NULL", "delivered_on"),
    "order_items": ("UPDATE order_items SET unit_price = 1 WHERE delivered_quantity IS NOT NULL", "unit_price"),
    "delivery_statuses": ("UPDATE delivery_statuses SET notes = 'by hand'", "notes"),
}


@pytest.fixture
def everything(dairy: Dairy, sql: Any) -> Dairy:
    """A dairy with at least one row in every audited table."""
    milk, customer, boy = dairy.product(), dairy.customer(), dairy.staff("delivery_boy")
    dairy.staff("accountant")
    ok(
        dairy.admin.put(
            f"/customers/{customer['id']}/prices", {"product_id": milk["id"], "price": "55", "valid_from": dairy.day(0)}
        )
    )
    ok(dairy.confirm(dairy.order(customer, (milk, "1"))), 200)
    sql(
        "INSERT INTO subscriptions (customer_id, product_id, mode, default_quantity, start_date)"
        " VALUES (%s, %s, 'fixed_daily', 1, '2026-01-01')",
        customer["id"],
        milk["id"],
    )
    for table, columns, values in (
        ("subscription_overrides", "date, quantity", "'2026-02-01', 2"),
        ("subscription_pauses", "period", "'[2026-03-01,2026-03-05)'"),
        ("subscription_quantities", "valid_from, quantity", "'2026-04-01', 3"),
    ):
        sql(
            f"INSERT INTO {table} (subscription_id, channel, {columns}) SELECT id, 'staff', {values} FROM subscriptions"
        )
    sql(
        "INSERT INTO shared_links (token_hash, name, delivery_boy_id, is_rolling, expires_at, created_by)"
        " VALUES (sha256('x'), 'Ravi', %s, true, now() + interval '2 hours', %s)",
        boy.user["id"],
        dairy.admin.user["id"],
    )
    sql(
        "INSERT INTO change_requests (kind, customer_id, payload, asked_by_user_id) VALUES ('stop', %s, '{}', %s)",
        customer["id"],
        boy.user["id"],
    )
    return dairy


@pytest.mark.parametrize("table", A_ROW)
def test_plain_sql_is_recorded_too(everything: Dairy, sql: Any, table: str) -> None:
    change, column = A_ROW[table]
    before = len(entries(everything.admin, table_name=table))
    ticket = f"{table}-7"
    changed = sql(f"SET dairy.request_id = '{ticket}'; {change} RETURNING 1; ")
    sql("RESET dairy.request_id")
    assert changed
    told = entries(everything.admin, table_name=table)
    assert len(told) == before + len(changed)
    for entry in told[: len(changed)]:
        assert (entry["action"], entry["actor_user_id"], entry["request_id"]) == ("UPDATE", None, ticket)
        assert column in entry["before"].keys() & entry["after"].keys()
        assert entry["before"][column] != entry["after"][column]
        assert [(entry["db_user"],)] == sql("SELECT session_user::text")


#: Counters of a link.
NO_NEWS = {"failed_attempts", "use_count", "window_cost"}
#: Tables nothing refers to.
LEAVES = ("customer_prices", "product_prices", "tax_rates", "change_requests", "subscription_pauses", "shared_links")


@pytest.mark.parametrize("statement", ["DELETE FROM", "TRUNCATE"])
@pytest.mark.parametrize("table", LEAVES)
def test_what_is_deleted_by_hand_is_kept_in_the_log(everything: Dairy, sql: Any, table: str, statement: str) -> None:
    if table == "shared_links" and statement == "TRUNCATE":
        table = "settings"  # uses refer to links
    rows = {row[0]: row[1] for row in sql(f"SELECT id::text, to_jsonb(t) FROM {table} t")}
    assert rows
    sql(f"{statement} {table}")
    told = sql("SELECT row_id, before, after FROM audit_log WHERE action = %s", statement.split()[0])
    assert {row_id for row_id, *_ in told} == set(rows)
    for row_id, before, after in told:
        lost = {name: value for name, value in rows[row_id].items() if value is not None}
        assert after is None
        assert lost.keys() - before.keys() <= {"created_at", "updated_at", "token_hash"} | NO_NEWS
        assert {name: lost[name] for name in before.keys() - {"token"}} == {
            name: value for name, value in before.items() if name != "token"
        }


def test_a_refused_delivery_deleted_by_hand_is_kept_in_the_log(everything: Dairy, sql: Any) -> None:
    order = everything.order(everything.customer(), (everything.product(), "1"))
    ok(everything.confirm(order, status="not_delivered"), 200)
    sql("DELETE FROM delivery_statuses WHERE order_id = %s; DELETE FROM orders WHERE id = %s", order["id"], order["id"])
    told = {each["table_name"]: each for each in entries(everything.admin) if each["action"] == "DELETE"}
    assert told.keys() == {"orders", "order_items", "delivery_statuses"}
    assert told["delivery_statuses"]["before"]["order_id"] == order["id"]
    assert told["orders"]["before"]["status"] == "NOT_DELIVERED"
    assert told["order_items"]["row_id"] == f"{order['id']}/1"


def test_one_statement_that_changes_many_rows_leaves_one_entry_each(dairy: Dairy, sql: Any) -> None:
    made = [dairy.customer()["id"] for _ in range(5)]
    sql("UPDATE customers SET notes = code WHERE id = ANY (%s::uuid[])", made[:4])
    told = changes(dairy.admin, table_name="customers")[:4]
    assert {after["notes"] for _, _, after in told} == {
        code for (code,) in sql("SELECT notes FROM customers WHERE notes IS NOT NULL")
    }
    assert changes(dairy.admin, table_name="customers")[4][0] == "INSERT"


def test_a_row_that_gets_another_key_has_left_and_another_has_come(dairy: Dairy, sql: Any) -> None:
    sql("INSERT INTO tax_classes (code, description) VALUES ('one', 'x')")
    sql("UPDATE tax_classes SET code = 'two' WHERE code = 'one'")
    assert changes(dairy.admin, table_name="tax_classes", row_id="two") == [
        ("UPDATE", None, {"code": "two", "description": "x", "is_default": False})
    ]
    left, came = changes(dairy.admin, table_name="tax_classes", row_id="one")
    assert (left[1], left[2], came[0]) == (came[2], None, "INSERT")


def test_uses_of_links_and_deliveries_of_standing_orders_are_no_news(everything: Dairy, sql: Any) -> None:
    before = len(entries(everything.admin))
    sql("UPDATE shared_links SET use_count = use_count + 1, last_used_at = now(), window_cost = 3, updated_at = now()")
    sql("UPDATE subscriptions SET last_delivery_date = '2026-01-02', last_delivery_at = now(), updated_at = now()")
    sql("UPDATE users SET last_login_at = now(), updated_at = now()")
    assert len(entries(everything.admin)) == before
    sql("UPDATE subscriptions SET last_delivery_date = '2026-01-03', stop_date = '2026-09-01'")
    assert changes(everything.admin)[0][1:] == ({"stop_date": None}, {"stop_date": "2026-09-01"})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET db_user = 'nobody'",
        "UPDATE audit_log SET at = now() WHERE false",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log (table_name, row_id, action) VALUES ('users', '1', 'SELECT')",
    ],
)
def test_an_entry_is_never_changed(dairy: Dairy, sql: Any, statement: str) -> None:
    before = sql("TABLE audit_log")
    with pytest.raises(psycopg2.errors.CheckViolation) as refusal:
        sql(statement)
    name = "ck_audit_log_action_known" if "INSERT" in statement else "tr_audit_log_append_only"
    assert refusal.value.diag.constraint_name == name
    assert code_of(name) in CODES
    assert sql("TABLE audit_log") == before != []
