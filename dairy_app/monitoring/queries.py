"""What a monitoring program asks the database."""

from sqlalchemy import column, func, select, table
from sqlalchemy.orm import Session


def schema_revision(session: Session) -> str | None:
    """The revision the database stands at; None before the first one ran."""
    if session.scalar(select(func.to_regclass("alembic_version"))) is None:
        return None
    return session.scalar(select(column("version_num")).select_from(table("alembic_version")))
