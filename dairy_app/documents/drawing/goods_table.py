"""The table of lines: which columns a kind of document has, and what is in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dairy_app.common.words import Words, number
from dairy_app.documents.drawing.document import Document, Line, Section
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


def columns_of(document: Document, t: Words) -> list[Column]:
    """Numbered goods with HSN, quantity, rate and value; of a taxed document with its tax, by place of supply."""
    rate = t("rate_with_tax") if document.prices_include_tax else t("rate")
    columns = [
        Column("goods", t("goods"), 0, lambda line: line.description, "left"),
        Column("hsn", t("hsn"), 38, lambda line: line.hsn_code or "", "left"),
        Column("quantity", t("quantity"), 56, _quantity),
        Column("rate", rate, 50, lambda line: indian(line.unit_price)),
    ]
    if any(line.discount for line in document.lines):
        columns.append(Column("discount", t("discount"), 46, lambda line: indian(line.discount)))
    if not document.has_tax:
        return [*columns, Column("amount", t("value"), 76, lambda line: indian(line.line_total))]
    columns += [
        Column("taxable", t("taxable_value"), 56, lambda line: _of_taxed(line, indian(line.taxable_value))),
        Column("gst", t("gst"), 34, lambda line: _of_taxed(line, percent(line.gst_rate))),
    ]
    if document.is_interstate:
        columns.append(Column("igst", t("igst"), 52, lambda line: _of_taxed(line, indian(line.igst))))
    else:
        columns.append(Column("cgst", t("cgst"), 44, lambda line: _of_taxed(line, indian(line.cgst))))
        columns.append(Column("sgst", t("sgst"), 50, lambda line: _of_taxed(line, indian(line.sgst))))
    return [*columns, Column("amount", t("line_total"), 60, lambda line: indian(line.line_total))]


def notes_of(document: Document, line: Line, t: Words) -> list[str]:
    """What stands below the goods: when they came late, why they bear no tax."""
    notes = []
    if line.prior_period:
        days = {"first": day_of(t, line.first_date), "last": day_of(t, line.last_date)}
        notes.append(t("prior_day" if line.first_date == line.last_date else "prior_period", **days))
    elif line.source == "one_time":
        notes.append(t("one_time"))
    if line.got_by:
        notes.append(t("got_by", name=line.got_by))
    if line.gst_rate == 0 and document.has_tax:
        notes.append(t(f"supply_{line.supply_type}") if t.has(f"supply_{line.supply_type}") else line.supply_type)
    return notes


def section_head(section: Section, t: Words) -> str:
    """Whose lines follow, and where that is."""
    return ", ".join(filter(None, (t("section", name=section.name, code=section.code), section.address)))


def section_foot(section: Section, t: Words) -> tuple[str, str]:
    """What the lines of a section come to."""
    return t("section_total", name=section.name), indian(section.total)


def totals_of(document: Document, t: Words) -> Sequence[tuple[str, str]]:
    """Label and amount of each sum above the total."""
    rows = []
    if document.has_tax:
        rows.append((t("taxable_value"), document.taxable_value))
        taxes = (
            (("igst", document.igst),) if document.is_interstate else (("cgst", document.cgst), ("sgst", document.sgst))
        )
        rows += [(t(name), amount) for name, amount in taxes]
    if document.exempt_value:
        plain = document.by_composition or not document.seller.gstin
        rows.append((t("plain_value" if plain else "exempt_value"), document.exempt_value))
    rows.append((t("round_off"), document.round_off))
    return [(label.removesuffix(" ₹"), indian(amount)) for label, amount in rows]


def account_rows(document: Document, t: Words) -> list[tuple[str, str]]:
    """How the balance came about, a row each: they add up to it."""
    account = document.account
    if account is None:
        return []
    this = t("with_companion", number=document.companion.number) if document.companion else t("this_document")
    rows = [(t("previous_balance"), indian(account.previous)), (this, indian(account.documents))]
    if account.received:
        rows.append((t("since" if account.received > 0 else "charges_since"), indian(-account.received)))
    if account.later:
        rows.append((t("later"), indian(account.later)))
    return rows


def balance_row(document: Document, t: Words) -> tuple[str, str] | None:
    """What the customer owes, or has paid in advance."""
    if document.account is None:
        return None
    balance = document.account.balance
    return (t("in_advance"), indian(-balance)) if balance < 0 else (t("amount_due"), indian(balance))


def facts_of(document: Document, t: Words) -> list[tuple[str, str]]:
    """Number, dates and what else rule 46 asks for beside the parties."""
    rows = [(t("number"), document.number), (t("invoice_date"), day_of(t, document.day))]
    if document.original:
        against = t("original_invoice_of", number=document.original.number, day=day_of(t, document.original.day))
        rows += [(t("original_invoice"), against), (t("reason"), document.reason or "")]
    if document.period:
        first, last = document.period
        rows.append((t("billing_period"), t("period", first=day_of(t, first), last=day_of(t, last))))
    if document.due_date:
        rows.append((t("due_date"), day_of(t, document.due_date)))
    if document.seller.gstin and document.place_of_supply:
        rows.append((t("place_of_supply"), place_of(document, t)))
        if document.has_tax:
            rows.append((t("reverse_charge"), t("no")))
    return rows


def registration_of(document: Document, t: Words) -> list[tuple[str, str]]:
    """What an e-invoice bears beside its code."""
    if document.registered is None:
        return []
    receipt = t("ack", number=document.registered.ack_no, day=day_of(t, document.registered.ack_day))
    return [(t("irn"), document.registered.irn), (t("ack_no"), receipt)]


def place_of(document: Document, t: Words) -> str:
    """``Maharashtra (27)``."""
    code = document.place_of_supply or ""
    return f"{STATES.get(code, code)} ({code})"


def _quantity(line: Line) -> str:
    """``62 LTR``; of a charge how often, ``2 ×``; nothing for what is not goods."""
    if line.quantity is None or line.source == "adjustment" or (line.source == "charge" and line.quantity == 1):
        return ""
    if line.source == "charge":
        return f"{number(line.quantity)} ×"
    return f"{number(line.quantity)} {line.uqc}"


def _of_taxed(line: Line, amount: str) -> str:
    """Nothing for an untaxed line: its note says why."""
    return amount if line.gst_rate > 0 else ""
