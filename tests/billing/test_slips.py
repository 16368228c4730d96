"""A slip of the finger is one bill's affair: everybody else's is shown and issued."""

from typing import Any

import pytest

from dairy_app.billing.rules.runs import SKIP_DETAILS
from tests.billing.conftest import LivingDairy
from tests.dairy import ok

CHARGE = {"kind": "charge", "description": "A can", "amount": "9999999999.99", "reason": "Typed with the elbow"}


@pytest.mark.parametrize("slip", ["charge", "litres"])
def test_an_amount_that_no_paper_holds_is_named_and_blocks_nobody(living: LivingDairy, slip: str) -> None:
    milk, asha, ravi = living.product("60.00"), living.customer(), living.customer()
    living.delivered(asha, (milk, "1"), on="2026-10-05")
    if slip == "charge":
        living.delivered(ravi, (milk, "1"), on="2026-10-05")
        ok(living.admin.post("/adjustments", CHARGE | {"customer_id": ravi["id"]}))
    else:
        living.delivered(ravi, (living.product("9999.00"), "9999999.999"), on="2026-10-05")
    living.go_to("2026-11-01")
    papers = {paper["customer_id"]: paper["id"] for paper in living.invoices()}
    assert living.invoice(papers[ravi["id"]])["skip_code"] == "amount_too_large"
    shown = ok(living.admin.get("/billing/monthly-view", period="2026-10"))["items"]
    assert [row["customer_id"] for row in shown] == [asha["id"], ravi["id"]]
    preview, run = living.preview("2026-10"), living.bill("2026-10")
    assert preview["totals"]["total"] == run["total"] == "60.00"
    (skipped,) = run["skipped"]
    assert (skipped["customer_id"], skipped["code"]) == (ravi["id"], "amount_too_large")
    assert skipped["detail"] == SKIP_DETAILS["amount_too_large"] == preview["warnings"][0]["detail"]


def test_the_largest_paper_is_issued(living: LivingDairy, sql: Any) -> None:
    asha = living.customer()
    ok(living.admin.post("/adjustments", CHARGE | {"customer_id": asha["id"], "amount": "999999999.00"}))
    living.go_to("2026-11-01")
    assert living.bill("2026-10")["total"] == "999999999.00"
