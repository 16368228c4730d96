"""Payments, wallets and bill records of the earlier system as rows to stage."""

import re
from datetime import tzinfo
from decimal import Decimal

from dairy_app.legacy_import import rules
from dairy_app.legacy_import.shaping.rows import BillRow, PaymentRow, WalletRow
from dairy_app.legacy_import.shaping.staged import Document, Notes, cut, first, identity_of

_METHODS = {
    "cash": "cash", "upi": "upi", "gpay": "upi", "google_pay": "upi", "phonepe": "upi", "paytm": "upi", "bhim": "upi",
    "qr": "qr", "qr_code": "qr", "bank": "bank_transfer", "bank_transfer": "bank_transfer", "neft": "bank_transfer",
    "imps": "bank_transfer", "rtgs": "bank_transfer", "transfer": "bank_transfer", "card": "card",
    "credit_card": "card", "debit_card": "card", "cheque": "cheque", "check": "cheque", "wallet": "wallet",
}  # fmt: skip
#: No household pays more at once: beyond it stands a typing error.
LARGEST_PAYMENT = Decimal(10_000_000)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def payment(collection: str, line: int, document: Document, zone: tzinfo) -> PaymentRow:
    """A payment. The month it was meant for is a note: here money settles what is oldest."""
    notes = Notes()
    amount = _amount(document, notes)
    written = first(document, "payment_date", "paymentDate")
    received_on = rules.day(written, zone)
    if received_on is None:
        notes.refuse("date_unreadable", written)
    method = _METHODS.get(rules.fold(first(document, "payment_method", "paymentMethod", "method")) or "")
    if method is None:
        notes.remark("method_unknown")
    month = rules.text(document.get("month"))
    if month is not None and not _MONTH.fullmatch(month):
        notes.remark("month_unreadable")
    words = [rules.text(document.get("notes")), rules.text(document.get("reference")), month and f"for {month}"]
    return PaymentRow(
        **identity_of(collection, line, document),
        customer_ref=rules.reference(first(document, "customer_id", "customerId")),
        amount=amount,
        method=method or "cash",
        received_on=received_on,
        notes=cut("; ".join(word for word in words if word), 500),
        recorded_by_key=rules.reference(first(document, "created_by", "createdBy")),
        created_at=rules.instant(first(document, "created_at", "createdAt"), zone),
        **notes.of(document),
    )


def bill(collection: str, line: int, document: Document, zone: tzinfo) -> BillRow:
    """A bill record: of the repair script with an id, or of the payment gateway, known by its order and payment."""
    notes = Notes()
    order = rules.reference(document.get("order_id"))
    payment_id = rules.reference(document.get("payment_id"))
    named = {**document, "_id": f"{order}:{payment_id}"} if order and payment_id else document
    amount = _amount(document, notes)
    month = rules.text(first(document, "month", "billed_month"))
    if month is not None and not _MONTH.fullmatch(month):
        notes.remark("month_unreadable")
        month = None
    words = [rules.fold(document.get(name)) for name in ("payment_status", "status")]
    return BillRow(
        **identity_of(collection, line, named),
        order_key=order,
        amount=amount,
        billed_month=month,
        is_paid="paid" in words and "unpaid" not in words,
        created_at=rules.instant(document.get("created_at"), zone),
        **notes.of(document),
    )


def _amount(document: Document, notes: Notes) -> Decimal | None:
    written = document.get("amount")
    amount = rules.money(written)
    if amount is None:
        notes.refuse("amount_unreadable", written)
    elif amount < 0:
        notes.refuse("amount_negative", written)
    elif amount == 0:
        notes.refuse("amount_zero", written)
    elif amount > LARGEST_PAYMENT:
        notes.refuse("amount_implausible", written)
    elif amount != rules.number(written):
        notes.remark("amount_rounded")
    return amount


def wallet(collection: str, line: int, document: Document, zone: tzinfo) -> WalletRow:
    """A wallet: its balance was paid in advance. A negative one was never possible on purpose."""
    notes = Notes()
    balance = rules.money(document.get("balance"))
    if balance is None:
        notes.refuse("amount_unreadable", document.get("balance"))
    elif balance < 0:
        notes.refuse("amount_negative", document.get("balance"))
    return WalletRow(
        **identity_of(collection, line, document),
        customer_ref=rules.reference(first(document, "customer_id", "customerId", "user_id", "userId")),
        balance=balance,
        **notes.of(document),
    )
