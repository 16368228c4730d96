"""Finding customers: filters, beginnings of words, end of the phone, pages, and what it costs."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, refused
from tests.statements import count_statements


def names(dairy: Dairy, **query: Any) -> list[str]:
    return [each["name"] for each in ok(dairy.admin.get("/customers", **query))["items"]]


@pytest.fixture
def street(dairy: Dairy) -> Dairy:
    dairy.customer(name="Ravi Kulkarni", phone="+919812300111")
    dairy.customer(name="RAVINA SHAH", phone="+919812300222", status="paused", area="Baner")
    dairy.customer(name="Prem 100% Milk_Shop", phone="+919812311222", email="ravi@home.example")
    dairy.customer(name="24x7 Stores", phone="+919800024777")
    dairy.customer(name="Émile", phone="+919800000999")
    dairy.customer(
        name="कमला जोशी", address_line1="Flat B-12/4", address_line2="Shivaji Road", pincode="411004", login=False
    )
    return dairy


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("ravi", ["Ravi Kulkarni", "RAVINA SHAH"]),
        ("RAVIN", ["RAVINA SHAH"]),
        ("kulkarni", ["Ravi Kulkarni"]),
        ("KUL rav", ["Ravi Kulkarni"]),
        ("arni", []),
        ("12/4", ["कमला जोशी"]),
        ("12-4b", []),
        ("b-12/4", ["कमला जोशी"]),
        ("shivaji", ["कमला जोशी"]),
        ("c000003", ["Prem 100% Milk_Shop"]),
        ("जोशी", ["कमला जोशी"]),
        ("जो", ["कमला जोशी"]),
        ("411004", ["कमला जोशी"]),
        ("ÉMILE", ["Émile"]),
        ("222", ["RAVINA SHAH", "Prem 100% Milk_Shop"]),
        ("00222", ["RAVINA SHAH"]),
        ("98123 00111", ["Ravi Kulkarni"]),
        ("+91-98123-00111", ["Ravi Kulkarni"]),
        ("09812300111", ["Ravi Kulkarni"]),
        ("9812", []),
        ("22", []),
        ("-/", []),
        ("24", ["24x7 Stores"]),
        ("prem 100%", ["Prem 100% Milk_Shop"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("Prem%Shop", []),
        ("Émi", ["Émile"]),
        ("'; DROP TABLE customers; --", []),
    ],
)
def test_beginnings_of_words_or_end_of_the_phone(street: Dairy, q: str, found: list[str]) -> None:
    assert names(street, search=q) == names(street, q=q) == found


def test_filters_narrow_together(street: Dairy) -> None:
    boy = street.staff("delivery_boy")
    ravi = ok(street.admin.get("/customers", q="Ravi K"))["items"][0]
    ok(street.admin.patch(f"/customers/{ravi['id']}", {"delivery_boy_id": boy.user["id"]}))
    baner = ok(street.admin.get("/customers", q="ravina"))["items"][0]["area_id"]
    assert names(street, status="paused") == ["RAVINA SHAH"]
    assert names(street, area_id=baner) == ["RAVINA SHAH"]
    assert names(street, area_id=baner, status="active") == []
    assert names(street, delivery_boy_id=boy.user["id"]) == ["Ravi Kulkarni"]
    assert names(street, delivery_boy_id=boy.user["id"], q="ravina") == []


def test_an_area_holds_the_areas_below_it(street: Dairy) -> None:
    areas = {each["name"]: each["id"] for each in ok(street.admin.get("/areas"))["items"]}
    town = ok(street.admin.post("/areas", {"name": "Pune West"}), 201)["id"]
    ok(street.admin.patch(f"/areas/{areas['Baner']}", {"parent_id": town}))
    assert names(street, area_id=town) == ["RAVINA SHAH"]
    assert "RAVINA SHAH" not in names(street, area_id=areas["Kothrud"])


def test_what_is_no_filter(street: Dairy) -> None:
    for query in (
        {"q": ""},
        {"q": "x" * 101},
        {"q": "a\x00b"},
        {"status": "gone"},
        {"area_id": "Baner"},
        {"limit": 0},
        {"limit": 201},
        {"cursor": "bogus"},
        {"name": "Ravi"},
    ):
        refused(street.admin.get("/customers", **query), 422, "validation_failed")


def test_pages_hold_everybody_once(street: Dairy) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = ok(street.admin.get("/customers", limit=2, **cursor))
        found += [each["code"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == [f"C{n:06d}" for n in range(1, 7)]


def test_a_list_of_twice_as_many_asks_as_often(dairy: Dairy) -> None:
    counts = []
    for _ in range(2):
        for _ in range(4):
            dairy.customer(login=False)
        with count_statements(dairy.app.database) as sent:
            listed = ok(dairy.admin.get("/customers", status="active", q="Customer"))
        counts.append((len(listed["items"]), len(sent)))
    assert [count[0] for count in counts] == [4, 8]
    assert counts[0][1] == counts[1][1]


@pytest.mark.slow
def test_at_volume_the_indexes_are_used(dairy: Dairy, sql: Any) -> None:
    sql(
        """INSERT INTO customers (name, phone, status)
        SELECT CASE n WHEN 7 THEN 'कमला जोशी' ELSE md5(n::text) END,
            '+9198' || lpad((n * 7919 % 100000000)::text, 8, '0'), 'active'
        FROM generate_series(1, 20000) n"""
    )
    sql("ANALYZE customers")
    expected = {
        "abcd": "ix_customers_search",
        "कमला": "ix_customers_search",
        "47110": "ix_customers_phone_tail",
        None: "uq_customers_code",
    }
    for q, index in expected.items():
        with count_statements(dairy.app.database) as sent:
            ok(dairy.admin.get("/customers", **({"q": q} if q else {})))
        plan = sent.plan(dairy.app.database, "FROM customers")
        assert index in plan, plan
        assert "Seq Scan on customers" not in plan, plan
    with count_statements(dairy.app.database) as sent:
        dairy.customer(login=False)
    plan = sent.plan(dairy.app.database, "reverse(customers.phone)")
    assert "ix_customers_phone_tail" in plan and "Seq Scan on customers" not in plan, plan
