"""A year and two months of sales, with everything that a figure may miss or count twice; and another reckoning."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.billing.conftest import LivingDairy
from tests.dairy import ok, read

ZERO = Decimal(0)
SHOP_GSTIN = "27AAPFU0939F1ZV"


@dataclass
class Story:
    """Who bought what; ``delivered_in``: order → the area in which it was delivered, noted when it was."""

    dairy: LivingDairy
    milk: Any = None
    ghee: Any = None
    curd: Any = None
    people: dict[str, Any] = field(default_factory=dict)
    areas: dict[str, str] = field(default_factory=dict)
    delivered_in: dict[str, str] = field(default_factory=dict)

    def deliver(self, name: str, *items: tuple[Any, str], on: str, **confirmed: Any) -> Any:
        """An order that goes out on its round in the area where the customer lives by then."""
        order = self.dairy.order(self.people[name], *items, on=on)
        return self.bring(order, on, **confirmed)

    def bring(self, order: Any, on: str, **confirmed: Any) -> Any:
        ok(self.dairy.admin.post("/deliveries/start", {"delivery_date": on}))
        ok(self.dairy.confirm(order, **confirmed))
        home = ok(self.dairy.admin.get(f"/customers/{order['customer_id']}"))["area_id"]
        self.delivered_in[order["id"]] = home
        return order

    def paper(self, name: str, period: str, product: Any) -> Any:
        """The issued document of a customer's month on which a product is."""
        found = read(self.dairy.admin, "/invoices", customer_id=self.people[name]["id"], period=period, status="issued")
        papers = [ok(self.dairy.admin.get(f"/invoices/{each['id']}")) for each in found]
        return next(each for each in papers if product["id"] in {line["product_id"] for line in each["lines"]})


def tell(dairy: LivingDairy) -> Story:
    """October 2025, then September to November 2026, of which November is not billed."""
    story, admin = Story(dairy), dairy.admin
    dairy.seller(gstin="27AAPFU0939F1ZV")
    story.milk = milk = dairy.product("60.10", name="Cow milk")
    story.ghee = ghee = dairy.product("550.00", name="Ghee", unit="kg", hsn_code="0405", is_packed=True)
    story.curd = curd = dairy.product("33.33", name="Curd", unit="packet", hsn_code="0403", is_packed=True)
    story.people = {
        "asha": dairy.customer(name="Asha", area="Kothrud"),
        "bela": dairy.customer(name="Bela", area="Baner", billing_cycle="weekly"),
        "shop": dairy.customer(name="Shop", area="Baner", gstin=SHOP_GSTIN, state_code="27"),
        "away": dairy.customer(name="Away", area="Kothrud"),
    }
    story.areas = {each["name"]: each["id"] for each in read(admin, "/areas")}
    dairy.go_to("2025-10-10")
    story.deliver("asha", (milk, "7.5"), (curd, "2"), on="2025-10-10")
    dairy.go_to("2025-11-01")
    dairy.bill("2025-10")
    dairy.go_to("2026-09-20")
    story.deliver("asha", (milk, "1.5"), (ghee, "0.333"), on="2026-09-20")
    story.deliver("away", (milk, "4"), on="2026-09-20")
    forgotten = dairy.order(story.people["away"], (milk, "3"), on="2026-09-20")
    ok(admin.post("/deliveries/start", {"delivery_date": "2026-09-20"}))
    dairy.go_to("2026-10-01")
    dairy.bill("2026-09")
    _october(story, forgotten)
    _november(story)
    return story


def _october(story: Story, forgotten: Any) -> None:
    dairy, admin, milk, ghee, curd = story.dairy, story.dairy.admin, story.milk, story.ghee, story.curd
    ok(dairy.confirm(forgotten, delivery_date="2026-09-20"))  # after its month was billed: on October's draft
    story.delivered_in[forgotten["id"]] = story.people["away"]["area_id"]
    daily = dairy.subscription(story.people["asha"], milk, "1.333", start_date="2026-10-02")
    for day in ("2026-10-02", "2026-10-03", "2026-10-16", "2026-10-17"):
        dairy.go_to(day)
        if day == "2026-10-16":
            ok(admin.patch(f"/customers/{story.people['asha']['id']}", {"area": "Baner"}))
        ok(admin.post("/orders/generate", {"delivery_date": day}))
        (order,) = read(admin, "/orders", customer_id=story.people["asha"]["id"], delivery_date=day)
        story.bring(order, day)
    dairy.go_to("2026-10-18")
    ok(admin.post(f"/subscriptions/{daily['id']}/stop", {"stop_date": "2026-10-19", "reason": "Moving on"}))
    story.deliver("asha", (ghee, "1.25"), (curd, "3"), on="2026-10-18")
    story.deliver("bela", (milk, "2"), (curd, "1"), on="2026-10-18")
    story.deliver("shop", (milk, "20"), (ghee, "2"), on="2026-10-18")
    story.deliver("away", (milk, "9"), on="2026-10-18")
    short = dairy.order(story.people["bela"], (milk, "5"), on="2026-10-18")
    story.bring(short, "2026-10-18", items=[{"product_id": milk["id"], "delivered_quantity": "2"}])
    again = [{"product_id": milk["id"], "delivered_quantity": "3.5"}]
    ok(admin.patch(f"/deliveries/{short['id']}", {"items": again, "reason": "Counted again"}))
    gone = dairy.order(story.people["bela"], (ghee, "8"), on="2026-10-18")
    ok(dairy.confirm(gone, status="not_delivered", reason_code="door_locked"))
    cancelled = dairy.order(story.people["bela"], (ghee, "9"), on="2026-10-19")
    ok(admin.post(f"/orders/{cancelled['id']}/cancel", {"reason": "Not wanted"}))
    for kind, amount, name in (("charge", "40", "shop"), ("discount", "-5.55", "asha")):
        put = {"customer_id": story.people[name]["id"], "kind": kind, "description": kind, "amount": amount}
        ok(
            admin.post(
                "/adjustments", put | {"tax_class": "milk_fresh", "reason": "Agreed", "adjusted_on": "2026-10-18"}
            ),
            201,
        )
    ok(admin.patch(f"/products/{milk['id']}", {"name": "Farm milk"}))
    dairy.go_to("2026-11-02")
    dairy.bill("2026-10", confirm=True)
    void = story.paper("away", "2026-10", milk)
    ok(admin.post(f"/invoices/{void['id']}/void", {"reason": "Wrong address"}))  # its orders are on a draft again
    for name, taken in (("asha", {"quantity": "0.5"}), ("shop", {"amount": "105.00"})):
        paper = story.paper(name, "2026-10", ghee)
        line = next(each for each in paper["lines"] if each["product_id"] == ghee["id"])
        body = {"invoice_id": paper["id"], "reason": "Too much", "lines": [{"line_no": line["line_no"], **taken}]}
        ok(admin.post("/credit-notes", body), 201)


def _november(story: Story) -> None:
    story.dairy.go_to("2026-11-03")
    story.deliver("asha", (story.milk, "2"), on="2026-11-03")
    story.deliver("shop", (story.ghee, "0.75"), (story.milk, "6"), on="2026-11-03")
    ok(story.dairy.admin.patch(f"/customers/{story.people['shop']['id']}", {"area": "Kothrud"}))
    story.deliver("shop", (story.milk, "1"), on="2026-11-03")


# ------------------------------------------------------------------------------------------ the other reckoning


@dataclass(frozen=True)
class Sold:
    """A line as it is on a document."""

    period: str
    product: str | None
    area: str | None
    customer: str
    unit: str | None
    state: str
    source: str
    quantity: Decimal
    before_tax: Decimal
    with_tax: Decimal


def sold(story: Story) -> list[Sold]:
    """Every line of every document that counts, read from the lists of the API, cut by area where it has several."""
    admin, found = story.dairy.admin, []
    papers = {each["id"]: ok(admin.get(f"/invoices/{each['id']}")) for each in read(admin, "/invoices")}
    notes = [ok(admin.get(f"/credit-notes/{each['id']}")) for each in read(admin, "/credit-notes")]
    lines = [(paper, "billed", line, line["source"]) for paper in papers.values() for line in paper["lines"]
             if paper["status"] == "issued"]  # fmt: skip
    lines += [(paper, "unbilled", line, line["source"]) for paper in papers.values() for line in paper["lines"]
              if paper["status"] == "draft"]  # fmt: skip
    for note in notes:
        paper = papers[note["invoice_id"]]
        source = {line["line_no"]: line["source"] for line in paper["lines"]}
        lines += [(paper, "credited", line, source[line["invoice_line_no"]]) for line in note["lines"]]
    for paper, state, line, source in lines:
        taxes = sum((Decimal(line[name] or 0) for name in ("cgst", "sgst", "igst")), ZERO)
        amounts = (Decimal(line["quantity"] or 0), Decimal(line["line_total"]) - taxes, Decimal(line["line_total"]))
        root = papers[paper["companion_of"] or paper["id"]]
        home = ok(admin.get(f"/customers/{paper['customer_id']}"))["area_id"]
        for area, parts in _cut(story, root, line["product_id"], home, amounts):
            unit = line["unit"] if line["product_id"] else None
            found.append(Sold(paper["period_start"][:7], line["product_id"], area, paper["customer_id"], unit, state,
                              source, *parts))  # fmt: skip
    return found


def _cut(story: Story, root: Any, product: str | None, home: str, amounts: tuple[Decimal, ...]) -> list[Any]:
    """The amounts by area, in proportion to what of the product came where, the last area taking the rest."""
    came: dict[str, Decimal] = defaultdict(Decimal)
    for each in root["deliveries"]:
        if each["product_id"] == product:
            came[story.delivered_in[each["order_id"]]] += Decimal(each["quantity"])
    if not came:
        return [(home, amounts)]
    whole, after, parts = sum(came.values()), ZERO, []
    for area in sorted(came):
        upto = after + came[area]
        parts.append((area, tuple(
            _round(amount * upto / whole, places) - _round(amount * after / whole, places)
            for amount, places in zip(amounts, (3, 2, 2), strict=True)
        )))  # fmt: skip
        after = upto
    return parts


def _round(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def summed(lines: list[Sold]) -> dict[str, Any]:
    """Some lines in the shape in which the report tells them."""
    sign = {"billed": 1, "credited": -1, "unbilled": 1}
    quantities: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.unit:
            quantities[line.unit] += sign[line.state] * line.quantity

    def money(amount: Decimal) -> str:
        return f"{amount:.2f}"

    def total(name: str, *states: str, signed: bool = False) -> str:
        return money(sum((getattr(each, name) * (sign[each.state] if signed else 1)
                          for each in lines if each.state in states), ZERO))  # fmt: skip

    def once(*states: str) -> str:
        mine = [each for each in lines if each.source == "one_time" and each.state in states]
        return money(sum((each.with_tax * sign[each.state] for each in mine), ZERO))

    told: dict[str, Any] = {
        state: {name: total(name, state) for name in ("before_tax", "with_tax")}
        for state in ("billed", "credited", "unbilled")
    }
    told["net"] = {name: total(name, *sign, signed=True) for name in ("before_tax", "with_tax")}
    told["one_time"] = {"billed": once("billed", "credited"), "unbilled": once("unbilled")}
    told["quantities"] = [{"unit": unit, "quantity": f"{quantities[unit]:.3f}"} for unit in sorted(quantities)]
    return told
