"""The page of the words of messages: seen as somebody would read them, kept, taken back; and what is sent by itself."""

from typing import Any

from tests.console.test_month_end import office
from tests.console.visitor import Visitor
from tests.dairy import PASSWORD, Dairy, read
from tests.documents.conftest import Bills, bills, living

__all__ = ["bills", "living"]

BILL = "/message-words/bill"


def test_words_are_shown_kept_and_taken_back(bills: Bills) -> None:
    visitor = office(bills.dairy)
    assert "/message-words" in visitor.open("/messages").links()
    listed = visitor.open("/message-words")
    assert "Payment received English usual words : Payment received, English, All ways as for all" in listed.words
    assert f"{BILL}?language=hi&channel=sms" in listed.links()
    page = visitor.open(f"{BILL}?language=en")
    assert "With made-up names and amounts" in page.words
    assert "your bill INV/2627/0000042 from Sunrise Dairy for 1 Oct 2026 to 31 Oct 2026: ₹1,240.00." in page.words
    shown = visitor.submit(page, BILL, do="preview", body="{name}: {total}", subject="{number}")
    assert "Meera Joshi: ₹1,240.00" in shown.words
    assert read(bills.admin, "/message-templates") == []
    done = visitor.submit(shown, BILL, do="save")
    assert "The words are saved" in visitor.follow(done).words
    (made,) = read(bills.admin, "/message-templates")
    assert (made["channel"], made["subject"], made["body"]) == (None, "{number}", "{name}: {total}")
    page = visitor.open(f"{BILL}?language=en")
    assert visitor.submit(page, BILL, do="save", body="Dear {name}", subject="").status == 303
    assert [(each["subject"], each["body"]) for each in read(bills.admin, "/message-templates")] == [
        (None, "Dear {name}")
    ]
    assert "Bill English own words" in visitor.open("/message-words").words
    page = visitor.open(f"{BILL}?language=en")
    assert "The usual words are taken again." in visitor.follow(visitor.submit(page, BILL, do="usual")).words
    assert read(bills.admin, "/message-templates") == []


def test_a_real_message_is_the_example(bills: Bills) -> None:
    bills.share(bills.bill(kinds="milk", name="Asha"), channel="sms", queue=True)
    visitor = office(bills.dairy)
    page = visitor.open(f"{BILL}?language=en&channel=sms")
    assert "As in the latest message of this kind" in page.words
    shown = visitor.submit(page, BILL, do="preview", body="{name}, {total}")
    assert "Asha, ₹192.00" in shown.words
    assert "With made-up" in visitor.open(f"{BILL}?language=hi").words


def test_an_unknown_name_is_told_at_the_text_and_what_was_typed_stays(bills: Bills) -> None:
    visitor = office(bills.dairy)
    page = visitor.open(f"{BILL}?language=en&channel=whatsapp")
    for do in ("preview", "save"):
        refused = visitor.submit(page, BILL, do=do, body="Dear {nmae}", whatsapp_name="bill_1")
        assert refused.status == 422
        assert "There is no {nmae}" in refused.words
        assert "Dear {nmae}" in refused.response.get_data(as_text=True)
        assert "bill_1" in refused.response.get_data(as_text=True)
    fine = {"body": "Dear {name}", "whatsapp_name": "bill_1", "whatsapp_language": "en", "whatsapp_numbered": "1"}
    assert "Dear {{1}}" in visitor.submit(page, BILL, do="preview", **fine).words
    assert visitor.submit(page, BILL, do="save", **fine).status == 303
    (made,) = read(bills.admin, "/message-templates")
    assert (made["whatsapp_name"], made["whatsapp_numbered"], made["whatsapp_document"]) == ("bill_1", True, False)
    assert visitor.open("/message-words/gossip?language=en").status == 404
    assert visitor.open(f"{BILL}?language=de").status == 404


def test_kinds_are_switched_on_and_only_the_owner_does(dairy: Dairy) -> None:
    visitor: Any = office(dairy)
    page = visitor.open("/message-words")
    path = "/message-words/kinds/low_balance"
    done = visitor.submit(page, path, is_on="yes", below="350", quiet_from="", quiet_to="")
    assert "Saved." in visitor.follow(done).words
    (kind,) = (each for each in read(dairy.admin, "/message-kinds") if each["kind"] == "low_balance")
    assert (kind["is_on"], kind["below"], kind["quiet_from"]) == (True, "350.00", None)
    assert visitor.submit(visitor.open("/message-words"), path, below="-1").status == 422
    accountant = dairy.staff("accountant")
    other = Visitor.of(dairy.app, accountant.user["email"], PASSWORD)
    assert "Send it by itself: Yes" in other.open("/message-words").words
    assert "Save these words" not in other.open(f"{BILL}?language=en").words


def test_the_page_is_there_in_hindi(bills: Bills) -> None:
    visitor = office(bills.dairy)
    listed = visitor.open("/message-words?lang=hi")
    assert "संदेशों के शब्द" in listed.words
    assert "अपने आप भेजें" in listed.words
    shown = visitor.open("/message-words/change_confirmed?language=hi")
    assert "नोट किया गया: 23 Nov 2026: Cow milk 2 L।" in shown.words
