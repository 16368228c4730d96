"""Who changes something: told to the database, whose triggers write it into the audit log.

The triggers see every change, plain SQL too, but know only the database's own user. So a transaction that may
write says first who acts, by settings that end with it; the columns of ``audit_log`` take them as defaults.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who acts, and on which occasion. ``request_id`` of a command is its name (``dairy bill``)."""

    actor_user_id: UUID | None = None
    actor_role: str | None = None
    shared_link_id: UUID | None = None
    request_id: str | None = None
    ip: str | None = None


_occasion: ContextVar[Attribution | None] = ContextVar("occasion", default=None)


def told(who: Attribution, **found: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[str]:
    """A column for the select list of a statement that is sent anyway: it says who acts until the commit.

    ``found``: what that statement reads itself, for example ``actor_role=User.role``.
    """
    facts = {each.name: getattr(who, each.name) for each in fields(who)}
    values: dict[str, ColumnElement[str]] = {
        name: literal(str(value), Text) for name, value in facts.items() if value is not None
    }
    values |= {name: cast(column, Text) for name, column in found.items()}
    settings = [func.set_config(f"dairy.{name}", value, True) for name, value in values.items()]
    return func.concat(*settings).label("told")


def tell(session: Session, who: Attribution) -> None:
    """The same as a statement of its own, for what no other statement carries."""
    session.execute(select(told(who)))


@contextmanager
def acting(who: Attribution) -> Iterator[None]:
    """Every transaction that is begun in this context and may write tells the database so."""
    before = _occasion.set(who)
    try:
        yield
    finally:
        _occasion.reset(before)


def tell_occasion(session: Session) -> None:
    """What ``acting`` announced, if anything; called by ``common.transactions`` at the begin."""
    who = _occasion.get()
    if who is not None:
        tell(session, who)
