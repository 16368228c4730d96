"""What was sold: each figure equals one that is reckoned from the documents, by hand or line by line."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from tests.billing.conftest import LivingDairy
from tests.billing.sales import Sold, Story, sold, summed, tell
from tests.dairy import ok, read, refused
from tests.statements import BY_INDEX, count_statements


@pytest.fixture
def story(living: LivingDairy) -> Story:
    return tell(living)


def report(dairy: LivingDairy, first: str, last: str, by: str, **query: Any) -> Any:
    return ok(dairy.admin.get("/reports/sales", **{"from": first, "to": last, "by": by, **query}))


def months(first: str, count: int) -> list[str]:
    return [shifted(first, place) for place in range(count)]


def shifted(month: str, by: int) -> str:
    year, place = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + by, 12)
    return f"{year}-{place + 1:02d}"


def compared(lines: Iterable[Sold], first: str, count: int) -> dict[str, Any]:
    """What a row says of some lines, for so many months from the first."""
    own = list(lines)
    begins = {"sales": first, "sales_before": shifted(first, -count), "sales_year_before": shifted(first, -12)}
    return {
        name: summed([each for each in own if each.period in months(begin, count)]) for name, begin in begins.items()
    }


@pytest.mark.slow
def test_every_figure_equals_the_one_reckoned_from_the_documents(story: Story) -> None:
    lines = sold(story)
    assert {each.state for each in lines} == {"billed", "credited", "unbilled"}
    assert len({each.customer for each in lines}) == 4
    for first, last, count in (("2026-10", "2026-10", 1), ("2026-10", "2026-11", 2), ("2025-10", "2026-09", 12)):
        for by in ("product", "area", "customer"):
            told = report(story.dairy, first, last, by)
            keys = {getattr(each, by) for each in lines if each.period >= shifted(first, -max(12, count))}
            for row in told["items"]:
                mine = [each for each in lines if getattr(each, by) == row["id"]]
                assert {name: row[name] for name in compared(mine, first, count)} == compared(mine, first, count), by
            assert {row["id"] for row in told["items"]} <= keys
            assert told["totals"] == compared(lines, first, count)
            nets = [Decimal(row["sales"]["net"]["with_tax"]) for row in told["items"]]
            assert nets == sorted(nets, reverse=True)
            assert told["rows"] == len(told["items"])
    told = report(story.dairy, "2025-10", "2026-11", "month")
    assert [row["period"] for row in told["items"]] == months("2025-10", 14)
    for row in told["items"]:
        assert {name: row[name] for name in compared([], "2026-10", 1)} == compared(lines, row["period"], 1)


def test_some_of_it_by_hand(story: Story) -> None:
    """Asha's October: 4 × 1.333 l at 60.10 = 320.45, half of it after the move; 1.25 kg of ghee = 687.50, less 0.5 kg =
    275.00; 3 packets = 99.99; a rebate of 5.55."""
    told = {row["name"]: row["sales"] for row in report(story.dairy, "2026-10", "2026-10", "customer")["items"]}
    asha = told["Asha"]
    assert asha["quantities"] == [
        {"unit": "kg", "quantity": "0.750"},
        {"unit": "litre", "quantity": "5.332"},
        {"unit": "packet", "quantity": "3.000"},
    ]
    assert asha["billed"]["with_tax"] == "1102.39"
    assert asha["credited"]["with_tax"] == "275.00"
    assert asha["one_time"] == {"billed": "512.49", "unbilled": "0.00"}  # 687.50 + 99.99 - 275.00
    assert told["Away"]["billed"]["with_tax"] == "0.00"  # made void
    assert told["Away"]["unbilled"]["with_tax"] == "721.20"  # with what was confirmed after September was billed
    areas = {row["name"]: row["sales"] for row in report(story.dairy, "2026-10", "2026-10", "area")["items"]}
    litres = {name: {each["unit"]: each["quantity"] for each in row["quantities"]} for name, row in areas.items()}
    # Kothrud: two of Asha's days, 9 and the forgotten 3 of who is away; Baner: the other two, 2 + 3.5 of Bela, 20.
    assert (litres["Kothrud"]["litre"], litres["Baner"]["litre"]) == ("14.666", "28.166")
    goods = {row["name"]: row for row in report(story.dairy, "2026-10", "2026-10", "product")["items"]}
    assert "Cow milk" not in goods
    assert goods["Farm milk"]["sales_year_before"]["quantities"] == [{"unit": "litre", "quantity": "7.500"}]
    assert goods[None]["sales"]["quantities"] == []  # charges are no goods
    assert goods[None]["sales"]["billed"]["with_tax"] == "34.45"


def test_the_documents_come_to_the_same_sum(story: Story) -> None:
    issued = [
        each for each in read(story.dairy.admin, "/invoices", status="issued") if each["period_start"][:7] == "2026-10"
    ]
    papers = [ok(story.dairy.admin.get(f"/invoices/{each['id']}")) for each in issued]
    total = sum(Decimal(each["total"]) - Decimal(each["round_off"]) for each in papers)
    told = report(story.dairy, "2026-10", "2026-10", "month")["totals"]["sales"]
    assert Decimal(told["billed"]["with_tax"]) == total


def test_what_an_earlier_system_billed_counts_at_its_prices(living: LivingDairy, sql: Any) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    sql("SET session_replication_role = replica")  # as the import writes it
    sql("UPDATE invoices SET status = 'external'")
    sql("SET session_replication_role = DEFAULT")
    told = report(living, "2026-10", "2026-10", "product")["totals"]["sales"]
    assert told["billed"] == {"before_tax": "120.00", "with_tax": "120.00"}
    assert told["unbilled"]["with_tax"] == "0.00"
    assert told["quantities"] == [{"unit": "litre", "quantity": "2.000"}]


def test_the_rows_of_a_long_list_are_counted(living: LivingDairy) -> None:
    milk = living.product("60.00")
    for quantity in ("3", "1", "2"):
        living.delivered(living.customer(), (milk, quantity), on="2026-10-05")
    told = report(living, "2026-10", "2026-10", "customer", limit=2)
    assert [row["sales"]["quantities"][0]["quantity"] for row in told["items"]] == ["3.000", "2.000"]
    assert told["rows"] == 3
    assert told["totals"]["sales"]["net"]["with_tax"] == "360.00"


def test_months_that_do_not_fit(living: LivingDairy) -> None:
    for first, last, code in (("2026-10", "2026-09", "order"), ("2024-10", "2026-10", "range")):
        body = refused(living.admin.get("/reports/sales", **{"from": first, "to": last}), 422, "validation_failed")
        assert [(each["pointer"], each["code"]) for each in body["errors"]] == [("/query/to", code)]
    assert len(report(living, "2024-11", "2026-10", "month")["items"]) == 24
    assert report(living, "2024-11", "2026-10", "product") | {"totals": None} == {
        "from": "2024-11", "to": "2026-10", "by": "product", "items": [], "rows": 0, "totals": None,
    }  # fmt: skip


@pytest.mark.parametrize("by", ["product", "area", "month", "customer"])
def test_a_report_is_one_statement_by_index(living: LivingDairy, by: str) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    with count_statements(living.app.database) as sent:
        report(living, "2026-10", "2026-10", by)
    assert len([each for each in sent if "keyed" in each[0]]) == 1
    among = ("ix_invoices_status", "ix_orders_invoice_area")
    plan = sent.plan(living.app.database, "keyed", off=BY_INDEX, among=among)
    assert "ix_invoices_status" in plan
    assert "ix_orders_invoice_area" in plan
    assert not re.search("Seq Scan on (orders|order_items|invoices|invoice_lines|credit_note_lines)", plan)
