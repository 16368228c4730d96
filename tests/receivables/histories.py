"""Random lives of customers' money, written set-based past every service, and a plain twin of what settles what."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

START = date(2026, 1, 1)
DAYS = 60


@dataclass
class Invoice:
    """A paper; ``taken`` are its credit notes and write-offs: (kind, id, day, amount).

    ``more`` are its debit notes: (day, id, number, due, amount).
    """

    id: UUID
    number: str
    day: date
    due: date
    total: Decimal
    void: bool
    taken: list[tuple[str, UUID, date, Decimal]] = field(default_factory=list)
    more: list[tuple[date, UUID, str, date, Decimal]] = field(default_factory=list)


@dataclass
class Payment:
    """Money in; ``chosen`` are allocations: (id, invoice, from, amount, to)."""

    id: UUID
    day: date
    amount: Decimal
    reversed_on: date | None
    chosen: list[tuple[UUID, Invoice, date, Decimal, date | None]] = field(default_factory=list)


@dataclass
class History:
    """Everything of one customer."""

    id: UUID
    opening: tuple[UUID, date, Decimal] | None = None
    invoices: list[Invoice] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    given_up: list[tuple[UUID, date, Decimal]] = field(default_factory=list)
    #: Paid back: (id, day, amount, reversed on).
    refunds: list[tuple[UUID, date, Decimal, date | None]] = field(default_factory=list)

    def balance(self, day: date) -> Decimal:
        """What is owed, summed entry by entry."""
        total = self.opening[2] if self.opening and self.opening[1] <= day else Decimal(0)
        for paper in self.invoices:
            if not paper.void and paper.day <= day:
                total += paper.total
            total -= sum((amount for _, _, on, amount in paper.taken if on <= day), Decimal(0))
            total += sum((amount for on, *_, amount in paper.more if on <= day), Decimal(0))
        for payment in self.payments:
            gone = payment.reversed_on is not None and payment.reversed_on <= day
            total -= payment.amount if payment.day <= day and not gone else 0
        total += sum((amount for _, _, amount in live_refunds(self, day)), Decimal(0))
        return total - sum((amount for _, on, amount in self.given_up if on <= day), Decimal(0))


Applications = dict[tuple[UUID, UUID, bool], Decimal]


def settle(history: History, day: date) -> tuple[Applications, dict[UUID, Decimal], Decimal]:
    """What settles what on a day, what is open per debit, what is left as credit: step by step, as done by hand."""
    applied: Applications = defaultdict(Decimal)
    owed: list[tuple[date, int, str, UUID]] = []
    left: dict[UUID, Decimal] = {}
    if history.opening and history.opening[2] > 0 and history.opening[1] <= day:
        owed.append((history.opening[1], 0, "", history.opening[0]))
        left[history.opening[0]] = history.opening[2]
    for paper in history.invoices:
        if paper.void or paper.day > day:
            continue
        owed.append((paper.day, 1, paper.number, paper.id))
        left[paper.id] = paper.total
        charged = [paper.id]
        for on, row, number, _, amount in sorted(paper.more):
            if on <= day:
                owed.append((on, 2, number, row))
                left[row] = amount
                charged.append(row)
        for on, _, taker, amount in sorted((on, kind, row, amount) for kind, row, on, amount in paper.taken):
            for debit in charged if on <= day else ():
                part = min(amount, left[debit])
                amount -= part
                left[debit] -= part
                applied[taker, debit, True] += part
    purses: list[tuple[date, str, UUID]] = []
    money: dict[UUID, Decimal] = {}
    for payment in history.payments:
        if payment.day <= day and not (payment.reversed_on and payment.reversed_on <= day):
            purses.append((payment.day, "payment", payment.id))
            money[payment.id] = payment.amount
    if history.opening and history.opening[2] < 0 and history.opening[1] <= day:
        purses.append((history.opening[1], "opening", history.opening[0]))
        money[history.opening[0]] = -history.opening[2]
    for row, on, amount in history.given_up:
        if on <= day:
            purses.append((on, "write_off", row))
            money[row] = amount
    for _, _, payment_id, invoice_id, amount in sorted(_live(history, day)):
        if payment_id in money and invoice_id in left:
            part = min(amount, left[invoice_id])
            left[invoice_id] -= part
            money[payment_id] -= part
            applied[payment_id, invoice_id, True] += part
    owed += _pay_back(live_refunds(history, day), sorted(purses), money, left, applied)
    for *_, purse in sorted(purses):
        for *_, debit in sorted(owed):
            part = min(money[purse], left[debit])
            money[purse] -= part
            left[debit] -= part
            applied[purse, debit, False] += part
    return {key: amount for key, amount in applied.items() if amount}, left, sum(money.values(), Decimal(0))


def live_refunds(history: History, day: date) -> list[tuple[date, UUID, Decimal]]:
    """The refunds that stand on a day, in their order."""
    return sorted((on, row, amount) for row, on, amount, gone in history.refunds
                  if on <= day and not (gone and gone <= day))  # fmt: skip


def _pay_back(
    refunds: list[tuple[date, UUID, Decimal]],
    purses: list[tuple[date, str, UUID]],
    money: dict[UUID, Decimal],
    left: dict[UUID, Decimal],
    applied: Applications,
) -> list[tuple[date, int, str, UUID]]:
    """Take the refunds from what came last until the last of them; what they do not find is owed like an invoice."""
    if not refunds:
        return []
    wanted, tail = sum((amount for *_, amount in refunds), Decimal(0)), list[tuple[UUID, Decimal]]()
    for day, _, purse in reversed(purses):
        if day <= refunds[-1][0]:
            part = min(money[purse], wanted)
            wanted -= part
            money[purse] -= part
            tail.insert(0, (purse, part))
    for _, refund, amount in refunds:
        left[refund] = amount
        for place, (purse, rest) in enumerate(tail):
            part = min(rest, left[refund])
            left[refund] -= part
            tail[place] = (purse, rest - part)
            applied[purse, refund, False] += part
    return [(day, -1, "", refund) for day, refund, _ in refunds]


def _live(history: History, day: date) -> Iterator[tuple[date, UUID, UUID, UUID, Decimal]]:
    for payment in history.payments:
        for row, paper, since, amount, until in payment.chosen:
            if since <= day and not (until and until <= day):
                yield since, row, payment.id, paper.id, amount


def invent(seed: int) -> History:
    """One customer's random life, within the rules that the database keeps."""
    dice = random.Random(seed)

    def new_id() -> UUID:
        return UUID(int=dice.getrandbits(128))

    life = History(new_id())

    def rupees(most: int = 300) -> Decimal:
        return Decimal(dice.randint(1, most * 100)) / 100

    def later(day: date, spread: int = 20) -> date:
        return day + timedelta(dice.randint(0, spread))

    if dice.random() < 0.5:
        life.opening = (new_id(), later(START), rupees() * dice.choice((1, -1)))
    for _ in range(dice.randint(0, 5)):
        day = later(START, DAYS)
        total = rupees() if dice.random() < 0.95 else Decimal(0)
        void = dice.random() < 0.15
        paper = Invoice(new_id(), f"T/{new_id().hex[:10].upper()}", day, later(day, 15), total, void)
        life.invoices.append(paper)
        for _ in range(0 if void else dice.choice((0, 0, 0, 1, 2))):
            on = later(day, 20)
            paper.more.append((on, new_id(), f"D/{new_id().hex[:10].upper()}", later(on, 15), rupees(80)))
        for kind in ("credit_note", "write_off"):
            on = later(day, 30)
            charged = total + sum((amount for since, *_, amount in paper.more if since <= on), Decimal(0))
            room = charged - sum((amount for *_, amount in paper.taken), Decimal(0))
            if not void and room > 0 and dice.random() < 0.25:
                amount = dice.choice((room, min(room, rupees(100))))
                paper.taken.append((kind, new_id(), on, amount))
    if life.opening and life.invoices and dice.random() < 0.5:  # the opening is paid before a paper of its day
        life.opening = (life.opening[0], min(paper.day for paper in life.invoices), life.opening[2])
    for _ in range(dice.randint(0, 6)):
        day = later(START, DAYS)
        life.payments.append(Payment(new_id(), day, rupees(400), later(day, 30) if dice.random() < 0.2 else None))
        _choose(dice, life, life.payments[-1], later)
    life.given_up = [(new_id(), later(START, DAYS), rupees(50)) for _ in range(dice.choice((0, 0, 1)))]
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        day = later(START, DAYS)
        life.refunds.append((new_id(), day, rupees(150), later(day, 30) if dice.random() < 0.3 else None))
    return life


def _choose(dice: random.Random, life: History, payment: Payment, later: Callable[..., date]) -> None:
    """Allocations of one payment that never come to more than it has, each over before the next one begins."""
    since = payment.day
    for paper in dice.sample(life.invoices, min(len(life.invoices), dice.choice((0, 1, 1, 2)))):
        if payment.reversed_on is not None and since >= payment.reversed_on:
            return
        until = later(since, 10) if dice.random() < 0.5 else payment.reversed_on
        until = min(until, payment.reversed_on) if until and payment.reversed_on else until
        last = until is None or until == payment.reversed_on
        payment.chosen.append(
            (UUID(int=dice.getrandbits(128)), paper, since, min(payment.amount, paper.total or Decimal(1)), until)
        )
        if last:
            return
        since = until or since


def write(sql: Callable[..., Any], lives: list[History]) -> None:
    """All of it as it would stand in the tables after a long time; what a customer's services refuse may be in it."""
    sql("SET session_replication_role = replica")
    put = _Put(sql)
    user = sql("INSERT INTO users (name, role, phone) VALUES ('X', 'admin', '+919811111111') RETURNING id")[0][0]
    put("customers", "id, name", [(str(life.id), "C") for life in lives])
    openings = [(str(life.opening[0]), str(life.id), *life.opening[1:]) for life in lives if life.opening]
    put("opening_balances", "id, customer_id, as_of, amount", openings)
    papers = [(life, paper) for life in lives for paper in life.invoices]
    put(
        "invoices",
        "id, customer_id, period_start, period_end, status, document_type, series, financial_year, sequence_no, number,"
        " invoice_date, due_date, snapshot, taxable_value, exempt_value, cgst, sgst, igst, round_off, total,"
        " previous_balance, issued_at, document_hash, previous_hash, hash_version, void_reason, voided_at",
        [
            (
                *(str(paper.id), str(life.id), START + timedelta(number), START + timedelta(number)),
                *("void" if paper.void else "issued", "invoice"),
                *("T", "2627", number, paper.number, paper.day, paper.due, "{}", 0, paper.total, 0, 0, 0, 0),
                *(paper.total, 0, START, "x", "x", 1, *(("why", START) if paper.void else (None, None))),
            )
            for number, (life, paper) in enumerate(papers, 1)
        ],
    )
    taken = [(life, paper, each) for life, paper in papers for each in paper.taken]
    put(
        "credit_notes",
        "id, customer_id, invoice_id, series, financial_year, sequence_no, number, note_date, reason, snapshot,"
        " taxable_value, exempt_value, cgst, sgst, igst, round_off, total, issued_at, issued_by, document_hash,"
        " previous_hash, hash_version",
        [
            (
                *(str(row), str(life.id), str(paper.id), "C", "2627", number, f"C/{number}", day, "why", "{}"),
                *(0, amount, 0, 0, 0, 0, amount, START, user, "x", "x", 1),
            )
            for number, (life, paper, (kind, row, day, amount)) in enumerate(taken, 1)
            if kind == "credit_note"
        ],
    )
    more = [(life, paper, each) for life, paper in papers for each in paper.more]
    put(
        "debit_notes",
        "id, customer_id, invoice_id, series, financial_year, sequence_no, number, note_date, due_date, reason,"
        " snapshot, taxable_value, exempt_value, cgst, sgst, igst, total, issued_at, issued_by, document_hash,"
        " previous_hash, hash_version",
        [
            (
                *(str(row), str(life.id), str(paper.id), "D", "2627", place, number, day, due, "why", "{}"),
                *(0, amount, 0, 0, 0, amount, START, user, "x", "x", 1),
            )
            for place, (life, paper, (day, row, number, due, amount)) in enumerate(more, 1)
        ],
    )
    off = [
        (str(row), str(life.id), str(paper.id), amount, day, "why", user)
        for life, paper, (kind, row, day, amount) in taken
        if kind == "write_off"
    ]
    off += [
        (str(row), str(life.id), None, amount, day, "why", user) for life in lives for row, day, amount in life.given_up
    ]
    put("write_offs", "id, customer_id, invoice_id, amount, written_off_on, reason, written_by", off)
    payments = [(life, payment) for life in lives for payment in life.payments]
    put(
        "payments",
        "id, customer_id, amount, method, received_on, status, reversed_on, reversal_reason",
        [
            (
                *(str(each.id), str(life.id), each.amount, "cash", each.day),
                *(("reversed", each.reversed_on, "why") if each.reversed_on else ("received", None, None)),
            )
            for life, each in payments
        ],
    )
    put(
        "payment_allocations",
        "id, payment_id, customer_id, invoice_id, amount, allocated_on, released_on",
        [
            (str(row), str(each.id), str(life.id), str(paper.id), amount, since, until)
            for life, each in payments
            for row, paper, since, amount, until in each.chosen
        ],
    )
    put(
        "refunds",
        "id, customer_id, amount, method, paid_on, reason, recorded_by, status, reversed_on, reversal_reason",
        [
            (
                *(str(row), str(life.id), amount, "cash", day, "why", user),
                *(("reversed", gone, "why") if gone else ("paid", None, None)),
            )
            for life in lives
            for row, day, amount, gone in life.refunds
        ],
    )
    sql("SET session_replication_role = origin")


class _Put:
    """INSERT of many rows with one statement."""

    def __init__(self, sql: Callable[..., Any]) -> None:
        self._sql = sql

    def __call__(self, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            one = f"({', '.join(['%s'] * len(rows[0]))})"
            values = [value for row in rows for value in row]
            self._sql(f"INSERT INTO {table} ({columns}) VALUES {', '.join([one] * len(rows))}", *values)
