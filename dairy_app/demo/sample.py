"""Who lives in the sample dairy and what they want. Pure: the same seed, the same dairy."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from dairy_app.business.rules import gstin_check_digit
from dairy_app.deliveries.rules import Delivered

SEED = 2026
CUSTOMERS = 200
STATE = "27"

_FIRST_NAMES = """
    Aarav Aditi Ajay Amruta Anil Ashwini Chaitanya Deepa Gauri Ganesh Isha Jayant Kavita Kiran Leela Madhav
    Manasi Meera Nikhil Omkar Pallavi Prakash Priya Rahul Rekha Rohan Sachin Sharada Shubha Smita Suresh
    Swati Tanvi Umesh Uday Vaishali Varsha Vijay Vinaya Yash
"""
_LAST_NAMES = """
    Apte Bapat Bhosale Chavan Deshmukh Deshpande Gadgil Gokhale Jadhav Joshi Kadam Kale Kulkarni Mahajan More
    Naik Pande Patil Phadke Ranade Sathe Sawant Shinde Tambe Wagh
"""
DEVANAGARI = ("सुनीता देशपांडे", "प्रकाश जोशी", "वैशाली कुलकर्णी", "गणेश पाटील")
#: Registered buyers. The last one takes curd beside its milk: taxed and exempt goods, so two documents a month.
SHOPS = ("Amruttulya Tea House", 'Hotel "Annapurna"', "Sai Sweets, Warje", "Kothrud Canteen")
#: Who pays for whom: the hotel runs the canteen.
BRANCH, HEAD = "Kothrud Canteen", 'Hotel "Annapurna"'
#: What a shop may owe, in rupees: less than the milk of a month.
SHOP_LIMIT = Decimal("20000.00")
AREAS = ("Kothrud", "Karve Nagar", "Warje", "Bavdhan", "Erandwane", "Aundh")
BOYS = ("Ravi Jadhav", "Salim Shaikh", "Mangesh Pawar", "Kailas More")


@dataclass(frozen=True, slots=True)
class Ware:
    """A product: fields as the API takes them, and its price in rupees per unit."""

    fields: dict[str, Any]
    price: str


def _ware(sku: str, name: str, unit: str, hsn: str, price: str, **more: Any) -> Ware:
    return Ware({"sku": sku, "name": name, "unit": unit, "hsn_code": hsn, **more}, price)


WARES = (
    _ware("COW", "Cow milk", "litre", "0401", "64.00", category="milk"),
    _ware("BUFFALO", "Buffalo milk", "litre", "0401", "82.00", category="milk"),
    _ware("TONED-500", "Toned milk 500 ml", "packet", "0401", "29.00", category="milk", is_packed=True),
    _ware("CURD-400", "Curd 400 g", "packet", "0403", "42.00", category="curd", is_packed=True),
    _ware("CHAAS-500", "Buttermilk 500 ml", "packet", "0403", "22.00", category="curd", is_packed=True),
    _ware("SHRIKHAND", "Shrikhand 250 g", "packet", "0403", "95.00", is_packed=True, tax_class="yoghurt_cream"),
    _ware("PANEER-200", "Paneer 200 g", "packet", "0406", "98.00", category="paneer", is_packed=True),
    _ware("GHEE", "Cow ghee", "kg", "0405", "720.00", category="ghee", is_packed=True),
    _ware("BUTTER-500", "White butter 500 g", "packet", "0405", "310.00", category="butter", is_packed=True),
    _ware("POWDER-1", "Milk powder 1 kg", "packet", "0402", "480.00", is_packed=True, tax_class="milk_powder"),
)
#: What comes in bottles, which bottle, its deposit in rupees; and of so many doors one forgets to put them out.
BOTTLED, BOTTLE, DEPOSIT = "BUFFALO", "Glass bottle 1 l", "40.00"
FORGETFUL = 5
#: Where each day with a delivery is charged, in rupees; which customer, by its place, pays so many per cent less.
FAR_OUT, WAY = "Bavdhan", "2.00"
OLD_CUSTOMER, THANKS = 2, "5.00"

#: Cow milk costs more from the middle of the second month on, as happens.
DEARER = ("COW", "66.00")
MILK = ("COW", "BUFFALO", "TONED-500")
EXTRAS = ("CURD-400", "CHAAS-500", "SHRIKHAND", "PANEER-200", "GHEE", "BUTTER-500", "POWDER-1")


def gstin(number: int) -> str:
    """A registration number of the right form that nobody holds: its PAN is made up."""
    first_fourteen = f"{STATE}AAADE{number:04d}D1Z"
    return first_fourteen + gstin_check_digit(first_fourteen)


def seller() -> dict[str, Any]:
    """The settings of the sample dairy."""
    return {
        "business_name": "Sahyadri Dairy (sample)",
        "legal_name": "Sahyadri Sample Dairy LLP",
        "address": "1 Milk Lane, Kothrud, Pune 411038",
        "gstin": gstin(1),
        "state_code": STATE,
        "fssai_no": "10000000000001",
        "phone": "+912000000000",
        "upi_id": "sample@upi",
    }


def customers(day: date, count: int = CUSTOMERS) -> Iterator[dict[str, Any]]:
    """The customers as the API takes them; ``area`` decides the delivery boy."""
    chance = random.Random(SEED)
    pairs = [f"{first} {last}" for first in _FIRST_NAMES.split() for last in _LAST_NAMES.split()]
    names = chance.sample(pairs, count)
    special = [*SHOPS, *DEVANAGARI]
    names[-len(special) :] = special
    for n, name in enumerate(names):
        area = chance.randrange(len(AREAS))
        fields = {
            "name": name,
            "phone": f"+9190000{n:05d}",
            "address_line1": f"{chance.choice('ABCDE')}-{chance.randint(101, 1204)}, Lane {chance.randint(1, 24)}",
            "city": "Pune",
            "pincode": f"4110{chance.randint(1, 58):02d}",
            "state_code": STATE,
            "area": AREAS[area],
            "stop_sequence": n,
            "trial_start_date": day,
        }
        if name in SHOPS:
            fields |= {"gstin": gstin(1000 + n), "gst_treatment": "registered", "credit_limit": SHOP_LIMIT}
        yield fields


def households(count: int) -> int:
    """How many of the first customers are neither shops nor those whose names test the printer."""
    return count - len(SHOPS) - len(DEVANAGARI)


def boy_of(area: str) -> int:
    """Which delivery boy walks an area."""
    return AREAS.index(area) % len(BOYS)


def subscriptions(first_day: date, count: int = CUSTOMERS) -> Iterator[dict[str, Any]]:
    """Standing orders: everybody's milk, and curd or buttermilk on some days for every fourth."""
    chance = random.Random(SEED + 1)
    for n in range(count):
        is_shop = households(count) <= n < count - len(DEVANAGARI)
        started = first_day + timedelta(days=0 if chance.random() < 0.9 else chance.randint(1, 50))
        yield {
            **_rhythm(chance.random(), chance, started),
            "customer": n,
            "sku": "COW" if is_shop else chance.choice(MILK),
            "quantity": str(chance.randint(8, 20) if is_shop else chance.choice((1, 1, 1, 2, 2, 3))),
            "start_date": started,
        }
        if not is_shop and chance.random() < 0.25:
            days = {"mode": "weekly_pattern", "weekly_pattern": sorted(chance.sample(range(7), 3))}
            sku = chance.choice(("CURD-400", "CHAAS-500"))
            yield {**days, "customer": n, "sku": sku, "quantity": "1", "start_date": started}
        if n == households(count) + len(SHOPS) - 1:
            curd = {"mode": "weekly_pattern", "weekly_pattern": [0, 3]}
            yield {**curd, "customer": n, "sku": "CURD-400", "quantity": "6", "start_date": started}


def _rhythm(draw: float, chance: random.Random, started: date) -> dict[str, Any]:
    if draw < 0.75:
        return {"mode": "fixed_daily"}
    if draw < 0.9:
        return {"mode": "alternate_days", "interval_days": 2, "anchor_date": started}
    return {"mode": "weekly_pattern", "weekly_pattern": sorted(chance.sample(range(7), 4))}


def one_time_orders(first_day: date, last_day: date, count: int = CUSTOMERS) -> Iterator[dict[str, Any]]:
    """Seven or so a day: paneer for guests, ghee for a feast. A few are cancelled in time."""
    chance = random.Random(SEED + 2)
    for offset in range((last_day - first_day).days + 1):
        for _ in range(chance.randint(4, 10)):
            wanted = chance.sample(EXTRAS, chance.choice((1, 1, 1, 2)))
            yield {
                "customer": chance.randrange(households(count)),
                "day": first_day + timedelta(days=offset),
                "cancelled": chance.random() < 0.04,
                "items": [{"sku": sku, "quantity": _amount(sku, chance)} for sku in wanted],
            }


def _amount(sku: str, chance: random.Random) -> str:
    return chance.choice(("0.25", "0.5", "1")) if sku == "GHEE" else str(chance.randint(1, 4))


def outcome(day: date, place: int, items: list[Any]) -> dict[str, Any]:
    """What happens at the ``place``-th door of a day: nearly always all of it, sometimes less, sometimes nobody home.

    ``items``: (product id, quantity, unit). Returns the fields of a confirmation.
    """
    chance = random.Random(f"{SEED} {day} {place}")
    draw = chance.random()
    if draw < 0.015:
        return {"status": "not_delivered", "reason_code": "customer_absent"}
    if draw < 0.06:
        short = chance.randrange(len(items))
        delivered = [
            Delivered(product, _less(quantity, unit) if n == short else quantity)
            for n, (product, quantity, unit) in enumerate(items)
        ]
        return {"status": "delivered", "items": delivered}
    return {"status": "delivered"}


def _less(quantity: Decimal, unit: str) -> Decimal:
    """A packet short, or half a litre where only one was wanted; a single packet cannot be short."""
    if quantity > 1:
        return quantity - 1
    return quantity if unit == "packet" else quantity / 2
