"""Whether the issued documents are still what was issued: numbers, amounts, hashes, and the chain between them.

Each document's hash covers its content and the hash of the document before it, so one that was changed, removed or
renumbered is found. What cannot be seen is that somebody wrote every document from there on anew, with the series' last
hash: whoever wants to know that too keeps the heads this prints (last number and hash of each series) elsewhere.

Judged in SQL, some thousand documents a statement along the numbers; only what is wrong comes to Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.invoices.queries.verification import CHUNK, Series, next_judged

#: What is wrong → what it means.
FINDINGS = {
    "number_missing": "No document has this number: one was deleted or renumbered.",
    "number_taken_twice": "Two documents have this number.",
    "number_differs": "The number is not that of its series, year and place.",
    "content_changed": "The document or a line of it was changed after issue: its hash no longer matches.",
    "chain_broken": "The document does not follow the one before it: one of them was changed or replaced.",
    "lines_differ": "The document's amounts are not the sum of its lines.",
    "series_differs": "The series' next number or last hash is not that of its last document.",
    "series_missing": "Documents have numbers of a series that number_series does not contain.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a document or a series; ``code`` is one of ``FINDINGS``."""

    papers: str
    number: str
    code: str

    @property
    def detail(self) -> str:
        return FINDINGS[self.code]


def verify(session: Session, series: Series, chunk: int = CHUNK) -> Iterator[tuple[int, list[Finding]]]:
    """Look at a series' documents by number: after each stretch, how many documents it had and what is wrong with them.

    Ask in a transaction that sees one instant, or documents issued meanwhile look wrong.
    """
    while True:
        rows = next_judged(session, series, chunk)
        if not rows:
            break
        last = rows[-1]
        yield last.papers, [_finding(series, row) for row in rows[:-1]]
        series.last_no, series.last_id, series.last_hash = last.sequence_no, last.id, last.document_hash
    yield 0, _findings_of_the_series(series)


def _finding(series: Series, row: Any) -> Finding:
    if row.code == "number_missing":
        return _missing(series, row.number_before + 1, row.sequence_no - 1)
    return Finding(series.papers, row.number, row.code)


def _missing(series: Series, first: int, last: int) -> Finding:
    named = series.number(first) if first == last else f"{series.number(first)} to {series.number(last)}"
    return Finding(series.papers, named, "number_missing")


def _findings_of_the_series(series: Series) -> list[Finding]:
    name = f"{series.series}/{series.financial_year}"
    if series.next_no is None:
        return [Finding(series.papers, name, "series_missing")]
    if series.next_no > series.last_no + 1:
        return [_missing(series, series.last_no + 1, series.next_no - 1)]
    if series.next_no <= series.last_no or series.wanted_hash != series.last_hash:
        return [Finding(series.papers, name, "series_differs")]
    return []
