"""The pages of figures: what they show is what the API says, each figure leads on, every table has its CSV."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dairy_app.console.rules.comparing import change, part_of, quantity_of, units_of
from tests.billing.conftest import LivingDairy, living
from tests.billing.sales import Story, tell
from tests.console.conftest import SignIn
from tests.console.visitor import Page, Visitor
from tests.dairy import Dairy, ok
from tests.exports.books import rows_of
from tests.statements import count_statements

__all__ = ["living"]
PAGES = ("/figures", "/figures?by=product", "/figures?by=area", "/figures?by=customer", "/figures/customers",
         "/figures/short-deliveries")  # fmt: skip
OCTOBER = {"from": "2026-10", "to": "2026-10"}


@pytest.fixture
def story(living: LivingDairy) -> Story:
    return tell(living)


@pytest.fixture
def owner(story: Story) -> Visitor:
    visitor = Visitor.of(story.dairy.app, "admin@dairy.example")
    story.dairy.admin = story.dairy.login("admin@dairy.example")  # the session of a year ago is over
    return visitor


def drawn(page: Page) -> list[str]:
    """The values that pictures are drawn of, in the order of the page."""
    return [each["data-value"] or "" for each in page.every("td") if "data-value" in each]


@pytest.mark.parametrize("by", ["product", "area", "customer"])
def test_sales_of_a_month_are_those_of_the_api(story: Story, owner: Visitor, by: str) -> None:
    told = ok(story.dairy.admin.get("/reports/sales", by=by, **OCTOBER))
    page = owner.open(f"/figures?by={by}&from=2026-10&to=2026-10")
    assert page.status == 200
    for row in told["items"]:
        assert row["name"] is None or row["name"] in page.words
    pairs = [value for row in told["items"] for value in
             (row["sales"]["net"]["with_tax"], row["sales_year_before"]["net"]["with_tax"])]  # fmt: skip
    assert drawn(page)[: len(pairs)] == pairs
    litres = [quantity_of(row["sales"], "litre") for row in told["items"]]
    assert {value for value in litres if value != "0"} <= set(drawn(page))
    names = {each["data-name"] for each in page.every("th") if "data-name" in each}
    assert names >= {row["name"] for row in told["items"] if row["name"]}
    if by == "product":
        assert "Charges and discounts" in page.words


def test_each_figure_leads_to_what_it_is_made_of(story: Story, owner: Visitor) -> None:
    page = owner.open("/figures?from=2026-09&to=2026-11")
    assert {"/figures?by=product&from=2026-10&to=2026-10", "/month-end?period=2026-11"} <= set(page.links())
    asha = story.people["asha"]["id"]
    assert f"/customers/{asha}#ledger" in owner.open("/figures?by=customer&from=2026-10&to=2026-10").links()
    assert f"/products/{story.milk['id']}" in owner.open("/figures?by=product&from=2026-10&to=2026-10").links()
    area = f"/grid?month=2026-10&area_id={story.areas['Baner']}"
    assert area in owner.open("/figures?by=area&from=2026-10&to=2026-10").links()
    assert "Bela" in owner.open(area).words
    page = owner.open("/figures/customers?from=2026-10&to=2026-10")
    assert "/figures/customers?change=lost&from=2026-10&to=2026-10#who" in page.links()
    assert f"/customers/{asha}" in page.links()
    for link in {link.partition("#")[0] for link in page.links() if link.startswith("/")}:
        assert owner.open(link).status == 200, link


def test_why_customers_were_lost(owner: Visitor, story: Story) -> None:
    page = owner.open("/figures/customers?from=2026-10&to=2026-10")
    assert "Moving on Lost 1" in page.words
    assert "Asha C000001 Lost Sun, 18 Oct 2026 Moving on" in page.words
    story.dairy.go_to("2026-11-04")
    standing = story.dairy.subscription(story.people["bela"], story.milk)
    ok(story.dairy.admin.post(f"/subscriptions/{standing['id']}/stop", {"stop_date": "2026-11-06"}))
    page = Visitor.of(story.dairy.app, "admin@dairy.example").open("/figures/customers?change=lost")
    assert "Stopped, no reason written Lost 1" in page.words
    assert "Bela" in page.words


def test_what_was_brought_short(owner: Visitor) -> None:
    page = owner.open("/figures/short-deliveries?from=2026-10&to=2026-10")
    assert "Given to nobody 10 1 1 20.0 %" in page.words
    assert "Door locked: 1" in page.words
    assert "8 kg" in page.words
    assert "₹ 4,490.15" in page.words


@pytest.mark.parametrize("address", PAGES)
def test_every_page_has_its_csv(owner: Visitor, address: str) -> None:
    joined = "&" if "?" in address else "?"
    page = owner.open(f"{address}{joined}from=2025-10&to=2026-11")
    files = [link for link in page.links() if link.startswith("/downloads/")]
    assert [parse_qs(urlsplit(link).query)["from"] for link in files] == [["2025-10-01"], ["2026-10-01"]]
    assert "As CSV Oct 2025 – Sep 2026" in page.words
    for link in files:
        answer = owner.http.get(link)
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert rows_of(answer.get_data())


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize(("months", "said"), [
    ("from=2026-10&to=2026-09", "from"),
    ("from=2020-01&to=2026-09", "24"),
    ("from=soon&to=2026-09", "YYYY-MM"),
    ("to=never", "YYYY-MM"),
])  # fmt: skip
def test_months_that_do_not_fit_are_refused_beside_the_field(
    admin: Visitor, address: str, months: str, said: str
) -> None:
    page = admin.open(f"{address}{'&' if '?' in address else '?'}{months}")
    assert page.status == 422
    assert said in page.words
    wrong = [each["name"] for each in page.every("input") if each.get("aria-invalid")]
    assert wrong
    assert not [link for link in page.links() if link.startswith("/downloads/")]
    form = next(each for each in page.forms if each.method == "get")
    assert form.fields["to"] == months.partition("to=")[2]


@pytest.mark.parametrize("address", PAGES)
def test_a_dairy_without_sales_says_so(admin: Visitor, address: str) -> None:
    page = admin.open(address)
    assert page.status == 200
    assert not re.search("nan|inf", page.words, re.I)


def test_only_the_office_sees_them(sign_in: SignIn) -> None:
    assert sign_in("accountant").open("/figures").status == 200
    for role in ("marketing_staff", "delivery_boy", "customer"):
        assert sign_in(role).open("/figures").status == 403


def test_a_page_costs_the_same_for_twice_as_much(dairy: Dairy, admin: Visitor) -> None:
    def fill() -> None:
        for _ in range(3):
            customer, milk = dairy.customer(), dairy.product("60.00")
            ok(dairy.confirm(dairy.order(customer, (milk, "2"))))
            dairy.subscription(customer, milk)

    def cost(address: str) -> int:
        admin.open(address)
        with count_statements(dairy.app.database) as sent:
            assert admin.open(address).status == 200
        return len(sent)

    fill()
    before = [cost(address) for address in PAGES]
    fill()
    assert [cost(address) for address in PAGES] == before
    assert max(before) <= 9


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [("112", "100", "+12 %"), ("97.4", "100", "−3 %"), ("100", "100", "±0 %"), ("5", "0.00", ""), ("5", "-3", ""),
     ("0", "7", "−100 %"), ("100.4", "100", "±0 %"), ("-1", "2", "−150 %")],
)  # fmt: skip
def test_how_a_change_is_told(now: str, before: str, said: str) -> None:
    assert change(now, before) == said


def test_parts_and_units() -> None:
    assert (part_of(1, 8), part_of(0, 3), part_of(0, 0)) == ("12.5 %", "0.0 %", "")
    sales: Any = {"quantities": [{"unit": "kg", "quantity": "1.000"}, {"unit": "litre", "quantity": "2.500"}]}
    report = {"items": [{"sales": sales, "name": "Milk"}], "totals": {"sales": {"quantities": []}}}
    assert units_of(report) == ["litre", "kg"]
    assert (quantity_of(sales, "litre"), quantity_of(sales, "piece")) == ("2.500", "0")
