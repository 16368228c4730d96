"""Is this machine fit to serve this database: what is looked at before a deployment, and the same after it."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings
from dairy_app.common.clock import now
from dairy_app.database import migrations
from dairy_app.database.embedded_postgres import EmbeddedPostgresError
from dairy_app.database.replicas import Mark, Replica
from dairy_app.database.transactions import Database
from dairy_app.monitoring.queries import consistency
from dairy_app.monitoring.queries.health import schema_revision
from dairy_app.monitoring.queries.server import archiving, knows_time_zone, server_clock, server_facts
from dairy_app.monitoring.service import files
from dairy_app.photos.store import files_of
from dairy_app.settings import Settings, SettingsError

OK, WARNING, FAILED = "ok", "warning", "failed"
OLDEST_SERVER = 150000
#: A nightly backup that is older than this was missed.
BACKUP_HOURS = 26
#: Confirmations are dated by the machine, logins end by it: seconds are fine, minutes are not.
CLOCK_WARNING, CLOCK_FAILED = 2.0, 60.0
LOW_DISK_BYTES = 1_000_000_000
#: A segment of WAL that is complete is archived at once: so many minutes later nobody is at it.
ARCHIVING_MINUTES = 10
#: So many segments, of 16 MB unless the server was made otherwise, are more than a billing run leaves for a while.
MANY_SEGMENTS = 64
#: Connections beside those of hosts that serve: two senders, and a backup with the commands of a night.
OTHER_CONNECTIONS = 5


@dataclass(frozen=True, slots=True)
class Hosts:
    """How many hosts serve, each with so many processes of so many threads."""

    count: int
    workers: int
    threads: int


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; ``detail`` says what was found and, when it is not ok, what to do."""

    name: str
    state: str
    detail: str


def run(
    settings: Settings,
    backups: Path | None = None,
    structure: Callable[[str], list[str]] | None = None,
    hosts: Hosts | None = None,
) -> Iterator[Check]:
    """Everything in turn; what needs a database ends with the first refusal to connect.

    ``backups``: the folder whose newest file is the last backup. ``structure``: compares the database at a URL with
    its revision (it needs a role that may create databases). ``hosts``: whose connections must all fit into the server.
    """
    yield from _settings(settings)
    try:
        database = settings.open_database("dairy preflight")
        try:
            yield from _database(database, settings, backups, structure, hosts)
            yield from _replicas(database, settings)
        finally:
            database.dispose()  # a server, which may ask often, keeps no connection of this
    except (DBAPIError, EmbeddedPostgresError) as error:
        reason = str(getattr(error, "orig", error)).strip().split("\n")[0]
        yield Check("connection", FAILED, f"{reason}: check DATABASE_URL")
    yield _backup(backups)


def _database(
    database: Database,
    settings: Settings,
    backups: Path | None,
    structure: Callable[[str], list[str]] | None,
    hosts: Hosts | None,
) -> Iterator[Check]:
    started = time.monotonic()
    with database.transaction(read_only=True, snapshot=True) as session:
        yield Check("connection", OK, f"{1000 * (time.monotonic() - started):.0f} ms to the first answer")
        server = server_facts(session)
        yield from _server(server)
        yield from _archiving(session, is_embedded=settings.database_url is None)
        if hosts is not None:
            yield _connections(settings, hosts, server.connections, migrations.is_pooled(session.connection()))
        yield _clock(session)
        revision = _revision(session)
        yield revision
        if revision.state == OK:
            zone = _time_zone(session)
            yield zone
            if zone.state == OK:
                yield _consistency(session, settings)
    if structure is not None:
        different = structure(database.url.render_as_string(hide_password=False))
        said = "as its revision made it" if not different else f"{len(different)} differences: `dairy db check`"
        yield Check("structure", FAILED if different else OK, said)
    yield _disk(settings, backups, server.bytes)
    yield _files(settings)


def _replicas(database: Database, settings: Settings) -> Iterator[Check]:
    """Whether each replica is one of this database, and near enough to be read. Without one everything goes on."""
    replicas = settings.open_replicas(database)
    if replicas is None:
        return
    try:
        mark = replicas.mark()
        for each in replicas.replicas:
            yield _replica(each, mark, settings.read_lag)
    finally:
        replicas.dispose()


def _replica(replica: Replica, mark: Mark, most: int) -> Check:
    name = f"replica {replica.name}"
    try:
        standing = replica.standing()
    except DBAPIError as error:
        reason = str(error.orig).strip().split("\n")[0]
        return Check(name, WARNING, f"{reason}: the primary is read in its place")
    if not standing.follows(mark):
        said = "it is no replica of DATABASE_URL, or was before one of them was promoted: correct DATABASE_READ_URL"
        return Check(name, FAILED, said)
    seconds = standing.seconds_behind(mark)
    if seconds > most:
        said = f"{standing.bytes_behind(mark):,} bytes behind, more than {most} s: the primary is read in its place"
        return Check(name, WARNING, said)
    return Check(name, OK, f"{seconds:.1f} s and {standing.bytes_behind(mark):,} bytes behind")


def _settings(settings: Settings) -> Iterator[Check]:
    try:
        settings.require_secret_key()
        yield Check("secret key", OK, "long enough")
    except SettingsError as error:
        yield Check("secret key", FAILED, str(error))
    if not settings.public_url:
        yield Check("public URL", WARNING, "links will begin with the address that is served: set DAIRY_PUBLIC_URL")
    else:
        secure = settings.public_url.startswith("https://")
        yield Check("public URL", OK if secure else WARNING, settings.public_url + ("" if secure else ": not https"))
    yield _proxies(settings)
    yield from _others(settings)
    where = "DATABASE_URL" if settings.database_url else "the embedded server: for a business set DATABASE_URL"
    yield Check("database", OK if settings.database_url else WARNING, where)


def _others(settings: Settings) -> Iterator[Check]:
    """Services of others that were begun to be set up: one half alone sends what is never heard of again."""
    whole = (
        (
            "Razorpay",
            "customers could pay, and nobody would hear of it",
            {
                "DAIRY_RAZORPAY_KEY_ID": settings.razorpay_key_id,
                "DAIRY_RAZORPAY_KEY_SECRET": settings.razorpay_key_secret,
                "DAIRY_RAZORPAY_WEBHOOK_SECRET": settings.razorpay_webhook_secret,
            },
        ),
        (
            "WhatsApp",
            "messages could leave, and nobody would hear whether they arrived",
            {
                "DAIRY_WHATSAPP_TOKEN": settings.whatsapp_token,
                "DAIRY_WHATSAPP_PHONE_ID": settings.whatsapp_phone_id,
                "DAIRY_WHATSAPP_APP_SECRET": settings.whatsapp_app_secret,
                "DAIRY_WHATSAPP_VERIFY_TOKEN": settings.whatsapp_verify_token,
            },
        ),
    )
    for name, otherwise, asked in whole:
        missing = [each for each, value in asked.items() if not value]
        if not missing:
            yield Check(name, OK, "set up")
        elif len(missing) < len(asked):
            yield Check(name, WARNING, f"{otherwise}: set {', '.join(missing)}")


def _proxies(settings: Settings) -> Check:
    """Who speaks TLS for us is a proxy; unless it is counted, all clients have its address, and one throttle."""
    if settings.trusted_proxies:
        said = f"{settings.trusted_proxies} in front are believed: let nobody else reach the port"
        return Check("proxies", OK, said)
    if settings.public_url.startswith("https://"):
        said = "none are believed, but https needs one: set DAIRY_TRUSTED_PROXIES, else all clients share its address"
        return Check("proxies", WARNING, said)
    return Check("proxies", OK, "none: what X-Forwarded-For says is thrown away")


def _server(server: Any) -> Iterator[Check]:
    fits = server.number >= OLDEST_SERVER and server.encoding == "UTF8"
    said = f"PostgreSQL {server.version}, {server.encoding}, time zone {server.zone}"
    yield Check("server", OK if fits else FAILED, said + ("" if fits else ": needs 15 or newer with UTF8"))
    lacking = ", ".join(server.lacking)
    yield Check("extensions", FAILED if lacking else OK, f"{lacking} missing" if lacking else "btree_gist, pg_trgm")
    off = ", ".join(server.unsafe)
    yield Check("durability", FAILED if off else OK, f"off: {off}" if off else "a commit survives a power cut")
    if server.may:
        said = f"{server.role} may {', '.join(server.may)}: serve with the role of `dairy db roles`, run anew"
        yield Check("rights", WARNING, said)
    else:
        yield Check("rights", OK, f"{server.role} reads and writes rows, and nothing else")


def _archiving(session: Session, *, is_embedded: bool) -> Iterator[Check]:
    """Whether the WAL reaches its archive. Of the embedded server, which has none, nothing is said: it has backups."""
    found = archiving(session)
    if found is None:
        if not is_embedded:
            yield Check("archiving", OK, "off: what came after the last backup is lost with the server's disk")
        return
    at = found.last_archived_time
    minutes = (now() - at).total_seconds() / 60 if at else None
    last = "nothing was archived yet" if minutes is None else f"the last segment {max(0.0, minutes):.0f} minutes ago"
    waits = f", {found.waiting} wait" if found.waiting else ""
    filling = "WAL fills the server's disk, and a restore reaches only as far as the archive"
    if not found.is_set_up:
        yield Check("archiving", FAILED, f"archive_mode is on, but archive_command is empty: {filling}")
    elif found.fails:
        said = f"{found.last_failed_wal} cannot be archived, {last}{waits}: {filling}; the server's log has the reason"
        yield Check("archiving", FAILED, said)
    elif found.waiting and minutes is not None and minutes > ARCHIVING_MINUTES:
        yield Check("archiving", FAILED, f"{last}{waits}: archive_command hangs; {filling}")
    else:
        behind = found.waiting is not None and found.waiting >= MANY_SEGMENTS
        told = f"{last}{waits}" + (": the archive is too slow for what is written" if behind else "")
        yield Check("archiving", WARNING if behind else OK, told)


def _connections(settings: Settings, hosts: Hosts, there: int, is_pooled: bool) -> Check:
    needed = hosts.count * settings.most_connections(hosts.workers, hosts.threads) + OTHER_CONNECTIONS
    each = settings.most_connections(1, hosts.threads)
    said = f"{hosts.count} x {hosts.workers} processes x {each} and {OTHER_CONNECTIONS} for commands: {needed}"
    if is_pooled:
        return Check("connections", OK, f"{said}, to a pool: its max_client_conn must be more")
    if needed <= there:
        return Check("connections", OK, f"{said} of {there}")
    less = "raise max_connections, set DAIRY_POOL_SIZE, or use a pool"
    return Check("connections", WARNING, f"{said}, but the server has {there}: {less}")


def _clock(session: Session) -> Check:
    before = now()
    apart = abs((server_clock(session) - (before + (now() - before) / 2)).total_seconds())
    state = FAILED if apart > CLOCK_FAILED else WARNING if apart > CLOCK_WARNING else OK
    return Check("clock", state, f"{apart:.1f} s between machine and server" + ("" if state == OK else ": set up NTP"))


def _revision(session: Session) -> Check:
    try:
        at = schema_revision(session)
    except migrations.MissingRights as error:
        return Check("revision", FAILED, str(error))
    wrong = migrations.misfit(at)
    return Check("revision", FAILED, wrong) if wrong else Check("revision", OK, f"{at}")


def _time_zone(session: Session) -> Check:
    zone = business_settings(session).time_zone
    known = knows_time_zone(session, zone)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        known = False
    return Check("time zone", OK if known else FAILED, zone if known else f"{zone} is not known on both sides")


def _consistency(session: Session, settings: Settings) -> Check:
    found = [each for each in (*consistency.find(session), *files.find(session, settings)) if each.count]
    said = ", ".join(f"{each.name} {each.count} ({each.severity})" for each in found) or "nothing contradicts itself"
    state = FAILED if consistency.is_critical(found) else OK
    if state == OK and any(each.severity == "high" for each in found):
        state = WARNING
    return Check("data", state, said + (": see `dairy check-data`" if found else ""))


def _disk(settings: Settings, backups: Path | None, database_bytes: int) -> Check:
    place = backups or settings.data_dir
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    said = f"{free / 1e9:.1f} GB free at {place}; the database has {database_bytes / 1e9:.2f} GB"
    if free < LOW_DISK_BYTES or free < database_bytes:
        return Check("disk", FAILED, f"{said}: no room for a backup")
    return Check("disk", OK if free > 3 * database_bytes else WARNING, said)


def _files(settings: Settings) -> Check:
    """Where photos are stored: without it they are refused, and those that are there are not seen."""
    fault = files_of(settings).fault()
    if fault is not None:
        return Check("files", FAILED, f"{fault}: photos of deliveries are refused")
    if not settings.files.exists():
        told = "the folder of photos is made with the first one"
        if settings.files_dir is not None:
            return Check("files", WARNING, f"{told}, but {settings.files} was set: is its disk mounted?")
        return Check("files", OK, told)
    return Check("files", OK, f"{settings.files} can be written to; no backup of the database has it")


def _backup(folder: Path | None) -> Check:
    if folder is None:
        return Check("backup", WARNING, "not looked at: name the folder with --backups or DAIRY_BACKUP_DIR")
    files = [each for each in folder.glob("*.dump") if each.is_file()] if folder.is_dir() else []
    if not files:
        return Check("backup", FAILED, f"no *.dump in {folder}: run `dairy db backup {folder}/dairy-$(date +%F).dump`")
    newest = max(files, key=lambda each: each.stat().st_mtime)
    age = timedelta(seconds=max(0.0, now().timestamp() - newest.stat().st_mtime))
    hours = age.total_seconds() / 3600
    said = f"{newest.name}, {newest.stat().st_size / 1e6:,.1f} MB, {hours:.1f} hours old"
    return Check("backup", OK if hours <= BACKUP_HOURS else FAILED, said)
