"""After a month's return is filed its papers are corrected by credit note, and nothing new is dated into it."""

from typing import Any

import psycopg2
import pytest

from dairy_app.invoices.models import ISSUED_COLUMNS
from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused


def issued(living: LivingDairy, month: str = "2026-10", on: str = "2026-11-01") -> Any:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on=f"{month}-05")
    living.go_to(on)
    living.bill(month, confirm=True)
    return living.invoices(customer_id=asha["id"])[0]


def void(living: LivingDairy, paper: Any, by: Any = None, **fields: Any) -> Any:
    return (by or living.admin).post(f"/invoices/{paper['id']}/void", {"reason": "wrong price list"} | fields)


def test_a_paper_can_be_voided_until_the_month_after_the_next_begins(living: LivingDairy) -> None:
    october = issued(living)
    living.go_to("2026-12-01")
    assert "credit note" in refused(void(living, october), 409, "return_filed")["detail"]
    living.go_to("2026-11-30")
    ok(void(living, october))


def test_the_setting_says_when_a_return_was_filed(living: LivingDairy) -> None:
    october = issued(living)
    ok(living.admin.patch("/settings", {"returns_filed_through": "2026-10-31"}))
    refused(void(living, october), 409, "return_filed")
    ok(living.admin.patch("/settings", {"returns_filed_through": "2026-09-30"}))
    living.go_to("2027-03-01")
    ok(void(living, october))
    for day in ("2027-03-01", "2027-12-31"):
        problem = refused(living.admin.patch("/settings", {"returns_filed_through": day}), 422, "validation_failed")
        assert problem["errors"][0]["pointer"] == "/returns_filed_through"


def test_an_admin_may_all_the_same_and_it_is_told(living: LivingDairy, sql: Any) -> None:
    living.seller(gstin="27AAPFU0939F1ZV")
    october = issued(living)
    living.go_to("2026-12-05")
    refused(void(living, october, living.staff("accountant"), after_return=True), 403, "forbidden")
    fresh = ok(void(living, october, after_return=True))["replaced_by"]
    for path, query in (("invoice-register", {}), ("gstr1", {})):
        manifest = ok(living.admin.get(f"/exports/{path}.manifest.json", period="2026-10", **query))
        (told,) = manifest["voided_after_return"]
        assert (told["number"], told["reason"], told["voided_by"]) == (
            october["number"], "wrong price list", "Asha Admin",
        )  # fmt: skip
    assert ok(living.admin.get("/exports/gstr1.manifest.json", period="2026-11"))["voided_after_return"] == []
    findings = living.admin.get("/exports/exceptions.csv", period="2026-10").get_data(as_text=True)
    assert "voided_after_return,2026-10-31,INV/2627/0000001" in findings
    ((after,),) = sql(
        "SELECT after FROM audit_log WHERE table_name = 'invoices' AND row_id = %s AND after ->> 'status' = 'void'",
        october["id"],
    )
    assert (after["voided_after_return"], after["void_reason"]) == (True, "wrong price list")
    # The reissue is of today, due later, and says that its goods came earlier.
    assert living.bill("2026-10", confirm=True)["prior_period_orders"] == 1
    again = living.invoice(fresh)
    assert (again["invoice_date"], again["due_date"], again["period_end"]) == ("2026-12-05", "2026-12-15", "2026-10-31")
    assert [line["prior_period"] for line in again["lines"]] == [True]


def test_one_that_need_not_say_so_is_no_exception(living: LivingDairy) -> None:
    october = issued(living)
    ok(void(living, october, after_return=True))
    assert ok(living.admin.get("/exports/gstr1.manifest.json", period="2026-10"))["voided_after_return"] == []


def test_a_late_paper_is_dated_today_and_after_those_in_time(living: LivingDairy) -> None:
    """On 3 December October is filed and November is not: its bills keep their date, whatever else is issued."""
    milk, asha, ravi = living.product("60.00"), living.customer(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(asha, (milk, "1"), on="2026-11-05")
    living.delivered(ravi, (milk, "1"), on="2026-11-06")
    living.go_to("2026-12-03")
    preview = living.preview("2026-11")
    run = living.bill("2026-11", confirm=True)
    assert (run["invoices_issued"], run["prior_period_orders"]) == (3, 1)
    papers = [living.invoice(paper["id"]) for paper in living.invoices()]
    found = sorted((p["number"], p["period_end"], p["invoice_date"], p["previous_balance"]) for p in papers)
    assert found == [
        ("INV/2627/0000001", "2026-11-30", "2026-11-30", "0.00"),
        ("INV/2627/0000002", "2026-11-30", "2026-11-30", "0.00"),
        ("INV/2627/0000003", "2026-10-31", "2026-12-03", "60.00"),
    ]
    previewed = {(row["customer_id"], row["period_end"]): row["previous_balance"] for row in preview["items"]}
    assert previewed == {(p["customer_id"], p["period_end"]): p["previous_balance"] for p in papers}


def test_who_bills_a_late_month_first_is_warned(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(asha, (milk, "1"), on="2026-11-05")
    living.delivered(asha, (milk, "1"), on="2026-12-02")
    living.go_to("2026-12-03")
    (warning,) = living.preview("2026-10")["warnings"]
    assert warning["code"] == "period_unbilled"
    assert warning["detail"].startswith("2026-11 is not billed yet."), "December still runs"
    assert living.preview("2026-11")["warnings"] == []
    living.bill("2026-11", confirm=True)
    assert living.preview("2026-10")["warnings"] == []


def test_untaxed_goods_without_a_code_are_named_before_they_are_billed(living: LivingDairy) -> None:
    asha, milk = living.customer(), living.product("60.00", name="Buffalo milk", hsn_code=None, tax_class="milk_fresh")
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    assert living.preview("2026-10")["warnings"] == [], "who is not registered files nothing"
    living.seller(gstin="27AAPFU0939F1ZV")
    preview = living.preview("2026-10")
    warning, changed = preview["warnings"]
    assert (warning["code"], preview["totals"]["invoices"]) == ("hsn_needed_for_return", 1)
    assert changed["code"] == "gst_scheme_changed", "it came before the dairy was registered"
    assert warning["detail"].endswith("an HSN code of each: Buffalo milk.")
    ok(living.admin.patch(f"/products/{milk['id']}", {"hsn_code": "0401"}))
    assert [each["code"] for each in living.preview("2026-10")["warnings"]] == ["gst_scheme_changed"]


def test_never_into_a_past_financial_year(living: LivingDairy) -> None:
    """March is billed in April with its own date; in May even who files late dates it in May."""
    ok(living.admin.patch("/settings", {"returns_filed_through": "2026-08-31"}))
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2027-03-05")
    draft = living.invoices()[0]["id"]
    living.go_to("2027-04-30")
    assert living.invoice(draft)["invoice_date"] == "2027-03-31"
    living.go_to("2027-05-01")
    assert living.invoice(draft)["invoice_date"] == "2027-05-01"
    living.bill("2027-03")
    assert living.invoice(draft)["number"] == "INV/2728/0000001"


def test_a_credit_note_is_not_dated_into_a_filed_month(living: LivingDairy) -> None:
    october = issued(living)
    living.go_to("2026-12-05")
    asked = {"invoice_id": october["id"], "reason": "sour milk", "note_date": "2026-10-31"}
    refused(living.admin.post("/credit-notes", asked), 409, "return_filed")
    note = ok(living.admin.post("/credit-notes", asked | {"note_date": "2026-11-01"}), 201)
    assert note["note_date"] == "2026-11-01"


@pytest.mark.parametrize("day", ["2026-10-31", "2026-11-30"])
def test_the_database_dates_no_paper_into_a_filed_month(living: LivingDairy, sql: Any, day: str) -> None:
    """The day of issue decides, also for whoever goes round the service."""
    issued(living)
    sql("CREATE TEMPORARY TABLE kept AS SELECT * FROM invoices")
    sql("SET session_replication_role = replica")
    sql(f"UPDATE invoices SET status = 'draft', ({ISSUED_COLUMNS}) = ({', '.join(['NULL'] * 20)})")
    sql("SET session_replication_role = origin")
    sql("UPDATE kept SET invoice_date = %s, due_date = '2026-12-15', issued_at = '2026-12-05'", day)
    issue = f"UPDATE invoices SET status = 'issued', ({ISSUED_COLUMNS}) = (SELECT {ISSUED_COLUMNS} FROM kept)"
    if day < "2026-11":
        with pytest.raises(psycopg2.IntegrityError) as refusal:
            sql(issue)
        assert refusal.value.diag.constraint_name == "tr_invoices_dated_after_return"
    else:
        sql(issue)
