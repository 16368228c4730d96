"""The dairy's settings: read by the office, changed by the admin, judged together by the table's CHECKs."""

from datetime import UTC, date, datetime
from typing import Any

import psycopg2
import pytest
import time_machine

from dairy_app.business.queries import today
from tests.dairy import Dairy, ok, refused


def test_what_is_sent_changes_and_the_rest_stays(dairy: Dairy) -> None:
    before = ok(dairy.admin.get("/settings"))
    after = ok(dairy.admin.patch("/settings", {"business_name": "Gokul", "due_days": 15, "cutoff_evening": "21:00:00"}))
    assert after == before | {"business_name": "Gokul", "due_days": 15, "cutoff_evening": "21:00:00"}
    assert ok(dairy.admin.get("/settings")) == after


@pytest.mark.parametrize(
    "change",
    [
        {"time_zone": "Mars/Olympus"},
        {"due_days": -1},
        {"due_days": 5.5},
        {"invoice_series": "TOOLONG"},
        {"gstin": "27AAPFU0939F1ZV", "state_code": "29"},
        {"gstin": "27AAPFU0939F1ZX"},
        {"gstin": "nonsense"},
        {"gst_scheme": "composition"},
        {"gst_scheme": "regular"},
        {"gst_scheme": "sometimes"},
        {"gst_scheme": "none", "gstin": "27AAPFU0939F1ZV"},
        {"unusual_total_percent": "0"},
        {"unusual_total_percent": "1000.00"},
        {"delivery_window_days": 99},
        {"minimum_order_amount": "-1"},
        {"on_credit_limit": "stop"},
        {"books_closed_through": "yesterday"},
        {"nonsense": 1},
        {"business_name": "two\nlines"},
    ],
)
def test_nonsense_is_refused_and_nothing_changes(dairy: Dairy, change: dict[str, Any]) -> None:
    ok(dairy.admin.patch("/settings", {"business_name": "Gokul", "state_code": "27"}))
    before = ok(dairy.admin.get("/settings"))
    refused(dairy.admin.patch("/settings", {"business_name": "Changed"} | change), 422, "validation_failed")
    assert ok(dairy.admin.get("/settings")) == before
    assert ok(dairy.admin.patch("/settings", {"gstin": "27AAPFU0939F1ZV"}))["gstin"] == "27AAPFU0939F1ZV"


def test_an_accountant_reads_and_does_not_write(dairy: Dairy) -> None:
    accountant = dairy.staff("accountant")
    assert ok(accountant.get("/settings"))["time_zone"] == "Asia/Kolkata"
    refused(accountant.patch("/settings", {"due_days": 3}), 403, "forbidden")
    refused(dairy.staff("delivery_boy").get("/settings"), 403, "forbidden")


def test_today_is_the_dairys_own(dairy: Dairy) -> None:
    with time_machine.travel(datetime(2026, 10, 31, 18, 31, tzinfo=UTC)):
        with dairy.app.database.transaction() as session:
            assert today(session) == date(2026, 11, 1), "half past midnight in India"
        dairy.log_in_again()
        ok(dairy.admin.patch("/settings", {"time_zone": "Europe/London"}))
        with dairy.app.database.transaction() as session:
            assert today(session) == date(2026, 10, 31)


def test_there_is_one_row_of_settings(dairy: Dairy, sql: Any) -> None:
    for statement, name in (
        ("INSERT INTO settings DEFAULT VALUES", "pk_settings"),
        ("INSERT INTO settings (id) VALUES (false)", "ck_settings_one_row"),
        (
            "UPDATE settings SET minimum_order_amount = -0.01",
            "ck_settings_minimum_order_amount_not_negative",
        ),
        ("UPDATE settings SET on_credit_limit = 'stop'", "ck_settings_on_credit_limit_known"),
        ("UPDATE settings SET city = ''", "ck_settings_city_length"),
        ("UPDATE settings SET pincode = '041103'", "ck_settings_pincode_format"),
        ("UPDATE settings SET gst_scheme = 'sometimes', gstin = NULL", "ck_settings_gst_scheme_known"),
        ("UPDATE settings SET gst_scheme = 'composition', gstin = NULL", "ck_settings_gst_scheme_of_registered"),
        (
            "UPDATE settings SET gst_scheme = 'none', gstin = '27AAPFU0939F1ZV', state_code = '27'",
            "ck_settings_gst_scheme_of_registered",
        ),
        ("UPDATE settings SET gst_scheme_since = 'infinity'", "ck_settings_gst_scheme_since_finite"),
    ):
        with pytest.raises(psycopg2.IntegrityError) as refusal:
            sql(statement)
        assert refusal.value.diag.constraint_name == name


def test_the_scheme_follows_from_the_gstin_unless_it_is_named(dairy: Dairy) -> None:
    """Clients that know nothing of schemes go on as before: a GSTIN makes the dairy regular, none makes it none."""
    first, corrected = "27AAPFU0939F1ZV", "27AAACR5055K1Z7"
    for change, scheme in (
        ({"state_code": "27"}, "none"),
        ({"gstin": first}, "regular"),
        ({"gst_scheme": "composition"}, "composition"),
        ({"gstin": corrected}, "composition"),
        ({"due_days": 3}, "composition"),
        ({"gstin": None}, "none"),
        ({"gstin": first, "gst_scheme": "composition"}, "composition"),
        ({"gst_scheme": "regular"}, "regular"),
        ({"gst_scheme": "none", "gstin": None}, "none"),
    ):
        assert ok(dairy.admin.patch("/settings", change))["gst_scheme"] == scheme, change
    ok(dairy.admin.patch("/settings", {"gstin": first}))
    for change in ({"gst_scheme": "none"}, {"gst_scheme": "regular", "gstin": None}):
        problem = refused(dairy.admin.patch("/settings", change), 422, "validation_failed")
        assert [each["pointer"] for each in problem["errors"]] == ["/gst_scheme"]


def test_the_day_of_a_change_is_noted_once_the_dairy_may_bill(dairy: Dairy, sql: Any) -> None:
    """The first scheme of a dairy without a name is no change: it could bill nothing before."""
    ok(dairy.admin.patch("/settings", {"state_code": "27", "gstin": "27AAPFU0939F1ZV", "business_name": "Gokul"}))
    assert sql("SELECT gst_scheme_since FROM settings") == [(None,)]
    with time_machine.travel(datetime(2027, 3, 31, 18, 31, tzinfo=UTC)):
        dairy.log_in_again()
        ok(dairy.admin.patch("/settings", {"gst_scheme": "composition"}))
    with time_machine.travel(datetime(2027, 4, 9, 6, 0, tzinfo=UTC)):
        dairy.log_in_again()
        ok(dairy.admin.patch("/settings", {"gst_scheme": "composition", "due_days": 3}))
    assert sql("SELECT gst_scheme_since FROM settings") == [(date(2027, 4, 1),)], "in India April had begun"
