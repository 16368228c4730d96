"""Reading bank statements: what became of each line, and whose payment it may be."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, RowMapping, Select, case, exists, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from dairy_app.collecting.models import BankStatement, BankStatementLine
from dairy_app.common.errors import Problem
from dairy_app.receivables.models import Payment

#: So many days after it came in, what a bank takes back is looked for.
TAKEN_BACK_DAYS = 10
_STATEMENT = [each for each in BankStatement.__table__.c if each.name != "updated_at"]


def statement_list(account: str | None) -> Select[Any]:
    """Statements with how many of their lines came in and are neither booked nor dismissed."""
    line = BankStatementLine
    left = (
        select(func.count())
        .select_from(line)
        .outerjoin(Payment, Payment.id == line.payment_id)
        .where(line.statement_id == BankStatement.id, line.amount > 0, line.dismissed_at.is_(None))
        .where(or_(line.payment_id.is_(None), Payment.status == "reversed"))
        .scalar_subquery()
    )
    query = select(*_STATEMENT, left.label("unbooked"))
    return query if account is None else query.where(BankStatement.account == account)


def read_statement(session: Session, statement_id: UUID) -> Row[Any]:
    """One statement. Raises ``bank_statement_not_found``."""
    found = session.execute(statement_list(None).where(BankStatement.id == statement_id)).one_or_none()
    if found is None:
        raise Problem("bank_statement_not_found")
    return found


def _taken_back() -> Any:
    """Whether a later line of the account undoes this one: the same rupees the other way, with its reference.

    By the bank's column, or in the narration; without a reference the other narration names this one.
    """
    line, other = BankStatementLine, aliased(BankStatementLine)
    bare = func.regexp_replace(func.upper(other.narration), "[^[:alnum:]]", "", "g")
    own = func.regexp_replace(func.upper(line.narration), "[^[:alnum:]]", "", "g")
    words = r"\m(REV|REVERSAL|REVERSED|RETURN|RETURNED|RTN|REJECT|REJECTED)"
    return exists().where(
        other.account == line.account,
        other.amount == -line.amount,
        other.day >= line.day,
        other.day <= line.day + TAKEN_BACK_DAYS,
        line.amount > 0,
        or_(
            func.bare_reference(other.reference) == func.bare_reference(line.reference),
            line.reference.is_not(None)
            & (func.length(func.bare_reference(line.reference)) >= 6)
            & (func.strpos(bare, func.bare_reference(line.reference)) > 0),
            line.reference.is_(None)
            & other.narration.op("~*")(words)
            & (func.length(own) >= 6)
            & (func.strpos(bare, own) > 0),
        ),
    )


_BOOKED = (BankStatementLine.payment_id.is_not(None)) & (Payment.status == "received")


def line_list(statement_id: UUID, *, only_open: bool) -> Select[Any]:
    """The lines of a statement with what became of each."""
    line = BankStatementLine
    state = case(
        (line.amount < 0, "debit"), (_BOOKED, "booked"), (line.dismissed_at.is_not(None), "dismissed"),
        (_taken_back(), "reversed"), else_="open",
    )  # fmt: skip
    columns = [each for each in line.__table__.c if each.name not in {"account", "updated_at", "day_number"}]
    query = (
        select(*columns, state.label("state"), Payment.receipt_no)
        .outerjoin(Payment, Payment.id == line.payment_id)
        .where(line.statement_id == statement_id)
    )
    if not only_open:
        return query
    return query.where(line.amount > 0, line.dismissed_at.is_(None), or_(line.payment_id.is_(None), ~_BOOKED))


def lines_taken_back(session: Session, line_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the lines that the bank has taken back."""
    wanted = select(BankStatementLine.id).where(BankStatementLine.id.in_(line_ids), _taken_back())
    return set(session.scalars(wanted))


def receipts_of_lines(session: Session, receipts: Sequence[str]) -> set[str]:
    """Those of the receipts that are lines of a bank."""
    wanted = select(Payment.receipt_no).join(BankStatementLine, BankStatementLine.payment_id == Payment.id)
    return set(session.scalars(wanted.where(Payment.receipt_no.in_(receipts))))


# Words of a line are compared with references, codes and phones; a number of an invoice is found without its signs.
# Who is billed to another is proposed as that one.
_PROPOSALS = text("""
WITH line AS MATERIALIZED (
    SELECT l.id, l.amount, l.narration, l.reference,
        regexp_replace(upper(l.narration), '[^[:alnum:]]', '', 'g') AS bare
    FROM bank_statement_lines l WHERE l.id = ANY (CAST(:ids AS uuid[]))
), word AS MATERIALIZED (
    SELECT DISTINCT l.id, w.w[1] AS word FROM line l CROSS JOIN LATERAL regexp_matches(
        upper(coalesce(l.reference, '') || ' ' || l.narration), '[[:alnum:]]{4,40}', 'g') AS w (w)
    WHERE w.w[1] ~ '[0-9]'
), number AS MATERIALIZED (
    SELECT DISTINCT l.id, s.series || '/' || s.financial_year || '/' || lpad(n.n[1], 7, '0') AS number
    FROM line l CROSS JOIN number_series s
    CROSS JOIN LATERAL regexp_matches(l.bare, s.series || s.financial_year || '([0-9]{1,7})', 'g') AS n (n)
), owing AS MATERIALIZED (
    SELECT customer_id, sum(debit - credit) AS balance FROM customer_ledger GROUP BY 1
    HAVING sum(debit - credit) IN (SELECT amount FROM line)
), found AS (
    SELECT w.id, 'reference' AS by, 0 AS rank, p.customer_id, p.receipt_no FROM word w
    JOIN payments p ON p.reference IS NOT NULL AND bare_reference(p.reference) = w.word
        AND p.status = 'received' AND p.method <> 'cash' AND (p.method <> 'cheque' OR p.amount =
            (SELECT l.amount FROM line l WHERE l.id = w.id))
    WHERE length(w.word) >= 6
    UNION ALL
    SELECT n.id, 'invoice', 1, i.customer_id, NULL FROM number n JOIN invoices i ON i.number = n.number
    UNION ALL
    SELECT w.id, 'code', 2, coalesce(c.merged_into, c.id), NULL FROM word w JOIN customers c ON c.code = w.word
    UNION ALL
    SELECT w.id, 'phone', 3, coalesce(c.merged_into, c.id), NULL FROM word w
    JOIN customers c ON reverse(c.phone) = reverse('+91' || right(w.word, 10))
    WHERE w.word ~ '^(0|91)?[6-9][0-9]{9}$'
    UNION ALL
    SELECT l.id, 'amount_and_name', 4, c.id, NULL FROM line l
    JOIN owing o ON o.balance = l.amount JOIN customers c ON c.id = o.customer_id AND c.merged_into IS NULL
    WHERE word_similarity(lower(c.name), lower(l.narration)) >= 0.5
)
SELECT DISTINCT ON (f.id, f.rank, c.id) f.id, f.by, f.rank, f.receipt_no, c.id AS customer_id, c.code AS customer_code,
    c.name AS customer_name
FROM found f JOIN customers g ON g.id = f.customer_id JOIN customers c ON c.id = coalesce(g.billed_to, g.id)
ORDER BY f.id, f.rank, c.id""")


def proposals(session: Session, line_ids: Sequence[UUID]) -> dict[UUID, list[RowMapping]]:
    """For each line whose payment it may be, and why, the best reason first; ``reference``: it is booked already."""
    found: dict[UUID, list[RowMapping]] = {}
    given = {"ids": [str(each) for each in line_ids]}
    for row in session.execute(_PROPOSALS, given).mappings() if line_ids else ():
        found.setdefault(row["id"], []).append(row)
    return found
