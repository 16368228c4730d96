"""Reports as files: the same figures as the API's."""

from decimal import Decimal
from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.billing.sales import Story, tell
from tests.dairy import ok
from tests.exports.books import rows_of

__all__ = ["living"]
UNITS = {"litre": "litres", "kg": "kilograms", "packet": "packets", "piece": "pieces", "dozen": "dozens"}


@pytest.fixture
def story(living: LivingDairy) -> Story:
    return tell(living)


def csv(dairy: LivingDairy, profile: str, **query: Any) -> list[dict[str, str]]:
    answer = dairy.admin.get(f"/exports/{profile}.csv", **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return rows_of(answer.get_data())


@pytest.mark.parametrize("by", ["product", "area", "month", "customer"])
def test_sales(story: Story, by: str) -> None:
    days = {"from": "2026-09-01", "to": "2026-11-30", "as_of": "2026-11-03"}
    rows = csv(story.dairy, f"sales-by-{by}", **days)
    assert {row["period"] for row in rows} == {"2026-09", "2026-10", "2026-11"}
    for period in ("2026-09", "2026-10", "2026-11"):
        asked = {"from": period, "to": period, "by": by}
        told = ok(story.dairy.admin.get("/reports/sales", **asked))["items"]
        sold = {each["name"]: each["sales"] for each in told if _moved(each["sales"])}
        mine = {row.get("name") or None: row for row in rows if row["period"] == period}
        assert mine.keys() == sold.keys()
        for name, row in mine.items():
            figures = sold[name]
            for state in ("billed", "credited", "unbilled", "net"):
                told_so = {f"{state}_{each}": figures[state][each] for each in ("before_tax", "with_tax")}
                assert {column: row[column] for column in told_so} == told_so
            assert (row["one_time_billed"], row["one_time_unbilled"]) == tuple(figures["one_time"].values())
            quantities = {each["unit"]: Decimal(each["quantity"]) for each in figures["quantities"]}
            assert {unit: Decimal(row[UNITS[unit]]) for unit in UNITS} == {
                unit: quantities.get(unit, Decimal(0)) for unit in UNITS
            }


def _moved(sales: Any) -> bool:
    return bool(sales["quantities"]) or any(
        sales[state]["with_tax"] != "0.00" for state in ("billed", "credited", "unbilled")
    )


def test_customers_and_short_deliveries(story: Story) -> None:
    october = {"period": "2026-10"}
    (began, ended) = csv(story.dairy, "customer-changes", **october)
    assert (began["date"], began["change"], began["customer_name"], began["reason"]) == (
        "2026-10-02",
        "new",
        "Asha",
        "",
    )
    assert (ended["date"], ended["change"], ended["reason"]) == ("2026-10-18", "lost", "Moving on")
    rows = csv(story.dairy, "short-deliveries", **october)
    assert [
        (row["status"], row["ordered"], row["delivered"], row["amount_missing"], row["reason_code"]) for row in rows
    ] == [
        ("partially_delivered", "5", "3.5", "90.15", "unknown"),
        ("not_delivered", "8", "0", "4400.00", "door_locked"),
    ]


def test_containers(story: Story) -> None:
    dairy = story.dairy
    customer = dairy.customer(name="Bottled")
    bottle = ok(dairy.admin.post("/containers", {"name": "Bottle", "deposit": "30"}), 201)
    for way, count, day in (("out", 5, "2026-09-30"), ("out", 2, "2026-10-05"), ("back", 3, "2026-10-31")):
        entry = {"container_id": bottle["id"], "count": count, "day": day}
        ok(dairy.admin.post(f"/customers/{customer['id']}/containers/{way}", entry), 201)
    (row,) = csv(dairy, "containers", period="2026-10")
    assert [row[name] for name in ("customer_name", "container", "went_out", "came_back", "lost", "balance")] == [
        "Bottled", "Bottle", "2", "3", "0", "4"
    ]  # fmt: skip
    assert row["deposits"] == "120.00"
