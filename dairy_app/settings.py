"""Settings of the process, read once from the environment. The dairy's own settings live in the database."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dairy_app.database import embedded_postgres
from dairy_app.database.addresses import normalise_url
from dairy_app.database.replicas import Replica, Replicas
from dairy_app.database.transactions import IMPORT, PROBE_CONNECTIONS, RUN, WEB, Database, Limits

MIN_SECRET_BYTES = 32
MIN_METRICS_TOKEN = 16
MAX_POOL_SIZE = 1000
#: Seconds by which a replica that is read may lag, unless something else is set; at most.
READ_LAG, MAX_READ_LAG = 5, 3600
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
#: Where `dairy serve` serves unless it is told otherwise.
LOCAL_HOST, LOCAL_PORT = "127.0.0.1", 8000
LOCAL_URL = f"http://{LOCAL_HOST}:{LOCAL_PORT}"
#: Where Razorpay's API is.
RAZORPAY_URL = "https://api.razorpay.com"
#: The version of WhatsApp's Cloud API that requests are written for.
WHATSAPP_URL = "https://graph.facebook.com/v24.0"
#: Between two addresses of servers; a comma within one separates its hosts.
_BETWEEN_URLS = re.compile(r"[,\s]+(?=[A-Za-z0-9+]+://)")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?|https?://\[[0-9A-Fa-f:]+\](:[0-9]+)?")
LIMITS = {"DAIRY_LIMITS_WEB": WEB, "DAIRY_LIMITS_RUN": RUN, "DAIRY_LIMITS_IMPORT": IMPORT}


class SettingsError(RuntimeError):
    """A setting is missing or wrong; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs. ``database_url`` None: the embedded server under ``data_dir``."""

    data_dir: Path
    database_url: str | None = None
    #: Replicas of that database, for reads that may be so many seconds old.
    read_urls: tuple[str, ...] = field(default=(), repr=False)
    read_lag: int = READ_LAG
    secret_key: str = field(default="", repr=False)
    log_level: str = "info"
    log_format: str = "text"
    #: How many proxies in front of us set X-Forwarded-For; 0: none, the header is ignored.
    trusted_proxies: int = 0
    #: Where people reach the pages, as the dairy says it; empty: at the address that is served.
    public_url: str = ""
    #: What `dairy serve` listens on; where another server serves, nobody tells.
    served_at: str = LOCAL_URL
    #: argon2 cost: ``standard``, or ``cheapest`` where thousands of logins are made up (tests, demo).
    password_cost: str = "standard"
    #: Whose pages may call the API from a browser, ``https://shop.example``; none: only pages from here.
    cors_origins: tuple[str, ...] = ()
    #: What Prometheus shows to read ``/metrics``; empty: nobody reads it.
    metrics_token: str = field(default="", repr=False)
    #: Whether events are told to addresses within this machine and its network, too, and without TLS.
    webhooks_local: bool = False
    #: Where nightly backups are put; None: nobody has said so.
    backup_dir: Path | None = None
    #: Where e-mail is handed over, with its password; empty: nowhere.
    smtp_url: str = field(default="", repr=False)
    #: What takes SMS, with its key, and a program of the dairy's own that takes messages; empty: nothing does.
    sms_url: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    #: The account at Razorpay by which customers pay online; without both no link is made.
    razorpay_key_id: str = ""
    razorpay_key_secret: str = field(default="", repr=False)
    razorpay_url: str = RAZORPAY_URL
    #: What Razorpay signs its events with, and signed them with before; without one none is taken.
    razorpay_webhook_secret: str = field(default="", repr=False)
    razorpay_webhook_secret_former: str = field(default="", repr=False)
    #: WhatsApp's Cloud API: where it is, what opens it, and as which telephone; empty: nothing is sent there.
    whatsapp_url: str = WHATSAPP_URL
    whatsapp_token: str = field(default="", repr=False)
    whatsapp_phone_id: str = ""
    #: What WhatsApp signs its receipts with, and what it says when it asks for the first time; empty: none are taken.
    whatsapp_app_secret: str = field(default="", repr=False)
    whatsapp_verify_token: str = field(default="", repr=False)
    #: Where photos of deliveries lie; None: in the data folder. Servers of one database share it.
    files_dir: Path | None = None
    #: Connections to the database of one process; None: one for each thread that serves.
    pool_size: int | None = None
    web_limits: Limits = WEB
    run_limits: Limits = RUN
    import_limits: Limits = IMPORT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check ``DATABASE_URL`` and the ``DAIRY_…`` variables. Raises SettingsError."""
        level = environment.get("DAIRY_LOG_LEVEL", "info").lower()
        form = environment.get("DAIRY_LOG_FORMAT", "text").lower()
        proxies = environment.get("DAIRY_TRUSTED_PROXIES", "0")
        if level not in LOG_LEVELS:
            raise SettingsError(f"DAIRY_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {level!r}")
        if form not in LOG_FORMATS:
            raise SettingsError(f"DAIRY_LOG_FORMAT must be text or json, not {form!r}")
        if not proxies.isdecimal():
            raise SettingsError("DAIRY_TRUSTED_PROXIES must be the number of proxies in front, for example 1")
        token = environment.get("DAIRY_METRICS_TOKEN", "")
        if 0 < len(token) < MIN_METRICS_TOKEN:
            raise SettingsError(f"DAIRY_METRICS_TOKEN needs at least {MIN_METRICS_TOKEN} characters, or leave it out")
        origins = tuple(each.strip() for each in environment.get("DAIRY_CORS_ORIGINS", "").split(",") if each.strip())
        if not all(_ORIGIN.fullmatch(each) for each in origins):
            raise SettingsError("DAIRY_CORS_ORIGINS must be addresses without a path, for example https://shop.example")
        local = environment.get("DAIRY_WEBHOOKS_LOCAL", "0")
        if local not in {"0", "1"}:
            raise SettingsError(f"DAIRY_WEBHOOKS_LOCAL must be 0 or 1, not {local!r}")
        pool_size = environment.get("DAIRY_POOL_SIZE") or None
        if pool_size is not None and not (pool_size.isdecimal() and 0 < int(pool_size) <= MAX_POOL_SIZE):
            raise SettingsError(f"DAIRY_POOL_SIZE must be a number of connections from 1 to {MAX_POOL_SIZE}")
        web_limits, run_limits, import_limits = (_limits(name, environment.get(name)) for name in LIMITS)
        backups, files = environment.get("DAIRY_BACKUP_DIR"), environment.get("DAIRY_FILES_DIR")
        razorpay = environment.get("DAIRY_RAZORPAY_URL") or RAZORPAY_URL
        if not _ORIGIN.fullmatch(razorpay.rstrip("/")):
            raise SettingsError(f"DAIRY_RAZORPAY_URL must be an address without a path, for example {RAZORPAY_URL}")
        url = environment.get("DATABASE_URL") or None
        try:
            if url is not None:
                normalise_url(url)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        lag = environment.get("DAIRY_READ_LAG") or str(READ_LAG)
        if not (lag.isascii() and lag.isdecimal() and 0 < int(lag) <= MAX_READ_LAG):
            raise SettingsError(f"DAIRY_READ_LAG must be a number of seconds from 1 to {MAX_READ_LAG}")
        return cls(
            data_dir=Path(environment.get("DAIRY_DATA_DIR") or default_data_dir()).absolute(),
            database_url=url,
            read_urls=_read_urls(environment.get("DATABASE_READ_URL", ""), url),
            read_lag=int(lag),
            secret_key=environment.get("DAIRY_SECRET_KEY", ""),
            log_level=level,
            log_format=form,
            trusted_proxies=int(proxies),
            public_url=environment.get("DAIRY_PUBLIC_URL", "").rstrip("/"),
            cors_origins=origins,
            metrics_token=token,
            webhooks_local=local == "1",
            backup_dir=Path(backups).absolute() if backups else None,
            smtp_url=environment.get("DAIRY_SMTP_URL", ""),
            sms_url=environment.get("DAIRY_SMS_URL", ""),
            webhook_url=environment.get("DAIRY_MESSAGES_URL", ""),
            razorpay_key_id=environment.get("DAIRY_RAZORPAY_KEY_ID", ""),
            razorpay_key_secret=environment.get("DAIRY_RAZORPAY_KEY_SECRET", ""),
            razorpay_url=razorpay.rstrip("/"),
            razorpay_webhook_secret=environment.get("DAIRY_RAZORPAY_WEBHOOK_SECRET", ""),
            razorpay_webhook_secret_former=environment.get("DAIRY_RAZORPAY_WEBHOOK_SECRET_FORMER", ""),
            whatsapp_url=environment.get("DAIRY_WHATSAPP_URL", "") or WHATSAPP_URL,
            whatsapp_token=environment.get("DAIRY_WHATSAPP_TOKEN", ""),
            whatsapp_phone_id=environment.get("DAIRY_WHATSAPP_PHONE_ID", ""),
            whatsapp_app_secret=environment.get("DAIRY_WHATSAPP_APP_SECRET", ""),
            whatsapp_verify_token=environment.get("DAIRY_WHATSAPP_VERIFY_TOKEN", ""),
            files_dir=Path(files).absolute() if files else None,
            pool_size=int(pool_size) if pool_size else None,
            web_limits=web_limits,
            run_limits=run_limits,
            import_limits=import_limits,
        )

    @property
    def backups(self) -> Path | None:
        """Where backups lie: where they are said to, else beside the embedded server; else nobody knows."""
        if self.backup_dir is None and self.database_url is None:
            return self.data_dir / "backups"
        return self.backup_dir

    @property
    def files(self) -> Path:
        """Where files lie that belong to rows of the database: where they are said to, else in the data folder."""
        return self.files_dir or self.data_dir / "files"

    @property
    def links_begin_with(self) -> str:
        """What every link that is given out begins with. Never taken from a request: whoever asks writes its Host."""
        return self.public_url or self.served_at

    def most_connections(self, workers: int, threads: int) -> int:
        """How many connections a host that serves keeps to the database at most: those of requests, and of health."""
        return workers * ((self.pool_size or threads) + PROBE_CONNECTIONS)

    def require_secret_key(self) -> str:
        """The key that signs tokens. A missing or short one must never be made up silently."""
        if len(self.secret_key.encode()) < MIN_SECRET_BYTES:
            raise SettingsError(
                f"set DAIRY_SECRET_KEY to at least {MIN_SECRET_BYTES} random bytes, for example: "
                "export DAIRY_SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_hex(32))')"
            )
        return self.secret_key

    def resolve_database_url(self) -> str:
        """The URL to connect to; starts the embedded server when no ``DATABASE_URL`` is set."""
        return self.database_url or embedded_postgres.start(self.data_dir / "postgres")

    def open_database(self, application_name: str) -> Database:
        """The database for a command: its transactions may last as long as a run's."""
        return self._open(application_name, self.run_limits, 10).for_longer_work()

    def open_database_for_import(self) -> Database:
        """The same for the import, which is one transaction of hours."""
        return self._open("dairy import-mongo", self.import_limits, 10).for_longer_work()

    def open_database_to_serve(self) -> Database:
        """The same for requests."""
        return self._open("dairy_app", self.run_limits, self.pool_size or 10)

    def open_replicas(self, primary: Database) -> Replicas | None:
        """Where requests read what may lag; None where there are no replicas."""
        if not self.read_urls:
            return None
        options: dict[str, Any] = {
            "limits": self.web_limits,
            "longer": self.run_limits,
            "pool_size": self.pool_size or 10,
            "application_name": "dairy_app reading",
        }
        return Replicas(primary, [Replica(url, **options) for url in self.read_urls], self.read_lag)

    def _open(self, application_name: str, longer: Limits, pool_size: int) -> Database:
        return Database(
            self.resolve_database_url(),
            limits=self.web_limits,
            longer=longer,
            pool_size=pool_size,
            application_name=application_name,
        )


def _read_urls(given: str, primary: str | None) -> tuple[str, ...]:
    """The addresses of replicas. Each must be one server: what one says of itself must hold for what is read."""
    urls = tuple(each for each in _BETWEEN_URLS.split(given.strip()) if each)
    for each in urls:
        try:
            found = normalise_url(each)
        except ValueError as error:
            raise SettingsError(str(error).replace("DATABASE_URL", "DATABASE_READ_URL")) from None
        if "," in str(found.query.get("host", "")):
            raise SettingsError("DATABASE_READ_URL must name each replica by a URL of its own, separated by commas")
    if urls and primary is None:
        raise SettingsError("DATABASE_READ_URL needs DATABASE_URL: the embedded server has no replicas")
    if len(set(urls)) < len(urls):
        raise SettingsError("DATABASE_READ_URL names a replica twice")
    return urls


def _limits(name: str, given: str | None) -> Limits:
    """Three numbers of seconds; those of the kind of work when nothing is set."""
    if not given:
        return LIMITS[name]
    words = given.replace(",", " ").split()
    if len(words) != len(fields(Limits)) or not all(word.isascii() and word.isdecimal() for word in words):
        usual = LIMITS[name]
        said = f"{usual.statement},{usual.lock},{usual.idle}"
        raise SettingsError(f"{name} must be the seconds of a statement, a lock and of idleness, for example {said}")
    return Limits(*(int(word) for word in words))


def default_data_dir() -> Path:
    """``.dairy`` in a checkout, else the user's data directory."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "setup.cfg").is_file() and (checkout / "alembic").is_dir():
        return checkout / ".dairy"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dairy_app"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "dairy_app"
