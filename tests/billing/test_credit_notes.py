"""A credit note takes back a part or all of an issued invoice, to the paisa, under a number of its own."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.billing.conftest import LivingDairy
from tests.dairy import kept, ok, refused
from tests.races import at_once
from tests.statements import count_statements

GSTIN = "27AAPFU0939F1ZV"
AMOUNTS = ("taxable_value", "exempt_value", "cgst", "sgst", "igst", "round_off", "total")


@kept
def goods(living: LivingDairy) -> tuple[Any, Any]:
    """Milk (exempt) and ghee (5 %) of a registered dairy."""
    living.seller(gstin=GSTIN)
    return living.product("60.00", hsn_code="0401"), living.product("713.35", hsn_code="0405", unit="kg")


def issued(living: LivingDairy, ghee_quantity: str = "3", buyer: Any = None, **customer: Any) -> Any:
    """October's invoice of 10 litres of milk and some ghee, as it is on 1 November."""
    milk, ghee = goods(living)
    asha = buyer or living.customer(**customer)
    items = [(milk, "10"), (ghee, ghee_quantity)]
    living.delivered(asha, *[item for item in items if item[1] != "0"], on="2026-10-05")
    living.go_to("2026-11-01")
    return billed(living, asha["id"])


@kept
def billed(living: LivingDairy, customer_id: str) -> Any:
    living.bill("2026-10")
    return living.invoice(living.invoices(customer_id=customer_id)[0]["id"])


def line_of(paper: Any, name: str) -> int:
    hsn = {"milk": "0401", "ghee": "0405"}[name]
    by_hsn: dict[str, int] = {line["hsn_code"]: line["line_no"] for line in paper["lines"]}
    return by_hsn[hsn]


def credit(living: LivingDairy, paper: Any, *lines: dict[str, Any], by: Any = None, **fields: Any) -> Any:
    """The raw answer; without lines the whole of what is left."""
    body = {"invoice_id": paper["id"], "reason": "sour milk"} | ({"lines": list(lines)} if lines else {}) | fields
    return (by or living.admin).post("/credit-notes", body)


def test_goods_come_back_with_their_tax(living: LivingDairy) -> None:
    """3 kg of ghee × 713.35 = 2140.05, in it 5 %: 2038.15 + 2 × 50.95."""
    paper = issued(living)
    ghee = line_of(paper, "ghee")
    note = ok(credit(living, paper, {"line_no": ghee, "quantity": "1"}), 201)
    # 2140.05 / 3 = 713.35, in it 2 × 713.35 × 5 / 210 = 16.9845 → 16.98
    assert [note[name] for name in AMOUNTS] == ["679.39", "0.00", "16.98", "16.98", "0.00", "0.00", "713.35"]
    assert (note["number"], note["note_date"], note["reason"]) == ("CN/2627/0000001", "2026-11-01", "sour milk")
    assert (note["invoice_number"], note["customer_id"]) == (paper["number"], paper["customer_id"])
    assert (note["snapshot"], note["place_of_supply"]) == (paper["snapshot"], paper["place_of_supply"])
    (line,) = note["lines"]
    assert (line["invoice_line_no"], line["hsn_code"], line["unit"], line["gst_rate"]) == (ghee, "0405", "kg", "5.00")
    assert (line["quantity"], line["line_total"], line["unit_price"]) == ("1.000", "713.35", "713.35")
    assert ok(living.admin.get(f"/credit-notes/{note['id']}")) == note


def test_a_line_of_less_than_a_rupee_comes_back_too(living: LivingDairy) -> None:
    """0.001 kg of ghee × 713.35 = 0.71."""
    paper = issued(living, "0.001")
    note = ok(credit(living, paper, {"line_no": line_of(paper, "ghee"), "amount": "0.71"}), 201)
    assert note["lines"][0]["line_total"] == "0.71"


def test_an_amount_comes_back_to_the_paisa_the_tax_in_it(living: LivingDairy) -> None:
    paper = issued(living)
    note = ok(credit(living, paper, {"line_no": line_of(paper, "ghee"), "amount": "100"}), 201)
    # In 100 are 2 × 100 × 5 / 210 = 2.381 → 2.38, then 100 − 4.76
    assert [note[name] for name in AMOUNTS] == ["95.24", "0.00", "2.38", "2.38", "0.00", "0.00", "100.00"]
    assert note["lines"][0]["quantity"] is None
    # An untaxed line has no taxable value.
    note = ok(credit(living, paper, {"line_no": line_of(paper, "milk"), "amount": "12.50"}), 201)
    assert [note[name] for name in AMOUNTS] == ["0.00", "12.50", "0.00", "0.00", "0.00", "0.00", "12.50"]


def test_another_state_pays_igst_back(living: LivingDairy) -> None:
    paper = issued(living, state_code="29")
    note = ok(credit(living, paper, {"line_no": line_of(paper, "ghee"), "quantity": "1"}), 201)
    assert [note[name] for name in AMOUNTS] == ["679.38", "0.00", "0.00", "0.00", "33.97", "0.00", "713.35"]


def test_without_lines_the_whole_comes_back(living: LivingDairy) -> None:
    paper = issued(living)
    note = ok(credit(living, paper), 201)
    assert {name: note[name] for name in AMOUNTS} == {name: paper[name] for name in AMOUNTS}
    assert Decimal(note["round_off"]) != 0
    assert [line["quantity"] for line in note["lines"]] == [line["quantity"] for line in paper["lines"]]
    problem = refused(credit(living, paper), 422, "credit_exceeds_line")
    assert problem["amount_left"] == "0.00"


def test_the_last_note_takes_what_is_left_and_the_round_off(living: LivingDairy) -> None:
    paper = issued(living)
    milk, ghee = line_of(paper, "milk"), line_of(paper, "ghee")
    notes = [
        ok(credit(living, paper, {"line_no": ghee, "quantity": "0.777"}, {"line_no": milk, "quantity": "3.333"}), 201),
        ok(credit(living, paper, {"line_no": ghee, "amount": "33.33"}), 201),
        ok(credit(living, paper, {"line_no": ghee, "quantity": "1"}), 201),
    ]
    assert [note["round_off"] for note in notes] == ["0.00"] * 3
    # Named line by line, it is still the note that leaves nothing.
    rest = ok(credit(living, paper, {"line_no": ghee, "quantity": "1.223"}, {"line_no": milk, "quantity": "6.667"}))
    notes.append(rest)
    for name in AMOUNTS:
        assert sum(Decimal(note[name]) for note in notes) == Decimal(paper[name]), name
    assert rest["round_off"] == paper["round_off"]


def test_after_a_price_cut_a_unit_is_worth_what_is_left(living: LivingDairy) -> None:
    paper = issued(living, ghee_quantity="0")
    ok(credit(living, paper, {"line_no": 1, "amount": "100"}), 201)  # 10 litres × 60, now × 50
    note = ok(credit(living, paper, {"line_no": 1, "quantity": "4"}), 201)
    assert (note["total"], note["lines"][0]["quantity"]) == ("200.00", "4.000")
    assert ok(credit(living, paper), 201)["total"] == "300.00"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ({"quantity": "10.001"}, ("600.00", "10.000")),
        ({"amount": "600.01"}, ("600.00", "10.000")),
    ],
)
def test_no_more_than_the_line_has(living: LivingDairy, line: dict[str, str], left: tuple[str, str]) -> None:
    paper = issued(living)
    milk = line_of(paper, "milk")
    problem = refused(credit(living, paper, {"line_no": milk} | line), 422, "credit_exceeds_line")
    assert (problem["line_no"], problem["amount_left"], problem["quantity_left"]) == (milk, *left)
    assert problem["errors"][0]["pointer"] == f"/lines/0/{next(iter(line))}"
    assert ok(living.admin.get("/credit-notes"))["items"] == []
    ok(credit(living, paper, {"line_no": milk, "quantity": "10"}), 201)
    refused(credit(living, paper, {"line_no": milk, "quantity": "0.001"}), 422, "credit_exceeds_line")
    refused(credit(living, paper, {"line_no": milk, "amount": "0.01"}), 422, "credit_exceeds_line")


def test_so_little_that_it_is_nothing_is_refused(living: LivingDairy) -> None:
    paper = issued(living, ghee_quantity="0")
    refused(credit(living, paper, {"line_no": 1, "quantity": "0.00001"}), 422, "validation_failed")
    cheap = living.product("1.00", hsn_code="0401")
    ravi = living.customer()
    living.delivered(ravi, (cheap, "2"), on="2026-11-02")
    living.go_to("2026-12-01")
    living.bill("2026-11", confirm=True)
    paper = living.invoice(living.invoices(customer_id=ravi["id"])[0]["id"])
    refused(credit(living, paper, {"line_no": 1, "quantity": "0.004"}), 422, "validation_failed")
    assert ok(credit(living, paper, {"line_no": 1, "quantity": "0.005"}), 201)["total"] == "0.01"


def test_a_discount_comes_back_only_with_the_whole(living: LivingDairy) -> None:
    (milk, _ghee), asha = goods(living), living.customer()
    living.delivered(asha, (milk, "2"), on="2026-10-05")
    discount = {"customer_id": asha["id"], "kind": "discount", "description": "Loyalty", "amount": "-20.00"}
    discount["tax_class"] = "milk_fresh"
    ok(living.admin.post("/adjustments", discount | {"reason": "ten years"}), 201)
    living.go_to("2026-11-01")
    living.bill("2026-10")
    paper = living.invoice(living.invoices()[0]["id"])
    assert (paper["total"], [line["line_total"] for line in paper["lines"]]) == ("100.00", ["120.00", "-20.00"])
    alone = refused(credit(living, paper, {"line_no": 2, "quantity": "1"}), 422, "validation_failed")
    assert alone["detail"] == "Line 2 is a discount; it comes back only with the whole."
    # The goods alone are worth more than the customer was asked for.
    problem = refused(credit(living, paper, {"line_no": 1, "quantity": "2"}), 422, "credit_exceeds_line")
    assert problem["amount_left"] == "100.00"
    part = ok(credit(living, paper, {"line_no": 1, "quantity": "1"}), 201)
    rest = ok(credit(living, paper), 201)
    assert (part["total"], rest["total"]) == ("60.00", "40.00")
    assert [line["line_total"] for line in rest["lines"]] == ["60.00", "-20.00"]


def write_off(sql: Any, paper: Any, amount: str) -> None:
    sql(
        "INSERT INTO write_offs (customer_id, invoice_id, amount, written_off_on, reason, written_by) SELECT"
        " customer_id, id, %s, invoice_date, 'moved away', (SELECT id FROM users LIMIT 1) FROM invoices WHERE id = %s",
        amount,
        paper["id"],
    )


def test_what_is_written_off_cannot_be_credited_too(living: LivingDairy, sql: Any) -> None:
    paper = issued(living, ghee_quantity="0")
    write_off(sql, paper, "100.40")
    problem = refused(credit(living, paper), 422, "credit_exceeds_line")
    assert (problem["amount_left"], problem["detail"].split()[-1]) == ("499.60", "write-offs.")
    # Less than a rupee above is the note's round-off.
    note = ok(credit(living, paper, {"line_no": 1, "amount": "500"}), 201)
    assert (note["round_off"], note["total"]) == ("-0.40", "499.60")
    refused(credit(living, paper, {"line_no": 1, "amount": "1"}), 422, "credit_exceeds_line")


def test_only_issued_invoices_are_credited(living: LivingDairy, sql: Any) -> None:
    paper = issued(living)
    draft = ok(living.admin.post(f"/invoices/{paper['id']}/void", {"reason": "wrong price"}))["replaced_by"]
    refused(credit(living, paper), 409, "illegal_transition")
    refused(credit(living, {"id": draft}), 409, "illegal_transition")
    external = sql(
        "INSERT INTO invoices (customer_id, period_start, period_end, status) VALUES (%s, '2026-09-01', '2026-09-30',"
        " 'external') RETURNING id::text",
        paper["customer_id"],
    )
    refused(credit(living, {"id": external[0][0]}), 409, "illegal_transition")
    refused(credit(living, {"id": "00000000-0000-7000-8000-000000000000"}), 404, "invoice_not_found")
    living.bill("2026-10")
    ok(credit(living, {"id": draft}), 201)


def test_an_invoice_with_notes_is_not_voided(living: LivingDairy) -> None:
    paper = issued(living)
    ok(credit(living, paper, {"line_no": 1, "quantity": "1"}), 201)
    answer = living.admin.post(f"/invoices/{paper['id']}/void", {"reason": "wrong price"})
    refused(answer, 409, "in_use")
    assert living.invoice(paper["id"])["status"] == "issued"


def test_the_date_lies_between_the_invoice_and_today(living: LivingDairy) -> None:
    paper = issued(living)
    living.go_to("2026-11-10")
    for day in ("2026-11-11", "2026-10-30"):
        refused(credit(living, paper, note_date=day), 422, "validation_failed")
    ok(living.admin.patch("/settings", {"books_closed_through": "2026-11-04"}))
    refused(credit(living, paper, {"line_no": 1, "quantity": "1"}, note_date="2026-11-04"), 409, "period_closed")
    ok(credit(living, paper, {"line_no": 1, "quantity": "1"}, note_date="2026-11-05"), 201)
    ok(credit(living, paper, {"line_no": 1, "quantity": "1"}, note_date="2026-11-07"), 201)
    earlier = credit(living, paper, {"line_no": 1, "quantity": "1"}, note_date="2026-11-06")
    assert refused(earlier, 422, "validation_failed")["errors"][0]["pointer"] == "/note_date"
    assert ok(credit(living, paper, {"line_no": 1, "quantity": "1"}), 201)["number"] == "CN/2627/0000003"


def test_numbers_follow_the_financial_year_of_the_note(living: LivingDairy) -> None:
    paper = issued(living)
    living.go_to("2027-03-31")
    ok(credit(living, paper, {"line_no": 1, "quantity": "1"}), 201)
    living.go_to("2027-04-01")
    ok(credit(living, paper, {"line_no": 1, "quantity": "1"}), 201)
    ok(credit(living, paper, {"line_no": 1, "quantity": "1"}), 201)
    notes = ok(living.admin.get("/credit-notes"))["items"]
    assert sorted((note["note_date"], note["number"]) for note in notes) == [
        ("2027-03-31", "CN/2627/0000001"),
        ("2027-04-01", "CN/2728/0000001"),
        ("2027-04-01", "CN/2728/0000002"),
    ]


def test_the_same_key_is_the_same_note(living: LivingDairy) -> None:
    paper = issued(living)
    key = {"Idempotency-Key": "note 1"}
    body = {"invoice_id": paper["id"], "reason": "sour milk", "lines": [{"line_no": 1, "quantity": "1"}]}
    first = ok(living.admin.post("/credit-notes", body, headers=key), 201)
    assert ok(living.admin.post("/credit-notes", body, headers=key), 201) == first
    refused(living.admin.post("/credit-notes", body | {"reason": "other"}, headers=key), 422, "idempotency_key_reused")
    assert len(ok(living.admin.get("/credit-notes"))["items"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"lines": []},
        {"lines": [{"line_no": 1}]},
        {"lines": [{"line_no": 1, "quantity": "1", "amount": "1"}]},
        {"lines": [{"line_no": 1, "quantity": "0"}]},
        {"lines": [{"line_no": 1, "quantity": "1"}, {"line_no": 1, "amount": "1"}]},
        {"lines": [{"line_no": 99, "quantity": "1"}]},
        {"reason": "no"},
        {"lines": [{"line_no": 1, "quantity": "-1"}]},
    ],
)
def test_what_is_asked_must_make_sense(living: LivingDairy, change: dict[str, Any]) -> None:
    paper = issued(living)
    body = {"invoice_id": paper["id"], "reason": "sour milk", "lines": [{"line_no": 1, "quantity": "1"}]}
    refused(living.admin.post("/credit-notes", body | change), 422, "validation_failed")
    ok(living.admin.post("/credit-notes", body), 201)


def test_lists_and_who_sees_what(living: LivingDairy) -> None:
    (asha, her), (_ravi, his) = living.customer_login(), living.customer_login()
    paper = issued(living, buyer=asha)
    accountant, boy = living.staff("accountant"), living.staff("delivery_boy")
    first = ok(credit(living, paper, {"line_no": 1, "quantity": "1"}, by=accountant), 201)
    living.go_to("2026-12-05")
    second = ok(credit(living, paper, {"line_no": 1, "quantity": "1"}), 201)

    def listed(**query: Any) -> list[str]:
        return [note["id"] for note in ok(accountant.get("/credit-notes", **query))["items"]]

    assert listed() == [second["id"], first["id"]]
    assert listed(period="2026-11") == listed(**{"note_date[lte]": "2026-12-04"}) == [first["id"]]
    assert listed(**{"note_date[gte]": "2026-12-05"}) == listed(number="CN/2627/0000002") == [second["id"]]
    assert listed(customer_id=paper["customer_id"]) == listed(invoice_id=paper["id"]) == listed()
    assert listed(customer_id=second["id"]) == listed(invoice_id=second["id"]) == []
    page = ok(accountant.get("/credit-notes", limit=1))
    rest = ok(accountant.get("/credit-notes", limit=1, cursor=page["next_cursor"]))
    assert [page["items"][0]["id"], rest["items"][0]["id"], rest["next_cursor"]] == [second["id"], first["id"], None]
    assert len(ok(her.get("/credit-notes"))["items"]) == 2
    assert ok(her.get(f"/credit-notes/{first['id']}"))["lines"] == first["lines"]
    assert ok(his.get("/credit-notes"))["items"] == []
    refused(his.get(f"/credit-notes/{first['id']}"), 404, "credit_note_not_found")
    refused(boy.get("/credit-notes"), 403, "forbidden")
    refused(credit(living, paper, by=her), 403, "forbidden")


def test_two_at_once_cannot_take_more_than_there_is(living: LivingDairy, database_url: str) -> None:
    paper = issued(living, ghee_quantity="0")
    hold = f"SELECT FROM customers WHERE id = '{paper['customer_id']}' FOR UPDATE"
    both = at_once(database_url, hold, *[partial(credit, living, paper, {"line_no": 1, "quantity": "6"})] * 2)
    assert sorted(answer.status_code for answer in both) == [201, 422]
    refused(next(answer for answer in both if answer.status_code == 422), 422, "credit_exceeds_line")


def test_eight_at_once_number_without_a_gap(living: LivingDairy, sql: Any) -> None:
    milk, _ghee = goods(living)
    living.go_to("2026-10-05")
    for _ in range(8):
        ok(living.confirm(living.order(living.customer(), (milk, "3"))))
    living.go_to("2026-11-01")
    living.bill("2026-10")
    papers = living.invoices()
    asked = [paper for paper in papers for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        # Every third asks for more than is left, and gives its number back.
        answers = list(pool.map(lambda paper: credit(living, paper, {"line_no": 1, "quantity": "1.5"}), asked))
    assert sorted(answer.status_code for answer in answers) == [201] * 16 + [422] * 8
    chain = sql("SELECT sequence_no, previous_hash, document_hash FROM credit_notes ORDER BY 1")
    assert [row[0] for row in chain] == list(range(1, 17))
    assert [row[1] for row in chain] == ["0" * 64, *(row[2] for row in chain[:-1])]
    assert sql("SELECT next_no, last_hash FROM number_series WHERE series = 'CN'") == [(17, chain[-1][2])]


def test_statements_do_not_grow_with_the_lines(living: LivingDairy) -> None:
    def sent(paper: Any) -> int:
        lines = [{"line_no": line["line_no"], "quantity": "1"} for line in paper["lines"]]
        with count_statements(living.app.database) as statements:
            ok(credit(living, paper, *lines), 201)
        return len(statements)

    counts = [sent(issued(living, ghee_quantity=ghee)) for ghee in ("0", "3")]
    assert counts[0] == counts[1]
