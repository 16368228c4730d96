"""Who asks for what was delivered and billed gets the same answer before and after."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from dairy_app.invoices.queries.verification import all_series
from dairy_app.invoices.service.verification import verify
from tests.archiving.conftest import DECEMBER, Old
from tests.console.visitor import Visitor
from tests.dairy import ok


def invoices(old: Old) -> Any:
    return [ok(old.admin.get(f"/invoices/{each['id']}")) for each in old.living.invoices()]


def papers(old: Old) -> Any:
    answers = [old.admin.get(f"/invoices/{each['id']}/pdf") for each in old.living.invoices(status="issued")]
    assert {each.status_code for each in answers} == {200}
    return [each.get_data() for each in answers]


def export(name: str) -> Callable[[Old], Any]:
    def read(old: Old) -> Any:
        answer = old.admin.get(f"/exports/{name}.csv", period="2026-10")
        assert answer.status_code == 200 and answer.get_data().count(b"\n") > 1, name
        return answer.get_data()

    return read


def by_the_owner(old: Old, change: str, *tables: str) -> None:
    """What no door lets through."""
    for table in (*tables, *(f"archived_{name}" for name in tables)):
        with old.living.app.database.transaction() as session:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            session.execute(text(f"UPDATE {table} SET {change}"))
            session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def findings(old: Old) -> Any:
    by_the_owner(old, "unit_price = 0", "order_items")
    return export("exceptions")(old)


def sales(old: Old) -> Any:
    """Who has moved since is where it was delivered."""
    by_the_owner(old, "area_id = (SELECT id FROM areas WHERE name = 'Kothrud')", "orders")
    return [
        ok(old.admin.get("/reports/sales", **{"from": "2026-10", "to": "2026-11", "by": by}))
        for by in ("product", "area", "customer")
    ]


def month(old: Old) -> Any:
    grids = [
        ok(old.admin.get("/billing/monthly-view", period="2026-10", **only))
        for only in ({}, {"product_id": old.milk["id"]}, {"product_id": old.curd["id"]})
    ]
    assert [len(each["items"]) for each in grids] == [3, 3, 1]
    return grids


@pytest.mark.parametrize(
    "read",
    [invoices, papers, export("deliveries"), export("invoice-lines"), findings, sales, month],
    ids=lambda read: read.__name__,
)
def test_the_answer_is_the_same(closed: Old, read: Callable[[Old], Any]) -> None:
    before = read(closed)
    closed.archive(DECEMBER)
    assert read(closed) == before


def test_checks_find_nothing(closed: Old) -> None:
    closed.archive(DECEMBER)
    with closed.living.app.database.transaction(read_only=True, snapshot=True) as session:
        found = [finding for series in all_series(session) for _, wrong in verify(session, series) for finding in wrong]
    assert found == []
    told = ok(closed.admin.get("/monitoring/consistency"))
    assert [each["name"] for each in told["reports"] if each["count"]] == []


def test_a_calendar_of_an_archived_month_says_so(closed: Old) -> None:
    path = f"/customers/{closed.asha['id']}/calendar"
    assert ok(closed.admin.get(path, period="2026-10"))["archived"] is False
    closed.archive()
    assert ok(closed.admin.get(path, period="2026-10"))["archived"] is True
    assert ok(closed.admin.get(path, period="2026-11"))["archived"] is False
    said = "The deliveries of this month are archived"
    visitor = Visitor.of(closed.living.app, "admin@dairy.example")
    pages = [visitor.open(f"/customers/{closed.asha['id']}?month={month}") for month in ("2026-10", "2026-11")]
    assert [(page.status, said in page.words) for page in pages] == [(200, True), (200, False)]
    told = visitor.open("/figures/short-deliveries?from=2026-10&to=2026-11")
    assert (told.status, "The deliveries of that month are archived." in told.words) == (409, True)
