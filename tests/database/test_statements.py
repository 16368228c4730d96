"""Statements that the driver runs itself behave as those that SQLAlchemy runs."""

from contextlib import ExitStack
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from dairy_app.customers.models import Area
from dairy_app.database.statements import Statement
from dairy_app.database.transactions import Database, Limits, sqlstate
from tests.statements import count_statements

BY_NAME = Statement(select(Area.id, Area.name).where(Area.name == bindparam("name"), Area.name != "unknown"))


def test_it_answers_rows_with_attributes(database: Database) -> None:
    asked = Statement(text("SELECT CAST(:n AS numeric) AS amount, n AS place FROM generate_series(1, 2) n"))
    with database.transaction(read_only=True) as session:
        first, second = asked.execute(session, {"n": Decimal("1.50")})
    assert (first.amount, first.place, second.place) == (Decimal("1.50"), 1, 2)


def test_what_the_session_has_to_write_is_written_first(database: Database) -> None:
    with database.transaction() as session:
        session.add(Area(name="North"))
        found = BY_NAME.execute(session, {"name": "North"})
        assert [each.name for each in found] == ["North"]
        assert isinstance(found[0].id, UUID)


def test_a_missing_parameter_is_not_null(database: Database) -> None:
    with database.transaction(read_only=True) as session, pytest.raises(AssertionError, match="name"):
        BY_NAME.execute(session, {})


def test_it_is_heard_of(database: Database) -> None:
    with database.transaction(read_only=True) as session, count_statements(database) as sent:
        BY_NAME.execute(session, {"name": "North"})
    assert len(sent) == 1
    assert "areas" in sent[0][0]


def test_what_fails_is_raised_as_sqlalchemy_raises_it(database: Database) -> None:
    failing = Statement(text("INSERT INTO areas (name) VALUES (:name), (:name)"))
    with pytest.raises(IntegrityError) as caught, database.transaction() as session:
        failing.execute(session, {"name": "North"})
    assert sqlstate(caught.value) == "23505"
    assert "North" not in str(caught.value.statement)
    with database.transaction(read_only=True) as session:
        assert BY_NAME.execute(session, {"name": "North"}) == []


def test_connections_that_were_lost_are_replaced(database: Database) -> None:
    """All of them at the first: each would cost one of the three attempts that a request has."""
    victim = Database(database.url, application_name="victim")
    try:
        with ExitStack() as held:
            for _ in range(4):
                session = held.enter_context(victim.transaction(read_only=True))
                session.execute(text("SELECT 1"))
        with database.transaction() as session:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'"
            assert session.scalars(text(ended)).all() == [True] * 4
        assert victim.run(lambda session: BY_NAME.execute(session, {"name": "North"}), read_only=True) == []
    finally:
        victim.dispose()


def test_it_is_not_waited_for_longer_than_for_others(database: Database) -> None:
    impatient = Database(database.url, limits=Limits(statement=0.2, lock=0, idle=0))
    try:
        with pytest.raises(OperationalError) as caught, impatient.transaction(read_only=True) as session:
            Statement(text("SELECT pg_sleep(:seconds)")).execute(session, {"seconds": 5})
        assert isinstance(caught.value, DBAPIError)
        assert sqlstate(caught.value) == "57014"
    finally:
        impatient.dispose()
