"""Files in the console: looked at, with what was read as what and every fault, then taken whole."""

import io
from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.visitor import BROWSER, Page, Visitor
from tests.dairy import Dairy, ok, read

PAGE = "/from-a-file"
FILE = (
    "Customers of Sunrise Dairy,,,,,\nName,Mobile No.,Address,Area,Cow Milk,Shoe\n"
    "Asha Rao,9812345671,14 Canal Road,Kothrud,1.5,7\nZoya Shah,9812345672,3 Lake View,Baner,,\n"
)


@pytest.fixture(autouse=True)
def cow(dairy: Dairy) -> Any:
    return dairy.product(name="Cow Milk", sku="COW")


def send_file(visitor: Visitor, content: str, do: str, kind: str = "customers", **typed: str) -> Page:
    form = [each for each in visitor.open(f"{PAGE}?kind={kind}").forms if "kind" in each.fields][-1]
    data = {**form.fields, **typed, "do": do, "file": (io.BytesIO(content.encode()), "customers.csv")}
    return Page(visitor.http.post(form.action, data=data, headers=BROWSER))


def test_a_file_is_looked_at_first_and_then_taken(dairy: Dairy, admin: Visitor) -> None:
    page = send_file(admin, FILE, "look")
    assert (
        "It can be: customers 2, standing orders 1, opening balances 0; left out 0. New areas: Kothrud, Baner."
        in page.words
    )
    assert "Mobile No. Phone" in page.words
    assert "Cow Milk a day: COW" in page.words
    assert "Shoe not read" in page.words
    assert read(dairy.admin, "/customers") == []
    (form,) = [each for each in page.forms if each.fields.get("kept")]
    page = admin.send(form, {"do": "take"})  # without choosing the file again
    assert "Customers registered: 2, standing orders: 1, opening balances: 0; left out: 0." in admin.follow(page).words
    assert [each["name"] for each in read(dairy.admin, "/customers")] == ["Asha Rao", "Zoya Shah"]
    again = admin.send(form, {"do": "take"})  # the same click twice
    assert again.status == 303
    page = send_file(admin, FILE, "take")
    assert page.status == 422
    assert "is registered already" in page.words
    page = send_file(admin, FILE + "Ravi,9812345673,4 Lake View,Baner,,\n", "take", skip="1")
    assert "Customers registered: 1, standing orders: 0, opening balances: 0; left out: 2." in admin.follow(page).words


def test_an_unusual_quantity_is_meant_or_a_slip(dairy: Dairy, admin: Visitor) -> None:
    page = send_file(admin, FILE.replace("1.5", "150"), "take")
    assert page.status == 422
    assert "3 Cow Milk 150 litre is more than the 50 that one order usually holds at most." in page.words
    page = send_file(admin, FILE.replace("1.5", "150"), "look", confirm="1")
    (form,) = [each for each in page.forms if each.fields.get("kept")]
    assert admin.send(form, {"do": "take"}).status == 303
    assert [each["default_quantity"] for each in read(dairy.admin, "/subscriptions")] == ["150.000"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "4 Mobile No. The spreadsheet saved only the first digits."),
        ("hi", "4 Mobile No. स्प्रेडशीट ने इस नंबर के सिर्फ़ पहले अंक सहेजे।"),
    ],
)
@pytest.mark.parametrize("do", ["look", "take"])
def test_a_fault_names_line_and_column_in_words(
    dairy: Dairy, admin: Visitor, language: str, said: str, do: str
) -> None:
    admin.open(f"/?lang={language}")
    page = send_file(admin, FILE.replace("9812345672", "9.81235E+09"), do)
    assert page.status == (200 if do == "look" else 422)
    assert said in page.words
    assert [each for each in page.forms if each.fields.get("kept")] == []
    assert read(dairy.admin, "/customers") == []


def test_every_word_of_a_kind_is_there_in_both_languages(dairy: Dairy, admin: Visitor) -> None:
    for language in ("en", "hi"):
        admin.open(f"/?lang={language}")
        for kind in ("customers", "standing-orders", "opening-balances", "payments"):
            assert admin.open(f"{PAGE}?kind={kind}").status == 200


def test_what_is_no_file_or_too_large_to_keep(dairy: Dairy, admin: Visitor) -> None:
    assert send_file(admin, "\x00\x01", "look").status == 422
    page = send_file(admin, FILE, "look", sheet="3")
    assert page.status == 422
    assert page.form(PAGE).fields["sheet"] == "3"
    form = admin.open(PAGE).form(PAGE)
    assert admin.send(form, {"do": "look"}).status in {415, 422}
    assert admin.send(form, {"do": "take", "kept": "not base64"}).status in {415, 422}
    assert admin.send(form, {"do": "take", "kind": "shoes"}).status == 404
    page = send_file(admin, FILE + "\n" * 300_000, "look")
    assert "choose it again" in page.words
    assert [each for each in page.forms if each.fields.get("kept")] == []


def test_an_accountant_brings_money_and_nothing_else(dairy: Dairy, sign_in: SignIn, admin: Visitor) -> None:
    clerk, asha = sign_in("accountant"), dairy.customer(phone="+919812345671")
    page = clerk.open(PAGE)
    assert "From a file: Opening balances" in page.words
    assert f"{PAGE}?kind=payments" in page.links()
    assert f"{PAGE}?kind=customers" not in page.links()
    text = "Mobile;Amount;Mode\n9812345671;₹ 250;UPI\n"
    assert "It can be: payments 1; left out 0." in send_file(clerk, text, "look", "payments").words
    page = clerk.follow(send_file(clerk, text, "take", "payments"))
    assert "Payments booked: 1; left out: 0." in page.words
    assert ok(dairy.admin.get("/payments", customer_id=asha["id"]))["items"][0]["amount"] == "250.00"
    form = page_form(clerk)
    assert clerk.send(form, {"kind": "customers", "do": "look", "kept": "YQ=="}).status == 403


def page_form(visitor: Visitor) -> Any:
    return visitor.open(f"{PAGE}?kind=payments").form(PAGE)


def test_lists_lead_there_and_to_their_files(dairy: Dairy, admin: Visitor) -> None:
    links = admin.open("/customers").links()
    assert {f"{PAGE}?kind=customers", "/downloads/customers.csv", "/downloads/standing-orders.csv"} <= set(links)
    for page, kind in (("/customers/new", "customers"), ("/who-owes/opening-balances", "opening-balances")):
        assert f"{PAGE}?kind={kind}" in admin.open(page).links()
    assert f"{PAGE}?kind=payments" in admin.open("/payments").links()
    for name in ("customers", "standing-orders"):
        answer = admin.http.get(f"/downloads/{name}.csv")
        assert answer.status_code == 200
        assert answer.get_data().startswith(b"\xef\xbb\xbf")
