"""Two customers that are one, where others are billed to them or they are billed to others."""

from collections.abc import Callable
from typing import Any

import pytest

from dairy_app.invoices.queries.verification import all_series
from dairy_app.invoices.service.verification import verify
from tests.billing.conftest import LivingDairy
from tests.billing.test_billed_to import Family, make_family
from tests.dairy import ok, refused
from tests.deliveries.rounds import leaks

Sql = Callable[..., Any]


@pytest.fixture
def family(living: LivingDairy, sql: Sql) -> Family:
    made: Family = living.keep(make_family)
    sql("UPDATE customers SET created_at = '2026-10-01 09:00+05:30'")
    living.go_to("2026-10-10")
    return made


def merge(family: Family, old: Any, new: Any) -> Any:
    body = {"into": new["id"], "reason": "registered twice"}
    return family.admin.post(f"/customers/{old['id']}/merge", body)


def lived(family: Family) -> tuple[Any, Any, Any]:
    """October is billed to the shop, November is open; the branch had something in both, and so had the shop."""
    ok(family.bill_to(family.branch, family.shop))
    billed = family.deliver(family.branch, "2026-10-11", "2")
    family.deliver(family.shop, "2026-10-12")
    family.living.go_to("2026-11-01")
    family.living.bill("2026-10")
    open_of_branch = family.deliver(family.branch, "2026-11-05", "3")
    open_of_shop = family.deliver(family.shop, "2026-11-06")
    return billed, open_of_branch, open_of_shop


def sound(family: Family, sql: Sql) -> bool:
    with family.living.app.database.transaction(read_only=True) as session:
        assert not [found for series in all_series(session) for _, found in verify(session, series) if found]
    assert not any(leaks(sql).values())
    return sql(
        "SELECT count(*) FROM orders o JOIN invoices i ON i.id = o.invoice_id WHERE i.customer_id <> o.payer_id"
    ) == [(0,)]


def whose(sql: Sql, *orders: Any) -> list[tuple[str, str]]:
    """The customer and the payer of each order."""
    rows = "SELECT customer_id, payer_id FROM orders WHERE id = %s"
    return [sql(rows, order["id"])[0] for order in orders]


def test_a_branch_becomes_its_shop(family: Family, sql: Sql) -> None:
    orders = lived(family)
    ok(merge(family, family.branch, family.shop))
    assert whose(sql, *orders) == [(family.shop["id"], family.shop["id"])] * 3
    assert ok(family.admin.get(f"/customers/{family.branch['id']}"))["billed_to"] is None
    assert sound(family, sql)
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    assert [each["total"] for each in family.living.invoices()] == ["240.00", "180.00"]
    assert sound(family, sql)


def test_the_shop_becomes_its_branch(family: Family, sql: Sql) -> None:
    orders = lived(family)
    second = family.living.customer(billed_to=family.shop["id"])
    at_second = family.deliver(second, "2026-11-07")
    ok(merge(family, family.shop, family.branch))
    assert whose(sql, *orders) == [(family.branch["id"], family.branch["id"])] * 3
    assert whose(sql, at_second) == [(second["id"], family.branch["id"])]
    assert ok(family.admin.get(f"/customers/{family.branch['id']}"))["billed_to"] is None
    assert ok(family.admin.get(f"/customers/{second['id']}"))["billed_to"] == family.branch["id"]
    assert sound(family, sql)


def test_a_shop_becomes_another_and_its_branches_follow(family: Family, sql: Sql) -> None:
    billed, of_branch, of_shop = lived(family)
    ok(merge(family, family.shop, family.other))
    assert whose(sql, billed, of_branch) == [(family.branch["id"], family.other["id"])] * 2
    assert whose(sql, of_shop) == [(family.other["id"], family.other["id"])]
    assert ok(family.admin.get(f"/customers/{family.branch['id']}"))["billed_to"] == family.other["id"]
    assert ok(family.admin.get(f"/customers/{family.other['id']}/balance"))["balance"] == "180.00"
    assert sound(family, sql)
    again = family.deliver(family.branch, "2026-11-08")
    assert whose(sql, again) == [(family.branch["id"], family.other["id"])]


def test_two_branches_of_one_shop(family: Family, sql: Sql) -> None:
    billed, of_branch, _ = lived(family)
    second = family.living.customer(billed_to=family.shop["id"])
    ok(merge(family, family.branch, second))
    assert whose(sql, billed, of_branch) == [(second["id"], family.shop["id"])] * 2
    assert sound(family, sql)


def test_who_is_billed_otherwise_is_not_merged(family: Family, sql: Sql) -> None:
    lived(family)
    for old, new in ((family.branch, family.other), (family.other, family.branch)):
        told = refused(merge(family, old, new), 409, "merge_refused")["reasons"]
        assert [each["code"] for each in told] == ["billed_otherwise"]
    ok(family.bill_to(family.branch, None))  # … and so is who stands on the open bill of somebody else
    told = refused(merge(family, family.branch, family.other), 409, "merge_refused")["reasons"]
    assert [(each["code"], each["about"]) for each in told] == [("on_draft_of_another", "Shree Sweets")]
    family.living.go_to("2026-12-01")
    family.living.bill("2026-11")
    ok(merge(family, family.branch, family.other))
    assert sound(family, sql)
