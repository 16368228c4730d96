"""A wrong invoice is voided and issued anew, never edited."""

from typing import Any

from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused


def issued(living: LivingDairy) -> Any:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    return living.invoices()[0]


def void(living: LivingDairy, paper: Any, reason: str = "wrong price list") -> Any:
    return living.admin.post(f"/invoices/{paper['id']}/void", {"reason": reason})


def test_void_and_reissue(living: LivingDairy) -> None:
    paper = issued(living)
    before = living.invoice(paper["id"])
    answer = ok(void(living, paper))
    assert (answer["number"], answer["status"]) == ("INV/2627/0000001", "void")
    after = living.invoice(paper["id"])
    kept = ("number", "total", "lines", "document_hash", "invoice_date")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (after["void_reason"], after["balance_due"], after["deliveries"]) == ("wrong price list", "0.00", [])
    fresh = living.invoice(answer["replaced_by"])
    assert (fresh["status"], fresh["period_start"], fresh["total"]) == ("draft", "2026-10-01", "60.00")
    assert living.bill("2026-10")["invoices_issued"] == 1
    again = living.invoice(answer["replaced_by"])
    assert (again["number"], again["total"], again["previous_balance"]) == ("INV/2627/0000002", "60.00", "0.00")


def test_only_an_issued_invoice_can_be_voided(living: LivingDairy) -> None:
    paper = issued(living)
    draft = ok(void(living, paper))["replaced_by"]
    refused(void(living, paper), 409, "illegal_transition")
    refused(void(living, {"id": draft}), 409, "illegal_transition")
    assert living.bill("2026-10")["invoices_issued"] == 1
    ok(void(living, {"id": draft}))


def test_after_the_books_are_closed_nothing_is_voided(living: LivingDairy) -> None:
    paper = issued(living)
    ok(living.admin.patch("/settings", {"books_closed_through": "2026-10-31"}))
    refused(void(living, paper), 409, "period_closed")
    assert living.invoice(paper["id"])["status"] == "issued"
    ok(living.admin.patch("/settings", {"books_closed_through": "2026-10-30"}))
    ok(void(living, paper))


def test_a_reason_is_needed(living: LivingDairy) -> None:
    paper = issued(living)
    for body in ({}, {"reason": ""}, {"reason": "x"}, {"reason": 7}):
        refused(living.admin.post(f"/invoices/{paper['id']}/void", body), 422, "validation_failed")
    assert living.invoice(paper["id"])["status"] == "issued"
    ok(void(living, paper))


def test_customers_see_their_numbered_papers_and_nobody_elses(living: LivingDairy) -> None:
    milk = living.product("60.00")
    asha, her = living.customer_login()
    ravi, his = living.customer_login()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(ravi, (milk, "2"), on="2026-10-06")
    draft = living.invoices(customer_id=asha["id"])[0]
    refused(her.get(f"/invoices/{draft['id']}"), 404, "invoice_not_found")
    assert ok(her.get("/invoices"))["items"] == []
    living.go_to("2026-11-01")
    living.bill("2026-10")
    assert [paper["customer_id"] for paper in ok(her.get("/invoices"))["items"]] == [asha["id"]]
    assert ok(her.get("/invoices", customer_id=ravi["id"]))["items"] == []
    assert ok(her.get(f"/invoices/{draft['id']}"))["total"] == "60.00"
    refused(his.get(f"/invoices/{draft['id']}"), 404, "invoice_not_found")
    refused(her.post(f"/invoices/{draft['id']}/void", {"reason": "too much"}), 403, "forbidden")
