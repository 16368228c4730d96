"""Invoice numbers have no gap and no duplicate, whoever issues at once, and begin anew on 1 April."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.billing.conftest import LivingDairy
from tests.dairy import ok
from tests.races import at_once


def bill_each(living: LivingDairy, customers: list[Any], **fields: Any) -> None:
    """One run for each customer, all at once."""

    def bill(customer: Any) -> int:
        issued: int = living.bill("2027-03", customer_ids=[customer["id"]], confirm=True, **fields)["invoices_issued"]
        return issued

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(bill, customers)) == [1] * len(customers)


def test_eight_at_once_on_either_side_of_the_first_of_april(living: LivingDairy, sql: Any) -> None:
    milk = living.product("60.00")
    ok(living.admin.patch("/settings", {"invoice_date_rule": "run_date"}))
    living.go_to("2027-03-10")
    customers = [living.customer() for _ in range(16)]
    for customer in customers:
        ok(living.confirm(living.order(customer, (milk, "1"))))
    living.go_to("2027-03-31")
    bill_each(living, customers[:8], through="2027-03-31")
    living.go_to("2027-04-01")
    bill_each(living, customers[8:])
    rows = sql("SELECT invoice_date::text, number FROM invoices WHERE number IS NOT NULL ORDER BY 1, 2")
    assert rows == [
        *(("2027-03-31", f"INV/2627/{no:07}") for no in range(1, 9)),
        *(("2027-04-01", f"INV/2728/{no:07}") for no in range(1, 9)),
    ]
    chain = "SELECT previous_hash, document_hash FROM invoices WHERE financial_year = %s ORDER BY sequence_no"
    for year in ("2627", "2728"):
        links = sql(chain, year)
        assert [before for before, _ in links] == ["0" * 64, *(own for _, own in links[:-1])]


def test_taxed_goods_without_hsn_are_not_billed(living: LivingDairy) -> None:
    """CGST Rules r. 46 (g): a tax invoice names the HSN code."""
    living.seller(gstin="27AAPFU0939F1ZV")
    cheese = living.product("105.00", hsn_code=None, tax_class="cheese", unit="kg")
    living.delivered(living.customer(), (cheese, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    assert [skipped["code"] for skipped in living.bill("2026-10")["skipped"]] == ["missing_hsn"]
    ok(living.admin.patch(f"/products/{cheese['id']}", {"hsn_code": "0406"}))
    assert living.bill("2026-10")["invoices_issued"] == 1


def test_dates_never_go_back_though_two_runs_meet(living: LivingDairy, database_url: str, sql: Any) -> None:
    """CGST Rules r. 46 (b). The run that bills the earlier days comes to the numbers last."""
    milk, asha, ravi = living.product("60.00"), living.customer(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.delivered(ravi, (milk, "1"), on="2026-11-05")
    living.go_to("2026-11-10")
    sql("INSERT INTO number_series (series, financial_year, last_date) VALUES ('INV', '2627', '2026-09-30')")

    def november() -> Any:
        return living.bill("2026-11", customer_ids=[ravi["id"]], through="2026-11-05", confirm=True)

    def october() -> Any:
        return living.bill("2026-10", customer_ids=[asha["id"]], confirm=True)

    runs = at_once(database_url, "SELECT FROM number_series FOR UPDATE", november, october, one_by_one=True)
    assert [run["invoices_issued"] for run in runs] == [1, 1]
    rows = sql("SELECT invoice_date::text FROM invoices WHERE number IS NOT NULL ORDER BY sequence_no")
    assert rows == [("2026-11-05",), ("2026-11-05",)]


def test_two_documents_of_one_buyer_take_the_later_date_too(living: LivingDairy, database_url: str, sql: Any) -> None:
    """Their lines were written for the earlier date, and are written anew."""
    living.seller(gstin="27AAPFU0939F1ZV")
    shop = living.customer(gstin="27AAPFU0939F1ZV", gst_treatment="registered", state_code="27")
    ravi = living.customer(state_code="27")
    milk, ghee = living.product("60.00", hsn_code="0401"), living.product("105.00", hsn_code="0405")
    living.delivered(shop, (milk, "1"), (ghee, "1"), on="2026-10-05")
    living.delivered(ravi, (milk, "1"), on="2026-11-05")
    living.go_to("2026-11-10")
    sql("INSERT INTO number_series (series, financial_year, last_date) VALUES ('INV', '2627', '2026-09-30')")

    def november() -> Any:
        return living.bill("2026-11", customer_ids=[ravi["id"]], through="2026-11-05", confirm=True)

    def october() -> Any:
        return living.bill("2026-10", customer_ids=[shop["id"]], confirm=True)

    runs = at_once(database_url, "SELECT FROM number_series FOR UPDATE", november, october, one_by_one=True)
    assert [run["invoices_issued"] for run in runs] == [1, 2]
    rows = sql("""
        SELECT i.sequence_no, i.invoice_date::text, i.total::text, count(*) FROM invoices i
        LEFT JOIN invoice_lines l ON l.invoice_id = i.id WHERE i.status <> 'draft' GROUP BY 1, 2, 3 ORDER BY 1""")
    assert rows == [(n + 1, "2026-11-05", total, 1) for n, total in enumerate(("60.00", "105.00", "60.00"))]
    assert sql("SELECT count(*) FROM invoices") == [(3,)]


def test_lines_are_written_while_others_take_their_numbers(living: LivingDairy, database_url: str, sql: Any) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    living.go_to("2026-11-10")
    waits = """
        SELECT count(*) FROM pg_locks w JOIN pg_locks l ON l.pid = w.pid AND l.relation = 'invoice_lines'::regclass
        WHERE w.locktype = 'advisory' AND NOT w.granted AND l.mode = 'RowExclusiveLock'"""
    seen: list[Any] = []

    def bill() -> Any:
        return living.bill("2026-10", confirm=True)

    def look() -> Any:
        while sql(waits) != [(1,)]:
            pass
        seen.append(True)
        sql("SELECT pg_advisory_xact_lock(hashtextextended('numbers of invoices', 0))")

    hold = "SELECT pg_advisory_xact_lock(hashtextextended('numbers of invoices', 0))"
    run, _ = at_once(database_url, hold, bill, look)
    assert (seen, run["invoices_issued"]) == ([True], 1)
