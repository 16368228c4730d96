"""Charges for delivery and discounts that bills have by rule: what they come to, once a day and once a month."""

from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import psycopg2
import pytest
from werkzeug.test import TestResponse

from tests.billing.conftest import LivingDairy, living
from tests.dairy import Client, ok, read, refused
from tests.races import at_once

__all__ = ["living"]

DAILY = {"kind": "delivery_charge", "basis": "per_delivery_day", "amount": "5.00", "description": "Delivery"}
MONTHLY = {"kind": "delivery_charge", "basis": "per_month", "amount": "100.00", "description": "Service"}
OFF = {"kind": "discount", "basis": "percent", "amount": "10.00", "description": "Old customer"}


class Shop:
    """A dairy with milk at ₹60 and ghee at ₹630, one customer in Kothrud, and rules."""

    def __init__(self, dairy: LivingDairy) -> None:
        self.dairy, self.admin = dairy, dairy.admin
        dairy.without_cutoffs()
        self.milk = dairy.product("60.00", name="Milk")
        self.ghee = dairy.product("630.00", name="Ghee", unit="kg", hsn_code="0405")
        self.asha = dairy.customer(name="Asha Rao")

    def rule(self, known: Any, by: Client | None = None, **fields: Any) -> Any:
        return ok(self.asked(known, by, **fields), 201)

    def asked(self, known: Any, by: Client | None = None, **fields: Any) -> TestResponse:
        return (by or self.admin).post("/charge-rules", known | {"valid_from": "2026-10-01"} | fields)

    def brought(self, day: str, milk: str = "1", ghee: str = "0", to: Any = None) -> Any:
        goods = [(each, quantity) for each, quantity in ((self.milk, milk), (self.ghee, ghee)) if Decimal(quantity)]
        return self.dairy.delivered(to or self.asha, *goods, on=day)

    def draft(self, customer: Any = None) -> Any:
        (found,) = self.dairy.invoices(customer_id=(customer or self.asha)["id"], status="draft")
        return self.dairy.invoice(found["id"])

    def drafts(self) -> list[Any]:
        found: list[Any] = self.dairy.invoices(customer_id=self.asha["id"], status="draft", sort="period_start")
        return found

    def charges(self, invoice: Any = None) -> list[tuple[str, str, str, str]]:
        """Description, how often, price and total of each line that a rule made."""
        lines = [each for each in (invoice or self.draft())["lines"] if each["source"] == "charge"]
        return [(each["description"], each["quantity"], each["unit_price"], each["line_total"]) for each in lines]


@pytest.fixture
def shop(living: LivingDairy) -> Shop:
    return Shop(living)


def test_a_charge_for_each_day_with_a_delivery(shop: Shop) -> None:
    made = shop.rule(DAILY)
    for day in ("2026-10-02", "2026-10-02", "2026-10-05"):
        shop.brought(day)
    shop.dairy.order(shop.asha, (shop.milk, "1"), on="2026-10-09")
    assert shop.charges() == [("Delivery", "2.000", "5.00", "10.00")]
    (line,) = [each for each in shop.draft()["lines"] if each["source"] == "charge"]
    assert (line["charge_rule_id"], line["product_id"], line["deliveries"]) == (made["id"], None, 0)
    assert (line["first_date"], line["last_date"]) == ("2026-10-02", "2026-10-05")
    assert shop.draft()["total"] == "190.00"


def test_preview_run_and_screen_say_the_same(shop: Shop) -> None:
    shop.rule(DAILY)
    shop.rule(MONTHLY)
    shop.rule(OFF)
    shop.brought("2026-10-02", "3", "0.5")
    shop.brought("2026-10-20", "1")
    draft = shop.draft()
    shop.dairy.go_to("2026-11-01")
    previewed = shop.dairy.preview("2026-10")
    done = shop.dairy.bill("2026-10")
    (paper,) = shop.dairy.invoices(customer_id=shop.asha["id"], status="issued")
    issued = shop.dairy.invoice(paper["id"])
    # 4 × 60 + 0.5 × 630 = 555; + 2 × 5 + 100 − 55.50 = 609.50
    assert shop.charges(issued) == shop.charges(draft) == [
        ("Delivery", "2.000", "5.00", "10.00"),
        ("Service", "1.000", "100.00", "100.00"),
        ("Old customer", "1.000", "-55.50", "-55.50"),
    ]  # fmt: skip
    assert (issued["total"], done["total"], previewed["totals"]["total"]) == ("610.00", "610.00", "610.00")


def test_a_month_is_charged_once_and_a_late_delivery_brings_no_second_day(shop: Shop) -> None:
    ok(shop.admin.patch(f"/customers/{shop.asha['id']}", {"billing_cycle": "weekly"}))
    shop.rule(DAILY)
    shop.rule(MONTHLY)
    late, other = (shop.dairy.order(shop.asha, (shop.milk, "1"), on=day) for day in ("2026-10-06", "2026-10-05"))
    for day in ("2026-10-06", "2026-10-13", "2026-10-20"):
        shop.brought(day)
    first, second, third = (shop.dairy.invoice(each["id"]) for each in shop.drafts())
    assert shop.charges(first) == [("Delivery", "1.000", "5.00", "5.00"), ("Service", "1.000", "100.00", "100.00")]
    assert [shop.charges(each) for each in (second, third)] == [[("Delivery", "1.000", "5.00", "5.00")]] * 2
    shop.dairy.go_to("2026-10-21")
    shop.dairy.bill("2026-10")
    for order in (late, other):  # the one on a day that was charged, the other not
        ok(shop.dairy.confirm(order, delivered_at=f"{order['delivery_date']}T07:00:00+05:30"))
    assert shop.charges() == [("Delivery", "2.000", "5.00", "10.00")]  # the one, and 20 October
    shop.brought("2026-11-03")
    assert shop.charges(shop.dairy.invoice(shop.drafts()[-1]["id"])) == [
        ("Delivery", "1.000", "5.00", "5.00"), ("Service", "1.000", "100.00", "100.00"),
    ]  # fmt: skip


def test_the_most_narrow_rule_counts(shop: Shop) -> None:
    town = ok(shop.admin.post("/areas", {"name": "Town"}), 201)
    quarter = ok(shop.admin.post("/areas", {"name": "Quarter", "parent_id": town["id"]}), 201)
    ok(shop.admin.patch(f"/customers/{shop.asha['id']}", {"area_id": quarter["id"]}))
    balu, chitra = shop.dairy.customer(area="Town"), shop.dairy.customer(area="Village")
    for amount, scope in (("5.00", {}), ("4.00", {"area_id": town["id"]}), ("3.00", {"area_id": quarter["id"]})):
        shop.rule(DAILY, amount=amount, **scope)
    for customer in (shop.asha, balu, chitra):
        shop.brought("2026-10-02", to=customer)
    priced = [shop.charges(shop.draft(each))[0][2] for each in (shop.asha, balu, chitra)]
    assert priced == ["3.00", "4.00", "5.00"]
    shop.rule(DAILY, amount="0", customer_id=shop.asha["id"])
    assert shop.charges() == []
    shop.rule(DAILY, amount="1.00", product_id=shop.ghee["id"], description="Cold chain")  # beside, not instead
    shop.brought("2026-10-03", "0", "1", to=chitra)
    assert shop.charges(shop.draft(chitra)) == [
        ("Cold chain", "1.000", "1.00", "1.00"), ("Delivery", "2.000", "5.00", "10.00"),
    ]  # fmt: skip


def test_of_percentages_that_of_the_product_counts_before_that_of_all_goods(shop: Shop) -> None:
    shop.rule(OFF)
    shop.rule(OFF, amount="50.00", product_id=shop.ghee["id"], description="Ghee week", valid_to="2026-10-07")
    shop.brought("2026-10-02", "1", "1")
    shop.brought("2026-10-08", "1", "1")
    assert shop.charges() == [
        ("Ghee week", "1.000", "-315.00", "-315.00"),
        ("Old customer", "1.000", "-75.00", "-75.00"),  # of 60 + 60 + 630
    ]
    shop.rule(OFF, amount="0", customer_id=shop.asha["id"], valid_from="2026-10-08")
    assert shop.charges()[1] == ("Old customer", "1.000", "-6.00", "-6.00")


def test_a_rule_begins_and_ends_within_a_month(shop: Shop) -> None:
    made = shop.rule(DAILY, valid_from="2026-10-05")
    shop.rule(MONTHLY, valid_to="2026-10-05")
    shop.rule(MONTHLY, valid_from="2026-10-06", amount="120.00")
    for day in ("2026-10-04", "2026-10-05", "2026-10-06", "2026-10-07"):
        shop.brought(day)
    ok(shop.admin.patch(f"/charge-rules/{made['id']}", {"valid_to": "2026-10-06", "description": "To the door"}))
    assert shop.charges() == [
        ("Service", "1.000", "100.00", "100.00"), ("To the door", "2.000", "5.00", "10.00"),
    ]  # fmt: skip


def test_a_fixed_amount_has_the_tax_of_the_goods_by_value(shop: Shop) -> None:
    shop.dairy.seller(gstin="27AAPFU0939F1ZV")
    ok(shop.admin.patch("/settings", {"prices_include_tax": False}))
    shop.rule(MONTHLY, amount="10.00")
    shop.brought("2026-10-02", "3", "0.1")  # 180 exempt, 63 at 5 %
    lines = {each["gst_rate"]: each for each in shop.draft()["lines"] if each["source"] == "charge"}
    # 10 × 180 / 243 = 7.41, and the rest; of 2.59 twice 2.5 % are 0.06
    assert {rate: (each["unit_price"], each["line_total"], each["hsn_code"]) for rate, each in lines.items()} == {
        "0.00": ("7.41", "7.41", "0401"), "5.00": ("2.59", "2.71", "0405"),
    }  # fmt: skip
    shop.rule(DAILY, tax_class="butter_ghee")
    (named,) = [each for each in shop.draft()["lines"] if each["description"] == "Delivery"]
    assert (named["gst_rate"], named["line_total"], named["hsn_code"]) == ("5.00", "5.26", "0405")


def test_a_charge_has_the_code_of_the_most_valuable_goods_of_its_rate(shop: Shop) -> None:
    shop.dairy.seller(gstin="27AAPFU0939F1ZV")
    curd = shop.dairy.product("30.00", unit="packet", hsn_code="0403", is_packed=True)
    shop.rule(MONTHLY)
    shop.dairy.delivered(shop.asha, (shop.ghee, "0.1"), (curd, "10"), on="2026-10-02")
    (line,) = [each for each in shop.draft()["lines"] if each["source"] == "charge"]
    assert (line["gst_rate"], line["hsn_code"], line["line_total"]) == ("5.00", "0403", "100.00")


def test_a_month_of_a_product_is_charged_with_its_first_delivery(shop: Shop) -> None:
    ok(shop.admin.patch(f"/customers/{shop.asha['id']}", {"billing_cycle": "weekly"}))
    shop.rule(MONTHLY, product_id=shop.ghee["id"])
    shop.brought("2026-10-06")
    shop.brought("2026-10-13", "1", "0.1")
    shop.brought("2026-10-20", "1", "0.1")
    charged = [len(shop.charges(shop.dairy.invoice(each["id"]))) for each in shop.drafts()]
    assert charged == [0, 1, 0]


def test_a_percentage_has_the_tax_of_what_it_is_of(shop: Shop) -> None:
    shop.dairy.seller(gstin="27AAPFU0939F1ZV")
    shop.rule(OFF)
    shop.brought("2026-10-02", "3", "0.1")
    off = [
        (each["hsn_code"], each["gst_rate"], each["line_total"])
        for each in shop.draft()["lines"]
        if each["source"] == "charge"
    ]
    assert sorted(off) == [("0401", "0.00", "-18.00"), ("0405", "5.00", "-6.30")]
    shop.dairy.go_to("2026-11-01")
    shop.dairy.bill("2026-10")
    (paper,) = shop.dairy.invoices(status="issued")
    assert paper["total"] == "219.00"  # 243 less a tenth, 218.70


def test_a_voided_bill_gives_its_charges_to_the_next_and_a_credit_note_takes_one_back(shop: Shop) -> None:
    shop.rule(DAILY)
    shop.brought("2026-10-02", "1")
    shop.dairy.go_to("2026-11-01")
    shop.dairy.bill("2026-10")
    (paper,) = shop.dairy.invoices(status="issued")
    line_no = next(each["line_no"] for each in shop.dairy.invoice(paper["id"])["lines"] if each["source"] == "charge")
    note = {"invoice_id": paper["id"], "reason": "was closed", "lines": [{"line_no": line_no, "quantity": "1"}]}
    assert ok(shop.admin.post("/credit-notes", note), 201)["total"] == "5.00"
    refused(shop.admin.post("/credit-notes", note), 422, "credit_exceeds_line")
    shop.brought("2026-11-02")
    shop.dairy.go_to("2026-12-01")
    shop.dairy.bill("2026-11")
    latest = shop.dairy.invoices(status="issued", period="2026-11")[0]
    ok(shop.admin.post(f"/invoices/{latest['id']}/void", {"reason": "wrong address"}))
    assert shop.charges() == [("Delivery", "1.000", "5.00", "5.00")]


def test_sales_and_the_return_count_a_charge_as_no_goods(shop: Shop) -> None:
    shop.dairy.seller(gstin="27AAPFU0939F1ZV")
    shop.rule(DAILY)
    shop.brought("2026-10-02", "3", "0.1")
    shop.dairy.go_to("2026-11-01")
    shop.dairy.bill("2026-10")
    sold = {
        each["name"]: each
        for each in ok(shop.admin.get("/reports/sales", **{"from": "2026-10", "to": "2026-10"}))["items"]
    }
    assert set(sold) == {"Milk", "Ghee", None}
    answer = shop.admin.get("/exports/gstr1.zip", period="2026-10")
    assert answer.status_code == 200


def test_who_may_and_what_is_refused(shop: Shop) -> None:
    accountant, helper = shop.dairy.staff("accountant"), shop.dairy.staff("delivery_boy")
    refused(shop.asked(DAILY, accountant), 403, "forbidden")
    refused(helper.get("/charge-rules"), 403, "forbidden")
    made = shop.rule(DAILY, valid_to="2026-10-31")
    assert (made["is_billed"], made["created_by"]) == (False, shop.admin.user["id"])
    assert [each["id"] for each in read(accountant, "/charge-rules")] == [made["id"]]
    refused(shop.asked(DAILY, valid_from="2026-10-31"), 409, "overlaps")
    nobody = shop.milk["id"]
    for fields, status, code in (
        ({"amount": "-1.00"}, 422, "validation_failed"),
        ({"basis": "percent", "amount": "100.01"}, 422, "validation_failed"),
        ({"basis": "per_litre"}, 422, "validation_failed"),
        ({"description": ""}, 422, "validation_failed"),
        ({"valid_from": "2026-11-02", "valid_to": "2026-11-01"}, 422, "validation_failed"),
        ({"valid_from": "2025-09-29"}, 422, "validation_failed"),
        ({"valid_to": "9999-12-31"}, 422, "validation_failed"),
        ({"customer_id": shop.asha["id"], "area_id": nobody}, 422, "validation_failed"),
        ({"customer_id": nobody}, 404, "customer_not_found"),
        ({"area_id": nobody}, 404, "area_not_found"),
        ({"product_id": shop.asha["id"]}, 404, "product_not_found"),
        ({"tax_class": "gold"}, 404, "tax_class_not_found"),
    ):
        refused(shop.asked(DAILY, **({"valid_from": "2026-11-01"} | fields)), status, code)
    next_month = shop.rule(DAILY, valid_from="2026-11-01")
    path = f"/charge-rules/{made['id']}"
    refused(shop.admin.patch(path, {"valid_to": None}), 409, "overlaps")
    refused(shop.admin.patch(path, {"valid_to": "2026-09-30"}), 422, "validation_failed")
    refused(shop.admin.patch(path, {"amount": "6.00"}), 422, "validation_failed")
    ok(shop.admin.delete(f"/charge-rules/{next_month['id']}"), 204)
    assert ok(shop.admin.patch(path, {"valid_to": None}))["valid_to"] is None
    refused(shop.admin.get(f"/charge-rules/{next_month['id']}"), 404, "charge_rule_not_found")
    assert {each["action"] for each in read(shop.admin, "/audit-log", table_name="charge_rules")} == {
        "INSERT", "UPDATE", "DELETE",
    }  # fmt: skip


def test_a_rule_of_an_issued_bill_stays(shop: Shop) -> None:
    made = shop.rule(DAILY)
    shop.brought("2026-10-02")
    shop.dairy.go_to("2026-11-01")
    shop.dairy.bill("2026-10")
    path = f"/charge-rules/{made['id']}"
    assert ok(shop.admin.get(path))["is_billed"]
    refused(shop.admin.delete(path), 409, "in_use")
    ok(shop.admin.patch(path, {"valid_to": "2026-10-31"}))
    assert [each["id"] for each in read(shop.admin, "/charge-rules", on="2026-10-31")] == [made["id"]]
    assert read(shop.admin, "/charge-rules", on="2026-11-01") == []


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("amount = 6", "tr_charge_rules_only_end"),
        ("kind = 'discount'", "tr_charge_rules_only_end"),
        ("valid = '[2026-10-02,)'", "tr_charge_rules_only_end"),
        ("customer_id = (SELECT id FROM customers LIMIT 1)", "tr_charge_rules_only_end"),
    ],
)
def test_past_the_service_a_rule_only_ends(shop: Shop, sql: Any, change: str, constraint: str) -> None:
    shop.rule(DAILY)
    with pytest.raises(psycopg2.errors.CheckViolation) as refusal:
        sql(f"UPDATE charge_rules SET {change}")
    assert refusal.value.diag.constraint_name == constraint


def test_past_the_service_a_line_has_a_rule_if_it_is_of_one(shop: Shop, sql: Any) -> None:
    shop.rule(DAILY)
    shop.brought("2026-10-02")
    shop.dairy.go_to("2026-11-01")
    shop.dairy.bill("2026-10")
    with pytest.raises(psycopg2.errors.CheckViolation):
        sql(
            "INSERT INTO charge_rules (kind, basis, amount, valid, description, created_by)"
            " SELECT 'discount', 'percent', 101, '[2026-10-01,)', 'x', created_by FROM charge_rules"
        )
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        sql("DELETE FROM charge_rules")


@pytest.mark.parametrize("first", ["ended", "billed"])
def test_a_rule_is_deleted_while_bills_are_issued(shop: Shop, database_url: str, first: str) -> None:
    made = shop.rule(DAILY)
    shop.brought("2026-10-02")
    shop.dairy.go_to("2026-11-01")
    calls = [
        lambda: shop.admin.delete(f"/charge-rules/{made['id']}").status_code,
        lambda: shop.admin.post("/billing/runs", {"period": "2026-10"}).status_code,
    ]
    hold = "SELECT pg_advisory_xact_lock(x'636861726765'::bigint)"
    answers = at_once(database_url, hold, *(calls if first == "ended" else calls[::-1]), one_by_one=True)
    assert sorted(answers) in ([201, 204], [201, 409])
    (paper,) = shop.dairy.invoices(customer_id=shop.asha["id"])
    assert paper["status"] == "issued"
    assert paper["total"] == ("65.00" if 409 in answers else "60.00")


# ---------------------------------------------------------------------------- once, whatever became of the documents


def weekly(shop: Shop) -> None:
    ok(shop.admin.patch(f"/customers/{shop.asha['id']}", {"billing_cycle": "weekly"}))


def charged(shop: Shop) -> Decimal:
    """What rules brought on the documents that are issued."""
    papers = [shop.dairy.invoice(each["id"]) for each in shop.dairy.invoices(status="issued")]
    return sum((Decimal(total) for paper in papers for *_, total in shop.charges(paper)), Decimal(0))


def void(shop: Shop, first_day: str) -> None:
    (paper,) = [each for each in shop.dairy.invoices(status="issued") if each["period_start"] == first_day]
    ok(shop.admin.post(f"/invoices/{paper['id']}/void", {"reason": "wrong address", "after_return": True}))


def late(shop: Shop, order: Any) -> None:
    ok(shop.dairy.confirm(order, delivered_at=f"{order['delivery_date']}T07:00:00+05:30"))


def test_a_week_that_is_told_late_brings_no_second_month(shop: Shop) -> None:
    weekly(shop)
    shop.rule(MONTHLY)
    order = shop.dairy.order(shop.asha, (shop.milk, "1"), on="2026-10-06")
    shop.brought("2026-10-13")
    shop.dairy.go_to("2026-10-16")
    shop.dairy.bill("2026-10")
    late(shop, order)
    assert shop.charges() == []
    shop.dairy.bill("2026-10")
    assert charged(shop) == 100


def test_a_voided_week_takes_its_month_along_and_brings_it_back(shop: Shop) -> None:
    weekly(shop)
    shop.rule(MONTHLY)
    for day in ("2026-10-13", "2026-10-20"):
        shop.brought(day)
    shop.dairy.go_to("2026-10-26")
    shop.dairy.bill("2026-10")
    void(shop, "2026-10-08")
    assert shop.charges() == [("Service", "1.000", "100.00", "100.00")]
    shop.dairy.bill("2026-10")
    assert charged(shop) == 100


def test_a_voided_week_whose_month_another_has_by_now_brings_none(shop: Shop) -> None:
    weekly(shop)
    shop.rule(MONTHLY, product_id=shop.ghee["id"])
    order = shop.dairy.order(shop.asha, (shop.ghee, "1"), on="2026-10-03")
    shop.brought("2026-10-05")
    shop.brought("2026-10-13", "1", "0.1")
    shop.dairy.go_to("2026-10-16")
    shop.dairy.bill("2026-10")
    void(shop, "2026-10-01")
    late(shop, order)
    shop.dairy.bill("2026-10")
    assert charged(shop) == 100


def test_a_week_that_could_not_be_issued_keeps_its_month(shop: Shop) -> None:
    weekly(shop)
    shop.rule(MONTHLY)
    shop.brought("2026-10-13")
    much = {"customer_id": shop.asha["id"], "kind": "discount", "description": "Slip", "amount": "-500.00"}
    slip = ok(shop.admin.post("/adjustments", much | {"adjusted_on": "2026-10-13", "reason": "slip"}), 201)
    shop.brought("2026-10-20")
    shop.dairy.go_to("2026-10-25")
    assert [each["code"] for each in shop.dairy.bill("2026-10")["skipped"]] == ["negative_total"]
    assert charged(shop) == 0
    ok(shop.admin.delete(f"/adjustments/{slip['id']}"), 204)
    shop.dairy.bill("2026-10")
    assert charged(shop) == 100


def test_a_day_charged_on_a_later_bill_is_charged_there_only(shop: Shop) -> None:
    shop.rule(DAILY)
    orders = [shop.dairy.order(shop.asha, (shop.milk, "1"), on="2026-10-03") for _ in range(2)]
    shop.brought("2026-10-05")
    shop.dairy.go_to("2026-11-01")
    shop.dairy.bill("2026-10")
    late(shop, orders[0])
    shop.dairy.go_to("2026-12-01")
    shop.dairy.bill("2026-11")
    late(shop, orders[1])
    shop.dairy.go_to("2027-01-01")
    shop.dairy.bill("2026-12", confirm=True)
    assert charged(shop) == 10
    void(shop, "2026-11-01")
    assert shop.charges() == [("Delivery", "1.000", "5.00", "5.00")]
    shop.dairy.bill("2026-12", confirm=True)
    assert charged(shop) == 10
    void(shop, "2026-10-01")
    shop.dairy.bill("2026-12", confirm=True)
    assert charged(shop) == 10


def test_a_month_rule_that_begins_later_counts_from_its_first_day_in_every_cycle(shop: Shop) -> None:
    balu = shop.dairy.customer()
    weekly(shop)
    shop.rule(MONTHLY, valid_from="2026-10-12")
    for day in ("2026-10-06", "2026-10-13"):
        shop.brought(day)
        shop.brought(day, to=balu)
    of_weeks = [shop.charges(shop.dairy.invoice(each["id"])) for each in shop.drafts()]
    assert of_weeks == [[], shop.charges(shop.draft(balu))]
    shop.rule(MONTHLY, amount="0", customer_id=shop.asha["id"], valid_to="2026-10-12")  # frees of nothing that is due
    assert [len(shop.charges(shop.dairy.invoice(each["id"]))) for each in shop.drafts()] == [0, 1]


def test_what_is_free_bears_a_charge_when_nothing_else_does(shop: Shop) -> None:
    shop.dairy.seller(gstin="27AAPFU0939F1ZV")
    shop.rule(DAILY)
    shop.rule(MONTHLY | {"kind": "discount"})
    shop.dairy.go_to("2026-10-02")
    gifts = [
        {"product_id": each["id"], "quantity": "1", "unit_price": "0", "price_reason": "gift"}
        for each in (shop.milk, shop.ghee)
    ]
    body = {"customer_id": shop.asha["id"], "delivery_date": "2026-10-02", "items": gifts}
    ok(shop.dairy.confirm(ok(shop.admin.post("/orders", body), 201)))
    assert [total for *_, total in shop.charges()] == ["2.50", "2.50"]


def test_a_discount_takes_off_no_more_than_the_goods_come_to(shop: Shop) -> None:
    shop.rule(DAILY | {"kind": "discount", "amount": "70.00"})
    shop.brought("2026-10-02")
    assert shop.charges() == [("Delivery", "1.000", "-60.00", "-60.00")]
    shop.brought("2026-10-03", "2")
    assert shop.charges() == [("Delivery", "2.000", "-70.00", "-140.00")]


def test_each_day_has_its_own_rate_where_the_delivery_decides(shop: Shop, sql: Any) -> None:
    shop.dairy.seller(gstin="27AAPFU0939F1ZV")
    ok(shop.admin.patch("/settings", {"tax_rate_date": "delivery_date"}))
    sql(
        "UPDATE tax_rates SET valid = daterange(lower(valid), '2026-10-20') WHERE tax_class = 'butter_ghee'"
        " AND upper_inf(valid)"
    )
    sql(
        "INSERT INTO tax_rates (tax_class, supply_type, gst_rate, valid, source)"
        " VALUES ('butter_ghee', 'taxable', 12, '[2026-10-20,)', 'test')"
    )
    shop.rule(DAILY, tax_class="butter_ghee")
    shop.rule(OFF, tax_class="butter_ghee")
    for day in ("2026-10-02", "2026-10-03", "2026-10-21"):
        shop.brought(day)
    lines = [each for each in shop.draft()["lines"] if each["source"] == "charge"]
    assert [(each["description"], each["gst_rate"], each["gross_amount"]) for each in lines] == [
        ("Delivery", "5.00", "10.00"), ("Delivery", "12.00", "5.00"),
        ("Old customer", "5.00", "-12.00"), ("Old customer", "12.00", "-6.00"),
    ]  # fmt: skip


def test_a_class_that_no_bill_could_be_issued_with_is_refused(shop: Shop, sql: Any) -> None:
    shop.dairy.seller(gstin="27AAPFU0939F1ZV")
    sql("INSERT INTO tax_classes (code, description, is_packed, is_default) VALUES ('fees', 'Fees', NULL, false)")
    sql(
        "INSERT INTO tax_rates (tax_class, supply_type, gst_rate, valid, source)"
        " VALUES ('fees', 'taxable', 18, '[2026-10-01,)', 'test')"
    )
    shop.dairy.go_to("2026-11-05")
    told = refused(shop.asked(DAILY, valid_from="2026-11-01", tax_class="fees"), 422, "validation_failed")
    assert "no HSN code" in told["detail"]
    sql("UPDATE tax_classes SET hsn_prefix = '9968' WHERE code = 'fees'")
    sql("UPDATE tax_rates SET valid = '[2026-11-01,)' WHERE tax_class = 'fees'")
    told = refused(shop.asked(DAILY, valid_from="2026-10-31", tax_class="fees"), 422, "validation_failed")
    assert "2026-10-31" in told["detail"]
    shop.rule(DAILY, valid_from="2026-11-01", tax_class="fees")


def test_a_slip_is_taken_back_when_its_bills_are_void(shop: Shop) -> None:
    slip = shop.rule(DAILY, amount="50.00")
    shop.brought("2026-10-02")
    shop.dairy.go_to("2026-11-01")
    shop.dairy.bill("2026-10")
    refused(shop.admin.delete(f"/charge-rules/{slip['id']}"), 409, "in_use")
    void(shop, "2026-10-01")
    assert shop.charges() == [("Delivery", "1.000", "50.00", "50.00")]
    ok(shop.admin.delete(f"/charge-rules/{slip['id']}"), 204)
    assert shop.charges() == []
    since = ok(shop.admin.get(f"/charge-rules/{slip['id']}"))["replaced_at"]
    ok(shop.admin.delete(f"/charge-rules/{slip['id']}"), 204)
    assert ok(shop.admin.get(f"/charge-rules/{slip['id']}"))["replaced_at"] == since is not None
    assert [each["id"] for each in read(shop.admin, "/charge-rules", ended="true")] == [slip["id"]]
    shop.rule(DAILY)
    assert shop.charges() == [("Delivery", "1.000", "5.00", "5.00")]


class Reckoning:
    """What rules come to for one customer and month of a dairy without GST, reckoned from its deliveries."""

    def __init__(self, rules: list[Any], customer: str, areas: list[str]) -> None:
        self.rules, self.customer, self.areas = rules, customer, areas

    def breadth(self, rule: Any) -> int | None:
        if rule["customer_id"]:
            return -1 if rule["customer_id"] == self.customer else None
        if rule["area_id"]:
            return self.areas.index(rule["area_id"]) if rule["area_id"] in self.areas else None
        return 1000

    def holding(self, kind: str, basis: str, day: str) -> list[tuple[int, Any]]:
        found = [(self.breadth(each), each) for each in self.rules if (each["kind"], each["basis"]) == (kind, basis)]
        return [
            (breadth, each)
            for breadth, each in found
            if breadth is not None and each["valid_from"] <= day <= (each["valid_to"] or "9999")
        ]

    def amounts(self, brought: list[tuple[str, str, Decimal, Decimal]]) -> dict[str, Decimal]:
        """By rule, of deliveries (day, product, quantity, price), the earliest first."""
        come: dict[str, Decimal] = {}
        for kind, sign in (("delivery_charge", 1), ("discount", -1)):
            bases: dict[str, dict[tuple[str, Decimal], Decimal]] = {}
            percents = {}
            for day, product, quantity, price in brought:
                fits = [each for each in self.holding(kind, "percent", day) if each[1]["product_id"] in (None, product)]
                if fits:
                    rule = min(fits, key=lambda each: (each[0], each[1]["product_id"] is None))[1]
                    base = bases.setdefault(rule["id"], {})
                    base[product, price] = base.get((product, price), Decimal(0)) + quantity
                    percents[rule["id"]] = Decimal(rule["amount"])
            for rule_id, base in bases.items():
                value = sum(half_up(quantity * price) for (_, price), quantity in base.items())
                come[rule_id] = sign * half_up(value * percents[rule_id] / 100)
            for basis in ("per_delivery_day", "per_month"):
                counted = set()
                for day, product, _, _ in brought:
                    held = [each for each in self.holding(kind, basis, day) if each[1]["product_id"] in (None, product)]
                    for of_product in {each[1]["product_id"] for each in held}:
                        same = [each for each in held if each[1]["product_id"] == of_product]
                        time = (of_product, day if basis == "per_delivery_day" else day[:7])
                        rule = min(same, key=lambda each: each[0])[1]
                        if time not in counted and Decimal(rule["amount"]):
                            counted.add(time)
                            come[rule["id"]] = come.get(rule["id"], Decimal(0)) + sign * Decimal(rule["amount"])
        for rule in self.rules:  # no more is taken off than the goods come to
            if rule["id"] in come and rule["kind"] == "discount" and rule["basis"] != "percent":
                goods = [each for each in brought if rule["product_id"] in (None, each[1])]
                come[rule["id"]] = max(come[rule["id"]], -half_up(sum(q * p for _, _, q, p in goods)))
        return {rule_id: amount for rule_id, amount in come.items() if amount}


def half_up(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize("seed", range(4))
def test_random_rules_come_to_what_is_reckoned_by_hand(shop: Shop, seed: int) -> None:
    chance = Random(seed)
    town = ok(shop.admin.post("/areas", {"name": "Town"}), 201)["id"]
    quarter = ok(shop.admin.post("/areas", {"name": "Quarter", "parent_id": town}), 201)["id"]
    around = {"Quarter": [quarter, town], "Town": [town], "Village": []}
    homes = {shop.dairy.customer(area=name)["id"]: areas for name, areas in around.items()}
    rules = []
    for _ in range(60):
        scope = chance.choice([{}, {"area_id": town}, {"area_id": quarter}, {"customer_id": chance.choice([*homes])}])
        first, last = sorted(f"2026-10-{chance.randint(1, 31):02}" for _ in range(2))
        wanted = scope | {
            "kind": chance.choice(["delivery_charge", "discount"]),
            "basis": chance.choice(["per_delivery_day", "per_month", "percent"]),
            "amount": f"{chance.choice([0, chance.randint(1, 900)]) / 100:.2f}",
            "description": "x",
            "valid_from": first,
            "valid_to": chance.choice([None, last]),
            "product_id": chance.choice([None, None, shop.milk["id"], shop.ghee["id"]]),
        }
        answer = shop.admin.post("/charge-rules", wanted)
        if answer.status_code == 409:
            assert answer.get_json()["code"] == "overlaps"
        else:
            rules.append(ok(answer, 201))
    assert len(rules) > 20
    brought: dict[str, list[tuple[str, str, Decimal, Decimal]]] = {each: [] for each in homes}
    for day in sorted(chance.sample(range(1, 32), 9)):
        for customer in chance.sample([*homes], 2):
            milk, ghee = (Decimal(chance.randint(*span)) / 1000 for span in ((500, 4000), (0, 700)))
            shop.brought(f"2026-10-{day:02}", f"{milk}", f"{ghee}", to={"id": customer})
            brought[customer] += [(f"2026-10-{day:02}", shop.milk["id"], milk, Decimal(60))]
            brought[customer] += [(f"2026-10-{day:02}", shop.ghee["id"], ghee, Decimal(630))] if ghee else []
    compared = 0
    for customer, areas in homes.items():
        come: dict[str, Decimal] = {}
        for line in shop.draft({"id": customer})["lines"]:
            if line["source"] == "charge":
                come[line["charge_rule_id"]] = come.get(line["charge_rule_id"], Decimal(0)) + Decimal(
                    line["line_total"]
                )
        assert come == Reckoning(rules, customer, areas).amounts(brought[customer])
        compared += len(come)
    assert compared > 5
