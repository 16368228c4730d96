"""`dairy db check`: database, revisions and models are compared word by word; each kind of drift is seen."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import make_url

from dairy_app.commands import create_from_models, schema_differences
from dairy_app.database import migrations, structure
from tests.conftest import Server

pytestmark = pytest.mark.slow

Sql = Callable[..., Any]


@pytest.fixture(scope="module")
def template_url(server: Server, template: str) -> str:
    """The database that the migrations built; what is changed in it here is rolled back."""
    return make_url(server.url).set(database=template).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def template_read(template_url: str) -> structure.Structure:
    return structure.read_from(template_url)


def test_database_revisions_and_models_agree(database_url: str) -> None:
    assert schema_differences(database_url) == []


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        (
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_delivered_iff_on_invoice",
            "check orders.ck_orders_delivered_iff",
        ),
        ("ALTER TABLE orders ADD CONSTRAINT ck_more CHECK (true)", "check orders.ck_more"),
        ("ALTER TABLE product_prices DROP CONSTRAINT ex_product_prices_in_force", "exclude product_prices."),
        ("ALTER TABLE orders ALTER source SET DEFAULT 'odd'", "column orders.source"),
        ("ALTER TABLE orders ALTER customer_id DROP NOT NULL", "column orders.customer_id"),
        ("ALTER TABLE orders ALTER notes TYPE varchar(9)", "column orders.notes"),
        ("COMMENT ON COLUMN orders.notes IS 'hm'", "column orders.notes"),
        (
            "ALTER TABLE orders ALTER CONSTRAINT fk_orders_customer_id DEFERRABLE",
            "foreign key orders.fk_orders_customer_id",
        ),
        ("DROP INDEX ix_orders_open", "index orders.ix_orders_open"),
        (
            "DROP INDEX ix_orders_invoice_area; CREATE INDEX ix_orders_invoice_area ON orders (invoice_id)",
            "differs: index orders.ix_orders_invoice_area",
        ),
        ("ALTER TABLE orders DISABLE TRIGGER USER", "trigger orders.tr_orders_touch_only_drafts_insert"),
        ("ALTER TABLE orders DISABLE TRIGGER ALL", "DISABLED foreign key triggers"),
        (
            "DROP TRIGGER tr_orders_touch_only_drafts_delete ON orders",
            "trigger orders.tr_orders_touch_only_drafts_delete",
        ),
        ("ALTER FUNCTION draft_for(uuid, date) SECURITY DEFINER", "function draft_for(uuid,date)"),
        ("CREATE VIEW stray AS SELECT 1", "view stray"),
        ("CREATE SEQUENCE stray", "sequence stray"),
        ("CREATE TYPE stray AS ENUM ('a')", "type stray"),
        ("ALTER TABLE orders SET (fillfactor = 33)", "table orders"),
        ("CREATE EXTENSION unaccent", "extension unaccent"),
        ("CREATE STATISTICS stray ON id, notes FROM orders", "statistics stray"),
        ("CREATE POLICY stray ON orders USING (true)", "policy orders.stray"),
    ],
)
def test_a_change_by_hand_is_seen(
    template_read: structure.Structure, template_url: str, statement: str, seen: str
) -> None:
    with migrations.connect(template_url) as connection:  # rolled back at the end
        connection.exec_driver_sql(statement)
        found = structure.differences(structure.read(connection), "database", template_read, "before")
    assert any(seen in each for each in found), found


def test_a_change_by_hand_fails_the_check(database_url: str, sql: Sql) -> None:
    sql("ALTER TABLE orders DROP CONSTRAINT ck_orders_delivered_iff_on_invoice")
    found = schema_differences(database_url)
    assert len(found) == 1
    assert found[0].startswith(f"only in revision {migrations.head()}: check orders.ck_orders_delivered_iff_on_invoice")


def test_models_that_say_something_else_are_seen(server: Server, database_url: str) -> None:
    url = server.create_database()
    with migrations.connect(url) as connection:
        create_from_models(connection)
        connection.exec_driver_sql("ALTER TABLE invoices DROP CONSTRAINT ck_invoices_period_in_order")
        connection.commit()
    models, revisions = structure.read_from(url), structure.read_from(database_url)
    found = structure.differences(revisions, "revisions", models, "models")
    assert [each.split("\n")[0] for each in found] == ["only in revisions: check invoices.ck_invoices_period_in_order"]
    server.drop_database(url)


def test_a_database_behind_is_compared_with_its_own_revision(server: Server) -> None:
    url = server.create_database()
    assert schema_differences(url) == ["the database is empty: run `dairy db upgrade`"]
    migrations.upgrade(url, "0003")
    assert schema_differences(url) == [
        f"the database is at revision 0003 of {migrations.head()}: run `dairy db upgrade`"
    ]
    server.drop_database(url)


def test_scratch_databases_are_dropped(server: Server, database_url: str, sql: Sql) -> None:
    schema_differences(database_url)
    assert sql("SELECT datname FROM pg_database WHERE datname LIKE 'dairy_scratch_%'") == []


def test_every_function_reads_what_its_owner_made(sql: Sql) -> None:
    """A body in quotes without a search path of its own would read a session's temporary table of the same name."""
    unpinned = """
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind <> 'a' AND p.prosqlbody IS NULL
            AND NOT coalesce('search_path=pg_catalog, public, pg_temp' = ANY (p.proconfig), false)
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1"""
    assert sql(unpinned) == []


def test_every_table_says_what_it_holds(sql: Sql) -> None:
    silent = """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND relname <> 'alembic_version' AND obj_description(oid, 'pg_class') IS NULL"""
    assert sql(silent) == []
    column = "SELECT col_description('orders'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'orders'::regclass"
    assert sql(f"{column} AND attname = 'delivered_on'") == [
        ("The day it was really delivered; it decides the billing period.",)
    ]
