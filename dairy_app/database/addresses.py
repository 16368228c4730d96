"""Addresses of PostgreSQL servers, as SQLAlchemy, libpq and people write them."""

import re
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

#: Of a URL: everything before the hosts, the hosts if there are several, everything after.
_SEVERAL_HOSTS = re.compile(
    r"(?P<before>[a-z0-9+]+://(?:[^@/?#]*@)?)(?P<hosts>[^@/?#]*,[^@/?#]*)(?P<after>(?:[/?#].*)?)"
)
_HOST = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]*))?")
DEFAULT_PORT = "5432"

#: A server that is not there, or no longer, is noticed in seconds. Not over Unix sockets, where it cannot happen.
_NOTICE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def normalise_url(url: str) -> URL:
    """The SQLAlchemy URL of a PostgreSQL server, through psycopg2.

    ``postgres://`` and ``postgresql://`` are taken; SQLAlchemy itself would read the bare form as psycopg 3.
    Several hosts, as libpq takes them (``postgresql://u@h1:5432,h2:5432/db?target_session_attrs=read-write``), become
    the query parameters that both read. Raises ValueError with one clear line for anything that is not PostgreSQL.
    """
    try:
        parsed = make_url(_with_hosts_apart(url))
        hosts = parsed.query.get("host")
        if isinstance(hosts, tuple):  # SQLAlchemy's own form, which libpq does not know
            parsed = parsed.update_query_dict(_apart(",".join(hosts)))
    except (ArgumentError, ValueError):  # the latter: a port that is no number
        raise ValueError("DATABASE_URL is not a URL; expected postgresql://user@host/database") from None
    if parsed.drivername.split("+")[0] not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL names {parsed.drivername!r}, but dairy_app runs on PostgreSQL 15 or newer only")
    return parsed.set(drivername="postgresql+psycopg2")


def _with_hosts_apart(url: str) -> str:
    found = _SEVERAL_HOSTS.fullmatch(url)
    if found is None:
        return url
    rest, _, query = found["after"].partition("?")
    hosts = "&".join(f"{name}={quote(value)}" for name, value in _apart(unquote(found["hosts"])).items())
    return f"{found['before']}{rest or '/'}?{hosts}" + (f"&{query}" if query else "")


def _apart(hosts: str) -> dict[str, str]:
    """``h1:p1,h2`` → hosts and ports, each with commas; ValueError when it is not that."""
    found = [_HOST.fullmatch(each) for each in hosts.split(",")]
    if not all(found):
        raise ValueError(hosts)
    names, ports = zip(
        *((each["host"].strip("[]"), each["port"] or DEFAULT_PORT) for each in found if each), strict=True
    )
    return {"host": ",".join(names), "port": ",".join(ports)}


def connect_options(url: URL, application_name: str, **options: Any) -> dict[str, Any]:
    """What each connection is made with; what the URL says itself is left alone."""
    wanted = _NOTICE | {"application_name": application_name} | options
    return {name: value for name, value in wanted.items() if name not in url.query}
