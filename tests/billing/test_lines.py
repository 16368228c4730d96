"""The arithmetic of a line, against a second implementation in Python's decimals."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from dairy_app.billing.queries.drafts import AMOUNTS
from dairy_app.billing.queries.invoices import computed_lines
from dairy_app.business.queries import today
from tests.billing.conftest import LivingDairy
from tests.dairy import ok

PAISA = Decimal("0.01")


def half_up(amount: Decimal, to: Decimal = PAISA) -> Decimal:
    return amount.quantize(to, ROUND_HALF_UP)


def expected(
    quantity: Decimal, price: Decimal, rate: Decimal, inclusive: bool, inter_state: bool
) -> dict[str, Decimal]:
    """billing.md, "Amounts", word by word."""
    gross = half_up(quantity * price)
    if rate == 0:
        zero = Decimal(0)
        return {"taxable_value": zero, "cgst": zero, "igst": zero, "line_total": gross}
    parts = 100 + rate if inclusive else Decimal(100)
    cgst = Decimal(0) if inter_state else half_up(gross * rate / (2 * parts))
    igst = half_up(gross * rate / parts) if inter_state else Decimal(0)
    taxable = gross - 2 * cgst - igst if inclusive else gross
    return {"taxable_value": taxable, "cgst": cgst, "igst": igst, "line_total": taxable + 2 * cgst + igst}


@pytest.mark.slow
@pytest.mark.parametrize("inclusive", [True, False], ids=["inclusive", "exclusive"])
@pytest.mark.parametrize("state", ["27", "29"], ids=["same state", "other state"])
def test_lines_equal_the_formulas(living: LivingDairy, inclusive: bool, state: str) -> None:
    living.seller(gstin="27AAPFU0939F1ZV", prices_include_tax=inclusive)
    goods = [
        (living.product("1.00", hsn_code="0401"), Decimal(0)),
        (living.product("1.00", hsn_code="0405", unit="kg"), Decimal(5)),
        (living.product("1.00", hsn_code="0406", tax_class="cheese", unit="kg"), Decimal(5)),
    ]
    asha = living.customer(state_code=state)
    living.go_to("2026-10-05")
    order = living.order(asha, *((good, "1") for good, _ in goods))
    ok(living.confirm(order))
    draft = living.invoices()[0]["id"]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(
        st.lists(
            st.tuples(
                st.decimals("0.001", "999.999", places=3),
                st.decimals("0.01", "9999.99", places=2),
            ),
            min_size=3,
            max_size=3,
        )
    )
    def check(amounts: list[tuple[Decimal, Decimal]]) -> None:
        with living.app.database.transaction() as session:
            for (good, _), (quantity, price) in zip(goods, amounts, strict=True):
                session.execute(
                    text(
                        "UPDATE order_items SET quantity = :q, delivered_quantity = :q, unit_price = :p"
                        " WHERE order_id = :order AND product_id = :product"
                    ),
                    {"q": quantity, "p": price, "order": order["id"], "product": good["id"]},
                )
            lines = computed_lines(session, draft, today(session))
        by_product = {str(line["product_id"]): line for line in lines}
        total = Decimal(0)
        for (good, rate), (quantity, price) in zip(goods, amounts, strict=True):
            line: Any = by_product[good["id"]]
            wanted = expected(quantity, price, rate, inclusive, state != "27")
            assert {name: line[name] for name in wanted} == wanted
            assert line["sgst"] == line["cgst"]
            total += wanted["line_total"]
        paper: Any = lines[0]
        assert paper["total"] == half_up(total, Decimal(1))
        assert paper["total"] - paper["round_off"] == total
        assert (
            paper["paper_taxable_value"]
            + paper["exempt_value"]
            + paper["paper_cgst"]
            + paper["paper_sgst"]
            + paper["paper_igst"]
            + paper["round_off"]
            == paper["total"]
        )

    check()


@pytest.mark.slow
def test_a_price_with_the_tax_in_it_is_what_is_paid(sql: Any) -> None:
    """Every price from 1.00 to 599.99 at every rate there was: to the paisa, so that no bill flips a rupee."""
    found = sql(f"""
        WITH rated AS (
            SELECT p / 100.0 AS unit_price, 1 AS quantity, gst_rate, inter_state, true AS prices_include_tax
            FROM generate_series(100, 59999) p, unnest('{{0.25,3,5,12,18,28,40}}'::numeric[]) gst_rate,
                unnest('{{true,false}}'::boolean[]) inter_state
        )
        SELECT count(*), count(*) FILTER (WHERE taxable_value + 2 * cgst + igst <> unit_price),
            count(*) FILTER (WHERE abs(igst - unit_price * gst_rate / (100 + gst_rate)) > 0.005 AND inter_state),
            count(*) FILTER (WHERE NOT inter_state
                AND abs(cgst - unit_price * gst_rate / (200 + 2 * gst_rate)) > 0.005),
            count(*) FILTER (WHERE taxable_value <= 0 OR cgst * igst <> 0)
        FROM ({AMOUNTS}) amounts""")
    assert found == [(838_600, 0, 0, 0, 0)]


def test_1_49_with_tax_is_a_bill_of_one_rupee_forty_nine(living: LivingDairy) -> None:
    living.seller(gstin="27AAPFU0939F1ZV")
    butter, asha = living.product("1.49", hsn_code="0405", unit="kg"), living.customer()
    living.delivered(asha, (butter, "1"), on="2026-10-05")
    paper = living.invoice(living.invoices()[0]["id"])
    (line,) = paper["lines"]
    assert (line["line_total"], line["taxable_value"], line["cgst"], line["sgst"]) == ("1.49", "1.41", "0.04", "0.04")
    assert (paper["round_off"], paper["total"]) == ("-0.49", "1.00")


def test_the_rate_is_that_of_the_invoice_or_of_the_delivery(living: LivingDairy) -> None:
    """Ghee went from 12 % to 5 % on 22 September 2025 (CGST Act s. 14: billed after, the new rate)."""
    living.seller(gstin="27AAPFU0939F1ZV")
    ghee, asha = living.product("112.00", hsn_code="0405", unit="kg"), living.customer()
    living.delivered(asha, (ghee, "1"), on="2025-09-20")
    living.delivered(asha, (ghee, "1"), on="2025-09-25")
    draft = living.invoices()[0]["id"]
    assert [(line["gst_rate"], line["quantity"]) for line in living.invoice(draft)["lines"]] == [("5.00", "2.000")]
    ok(living.admin.patch("/settings", {"tax_rate_date": "delivery_date"}))
    assert [(line["gst_rate"], line["taxable_value"]) for line in living.invoice(draft)["lines"]] == [
        ("5.00", "106.66"),
        ("12.00", "100.00"),
    ]


@pytest.mark.parametrize(
    ("goods", "paper"),
    [
        (("0401",), "bill_of_supply"),
        (("0405",), "tax_invoice"),
        (("0401", "0405"), "invoice_cum_bill_of_supply"),
    ],
)
def test_the_paper_follows_the_goods(living: LivingDairy, goods: tuple[str, ...], paper: str) -> None:
    living.seller(gstin="27AAPFU0939F1ZV")
    asha = living.customer()
    living.delivered(asha, *((living.product("105.00", hsn_code=hsn), "1") for hsn in goods), on="2026-10-05")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    assert [p["document_type"] for p in living.invoices()] == [paper]
