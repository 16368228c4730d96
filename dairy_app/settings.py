"""Settings of the process, read once from the environment. The dairy's own settings live in the database."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dairy_app import embedded_postgres
from dairy_app.common.transactions import normalise_url

MIN_SECRET_BYTES = 32
MIN_METRICS_TOKEN = 16
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
#: Where one finds the server when nobody said how people reach it.
LOCAL_URL = "http://127.0.0.1:8000"


class SettingsError(RuntimeError):
    """A setting is missing or wrong; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs. ``database_url`` None: the embedded server under ``data_dir``."""

    data_dir: Path
    database_url: str | None = None
    secret_key: str = field(default="", repr=False)
    log_level: str = "info"
    log_format: str = "text"
    #: How many proxies in front of us set X-Forwarded-For; 0: none, the header is ignored.
    trusted_proxies: int = 0
    public_url: str = LOCAL_URL
    #: argon2 cost: ``standard``, or ``cheapest`` where thousands of logins are made up (tests, demo).
    password_cost: str = "standard"
    #: What Prometheus shows to read ``/metrics``; empty: nobody reads it.
    metrics_token: str = field(default="", repr=False)

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
        url = environment.get("DATABASE_URL") or None
        try:
            if url is not None:
                normalise_url(url)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        return cls(
            data_dir=Path(environment.get("DAIRY_DATA_DIR") or default_data_dir()).absolute(),
            database_url=url,
            secret_key=environment.get("DAIRY_SECRET_KEY", ""),
            log_level=level,
            log_format=form,
            trusted_proxies=int(proxies),
            public_url=environment.get("DAIRY_PUBLIC_URL", LOCAL_URL).rstrip("/"),
            metrics_token=token,
        )

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


def default_data_dir() -> Path:
    """``.dairy`` in a checkout, else the user's data directory."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "setup.cfg").is_file() and (checkout / "alembic").is_dir():
        return checkout / ".dairy"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dairy_app"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "dairy_app"
