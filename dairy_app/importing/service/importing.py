"""A file of one kind: read, judged, and written whole or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.importing import queries
from dairy_app.importing.rules.columns import WITH_PRODUCTS, products_by_name
from dairy_app.importing.rules.files import Fault, File, in_order, read_file
from dairy_app.importing.service import customers, opening_balances, payments, standing_orders
from dairy_app.importing.service.taking import Asked, Taken
from dairy_app.web.access import Actor
from dairy_app.web.uploads import refuse_file

_TAKE: Mapping[str, Callable[[Session, File, Asked], Taken]] = {
    "customers": customers.take,
    "standing-orders": standing_orders.take,
    "opening-balances": opening_balances.take,
    "payments": payments.take,
}
#: More faults are counted and not told one by one: it is the wrong file.
MOST_TOLD = 10_000


@dataclass(frozen=True, slots=True)
class Import:
    """A file as text, and what to do with it: only look (``dry_run``), leave out what exists (``on_existing`` skip).

    ``confirm``: unusual quantities are meant.
    """

    csv: str
    dry_run: bool
    on_existing: str
    confirm: bool


def import_file(
    session: Session, actor: Actor, kind: str, wanted: Import, *, tells_faults: bool = True
) -> dict[str, Any]:
    """What a file came to, or would come to: counts, what each column was read as, each row's id and code.

    A dry run tells the faults, if it ``tells_faults``; else any of them is ``validation_failed``, with all of them as
    ``faults``, and nothing is written. A constant number of statements, however many rows.
    """
    products = products_by_name(queries.products(session)) if kind in WITH_PRODUCTS else {}
    file = read_file(kind, wanted.csv, products)
    asked = Asked(actor, wanted.dry_run, wanted.on_existing == "skip", wanted.confirm, products)
    taken = _TAKE[kind](session, file, asked)
    faults = in_order(file.faults, [each.read_as for each in file.columns])
    told = {
        "columns": [{"header": each.header, "read_as": each.read_as} for each in file.columns],
        "faults": [asdict(each) for each in faults[:MOST_TOLD]],
        "fault_count": len(faults),
    }
    if faults and not (wanted.dry_run and tells_faults):
        raise _refusal(faults, told)
    return {"dry_run": wanted.dry_run, **told, **asdict(taken)}


def _refusal(faults: Sequence[Fault], told: dict[str, Any]) -> Problem:
    problem = refuse_file([each.as_error() for each in faults])
    problem.facts |= told
    return problem
