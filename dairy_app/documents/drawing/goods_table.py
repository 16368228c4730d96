"""The table of lines: which columns a kind of document has, and what is in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dairy_app.common.words import Words, number
from dairy_app.documents.drawing.paper import Line, Paper
from dairy_app.documents.drawing.speech import day_of
from dairy_app.documents.rules import indian, percent
from dairy_app.exports.gst.codes import STATES


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``width`` in points on document, 0 takes what the others leave."""

    key: str
    heading: str
    width: float
    cell: Callable[[Line], str]
    align: str = "right"


def columns_of(paper: Paper, t: Words) -> list[Column]:
    """Numbered goods with HSN, quantity, rate and value; of a taxed document with its tax, by place of supply."""
    rate = t("rate_with_tax") if paper.prices_include_tax else t("rate")
    columns = [
        Column("goods", t("goods"), 0, lambda line: line.description, "left"),
        Column("hsn", t("hsn"), 38, lambda line: line.hsn_code or "", "left"),
        Column("quantity", t("quantity"), 56, _quantity),
        Column("rate", rate, 50, lambda line: indian(line.unit_price)),
    ]
    if any(line.discount for line in paper.lines):
        columns.append(Column("discount", t("discount"), 46, lambda line: indian(line.discount)))
    if not paper.has_tax:
        return [*columns, Column("amount", t("value"), 76, lambda line: indian(line.line_total))]
    columns += [
        Column("taxable", t("taxable_value"), 56, lambda line: _of_taxed(line, indian(line.taxable_value))),
        Column("gst", t("gst"), 34, lambda line: _of_taxed(line, percent(line.gst_rate))),
    ]
    if paper.is_interstate:
        columns.append(Column("igst", t("igst"), 52, lambda line: _of_taxed(line, indian(line.igst))))
    else:
        columns.append(Column("cgst", t("cgst"), 44, lambda line: _of_taxed(line, indian(line.cgst))))
        columns.append(Column("sgst", t("sgst"), 50, lambda line: _of_taxed(line, indian(line.sgst))))
    return [*columns, Column("amount", t("line_total"), 60, lambda line: indian(line.line_total))]


def notes_of(paper: Paper, line: Line, t: Words) -> list[str]:
    """What stands below the goods: when they came late, why they bear no tax."""
    notes = []
    if line.prior_period:
        days = {"first": day_of(t, line.first_date), "last": day_of(t, line.last_date)}
        notes.append(t("prior_day" if line.first_date == line.last_date else "prior_period", **days))
    elif line.source == "one_time":
        notes.append(t("one_time"))
    if line.gst_rate == 0 and paper.has_tax:
        notes.append(t(f"supply_{line.supply_type}") if t.has(f"supply_{line.supply_type}") else line.supply_type)
    return notes


def totals_of(paper: Paper, t: Words) -> Sequence[tuple[str, str]]:
    """Label and amount of each sum above the total."""
    rows = []
    if paper.has_tax:
        rows.append((t("taxable_value"), paper.taxable_value))
        taxes = (("igst", paper.igst),) if paper.is_interstate else (("cgst", paper.cgst), ("sgst", paper.sgst))
        rows += [(t(name), amount) for name, amount in taxes]
    if paper.exempt_value:
        rows.append((t("exempt_value" if paper.seller.gstin else "plain_value"), paper.exempt_value))
    rows.append((t("round_off"), paper.round_off))
    return [(label.removesuffix(" ₹"), indian(amount)) for label, amount in rows]


def account_rows(paper: Paper, t: Words) -> list[tuple[str, str]]:
    """How the balance came about, a row each: they add up to it."""
    account = paper.account
    if account is None:
        return []
    this = t("with_companion", number=paper.companion.number) if paper.companion else t("this_document")
    rows = [(t("previous_balance"), indian(account.previous)), (this, indian(account.papers))]
    if account.received:
        rows.append((t("since" if account.received > 0 else "charges_since"), indian(-account.received)))
    if account.later:
        rows.append((t("later"), indian(account.later)))
    return rows


def balance_row(paper: Paper, t: Words) -> tuple[str, str] | None:
    """What the customer owes, or has paid in advance."""
    if paper.account is None:
        return None
    balance = paper.account.balance
    return (t("in_advance"), indian(-balance)) if balance < 0 else (t("amount_due"), indian(balance))


def facts_of(paper: Paper, t: Words) -> list[tuple[str, str]]:
    """Number, dates and what else rule 46 asks for beside the parties."""
    rows = [(t("number"), paper.number), (t("invoice_date"), day_of(t, paper.day))]
    if paper.original:
        against = t("original_invoice_of", number=paper.original.number, day=day_of(t, paper.original.day))
        rows += [(t("original_invoice"), against), (t("reason"), paper.reason or "")]
    if paper.period:
        first, last = paper.period
        rows.append((t("billing_period"), t("period", first=day_of(t, first), last=day_of(t, last))))
    if paper.due_date:
        rows.append((t("due_date"), day_of(t, paper.due_date)))
    if paper.seller.gstin and paper.place_of_supply:
        rows.append((t("place_of_supply"), place_of(paper, t)))
        if paper.has_tax:
            rows.append((t("reverse_charge"), t("no")))
    return rows


def registration_of(paper: Paper, t: Words) -> list[tuple[str, str]]:
    """What an e-invoice bears beside its code."""
    if paper.registered is None:
        return []
    receipt = t("ack", number=paper.registered.ack_no, day=day_of(t, paper.registered.ack_day))
    return [(t("irn"), paper.registered.irn), (t("ack_no"), receipt)]


def place_of(paper: Paper, t: Words) -> str:
    """``Maharashtra (27)``."""
    code = paper.place_of_supply or ""
    return f"{STATES.get(code, code)} ({code})"


def _quantity(line: Line) -> str:
    """``62 LTR``; nothing for what is not goods."""
    if line.quantity is None or line.source == "adjustment":
        return ""
    return f"{number(line.quantity)} {line.uqc}"


def _of_taxed(line: Line, amount: str) -> str:
    """Nothing for an untaxed line: its note says why."""
    return amount if line.gst_rate > 0 else ""
