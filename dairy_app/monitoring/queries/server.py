"""What the database server says of itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_SERVER = text("""
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
    current_setting('TimeZone') AS zone, pg_encoding_to_char(encoding) AS encoding,
    pg_database_size(current_database()) AS bytes,
    ARRAY(SELECT name FROM pg_settings
        WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off') AS unsafe,
    ARRAY(SELECT unnest(ARRAY['btree_gist', 'pg_trgm']) EXCEPT SELECT extname FROM pg_extension ORDER BY 1) AS lacking,
    current_user AS role,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) AS connections,
    array_remove(ARRAY[
        CASE WHEN has_schema_privilege('public', 'CREATE') OR has_database_privilege(current_database(), 'CREATE')
            THEN 'change the schema' END,
        CASE WHEN has_database_privilege(current_database(), 'TEMPORARY') THEN 'make temporary tables' END,
        (SELECT 'write the audit log' FROM pg_class c WHERE c.relname = 'audit_log'
            AND c.relnamespace = 'public'::regnamespace
            AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))], NULL) AS may
FROM pg_database WHERE datname = current_database()""")

# By the numbers of segments, because only pg_monitor may look into the folder of those that wait. The last one archived
# may also be the note of a base backup, whose name begins like a segment's, or a history, whose name does not.
_ARCHIVING = text("""
SELECT coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) AS fails,
    a.last_failed_wal, a.last_archived_time,
    EXISTS (SELECT FROM pg_settings WHERE name IN ('archive_command', 'archive_library') AND setting <> '')
        AS is_set_up,
    CASE WHEN a.last_archived_wal ~ '^[0-9A-F]{24}' AND NOT pg_is_in_recovery() THEN
        greatest(0, trunc(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') / s.bytes)::bigint - 1
            - ('x' || substr(a.last_archived_wal, 9, 8))::bit(32)::bigint * (4294967296 / s.bytes)
            - ('x' || substr(a.last_archived_wal, 17, 8))::bit(32)::bigint) END AS waiting
FROM pg_stat_archiver a, (SELECT pg_size_bytes(current_setting('wal_segment_size')) AS bytes) s
WHERE current_setting('archive_mode') <> 'off'""")


def server_facts(session: Session) -> Row[Any]:
    """Version, time zone, encoding, size, unsafe settings, lacking extensions, connections for roles such as ours, and
    the role with what it may."""
    return session.execute(_SERVER).one()


def archiving(session: Session) -> Row[Any] | None:
    """How the server fares in archiving its WAL; None: it does not archive.

    ``fails``: the last try failed, of the segment ``last_failed_wal``. ``waiting``: complete segments that are not
    archived; null where nothing was archived yet, and on a standby. ``is_set_up``: it is told how to archive.
    """
    return session.execute(_ARCHIVING).one_or_none()


def server_clock(session: Session) -> datetime:
    """The server's clock at this instant."""
    clock: datetime = session.scalars(text("SELECT clock_timestamp()")).one()
    return clock


def knows_time_zone(session: Session, zone: str) -> bool:
    """Whether the server knows a time zone of this name."""
    known = text("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = :zone)")
    return bool(session.scalar(known, {"zone": zone}))
