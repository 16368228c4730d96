"""The figures count what happened, and Prometheus reads the same ones with its token."""

from dataclasses import replace
from typing import Any

import pytest

from dairy_app.monitoring.queries import consistency, stats
from dairy_app.settings import Settings, SettingsError
from dairy_app.web.http import DairyFlask
from tests.billing.conftest import LivingDairy
from tests.conftest import Kept
from tests.dairy import ok, refused
from tests.statements import count_statements

TOKEN = "a token of the test suite"


def figures(living: LivingDairy) -> Any:
    return ok(living.admin.get("/monitoring/stats"))


def test_the_figures_of_a_day(filled: LivingDairy) -> None:
    assert figures(filled) == {
        "date": "2026-11-01",
        "orders_today": 2,
        "orders_today_by_status": {"delivered": 1, "pending": 1},
        "confirmations_today": 1,
        "late_confirmations": 0,
        "drafts": 1,
        "draft_orders": 1,
        "drafts_value": "120.00",
        "unbilled_oldest_days": 0,
        "one_time_papers": 1,
        "one_time_amount": "180.00",
        "orphans": 0,
        "orders_pending_long": 0,
        "failed_logins_last_hour": 0,
        "archiving_fails": None,
        "wal_segments_waiting": None,
    }


def test_what_went_wrong_is_counted(filled: LivingDairy, sql: Any) -> None:
    late = filled.order(filled.customer(), (filled.product(), "1"))
    filled.go_to("2026-11-02")
    ok(filled.confirm(late, delivered_at="2026-11-01T07:00:00+05:30"))
    refused(
        filled.nobody.post("/auth/login", {"email": "admin@dairy.example", "password": "no no no"}),
        401,
        "bad_credentials",
    )
    sql("SET session_replication_role = replica")
    sql("DELETE FROM orders WHERE id = %s", late["id"])
    now = figures(filled)
    assert (now["late_confirmations"], now["orphans"], now["failed_logins_last_hour"]) == (1, 1, 1)
    assert (now["confirmations_today"], now["unbilled_oldest_days"]) == (1, 1)
    filled.go_to("2026-11-09")
    assert figures(filled)["orders_pending_long"] == 1
    assert consistency.PENDING_DAYS == 7


def test_the_figures_cost_the_same_at_any_size(filled: LivingDairy, app: DairyFlask) -> None:
    with count_statements(app.database) as few:
        figures(filled)
    for _ in range(3):
        ok(filled.confirm(filled.order(filled.customer(), (filled.product(), "1"))))
    with count_statements(app.database) as more:
        figures(filled)
    assert len(few) == len(more)


def test_the_figures_read_the_invoices_of_a_month_only(filled: LivingDairy, app: DairyFlask, sql: Any) -> None:
    sql("SET session_replication_role = replica")
    sql("""
        INSERT INTO invoices (customer_id, period_start, period_end, status, document_type, series, financial_year,
            sequence_no, number, invoice_date, due_date, snapshot, taxable_value, exempt_value, cgst, sgst, igst,
            round_off, total, previous_balance, issued_at, document_hash, previous_hash, hash_version)
        SELECT i.customer_id, day, day, 'issued', 'invoice', 'T', '2425', n, 'T/' || n, day, day, '{}', 0, 0, 0, 0, 0,
            0, 0, 0, day, 'x', 'x', 1
        FROM (SELECT customer_id FROM invoices LIMIT 1) i, generate_series(1, 300) n,
            LATERAL (SELECT date '2024-01-01' + n AS day) d""")
    sql("SET session_replication_role = origin")
    sql("ANALYZE invoices")
    with count_statements(app.database) as sent:
        figures(filled)
    plan = sent.plan(app.database, "one_time AS", off=("seqscan", "bitmapscan"))
    assert "ix_invoices_issued" in plan, plan


def get_metrics(app: DairyFlask, token: str | None) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return app.test_client().get("/metrics", headers=headers)


def test_prometheus_reads_the_figures_with_its_token(
    filled: LivingDairy, settings: Settings, process: Kept, app: DairyFlask
) -> None:
    with_token = process.app(replace(settings, metrics_token=TOKEN), app.database)
    answer = get_metrics(with_token, TOKEN)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.get_data(as_text=True).splitlines()
    assert 'dairy_orders_today{status="pending"} 1' in lines
    assert "dairy_drafts_value_rupees 120.00" in lines
    named = {line.split()[0] for line in lines if line.startswith("dairy_") and "{" not in line}
    assert named == set(stats._METRICS) - {"dairy_archiving_fails", "dairy_wal_segments_waiting"}  # it does not archive
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == {*named, "dairy_orders_today"}
    for wrong in (None, "", "no", TOKEN + "x"):
        refused(get_metrics(with_token, wrong), 401, "not_authenticated")


def test_without_a_token_in_the_settings_nobody_reads_them(app: DairyFlask) -> None:
    for token in (None, "", TOKEN):
        refused(get_metrics(app, token), 404, "not_found")


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 16 characters"):
        Settings.from_environment({"DAIRY_METRICS_TOKEN": "guess"})
    assert Settings.from_environment({"DAIRY_METRICS_TOKEN": TOKEN}).metrics_token == TOKEN
