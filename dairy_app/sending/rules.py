"""Addresses of servers, as the environment names them."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where e-mail is handed over. ``security``: tls from the first byte, starttls, or none."""

    host: str
    port: int
    security: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    #: Who the e-mails are from.
    sender: str = ""


def smtp_server(url: str) -> SmtpServer:
    """``smtps://user:password@host:465?from=bills@dairy.example``; ``smtp://`` begins plain and goes on by STARTTLS.

    Only to this machine itself it may stay plain, unless ``starttls=yes`` asks for it. Without ``from`` the user must
    be an e-mail address. Raises ValueError, whose text holds no part of the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        asked = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must be like smtps://user:password@host:465?from=bills@dairy.example")
    if asked.keys() - {"from", "starttls"} or asked.get("starttls", "yes") not in ("yes", "no"):
        raise ValueError("may ask for from=… and starttls=yes or no, and nothing else")
    local = is_local(parts.hostname)
    if parts.scheme == "smtps":
        security = "tls"
    elif asked.get("starttls", "no" if local else "yes") == "yes":
        security = "starttls"
    elif local:
        security = "none"
    else:
        raise ValueError("would send bills and the password unprotected: leave out starttls=no")
    user = unquote(parts.username) if parts.username else None
    sender = asked.get("from") or (user if user and "@" in user else "")
    name, at, domain = sender.rpartition("@")
    if not (name and at and domain and sender.isascii() and sender.isprintable() and " " not in sender):
        raise ValueError("must say who the e-mails are from: ?from=bills@dairy.example")
    usual = 465 if security == "tls" else 25 if security == "none" else 587
    password = unquote(parts.password) if parts.password else None
    return SmtpServer(parts.hostname, port or usual, security, user, password, sender)


def is_local(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
