"""Amounts in India's figures and words, UPI links, tokens: without a database."""

import base64
from datetime import date
from decimal import Decimal
from itertools import pairwise
from unicodedata import category
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairy_app.common.words import Words
from dairy_app.documents.drawing.codes import runs
from dairy_app.documents.drawing.sheet import Style, wrap
from dairy_app.documents.drawing.speech import amount_in_words
from dairy_app.documents.drawing.typeface import REGULAR, typeface, visible
from dairy_app.documents.drawing.words import catalogues, choose, languages
from dairy_app.documents.rules import indian, percent, reference_of, upi_link, whatsapp_link
from dairy_app.documents.service.invoice_links import Links, Read, named_in


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0", "0.00"),
        ("999.5", "999.50"),
        ("1000", "1,000.00"),
        ("99999", "99,999.00"),
        ("100000", "1,00,000.00"),
        ("1234567.50", "12,34,567.50"),
        ("9999999999.99", "9,99,99,99,999.99"),
        ("-1234.05", "−1,234.05"),
    ],
)
def test_amounts_are_grouped_by_lakh_and_crore(amount: str, written: str) -> None:
    assert indian(Decimal(amount)) == written


@pytest.mark.parametrize(
    ("amount", "english", "hindi"),
    [
        ("0", "Rupees Zero Only", "शून्य रुपये मात्र"),
        ("5428", "Rupees Five Thousand Four Hundred Twenty-Eight Only", "पाँच हज़ार चार सौ अट्ठाईस रुपये मात्र"),
        (
            "1234567.50",
            "Rupees Twelve Lakh Thirty-Four Thousand Five Hundred Sixty-Seven and Fifty Paise Only",
            "बारह लाख चौंतीस हज़ार पाँच सौ सड़सठ रुपये और पचास पैसे मात्र",
        ),
        ("10000000", "Rupees One Crore Only", "एक करोड़ रुपये मात्र"),
        (
            "9999999999.99",
            "Rupees Nine Hundred Ninety-Nine Crore Ninety-Nine Lakh Ninety-Nine Thousand Nine Hundred Ninety-Nine"
            " and Ninety-Nine Paise Only",
            "नौ सौ निन्यानवे करोड़ निन्यानवे लाख निन्यानवे हज़ार नौ सौ निन्यानवे रुपये और निन्यानवे पैसे मात्र",
        ),
    ],
)
def test_amounts_in_words(amount: str, english: str, hindi: str) -> None:
    assert amount_in_words(catalogues()["en"], Decimal(amount)) == english
    assert amount_in_words(catalogues()["hi"], Decimal(amount)) == hindi


def test_rates_have_no_trailing_zeros() -> None:
    assert [percent(Decimal(rate)) for rate in ("5.00", "2.50", "0.25", "40.00")] == ["5", "2.5", "0.25", "40"]


def test_every_language_says_everything_with_the_same_gaps() -> None:
    english = catalogues()["en"]
    for words in catalogues().values():
        assert words.texts.keys() == english.texts.keys()
        assert len(words("numbers").split("|")) == 100
        for key, text in words.texts.items():
            assert {part.split("}")[0] for part in text.split("{")[1:]} == {
                part.split("}")[0] for part in english.texts[key].split("{")[1:]
            }, key


def test_documents_speak_english_and_the_second_language() -> None:
    assert list(languages("hi")) == ["en", "hi"]
    assert list(languages(None)) == list(languages("mr")) == ["en"]
    assert choose("hi", "hi-IN").code == "hi"
    assert choose(None, "hi").code == "en"
    assert isinstance(choose("hi", None, "hi"), Words)


# ----------------------------------------------------------------------------------------------------- UPI

SERIES = st.from_regex(r"[A-Z]{1,3}/[0-9]{4}/[0-9]{7}", fullmatch=True)


@given(SERIES, st.text(min_size=1, max_size=200), st.decimals(Decimal("0.01"), Decimal("9999999999.99"), places=2))
def test_a_upi_link_says_what_it_was_given(number: str, name: str, amount: Decimal) -> None:
    name = name.encode("utf-8", "replace").decode()
    link = upi_link(upi_id="sunrise.dairy@okbank", name=name, amount=amount, number=number)
    assert "+" not in link
    assert " " not in link
    assert link.isascii()
    fields = parse_qs(urlsplit(link).query, keep_blank_values=True, strict_parsing=True)
    assert fields["pa"] == ["sunrise.dairy@okbank"]
    assert fields["pn"] == [name[:50]]
    assert Decimal(fields["am"][0]) == amount
    assert fields["cu"] == ["INR"]
    (reference,) = fields["tr"]
    assert len(reference) <= 35
    assert reference.isalnum()
    assert reference == number.replace("/", "")


@given(SERIES, SERIES)
def test_two_numbers_have_two_references(one: str, other: str) -> None:
    assert (reference_of(one) == reference_of(other)) == (one == other)


def test_a_chat_is_opened_by_digits() -> None:
    link = whatsapp_link("+919812345678", "₹12.00 & more\nराधा")
    assert link is not None
    assert link.startswith("https://wa.me/919812345678?text=%E2%82%B912.00%20%26%20more%0A")
    assert whatsapp_link(None, "x") is None


# --------------------------------------------------------------------------------------------------- tokens


def made(**changes: object) -> Links:
    given_: dict[str, object] = {"secret_key": "s" * 32, "version": 1, "public_url": "https://x.example"}
    return Links(**(given_ | changes))  # type: ignore[arg-type]


def test_a_token_leads_back_and_no_other_does() -> None:
    links, invoice_id = made(), uuid4()
    token = links.token(invoice_id)
    assert len(token) == 43
    assert (named_in(token), links.read(token, 0)) == (invoice_id, Read(None, 0))
    assert links.url(invoice_id) == f"https://x.example/i/{token}"
    assert made(version=2).read(token, 0) is None
    assert made(secret_key="t" * 32).read(token, 0) is None
    raw = base64.urlsafe_b64decode(token + "=")
    for place in range(32):
        changed = bytes([*raw[:place], raw[place] ^ 1, *raw[place + 1 :]])
        assert links.read(base64.urlsafe_b64encode(changed).decode().rstrip("="), 0) is None
    # The last letter carries two bits that base64 ignores: another spelling is another token.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert base64.urlsafe_b64decode(twin + "=") == raw
    assert links.read(twin, 0) is None


def test_a_token_says_until_when_and_after_how_many_revocations() -> None:
    invoice_id, last = uuid4(), date(2027, 1, 31)
    links = made(expires_on=last)
    token = links.token(invoice_id, 2)
    assert (len(token), named_in(token)) == (46, invoice_id)
    assert [made().read(token, known) for known in (1, 2, 3)] == [None, Read(last, 2), Read(last, 2)]
    raw = base64.urlsafe_b64decode(token + "==")
    later = raw[:17] + bytes([raw[17] ^ 1]) + raw[18:]  # one day more or less
    assert links.read(base64.urlsafe_b64encode(later).decode().rstrip("="), 2) is None


@given(st.text(max_size=60))
def test_nothing_else_is_a_token(text: str) -> None:
    assert made().read(text, 3) is None


def test_the_proof_does_not_show_the_key() -> None:
    token = made().token(UUID(int=0))
    assert "s" * 8 not in repr(made()) + token


# ------------------------------------------------------------------------------------------------ on document


@given(st.text(alphabet="aक्षि \n<W", max_size=80), st.integers(20, 200))
def test_lines_fit_and_nothing_is_lost(text: str, width: int) -> None:
    style = Style(9)
    lines = wrap(text, width, style)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert [line for line in lines if len(line) > 3 and style.width(line) > width] == []


def test_a_long_word_is_cut_where_the_line_is_full_and_not_shaped_letter_by_letter() -> None:
    word, width, style, shape = "क्ष" * 70 + "M" * 200, 120, Style(), typeface(REGULAR).shape
    shape.cache_clear()
    lines = wrap(word, width, style)
    assert shape.cache_info().misses <= 8 * len(lines)
    assert "".join(lines) == word
    for line, after in pairwise(lines):
        syllable = next(n for n in range(1, len(after)) if not category(after[n]).startswith("M"))
        assert style.width(line) <= width < style.width(line + after[:syllable])


def test_too_much_ends_with_an_ellipsis() -> None:
    lines = wrap("word " * 50, 60, Style(9), 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert Style(9).width(lines[1]) <= 60


def test_what_cannot_be_seen_is_not_printed() -> None:
    assert visible("a\u202eb\u200bc\x07d\u2028e\ud800") == "abc d e"
    assert visible("क्\u200dष") == "क्\u200dष"


def test_dark_modules_are_joined() -> None:
    assert runs([0, 1, 1, 0, 1, 0, 0, 1]) == [(1, 2), (4, 1), (7, 1)]
    assert runs([]) == []
