"""Who owes: the API's ageing and statements, and payments that are judged row by row and booked once."""

import re
from decimal import Decimal
from typing import Any

import pytest

from dairy_app.console.routes import who_owes
from tests.console.conftest import SignIn
from tests.console.test_month_end import rupees
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok, read
from tests.statements import count_statements

SHEET = "/who-owes/payments"


def owing(dairy: Dairy, amount: str, days: int = 40, **fields: Any) -> Any:
    """A customer who owes since so many days."""
    customer = dairy.customer(**fields)
    opening = {"customer_id": customer["id"], "amount": amount, "as_of": dairy.day(-days)}
    ok(dairy.admin.post("/opening-balances", opening))
    return customer


def payments(dairy: Dairy, **query: Any) -> list[Any]:
    return read(dairy.admin, "/payments", **query)


def receipts(page: Page) -> set[str]:
    return {link for link in page.links() if link.startswith("/payments/")}


# ------------------------------------------------------------------------------------------------------ ageing


def test_ageing_is_the_apis(dairy: Dairy, admin: Visitor) -> None:
    asha, ravi = owing(dairy, "1234.50"), owing(dairy, "80", days=5)
    ok(dairy.admin.post("/payments", {"customer_id": ravi["id"], "amount": "100", "method": "cash"}), 201)
    ageing = ok(dairy.admin.get("/reports/ageing"))
    page = admin.open("/who-owes")
    assert rupees(ageing["totals"]["net"]) == "₹ 1,214.50"
    assert f"₹ 1,214.50 Customers: {ageing['totals']['customers']}" in page.words
    for item in ageing["items"]:
        assert item["customer_name"] in page.words
        assert f"/customers/{item['customer_id']}#ledger" in page.links()
        assert f"/customers/{item['customer_id']}/statement" in page.links()
        for name in ("days_31_60", "unapplied_credit", "net"):
            if Decimal(item[name]):
                assert rupees(item[name]) in page.words
    assert {each["customer_id"] for each in ageing["items"]} == {asha["id"], ravi["id"]}
    day = ageing["as_of"]
    answer = admin.http.get(f"/downloads/ageing.csv?from={day}&to={day}")
    assert f"/downloads/ageing.csv?from={day}&to={day}" in page.links()
    assert asha["code"].encode() in answer.data


def test_it_is_of_a_day_and_an_area(dairy: Dairy, admin: Visitor) -> None:
    asha, ravi = owing(dairy, "100", area="Aundh"), owing(dairy, "70", days=3, area="Baner")
    areas = {each["name"]: each["id"] for each in ok(dairy.admin.get("/areas"))["items"]}
    page = admin.open(f"/who-owes?area={areas['Baner']}")
    assert (ravi["name"] in page.words, asha["name"] in page.words) == (True, False)
    assert page.form("/who-owes").fields["area"] == areas["Baner"]
    page = admin.open(f"/who-owes?as_of={dairy.day(-10)}")
    assert (ravi["name"] in page.words, asha["name"] in page.words) == (False, True)
    assert page.form("/who-owes").fields["as_of"] == dairy.day(-10)


@pytest.mark.parametrize("typed", ["2999-01-01", "yesterday"])
def test_a_day_that_cannot_be_is_told_beside_its_field(dairy: Dairy, admin: Visitor, typed: str) -> None:
    page = admin.open(f"/who-owes?as_of={typed}")
    assert page.status == 422
    (field,) = [each for each in page.every("input") if each.get("name") == "as_of"]
    assert (field["value"], field["aria-invalid"]) == (typed, "true")
    assert "आने" in admin.open("/who-owes?as_of=2999-01-01&lang=hi").words or "दिन" in admin.open("/who-owes").words


def test_pages_follow_each_other(dairy: Dairy, admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(who_owes, "ROWS", 2)
    everybody = [owing(dairy, "10")["name"] for _ in range(5)]
    seen, address = [], "/who-owes"
    for _ in range(3):
        page = admin.open(address)
        seen += [name for name in everybody if name in page.words]
        address = next((link for link in page.links() if "cursor=" in link), "")
    assert seen == everybody
    assert address == ""
    assert admin.open("/who-owes?cursor=nonsense").status == 422


@pytest.mark.parametrize("role", ["delivery_boy", "marketing_staff", "supplier", "customer"])
def test_it_is_for_the_office(dairy: Dairy, sign_in: SignIn, role: str) -> None:
    visitor = sign_in(role)
    customer = owing(dairy, "10")
    for address in ("/who-owes", SHEET):
        assert visitor.open(address).status == 403
    assert visitor.open(f"/customers/{customer['id']}/statement").status == (404 if role == "customer" else 403)
    page = visitor.open("/")
    token = (visitor.follow(page) if page.status == 303 else page).form("/sign-out").fields["csrf_token"]
    assert visitor.http.post(SHEET, data={"csrf_token": token}).status_code == 403
    assert sign_in("accountant").open("/who-owes").status == 200


# --------------------------------------------------------------------------------------------------- statement


def test_a_statement_is_the_apis(dairy: Dairy, admin: Visitor) -> None:
    asha = owing(dairy, "500")
    ok(dairy.admin.post("/payments", {"customer_id": asha["id"], "amount": "120.25", "method": "upi"}), 201)
    address = f"/customers/{asha['id']}/statement"
    span = {"from": dairy.day(-10), "to": dairy.day(0)}
    said = ok(dairy.admin.get("/reports/statement", customer_id=asha["id"], **span))
    page = admin.open(f"{address}?from={span['from']}&to={span['to']}")
    assert (said["opening"], said["closing"]) == ("500.00", "379.75")
    assert f"Brought forward {rupees(said['opening'])}" in page.words
    assert f"Balance at the end ₹ 0.00 {rupees(said['credit'])} {rupees(said['closing'])}" in page.words
    file = f"/downloads/statement.csv?customer_id={asha['id']}&from={span['from']}&to={span['to']}"
    assert file in {*page.links()}
    wanted = dairy.admin.get("/exports/statement.csv", customer_id=asha["id"], **span)
    assert admin.http.get(file).data == wanted.data
    whole = admin.open(address)
    assert "Opening balance" in whole.words
    assert "₹ 379.75" in whole.words


def test_a_statement_from_a_day_to_one_before_is_refused(dairy: Dairy, admin: Visitor) -> None:
    asha = owing(dairy, "500")
    page = admin.open(f"/customers/{asha['id']}/statement?from=2026-02-02&to=2026-01-01")
    assert page.status == 422
    fields = {each["name"]: each for each in page.every("input") if each.get("name")}
    assert (fields["from"]["value"], fields["to"]["value"]) == ("2026-02-02", "2026-01-01")
    assert fields["to"]["aria-invalid"] == "true"
    assert admin.open("/customers/00000000-0000-7000-8000-000000000000/statement").status == 404


def test_a_customer_reads_its_own_statement(dairy: Dairy) -> None:
    customer, _ = dairy.customer_login()
    opening = {"customer_id": customer["id"], "amount": "12", "as_of": dairy.day(-5)}
    ok(dairy.admin.post("/opening-balances", opening))
    visitor = Visitor.of(dairy.app, customer["phone"])
    page = visitor.open(f"/customers/{customer['id']}/statement?lang=hi")
    assert page.status == 200
    assert "₹ 12.00" in page.words
    assert "खाते का विवरण" in page.words
    assert not [link for link in page.links() if link.startswith("/downloads")]


# ------------------------------------------------------------------------------------------------------- sheet


def test_checking_books_nothing_and_says_what_would_come_of_it(dairy: Dairy, admin: Visitor) -> None:
    asha, ravi = owing(dairy, "500"), owing(dairy, "70")
    page = admin.submit(
        admin.open(SHEET),
        SHEET,
        do="check",
        **{"r0-customer": asha["code"], "r0-amount": "₹ 1,500", "r1-customer": "C-NOBODY", "r1-amount": "x"},
        lines=f"{ravi['phone']};70;Cash;{dairy.day(-1)};slip 7",
    )
    assert page.status == 422
    assert payments(dairy) == []
    assert "Rows that are right: 2, together ₹ 1,570.00" in page.words
    assert "Nothing is booked yet." in page.words
    assert asha["name"] in page.words
    assert ravi["name"] in page.words
    form = page.form(SHEET)
    assert (form.fields["r0-amount"], form.fields["r10-customer"], form.fields["r10-method"]) == (
        "1500", ravi["phone"], "cash",
    )  # fmt: skip
    assert (form.fields["r1-customer"], form.fields["r1-amount"], form.fields["lines"]) == ("C-NOBODY", "x", "")
    assert "Nobody has this code or phone number." in page.words
    wrong = {each["name"] for each in page.every("input") if each.get("aria-invalid")}
    assert wrong == {"r1-customer", "r1-amount"}
    page = admin.submit(page, SHEET, do="book")
    assert "Payments booked: 2, together ₹ 1,570.00" in page.words
    assert {(each["customer_id"], each["amount"], each["method"], each["reference"]) for each in payments(dairy)} == {
        (asha["id"], "1500.00", "upi", None),
        (ravi["id"], "70.00", "cash", "slip 7"),
    }


def test_what_is_right_is_booked_once_and_the_rest_stays(dairy: Dairy, admin: Visitor) -> None:
    asha, ravi = owing(dairy, "500"), owing(dairy, "70")
    form = admin.open(SHEET).form(SHEET)
    typed = {"r0-customer": asha["code"].lower(), "r0-amount": "500", "r4-customer": ravi["code"], "r4-amount": "0"}
    page = admin.send(form, {**typed, "do": "book"})
    assert page.status == 422
    (booked,) = payments(dairy)
    assert booked["receipt_no"] in page.words
    assert receipts(page) == {f"/payments/{booked['id']}"}
    assert f"/customers/{asha['id']}#ledger" in page.links()
    left = page.form(SHEET)
    assert "r0-customer" not in left.fields
    assert (left.fields["r4-customer"], left.fields["r4-amount"]) == (ravi["code"], "0")
    # The browser's way back, and a reload: the same row is the same payment.
    again = admin.send(form, {**typed, "do": "book"})
    assert receipts(again) == {f"/payments/{booked['id']}"}
    # Another amount in a row that is booked is no second payment.
    changed = admin.send(form, {**typed, "r0-amount": "600", "do": "book"})
    assert "already" in changed.words
    assert payments(dairy) == [booked]
    done = admin.send(left, {"r4-amount": "70", "do": "book"})
    assert done.status == 200
    assert not done.forms or SHEET not in {each.action for each in done.forms}
    assert {each["amount"] for each in payments(dairy)} == {"500.00", "70.00"}
    assert len(payments(dairy)) == 2


def test_pasted_lines_are_rows_with_numbers_of_their_own(dairy: Dairy, admin: Visitor) -> None:
    asha = owing(dairy, "500")
    form = admin.open(SHEET).form(SHEET)
    first = f"{asha['code']}\t10\tupi\t{dairy.day(0)}\tA1\n{asha['code']}\tten\tupi\t{dairy.day(0)}\tA2"
    page = admin.send(form, {"lines": first, "do": "book"})
    assert {each["reference"] for each in payments(dairy)} == {"A1"}
    left = page.form(SHEET)
    assert left.fields["r11-amount"] == "ten"
    # What is pasted after that is not taken for what was pasted before.
    page = admin.send(left, {"r11-amount": "10", "lines": f"{asha['code']},5,नकद,,A3", "do": "book"})
    assert page.status == 200
    assert {each["reference"]: each["amount"] for each in payments(dairy)} == {
        "A1": "10.00", "A2": "10.00", "A3": "5.00",
    }  # fmt: skip
    admin.send(form, {"lines": first, "do": "book"})
    assert len(payments(dairy)) == 3


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        ({"method": "barter"}, "method", "Choose one of the list."),
        ({"received_on": "2999-01-01"}, "received_on", ""),
        ({"received_on": "soon"}, "received_on", ""),
        ({"amount": "-5"}, "amount", ""),
        ({"amount": ""}, "amount", ""),
        ({"customer": ""}, "customer", "Nobody has this code or phone number."),
        ({"customer": "Customer"}, "customer", "Nobody has this code or phone number."),  # a word of the name
        ({"customer": "x" * 101}, "customer", "Nobody has this code or phone number."),
    ],
)
def test_a_fault_stands_beside_its_field(
    dairy: Dairy, admin: Visitor, row: dict[str, str], field: str, said: str
) -> None:
    asha = owing(dairy, "500")
    typed = {"customer": asha["code"], "amount": "10", "method": "upi", "received_on": dairy.day(0), "reference": "R"}
    typed |= row
    page = admin.submit(admin.open(SHEET), SHEET, do="book", **{f"r2-{name}": value for name, value in typed.items()})
    assert page.status == 422
    assert payments(dairy) == []
    assert page.form(SHEET).fields[f"r2-{field}"] == typed[field]
    marked = [each for tag in ("input", "select") for each in page.every(tag) if each.get("aria-invalid")]
    assert [each["name"] for each in marked] == [f"r2-{field}"]
    assert f"r2-{field}-wrong" in {given.get("id") for _, given in page.elements}
    assert said in page.words


def test_a_reference_is_taken_once(dairy: Dairy, admin: Visitor) -> None:
    asha = owing(dairy, "500")
    lines = f"{asha['code']};10;UPI;;UTR 4711\n{asha['code']};10;UPI;;utr4711"
    page = admin.submit(admin.open(SHEET), SHEET, do="book", lines=lines)
    (booked,) = payments(dairy)
    assert f"Receipt {booked['receipt_no']} already has this reference." in page.words


def test_a_number_that_several_have_asks_for_the_code(dairy: Dairy, admin: Visitor, sql: Any) -> None:
    phone = "+919812345678"
    asha, bela = owing(dairy, "5", phone=phone), owing(dairy, "5")
    sql("UPDATE customers SET phone = %s WHERE id = %s", phone, bela["id"])  # a family, of which one signs in
    page = admin.submit(admin.open(SHEET), SHEET, do="book", **{"r0-customer": phone, "r0-amount": "5"})
    assert "Several customers have this phone number: give the code." in page.words
    assert payments(dairy) == []
    assert admin.submit(page, SHEET, do="book", **{"r0-customer": asha["code"]}).status == 200


def test_a_sheet_has_a_size_and_a_key(dairy: Dairy, admin: Visitor) -> None:
    page = admin.submit(admin.open(SHEET), SHEET, do="book", lines="C;1\n" * 101)
    assert page.status == 422
    assert "At most 100 lines at once." in page.words
    assert "r10-customer" not in page.form(SHEET).fields
    for fault in ({"key": None}, {"key": "x" * 101}, {"lines_from": "-1"}, {"lines_from": None}):
        assert admin.submit(admin.open(SHEET), SHEET, do="book", **fault).status == 400
    assert admin.submit(admin.open(SHEET), SHEET, do="book").status == 200


def test_the_sheet_speaks_hindi(dairy: Dairy, admin: Visitor) -> None:
    asha = owing(dairy, "5")
    page = admin.open(f"{SHEET}?lang=hi")
    page = admin.submit(page, SHEET, do="book", lines=f"{asha['code']};5;नकद\nnobody;5;नकद")
    assert "भुगतान लिखे गए, कुल ₹ 5.00" in page.words
    assert "इस कोड या फ़ोन का कोई ग्राहक नहीं है।" in page.words
    assert not re.search(r"\b(booked|Amount|Cash|Receipt)\b", page.words)


# ----------------------------------------------------------------------------------------------- one payment


def test_a_payment_is_taken_back_once(dairy: Dairy, admin: Visitor) -> None:
    asha = owing(dairy, "500")
    body = {"customer_id": asha["id"], "amount": "120", "method": "cheque", "reference": "000123"}
    paid = ok(dairy.admin.post("/payments", body), 201)
    address = f"/payments/{paid['id']}"
    page = admin.open(address)
    assert "The customer owes ₹ 120.00 more again." in page.words
    refused = admin.submit(page, "/reverse", reason="x", reversed_on=dairy.day(0))
    assert (refused.status, refused.form("/reverse").fields["reason"]) == (422, "x")
    form = page.form("/reverse")
    for _ in range(2):
        answer = admin.send(form, {"reason": "It bounced"})
        assert (answer.status, answer.location) == (303, address)
    page = admin.follow(answer)
    assert f"Payment {paid['receipt_no']} is taken back." in page.words
    assert "It bounced" in page.words
    assert ok(dairy.admin.get(f"/customers/{asha['id']}/balance"))["balance"] == "500.00"
    assert admin.send(form, {"reason": "Once more", "key": "another"}).status == 409
    assert "वापस" in admin.open(f"{address}?lang=hi").words


# ------------------------------------------------------------------------------------------------------ costs


def test_twice_the_customers_cost_the_same(dairy: Dairy, admin: Visitor) -> None:
    asha = owing(dairy, "500")

    def fill() -> None:
        for _ in range(3):
            owing(dairy, "10")
            ok(dairy.admin.post("/payments", {"customer_id": asha["id"], "amount": "1", "method": "cash"}), 201)

    def cost(address: str) -> int:
        admin.open(address)
        with count_statements(dairy.app.database) as sent:
            assert admin.open(address).status == 200
        return len(sent)

    addresses = ("/who-owes", f"/customers/{asha['id']}/statement", SHEET)
    fill()
    before = [cost(each) for each in addresses]
    fill()
    assert [cost(each) for each in addresses] == before
    assert max(before) <= 8


# ------------------------------------------------------------------------------------------------ credit limits


def test_the_page_of_credit_limits_is_the_apis(dairy: Dairy, admin: Visitor) -> None:
    assert "/credit-limits" in admin.open("/who-owes").links()
    assert "Nobody is near a credit limit." in admin.open("/credit-limits").words
    asha = owing(dairy, "1234.50", credit_limit="1500.00", area="Aundh")
    owing(dairy, "50.00", credit_limit="1500.00")
    owing(dairy, "50.00", payment_terms="prepaid", name="Ahead", area="Baner")
    page = admin.open("/credit-limits")
    assert "₹ 1,234.50 ₹ 1,500.00 82.3 %" in page.words and "Ahead In advance" in page.words
    assert "made all the same" in page.words and "/downloads/credit.csv" in page.links()
    assert f"/customers/{asha['id']}" in page.links()
    of_area = admin.open(f"/credit-limits?area={asha['area_id']}")
    assert asha["name"] in of_area.words and "Ahead" not in of_area.words
    assert asha["code"].encode() in admin.http.get("/downloads/credit.csv").data


def test_a_customer_has_terms_and_a_limit_and_sees_why_nothing_came(dairy: Dairy, admin: Visitor) -> None:
    (form,) = [each for each in admin.open("/settings").forms if each.fields.get("group") == "orders"]
    assert admin.send(form, {"on_credit_limit": "hold"}).status == 303
    made, _ = dairy.customer_login()
    own = f"/customers/{made['id']}"
    milk = dairy.product("60.00", name="Milk")
    dairy.subscription(made, milk, "2")
    page = admin.open(f"{own}/change")
    assert "Credit limit, in rupees" in page.words
    wrong = admin.submit(page, "/change", credit_limit="-5")
    assert wrong.status == 422
    assert admin.submit(page, "/change", payment_terms="prepaid", credit_limit="100").status == 303
    assert ok(dairy.admin.get(own))["credit_limit"] == "100.00"
    ok(dairy.admin.post("/orders/generate", {"delivery_date": dairy.day(0)}))
    for visitor in (admin, Visitor.of(dairy.app, made["phone"])):
        words = visitor.open(f"{own}?day={dairy.day(0)}").words
        assert "₹ 0.00 of the limit ₹ 100.00" in words and "Held back: credit limit" in words
        assert "Milk was not ordered, ₹ 120.00 would have been over the limit of ₹ 100.00." in words
    assert "held back until a payment" in admin.open("/settings").words
