"""Changing the dairy's settings."""

from typing import Any

from sqlalchemy.orm import Session

from dairy_app.business.models import BusinessSettings
from dairy_app.business.queries import business_settings


def change_settings(session: Session, changes: dict[str, Any]) -> BusinessSettings:
    """Change what is in ``changes``, leave the rest. The CHECKs of the table judge the values together."""
    settings = business_settings(session)
    for name, value in changes.items():
        setattr(settings, name, value)
    session.flush()
    return settings
