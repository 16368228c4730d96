"""Tax classes and their dated rates over HTTP."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok, refused
from tests.races import at_once

RATE = {"supply_type": "taxable", "gst_rate": "3.00", "valid_from": "2027-04-01", "source": "A notification to come"}


def rates(dairy: Dairy, code: str) -> list[tuple[str, str | None, str | None]]:
    (found,) = [each for each in ok(dairy.admin.get("/tax-classes"))["items"] if each["code"] == code]
    return [(rate["gst_rate"], rate["valid_from"], rate["valid_to"]) for rate in found["rates"]]


def test_the_seeded_change_of_2025_is_there(dairy: Dairy) -> None:
    ghee = ok(dairy.admin.post("/products", {"sku": "G", "name": "Ghee", "unit": "kg", "hsn_code": "0405"}), 201)
    before, since = rates(dairy, ghee["tax_class"])
    assert (before[0], before[2], since[:2]) == ("12.00", "2025-09-21", ("5.00", "2025-09-22"))


@pytest.mark.parametrize(
    ("hsn", "rates_then_and_now", "notifications"),
    [
        ("2105", ["18.00", "5.00"], ["1/2017", "9/2025"]),
        ("22029930", ["12.00", "5.00"], ["1/2017", "9/2025"]),
        ("0404", ["5.00"], ["1/2017-Central Tax (Rate) as amended by 6/2022; since 22 September 2025 9/2025"]),
        (
            "0405",
            ["12.00", "5.00"],
            ["1/2017-Central Tax (Rate) as amended by 6/2022;", "9/2025-Central Tax (Rate) of"],
        ),
        ("0401", ["0.00"], ["2/2017-Central Tax (Rate) as amended by 7/2022; since 22 September 2025 10/2025"]),
    ],
)
def test_every_rate_names_its_notification(
    dairy: Dairy, hsn: str, rates_then_and_now: list[str], notifications: list[str]
) -> None:
    goods = ok(dairy.admin.post("/products", {"sku": "G", "name": "Goods", "unit": "kg", "hsn_code": hsn}), 201)
    classes = {each["code"]: each["rates"] for each in ok(dairy.admin.get("/tax-classes"))["items"]}
    found = classes[goods["tax_class"]]
    assert [rate["gst_rate"] for rate in found] == rates_then_and_now
    for rate, notification in zip(found, notifications, strict=True):
        assert rate["source"].startswith(notification)
        assert rate["source"].endswith("verify with your accountant")


def test_a_new_rate_ends_the_one_in_force_the_day_before(dairy: Dairy) -> None:
    made = ok(dairy.admin.post("/tax-classes/cheese/rates", RATE), 201)
    assert (made["rates"][-1]["gst_rate"], made["rates"][-1]["source"]) == ("3.00", "A notification to come")
    assert rates(dairy, "cheese")[-2:] == [("5.00", "2025-09-22", "2027-03-31"), ("3.00", "2027-04-01", None)]
    refused(dairy.admin.post("/tax-classes/cheese/rates", RATE), 409, "already_exists")


def test_a_rate_before_a_later_one_ends_where_that_begins(dairy: Dairy) -> None:
    ok(dairy.admin.post("/tax-classes/cheese/rates", RATE), 201)
    ok(dairy.admin.post("/tax-classes/cheese/rates", RATE | {"valid_from": "2027-01-01", "gst_rate": "4.00"}), 201)
    assert rates(dairy, "cheese")[-2:] == [("4.00", "2027-01-01", "2027-03-31"), ("3.00", "2027-04-01", None)]


def test_goods_of_a_new_class_are_billed_at_its_rate(dairy: Dairy) -> None:
    dairy.seller(gstin="27AAPFU0939F1ZV")
    made = ok(dairy.admin.post("/tax-classes", {"code": "sorbet", "description": "Sorbet"}), 201)
    assert (made["rates"], made["hsn_prefix"]) == ([], None)
    scoops, asha = dairy.product("59.00", hsn_code="2105", tax_class="sorbet"), dairy.customer()
    ok(dairy.confirm(dairy.order(asha, (scoops, "1"))))
    (draft,) = ok(dairy.admin.get("/invoices"))["items"]
    assert ok(dairy.admin.get(f"/invoices/{draft['id']}"))["skip_code"] == "missing_tax_rate"
    ok(dairy.admin.post("/tax-classes/sorbet/rates", RATE | {"gst_rate": "18.00", "valid_from": "2020-01-01"}), 201)
    assert ok(dairy.admin.get(f"/invoices/{draft['id']}"))["taxable_value"] == "50.00"
    refused(dairy.admin.post("/tax-classes", {"code": "sorbet", "description": "Again"}), 409, "already_exists")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"gst_rate": "-1"}, "/gst_rate"),
        ({"gst_rate": "101"}, ""),
        ({"supply_type": "exempt"}, ""),
        ({"gst_rate": "0"}, ""),
        ({"supply_type": "free"}, "/supply_type"),
        ({"valid_from": "banana"}, "/valid_from"),
        ({"source": ""}, "/source"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(dairy: Dairy, change: dict[str, Any], pointer: str) -> None:
    problem = refused(dairy.admin.post("/tax-classes/cheese/rates", RATE | change), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == ([pointer] if pointer else [])


def test_no_such_class(dairy: Dairy) -> None:
    refused(dairy.admin.post("/tax-classes/nothing/rates", RATE), 404, "tax_class_not_found")


def test_two_rates_of_one_day_at_once_are_one(dairy: Dairy, database_url: str) -> None:
    other_admin = dairy.login("admin@dairy.example")
    answers = at_once(
        database_url,
        "LOCK TABLE tax_rates IN SHARE ROW EXCLUSIVE MODE",
        lambda: dairy.admin.post("/tax-classes/cheese/rates", RATE),
        lambda: other_admin.post("/tax-classes/cheese/rates", RATE),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
