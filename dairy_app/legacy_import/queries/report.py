"""The reconciliation: every document read is accounted for, and the money is the same before and after."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from dairy_app.legacy_import.queries.sums import Money
from dairy_app.legacy_import.writing.money import Receipt

#: What becomes of a document, in the order of the table's columns: (fate, heading).
FATES = (
    ("written", "written"),
    ("present", "present"),
    ("copy", "copies"),
    ("merged", "merged"),
    ("quarantined", "quarantine"),
    ("no_home", "no home"),
    ("review", "review"),
)

#: What a remark or a reason means, and what to do about it.
WORDS = {
    # remarks: written all the same
    "address_made_up": "neither address nor number: cannot log in until he has one",
    "amount_rounded": "rounded to the paisa",
    "balance_unreadable": "the previous balance is no number: enter it",
    "bill_amount_differs": "its bill record has another amount than was delivered: in the review",
    "billed_month_differs": "billed under another month than it was delivered in",
    "billed_not_confirmed": "billed, but nobody confirmed the delivery: on an external invoice",
    "billed_not_delivered": "billed, but not delivered: check the order",
    "daily_on_weekdays": "daily, but with weekdays: on those only, where the earlier system delivered every day",
    "delivers_from_now_on": "by a rhythm of which the earlier system delivered nothing: ask before it starts",
    "delivered_in_future": "delivered on a day that has not come: on that month's draft",
    "delivered_not_confirmed": "delivered, but never confirmed: confirm it to bill it",
    "delivery_boy_without_login": "its delivery boy has no login: assign another",
    "delivery_date_unreadable": "no planned date: the day of delivery stands in",
    "delivery_row_differs": "delivered in full, but beside it another quantity or unit is noted: billed as ordered",
    "delivery_row_unconfirmed": "a delivery was noted, but the order was not confirmed: check it",
    "email_taken": "another login has this address",
    "email_unreadable": "the e-mail address is none",
    "left_for_review": "says delivered, but its order is open or cancelled",
    "login_not_linked": "the login it names is missing, claimed twice or no customer's",
    "name_missing": "no name: its number or key stands in",
    "nothing_delivered": "partly delivered with quantity 0: not delivered",
    "ordered_in_another_unit": "counts in another unit than its product: quantity and price as they stand; check it",
    "packets_converted": "partly delivered, counted in packets: that share of what was ordered; check it",
    "password_dropped": "no bcrypt hash: send an invitation",
    "password_given_out": "a default password that anybody knows: send an invitation",
    "phone_normalised": "phone number written in another form",
    "phone_of_several_customers": "several customers have this phone number",
    "phone_taken": "another login has this phone number",
    "phone_unreadable": "the phone number is none",
    "price_missing": "no price: set one",
    "price_unreadable": "the price is no number: set one",
    "price_zero": "sold at price 0: treated as free",
    "product_recreated": "its product was deleted: brought back, switched off",
    "method_unknown": "unknown way of paying: as cash",
    "month_unreadable": "meant for a month that is none",
    "mode_missing": "it does not say on which days: a draft",
    "one_time_without_dates": "a single delivery without its days: nothing is due",
    "override_superseded": "another word about the same day is later: that one counts",
    "override_without_quantity": "a day without a quantity: left out",
    "paid_but_not_billed": "its bill record is paid, but it was never billed: on a draft; enter the payment",
    "pattern_empty": "weekly, but on no weekday: nothing is due",
    "pause_reversed": "a pause that ends before it begins: left out",
    "price_estimated": "no price: that of the day",
    "price_from_list": "quoted at 0: the price list decides",
    "shift_both": "both shifts, one quantity: all in the morning, the evening is a draft",
    "shift_unknown": "unknown shift",
    "spellings_contradict": "one field in two spellings that differ: the snake_case one counts",
    "status_from_delivery_row": "pending, but a failed visit was noted: not delivered",
    "status_unknown": "unknown status",
    "switched_off": "active, but switched off: stopped",
    "link_no_map": "a link that leads to no known map: in the notes",
    "text_cut": "a text longer than there is room for: its beginning",
    "weekdays_by_name": "weekdays in words, on which the earlier system delivered nothing: ask before it starts",
    "unit_unknown": "unknown unit: sold by the piece",
    # reasons: in quarantine
    "amount_implausible": "more money or goods than a dairy moves",
    "amount_negative": "below zero: a payment back, or a typing error",
    "amount_unreadable": "the amount is no number",
    "amount_zero": "an amount of nothing",
    "amount_not_in_paise": "the price has fractions of a paisa that change the sum",
    "customer_contradictory": "two customers are named",
    "customer_unresolved": "its customer does not exist",
    "dates_contradictory": "it ends before it begins",
    "date_unreadable": "no readable date",
    "day_taken": "its standing order has an order of that day",
    "delivered_in_another_unit": "partly delivered, counted in another unit than ordered",
    "delivered_more_than_ordered": "more delivered than ordered",
    "delivered_quantities_unknown": "partly delivered, quantities recorded nowhere",
    "delivered_quantity_negative": "a negative quantity delivered",
    "duplicate_id": "another document has the same key",
    "email_and_phone_taken": "other logins have its address and number",
    "item_unreadable": "an item is no document",
    "no_email_or_phone": "neither address nor number to log in with",
    "mode_unknown": "an unknown way of repeating",
    "no_items": "nothing was ordered",
    "no_product": "it names no product",
    "order_missing": "its order does not exist",
    "order_quarantined": "its order is in quarantine",
    "override_unreadable": "a word about a day cannot be read",
    "pattern_unreadable": "weekdays cannot be read",
    "pause_unreadable": "a pause cannot be read",
    "price_negative": "a negative price",
    "product_at_two_prices": "one product at two prices",
    "product_missing": "its product does not exist",
    "quantity_negative": "a negative quantity",
    "quantity_not_positive": "a quantity of 0 or less",
    "quantity_unreadable": "a quantity is no number",
    "role_unknown": "unknown role",
    "start_missing": "it counts days from a start that it does not name",
    "subscription_missing": "its standing order does not exist",
    "subscription_quarantined": "its standing order is in quarantine",
}

#: Why documents of a collection have no home here; of any other: it is not known.
NO_HOME = {
    "commissions": "leads and commissions are not kept here",
    "delivery_actions": "a log of shared links",
    "delivery_boy_overrides": "who goes on one day is not kept here",
    "delivery_notes": "notes of one day are not kept here",
    "delivery_records": "the first generation's log of days; nothing was billed by it",
    "delivery_shifts": "working hours are not kept here",
    "delivery_status": "a day's delivery without an order",
    "delivery_statuses": "a day's delivery without an order: standing orders were billed by the month's plan",
    "dispute_messages": "disputes are not kept here",
    "disputes": "disputes are not kept here",
    "leads": "leads and commissions are not kept here",
    "link_access_logs": "a log of shared links",
    "notification_templates": "texts of messages are part of this system",
    "pending_approvals": "a day's other shift or delivery boy is not asked for here",
    "procurement_orders": "buying is not kept here",
    "product_requests": "a wish list: votes are not kept here",
    "routes": "rounds are planned anew",
    "shared_delivery_links": "a link here reaches one delivery boy or one area: make new ones",
    "subscription_audit": "a log; the audit log here begins with the import",
    "suppliers": "buying is not kept here",
    "wallet_topups": "intended, never paid: the wallet's balance counts",
    "wallet_transactions": "the wallet's balance counts",
}


class _Entries(list[Any]):
    """Entries that are made while the JSON is written: of a large dairy they are a million of texts."""

    def __init__(self, count: int, make: Callable[[], Iterator[Any]]) -> None:
        super().__init__([None] * min(count, 1))  # the encoder asks whether there is any
        self._make = make

    def __iter__(self) -> Iterator[Any]:
        return self._make()


PAPERS = {"draft": "on drafts", "external": "billed before"}


@dataclass(slots=True)
class ImportReport:
    """What one import did. Amounts are rupees; remarks and review name at most a hundred keys each."""

    read: dict[str, int]
    fates: dict[tuple[str, str], int] = field(default_factory=dict)
    money: list[Money] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    left_out: list[tuple[str, int, Decimal]] = field(default_factory=list)
    reasons: list[tuple[str, str, int]] = field(default_factory=list)
    remarks: list[tuple[str, str, int, list[str]]] = field(default_factory=list)
    dry_run: bool = False
    #: Why the dump could not be read to its end; ``read`` is then what was read before.
    unreadable: str | None = None

    def add_homeless(self, counts: dict[str, int]) -> None:
        """Collections that nothing here reads: every document of them is accounted for as without a home."""
        self.read |= counts
        self.fates |= {(name, "no_home"): count for name, count in counts.items() if count}

    def homeless(self) -> list[tuple[str, int, str]]:
        """(collection, documents, why) of what has no place here."""
        found = [(name, count) for (name, fate), count in self.fates.items() if fate == "no_home" and count]
        return [(name, count, NO_HOME.get(name, "not known here")) for name, count in sorted(found)]

    def accounted(self, collection: str) -> int:
        return sum(self.fates.get((collection, fate), 0) for fate, _ in FATES)

    def findings(self) -> list[str]:
        """One line for each thing that does not balance; empty when everything does."""
        if self.unreadable is not None:
            return [self.unreadable]
        found = [
            f"{collection}: {read} documents read, {self.accounted(collection)} accounted for"
            for collection, read in self.read.items()
            if read != self.accounted(collection)
        ]
        return (
            found
            + [
                f"customer {m.customer}, {m.month}, {PAPERS.get(m.stands_on, m.stands_on)}: "
                f"{m.before} rupees ({m.orders_before} orders) in the dump, {m.after} ({m.orders_after}) written"
                for m in self.money
                if (m.before, m.orders_before) != (m.after, m.orders_after)
            ]
            + [
                f"customer {r.customer}, {r.kind}: {r.before} rupees ({r.entries_before}) in the dump, "
                f"{r.after} ({r.entries_after}) written"
                for r in self.receipts
                if (r.before, r.entries_before) != (r.after, r.entries_after)
            ]
        )

    @property
    def written(self) -> int:
        return sum(count for (_, fate), count in self.fates.items() if fate == "written")

    def months(self) -> list[tuple[str, str, int, Decimal, Decimal]]:
        """(document, month, orders, rupees before, rupees after), summed over customers."""
        sums: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
        for m in self.money:
            total = sums[m.stands_on, m.month]
            total[0] += m.orders_after
            total[1] += m.before
            total[2] += m.after
        return [(paper, month, *total) for (paper, month), total in sorted(sums.items())]

    def receipt_sums(self) -> list[tuple[str, int, Decimal, Decimal]]:
        """(kind, number, rupees before, rupees after), summed over customers; what they owe and have paid apart."""
        sums: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
        for r in self.receipts:
            kind = r.kind if r.kind == "payments" else "owed before" if r.before > 0 else "paid in advance"
            total = sums[kind]
            total[0] += r.entries_after
            total[1] += r.before
            total[2] += r.after
        return [(kind, *total) for kind, total in sorted(sums.items())]

    def as_json(self) -> Iterator[str]:
        """For programs, piece by piece: amounts as decimal strings."""
        yield from json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(self.as_dict())
        yield "\n"

    def as_dict(self) -> dict[str, Any]:
        """What ``as_json`` writes; the money can only be read by going through it."""
        return {
            "dry_run": self.dry_run,
            "balanced": not self.findings(),
            "findings": self.findings(),
            "collections": {
                name: {"read": read} | {fate: self.fates.get((name, fate), 0) for fate, _ in FATES}
                for name, read in self.read.items()
            },
            "money": _Entries(len(self.money), lambda: (
                {"customer": m.customer, "month": m.month, "paper": m.stands_on, "orders": m.orders_after,
                 "before": str(m.before), "after": str(m.after)}
                for m in self.money
            )),
            "receipts": _Entries(len(self.receipts), lambda: (
                {"customer": r.customer, "kind": r.kind, "entries": r.entries_after, "before": str(r.before),
                 "after": str(r.after)}
                for r in self.receipts
            )),
            "delivered_on_no_paper": [
                {"reason": reason, "orders": orders, "at_most": str(amount)} for reason, orders, amount in self.left_out
            ],
            "quarantine": [
                {"collection": name, "reason": reason, "documents": count} for name, reason, count in self.reasons
            ],
            "no_home": [
                {"collection": name, "documents": count, "why": why} for name, count, why in self.homeless()
            ],
            "remarks": [
                {"collection": name, "remark": remark, "documents": count, "first": keys}
                for name, remark, count, keys in self.remarks
            ],
        }  # fmt: skip

    def print(self, console: Console) -> None:
        """For people: documents, money, and what somebody should look at."""
        console.print(self._documents())
        if self.money or self.receipts:
            console.print(self._months())
        if self.left_out or self.reasons or self.remarks or self.homeless():
            console.print(self._notes())

    def _documents(self) -> Table:
        table = Table(title="Documents", title_justify="left")
        table.add_column("collection", no_wrap=True)
        used = [(fate, name) for fate, name in FATES if any(key[1] == fate for key in self.fates)]
        for heading in ("read", *(name for _, name in used)):
            table.add_column(heading, justify="right")
        for collection, read in self.read.items():
            counts = (self.fates.get((collection, fate), 0) for fate, _ in used)
            table.add_row(collection, f"{read:,}", *(f"{count:,}" if count else "·" for count in counts))
        return table

    def _months(self) -> Table:
        table = Table("what", "month", title="Money in rupees", title_justify="left")
        for heading in ("number", "before", "after"):
            table.add_column(heading, justify="right")
        for paper, month, orders, before, after in self.months():
            table.add_row(f"orders {PAPERS.get(paper, paper)}", month, f"{orders:,}", f"{before:,}", f"{after:,}")
        for kind, entries, before, after in self.receipt_sums():
            table.add_row(kind, "", f"{entries:,}", f"{before:,}", f"{after:,}")
        return table

    def _notes(self) -> Table:
        table = Table("what", "where", title="To look at", title_justify="left")
        table.add_column("number", justify="right")
        table.add_column("why", overflow="fold")
        for reason, orders, amount in self.left_out:
            table.add_row(
                "on no invoice", "orders", f"{orders:,}", f"at most {amount:,} rupees: {WORDS.get(reason, reason)}"
            )
        for name, reason, count in self.reasons:
            table.add_row("quarantine", name, f"{count:,}", f"{reason}: {WORDS.get(reason, reason)}")
        for name, count, why in self.homeless():
            table.add_row("no home", name, f"{count:,}", why)
        for name, remark, count, _ in self.remarks:
            table.add_row("remark", name, f"{count:,}", f"{remark}: {WORDS.get(remark, remark)}")
        return table
