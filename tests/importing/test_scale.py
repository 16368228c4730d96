"""Ten thousand rows: few statements, seconds, and no more than that."""

import time
import tracemalloc
from typing import Any

import pytest

from tests.dairy import Dairy, ok, refused
from tests.statements import count_statements

ROWS = 10_000


def send(dairy: Dairy, kind: str, text: str, **query: Any) -> Any:
    """A file that is the body itself, with its options in the query string."""
    return dairy.admin.call("POST", f"/imports/{kind}", data=text, content_type="text/csv", query_string=query)


def customers(count: int, first: int = 0) -> str:
    rows = [
        f'Household {n},98{n:08d},{n} Mill Road,Area {n % 40},1.5,{n % 3},"{n % 900}.50 Dr"\n'
        for n in range(first, first + count)
    ]
    return "Name,Mobile,Address,Area,Cow Milk,BUF,Balance\n" + "".join(rows)


def payments(count: int, first: int = 0) -> str:
    rows = [f"98{n:08d},{n % 900 + 1},UPI,REF{n:07d}\n" for n in range(first, first + count)]
    return "Mobile,Amount,Mode,UTR\n" + "".join(rows)


def standing(count: int, first: int = 0) -> str:
    return "Mobile,Product,Qty,Shift\n" + "".join(f"98{n:08d},COW,1,evening\n" for n in range(first, first + count))


@pytest.fixture
def goods(dairy: Dairy) -> Any:
    return dairy.product(name="Cow Milk", sku="COW"), dairy.product("70.00", name="Buffalo Milk", sku="BUF")


@pytest.mark.slow
def test_ten_thousand_rows_of_each_kind(dairy: Dairy, goods: Any) -> None:
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(1)}))
    taken = {}
    for kind, text in (
        ("customers", customers(ROWS)),
        ("standing-orders", standing(ROWS)),
        ("payments", payments(ROWS)),
    ):
        for dry_run in (True, False):
            started = time.monotonic()
            made = ok(send(dairy, kind, text, dry_run="true" if dry_run else "false"))
            taken[kind, dry_run] = time.monotonic() - started
            assert (made["created"], made["fault_count"]) == (ROWS, 0)
    assert max(taken.values()) < 60  # 4 seconds on an idle machine


def test_a_hundred_rows_take_as_many_statements_as_two(dairy: Dairy, goods: Any) -> None:
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(1)}))
    counts: dict[int, list[int]] = {}
    for first, many in ((1, 2), (5000, 100)):
        counts[many] = []
        for kind, text in (
            ("customers", customers(many, first)), ("standing-orders", standing(many, first)),
            ("payments", payments(many, first)),
        ):  # fmt: skip
            with count_statements(dairy.app.database) as statements:
                ok(send(dairy, kind, text), 201)
            counts[many].append(len(statements))
    assert counts[2] == counts[100]
    assert max(counts[2]) < 40


@pytest.mark.slow
def test_one_row_more_and_faults_without_end(dairy: Dairy, goods: Any) -> None:
    for kind, text in (("customers", customers(ROWS + 1)), ("payments", payments(ROWS + 1))):
        problem = refused(send(dairy, kind, text), 422, "validation_failed")
        assert problem["errors"][0]["code"] == "too_many"
        assert "10,000" in problem["detail"]
    tracemalloc.start()
    seen = ok(send(dairy, "customers", "Name,Phone,Address,Area,Pincode\n" + "a,b,,,x\n" * ROWS, dry_run="true"), 200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen["fault_count"] == 4 * ROWS
    assert len(seen["faults"]) == 10_000
    assert peak < 200_000_000
