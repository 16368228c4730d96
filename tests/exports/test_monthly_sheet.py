"""The month's grid as a workbook, read back with a spreadsheet library."""

import io
from datetime import date
from typing import Any

import openpyxl
import pytest

from dairy_app.billing.service.monthly_view import monthly_view
from dairy_app.database.transactions import Database
from dairy_app.exports.files import monthly_sheet
from dairy_app.exports.files.monthly_sheet import MonthlySheet
from tests.dairy import Client, Dairy, ok, refused


def cells(client: Client, period: str, **query: Any) -> list[dict[str, Any]]:
    """The rows of the sheet by heading; a cell that is a formula would come back as one."""
    answer = client.get("/billing/monthly-view.xlsx", period=period, **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    header, *rows = openpyxl.load_workbook(io.BytesIO(answer.data)).active.iter_rows()
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n"}
    return [{head.value: cell.value for head, cell in zip(header, row, strict=True)} for row in rows]


@pytest.fixture
def month(dairy: Dairy) -> dict[str, Any]:
    """Two customers of two members of staff; one got two products today, one milk."""
    dairy.seller()
    meera = dairy.staff("marketing_staff")
    milk, curd = dairy.product("60.00", name="=Milk()"), dairy.product("30.00", name="Curd")
    asha = dairy.customer(name="@Asha", phone="+919812345678", marketing_staff_id=meera.user["id"])
    ravi = dairy.customer(name="Ravi", area="Baner")
    ok(dairy.confirm(dairy.order(asha, (milk, "1.5"), (curd, "2"))))
    ok(dairy.confirm(dairy.order(ravi, (milk, "1"))))
    goods = {"milk": milk, "curd": curd}
    return {
        **goods,
        "meera": meera,
        "asha": asha,
        "ravi": ravi,
        "period": dairy.day(0)[:7],
        "day": str(int(dairy.day(0)[8:])),
    }


def test_the_grid_as_the_sheet_had_it(dairy: Dairy, month: dict[str, Any]) -> None:
    curd, milk, ravi = sorted(cells(dairy.admin, month["period"]), key=lambda row: (row["Name"], row["Price"]))
    assert (milk["Name"], milk["Phone"], milk["Product"]) == ("@Asha", "+919812345678", "=Milk()")
    assert (milk[month["day"]], milk["Total"], milk["Amount"], curd[month["day"]]) == (1.5, 1.5, 90, 2)
    assert sum(milk[f"W{n}"] or 0 for n in range(1, 6)) == 1.5
    assert sorted([milk["Bill"] or 0, curd["Bill"] or 0]) == [0, 150], "once a customer, so that it can be added up"
    assert (ravi["Bill"], ravi["Current balance"], ravi["Area"]) == (60, 60, "Baner")


def test_filters(dairy: Dairy, month: dict[str, Any]) -> None:
    def names(**query: str) -> list[str]:
        return [row["Name"] for row in cells(dairy.admin, month["period"], **query)]

    assert names(customer_id=month["ravi"]["id"]) == ["Ravi"]
    assert names(product_id=month["curd"]["id"]) == ["@Asha"]
    assert names(marketing_staff_id=month["meera"].user["id"]) == ["@Asha", "@Asha"]
    assert names(product_id=month["milk"]["id"], area_id=month["ravi"]["area_id"]) == ["Ravi"]
    assert cells(dairy.admin, "2020-01") == []


def test_marketing_staff_get_their_own_without_payments(dairy: Dairy, month: dict[str, Any]) -> None:
    somebody = dairy.staff("marketing_staff").user["id"]
    for query in ({}, {"marketing_staff_id": somebody}):
        rows = cells(month["meera"], month["period"], **query)
        assert {row["Name"] for row in rows} == {"@Asha"}
        assert not {"Paid", "Other entries", "Status"} & rows[0].keys()
        shown = ok(month["meera"].get("/billing/monthly-view", period=month["period"], **query))["items"]
        assert [row["name"] for row in shown] == ["@Asha"]


def test_equal_months_are_equal_files(dairy: Dairy, month: dict[str, Any]) -> None:
    one, other = (dairy.admin.get("/billing/monthly-view.xlsx", period=month["period"]).data for _ in range(2))
    assert one == other


def test_the_first_customers_are_sent_before_the_last_are_read(
    dairy: Dairy, database: Database, month: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction(read_only=True) as session:
        (row,) = monthly_view(
            session, month["period"], today=date.today(), after="", limit=9, customer_id=month["ravi"]["id"]
        )
    asked, taken = [], []

    def page(*_: Any, after: str, limit: int, **__: Any) -> list[dict[str, Any]]:
        asked.append(after)
        return [] if len(asked) == 21 else [{**row, "code": f"{after}{n}"[-9:]} for n in range(limit)]

    def take(chunk: bytes) -> None:
        if chunk:
            taken.append(len(asked))

    monkeypatch.setattr(monthly_sheet, "monthly_view", page)
    with database.transaction(read_only=True) as session:
        assert MonthlySheet(month["period"]).copy(session, take) == 20 * monthly_sheet.PAGE
    assert (taken[0], taken[-1]) == (1, 21)


@pytest.mark.parametrize("period", ["banana", "2026-13", "2026-1", ""])
def test_a_month_is_a_month(dairy: Dairy, period: str) -> None:
    refused(dairy.admin.get("/billing/monthly-view.xlsx", period=period), 422, "validation_failed")
