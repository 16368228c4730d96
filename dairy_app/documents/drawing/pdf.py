"""A document as PDF: A4, as many pages as it takes. Equal documents in one language are equal bytes."""

from collections.abc import Sequence

from dairy_app.common.words import Words
from dairy_app.documents.drawing.codes import code_of
from dairy_app.documents.drawing.days_table import DaysTable, days_table
from dairy_app.documents.drawing.document import Account, Delivery, Document, Party
from dairy_app.documents.drawing.goods_table import (
    Column,
    account_rows,
    balance_row,
    columns_of,
    facts_of,
    notes_of,
    registration_of,
    section_foot,
    section_head,
    totals_of,
)
from dairy_app.documents.drawing.sheet import ACCENT, GREY, HEIGHT, PALE, WIDTH, Sheet, Style, wrap
from dairy_app.documents.drawing.speech import amount_in_words, day_of, title_of
from dairy_app.documents.rules import indian, percent

EDGE = 36.0
ROOM = WIDTH - 2 * EDGE
#: Below it stand the footer and the page's number.
BOTTOM = HEIGHT - 62
QR_SIDE = 96.0
OWN_QR_SIDE = 68.0
#: Of the code of an e-invoice: 5.6 cm.
SIGNED_SIDE = 160.0
GAP = 6.0
#: Width of one of two columns.
HALF = (ROOM - 12) / 2

BODY = Style(8.5)
SMALL = Style(7.5)
NOTE = Style(7, color=GREY)
LABEL = Style(7.5, color=GREY)
STRONG = Style(8.5, bold=True)
HEADING = Style(9.5, bold=True, color=ACCENT)
TITLE = Style(13, bold=True, color=ACCENT)
NAME = Style(15, bold=True)
TOTAL = Style(11, bold=True)
STAMP = Style(110, bold=True, color="0.96 0.86 0.86")


def draw(document: Document, t: Words) -> bytes:
    """The document in the words ``t``."""
    return _Drawing(document, t).bytes()


class _Drawing:
    """One document being drawn, from top to bottom; ``y`` is where to go on."""

    def __init__(self, document: Document, t: Words) -> None:
        self.document, self.t, self.y = document, t, EDGE
        title = f"{title_of(t, document.document_type)} {document.number}"
        self.sheet = Sheet(title=title, author=document.seller.name, subject=document.buyer.name, language=t.code)
        self._stamp()

    def bytes(self) -> bytes:
        self._heads()
        self._lines()
        self._sums()
        self._registration()
        self._account()
        self._deliveries()
        self.sheet.end_page()
        self._feet()
        return self.sheet.bytes()

    def _stamp(self) -> None:
        if self.document.void:
            self.sheet.across(self.t("void"), STAMP)

    def _turn(self) -> None:
        """Go on, on another page."""
        self.sheet.end_page()
        self._stamp()
        self.y = EDGE + 4
        words = f"{self.document.number} · {self.document.buyer.name}"
        self.sheet.text(EDGE, self.y, wrap(words, ROOM - 80, LABEL, 1)[0], LABEL)
        self.sheet.text(EDGE + ROOM, self.y, self.t("continued"), LABEL, "right")
        self.y += 16

    def _needs(self, height: float) -> bool:
        """Whether ``height`` does not fit any more; then a new page has begun."""
        if self.y + height <= BOTTOM:
            return False
        self._turn()
        return True

    def _heads(self) -> None:
        document, t = self.document, self.t
        if document.by_composition:
            self.y = self.sheet.wrapped(EDGE, self.y + 4, ROOM, t("by_composition"), STRONG)
        top, right = self.y, EDGE + ROOM
        y = top + 12
        for line in wrap(title_of(t, document.document_type), 240, TITLE):
            self.sheet.text(right, y, line, TITLE, "right")
            y += TITLE.leading
        self.sheet.text(right, y - 4, t("original"), LABEL, "right")
        left = self.sheet.wrapped(EDGE, top + 14, 270, document.seller.name, NAME, 2) - 5
        for line in self._party(document.seller):
            left = self.sheet.wrapped(EDGE, left, 280, line, SMALL, 4)
        self.y = max(left, y) + 2
        self.sheet.rule(EDGE, self.y, ROOM, ACCENT, 1.2)
        self.y += 14
        facts = self._facts(EDGE + 300, self.y)
        self.sheet.text(EDGE, self.y, t("buyer"), LABEL)
        y = self.sheet.wrapped(EDGE, self.y + 12, 280, document.buyer.name, Style(10, bold=True), 3)
        for line in self._party(document.buyer):
            y = self.sheet.wrapped(EDGE, y, 280, line, SMALL, 5)
        self.y = max(facts, y) + 2
        for notice in self._notices():
            self.y = self.sheet.wrapped(EDGE, self.y + 3, ROOM, notice, STRONG)
        self.y += 4

    def _party(self, party: Party) -> list[str]:
        t, lines = self.t, []
        if party.legal_name and party.legal_name != party.name:
            lines.append(f"{t('legal_name')}: {party.legal_name}")
        lines += (party.address or "").splitlines()
        named = [("GSTIN", party.gstin), ("FSSAI", party.fssai_no), (t("phone"), party.phone)]
        named.append((t("customer_code"), party.code))
        lines.append(" · ".join(f"{name}: {value}" for name, value in named if value))
        if party.state_name and (self.document.seller.gstin or party.gstin):
            lines.append(t("state", name=party.state_name, code=party.state_code))
        return [line for line in lines if line.strip()]

    def _facts(self, x: float, y: float) -> float:
        for label, value in facts_of(self.document, self.t):
            self.sheet.text(x, y, label, LABEL)
            indent = max(84.0, LABEL.width(label) + 6)
            strong = STRONG if label == self.t("number") else BODY
            y = self.sheet.wrapped(x + indent, y, EDGE + ROOM - x - indent, value, strong, 6)
        return y

    def _notices(self) -> list[str]:
        document, t, notices = self.document, self.t, []
        if document.void:
            notices.append(t("void_since", day=day_of(t, document.void[0]), reason=document.void[1]))
        if document.companion:
            other = document.companion
            named = {"number": other.number, "title": title_of(t, other.document_type), "total": indian(other.total)}
            notices.append(t("companion", **named))
        return notices

    # ---------------------------------------------------------------------------------------------- lines

    def _lines(self) -> None:
        columns = columns_of(self.document, self.t)
        fixed = sum(column.width for column in columns)
        places, x = [], EDGE + 18
        for column in columns:
            width = column.width or ROOM - 18 - fixed
            places.append((x, width, column))
            x += width
        self._table_head(places)
        begins = {each.first_line: each for each in self.document.sections}
        ends = {each.last_line: each for each in self.document.sections}
        for number, line in enumerate(self.document.lines, 1):
            if number in begins:
                head = wrap(section_head(begins[number], self.t), ROOM, STRONG, 2)
                if self._needs(len(head) * STRONG.leading + 30):  # not alone at the foot of a page
                    self._table_head(places)
                self.y = self.sheet.wrapped(EDGE, self.y + 3, ROOM, "\n".join(head), STRONG) + 2
            goods = wrap(line.description, places[0][1] - GAP, BODY, 4)
            notes = [row for note in notes_of(self.document, line, self.t) for row in wrap(note, places[0][1], NOTE, 3)]
            height = len(goods) * BODY.leading + len(notes) * NOTE.leading + 3
            if self._needs(height):
                self._table_head(places)
            self.sheet.text(EDGE, self.y, str(number), LABEL)
            for x, width, column in places[1:]:
                self._cell(x, width, column, column.cell(line))
            y = self.y
            for words, style in [*((row, BODY) for row in goods), *((row, NOTE) for row in notes)]:
                self.sheet.text(places[0][0], y, words, style)
                y += style.leading
            self.y += height
            self.sheet.rule(EDGE, self.y - 9.5, ROOM, thick=0.3)
            if number in ends:
                label, amount = section_foot(ends[number], self.t)
                if self._needs(STRONG.leading + 4):
                    self._table_head(places)
                self.sheet.text(places[0][0], self.y, wrap(label, ROOM - 120, STRONG, 1)[0], STRONG)
                self.sheet.text(EDGE + ROOM, self.y, amount, STRONG, "right")
                self.y += STRONG.leading + 4
        self.y += 4

    def _table_head(self, places: Sequence[tuple[float, float, Column]]) -> None:
        rows = [wrap(column.heading, width - GAP, LABEL) for _, width, column in places]
        height = max(map(len, rows)) * LABEL.leading + 5
        self.sheet.box(EDGE, self.y - 9, ROOM, height)
        self.sheet.text(EDGE, self.y, self.t("no_short"), LABEL)
        for (x, width, column), lines in zip(places, rows, strict=True):
            for number, line in enumerate(lines):
                self._cell(x, width, column, line, LABEL, self.y + number * LABEL.leading)
        self.y += height + 2

    def _cell(
        self, x: float, width: float, column: Column, words: str, style: Style = SMALL, y: float | None = None
    ) -> None:
        at = x if column.align == "left" else x + width - (0 if column.key == "amount" else GAP)
        self.sheet.text(at, self.y if y is None else y, words, style, column.align)

    # ----------------------------------------------------------------------------------------------- sums

    def _sums(self) -> None:
        document, t = self.document, self.t
        totals = totals_of(document, t)
        said = wrap(amount_in_words(t, document.total), 270, STRONG)
        rates = document.rates if len(document.rates) > 1 else []
        left = 14 + len(said) * STRONG.leading + (len(rates) + 2) * SMALL.leading
        height = max(left, len(totals) * BODY.leading + 24)
        self._needs(height)
        y, right = self.y, EDGE + ROOM
        for label, amount in totals:
            y = self._sum(y, label, amount, BODY)
        self.sheet.rule(right - 230, y - 8, 230, ACCENT, 0.8)
        label = t("credit_total" if document.document_type == "credit_note" else "total")
        self._sum(y + 5, label, f"₹{indian(document.total)}", TOTAL)
        self.sheet.text(EDGE, self.y, t("in_words"), LABEL)
        y = self.y + 12
        for line in said:
            self.sheet.text(EDGE, y, line, STRONG)
            y += STRONG.leading
        if rates:
            self._rates(y + 3)
        self.y += height + 4

    def _sum(self, y: float, label: str, amount: str, style: Style) -> float:
        right = EDGE + ROOM
        for number, line in enumerate(wrap(label, 145, style)):
            self.sheet.text(right - 230, y + number * style.leading, line, style)
        self.sheet.text(right, y, amount, style, "right")
        return y + max(1, len(wrap(label, 145, style))) * style.leading

    def _rates(self, y: float) -> None:
        document, t = self.document, self.t
        names = ("igst",) if document.is_interstate else ("cgst", "sgst")
        heads = [t("tax_summary"), t("taxable_value"), *(t(name) for name in names)]
        ends = [EDGE + 60, *(EDGE + 130 + 68 * place for place in range(len(heads) - 1))]
        for head, end in zip(heads, ends, strict=True):
            self.sheet.text(end, y, wrap(head, 66, NOTE, 1)[0], NOTE, "right")
        for each in document.rates:
            y += SMALL.leading
            amounts = (each.taxable_value, *(getattr(each, name) for name in names))
            cells = [f"{percent(each.rate)} %", *(indian(amount) for amount in amounts)]
            for cell, end in zip(cells, ends, strict=True):
                self.sheet.text(end, y, cell, SMALL, "right")

    def _registration(self) -> None:
        """The government's number and code of an e-invoice, large enough for the many modules of a signed text."""
        if self.document.registered is None:
            return
        self._needs(SIGNED_SIDE + 8)
        top, y = self.y - 4, self.y + 8
        self.sheet.squares(
            EDGE + ROOM - SIGNED_SIDE, top, SIGNED_SIDE, code_of(self.document.registered.signed_qr, "l")
        )
        self.sheet.text(EDGE, y, self.t("e_invoice"), HEADING)
        y += 6
        for label, value in registration_of(self.document, self.t):
            self.sheet.text(EDGE, y + 10, label, LABEL)
            y = self.sheet.wrapped(EDGE, y + 21, ROOM - SIGNED_SIDE - 24, value, BODY)
        self.y = top + SIGNED_SIDE + 12

    # -------------------------------------------------------------------------------------------- account

    def _account(self) -> None:
        document, t = self.document, self.t
        balance = balance_row(document, t)
        if document.account is None or balance is None:
            return
        link = document.pay_link
        rows = account_rows(document, t)
        height = max(62 + len(rows) * BODY.leading, QR_SIDE + 34 if link else 0)
        self._needs(height)
        top = self.y - 4
        self.sheet.box(EDGE, top, ROOM, height - 6)
        y = top + 14
        self.sheet.text(EDGE + 8, y, t("account"), HEADING)
        self.sheet.text(EDGE + 290, y, t("account_as_of", day=day_of(t, document.account.as_of)), LABEL, "right")
        for label, amount in rows:
            y += BODY.leading + 1
            self.sheet.text(EDGE + 8, y, wrap(label, 190, BODY, 1)[0], BODY)
            self.sheet.text(EDGE + 290, y, amount, BODY, "right")
        y += 18
        self.sheet.text(EDGE + 8, y, balance[0], TOTAL)
        self.sheet.text(EDGE + 290, y, f"₹{balance[1]}", TOTAL, "right")
        if link:
            self._pay(link, document.account, top)
        if document.account.open <= 0:
            self.sheet.wrapped(EDGE + 306, top + 14, ROOM - 306 - QR_SIDE - 12, t("paid_here"), STRONG)
        elif document.own_link:
            self._pay_alone(document.own_link, document.account, top)
        self.y = top + height + 12

    def _pay_alone(self, link: str, account: Account, top: float) -> None:
        """The second choice, smaller and under its name: this document without what else is due."""
        x, y = EDGE + 306, top + 14
        words = f"{self.t('only_this')} ₹{indian(account.open)}"
        y = self.sheet.wrapped(x, y, ROOM - 306 - QR_SIDE - 12, words, LABEL, 2) - 6
        self.sheet.box(x, y, OWN_QR_SIDE, OWN_QR_SIDE, "1 1 1")
        self.sheet.squares(x, y, OWN_QR_SIDE, code_of(link))
        self.sheet.link(x, y, OWN_QR_SIDE, OWN_QR_SIDE, link)

    def _pay(self, link: str, account: Account, top: float) -> None:
        document, t = self.document, self.t
        x = EDGE + ROOM - QR_SIDE - 6
        self.sheet.box(x, top + 4, QR_SIDE, QR_SIDE, "1 1 1")
        self.sheet.squares(x, top + 4, QR_SIDE, code_of(link))
        self.sheet.link(x, top + 4, QR_SIDE, QR_SIDE, link)
        words = t("scan_to_pay", amount=indian(account.balance))
        y = top + QR_SIDE + 13
        for line in wrap(words, 190, Style(7.5, bold=True), 1):
            self.sheet.text(EDGE + ROOM - 6, y, line, Style(7.5, bold=True), "right")
        self.sheet.text(
            EDGE + ROOM - 6, y + 10, wrap(t("pay_to", upi_id=document.seller.upi_id), 230, LABEL, 1)[0], LABEL, "right"
        )

    # ----------------------------------------------------------------------------------------- deliveries

    def _deliveries(self) -> None:
        for got_by, rows in self.document.days:
            title = self.t("deliveries") if got_by is None else self.t("deliveries_of", name=got_by)
            self._days(title, rows)

    def _days(self, title: str, deliveries: Sequence[Delivery]) -> None:
        table = days_table(deliveries, self.t, HALF)
        rows, step = list(table.rows), SMALL.leading
        named = zip(table.columns, table.head, strict=True)
        head = 1 + max(len(wrap(name, width - 3, NOTE, 2)) for (width, _), name in named)
        self._needs(20 + (head + 4) * step)
        self.sheet.text(EDGE, self.y, wrap(title, ROOM, HEADING, 1)[0], HEADING)
        self.y += 14
        while rows:
            fits = int((BOTTOM - self.y) / step) - head + 1
            take = min(fits, -(-len(rows) // 2))
            for half in (0, 1):
                own = rows[half * take : (half + 1) * take]
                if own:
                    self._half(EDGE + half * (HALF + 12), table, own, head - 1)
            rows = rows[2 * take :]
            self.y += (head - 1 + take) * step + 8
            if rows:
                self._turn()

    def _half(self, x: float, table: DaysTable, rows: Sequence[Sequence[str]], head: int) -> None:
        """One of the two columns of the deliveries; ``head``: how many lines its heading has."""
        y = self.y
        for number, cells in enumerate((table.head, *rows)):
            style = SMALL if number else NOTE
            at = x
            for (width, align), cell in zip(table.columns, cells, strict=True):
                side = at if align == "left" else at + width
                for line, words in enumerate(wrap(cell, width - 3, style, 1 if number else 2)):
                    self.sheet.text(side, y + line * NOTE.leading, words, style, align)
                at += width
            y += SMALL.leading * (1 if number else head)
            self.sheet.rule(x, y - SMALL.leading + 2.4, HALF, PALE, 0.5)

    def _feet(self) -> None:
        t, pages = self.t, self.sheet.pages
        for number, page in enumerate(pages, 1):
            self.sheet.on(page)
            y = BOTTOM + 14
            self.sheet.rule(EDGE, y - 8, ROOM)
            if self.document.footer:
                self.sheet.wrapped(EDGE, y, ROOM, self.document.footer, NOTE, 3)
            y = HEIGHT - 20
            self.sheet.text(EDGE, y, t("electronic"), NOTE)
            self.sheet.text(EDGE + ROOM, y, t("page_of", page=number, pages=len(pages)), NOTE, "right")
