"""Which days have a return of a regular seller: those of a composition dealer have none.

It follows from the documents: who changes its scheme still files the return of the months before.
"""

from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.exports.registers.entries import DOCUMENTS
from dairy_app.exports.registers.profiles import driver_rows
from dairy_app.exports.rules import Span

# A regular seller has one soon.
_HAS_RETURN = f"""
SELECT EXISTS (SELECT FROM {DOCUMENTS} WHERE d.of_gst)
    OR s.gst_scheme <> 'composition' AND NOT EXISTS (SELECT FROM {DOCUMENTS} WHERE d.by_composition)
FROM settings s"""


def require_regular(session: Session, span: Span) -> None:
    """Raise ``under_composition`` for days on which nothing was issued but under composition."""
    if not driver_rows(session, _HAS_RETURN, span)[0][0]:
        detail = "A composition dealer files CMP-08 of each quarter and GSTR-4 of the year: export cmp08."
        raise Problem("under_composition", detail)
