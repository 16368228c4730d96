"""A run up to a day: what it would issue, what it leaves alone, and whose dates."""

from typing import Any

from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused


def test_a_dry_run_up_to_a_day_counts_what_the_run_issues(living: LivingDairy) -> None:
    milk, asha, ravi = living.product("60.00"), living.customer(), living.customer()
    for on, customer in (("2026-10-03", asha), ("2026-10-12", asha), ("2026-10-13", ravi)):
        living.delivered(customer, (milk, "1"), on=on)
    later = {"customer_id": asha["id"], "kind": "charge", "description": "Can", "amount": "9.00", "reason": "A new can"}
    ok(living.admin.post("/adjustments", later | {"adjusted_on": "2026-10-12"}))
    living.go_to("2026-10-15")
    would, did = (living.bill("2026-10", through="2026-10-10", dry_run=dry) for dry in (True, False))
    counts = ("invoices_issued", "orders_billed", "one_time_orders_billed", "one_time_amount", "total")
    assert [would[name] for name in counts] == [did[name] for name in counts] == [1, 1, 1, "60.00", "60.00"]


def test_what_is_unusual_is_judged_up_to_the_day(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    for on, litres in (("2026-10-05", "10"), ("2026-11-05", "10"), ("2026-11-12", "100")):
        living.delivered(asha, (milk, litres), on=on)
    living.go_to("2026-11-15")
    living.bill("2026-10")
    asked = {"period": "2026-11", "through": "2026-11-12"}
    refused(living.admin.post("/billing/runs", asked), 409, "unusual_total")
    assert living.bill("2026-11", through="2026-11-05")["total"] == "600.00"


def test_periods_that_begin_after_the_day_wait(living: LivingDairy, sql: Any) -> None:
    milk, asha, ravi = living.product("60.00"), living.customer(), living.customer(billing_cycle="weekly")
    for on, customer in (("2026-10-03", asha), ("2026-10-09", ravi), ("2026-10-16", ravi)):
        living.delivered(customer, (milk, "1"), on=on)
    living.go_to("2026-10-25")
    assert living.bill("2026-10", through="2026-10-10", dry_run=True)["total"] == "120.00"
    assert living.bill("2026-10", through="2026-10-10")["invoices_issued"] == 2
    papers = "SELECT status, period_start::text, period_end::text, invoice_date::text FROM invoices ORDER BY 2, 3"
    assert sql(papers) == [
        ("issued", "2026-10-01", "2026-10-10", "2026-10-10"),
        ("issued", "2026-10-08", "2026-10-10", "2026-10-10"),
        ("draft", "2026-10-15", "2026-10-21", None),
    ]


def test_what_was_charged_up_to_the_day_leaves_no_empty_draft_behind(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-03")
    can = {"customer_id": asha["id"], "kind": "charge", "description": "Can", "amount": "9.00", "reason": "A new can"}
    ok(living.admin.post("/adjustments", can | {"adjusted_on": "2026-10-03"}), 201)
    living.go_to("2026-10-15")
    assert living.bill("2026-10", through="2026-10-10")["total"] == "69.00"
    assert [(paper["status"], paper["period_end"]) for paper in living.invoices()] == [("issued", "2026-10-10")]


def test_of_a_running_month_only_what_a_run_would_issue(living: LivingDairy) -> None:
    milk = living.product("60.00")
    weekly, monthly = living.customer(billing_cycle="weekly"), living.customer()
    for on in ("2026-10-05", "2026-10-09"):
        living.delivered(weekly, (milk, "2"), on=on)
        living.delivered(monthly, (milk, "1"), on=on)
    whole, due = (living.preview("2026-10", only_due=which) for which in ("false", "true"))
    assert [each["code"] for each in whole["warnings"]] == ["period_not_ended"]
    assert (whole["totals"]["invoices"], due["totals"]["invoices"], due["warnings"]) == (3, 1, [])
    assert [(each["period_end"], each["total"]) for each in due["items"]] == [("2026-10-07", "120.00")]
    assert living.bill("2026-10")["total"] == due["totals"]["total"]
