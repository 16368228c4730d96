"""What the headings of a file mean: by their usual names in English and Hindi, and by the dairy's own products."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dairy_app.importing.rules.cells import SHIFTS, Unreadable, whole, word_of
from dairy_app.web.uploads import plain_heading

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Product:
    """A product that is on sale or was, as files name it."""

    id: UUID
    sku: str
    name: str
    unit: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and what it was read as; None: as nothing. ``product``: its cells are quantities of that a day."""

    header: str
    read_as: str | None
    product: Product | None = None
    shift: str | None = None


def _together(*tables: Names) -> dict[str, tuple[str, ...]]:
    columns = dict.fromkeys(name for table in tables for name in table)
    return {column: tuple(name for table in tables for name in table.get(column, ())) for column in columns}


_OF_CUSTOMER: Names = {
    "code": ("customer_code", "customer_no", "cust_code", "customer_id", "account_no", "ग्राहक_कोड",
             "ग्राहक_क्रमांक", "कोड"),
    "name": ("customer", "customer_name", "full_name", "नाम", "ग्राहक", "party", "party_name", "client", "client_name",
             "ग्राहक_का_नाम"),
    "phone": ("phone_no", "phone_number", "mobile", "mobile_no", "mobile_number", "contact_no", "फ़ोन", "मोबाइल",
              "mobile_phone", "whatsapp", "whatsapp_no", "whatsapp_number", "telephone", "contact", "contact_number",
              "फोन", "फ़ोन_नंबर", "फोन_नंबर", "मोबाइल_नंबर", "मोबाइल_नं", "संपर्क"),
    "email": ("e_mail", "email_id", "mail", "ई_मेल"),
    "address_line1": ("address", "address_1", "address_line_1", "house_and_street", "street", "पता", "घर_और_गली",
                      "address1", "full_address", "flat", "मकान"),
    "address_line2": ("address_2", "address_line_2", "address2", "landmark"),
    "city": ("town", "शहर", "village", "गाँव", "गांव"),
    "pincode": ("pin", "pin_code", "पिन_कोड", "postcode", "zip", "पिन"),
    "area": ("locality", "इलाका", "colony", "society", "sector", "route", "इलाक़ा", "क्षेत्र", "मोहल्ला", "कॉलोनी", "रूट"),
    "notes": ("note", "remarks", "note_for_the_helper", "टिप्पणी"),
    "gstin": ("gst", "gst_no", "gst_number"),
    "delivery_boy": ("helper", "डिलीवरी_वाला", "delivery_person", "delivery_man", "delivery_staff"),
    "stop_sequence": ("stop", "stop_no", "sequence", "place_in_the_round", "क्रम"),
    "map_link": ("google_map",),
    "marketing_staff": ("salesperson", "sales_person"),
    **dict.fromkeys(("state_code", "latitude", "longitude", "status", "trial_start_date", "billing_cycle", "language",
                     "gst_treatment", "login"), ()),
    "payment_terms": ("terms", "payment_term"),
    "channel": ("told_by", "messages_by"),
    "credit_limit": ("limit", "credit_allowed", "उधार_सीमा"),
    "billed_to": ("bill_to", "paid_by", "payer", "payer_code", "bill_to_code", "बिल_किसके_नाम"),
}  # fmt: skip
#: Whose row it is, in the other files.
_WHOSE: Names = {
    "customer_code": ("code", *_OF_CUSTOMER["code"]),
    "phone": _OF_CUSTOMER["phone"],
    "customer_name": ("name", *_OF_CUSTOMER["name"]),
}
_STANDING: Names = {
    "product": ("item", "product_name", "product_sku", "sku", "milk_type", "milk", "उत्पाद", "सामान", "दूध"),
    "quantity": ("qty", "default_quantity", "daily_quantity", "daily_qty", "quantity_per_day", "litres", "liters",
                 "litre", "ltr", "litres_per_day", "मात्रा", "लीटर"),
    "mode": ("frequency", "schedule", "कब"),
    "weekdays": ("days", "weekly_pattern", "delivery_days", "दिन", "वार"),
    "interval_days": ("interval", "every_how_many_days", "कितने_दिन_में"),
    "anchor_date": (),
    "shift": ("session", "slot", "delivery_time", "शिफ्ट", "शिफ़्ट", "समय", "पाली"),
    "price_per_unit": ("rate", "price", "agreed_price", "unit_price", "दर", "भाव", "रेट"),
    "start_date": ("start", "starts_on", "from", "since", "शुरू", "शुरुआत"),
    "stop_date": ("stop_on", "end_date", "until", "अंत"),
}  # fmt: skip
_OWES = ("balance", "debit", "debit_balance", "dr", "opening", "opening_amount", "outstanding", "due", "dues",
         "amount_due", "balance_due", "old_balance", "previous_balance", "pending", "बकाया", "पिछला_बकाया",
         "पुराना_बकाया", "बाकी", "बाक़ी")  # fmt: skip
_ADVANCE = ("credit", "cr", "advance_paid", "advance_amount", "prepaid", "credit_balance", "अग्रिम", "एडवांस", "जमा")
_SIDE = ("drcr", "debit_credit")
_DATE = ("date", "तारीख", "तारीख़", "दिनांक")

#: Kind of file → its columns, each with what else it is called, written as ``plain_heading`` compares it.
COLUMNS: dict[str, Names] = {
    "customers": _together(_OF_CUSTOMER, _STANDING, {
        "opening_balance": _OWES,
        "advance": _ADVANCE,
        "dr_cr": _SIDE,
        "opening_balance_as_of": ("as_of", "as_on", "balance_as_of", "balance_date", "opening_date"),
    }),
    "standing-orders": _together(_WHOSE, _STANDING, {"status": (), "auto_start": ()}),
    "opening-balances": _together(_WHOSE, {
        "amount": ("opening_balance", *_OWES, "राशि", "रकम"),
        "advance": _ADVANCE,
        "dr_cr": _SIDE,
        "as_of": ("as_on", "balance_as_of", "balance_date", "opening_date", *_DATE),
    }),
    "payments": _together(_WHOSE, {
        "amount": ("amount_received", "received", "amount_paid", "paid", "payment", "राशि", "रकम", "भुगतान"),
        "method": ("mode", "payment_mode", "payment_method", "mode_of_payment", "paid_by", "paid_via", "माध्यम",
                   "तरीका"),
        "received_on": ("payment_date", "paid_on", "received_date", "transaction_date", *_DATE),
        "reference": ("ref", "ref_no", "reference_no", "utr", "utr_no", "transaction_id", "txn_id", "upi_ref_no",
                      "cheque_no", "संदर्भ"),
        "notes": ("note", "remarks", "narration", "टिप्पणी"),
        "collected_by": ("collector", "received_by"),
    }),
}  # fmt: skip
#: Files in which a product may have a column of its own.
WITH_PRODUCTS = frozenset({"customers", "standing-orders"})
KINDS = tuple(COLUMNS)

_MEANT = {
    kind: {unicodedata.normalize("NFC", name): column for column, names in columns.items() for name in (*names, column)}
    for kind, columns in COLUMNS.items()
}


def read_headings(kind: str, headings: Sequence[str], products: Mapping[str, Product | None]) -> list[Column]:
    """What each heading of a file means; a product's own column is read as ``product:SKU``.

    A column that is called what it is, in so many words, goes before one that only may be meant, and the name of a
    product before another name of a column. ``products``: as ``products_by_name`` gives them.
    """
    meant = _MEANT[kind]
    exact = {plain for heading in headings if (plain := plain_heading(heading)) in COLUMNS[kind]}
    read = []
    for heading in headings:
        plain = plain_heading(whole(heading))
        found = _product_meant(plain, products) if kind in WITH_PRODUCTS and plain not in exact else None
        if found is not None:
            product, shift = found
            read.append(Column(heading, f"product:{product.sku}" + (f" {shift}" if shift else ""), product, shift))
        else:
            column = meant.get(plain)
            read.append(Column(heading, None if column in exact and plain != column else column))
    return read


def products_by_name(products: Sequence[Product]) -> dict[str, Product | None]:
    """Products by SKU and by name, as headings are compared; None where two are called so."""
    found: dict[str, Product | None] = {}
    for product in sorted(products, key=lambda each: not each.is_active):
        for name in {plain_heading(product.sku), plain_heading(product.name)}:
            known = found.setdefault(name, product)
            if known is None or (known is not product and known.is_active == product.is_active):
                found[name] = None  # of one that is sold and one that was, the first is meant
    return found


def _product_meant(plain: str, products: Mapping[str, Product | None]) -> tuple[Product, str | None] | None:
    """The product that a heading names, and the shift when that stands behind it."""
    if not plain:
        return None
    if (product := products.get(plain)) is not None:
        return product, None
    name, _, last = plain.rpartition("_")
    if (product := products.get(name)) is None:
        return None
    try:
        return product, word_of(last, SHIFTS)
    except Unreadable:
        return None


def product_called(cell: str, products: Mapping[str, Product | None]) -> Product:
    """The product that a cell names by SKU or name. Raises Unreadable: ``product_not_found``, ``ambiguous``."""
    plain = plain_heading(cell)
    product = products.get(plain) or products.get(plain_heading(whole(cell)))
    if product is not None:
        return product
    if plain in products:
        raise Unreadable("ambiguous", f"Several products are called {cell}: write the SKU.")
    raise Unreadable("product_not_found", f"There is no product {cell}.")
