"""Areas: parts of town, which may nest but never in a ring."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, refused
from tests.races import at_once


def area(dairy: Dairy, name: str, parent: Any = None) -> Any:
    body = {"name": name} | ({"parent_id": parent["id"]} if parent else {})
    return ok(dairy.admin.post("/areas", body), 201)


def tree(dairy: Dairy) -> dict[str, str | None]:
    items = ok(dairy.admin.get("/areas"))["items"]
    name = {each["id"]: each["name"] for each in items}
    return {each["name"]: name.get(each["parent_id"]) for each in items}


def test_areas_nest_and_move(dairy: Dairy) -> None:
    west = area(dairy, "West")
    kothrud = area(dairy, "Kothrud", west)
    assert tree(dairy) == {"West": None, "Kothrud": "West"}
    changed = ok(dairy.admin.patch(f"/areas/{kothrud['id']}", {"name": "Kothrud Depot"}))
    assert (changed["name"], changed["parent_id"]) == ("Kothrud Depot", west["id"])
    ok(dairy.admin.patch(f"/areas/{kothrud['id']}", {"parent_id": None}))
    assert tree(dairy) == {"West": None, "Kothrud Depot": None}


def test_no_area_lies_below_itself(dairy: Dairy) -> None:
    top = area(dairy, "Top")
    middle = area(dairy, "Middle", top)
    low = area(dairy, "Low", middle)
    before = tree(dairy)
    for parent in (top, middle, low):
        body = refused(dairy.admin.patch(f"/areas/{top['id']}", {"parent_id": parent["id"]}), 422, "validation_failed")
        assert [error["pointer"] for error in body["errors"]] == ["/parent_id"]
    assert tree(dairy) == before
    ok(dairy.admin.patch(f"/areas/{low['id']}", {"parent_id": top["id"]}))


def test_two_areas_below_each_other_at_once(dairy: Dairy, database_url: str) -> None:
    one, other, other_admin = area(dairy, "One"), area(dairy, "Other"), dairy.login("admin@dairy.example")
    answers = at_once(
        database_url,
        "LOCK TABLE areas IN EXCLUSIVE MODE",
        lambda: dairy.admin.patch(f"/areas/{one['id']}", {"parent_id": other["id"]}),
        lambda: other_admin.patch(f"/areas/{other['id']}", {"parent_id": one["id"]}),
    )
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    ok(won, 200)
    refused(lost, 422, "validation_failed")
    assert sorted(tree(dairy).values(), key=str) in ([None, "Other"], [None, "One"])


def test_a_name_belongs_to_one_area(dairy: Dairy) -> None:
    area(dairy, "Kothrud")
    baner = area(dairy, "Baner")
    refused(dairy.admin.post("/areas", {"name": "Kothrud"}), 409, "already_exists")
    refused(dairy.admin.patch(f"/areas/{baner['id']}", {"name": "Kothrud"}), 409, "already_exists")
    assert tree(dairy) == {"Baner": None, "Kothrud": None}


def test_what_is_no_area(dairy: Dairy) -> None:
    made = area(dairy, "Kothrud")
    nobody = "00000000-0000-0000-0000-000000000009"
    for wrong in ({"name": ""}, {"name": None}, {"name": "x" * 201}, {"parent_id": "x"}, {"colour": "red"}):
        refused(dairy.admin.post("/areas", {"name": "New"} | wrong), 422, "validation_failed")
        refused(dairy.admin.patch(f"/areas/{made['id']}", wrong), 422, "validation_failed")
    refused(dairy.admin.post("/areas", {}), 422, "validation_failed")
    refused(dairy.admin.post("/areas", {"name": "New", "parent_id": nobody}), 404, "area_not_found")
    refused(dairy.admin.patch(f"/areas/{made['id']}", {"parent_id": nobody}), 404, "area_not_found")
    refused(dairy.admin.patch(f"/areas/{nobody}", {"name": "New"}), 404, "area_not_found")
    assert tree(dairy) == {"Kothrud": None}


def test_areas_page_by_name(dairy: Dairy) -> None:
    for name in ("C", "A", "B"):
        area(dairy, name)
    first = ok(dairy.admin.get("/areas", limit=2))
    rest = ok(dairy.admin.get("/areas", limit=2, cursor=first["next_cursor"]))
    assert [each["name"] for each in first["items"] + rest["items"]] == ["A", "B", "C"]


@pytest.mark.parametrize("role", ["accountant", "delivery_boy", "marketing_staff", "customer", "supplier"])
def test_who_reads_and_who_writes(dairy: Dairy, role: str) -> None:
    made, client = area(dairy, "Kothrud"), dairy.staff(role)
    if role in {"customer", "supplier"}:
        refused(client.get("/areas"), 403, "forbidden")
    else:
        assert [each["id"] for each in ok(client.get("/areas"))["items"]] == [made["id"]]
    refused(client.post("/areas", {"name": "New"}), 403, "forbidden")
    refused(client.patch(f"/areas/{made['id']}", {"name": "New"}), 403, "forbidden")
    assert tree(dairy) == {"Kothrud": None}
