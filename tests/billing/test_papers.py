"""Two papers for a registered buyer of taxed and exempt goods (CGST Rules r. 46A), and what voids with what."""

from typing import Any

import pytest

from dairy_app.invoices.queries.verification import all_series
from dairy_app.invoices.service.verification import verify
from tests.billing.conftest import LivingDairy
from tests.dairy import ok, refused
from tests.statements import count_statements

GSTIN = "27AAPFU0939F1ZV"


@pytest.fixture
def shop(living: LivingDairy) -> Any:
    """A registered buyer in the dairy's own state."""
    living.seller(gstin=GSTIN)
    return living.customer(gstin=GSTIN, gst_treatment="registered", state_code="27")


@pytest.fixture
def both_kinds(living: LivingDairy, shop: Any) -> Any:
    """The shop got milk for 60.40 (exempt) and ghee for 105.25 (5 % in it) in October; it is November."""
    milk, ghee = living.product("60.40", hsn_code="0401"), living.product("105.25", hsn_code="0405")
    living.delivered(shop, (milk, "1"), (ghee, "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    return shop


def numbered(living: LivingDairy) -> dict[str, Any]:
    """The papers that have a number, in full, by it."""
    briefs = [brief for brief in living.invoices() if brief["number"]]
    return {brief["number"]: living.invoice(brief["id"]) for brief in briefs}


def test_a_registered_buyer_of_both_kinds_gets_two_papers(living: LivingDairy, both_kinds: Any, sql: Any) -> None:
    previewed = living.preview("2026-10")
    run = living.bill("2026-10")
    taxed, exempt = numbered(living)["INV/2627/0000001"], numbered(living)["INV/2627/0000002"]
    # In 105.25 are 2 × 105.25 × 5 / 210 = 2.51: 100.23, rounded 105. Milk 60.40, rounded 60.
    assert taxed["document_type"] == "tax_invoice"
    assert {k: taxed[k] for k in ("taxable_value", "cgst", "sgst", "exempt_value", "round_off", "total")} == {
        "taxable_value": "100.23",
        "cgst": "2.51",
        "sgst": "2.51",
        "exempt_value": "0.00",
        "round_off": "-0.25",
        "total": "105.00",
    }
    assert exempt["document_type"] == "bill_of_supply"
    assert (exempt["exempt_value"], exempt["round_off"], exempt["total"]) == ("60.40", "-0.40", "60.00")
    assert [line["line_no"] for paper in (taxed, exempt) for line in paper["lines"]] == [1, 1]
    assert (exempt["companion_of"], taxed["companion_of"]) == (taxed["id"], None)
    assert (run["invoices_issued"], run["orders_billed"], run["total"]) == (2, 1, "165.00")
    assert [previewed["totals"][name] for name in ("orders", "taxable", "tax", "round_off", "total")] == [
        1,
        "100.23",
        "5.02",
        "-0.65",
        "165.00",
    ]
    assert [row["total"] for row in previewed["items"]] == ["165.00"]
    assert sql("SELECT next_no FROM number_series") == [(3,)]


@pytest.mark.parametrize(
    ("treatment", "types"),
    [
        ("composition", ["tax_invoice", "bill_of_supply"]),
        ("unregistered_business", ["invoice_cum_bill_of_supply"]),
        ("consumer", ["invoice_cum_bill_of_supply"]),
    ],
)
def test_a_composition_dealer_is_registered_too(
    living: LivingDairy, both_kinds: Any, treatment: str, types: list[str]
) -> None:
    """CGST Act s. 10: who pays by composition is a registered person; r. 46A is for buyers who are none."""
    gstin = both_kinds["gstin"] if treatment == "composition" else None
    ok(living.admin.patch(f"/customers/{both_kinds['id']}", {"gst_treatment": treatment, "gstin": gstin}))
    living.bill("2026-10")
    assert [paper["document_type"] for _, paper in sorted(numbered(living).items())] == types


def test_the_draft_shows_the_lines_of_both(living: LivingDairy, both_kinds: Any) -> None:
    (draft,) = living.invoices(status="draft")
    seen = living.invoice(draft["id"])
    assert [(line["line_no"], line["gst_rate"]) for line in seen["lines"]] == [(1, "5.00"), (2, "0.00")]
    assert seen["total"] == "165.00"


def test_the_previous_balance_stands_on_the_first_paper_only(living: LivingDairy, both_kinds: Any) -> None:
    living.bill("2026-10")
    living.delivered(
        both_kinds, (living.product("60.00"), "1"), (living.product("105.00", hsn_code="0405"), "1"), on="2026-11-03"
    )
    living.go_to("2026-12-01")
    living.bill("2026-11")
    papers = numbered(living)
    assert papers["INV/2627/0000003"]["previous_balance"] == "165.00"
    assert papers["INV/2627/0000004"]["previous_balance"] == "0.00"


@pytest.mark.parametrize(("hsn", "kind"), [("0401", "bill_of_supply"), ("0405", "tax_invoice")])
def test_one_kind_of_goods_is_one_paper(living: LivingDairy, shop: Any, hsn: str, kind: str) -> None:
    living.delivered(shop, (living.product("60.00", hsn_code=hsn), "1"), on="2026-10-05")
    living.go_to("2026-11-01")
    assert living.bill("2026-10")["invoices_issued"] == 1
    assert [paper["document_type"] for paper in living.invoices()] == [kind]


def test_two_papers_are_voided_and_issued_anew_together(living: LivingDairy, both_kinds: Any) -> None:
    living.bill("2026-10")
    first, second = (numbered(living)[f"INV/2627/000000{n}"] for n in (1, 2))
    refused(living.admin.post(f"/invoices/{second['id']}/void", {"reason": "Wrong shop"}), 409, "illegal_transition")
    ok(living.admin.post(f"/invoices/{first['id']}/void", {"reason": "Wrong shop"}))
    assert {paper["status"] for paper in numbered(living).values()} == {"void"}
    (draft,) = living.invoices(status="draft")
    assert living.invoice(draft["id"])["total"] == "165.00"
    living.bill("2026-10")
    assert [paper["total"] for number, paper in sorted(numbered(living).items())[2:]] == ["105.00", "60.00"]


def test_two_papers_cost_as_many_statements_as_one(living: LivingDairy, both_kinds: Any) -> None:
    with count_statements(living.app.database) as two:
        living.bill("2026-10", confirm=True)
    living.delivered(both_kinds, (living.product("60.00"), "1"), on="2026-11-03")
    living.go_to("2026-12-01")
    with count_statements(living.app.database) as one:
        living.bill("2026-11", confirm=True)
    assert len(two) == len(one)


def test_a_paid_invoice_is_voided_only_when_its_payments_are_released(living: LivingDairy, both_kinds: Any) -> None:
    living.bill("2026-10")
    first = numbered(living)["INV/2627/0000001"]
    paid = {"customer_id": both_kinds["id"], "amount": "50.00", "method": "cash", "received_on": "2026-11-01"}
    ok(living.admin.post("/payments", {**paid, "allocations": [{"invoice_id": first["id"], "amount": "50.00"}]}))
    told = refused(living.admin.post(f"/invoices/{first['id']}/void", {"reason": "Wrong shop"}), 409, "invoice_paid")
    assert told["paid"] == "50.00"
    assert living.invoice(first["id"])["status"] == "issued"
    ok(living.admin.post(f"/invoices/{first['id']}/void", {"reason": "Wrong shop", "release_payments": True}))
    assert ok(living.admin.get(f"/customers/{both_kinds['id']}/balance"))["balance"] == "-50.00"


def test_what_was_chosen_for_either_of_two_papers_is_free_again(living: LivingDairy, both_kinds: Any) -> None:
    living.bill("2026-10")
    first, second = (numbered(living)[f"INV/2627/000000{n}"] for n in (1, 2))
    chosen = [{"invoice_id": first["id"], "amount": "20.00"}, {"invoice_id": second["id"], "amount": "30.00"}]
    paid = {"customer_id": both_kinds["id"], "amount": "50.00", "method": "cash", "received_on": "2026-11-01"}
    made = ok(living.admin.post("/payments", paid | {"allocations": chosen}), 201)
    ok(living.admin.post(f"/invoices/{first['id']}/void", {"reason": "Wrong shop", "release_payments": True}))
    after = ok(living.admin.get(f"/payments/{made['id']}"))["allocations"]
    assert {each["invoice_id"]: each["released_on"] for each in after} == {
        first["id"]: "2026-11-01",
        second["id"]: "2026-11-01",
    }


def test_both_papers_are_proved_unchanged(living: LivingDairy, both_kinds: Any) -> None:
    living.bill("2026-10")
    with living.app.database.transaction(read_only=True, snapshot=True) as session:
        found = [each for series in all_series(session) for _, findings in verify(session, series) for each in findings]
    assert found == []


def test_a_series_is_of_invoices_or_of_credit_notes(living: LivingDairy, both_kinds: Any) -> None:
    living.bill("2026-10")
    exempt = numbered(living)["INV/2627/0000002"]
    ok(living.admin.post("/credit-notes", {"invoice_id": exempt["id"], "reason": "All was sour"}), 201)
    refused(living.admin.patch("/settings", {"invoice_series": "CN", "credit_note_series": "X"}), 409, "in_use")
    refused(living.admin.patch("/settings", {"invoice_series": "X", "credit_note_series": "INV"}), 409, "in_use")
    ok(living.admin.patch("/settings", {"invoice_series": "X", "credit_note_series": "CRN"}))
