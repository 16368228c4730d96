"""One bill as a page: the API's figures, its document, and voiding it once."""

import re
from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.console.test_month_end import office, rupees
from tests.console.visitor import Visitor
from tests.dairy import Dairy, ok, read
from tests.statements import count_statements

__all__ = ["living"]


@pytest.fixture
def bill(living: LivingDairy) -> Any:
    """A bill of October over two products, today being 1 November."""
    milk, curd = living.product("60.00", name="Cow milk"), living.product("35.50", name="Curd")
    asha = living.customer(name="Asha Rao")
    living.delivered(asha, (milk, "2"), (curd, "1"), on="2026-10-05")
    living.delivered(asha, (milk, "1.5"), on="2026-10-06")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    (paper,) = living.invoices()
    return living.invoice(paper["id"])


def own(bill: Any) -> str:
    return f"/invoices/{bill['id']}"


def test_its_figures_are_those_of_the_api(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page = visitor.open(own(bill))
    assert bill["number"] in page.words
    assert "Asha Rao" in page.words
    for name in ("total", "balance_due", "round_off", "exempt_value"):
        assert rupees(bill[name]) in page.words, name
    for line in bill["lines"]:
        assert line["description"] in page.words
        assert rupees(line["line_total"]) in page.words
    assert "Deliveries day by day: 3" in page.words
    assert "Tue, 6 Oct 2026" in page.words
    assert own(bill) in visitor.open(f"/customers/{bill['customer_id']}").links()
    ok(living.admin.post("/payments", {"customer_id": bill["customer_id"], "amount": "100", "method": "upi"}), 201)
    page = visitor.open(own(bill))
    (payment,) = living.invoice(bill["id"])["payments"]
    assert f"{payment['receipt_no']} Sun, 1 Nov 2026, UPI ₹ 100.00" in page.words
    assert rupees(living.invoice(bill["id"])["balance_due"]) in page.words


def test_its_document_is_the_one_of_the_api(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    assert f"{own(bill)}/pdf" in visitor.open(own(bill)).links()
    for query in ("", "language=hi"):
        answer = visitor.http.get(f"{own(bill)}/pdf?{query}")
        wanted = living.admin.get(f"{own(bill)}/pdf", **dict(each.split("=") for each in query.split("&") if each))
        assert (answer.mimetype, answer.data) == ("application/pdf", wanted.data)
        assert answer.headers["Content-Disposition"] == wanted.headers["Content-Disposition"]


def test_a_draft_is_shown_as_it_would_be_and_has_no_document(living: LivingDairy) -> None:
    living.delivered(living.customer(), (living.product("60.00"), "2"), on="2026-10-05")
    (draft,) = living.invoices(status="draft")
    visitor = office(living)
    page = visitor.open(own(draft))
    assert "This is a draft, as it would be billed now." in page.words
    assert "₹ 120.00" in page.words
    assert f"{own(draft)}/pdf" not in page.links()
    assert not [form for form in page.forms if form.action.endswith("/void")]
    refused = visitor.open(f"{own(draft)}/pdf")
    assert (refused.status, "draft" in refused.words) == (409, True)


def test_it_is_voided_once_with_a_reason(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page = visitor.open(own(bill))
    assert f"Bill {bill['number']} of {rupees(bill['total'])} becomes void for good" in page.words
    for reason in ("", "x"):
        refused = visitor.submit(page, "/void", reason=reason, after_return="1")
        assert refused.status == 422
        assert refused.form("/void").fields["reason"] == reason
        assert refused.form("/void").fields["after_return"] == "1"
        (field,) = [each for each in refused.every("input") if each.get("id") == "reason"]
        assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "reason-wrong")
    assert living.invoice(bill["id"])["status"] == "issued"
    form = page.form("/void")
    answers = [visitor.send(form, {"reason": "Wrong price list"}) for _ in range(2)]
    assert [(each.status, each.location) for each in answers] == [(303, own(bill))] * 2
    voided = living.invoice(bill["id"])
    assert (voided["status"], voided["void_reason"]) == ("void", "Wrong price list")
    page = visitor.follow(answers[0])
    assert f"{bill['number']} is void. Its deliveries wait on a draft again." in page.words
    assert "Void since Sun, 1 Nov 2026, 08:00: Wrong price list." in page.words
    assert "/month-end?period=2026-10#preview" in page.links()
    assert not [form for form in page.forms if form.action.endswith("/void")]
    assert len(living.invoices(status="draft")) == 1
    assert visitor.send(form, {"reason": "Once more", "key": "another"}).status == 409


def test_a_paid_bill_asks_what_becomes_of_the_money(living: LivingDairy, bill: Any) -> None:
    ok(living.admin.post("/payments", {"customer_id": bill["customer_id"], "amount": "50", "method": "cash"}), 201)
    visitor = office(living)
    page = visitor.submit(visitor.open(own(bill)), "/void", reason="Wrong price list")
    assert page.status == 409
    assert "Payments have been applied to this bill. Tick below" in page.words
    assert page.form("/void").fields["reason"] == "Wrong price list"
    assert "₹ 50.00 was paid of it: this becomes the customer's credit" in page.words
    assert visitor.submit(page, "/void", release_payments="1").status == 303
    assert ok(living.admin.get(f"/customers/{bill['customer_id']}/balance"))["balance"] == "-50.00"


def test_after_the_return_only_an_admin_voids_and_says_so(living: LivingDairy, bill: Any) -> None:
    living.go_to("2026-12-05")
    visitor = office(living)
    page = visitor.submit(visitor.open(own(bill)), "/void", reason="Wrong price list")
    assert page.status == 409
    assert "The return that holds this bill is filed" in page.words
    accountant = office(living, living.staff("accountant").user["email"])
    form = accountant.open(own(bill)).form("/void")
    assert accountant.send(form, {"reason": "Wrong price list", "after_return": "1"}).status == 403
    assert living.invoice(bill["id"])["status"] == "issued"
    assert visitor.submit(page, "/void", after_return="1").status == 303
    assert living.invoice(bill["id"])["status"] == "void"


def test_who_may_see_and_void_it(living: LivingDairy, bill: Any) -> None:
    accountant = office(living, living.staff("accountant").user["email"])
    page = accountant.open(own(bill))
    assert "after_return" not in {each.get("name") for each in page.every("input")}, "an admin's"
    token = page.form("/void").fields["csrf_token"]
    assert accountant.http.post(f"{own(bill)}/void", data={"csrf_token": token}).status_code == 422
    for role in ("delivery_boy", "marketing_staff", "supplier"):
        visitor = office(living, living.staff(role).user["email"])
        assert [visitor.open(f"{own(bill)}{part}").status for part in ("", "/pdf")] == [403, 403]
        token = visitor.open("/").form("/sign-out").fields["csrf_token"]
        assert visitor.http.post(f"{own(bill)}/void", data={"csrf_token": token}).status_code == 403


def test_a_customer_reads_its_own_bill_and_nobody_elses(living: LivingDairy, bill: Any) -> None:
    customer, _ = living.customer_login()
    milk = living.product("60.00")
    ok(living.confirm(living.order(customer, (milk, "1"))))
    living.go_to("2026-12-01")
    office(living)
    living.bill("2026-11", confirm=True)
    (paper,) = living.invoices(customer_id=customer["id"])
    visitor = Visitor.of(living.app, customer["phone"])
    assert own(paper) in visitor.follow(visitor.open("/")).links()
    page = visitor.open(own(paper))
    assert "₹ 60.00" in page.words
    assert not [form for form in page.forms if form.action.endswith("/void")]
    assert not [link for link in page.links() if link.startswith(("/month-end", "/payments", "/downloads"))]
    assert visitor.http.get(f"{own(paper)}/pdf").mimetype == "application/pdf"
    assert [visitor.open(f"{own(bill)}{part}").status for part in ("", "/pdf")] == [404, 404]
    token = page.form("/sign-out").fields["csrf_token"]
    assert visitor.http.post(f"{own(paper)}/void", data={"csrf_token": token, "reason": "mine"}).status_code == 403


def test_it_speaks_hindi(living: LivingDairy, bill: Any) -> None:
    page = office(living).open(f"{own(bill)}?lang=hi")
    assert page.every("html")[0]["lang"] == "hi"
    assert "हमेशा के लिए रद्द होगा" in page.words
    assert not re.search(r"\b(Void|Goods|Open|Payments|Amount)\b", page.words)


def test_twice_the_lines_cost_the_same(living: LivingDairy, bill: Any) -> None:
    asha = {"id": bill["customer_id"]}
    goods = [(living.product("10.00"), "1") for _ in range(4)]
    ok(living.confirm(living.order(asha, *goods)))
    ok(living.admin.post("/payments", {"customer_id": asha["id"], "amount": "20", "method": "cash"}), 201)
    ok(living.admin.post("/payments", {"customer_id": asha["id"], "amount": "30", "method": "cash"}), 201)
    visitor = office(living)
    costs = []
    for paper in read(living.admin, "/invoices", status="issued"):
        visitor.open(own(paper))
        with count_statements(living.app.database) as sent:
            assert visitor.open(own(paper)).status == 200
        costs.append(len(sent))
    living.go_to("2026-12-01")
    visitor = office(living)
    living.bill("2026-11", confirm=True)
    for paper in read(living.admin, "/invoices", status="issued"):
        with count_statements(living.app.database) as sent:
            assert visitor.open(own(paper)).status == 200
        costs.append(len(sent))
    assert len(costs) == 3
    assert len(set(costs)) == 1
    assert costs[0] <= 19


def test_a_message_is_shown_first_then_waits_and_is_taken_back(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    page = visitor.open(own(bill))
    assert "No message about this bill yet." in page.words
    page = visitor.submit(page, "/send", do="look")
    assert page.status == 200
    assert "This is the message. Nothing was sent yet." in page.words
    assert "Dear Asha Rao" in page.words
    assert any(link.startswith("https://wa.me/") for link in page.links())
    assert read(living.admin, "/outbox") == []
    for _ in range(2):
        assert visitor.submit(page, "/send", do="queue", channel="sms").status == 303
    (message,) = read(living.admin, "/outbox")
    assert (message["channel"], message["status"], message["invoice_id"]) == ("sms", "queued", bill["id"])
    page = visitor.open(own(bill))
    assert re.search(rf"SMS, {re.escape(message['recipient'])} .*? Waiting", page.words)
    page = visitor.follow(visitor.submit(page, "/withdraw"))
    assert "The message was taken back." in page.words
    assert read(living.admin, "/outbox")[0]["status"] == "withdrawn"
    page = visitor.submit(visitor.open(own(bill)), "/send", do="queue", channel="email")
    assert page.status == 422
    assert page.form("/send").fields["channel"] == "email"
    assert len(read(living.admin, "/outbox")) == 1


def test_what_was_sent_meanwhile_is_not_taken_back(living: LivingDairy, bill: Any) -> None:
    visitor = office(living)
    visitor.submit(visitor.open(own(bill)), "/send", do="queue", channel="whatsapp")
    page = visitor.open(own(bill))
    (message,) = read(living.admin, "/outbox")
    ok(living.admin.post(f"/outbox/{message['id']}/sent"))
    assert visitor.submit(page, "/withdraw").status == 409
    page = visitor.open(own(bill))
    assert re.search(r"WhatsApp, \+91\d+ .*? Sent", page.words)
    assert not [form for form in page.forms if form.action.endswith("/withdraw")]


def test_a_customer_pays_by_link_or_code_and_sends_nothing(living: LivingDairy) -> None:
    ok(living.admin.patch("/settings", {"upi_id": "sunrise@upi"}))
    customer = living.customer(name="Asha Rao")
    living.delivered(customer, (living.product("60.00"), "2"), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    (bill,) = living.invoices()
    invited = ok(living.admin.post(f"/users/{customer['user_id']}/invitation"))
    living.accept(invited["invitation_token"], customer["phone"])
    visitor = Visitor.of(living.app, customer["phone"])
    page = visitor.open(own(bill))
    (link,) = [each for each in page.links() if each.startswith("upi:")]
    assert f"am={bill['total']}" in link
    assert f"Pay all that is open: {rupees(bill['total'])}" in page.words
    assert [each for each in page.every("svg") if each.get("class") == "qr"]
    assert not [form for form in page.forms if form.action.endswith(("/send", "/void"))]
    form = office(living).open(own(bill)).form("/send")
    token = page.form("/sign-out").fields["csrf_token"]
    assert visitor.send(form, {"do": "queue", "csrf_token": token}).status == 403
    ok(living.admin.post("/payments", {"customer_id": customer["id"], "amount": bill["total"], "method": "upi"}), 201)
    page = visitor.open(own(bill))
    assert not [each for each in page.links() if each.startswith("upi:")]


def test_a_bill_of_a_shop_names_its_branches(dairy: Dairy, admin: Visitor) -> None:
    shop = dairy.customer(name="Shree Sweets")
    branch = dairy.customer(name="Baner branch", billed_to=shop["id"])
    ok(dairy.confirm(dairy.order(branch, (dairy.product("60.00"), "2"))), 200)
    (draft,) = ok(dairy.admin.get("/invoices"))["items"]
    page = admin.open(f"/invoices/{draft['id']}")
    assert f"Delivered to Baner branch {branch['code']}" in page.words
