"""How revisions run: a transaction each, one upgrade at a time, never long behind somebody else's lock.

Taken back they are one transaction together.

The URL is the one `dairy_app.database.migrations` hands over, else that of the settings.
A DDL statement that waits for a lock makes all later queries on that table wait behind it. So each wait is
short; the revision is then rolled back and tried again, and the chain goes on where it stands.
"""

import logging
import time
from collections.abc import Iterable
from typing import Any

from alembic import command, context
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import OperationalError

from dairy_app.database import migrations
from dairy_app.database.transactions import sqlstate
from dairy_app.settings import Settings

log = logging.getLogger(migrations.LOGGER)
config = context.config

#: Same key for every upgrade and downgrade of one database ("dairy" in ASCII).
ONE_AT_A_TIME = 0x6461697279
LOCK_NOT_AVAILABLE, DEADLOCK = "55P03", "40P01"


def wait_for_turn(connection: Connection) -> None:
    """Takes the lock that lets one process at a time change the schema; it lasts as long as the connection.

    It polls. A session that waits inside pg_advisory_lock() holds a snapshot, and CREATE INDEX CONCURRENTLY
    of the upgrade at work would wait for that snapshot: both for ever.
    """
    said = False
    while True:
        mine = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
        connection.commit()
        if mine:
            return
        if not said:
            log.info("another upgrade is at work on this database: waiting for it")
            said = True
        time.sleep(0.2)


def number_revision(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Gives a new revision the number after the last one."""
    if directives and directives[0].rev_id != migrations.next_number():
        directives[0].rev_id = migrations.next_number()


def ignore_own_table(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


def tables_of_models() -> MetaData | None:
    """What Alembic's own program compares with (`revision --autogenerate`, `check`); it reads a file of settings.

    Our commands read none and only run what is written: for them no models are loaded.
    """
    if config.config_file_name is None:
        return None
    import dairy_app.models  # noqa: F401 - fills Base.metadata
    from dairy_app.database import comments
    from dairy_app.database.models import Base

    return comments.attach(Base)


OPTIONS: dict[str, Any] = {
    "target_metadata": tables_of_models(),
    "transaction_per_migration": True,
    "compare_type": True,
    "include_object": ignore_own_table,
    "process_revision_directives": number_revision,
}


def takes_back() -> bool:
    """Whether this is a downgrade, ours or Alembic's own: all of it or nothing, refused half-way too."""
    asked = getattr(config.cmd_opts, "cmd", None)
    return config.attributes.get("one_transaction", False) or (asked is not None and asked[0] is command.downgrade)


def run_online(url: str, lock_timeout: str, pauses: Iterable[float]) -> None:
    with migrations.connect(url) as connection:
        if migrations.is_pooled(connection):  # the lock would stay there, and the next upgrade wait for ever
            raise migrations.MigrationFailed(migrations.pool_refusal("run revisions"))
        wait_for_turn(connection)
        connection.execute(text("SELECT set_config('lock_timeout', :wait, false)"), {"wait": lock_timeout})
        connection.commit()
        context.configure(connection=connection, **{**OPTIONS, "transaction_per_migration": not takes_back()})
        for pause in [*pauses, None]:
            try:
                with context.begin_transaction():
                    context.run_migrations()
                return
            except OperationalError as error:
                connection.rollback()
                if pause is None or sqlstate(error) not in (LOCK_NOT_AVAILABLE, DEADLOCK):
                    raise
                log.info("a table is in use: rolled back, trying again in %g s", pause)
                time.sleep(pause)


def run_offline() -> None:
    """Writes the SQL instead of running it, in the same transactions."""
    printed = {"dialect_name": "postgresql", "literal_binds": True, "dialect_opts": {"paramstyle": "named"}}
    context.configure(**{**OPTIONS, **printed, "transaction_per_migration": not takes_back()})
    with context.begin_transaction():
        context.execute(f"SET lock_timeout = '{migrations.LOCK_TIMEOUT}'")
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online(
        config.attributes.get("url") or Settings.from_environment().resolve_database_url(),
        config.attributes.get("lock_timeout", migrations.LOCK_TIMEOUT),
        config.attributes.get("pauses", migrations.PAUSES),
    )
