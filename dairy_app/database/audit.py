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

from sqlalchemy import ColumnElement, Text, bindparam, cast, func, select
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


def told(
    who: Attribution | None = None, **found: ColumnElement[Any] | InstrumentedAttribute[Any]
) -> ColumnElement[str]:
    """A column for the select list of a statement that is sent anyway: it says who acts until the commit.

    Without ``who`` the statement can be made once, and is run with ``facts(who)``. ``found``: what it reads itself,
    for example ``actor_role=User.role``.
    """
    settings = []
    known = facts(who or Attribution())
    for each in fields(Attribution):
        name = f"dairy.{each.name}"
        parameter = f"told_{each.name}"
        said = bindparam(parameter, known[parameter], type_=Text)
        value = cast(found[each.name], Text) if each.name in found else said
        kept = func.coalesce(value, func.current_setting(name, True), "")  # what was said before and is not said now
        settings.append(func.set_config(name, kept, True))
    return func.concat(*settings).label("told")


def facts(who: Attribution) -> dict[str, str | None]:
    """The parameters of ``told``."""
    values = {each.name: getattr(who, each.name) for each in fields(who)}
    return {f"told_{name}": None if value is None else str(value) for name, value in values.items()}


_TELL = select(told())


def tell(session: Session, who: Attribution) -> None:
    """The same as a statement of its own, for what no other statement carries."""
    session.execute(_TELL, facts(who))


@contextmanager
def acting(who: Attribution) -> Iterator[None]:
    """Every transaction that is begun in this context and may write tells the database so."""
    before = _occasion.set(who)
    try:
        yield
    finally:
        _occasion.reset(before)


def tell_occasion(session: Session) -> None:
    """What ``acting`` announced, if anything; called by ``database.transactions`` at the begin."""
    who = _occasion.get()
    if who is not None:
        tell(session, who)
