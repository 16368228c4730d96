"""Customers with what they get and owe, in one file."""

from datetime import date
from typing import Any

from tests.dairy import Dairy, ok, read, refused
from tests.importing.sheets import faults, read_as, upload, workbook

SHEET = """Sunrise Dairy,,,,,,,
List of customers November 2026,,,,,,,

S.No,Name,Mobile No.,Address,Area,Product,Litres,Balance
1,Asha Rao,98123 45601,1 Mill Road,Kothrud,Cow Milk,1.5,"1,240.50 Dr"
2,Ravi Joshi,098123-45602,2 Mill Road,Kothrud,BUF,½,₹ 250 Cr

3,Meena,9812345603,3 Mill Road,Baner,,,
,Total,,,,,2,
"""


def milk(dairy: Dairy) -> tuple[Any, Any]:
    return dairy.product(name="Cow Milk", sku="COW"), dairy.product("70.00", name="Buffalo Milk", sku="BUF")


def test_customers_with_standing_orders_and_balances_in_one_file(dairy: Dairy) -> None:
    milk(dairy)
    seen = ok(upload(dairy.admin, "customers", SHEET, dry_run=True), 200)
    assert (seen["dry_run"], seen["created"], seen["faults"]) == (True, 3, [])
    assert read_as(seen) == {
        "S.No": None, "Name": "name", "Mobile No.": "phone", "Address": "address_line1", "Area": "area",
        "Product": "product", "Litres": "quantity", "Balance": "opening_balance",
    }  # fmt: skip
    assert ok(dairy.admin.get("/customers"))["items"] == []
    made = ok(upload(dairy.admin, "customers", SHEET), 201)
    assert {name: made[name] for name in ("created", "skipped", "standing_orders", "opening_balances", "logins")} == {
        "created": 3, "skipped": 0, "standing_orders": 2, "opening_balances": 2, "logins": 3,
    }  # fmt: skip
    assert [(each["line"], each["code"]) for each in made["items"]] == [(5, "C000001"), (6, "C000002"), (8, "C000003")]
    customers = {each["name"]: each for each in read(dairy.admin, "/customers")}
    assert [customers[name]["id"] for name in ("Asha Rao", "Ravi Joshi", "Meena")] == [
        each["id"] for each in made["items"]
    ]
    assert customers["Ravi Joshi"]["phone"] == "+919812345602"
    orders = read(dairy.admin, "/subscriptions")
    shown = ("product_name", "default_quantity", "mode", "shift", "channel")
    assert [[each[name] for name in shown] for each in orders] == [
        ["Cow Milk", "1.500", "fixed_daily", "morning", "import"],
        ["Buffalo Milk", "0.500", "fixed_daily", "morning", "import"],
    ]
    openings = read(dairy.admin, "/opening-balances")
    assert sorted((each["customer_code"], each["amount"], each["as_of"]) for each in openings) == [
        ("C000001", "1240.50", dairy.day(0)), ("C000002", "-250.00", dairy.day(0)),
    ]  # fmt: skip


def test_one_row_a_customer_with_a_column_for_each_product(dairy: Dairy) -> None:
    milk(dairy)
    rows = (
        ("Name", "Phone", "Address", "Area", "Cow Milk", "BUF", "Cow Milk (Evening)", "Curd"),
        ("Asha", 9812345601, "1 Mill Road", "Kothrud", 1, 0.5, None, 3),
        ("Ravi", 9812345602.0, "2 Mill Road", "Kothrud", 0, "-", "500 ml", None),
    )
    made = ok(upload(dairy.admin, "customers", workbook(*rows), "customers.xlsx"), 201)
    assert read_as(made)["Cow Milk"] == "product:COW"
    assert read_as(made)["BUF"] == "product:BUF"
    assert read_as(made)["Cow Milk (Evening)"] == "product:COW evening"
    assert read_as(made)["Curd"] is None
    orders = {
        (each["product_name"], each["shift"]): each["default_quantity"] for each in read(dairy.admin, "/subscriptions")
    }
    assert orders == {
        ("Cow Milk", "morning"): "1.000", ("Buffalo Milk", "morning"): "0.500", ("Cow Milk", "evening"): "0.500",
    }  # fmt: skip
    assert (made["created"], made["standing_orders"]) == (2, 3)


def test_a_customer_in_several_rows_is_one_with_several_standing_orders(dairy: Dairy) -> None:
    milk(dairy)
    text = (
        "Code,Name,Phone,Address,Area,Product,Qty,Days\n"
        "A1,Asha,9812345601,1 Mill Road,Kothrud,COW,1,Mon-Fri\n"
        "A1,,,,,BUF,1,\n"
        ",Ravi,9812345602,2 Mill Road,Kothrud,COW,2,\n"
        ",ravi ,+91 98123 45602,2 Mill Road,,BUF,1,\n"
        "A1,Asha,9812345601,,,COW,2,Sat Sun\n"
    )
    made = ok(upload(dairy.admin, "customers", text), 201)
    assert (made["created"], made["standing_orders"], len(made["items"])) == (2, 5, 5)
    asha = {each["id"] for each in made["items"] if each["line"] in (2, 3, 6)}
    assert len(asha) == 1
    weeks = [each["weekly_pattern"] for each in read(dairy.admin, "/subscriptions", customer_id=asha.pop())]
    assert sorted(weeks, key=str) == [None, [0, 1, 2, 3, 4], [5, 6]]


def test_rows_that_contradict_each_other(dairy: Dairy) -> None:
    milk(dairy)
    text = (
        "Code,Name,Phone,Address,Area,Product,Qty\n"
        "A1,Asha,9812345601,1 Mill Road,Kothrud,COW,1\n"
        "A1,Bela,9812345609,9 Mill Road,Kothrud,BUF,1\n"  # the code of another
        "A1,Asha,9812345601,1 Mill Road,Kothrud,,\n"  # adds nothing
        "A1,Asha,9812345601,7 Mill Road,Kothrud,BUF,1\n"  # lives elsewhere
        "A1,Asha,9812345601,1 Mill Road,Kothrud,COW,2\n"  # the same again
        "A2,Asha,9812345601,1 Mill Road,Kothrud,COW,2\n"
    )
    assert faults(ok(upload(dairy.admin, "customers", text, dry_run=True), 200)) == [
        (3, "code", "duplicate"), (4, "name", "duplicate"), (5, "address_line1", "differs"),
        (6, "product", "duplicate"), (7, "name", "duplicate"),
    ]  # fmt: skip


def test_every_fault_by_its_line_and_nothing_written(dairy: Dairy) -> None:
    milk(dairy)
    old = dairy.product(name="Toned", sku="TON")
    ok(dairy.admin.patch(f"/products/{old['id']}", {"is_active": False}))
    dairy.product(None, name="Ghee", sku="GHEE", unit="packet")
    taken = dairy.customer(name="Taken", phone="+919812345699", code="T1")
    text = (
        "Name,Phone,Address,Area,Product,Qty,Balance,As of,Pincode,Code\n"
        "Asha,9.19E+11,1 Mill Road,Kothrud,COW,1,,,,\n"
        "Ravi,12,2 Mill Road,Kothrud,Yak,1,,,,\n"
        "Meena,9812345603,,Kothrud,COW,much,,,0123,\n"
        "Taken,9812345699,4 Mill Road,Kothrud,COW,1,,,,\n"
        "Other,9812345698,4 Mill Road,Kothrud,COW,1,,,,T1\n"
        "Off,9812345604,5 Mill Road,Kothrud,TON,1,,,,\n"
        "Dear,9812345605,6 Mill Road,Kothrud,GHEE,1,,,,\n"
        'Owes,9812345606,7 Mill Road,Kothrud,COW,1,"12,34,5",31-10-2099,,\n'
        "None,9812345607,8 Mill Road,Kothrud,COW,,,,,\n"
        "Far,9812345608,8 Mill Road,Kothrud,COW,1,,,,C999999999\n"
        "Half,9812345610,8 Mill Road,Kothrud,,1,,,,\n"
    )
    seen = ok(upload(dairy.admin, "customers", text, dry_run=True), 200)
    expected = [
        (2, "phone", "shortened"), (3, "phone", "invalid"), (3, "product", "product_not_found"),
        (4, "address_line1", "required"), (4, "pincode", "invalid"), (4, "quantity", "invalid"),
        (5, "name", "already_exists"), (6, "code", "already_exists"), (7, "product", "product_inactive"),
        (8, "product", "no_price"), (9, "opening_balance", "invalid"),
        (10, "quantity", "required"), (11, "code", "invalid"), (12, "product", "required"),
    ]  # fmt: skip
    assert sorted(faults(seen)) == sorted(expected)
    assert (seen["created"], seen["items"], seen["fault_count"]) == (0, [], len(expected))
    problem = refused(upload(dairy.admin, "customers", text), 422, "validation_failed")
    assert problem["faults"] == seen["faults"]
    assert problem["detail"] == f"Nothing was imported: {len(expected)} faults."
    assert {(each["pointer"], each["code"]) for each in problem["errors"]} == {
        (f"/rows/{line}/{column}", code) for line, column, code in expected
    }
    assert [each["id"] for each in read(dairy.admin, "/customers")] == [taken["id"]]


def test_what_exists_is_skipped_and_what_is_missing_added(dairy: Dairy) -> None:
    milk(dairy)
    text = (
        "Name,Phone,Address,Area,Cow Milk,BUF,Balance\n"
        "Asha,9812345601,1 Mill Road,Kothrud,1,,100\n"
    )  # fmt: skip
    first = ok(upload(dairy.admin, "customers", text), 201)
    again = text.replace("1,,100", "1,2,100") + "Ravi,9812345602,2 Mill Road,Kothrud,1,,\n"
    assert faults(ok(upload(dairy.admin, "customers", again, dry_run=True), 200))[0] == (2, "name", "already_exists")
    seen = ok(upload(dairy.admin, "customers", again, on_existing="skip", dry_run=True), 200)
    made = ok(upload(dairy.admin, "customers", again, on_existing="skip"), 201)
    for answer in (seen, made):
        counts = {name: answer[name] for name in ("created", "skipped", "standing_orders", "opening_balances")}
        assert counts == {"created": 1, "skipped": 1, "standing_orders": 2, "opening_balances": 0}
    assert [(each["line"], each["skipped"]) for each in made["items"]] == [(2, True), (3, False)]
    assert made["items"][0]["id"] == first["items"][0]["id"]
    assert len(read(dairy.admin, "/subscriptions")) == 3
    done = ok(upload(dairy.admin, "customers", again, on_existing="skip"), 201)
    assert (done["created"], done["skipped"], done["standing_orders"]) == (0, 2, 0)


def test_orders_that_are_made_already_follow(dairy: Dairy) -> None:
    milk(dairy)
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(1)}))
    text = "Name,Phone,Address,Area,COW\nAsha,9812345601,1 Mill Road,Kothrud,1.5\n"
    ok(upload(dairy.admin, "customers", text), 201)
    (order,) = read(dairy.admin, "/orders", delivery_date=dairy.day(1))
    assert order["items"][0]["quantity"] == "1.500"


def test_codes_of_the_dairys_own_form_move_with_a_file(dairy: Dairy) -> None:
    header = "Code,Name,Phone,Address,Area\n"
    text = header + "C000003,Asha,9812345601,1 Mill Road,Kothrud\n,Ravi,9812345602,2 Mill Road,Kothrud\n"
    made = ok(upload(dairy.admin, "customers", text), 201)
    assert [each["code"] for each in made["items"]] == ["C000003", "C000004"]
    assert dairy.customer()["code"] == "C000005"


def test_hindi_headings_words_and_digits(dairy: Dairy) -> None:
    milk(dairy)
    text = (
        "ग्राहक सूची\nनाम;मोबाइल;पता;इलाका;उत्पाद;मात्रा;वार;पाली;बकाया\n"
        "आशा;९८१२३४५६०१;मिल रोड;कोथरूड;Cow Milk;१.५;सोम, बुध;शाम;₹ ५००\n"
    )
    made = ok(upload(dairy.admin, "customers", text.encode("utf-16")), 201)
    assert (made["created"], made["standing_orders"], made["opening_balances"]) == (1, 1, 1)
    (order,) = read(dairy.admin, "/subscriptions")
    assert (order["default_quantity"], order["weekly_pattern"], order["shift"]) == ("1.500", [0, 2], "evening")


def test_another_sheet_by_name_or_number(dairy: Dairy) -> None:
    rows = (
        (), (None, "Customers of Baner"), (),
        (None, "Name", None, "Phone", "Address", "Area", "Trial start date"),
        (None, "Asha", None, "98123 45601.0", "1 Mill Road", "Baner", date(2026, 10, 31)),
        (), (None, "Ravi", None, 9812345602, "2 Mill Road", "Baner", "31/10/26"),
    )  # fmt: skip
    raw = workbook(*rows, sheet="Baner", before=("Notes",))
    refused(upload(dairy.admin, "customers", raw), 422, "validation_failed")
    problem = refused(upload(dairy.admin, "customers", raw, sheet="Kothrud"), 422, "validation_failed")
    assert problem["errors"] == [
        {
            "pointer": "/sheet",
            "code": "sheet_not_found",
            "detail": "There is no such sheet; there are: 1 Notes, 2 Baner.",
        }
    ]
    for sheet in ("2", "baner"):
        seen = ok(upload(dairy.admin, "customers", raw, sheet=sheet, dry_run=True), 200)
        assert [each["line"] for each in seen["items"]] == [5, 7]
    ok(upload(dairy.admin, "customers", raw, sheet="Baner"), 201)
    assert {each["trial_start_date"] for each in read(dairy.admin, "/customers")} == {"2026-10-31"}


def test_who_pays_is_named_by_code(dairy: Dairy) -> None:
    """Of the file, before or behind it, or registered; of who was merged, the other one."""
    shop, gone = dairy.customer(code="SHOP"), dairy.customer(code="OLD")
    ok(dairy.admin.post(f"/customers/{gone['id']}/merge", {"into": shop["id"], "reason": "twice"}))
    file = (
        "code,name,phone,address,area,bill_to\n"
        "A,Asha,9855555501,1 Road,Kothrud,B\n"
        "B,Balu,9855555502,2 Road,Kothrud,\n"
        "C,Chitra,9855555503,3 Road,Kothrud,SHOP\n"
        "D,Dev,9855555504,4 Road,Kothrud,OLD\n"
    )
    ok(upload(dairy.admin, "customers", file, dry_run="true"))
    ok(upload(dairy.admin, "customers", file), 201)
    by_code = {each["code"]: each for each in read(dairy.admin, "/customers")}
    paid = {code: each["billed_to"] for code, each in by_code.items()}
    assert paid == {"SHOP": None, "A": by_code["B"]["id"], "B": None, "C": shop["id"], "D": shop["id"]}


def test_who_does_not_pay_for_itself_is_no_payer(dairy: Dairy, sql: Any) -> None:
    shop = dairy.customer(code="SHOP")
    dairy.customer(code="BRANCH", billed_to=shop["id"])
    file = (
        "code,name,phone,address,area,billed_to\n"
        "A,Asha,9855555501,1 Road,Kothrud,BRANCH\n"
        "B,Balu,9855555502,2 Road,Kothrud,C\n"
        "C,Chitra,9855555503,3 Road,Kothrud,SHOP\n"
        "D,Dev,9855555504,4 Road,Kothrud,D\n"
        "E,Ela,9855555505,5 Road,Kothrud,NOBODY\n"
    )
    answer = upload(dairy.admin, "customers", file)
    faults = answer.get_json()["errors"]
    told = [(each["pointer"], each["code"]) for each in faults]
    assert told == [
        ("/rows/2/billed_to", "payer_refused"),
        ("/rows/3/billed_to", "payer_refused"),
        ("/rows/5/billed_to", "payer_refused"),
        ("/rows/6/billed_to", "customer_not_found"),
    ]
    assert sql("SELECT count(*) FROM customers") == [(2,)]
