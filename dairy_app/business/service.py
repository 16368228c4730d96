"""Changing the dairy's settings."""

from typing import Any

from sqlalchemy.orm import Session

from dairy_app.business.models import BusinessSettings
from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import invalid


def change_settings(session: Session, changes: dict[str, Any]) -> BusinessSettings:
    """Change what is in ``changes``, leave the rest. The CHECKs of the table judge the values together.

    A return can only be filed for days that are over.
    """
    filed = changes.get("returns_filed_through")
    if filed is not None and filed >= today(session):
        raise invalid("/returns_filed_through", "Must be a day that is over.")
    settings = business_settings(session)
    for name, value in changes.items():
        setattr(settings, name, value)
    session.flush()
    return settings
