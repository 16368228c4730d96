"""No table with a customer is forgotten: neither by a merge, nor by what keeps new rows from who was merged."""

import re
from typing import Any

import dairy_app.models  # noqa: F401 - fills Base.metadata
from dairy_app.database.models import Base
from dairy_app.merging import bulk
from dairy_app.merging.queries import MOVING
from tests.merging.conftest import Sql

#: Who waits for a login is forgotten, not moved; so is where it had moved before. A balance is the sum of what moves.
FORGOTTEN = {"unlinked_customers", "customer_moves", "container_balances"}
#: What is forgotten does not come later either.
GUARDED = {"customer_moves"}
#: These have another key to their customer: an order is of a living customer, and so is what was delivered of it.
BY_ANOTHER_KEY = {"delivery_statuses", "archived_delivery_statuses"}
#: Nobody adds to these: they are moved from orders of living customers.
ARCHIVED = {"archived_orders"}
#: Columns that name a customer otherwise, and keep doing so.
POINTERS = {
    ("customers", "merged_into"),
    ("invoices", "issued_to"),
    ("credit_notes", "issued_to"),
    ("debit_notes", "issued_to"),
    ("invoice_lines", "delivered_to"),
}
#: A column that names a customer of a row beside its own: whose invoice it is on.
BESIDE = ("customer_id", "payer_id")


def with_customer() -> set[str]:
    return {name for name, table in Base.metadata.tables.items() if "customer_id" in table.c}


def pointing() -> set[tuple[str, str]]:
    """Every column with a key of its own to a customer's id."""
    return {
        (name, key.column_keys[0])
        for name, table in Base.metadata.tables.items()
        for key in table.foreign_key_constraints
        if key.elements[0].target_fullname == "customers.id"
    }


def test_a_merge_moves_every_table_with_a_customer() -> None:
    text = "\n".join(bulk.STATEMENTS)
    moved = set(re.findall(r"UPDATE (\w+)(?: \w)? SET\s+customer_id = :into", text))
    assert moved == with_customer() - FORGOTTEN
    assert {column for _, column in pointing()} == {"customer_id"} | {column for _, column in POINTERS}
    assert {each for each in pointing() if each[1] != "customer_id"} == POINTERS


def test_nothing_new_hangs_on_who_was_merged(sql: Sql) -> None:
    named = "tgname = 'tr_rows_of_living_customers' AND tgenabled = 'O'"
    guarded = {name for (name,) in sql(f"SELECT tgrelid::regclass::text FROM pg_trigger WHERE {named}")}
    own = {table for table, column in pointing() if column == "customer_id"}
    assert guarded == own - (FORGOTTEN - GUARDED) - BY_ANOTHER_KEY - ARCHIVED
    (body,) = sql("SELECT prosrc FROM pg_proc WHERE proname = 'customers_leave_nothing'")[0]
    assert set(re.findall(r"FROM (\w+) WHERE customer_id", body)) == guarded | ARCHIVED


def test_keys_that_hold_a_customer_twice_wait_for_the_commit(sql: Sql) -> None:
    rows: Any = sql(
        """SELECT k.conname, k.condeferrable, k.condeferred FROM pg_constraint k
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND a.attname = ANY (%s)
        WHERE k.contype = 'f' AND cardinality(k.conkey) > 1""",
        list(BESIDE),
    )
    assert {name for name, *_ in rows} == set(bulk.TOGETHER)
    assert {tuple(each) for _, *each in rows} == {(True, False)}


def test_what_moves_is_counted() -> None:
    beside = {"invoices": {"invoices", "drafts"}, "outbox_messages": {"messages"}, "customer_prices": {"prices"}}
    #: Parts of what is counted: an allocation is of a payment, a status or a photo of an order, archived or not.
    parts = {"payment_allocations", "delivery_statuses", "delivery_photos", "unlinked_delivery_statuses", *FORGOTTEN}
    parts |= {"archived_orders", "archived_delivery_statuses"}
    assert set(MOVING) == set().union(*(beside.get(name, {name}) for name in with_customer() - parts))
