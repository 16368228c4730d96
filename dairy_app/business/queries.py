"""What day it is at the dairy, and by which rules it works."""

from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dairy_app.business.models import BusinessSettings
from dairy_app.common.clock import now


def business_settings(session: Session) -> BusinessSettings:
    """The dairy's one row of settings; read once per transaction."""
    settings = session.get(BusinessSettings, True)
    if settings is None:
        raise LookupError("the settings row is missing; migration 0006 writes it")
    return settings


def returns_filed_through(session: Session, day: date) -> date:
    """The last day whose GST return counts as filed on ``day``; without a setting the end of the month before last."""
    filed: date = session.scalars(select(func.returns_filed_through(day))).one()
    return filed


def lock_settings(session: Session) -> None:
    """Hold the settings: who changes them from what was read changes them in turn."""
    session.execute(select(BusinessSettings.id).with_for_update(key_share=True))


def today(session: Session) -> date:
    """The date at the dairy, in its own time zone."""
    zone = session.scalars(select(BusinessSettings.time_zone)).one()
    return now().astimezone(ZoneInfo(zone)).date()
