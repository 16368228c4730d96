"""Month's end: what the page says is what the API says, what it does is done once, and it can be left at any point."""

import io
import json
import re
import threading
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dairy_app.billing.service import background
from dairy_app.billing.service import runs as service
from dairy_app.billing.service.runs import RunRequest
from dairy_app.console.routes import frame, month_end
from dairy_app.console.rules.figures import Figures
from tests.billing.conftest import LivingDairy, living
from tests.console.visitor import Page, Visitor
from tests.dairy import ok, read
from tests.statements import count_statements

__all__ = ["living"]
PAGE = "/month-end?period=2026-10"


def office(living: LivingDairy, login: str = "admin@dairy.example") -> Visitor:
    """A browser that is signed in now. Signing in forgets the logins that ended: those of a month ago."""
    living.admin.carry(living.login("admin@dairy.example").token)
    return Visitor.of(living.app, login)


def marks(page: Page) -> dict[str, str]:
    """The state of every step, by its name."""
    text = page.response.get_data(as_text=True)
    return dict(re.findall(r'<a href="#(\w+)">[^<]*</a> <span class="mark (\w+)"', text))


def rupees(amount: str) -> str:
    return Figures(frame.catalogues()["en"], ZoneInfo("Asia/Kolkata")).rupees(amount)


def october(living: LivingDairy) -> tuple[Any, Any, Any]:
    """Asha and Ravi have a bill to come, Bela's draft is kept back, and Ravi's last delivery is open."""
    milk, sample = living.product("60.00"), living.product("0.00")
    asha, ravi, bela = living.customer(), living.customer(), living.customer()
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    living.delivered(ravi, (milk, "3"), on="2026-10-06")
    living.delivered(bela, (sample, "1"), on="2026-10-07")
    living.order(ravi, (milk, "1"), on="2026-10-31")
    living.go_to("2026-11-01")
    return asha, ravi, bela


def runs(living: LivingDairy) -> list[Any]:
    return read(living.admin, "/billing/runs", period="2026-10")


def test_the_preview_names_what_differs_much_from_the_month_before(living: LivingDairy) -> None:
    """Each bill to come beside what was billed before; who is new has nothing beside it."""
    milk = living.product("60.00")
    asha, ravi, bela = (living.customer(name=name) for name in ("Asha Rao", "Ravi Joshi", "Bela Shah"))
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    living.delivered(ravi, (milk, "3"), on="2026-10-06")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    living.delivered(asha, (milk, "2.5"), on="2026-11-05")  # 25 % more
    living.delivered(ravi, (milk, "9"), on="2026-11-06")
    living.delivered(bela, (milk, "1"), on="2026-11-06")
    living.go_to("2026-12-01")
    words = office(living).open("/month-end?period=2026-11").words
    assert f"{rupees('150.00')} {rupees('120.00')}" in words
    assert re.search(rf"{re.escape(rupees('540.00'))} {re.escape(rupees('180.00'))} \S+ \S+ differs much", words)
    assert f"{rupees('60.00')} –" in words
    assert not re.search(rf"{re.escape(rupees('120.00'))} \S+ \S+ differs much", words)


def test_exceptions_and_preview_are_those_of_the_api(living: LivingDairy) -> None:
    asha, ravi, bela = october(living)
    page, preview = office(living).open("/month-end"), living.preview("2026-10")
    assert "Month's end: Oct 2026" in page.words
    assert marks(page)["exceptions"] == marks(page)["preview"] == marks(page)["bill"] == "open"
    assert "Sat, 31 Oct 2026 Morning" in page.words
    (open_order,) = read(living.admin, "/orders", customer_id=ravi["id"], status="PENDING")
    assert f"/orders/{open_order['id']}" in page.links()
    (kept,) = preview["warnings"]
    assert (kept["code"], kept["customer_name"], kept["customer_code"]) == ("zero_price", bela["name"], bela["code"])
    assert f"/invoices/{kept['invoice_id']}" in page.links()
    assert "Something delivered has the price 0 and is not marked free." in page.words
    assert (preview["totals"]["invoices"], preview["totals"]["total"]) == (2, "300.00")
    assert "Bills: 2" in page.words
    assert "Bills that this makes: 2, together ₹ 300.00. Customers: 2." in page.words
    for item in preview["items"]:
        assert item["customer_name"] in page.words
        assert rupees(item["total"]) in page.words
    assert f"/customers/{asha['id']}?month=2026-10" in page.links()


def test_bills_are_made_once_and_the_steps_tick_themselves(living: LivingDairy) -> None:
    _, ravi, _ = october(living)
    visitor = office(living)
    form = visitor.open(PAGE).form("/month-end/bills")
    answer = visitor.send(form, {})
    assert (answer.status, answer.location) == (303, f"{PAGE}#bill")
    page = visitor.follow(answer)
    assert "Bills made: 2, together ₹ 300.00. Drafts kept back: 1." in page.words
    assert sum(Decimal(each["total"]) for each in living.invoices(status="issued")) == 300
    assert (marks(page)["bill"], marks(page)["preview"], marks(page)["exceptions"]) == ("done", "done", "open")
    assert not [each for each in page.forms if each.action.endswith("/month-end/bills")]
    assert visitor.send(form, {}).status == 303
    assert len(runs(living)) == 1
    assert len(living.invoices(status="issued")) == 2
    # What waits again takes the mark away.
    (paper,) = living.invoices(status="issued", customer_id=ravi["id"])
    ok(living.admin.post(f"/invoices/{paper['id']}/void", {"reason": "Wrong price list"}))
    page = visitor.open(PAGE)
    assert marks(page)["bill"] == "open"
    assert "Bills that this makes: 1, together ₹ 180.00." in page.words
    assert visitor.submit(page, "/month-end/bills").status == 303
    assert [each["invoices_issued"] for each in runs(living)] == [1, 2]


def test_a_month_that_runs_is_shown_and_not_billed(living: LivingDairy) -> None:
    living.delivered(living.customer(), (living.product("60.00"), "2"), on="2026-10-05")
    visitor = office(living)
    page = visitor.open(PAGE)
    assert "This month runs until Sat, 31 Oct 2026" in page.words
    assert "₹ 120.00" in page.words
    assert {form.action for form in page.forms if form.method == "post"} == {"/sign-out"}
    sign_out = page.form("/sign-out").fields["csrf_token"]
    form = visitor.http.post("/month-end/bills", data={"csrf_token": sign_out, "period": "2026-10"})
    assert form.status_code == 409
    assert living.invoices(status="issued") == []


def test_an_unusual_total_is_told_before_and_asks_for_a_tick(living: LivingDairy) -> None:
    milk, asha = living.product("60.00"), living.customer()
    living.delivered(asha, (milk, "10"), on="2026-10-05")
    living.delivered(asha, (milk, "100"), on="2026-11-05")
    living.go_to("2026-12-01")
    ok(living.admin.patch("/settings", {"returns_filed_through": "2026-09-30"}))
    living.bill("2026-10")
    visitor, address = office(living), "/month-end?period=2026-11"
    page = visitor.open(address)
    assert "unusual_total" in {each["code"] for each in living.preview("2026-11")["warnings"]}
    assert "The total differs much from the month before." in page.words
    assert "confirm" not in page.form("/month-end/bills").fields, "nothing is ticked beforehand"
    refused = visitor.submit(page, "/month-end/bills")
    assert refused.status == 409
    assert "2026-11 would total 6000.00, 2026-10 was 600.00" in refused.words
    assert refused.form("/month-end/bills").fields["key"] == page.form("/month-end/bills").fields["key"]
    assert living.invoices(status="issued", period="2026-11") == []
    assert "would total" not in visitor.open(f"{address}&lang=hi").words
    done = visitor.submit(refused, "/month-end/bills", confirm="1")
    assert done.status == 303
    assert len(living.invoices(status="issued", period="2026-11")) == 1


def test_a_run_that_lasts_is_shown_with_its_progress(living: LivingDairy, monkeypatch: pytest.MonkeyPatch) -> None:
    october(living)
    go_on, real = threading.Event(), service.carry_out

    def waits(*args: Any) -> Any:
        assert go_on.wait(60)
        return real(*args)

    monkeypatch.setattr(background, "carry_out", waits)
    monkeypatch.setattr(month_end, "PATIENCE", 0.01)
    visitor = office(living)
    answer = visitor.submit(visitor.open(PAGE), "/month-end/bills")
    try:
        page = visitor.follow(answer)
        assert "The bills are being made." in page.words
        assert {"http-equiv": "refresh", "content": "4"} in page.every("meta")
        assert "0 of 3 customers are done." in page.words
        assert not [form for form in page.forms if "/month-end/" in form.action and "books" not in form.action]
        assert "0 of 3" not in visitor.open(f"{PAGE}&lang=hi").words
    finally:
        go_on.set()
        for worker in threading.enumerate():
            if worker.name.startswith("billing-run-"):
                worker.join(60)
    page = visitor.open(f"{PAGE}&lang=en")
    assert not [each for each in page.every("meta") if each.get("http-equiv")]
    assert marks(page)["bill"] == "done"


def test_a_run_that_was_cut_short_says_so(living: LivingDairy) -> None:
    october(living)
    asked = RunRequest("2026-10")
    living.app.database.run(lambda session: service.start_run(session, asked, None))
    living.clock.shift(60)
    page = office(living).open(PAGE)
    assert "Cut short: make the bills again, none is made twice" in page.words
    assert "Bills that this makes: 2" in page.words


def test_messages_wait_in_the_outbox_once(living: LivingDairy) -> None:
    october(living)
    visitor = office(living)
    assert "There are no bills to tell of yet." in visitor.open(PAGE).words
    visitor.submit(visitor.open(PAGE), "/month-end/bills")
    page = visitor.open(PAGE)
    assert marks(page)["send"] == "open"
    refused = visitor.submit(page, "/month-end/messages", channel="pigeon")
    assert refused.status == 422
    assert read(living.admin, "/outbox") == []
    page = visitor.follow(visitor.submit(page, "/month-end/messages", channel="sms"))
    assert "Messages that wait now: 2. Made before: 0." in page.words
    (run,) = runs(living)
    assert len(read(living.admin, "/outbox", billing_run_id=run["id"], channel="sms")) == 2
    assert read(living.admin, "/outbox", billing_run_id="00000000-0000-7000-8000-000000000000") == []
    assert read(living.admin, "/billing/runs", period="2026-09") == []
    assert marks(page)["send"] == "done"
    page = visitor.follow(visitor.submit(page, "/month-end/messages", channel="sms"))
    assert "Messages that wait now: 0. Made before: 2." in page.words
    assert len(read(living.admin, "/outbox")) == 2


def test_books_are_closed_and_opened_again(living: LivingDairy) -> None:
    october(living)
    visitor = office(living)
    page = visitor.open(PAGE)
    assert "Drafts that are not billed yet: 2, together ₹ 300.00." in page.words
    visitor.submit(page, "/month-end/bills")
    page = visitor.open(PAGE)
    assert "Drafts that are not billed yet" not in page.words
    page = visitor.follow(visitor.submit(page, "/month-end/books"))
    assert ok(living.admin.get("/settings"))["books_closed_through"] == "2026-10-31"
    assert "The books are closed through Sat, 31 Oct 2026 now." in page.words
    assert marks(page)["close"] == "done"
    assert "Opening moves the day back: the books are then closed through Wed, 30 Sep 2026" in page.words
    page = visitor.follow(visitor.submit(page, "/month-end/books"))
    assert ok(living.admin.get("/settings"))["books_closed_through"] == "2026-09-30"
    assert marks(page)["close"] == "open"


def test_only_the_office_sees_it_and_only_an_admin_closes(living: LivingDairy) -> None:
    october(living)
    accountant = office(living, living.staff("accountant").user["email"])
    page = accountant.open(PAGE)
    assert "Only an admin closes the books and opens them again." in page.words
    token = page.form("/month-end/bills").fields["csrf_token"]
    sent = {"csrf_token": token, "period": "2026-10"}
    assert accountant.http.post("/month-end/books", data=sent).status_code == 403
    assert accountant.submit(page, "/month-end/bills").status == 303
    for role in ("delivery_boy", "marketing_staff", "supplier"):
        visitor = office(living, living.staff(role).user["email"])
        assert visitor.open(PAGE).status == 403
        token = visitor.open("/").form("/sign-out").fields["csrf_token"]
        for path in ("bills", "messages", "books"):
            answer = visitor.http.post(f"/month-end/{path}", data={"csrf_token": token, "period": "2026-10"})
            assert answer.status_code == 403, path
    customer, _ = living.customer_login()
    assert office(living, customer["phone"]).open(PAGE).status == 403


@pytest.mark.parametrize("period", ["2026-13", "october", "", "1999-01", "0001-01", "9999-12"])
def test_a_month_that_is_none_is_refused_in_words(living: LivingDairy, period: str) -> None:
    visitor = office(living)
    assert visitor.open(f"/month-end?period={period}").status in {200, 422}
    token = visitor.open("/").form("/sign-out").fields["csrf_token"]
    for path in ("bills", "messages", "books"):
        answer = visitor.http.post(f"/month-end/{path}", data={"csrf_token": token, "period": period, "key": "k"})
        assert answer.status_code == 422, path


@pytest.mark.parametrize(
    "file",
    [
        "invoice-register.csv",
        "receipts.csv",
        "ledger.xlsx",
        "gstr1.zip",
        "gstr1.json",
        "gstr3b.json",
        "gstr3b.csv",
        "tally.xml",
        "tally-masters.xml",
    ],
)
def test_downloads_are_the_files_of_the_api(living: LivingDairy, file: str) -> None:
    living.seller(gstin="27AAPFU0939F1ZV")
    living.delivered(living.customer(), (living.product("60.00", tax_class="milk_fresh"), "2"), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    visitor = office(living, living.staff("accountant").user["email"])
    assert f"/downloads/{file}?period=2026-10" in {*visitor.open(PAGE).links()}
    answer = visitor.http.get(f"/downloads/{file}?period=2026-10")
    wanted = living.admin.get(f"/exports/{file}", period="2026-10")
    assert (answer.status_code, answer.mimetype) == (200, wanted.mimetype)
    assert answer.headers["Content-Disposition"] == wanted.headers["Content-Disposition"]
    assert answer.data == wanted.data
    assert len(answer.data) > 90


def test_a_download_that_there_is_not_says_so(living: LivingDairy) -> None:
    visitor = office(living)
    for file in ("nothing.csv", "tally.xlsx", "tally.zip", "receipts.xml"):
        page = visitor.open(f"/downloads/{file}?period=2026-10")
        assert (page.status, "There is no such file." in page.words) == (404, True), file
    assert visitor.open("/downloads/receipts.csv").status == 422
    assert office(living, living.staff("marketing_staff").user["email"]).open("/downloads/receipts.csv").status == 403
    assert Visitor(living.app).open("/downloads/receipts.csv").status == 303


def test_documents_are_verified(living: LivingDairy, sql: Any) -> None:
    october(living)
    living.bill("2026-10")
    visitor = office(living)
    page = visitor.open("/month-end/verification?period=2026-10")
    assert "Every document is as it was issued." in page.words
    assert "INV/2627/0000002" in page.words
    (paper, _) = living.invoices(status="issued")
    sql("SET session_replication_role = replica")
    sql("UPDATE invoices SET invoice_date = '2026-10-30' WHERE id = %s", paper["id"])
    sql("SET session_replication_role = origin")
    page = visitor.open("/month-end/verification?period=2026-10")
    assert f"{paper['number']} The document was changed after it was issued." in page.words
    assert paper["number"] in visitor.open("/month-end/verification?lang=hi").words


def test_it_speaks_hindi(living: LivingDairy) -> None:
    october(living)
    living.bill("2026-10")
    page = office(living).open(f"{PAGE}&lang=hi")
    assert page.every("html")[0]["lang"] == "hi"
    assert "महीने का हिसाब: अक्टूबर 2026" in page.words
    assert not re.search(r"\b(to do|done|Finished|Kept back|Exceptions|bills)\b", page.words)


def test_twice_the_customers_cost_the_same(living: LivingDairy) -> None:
    milk, sample = living.product("60.00"), living.product("0.00")

    def fill() -> None:
        for _ in range(3):
            living.delivered(living.customer(), (milk, "2"), on="2026-10-05")
            living.delivered(living.customer(), (sample, "2"), on="2026-10-05")
            living.order(living.customer(), (milk, "1"), on="2026-10-05")

    def cost() -> int:
        living.go_to("2026-11-01")
        visitor = office(living)
        visitor.open(PAGE)
        with count_statements(living.app.database) as sent:
            assert visitor.open(PAGE).status == 200
        return len(sent)

    fill()
    before = cost()
    fill()
    assert cost() == before <= 27


def test_the_weeks_of_a_running_month_are_billed_when_they_are_over(living: LivingDairy) -> None:
    milk = living.product("60.00")
    weekly, monthly = living.customer(billing_cycle="weekly"), living.customer()
    for on in ("2026-10-05", "2026-10-09"):
        living.delivered(weekly, (milk, "2"), on=on)
        living.delivered(monthly, (milk, "10"), on=on)
    visitor = office(living)
    page = visitor.open(PAGE)
    assert "Bills that this makes: 1, together ₹ 120.00. Customers: 1." in page.words
    assert "The rest is billed after Sat, 31 Oct 2026." in page.words
    assert "₹ 1,440.00" in page.words  # the preview shows the month as it stands
    done = visitor.follow(visitor.submit(page, "/month-end/bills"))
    assert "Bills made: 1, together ₹ 120.00." in done.words
    (issued,) = living.invoices(status="issued")
    assert (issued["customer_id"], issued["period_end"]) == (weekly["id"], "2026-10-07")
    assert not [form for form in done.forms if form.action.endswith("/month-end/bills")]


def test_a_part_of_a_month_that_is_unusual_asks_for_a_tick(living: LivingDairy) -> None:
    milk, weekly = living.product("60.00"), living.customer(billing_cycle="weekly")
    living.delivered(weekly, (milk, "50"), on="2026-09-05")
    living.go_to("2026-10-01")
    living.bill("2026-09")
    living.delivered(weekly, (milk, "2"), on="2026-10-05")
    living.go_to("2026-10-09")
    visitor = office(living)
    page = visitor.open(PAGE)
    assert visitor.submit(page, "/month-end/bills").status == 409
    assert "confirm" in {each.get("name") for each in page.every("input")}
    visitor.submit(page, "/month-end/bills", confirm="1")
    assert [each["total"] for each in living.invoices(period="2026-10", status="issued")] == ["120.00"]


def test_answers_of_the_invoice_portal_are_kept(living: LivingDairy) -> None:
    """The file goes up on the page; a bill then shows its IRN, and of a wrong file every line is told."""
    living.seller(gstin="27AAPFU0939F1ZV", city="Pune", pincode="411004")
    ghee = living.product("550.00", unit="kg", hsn_code="0405", is_packed=True)
    hotel = living.customer(gstin="27AAACR5055K1Z7", gst_treatment="registered", state_code="27", pincode="411001")
    living.delivered(hotel, (ghee, "1"), on="2026-10-05")
    living.go_to("2026-11-03")
    living.bill("2026-10")
    (bill,) = living.invoices(customer_id=hotel["id"])
    visitor = office(living)

    def send(**changes: Any) -> Page:
        row = {"DocNo": bill["number"], "AckNo": 1, "AckDt": "2026-11-02 11:20:00", "Irn": "3f" * 32} | changes
        file = io.BytesIO(json.dumps([row | {"SignedQRCode": "a.b.c"}]).encode())
        form = visitor.open(PAGE).form("/month-end/e-invoices")
        return visitor.send(form, {"file": (file, "answer.json")})

    assert "Line 1: There is no issued document INV/2627/0000009." in send(DocNo="INV/2627/0000009").words
    told = visitor.follow(send())
    assert "Documents that have an IRN now: 1. Had the same before: 0." in told.words
    assert "3f" * 32 in visitor.open(f"/invoices/{bill['id']}").words
    page = visitor.open("/downloads/einvoice.json?period=2026-10")
    assert page.response.get_data() == b"[\n]\n"
