"""A code for a forgotten password, from the request to the mail server and back."""

import re

from dairy_app.sending.service.sending import Done
from tests.accounts.test_resets import NEW, ask, set_new
from tests.dairy import ok
from tests.sending.conftest import Mailing


def test_a_code_arrives_works_and_is_forgotten(mailing: Mailing) -> None:
    dairy = mailing.dairy
    anna = dairy.staff("accountant").user["email"]
    ok(ask(dairy, anna), 202)
    assert mailing.send() == Done(sent=1)
    (letter,) = mailing.post.letters
    assert (mailing.post.to, letter["Subject"]) == ([[anna]], "Your code for a new password at Sunrise Dairy")
    (code,) = re.findall(r"^(\d{4} \d{4}) is your code", letter.get_content(), re.MULTILINE)
    assert mailing.sql("SELECT status, body FROM outbox_messages") == [("sent", None)]
    assert set_new(dairy, anna, code).status_code == 204
    dairy.login(anna, NEW)


def test_a_code_that_was_replaced_or_used_is_not_sent_any_more(mailing: Mailing) -> None:
    dairy = mailing.dairy
    anna = dairy.staff("accountant").user["email"]
    ok(ask(dairy, anna), 202)
    ok(ask(dairy, anna), 202)
    assert mailing.send() == Done(sent=1)
    assert mailing.sql("SELECT status FROM outbox_messages ORDER BY id") == [("withdrawn",), ("sent",)]
