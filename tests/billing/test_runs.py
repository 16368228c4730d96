"""A run issues what is due, once, whatever happens to it."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from dairy_app.billing.bulk import issuing as bulk
from dairy_app.billing.queries import runs as queries
from dairy_app.billing.rules.runs import SKIP_DETAILS
from dairy_app.billing.service import runs as service
from dairy_app.billing.service.runs import RunRequest
from dairy_app.database.transactions import Database
from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused


def test_a_run_issues_what_its_preview_showed(living: LivingDairy) -> None:
    milk, ghee = living.product("60.00"), living.product("713.35", unit="kg", hsn_code="0405")
    asha, ravi = living.customer(), living.customer()
    living.delivered(asha, (milk, "1.5"), (ghee, "0.25"), on="2026-10-02")
    living.delivered(asha, (milk, "1.5"), on="2026-10-05")
    living.delivered(ravi, (milk, "0.333"), on="2026-10-31")
    living.go_to("2026-11-01")
    preview = living.preview("2026-10")
    assert living.preview("2026-10") == preview, "looking changes nothing"
    run = living.bill("2026-10")
    assert (run["status"], run["invoices_issued"], run["orders_billed"], run["skipped"]) == ("completed", 2, 3, [])
    assert (run["total"], run["one_time_amount"]) == (preview["totals"]["total"], preview["totals"]["one_time_amount"])
    shown = {item["invoice_id"]: (item["total"], item["taxable"], item["tax"]) for item in preview["items"]}
    issued = [living.invoice(paper["id"]) for paper in living.invoices(status="issued")]
    assert {
        paper["id"]: (
            paper["total"],
            paper["taxable_value"],
            f"{sum(Decimal(paper[tax]) for tax in ('cgst', 'sgst', 'igst')):.2f}",
        )
        for paper in issued
    } == shown
    mine = next(paper for paper in issued if paper["customer_id"] == asha["id"])
    # 3 litres × 60 + 0.25 kg × 713.35 = 180.00 + 178.34 = 358.34 → 358 with −0.34
    assert (mine["total"], mine["round_off"], mine["document_type"]) == ("358.00", "-0.34", "invoice")
    assert [(line["quantity"], line["line_total"]) for line in mine["lines"]] == [
        ("3.000", "180.00"),
        ("0.250", "178.34"),
    ]
    assert [row["date"] for row in mine["deliveries"]] == ["2026-10-02", "2026-10-02", "2026-10-05"]


def test_asking_again_issues_nothing_new(living: LivingDairy) -> None:
    milk, asha = living.product(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-02")
    living.go_to("2026-11-01")
    first, second = living.bill("2026-10"), living.bill("2026-10")
    assert (first["invoices_issued"], second["invoices_issued"], second["status"]) == (1, 0, "completed")
    assert [paper["number"] for paper in living.invoices()] == ["INV/2627/0000001"]


def test_the_same_idempotency_key_is_the_same_run(living: LivingDairy) -> None:
    milk, asha = living.product(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-02")
    living.go_to("2026-11-01")
    key = {"Idempotency-Key": "month's end"}
    first = ok(living.admin.post("/billing/runs", {"period": "2026-10"}, headers=key))
    again = ok(living.admin.post("/billing/runs", {"period": "2026-10"}, headers=key))
    assert (again["id"], again["invoices_issued"]) == (first["id"], 1)


def test_a_key_is_for_one_month(living: LivingDairy) -> None:
    milk, asha = living.product(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-02")
    living.go_to("2026-11-01")
    key = {"Idempotency-Key": "one key"}
    ok(living.admin.post("/billing/runs", {"period": "2026-10"}, headers=key))
    other = living.admin.post("/billing/runs", {"period": "2026-09"}, headers=key)
    refused(other, 422, "idempotency_key_reused")


def test_a_key_is_for_the_same_customers(living: LivingDairy) -> None:
    milk, asha, ravi = living.product(), living.customer(), living.customer()
    for customer in (asha, ravi):
        living.delivered(customer, (milk, "1"), on="2026-10-02")
    living.go_to("2026-11-01")
    key, both = {"Idempotency-Key": "two of them"}, [asha["id"], ravi["id"]]
    first = ok(living.admin.post("/billing/runs", {"period": "2026-10", "customer_ids": both}, headers=key))
    turned = {"period": "2026-10", "customer_ids": both[::-1]}
    assert ok(living.admin.post("/billing/runs", turned, headers=key))["id"] == first["id"]
    for others in ({"customer_ids": both[:1]}, {}):
        answer = living.admin.post("/billing/runs", {"period": "2026-10"} | others, headers=key)
        refused(answer, 422, "idempotency_key_reused")


def test_the_key_of_a_run_that_was_killed_takes_it_up_again(living: LivingDairy, sql: Any) -> None:
    fill(living, 4)
    key = {"Idempotency-Key": "interrupted"}
    asked = RunRequest("2026-10", idempotency_key=f"{living.admin.user['id']}:interrupted")
    database = living.app.database
    run = database.run(lambda session: service.start_run(session, asked, None)).run
    waiting = living.admin.post("/billing/runs", {"period": "2026-10"}, headers=key)
    assert (ok(waiting, 202)["status"], numbers(sql)) == ("running", []), "somebody may still be at it"
    assert waiting.headers["Retry-After"] == "5"
    sql("UPDATE billing_runs SET heartbeat_at = heartbeat_at - interval '3 minutes'")
    assert ok(living.admin.get(f"/billing/runs/{run.id}"))["status"] == "interrupted", "silent for too long"
    done = ok(living.admin.post("/billing/runs", {"period": "2026-10"}, headers=key), 201)
    assert (done["id"], done["status"], done["invoices_issued"]) == (str(run.id), "completed", 4)


def test_a_run_that_was_killed_is_interrupted_wherever_it_is_read(living: LivingDairy, sql: Any) -> None:
    """It is not while somebody holds it, however long a chunk takes."""
    fill(living, 2)
    database = living.app.database
    run = database.run(lambda session: service.start_run(session, RunRequest("2026-10"), None)).run
    sql("UPDATE billing_runs SET heartbeat_at = heartbeat_at - interval '3 minutes'")

    def read() -> set[tuple[str, str | None]]:
        one, (listed,) = ok(living.admin.get(f"/billing/runs/{run.id}")), ok(living.admin.get("/billing/runs"))["items"]
        return {(one["status"], one["error"]), (listed["status"], listed["error"])}

    def reported() -> int:
        reports = ok(living.admin.get("/monitoring/consistency"))["reports"]
        return int(next(each["count"] for each in reports if each["name"] == "billing_runs_broken_off"))

    with database.transaction() as session:
        queries.hold_run(session, run.id)
        assert (read(), reported()) == ({("running", None)}, 0)
    assert (read(), reported()) == ({("interrupted", service.INTERRUPTED)}, 1)
    later = ok(living.admin.post("/billing/runs", {"period": "2026-10"}), 201)
    assert (later["status"], later["invoices_issued"]) == ("completed", 2)
    assert ok(living.admin.get(f"/billing/runs/{run.id}"))["status"] == "interrupted"
    assert reported() == 0


def test_only_what_was_delivered_is_billed(living: LivingDairy) -> None:
    milk, asha = living.product("50.00"), living.customer()
    living.go_to("2026-10-05")
    partly, refused_at_door = living.order(asha, (milk, "3")), living.order(asha, (milk, "7"), shift="evening")
    living.order(asha, (milk, "9"), on="2026-10-06")
    ok(living.confirm(partly, items=[{"product_id": milk["id"], "delivered_quantity": "2.5"}]))
    ok(living.confirm(refused_at_door, status="not_delivered", reason_code="door_locked"))
    living.go_to("2026-11-01")
    run = living.bill("2026-10")
    assert (run["orders_billed"], run["total"]) == (1, "125.00")


def test_a_month_without_deliveries_bills_nothing(living: LivingDairy) -> None:
    living.customer()
    living.go_to("2026-11-01")
    run = living.bill("2026-10")
    assert (run["invoices_issued"], run["total"], living.invoices()) == (0, "0.00", [])


def test_a_running_month_is_refused_unless_cut(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-03")
    living.delivered(asha, (milk, "2"), on="2026-10-12")
    living.go_to("2026-10-15")
    refused(living.admin.post("/billing/runs", {"period": "2026-10"}), 409, "period_not_ended")
    run = living.bill("2026-10", through="2026-10-10")
    assert (run["invoices_issued"], run["total"]) == (1, "60.00")
    assert sorted((p["status"], p["period_start"], p["period_end"]) for p in living.invoices()) == [
        ("draft", "2026-10-11", "2026-10-31"),
        ("issued", "2026-10-01", "2026-10-10"),
    ]
    living.go_to("2026-11-01")
    assert living.bill("2026-10")["total"] == "120.00"


@pytest.mark.parametrize("through", ["2026-09-30", "2026-11-01", "2026-10-16"])
def test_a_cut_lies_in_the_month_and_has_come(living: LivingDairy, through: str) -> None:
    milk, asha = living.product(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-03")
    living.go_to("2026-10-15")
    refused(living.admin.post("/billing/runs", {"period": "2026-10", "through": through}), 422, "validation_failed")
    assert [paper["status"] for paper in living.invoices()] == ["draft"]
    assert living.bill("2026-10", through="2026-10-15")["invoices_issued"] == 1


def test_a_late_confirmation_joins_the_next_draft_and_says_so(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-10-31")
    late = living.order(asha, (milk, "2"), on="2026-10-31")
    living.go_to("2026-11-01")
    assert living.bill("2026-10")["total"] == "60.00"
    ok(living.confirm(late, delivery_date="2026-10-31", delivered_at="2026-10-31T06:00:00+05:30"))
    draft = living.invoices(status="draft")[0]
    assert (draft["period_start"], draft["period_end"]) == ("2026-11-01", "2026-11-30")
    living.go_to("2026-12-01")
    run = living.bill("2026-11", confirm=True)
    assert (run["prior_period_orders"], run["total"]) == (1, "120.00")
    line = living.invoice(draft["id"])["lines"][0]
    assert (line["prior_period"], line["first_date"]) == (True, "2026-10-31")


def file_late(living: LivingDairy) -> None:
    """October's return is not filed yet in December."""
    ok(living.admin.patch("/settings", {"returns_filed_through": "2026-09-30"}))


def test_numbers_follow_the_financial_year(living: LivingDairy) -> None:
    milk, asha = living.product(), living.customer()
    for month, made in (("2027-02", "2027-03-01"), ("2027-03", "2027-04-02"), ("2027-04", "2027-05-01")):
        living.delivered(asha, (milk, "1"), on=f"{month}-10")
        living.go_to(made)
        living.bill(month, confirm=True)
    assert sorted((p["invoice_date"], p["number"]) for p in living.invoices()) == [
        ("2027-02-28", "INV/2627/0000001"),
        ("2027-03-31", "INV/2627/0000002"),
        ("2027-04-30", "INV/2728/0000001"),
    ]


def test_an_invoice_is_never_dated_before_the_last_of_its_series(living: LivingDairy) -> None:
    milk, asha, ravi = living.product(), living.customer(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(ravi, (milk, "1"), on="2026-11-05")
    living.go_to("2026-12-01")
    file_late(living)
    assert living.bill("2026-11", customer_ids=[ravi["id"]])["invoices_issued"] == 1
    living.bill("2026-10", confirm=True)
    assert sorted((p["number"], p["invoice_date"]) for p in living.invoices()) == [
        ("INV/2627/0000001", "2026-11-30"),
        ("INV/2627/0000002", "2026-11-30"),
    ]


def test_previous_balance_carries_over(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(asha, (milk, "2"), on="2026-11-05")
    living.go_to("2026-12-01")
    file_late(living)
    assert living.bill("2026-11", confirm=True)["invoices_issued"] == 2
    assert sorted((p["period_end"], living.invoice(p["id"])["previous_balance"]) for p in living.invoices()) == [
        ("2026-10-31", "0.00"),
        ("2026-11-30", "60.00"),
    ]


@pytest.mark.parametrize(
    ("obstacle", "code"),
    [
        ({"settings": {"business_name": None}}, "missing_seller"),
        ({"settings": {"books_closed_through": "2026-10-31"}}, "period_closed"),
        ({"price": "0.00"}, "zero_price"),
        ({"seller": {"gstin": "27AAPFU0939F1ZV"}, "hsn": None}, "missing_tax_rate"),
    ],
)
def test_what_cannot_be_issued_is_named_and_blocks_nobody(
    living: LivingDairy, obstacle: dict[str, Any], code: str
) -> None:
    living.seller(**obstacle.get("seller", {}))
    bad = living.product(obstacle.get("price", "60.00"), hsn_code=obstacle.get("hsn", "0401"))
    asha = living.customer()
    living.delivered(asha, (bad, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    if "settings" in obstacle:
        ok(living.admin.patch("/settings", obstacle["settings"]))
    preview, run = living.preview("2026-10"), living.bill("2026-10")
    assert [(s["customer_id"], s["code"]) for s in run["skipped"]] == [(asha["id"], code)]
    assert run["skipped"][0]["detail"] == preview["warnings"][0]["detail"] == SKIP_DETAILS[code]
    assert [(w["customer_id"], w["code"]) for w in preview["warnings"]] == [(asha["id"], code)]
    assert (run["invoices_issued"], run["total"], preview["totals"]["total"]) == (0, "0.00", "0.00")
    assert [paper["status"] for paper in living.invoices()] == ["draft"], "nothing is lost"
    other, milk = living.customer(), living.product(hsn_code="0401")
    if "settings" not in obstacle:
        living.delivered(other, (milk, "1"), on="2026-11-02")
        living.go_to("2026-12-01")
        assert living.bill("2026-11", confirm=True)["invoices_issued"] == 1


def test_an_unusual_total_asks_first(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "10"), on="2026-10-05")
    living.delivered(asha, (milk, "100"), on="2026-11-05")
    living.go_to("2026-12-01")
    file_late(living)
    living.bill("2026-10")
    problem = refused(living.admin.post("/billing/runs", {"period": "2026-11"}), 409, "unusual_total")
    assert (problem["total"], problem["previous_total"]) == ("6000.00", "600.00")
    assert living.bill("2026-11", confirm=True)["invoices_issued"] == 1


@pytest.mark.parametrize("quantity", ["15", "5"])
def test_exactly_as_far_from_the_month_before_as_the_setting_allows_is_not_unusual(
    living: LivingDairy, quantity: str
) -> None:
    milk, asha = living.product("60.00"), living.customer()
    ok(living.admin.patch("/settings", {"unusual_total_percent": "50"}))
    living.delivered(asha, (milk, "10"), on="2026-10-05")
    living.delivered(asha, (milk, quantity), on="2026-11-05")
    living.go_to("2026-12-01")
    file_late(living)
    living.bill("2026-10")
    assert living.bill("2026-11")["invoices_issued"] == 1


def test_what_a_month_has_issued_counts_when_its_rest_is_judged(living: LivingDairy) -> None:
    milk, asha, bela = living.product("60.00"), living.customer(), living.customer()
    living.delivered(asha, (milk, "10"), on="2026-10-05")
    for customer, quantity in ((asha, "10"), (bela, "1")):
        living.delivered(customer, (milk, quantity), on="2026-11-05")
    living.go_to("2026-12-01")
    file_late(living)
    living.bill("2026-10")
    living.bill("2026-11", customer_ids=[asha["id"]])
    rest = living.bill("2026-11")
    assert (rest["invoices_issued"], rest["total"]) == (1, "60.00"), "with Asha's 600 the month is as usual"


def test_a_dry_run_writes_nothing(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    run = living.bill("2026-10", dry_run=True)
    assert (run["dry_run"], run["id"], run["invoices_issued"], run["total"]) == (True, None, 1, "60.00")
    assert ok(living.admin.get("/billing/runs"))["items"] == []
    assert [paper["status"] for paper in living.invoices()] == ["draft"]


def test_a_dry_run_is_refused_as_the_run_is(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    for dry in (False, True):
        asked = {"period": "2026-10", "dry_run": dry}
        refused(living.admin.post("/billing/runs", asked), 409, "period_not_ended")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    living.delivered(asha, (milk, "2"), on="2026-11-05")
    living.go_to("2026-12-01")
    problems = [
        refused(living.admin.post("/billing/runs", {"period": "2026-11", "dry_run": dry}), 409, "unusual_total")
        for dry in (False, True)
    ]
    assert [(each["detail"], each["total"]) for each in problems] == [(problems[0]["detail"], "120.00")] * 2
    assert living.bill("2026-11", dry_run=True, confirm=True)["total"] == "120.00"


def test_a_run_counts_customers_not_their_drafts(living: LivingDairy) -> None:
    """Asha has a draft of each of two months; she is done with the second one."""
    milk, asha, ravi = living.product("60.00"), living.customer(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(asha, (milk, "1"), on="2026-11-05")
    living.delivered(ravi, (milk, "1"), on="2026-11-05")
    living.go_to("2026-12-01")
    assert [living.bill("2026-11", dry_run=True)[name] for name in ("customers_total", "invoices_issued")] == [2, 3]
    database, asked = living.app.database, RunRequest("2026-11")
    seen: list[tuple[int, int]] = []
    run = database.run(lambda session: service.start_run(session, asked, None)).run
    service.carry_out(database, run.id, asked, None, lambda row: seen.append((row.customers_done, row.invoices_issued)))
    assert seen == [(1, 2), (2, 3), (2, 3)], "the late paper is the last one"
    done = ok(living.admin.get(f"/billing/runs/{run.id}"))
    assert (done["customers_total"], done["customers_done"], done["invoices_issued"]) == (2, 2, 3)


def fill(living: LivingDairy, customers: int) -> None:
    """So many customers with one delivery each in October, and a chunk of three customers."""
    milk = living.product("60.00")
    living.go_to("2026-10-05")
    for _ in range(customers):
        ok(living.confirm(living.order(living.customer(), (milk, "1"))))
    ok(living.admin.patch("/settings", {"billing_chunk": 3}))
    living.go_to("2026-11-01")


def numbers(sql: Any) -> list[int]:
    return [row[0] for row in sql("SELECT sequence_no FROM invoices WHERE number IS NOT NULL ORDER BY 1")]


class Crash(Exception):
    """What pulls the plug."""


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_run_cut_short_is_completed_by_the_next(
    living: LivingDairy, sql: Any, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    fill(living, 8)
    database, asked = living.app.database, RunRequest("2026-10")
    done = 0
    issue = bulk.issue_drafts

    def issue_then_crash(*args: Any, **kwargs: Any) -> bulk.Issued:
        nonlocal done
        issued = issue(*args, **kwargs)
        if done == chunks:
            raise Crash
        done += 1
        return issued

    run = database.run(lambda session: service.start_run(session, asked, None)).run
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "issue_drafts", issue_then_crash)
        with pytest.raises(Crash):
            service.carry_out(database, run.id, asked, None)
    assert numbers(sql) == list(range(1, 3 * chunks + 1)), "finished chunks stay, the broken one left nothing"
    assert sql("SELECT status, error FROM billing_runs") == [("failed", "Crash")]
    assert living.bill("2026-10")["invoices_issued"] == 8 - 3 * chunks
    assert numbers(sql) == list(range(1, 9))


def test_runs_at_once_issue_each_customer_once_without_a_gap(living: LivingDairy, sql: Any) -> None:
    fill(living, 17)
    database = Database(living.app.database.url, pool_size=8)

    def run(_: int) -> int:
        asked = RunRequest("2026-10", confirm=True)
        row = database.run(lambda session: service.start_run(session, asked, None)).run
        return service.carry_out(database, row.id, asked, None).invoices_issued

    with ThreadPoolExecutor(8) as pool:
        issued = list(pool.map(run, range(8)))
    database.dispose()
    assert sum(issued) == 17
    assert numbers(sql) == list(range(1, 18))
    assert sql("SELECT count(*) FROM orders o JOIN invoices i ON i.id = o.invoice_id WHERE i.status = 'issued'") == [
        (17,)
    ]


def test_the_chain_of_hashes_has_no_loose_end(living: LivingDairy, sql: Any) -> None:
    fill(living, 7)
    living.bill("2026-10")
    chain = sql("SELECT previous_hash, document_hash FROM invoices ORDER BY sequence_no")
    assert [before for before, _ in chain] == ["0" * 64, *(own for _, own in chain[:-1])]
    assert sql("SELECT last_hash, next_no FROM number_series") == [(chain[-1][1], 8)]
    assert len({own for _, own in chain}) == 7
