"""Products over HTTP: what describes one, how its tax class is chosen, who may change it."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, refused
from tests.statements import count_statements

MILK = {"sku": "MILK-1", "name": "Cow milk", "unit": "litre", "hsn_code": "0401"}


def stored(sql: Any) -> list[Any]:
    return [sql("SELECT * FROM products ORDER BY id"), sql("SELECT * FROM product_prices ORDER BY id")]


def test_a_product_as_it_was_made(dairy: Dairy) -> None:
    whole = MILK | {"category": "milk", "packet_size": "0.5", "is_packed": True, "tax_class": "milk_uht"}
    made = ok(dairy.admin.post("/products", whole), 201)
    assert made == ok(dairy.admin.get(f"/products/{made['id']}"))
    expected = whole | {"packet_size": "0.500", "is_active": True, "current_price": None}
    assert {name: made[name] for name in expected} == expected


CLASSES = [
    ("0401", False, "milk_fresh"),
    ("04012000", True, "milk_fresh"),
    ("0403", False, "curd_loose"),
    ("04039010", True, "curd_packed"),
    ("0402", False, "milk_powder"),
    ("04029110", False, "milk_powder"),
    ("04029920", False, "condensed_milk"),
    ("040299", True, "condensed_milk"),
    ("0406", True, "paneer_packed"),
    ("2201", False, "unclassified"),
    (None, False, "unclassified"),
]


def test_the_tax_class_is_that_of_the_longest_prefix_and_the_packing(dairy: Dairy) -> None:
    made = [dairy.product(price=None, hsn_code=code, is_packed=packed) for code, packed, _ in CLASSES]
    assert [each["tax_class"] for each in made] == [tax_class for _, _, tax_class in CLASSES]


def test_a_class_for_just_this_packing_beats_one_for_both(dairy: Dairy, sql: Any) -> None:
    sql("INSERT INTO tax_classes (code, description, hsn_prefix) VALUES ('a_curd', 'Curd in general', '0403')")
    assert dairy.product(price=None, hsn_code="0403", is_packed=True)["tax_class"] == "curd_packed"


def test_the_revision_classed_products_by_the_same_rule(dairy: Dairy, sql: Any) -> None:
    """The UPDATE of revision 0006, run again, changes no product that the service classed."""
    for hsn_code in ("0401", "0402", "040299", "0403", "0405", "0406", "9999", None):
        for is_packed in (False, True):
            dairy.product(price=None, hsn_code=hsn_code, is_packed=is_packed)
    before = sql("SELECT sku, tax_class FROM products ORDER BY sku")
    assert len(before) == 16
    sql(
        """UPDATE products p SET tax_class = coalesce(
            (SELECT t.code FROM tax_classes t
             WHERE p.hsn_code LIKE t.hsn_prefix || '%' AND (t.is_packed IS NULL OR t.is_packed = p.is_packed)
             ORDER BY length(t.hsn_prefix) DESC, t.is_packed NULLS LAST LIMIT 1), 'unclassified')"""
    )
    assert sql("SELECT sku, tax_class FROM products ORDER BY sku") == before


def test_a_change_touches_only_what_is_sent(dairy: Dairy) -> None:
    made = dairy.product(category="milk")
    before = ok(dairy.admin.get(f"/products/{made['id']}"))
    changed = ok(dairy.admin.patch(f"/products/{made['id']}", {"name": "Buffalo milk", "is_active": False}))
    assert changed.pop("updated_at") > before.pop("updated_at")
    assert changed == before | {"name": "Buffalo milk", "is_active": False, "open_orders": 0}
    assert changed["current_price"] == "60.00"


def test_a_changed_hsn_code_keeps_the_tax_class_unless_it_is_asked_for(dairy: Dairy) -> None:
    path = f"/products/{dairy.product()['id']}"
    assert ok(dairy.admin.patch(path, {"hsn_code": "0405"}))["tax_class"] == "milk_fresh"
    assert ok(dairy.admin.patch(path, {"tax_class": None}))["tax_class"] == "butter_ghee"
    assert ok(dairy.admin.patch(path, {"hsn_code": "0406", "is_packed": True, "tax_class": None}))["tax_class"] == (
        "paneer_packed"
    )


def test_a_sku_belongs_to_one_product(dairy: Dairy, sql: Any) -> None:
    ok(dairy.admin.post("/products", MILK), 201)
    other = ok(dairy.admin.post("/products", MILK | {"sku": "MILK-2"}), 201)
    before = stored(sql)
    refused(dairy.admin.post("/products", MILK), 409, "already_exists")
    refused(dairy.admin.patch(f"/products/{other['id']}", {"sku": "MILK-1"}), 409, "already_exists")
    assert stored(sql) == before


NO_PRODUCTS: list[dict[str, Any]] = [
    {"sku": " "},
    {"sku": "x" * 61},
    {"name": "two\nlines"},
    {"name": "nul\x00"},
    {"name": None},
    {"unit": "gallon"},
    {"hsn_code": "04031"},
    {"hsn_code": "०४०१"},
    {"packet_size": "0"},
    {"packet_size": "1.0001"},
    {"packet_size": "NaN"},
    {"is_packed": "yes"},
    {"legacy_id": "x"},
    {"current_price": "1.00"},
]


def test_what_is_no_product_is_refused_and_nothing_written(dairy: Dairy, sql: Any) -> None:
    made = ok(dairy.admin.post("/products", MILK), 201)
    before = stored(sql)
    for wrong in NO_PRODUCTS:
        for answer in (
            dairy.admin.post("/products", MILK | {"sku": "OTHER"} | wrong),
            dairy.admin.patch(f"/products/{made['id']}", wrong),
        ):
            body = refused(answer, 422, "validation_failed")
            assert [error["pointer"] for error in body["errors"]] == [f"/{name}" for name in wrong], body
        assert stored(sql) == before, wrong
    ok(dairy.admin.post("/products", MILK | {"sku": "OTHER"}), 201)


def test_a_body_that_cannot_be_read(dairy: Dairy, sql: Any) -> None:
    before = stored(sql)
    for body, status, code in (
        (b'{"sku": ', 400, "malformed_request"),
        (b"\xff\xfe", 400, "malformed_request"),
        (b'{"sku": "A", "sku": "B"}', 400, "malformed_request"),
        (b"[]", 422, "validation_failed"),
        (b"null", 422, "validation_failed"),
        (b'"text"', 422, "validation_failed"),
    ):
        refused(dairy.admin.call("POST", "/products", data=body, content_type="application/json"), status, code)
    assert stored(sql) == before


def test_the_unit_never_changes(dairy: Dairy) -> None:
    made = dairy.product()
    refused(dairy.admin.patch(f"/products/{made['id']}", {"unit": "kg"}), 422, "validation_failed")


def test_unknown_references(dairy: Dairy) -> None:
    nobody = "00000000-0000-0000-0000-000000000009"
    refused(dairy.admin.post("/products", MILK | {"tax_class": "nothing"}), 404, "tax_class_not_found")
    refused(dairy.admin.get(f"/products/{nobody}"), 404, "product_not_found")
    refused(dairy.admin.patch(f"/products/{nobody}", {"name": "X"}), 404, "product_not_found")
    refused(dairy.admin.get(f"/products/{nobody}/prices"), 404, "product_not_found")
    refused(
        dairy.admin.post(f"/products/{nobody}/prices", {"price": "1", "valid_from": "2026-01-01"}),
        404,
        "product_not_found",
    )
    refused(dairy.admin.get("/products/1"), 404, "not_found")


def test_the_list_pages_by_sku_and_filters(dairy: Dairy) -> None:
    for sku in ("B", "A", "C"):
        ok(dairy.admin.post("/products", MILK | {"sku": sku, "category": "milk"}), 201)
    curd = ok(dairy.admin.post("/products", MILK | {"sku": "D", "category": "curd"}), 201)
    ok(dairy.admin.patch(f"/products/{curd['id']}", {"is_active": False}))
    first = ok(dairy.admin.get("/products", limit=3))
    rest = ok(dairy.admin.get("/products", limit=3, cursor=first["next_cursor"]))
    assert [each["sku"] for each in first["items"] + rest["items"]] == ["A", "B", "C", "D"]
    assert rest["next_cursor"] is None
    assert [each["sku"] for each in ok(dairy.admin.get("/products", is_active="false"))["items"]] == ["D"]
    assert [each["sku"] for each in ok(dairy.admin.get("/products", category="milk"))["items"]] == ["A", "B", "C"]
    refused(dairy.admin.get("/products", colour="white"), 422, "validation_failed")
    refused(dairy.admin.get("/products", cursor="bogus"), 422, "validation_failed")


def test_a_list_of_twice_as_many_asks_as_often(dairy: Dairy) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            dairy.product()
        with count_statements(dairy.app.database) as sent:
            listed = ok(dairy.admin.get("/products"))
        counts.append((len(listed["items"]), len(sent)))
    assert [count[0] for count in counts] == [5, 10]
    assert counts[0][1] == counts[1][1]


READERS = ("admin", "accountant", "delivery_boy", "marketing_staff", "customer")


@pytest.mark.parametrize("role", [*READERS, "supplier"])
def test_who_reads_and_who_writes(dairy: Dairy, sql: Any, role: str) -> None:
    made = dairy.product()
    client = dairy.admin if role == "admin" else dairy.staff(role)
    path = f"/products/{made['id']}"
    reads = [client.get("/products"), client.get(path), client.get(f"{path}/prices")]
    assert {each.status_code for each in reads} == ({200} if role in READERS else {403})
    before = stored(sql)
    writes = [
        client.post("/products", MILK),
        client.patch(path, {"name": "Changed"}),
        client.post(f"{path}/prices", {"price": "70", "valid_from": "2030-01-01"}),
    ]
    if role == "admin":
        assert [each.status_code for each in writes] == [201, 200, 201]
    else:
        for each in writes:
            refused(each, 403, "forbidden")
        assert stored(sql) == before


def test_nobody_reads_without_a_login(dairy: Dairy) -> None:
    refused(dairy.nobody.get("/products"), 401, "not_authenticated")


def test_a_stale_change_is_refused(dairy: Dairy) -> None:
    path = f"/products/{dairy.product()['id']}"
    tag = dairy.admin.get(path).headers["ETag"]
    ok(dairy.admin.patch(path, {"name": "First"}, headers={"If-Match": tag}))
    refused(dairy.admin.patch(path, {"name": "Second"}, headers={"If-Match": tag}), 412, "precondition_failed")
    assert ok(dairy.admin.get(path))["name"] == "First"
