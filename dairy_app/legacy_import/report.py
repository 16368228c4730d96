"""The reconciliation: every document read is accounted for, and the money is the same before and after."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from dairy_app.legacy_import.queries import Money

#: What becomes of a document, in the order of the table's columns: (fate, heading).
FATES = (
    ("written", "written"),
    ("present", "already present"),
    ("copy", "copies"),
    ("merged", "part of another"),
    ("quarantined", "quarantined"),
    ("later", "left for later"),
    ("review", "left for review"),
)

#: Why documents wait for the full importer.
LEFT_FOR_LATER = "needs subscriptions, which are not imported yet"

PAPERS = {"draft": "on drafts", "external": "billed before"}


@dataclass(slots=True)
class ImportReport:
    """What one import did. Amounts are rupees; remarks and review name at most a hundred keys each."""

    read: dict[str, int]
    fates: dict[tuple[str, str], int] = field(default_factory=dict)
    money: list[Money] = field(default_factory=list)
    left_out: list[tuple[str, int, Decimal]] = field(default_factory=list)
    reasons: list[tuple[str, str, int]] = field(default_factory=list)
    remarks: list[tuple[str, str, int, list[str]]] = field(default_factory=list)
    dry_run: bool = False

    def accounted(self, collection: str) -> int:
        return sum(self.fates.get((collection, fate), 0) for fate, _ in FATES)

    def findings(self) -> list[str]:
        """One line for each thing that does not balance; empty when everything does."""
        found = [
            f"{collection}: {read} documents read, {self.accounted(collection)} accounted for"
            for collection, read in self.read.items()
            if read != self.accounted(collection)
        ]
        return found + [
            f"customer {m.customer}, {m.month}, {PAPERS.get(m.stands_on, m.stands_on)}: "
            f"{m.before} rupees ({m.orders_before} orders) in the dump, {m.after} ({m.orders_after}) written"
            for m in self.money
            if (m.before, m.orders_before) != (m.after, m.orders_after)
        ]

    @property
    def written(self) -> int:
        return sum(count for (_, fate), count in self.fates.items() if fate == "written")

    def months(self) -> list[tuple[str, str, int, Decimal, Decimal]]:
        """(paper, month, orders, rupees before, rupees after), summed over customers."""
        sums: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
        for m in self.money:
            total = sums[m.stands_on, m.month]
            total[0] += m.orders_after
            total[1] += m.before
            total[2] += m.after
        return [(paper, month, *total) for (paper, month), total in sorted(sums.items())]

    def as_dict(self) -> dict[str, Any]:
        """For programs: amounts as decimal strings."""
        return {
            "dry_run": self.dry_run,
            "balanced": not self.findings(),
            "findings": self.findings(),
            "collections": {
                name: {"read": read} | {fate: self.fates.get((name, fate), 0) for fate, _ in FATES}
                for name, read in self.read.items()
            },
            "left_for_later": LEFT_FOR_LATER,
            "money": [
                {"customer": m.customer, "month": m.month, "paper": m.stands_on, "orders": m.orders_after,
                 "before": str(m.before), "after": str(m.after)}
                for m in self.money
            ],
            "delivered_on_no_paper": [
                {"reason": reason, "orders": orders, "at_most": str(amount)} for reason, orders, amount in self.left_out
            ],
            "quarantine": [
                {"collection": name, "reason": reason, "documents": count} for name, reason, count in self.reasons
            ],
            "remarks": [
                {"collection": name, "remark": remark, "documents": count, "first": keys}
                for name, remark, count, keys in self.remarks
            ],
        }  # fmt: skip

    def print(self, console: Console) -> None:
        """For people: documents, money, and what somebody should look at."""
        console.print(self._documents())
        if self.money:
            console.print(self._months())
        if self.left_out or self.reasons or self.remarks:
            console.print(self._notes())

    def _documents(self) -> Table:
        table = Table("collection", title="Documents", title_justify="left")
        used = [(fate, name) for fate, name in FATES if any(key[1] == fate for key in self.fates)]
        for heading in ("read", *(name for _, name in used)):
            table.add_column(heading, justify="right")
        for collection, read in self.read.items():
            counts = (self.fates.get((collection, fate), 0) for fate, _ in used)
            table.add_row(collection, f"{read:,}", *(f"{count:,}" if count else "·" for count in counts))
        if any(fate == "later" for _, fate in self.fates):
            table.caption = f"left for later: {LEFT_FOR_LATER}"
        return table

    def _months(self) -> Table:
        table = Table("one-time orders", "month", title="Money in rupees", title_justify="left")
        for heading in ("orders", "before", "after"):
            table.add_column(heading, justify="right")
        for paper, month, orders, before, after in self.months():
            table.add_row(PAPERS.get(paper, paper), month, f"{orders:,}", f"{before:,}", f"{after:,}")
        return table

    def _notes(self) -> Table:
        table = Table("what", "where", "why", title="To look at", title_justify="left")
        table.add_column("number", justify="right")
        for reason, orders, amount in self.left_out:
            table.add_row("delivered, on no paper", "orders", f"{reason}, at most {amount:,}", f"{orders:,}")
        for name, reason, count in self.reasons:
            table.add_row("quarantined", name, reason, f"{count:,}")
        for name, remark, count, _ in self.remarks:
            table.add_row("remark", name, remark, f"{count:,}")
        return table
