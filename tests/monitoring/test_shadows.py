"""Temporary tables with the names of ours: what guards and records reads ours all the same."""

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import ok

Sql = Callable[..., Any]

SHADOWED = ("orders", "order_items", "invoices", "invoice_lines", "delivery_statuses", "customers", "audit_log")


@pytest.fixture
def shadows(filled: LivingDairy, sql: Sql) -> LivingDairy:
    """The session of ``sql`` has an empty temporary table for each of ours that the triggers read."""
    for table in SHADOWED:
        sql(f"CREATE TEMPORARY TABLE {table} (LIKE public.{table} INCLUDING DEFAULTS INCLUDING IDENTITY)")
    return filled


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE public.order_items SET delivered_quantity = 0.5 WHERE order_id IN ({billed})",
        "DELETE FROM public.order_items WHERE order_id IN ({billed})",
        "UPDATE public.orders SET delivered_on = delivered_on - 1 WHERE id IN ({billed})",
        "UPDATE public.orders SET invoice_id = NULL WHERE id IN ({billed})",
        "DELETE FROM public.delivery_statuses WHERE order_id IN ({billed})",
    ],
)
def test_what_is_billed_stays_as_it_is(shadows: LivingDairy, sql: Sql, statement: str) -> None:
    billed = "SELECT o.id FROM public.orders o JOIN public.invoices i ON i.id = o.invoice_id WHERE i.status = 'issued'"
    with pytest.raises(psycopg2.errors.CheckViolation):
        sql(statement.format(billed=billed))


def test_what_changes_is_recorded(shadows: LivingDairy, sql: Sql) -> None:
    before = sql("SELECT count(*) FROM public.audit_log")[0][0]
    sql("UPDATE public.customers SET notes = 'moved'")
    sql("DELETE FROM public.credit_notes WHERE false")
    changed = sql("SELECT count(*) FROM public.customers")[0][0]
    assert sql("SELECT count(*) FROM public.audit_log") == [(before + changed,)]
    assert sql("SELECT count(*) FROM pg_temp.audit_log") == [(0,)]


def test_a_round_and_a_balance_are_those_of_the_dairy(shadows: LivingDairy, sql: Sql) -> None:
    customer = ok(shadows.admin.get("/customers", limit=1))["items"][0]["id"]
    assert sql("SELECT * FROM open_items(NULL, '2026-11-01')") != []
    sql("SELECT open_drafts(ARRAY[%s::uuid], ARRAY['2027-01-05'::date])", customer)
    assert sql("SELECT draft_for(%s, '2027-01-05') IS NOT NULL", customer) == [(True,)]
    assert sql("SELECT count(*) FROM pg_temp.invoices") == [(0,)]
