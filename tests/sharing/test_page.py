"""``/s/<token>`` without a browser: statuses, headers, languages, and nothing in the page that may not stand there."""

import json
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
import time_machine
from werkzeug.test import TestResponse

from dairy_app.common.errors import CODES
from dairy_app.common.words import Words, number
from dairy_app.deliveries.rules import REASON_CODES
from dairy_app.sharing.routes import page as pages
from dairy_app.sharing.routes import words
from dairy_app.sharing.routes.words import catalogues, choose
from dairy_app.sharing.rules.page_view import safe_link, step_of
from tests.dairy import ok, refused
from tests.sharing.links import Link, Town

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LANGUAGES = sorted(catalogues())
STATIC = Path(pages.__file__).parent.parent / "static"


class Site:
    """Pages as a browser asks for them."""

    def __init__(self, town: Town) -> None:
        self.browser = town.dairy.app.test_client()

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.browser.get(path, headers=BROWSER | headers)

    def open(self, link: Link, query: str = "", **headers: str) -> TestResponse:
        return self.get(f"/s/{link.token}{query}", **headers)

    def send_pin(self, link: Link, pin: str) -> TestResponse:
        return self.browser.post(f"/s/{link.token}", data={"pin": pin}, headers=BROWSER)


@pytest.fixture
def site(town: Town) -> Site:
    return Site(town)


class Seen(HTMLParser):
    """The elements of a page with their attributes, and its words."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(response.get_data(as_text=True))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def language(self) -> str | None:
        return self.every("html")[0]["lang"]


def heading(response: TestResponse) -> str:
    found = re.search(r"<h1>(.*?)</h1>", response.get_data(as_text=True))
    assert found is not None
    return found[1]


# ---------------------------------------------------------------------------------------------- the round


def test_the_page_shows_the_round_before_any_script_runs(town: Town, site: Site) -> None:
    town.order()
    answer = site.open(town.link())
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    seen = Seen(answer)
    assert heading(answer) == "Fri, 20 Nov · Morning"
    for expected in ("Asha", "Kothrud", "Ring twice", "2 L", "1.5 L", "0 of 1 done", town.milk["name"]):
        assert expected in seen.words
    assert "Zoya" not in seen.words
    assert {"href": f"tel:{town.asha['phone']}"}.items() <= seen.every("a")[2].items()
    assert len(seen.every("noscript")) == 1


def test_what_was_confirmed_is_shown(town: Town, site: Site) -> None:
    link, order = town.link(), town.order()
    ok(link.confirm(order, items=town.items("1.5", "0")))
    seen = Seen(site.open(link))
    for expected in ("Partly delivered", "1.5 of 2 L", "0 of 1.5 L", "1 of 1 done", "at 10:00"):
        assert expected in seen.words


def test_the_area_comes_before_the_town_and_once(town: Town, site: Site) -> None:
    street = {"address_line1": "4 Lane", "city": "Pune", "pincode": "411038", "delivery_boy_id": town.boy.user["id"]}
    town.order(town.dairy.customer(name="Bela", area="Baner", **street))
    seen = Seen(site.open(town.link()))
    assert "4 Lane, Baner, Pune, 411038" in seen.words
    (way,) = [each for each in seen.every("a") if each.get("target") == "_blank"]
    assert str(way["href"]).startswith("https://www.google.com/maps/search/?api=1&query=4%20Lane")


def test_the_totals_stand_in_the_page(town: Town, site: Site) -> None:
    first, second, third = town.order(), town.order(), town.order()
    ok(town.link().confirm(first, items=town.items("1.5", "0")))
    ok(town.link().confirm(second))
    ok(town.link().confirm(third, status="not_delivered"))
    town.order()
    words = re.sub(r"\s+", " ", Seen(site.open(town.link())).words)
    for product, sums in ((town.milk, "3.52.54.5"), (town.curd, "1.534.5")):
        assert f"{product['name']} (L){sums}" in words.partition("At the end")[2]


def test_each_opening_is_a_use_of_the_link(town: Town, site: Site) -> None:
    link = town.link(pin="4711")
    site.open(link)
    site.send_pin(link, "1111")
    site.send_pin(link, "4711")
    site.open(link)
    expected = [("round", "pin_required"), ("unlock", "wrong_pin"), ("unlock", "ok"), ("round", "ok")]
    assert link.events() == expected


def test_a_round_without_orders(town: Town, site: Site) -> None:
    answer = site.open(town.link())
    assert "No deliveries in this round." in Seen(answer).words


def test_no_money_and_no_secret_stands_in_the_page(town: Town, site: Site) -> None:
    town.order(notes="Price of milk (60.00): agreed\nBack door")
    link = town.link(pin="4711")
    site.send_pin(link, "4711")
    text = site.open(link).get_data(as_text=True)
    assert "Back door" in text
    for secret in ("60.00", "80.00", "240.00", "price", link.token, "pin_hash", town.asha["code"], "admin@", "₹"):
        assert secret not in text, secret


def test_what_is_owed_stands_at_the_door_where_the_dairy_wants_it(town: Town, site: Site) -> None:
    """Off unless it is set; who has paid in advance owes nothing."""
    admin = town.dairy.admin
    town.order()
    link = town.link()
    opening = {"customer_id": town.asha["id"], "amount": "1234.50", "as_of": "2026-10-31"}
    ok(admin.post("/opening-balances", opening), 201)
    round_ = ok(town.dairy.nobody.get(f"/shared/{link.token}/round"))
    assert "due_amount" not in round_["stops"][0]
    assert "1,234.50" not in site.open(link).get_data(as_text=True)
    ok(admin.patch("/settings", {"show_due_at_door": True}))
    round_ = ok(town.dairy.nobody.get(f"/shared/{link.token}/round"))
    due = {stop["customer"]["id"]: stop["due_amount"] for stop in round_["stops"]}
    assert due[town.asha["id"]] == "1234.50"
    assert "To collect: ₹ 1,234.50" in Seen(site.open(link)).words
    payment = {"customer_id": town.asha["id"], "amount": "2000", "method": "cash"}
    ok(admin.post("/payments", payment), 201)
    round_ = ok(town.dairy.nobody.get(f"/shared/{link.token}/round"))
    assert [stop["due_amount"] for stop in round_["stops"]] == [None] * len(round_["stops"])
    assert 'class="due"' not in site.open(link).get_data(as_text=True)


HOSTILE = "</script><b onclick='x'>\"&'{{7*7}}"


def test_hostile_words_stay_words(town: Town, site: Site) -> None:
    dairy = town.dairy
    product = dairy.product("10.00", name=f"Milk {HOSTILE}")
    customer = dairy.customer(
        name=HOSTILE, address_line1=HOSTILE, notes=HOSTILE, area=f"Area {HOSTILE}", delivery_boy_id=town.boy.user["id"]
    )
    dairy.order(customer, (product, "1"), notes=HOSTILE)
    answer = site.open(town.link())
    seen = Seen(answer)
    assert seen.words.count(HOSTILE) >= 5
    assert not [attributes for _, attributes in seen.elements if "onclick" in attributes or "style" in attributes]
    assert seen.every("script")[0].keys() == {"type", "src"}
    assert [each["type"] for each in seen.every("script")] == ["module", "application/json"]
    inside = answer.get_data(as_text=True).split('id="words">')[1].split("</script>")[0]
    assert json.loads(inside) == dict(catalogues()["en"].texts)


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://maps.app.goo.gl/x", True),
        (" javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("//maps.example", False),
        ("http://[x", False),
        (None, False),
    ],
)
def test_a_map_link_leads_to_the_web_or_nowhere(link: str | None, kept: bool) -> None:
    assert safe_link(link) == (link if kept else None)


@pytest.mark.parametrize(
    ("ordered", "unit", "packets", "step"),
    [
        ("2", "litre", None, "0.5"),
        ("0.25", "kg", None, "0.25"),
        ("1.5", "litre", 3, "0.5"),
        ("1", "litre", 3, "0.333"),
        ("3", "packet", 3, "1"),
        ("12", "piece", None, "1"),
        ("0.5", "dozen", None, "0.5"),
        ("0.001", "litre", 9, "0.001"),
    ],
)
def test_one_tap_is_a_packet_half_a_measure_or_one_piece(
    ordered: str, unit: str, packets: int | None, step: str
) -> None:
    assert step_of(Decimal(ordered), unit, packets) == Decimal(step)


# ----------------------------------------------------------------------------------------------- refusals


def make_ended(town: Town, clock: time_machine.Traveller) -> dict[str, Link]:
    """A link of each kind that does not open, by the code of its refusal."""
    revoked, expired = town.link(expires_in_hours=48), town.link(expires_in_hours=1)
    revoked.revoke()
    clock.shift(2 * 3600)
    town.dairy.log_in_again()
    unknown = Link(town.dairy, {**expired.made, "token": "nothing-like-a-token"})
    return {"link_revoked": revoked, "link_expired": expired, "link_not_found": unknown}


def test_refusals_have_pages_of_their_own(town: Town, site: Site, clock: time_machine.Traveller) -> None:
    headings = {
        "link_revoked": "This link was switched off",
        "link_expired": "This link has expired",
        "link_not_found": "This link does not exist",
    }
    for code, link in make_ended(town, clock).items():
        answer = site.open(link)
        assert answer.status_code == CODES[code][0]
        assert heading(answer) == headings[code]
        for language in LANGUAGES:  # both, because whoever is refused may read only one
            key = {"link_revoked": "revoked", "link_expired": "expired", "link_not_found": "unknown"}[code]
            assert catalogues()[language](f"{key}_title") in Seen(answer).words
        assert link.token not in answer.get_data(as_text=True)


def test_programs_get_the_problem_document(town: Town, site: Site) -> None:
    refused(site.browser.get("/s/nothing-like-a-token"), 404, "link_not_found")
    refused(site.browser.get(f"/s/{town.link(pin='4711').token}"), 401, "pin_required")


def test_a_pin_is_asked_for_and_kept(town: Town, site: Site) -> None:
    town.order()
    link = town.link(pin="4711")
    asked = site.open(link)
    assert (asked.status_code, heading(asked)) == (401, "Enter the PIN")
    assert "Asha" not in asked.get_data(as_text=True)
    wrong = site.send_pin(link, "1111")
    assert wrong.status_code == 401
    assert "The PIN is wrong" in Seen(wrong).words
    right = site.send_pin(link, "4711")
    assert (right.status_code, right.headers["Location"]) == (303, f"/s/{link.token}")
    for cookie in right.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
    assert site.open(link).status_code == 200
    # The same pass opens what the page's script asks for.
    ok(site.browser.get(f"/api/v1/shared/{link.token}/round"))
    # And no other link.
    assert site.open(town.link(pin="4711")).status_code == 401


def test_a_form_without_a_pin(town: Town, site: Site) -> None:
    link = town.link(pin="4711")
    for body in ({}, {"pin": ""}, {"pin": "1" * 21}, {"pin": "1", "more": "x"}):
        answer = site.browser.post(f"/s/{link.token}", data=body, headers=BROWSER)
        assert answer.status_code == 422
        assert "Please enter the PIN." in Seen(answer).words
    assert link.events() == []


def test_too_many_pins(town: Town, site: Site) -> None:
    link = town.link(pin="4711")
    for _ in range(5):
        assert site.send_pin(link, "1111").status_code == 401
    locked = site.send_pin(link, "4711")
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, "900")
    assert "Try again in 15 min." in Seen(locked).words


@pytest.mark.slow
def test_too_fast(town: Town, site: Site) -> None:
    link = town.link()
    statuses = [site.open(link).status_code for _ in range(121)]
    assert statuses == [200] * 120 + [429]
    assert "Try again in 1 min." in Seen(site.open(link)).words


def test_parameters_of_messengers_are_dropped(town: Town, site: Site) -> None:
    link = town.link()
    for query in ("?fbclid=abc", "?lang=hi&lang=en", f"?lang={'x' * 30}"):
        answer = site.open(link, query)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/s/{link.token}")


# ------------------------------------------------------------------------------------------------ headers


def every_page(town: Town, site: Site) -> dict[str, TestResponse]:
    return {
        "round": site.open(town.link()),
        "pin": site.open(town.link(pin="4711")),
        "unknown": site.get("/s/nothing-like-a-token"),
    }


def test_the_policy_lets_nothing_in_from_outside_and_nothing_inline(town: Town, site: Site) -> None:
    for name, answer in every_page(town, site).items():
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert set(policy.values()) == {"'none'", "'self'"}, name
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_pages_load_only_files_that_are_there(town: Town, site: Site) -> None:
    for name, answer in every_page(town, site).items():
        seen = Seen(answer)
        loaded = [each["src"] for each in seen.every("script") if "src" in each]
        loaded += [each["href"] for each in seen.every("link")]
        assert len(loaded) == 3, name
        for address in [*loaded, *str(seen.every("body")[0]["data-files"]).split()]:
            assert address is not None
            file = site.get(address)
            assert file.status_code == 200, address
            assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_files_of_another_version_are_not_kept(site: Site) -> None:
    answer = site.get("/s/static/0123456789abcdef/page.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert answer.content_type == "text/javascript; charset=utf-8"
    again = site.get("/s/static/0123456789abcdef/page.js", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["..%2fpages.py", "page.html", "pages.py", "page.js%00", ""])
def test_other_files_are_not_served(site: Site, name: str) -> None:
    assert site.get(f"/s/static/0123456789abcdef/{name}").status_code == 404


def test_the_worker_may_ask_here_and_is_asked_for_again(site: Site) -> None:
    answer = site.get("/s/worker.js")
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    # It obeys its own policy: without connect-src it could not even fetch the page.
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"


# ---------------------------------------------------------------------------------------------- languages


def test_the_language_asked_for_then_chosen_then_the_browsers_then_the_dairys(town: Town, site: Site) -> None:
    link = town.link()
    assert Seen(site.open(link)).language == "en"
    ok(town.dairy.admin.patch("/settings", {"language": "hi"}))
    assert Seen(site.open(link)).language == "hi"
    assert Seen(site.open(link, **{"Accept-Language": "mr, en-IN;q=0.8, hi;q=0.5"})).language == "en"
    assert Seen(site.open(link, "?lang=hi", **{"Accept-Language": "en"})).language == "hi"
    assert Seen(site.open(link, **{"Accept-Language": "en"})).language == "hi"  # the choice is kept
    assert Seen(site.open(link, "?lang=en")).language == "en"
    assert Seen(site.open(link, "?lang=xx")).language == "en"


def test_the_page_in_hindi(town: Town, site: Site) -> None:
    town.order()
    answer = site.open(town.link(), "?lang=hi")
    assert heading(answer) == "शुक्र, 20 नवंबर · सुबह"
    for expected in ("1 में से 0 पूरे", "2 लीटर", "नहीं दिया"):
        assert expected in Seen(answer).words
    assert [each["href"] for each in Seen(answer).every("a") if "hreflang" in each] == ["?lang=en"]


def braces(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language: str) -> None:
    english, other = catalogues()["en"].texts, catalogues()[language].texts
    assert list(other) == list(english)
    assert {key: braces(text) for key, text in other.items()} == {key: braces(text) for key, text in english.items()}
    assert not [key for key, text in other.items() if not text.strip() or text != text.strip()]
    assert len(other["weekdays"].split("|")) == 7
    assert len(other["months"].split("|")) == 12


def test_hindi_is_written_in_its_own_script() -> None:
    latin = {"locale", "time", "date", "pin_label"}
    without = [key for key, text in catalogues()["hi"].texts.items() if not re.search("[\u0900-\u097f]", text)]
    assert set(without) <= latin


def test_all_words_that_are_named_exist_and_all_that_exist_are_named() -> None:
    """Words that scripts and templates put together from parts are named by their beginning."""
    folder = Path(pages.__file__).parent.parent
    sources = [
        *folder.rglob("page*.py"),
        folder.parent / "common" / "words.py",
        *STATIC.glob("*.js"),
        *folder.rglob("templates/**/*.html"),
    ]
    source = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    texts = catalogues()["en"].texts
    called = set(re.findall(r"""\b(?:say|t|self|each)\(\s*["'](\w+)["']""", source))
    assert {key for key in called if not key.endswith("_")} <= set(texts)
    begun = tuple(
        set(re.findall(r"""["'`](\w+_)(?:["'`]|\$|\{)""", source))
        | {"expired_", "revoked_", "unknown_", "locked_", "fault_"}
    )
    quoted = set(re.findall(r"""["'`](\w+)["'`]""", source))
    assert [key for key in texts if key not in quoted and not key.startswith(begun)] == []


def test_reasons_units_and_codes_have_words() -> None:
    texts = catalogues()["en"].texts
    assert {f"reason_{code}" for code in REASON_CODES} <= set(texts)
    codes = {key.removeprefix("code_") for key in texts if key.startswith("code_")} - {"other"}
    assert codes <= set(CODES)


def test_numbers_days_and_amounts() -> None:
    assert [number(Decimal(each)) for each in ("1.500", "20", "20.000", "0.250", "100")] == [
        "1.5",
        "20",
        "20",
        "0.25",
        "100",
    ]
    english, hindi = catalogues()["en"], catalogues()["hi"]
    assert english.date(date(2026, 11, 22)) == "Sun, 22 Nov"
    assert hindi.date(date(2026, 11, 23)) == "सोम, 23 नवंबर"
    assert [english.quantity(Decimal(each), "packet") for each in ("1.000", "2")] == ["1 packet", "2 packets"]
    assert hindi.quantity(Decimal("0.5"), "kg") == "0.5 किलो"
    assert english.quantity(Decimal(2), "bucket") == "2 bucket"


@pytest.mark.parametrize(
    ("wishes", "code"),
    [((None, "hi-IN"), "hi"), (("xx", "HI_in"), "hi"), (("*", None, "en-GB"), "en"), ((), "en"), (("", "x"), "en")],
)
def test_the_first_wish_there_is(wishes: tuple[str | None, ...], code: str) -> None:
    assert choose(*wishes).code == code


def test_a_language_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "en.json").write_text(json.dumps({"hello": "Hello {name}"}), encoding="utf-8")
    (tmp_path / "mr.json").write_text(json.dumps({"hello": "नमस्कार {name}"}), encoding="utf-8")
    monkeypatch.setattr(words, "_FOLDER", tmp_path)
    monkeypatch.setattr(words, "catalogues", catalogues.__wrapped__)
    assert list(words.catalogues()) == ["en", "mr"]
    assert choose("mr")("hello", name="Asha") == "नमस्कार Asha"


def test_an_unknown_word_is_a_fault() -> None:
    with pytest.raises(KeyError):
        Words("xx", {"a": "{b}"})("nothing")
    with pytest.raises(KeyError):
        Words("xx", {"a": "{b}"})("a", c=1)


def test_empties_are_counted_at_the_door(town: Town, site: Site) -> None:
    bottle = ok(town.dairy.admin.post("/containers", {"name": "Glass bottle 1 l", "deposit": "30"}), 201)
    ok(town.dairy.admin.patch(f"/products/{town.milk['id']}", {"container_id": bottle["id"]}))
    link, first, second = town.link(), town.order(), town.order()
    assert not [each for each in Seen(site.open(link)).every("tr") if "data-total-of" in each]
    ok(link.confirm(first))
    (stop,) = ok(link.round())["stops"]
    assert stop["containers"] == [{"container_id": bottle["id"], "name": "Glass bottle 1 l", "balance": 2}]
    told = [{"container_id": bottle["id"], "back": 1}]
    refused(link.confirm(second, empties=[{**told[0], "back": 5}]), 422, "more_back_than_out")
    ok(link.confirm(second, empties=told))
    assert ok(link.confirm(second, empties=told))["replayed"]
    seen = Seen(site.open(link))
    (row,) = [each for each in seen.every("li") if "data-container" in each]
    assert (row["data-container"], row["data-has"]) == (bottle["id"], "3")
    words = re.sub(r"\s+", " ", seen.words)
    assert "Has 3 × Glass bottle 1 l" in words and "Back: 1 × Glass bottle 1 l" in words
    assert re.search("Empties ?Back ?Glass bottle 1 l ?1", words.partition("At the end")[2])
    hindi = Seen(site.open(link, "?lang=hi")).words
    assert "इनके पास: 3 × Glass bottle 1 l" in hindi
