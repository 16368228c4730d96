"""What day it is at the dairy, and by which rules it works."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dairy_app.business.models import BusinessSettings
from dairy_app.business.rules import check_open_books, check_usual
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem


def business_settings(session: Session) -> BusinessSettings:
    """The dairy's one row of settings; read once per transaction."""
    settings = session.get(BusinessSettings, True)
    if settings is None:
        raise LookupError("the settings row is missing; migration 0006 writes it")
    session.info[BusinessSettings] = settings  # who else would hold it: a session alone forgets what nobody uses
    return settings


def returns_filed_through(session: Session, day: date) -> date:
    """The last day whose GST return counts as filed on ``day``; without a setting the end of the month before last."""
    filed: date = session.scalars(select(func.returns_filed_through(day))).one()
    return filed


def require_open_books(session: Session, day: date, instead: str = "") -> None:
    """Raise ``period_closed`` when the books are closed through ``day``; ``instead`` says what to do then."""
    check_open_books(day, business_settings(session).books_closed_through, instead)


def is_archived(session: Session, day: date) -> bool:
    """Whether the orders of ``day`` are archived, all but those that are not settled."""
    first = business_settings(session).archived_before
    return first is not None and day < first


def require_at_work(session: Session, day: date) -> None:
    """Raise ``archived`` when orders of ``day`` are archived: who reads only the others would say that it had none."""
    if is_archived(session, day):
        first = business_settings(session).archived_before
        instead = "bills and exports have them, and they can be brought back."
        raise Problem("archived", f"Deliveries before {first} are archived: {instead}")


def require_usual(session: Session, unit: str, quantities: Mapping[str, Decimal]) -> None:
    """Raise ``quantity_unusual`` for a quantity above the dairy's bound; each is given with where a client sent it."""
    most = business_settings(session).max_order_quantity.get(unit)
    for pointer, quantity in quantities.items():
        check_usual(most, quantity, unit, pointer)


def lock_settings(session: Session) -> None:
    """Hold the settings: who changes them from what was read changes them in turn."""
    session.execute(select(BusinessSettings.id).with_for_update(key_share=True))


def today(session: Session) -> date:
    """The date at the dairy, in its own time zone."""
    known = session.info.get(BusinessSettings)
    if known is not None and known in session:
        zone = known.time_zone
    else:
        zone = session.scalars(select(BusinessSettings.time_zone)).one()
    return now().astimezone(ZoneInfo(zone)).date()
