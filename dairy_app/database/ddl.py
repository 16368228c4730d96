"""Functions and triggers beside the tables: how they get into a database, and the ones every table uses.

Each package's ``ddl.py`` holds its functions and triggers as SQL. The migrations carry frozen copies;
``dairy db check`` builds one database each way and compares them word by word.
"""

from typing import Any

from sqlalchemy import Connection, event

from dairy_app.common.functions import pinned
from dairy_app.database.constraints import TRIGGER_CODES
from dairy_app.database.models import Base

#: RFC 9562 version 7: 48 bits of milliseconds, then random bits. PostgreSQL has its own only from 18 on.
UUID7 = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE FUNCTION uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
    set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;
"""


#: Every piece of SQL that was registered; ``web.refusals`` reads it.
TEXTS: list[str] = []


def before_tables(sql: str) -> None:
    """Run ``sql`` before ``Base.metadata.create_all`` makes the tables."""
    _attach("before_create", sql)


def after_tables(sql: str, codes: dict[str, str] | None = None) -> None:
    """Run ``sql`` after the tables are made. ``codes``: the names its triggers raise with → error code."""
    TRIGGER_CODES.update(codes or {})
    _attach("after_create", sql)


def _attach(moment: str, sql: str) -> None:
    TEXTS.append(sql)

    @event.listens_for(Base.metadata, moment)
    def run(_target: Any, connection: Connection, **_: Any) -> None:
        connection.exec_driver_sql(pinned(sql).replace("%", "%%"))  # the driver reads % as a parameter


before_tables(UUID7)
