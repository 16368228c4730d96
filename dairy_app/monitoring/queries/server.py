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


def server_facts(session: Session) -> Row[Any]:
    """Version, time zone, encoding, size, unsafe settings, lacking extensions, connections for roles such as ours, and
    the role with what it may."""
    return session.execute(_SERVER).one()


def server_clock(session: Session) -> datetime:
    """The server's clock at this instant."""
    clock: datetime = session.scalars(text("SELECT clock_timestamp()")).one()
    return clock


def knows_time_zone(session: Session, zone: str) -> bool:
    """Whether the server knows a time zone of this name."""
    known = text("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = :zone)")
    return bool(session.scalar(known, {"zone": zone}))
