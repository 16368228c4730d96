"""Books with everything in them that accountants meet, small enough to reckon by hand.

October, a seller in 27 (Maharashtra), prices with the tax in them: milk at 60.00 exempt, ghee at 550.00 with 5 %.

=========  ====  ======================  ==========================================================
customer   in    delivered               paper
=========  ====  ======================  ==========================================================
household  27    3.5 l, 0.25 kg          1: 210.00 + 130.95 + 3.27 + 3.27 - 0.49 = 347.00
shop       27    10 l, 2 kg              2: 1047.62 + 26.19 + 26.19 = 1100.00; 3: 600.00 (registered)
neighbour  29    1 kg                    4: 523.81 + 26.19 = 550.00; opening balance 100.00
hotel      29    200 kg                  5: 104761.90 + 5238.10 = 110000.00, above the limit of B2CL
mistake    27    1 l                     6: 60.00, made void
=========  ====  ======================  ==========================================================

November: credit notes 1 to the household (0.1 kg: 52.38 + 1.31 + 1.31 = 55.00), 2 to the shop (105.00 = 100.00 + 2.50
+ 2.50), 3 to the hotel (1050.00 = 1000.00 + 50.00); paid by the household 200.00 in cash, by the shop 1700.00 by UPI,
by the neighbour 550.00 with a cheque that bounced; 20.00 of the household's written off.
"""

from datetime import datetime
from typing import Any

from dairy_app.demo.sample import gstin
from tests.dairy import ok
from tests.exports.books import KOLKATA, NOVEMBER, Books

SHOP_GSTIN = gstin(1001)
HOSTILE = {
    "household": "=1+1",
    "shop": '@x, "Fresh" & <Sons>',
    "neighbour": "+91 Colony",
    "hotel": "-5 Star",
    "mistake": "Plain",
}


def fill_accounts(made: Books) -> tuple[dict[str, Any], list[Any]]:
    """Two months of it, over HTTP; the customers and the products."""
    dairy = made.dairy
    dairy.seller(gstin="27AAPFU0939F1ZV", due_days=10, business_name="=Dairy")
    milk = dairy.product("60.00", name="Cow milk", hsn_code="0401")
    ghee = dairy.product("550.00", name="+Ghee", unit="kg", hsn_code="0405", is_packed=True)
    for kind, name in HOSTILE.items():
        fields = {"gstin": SHOP_GSTIN} if kind == "shop" else {}
        state = "29" if kind in ("neighbour", "hotel") else "27"
        made.customers[kind] = dairy.customer(name=name, pincode="411038", state_code=state, **fields)
    opening = {"customer_id": made.customers["neighbour"]["id"], "as_of": "2026-10-01", "amount": "100.00"}
    ok(dairy.admin.post("/opening-balances", opening))
    made.deliver(made.customers["household"], (milk, "3.5"), (ghee, "0.25"))
    made.deliver(made.customers["shop"], (milk, "10"), (ghee, "2"))
    made.deliver(made.customers["neighbour"], (ghee, "1"))
    made.deliver(made.customers["hotel"], (ghee, "200"))
    made.deliver(made.customers["mistake"], (milk, "1"))
    made.travel(NOVEMBER)
    assert made.bill()["skipped"] == []
    ok(dairy.admin.post(f"/invoices/{paper(made, 6)['id']}/void", {"reason": "-wrong customer"}))
    _correct(made)
    _pay(made)
    return made.customers, [milk, ghee]


def paper(made: Books, number: int) -> Any:
    """An invoice in full, by its number."""
    found = ok(made.dairy.admin.get("/invoices", number=f"INV/2627/{number:07d}"))["items"]
    return ok(made.dairy.admin.get(f"/invoices/{found[0]['id']}"))


def _correct(made: Books) -> None:
    for number, taken in ((1, {"quantity": "0.1"}), (2, {"amount": "105.00"}), (5, {"amount": "1050.00"})):
        invoice = paper(made, number)
        ghee = next(line for line in invoice["lines"] if line["description"] == "+Ghee")
        body = {"invoice_id": invoice["id"], "reason": "=too much", "lines": [{"line_no": ghee["line_no"], **taken}]}
        ok(made.dairy.admin.post("/credit-notes", body), 201)


def _pay(made: Books) -> None:
    admin, ids = made.dairy.admin, {kind: each["id"] for kind, each in made.customers.items()}
    made.travel(datetime(2026, 11, 12, 9, 0, tzinfo=KOLKATA))
    admin = made.dairy.admin
    ok(admin.post("/payments", paid(ids["household"], "200.00", "cash", "2026-11-06")), 201)
    ok(admin.post("/payments", paid(ids["shop"], "1700.00", "upi", "2026-11-07", "=UTR1")), 201)
    cheque = ok(admin.post("/payments", paid(ids["neighbour"], "550.00", "cheque", "2026-11-08", "000123")), 201)
    ok(admin.post(f"/payments/{cheque['id']}/reverse", {"reason": "-bounced", "reversed_on": "2026-11-12"}))
    given_up = {"customer_id": ids["household"], "invoice_id": paper(made, 1)["id"], "amount": "20.00"}
    ok(admin.post("/write-offs", {**given_up, "reason": "@moved away", "written_off_on": "2026-11-12"}), 201)


def paid(customer_id: str, amount: str, method: str, on: str, reference: str | None = None) -> dict[str, Any]:
    body = {"customer_id": customer_id, "amount": amount, "method": method, "received_on": on}
    return {**body, "reference": reference} if reference else body
