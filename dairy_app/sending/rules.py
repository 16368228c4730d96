"""Addresses of servers, as the environment names them, and the hours in which nobody is reminded."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlsplit


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


def after_quiet(moment: datetime, quiet_from: time | None, quiet_to: time | None) -> datetime:
    """The moment itself, or when it lies in the quiet hours, their end. All by the clock of ``moment``'s time zone."""
    if quiet_from is None or quiet_to is None:
        return moment
    clock, ends = moment.time(), moment.replace(hour=quiet_to.hour, minute=quiet_to.minute, second=0, microsecond=0)
    if quiet_from < quiet_to:
        return ends if quiet_from <= clock < quiet_to else moment
    if clock >= quiet_from:
        return ends + timedelta(days=1)
    return ends if clock < quiet_to else moment


#: How a gateway is asked, as the end of its URL says it: #form, #get or #json.
WAYS = ("form", "get", "json")
_STANDS_FOR = ("to", "number", "text", "id")
_NAMED = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Gateway:
    """Somebody else's HTTP server. ``fields``: what it gets, with names in braces; none: all of a message as JSON."""

    host: str
    port: int
    protected: bool
    path: str = field(repr=False)
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    way: str = "json"


def sms_gateway(url: str) -> Gateway:
    """``https://gateway.example/send?key=SECRET&to={number}&text={text}``: the query says what the gateway gets.

    It is posted as a form, or goes as it is with ``#get``, or as a JSON object with ``#json``. ``{to}`` is the number
    with its plus sign, ``{number}`` without, ``{id}`` the message's own. Raises ValueError without a part of the URL.
    """
    parts, port = _http(url)
    way = parts.fragment or "form"
    try:
        fields = tuple(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        fields = ()
    names = {name for _, value in fields for name in _NAMED.findall(value)}
    if way not in WAYS or "text" not in names or not names & {"to", "number"} or names - {*_STANDS_FOR}:
        raise ValueError("must be like https://gateway.example/send?key=SECRET&to={number}&text={text}")
    return Gateway(str(parts.hostname), port, parts.scheme == "https", parts.path or "/", fields, way)


def webhook(url: str) -> Gateway:
    """Where a program of the dairy's own takes messages. Raises ValueError without a part of the URL."""
    parts, port = _http(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Gateway(str(parts.hostname), port, parts.scheme == "https", path)


@dataclass(frozen=True, slots=True)
class WhatsappAccount:
    """As which telephone WhatsApp's Cloud API sends, and what opens it."""

    server: Gateway
    phone_id: str
    token: str = field(repr=False)


def whatsapp_account(url: str, phone_id: str, token: str) -> WhatsappAccount:
    """``https://graph.facebook.com/v24.0``: the path is the version. Raises ValueError without a part of the token."""
    try:
        parts, port = _http(url)
    except ValueError as error:
        raise ValueError(f"DAIRY_WHATSAPP_URL {error}") from None
    if parts.query or parts.fragment:
        raise ValueError("DAIRY_WHATSAPP_URL must end with the version: https://graph.facebook.com/v24.0")
    if not (phone_id.isascii() and phone_id.isdecimal()):
        raise ValueError("DAIRY_WHATSAPP_PHONE_ID must be the id of the telephone: digits, and not its number")
    if not token or not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("DAIRY_WHATSAPP_TOKEN must be an access token, without spaces")
    path = parts.path.rstrip("/")
    return WhatsappAccount(Gateway(str(parts.hostname), port, parts.scheme == "https", path), phone_id, token)


def _http(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise ValueError("must begin with https:// and the name of a server")
    if parts.username or " " in url:
        raise ValueError("may hold neither a login before the server's name nor spaces")
    if parts.scheme == "http" and not is_local(parts.hostname):
        raise ValueError("would send messages unprotected: use https://")
    return parts, port


def asked(gateway: Gateway, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the gateway gets of one message; a brace within a value stays what it is."""
    return [(name, _NAMED.sub(lambda found: values[found[1]], value)) for name, value in gateway.fields]


# Codes: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
#: Whatever is sent next would be answered so, too: the token, a right, the account, its telephone, or too much at once.
WHATSAPP_OF_ALL = frozenset(
    {0, 2, 3, 4, 10, 190, 368, *range(200, 300), 80007, 130429, 130497, 131005, 131016, 131031, 131037, 131042}
    | {131045, 131048, 131057, 133004, 133010}
)
#: Only now, and only this one: an unknown fault, or too many to one customer.
WHATSAPP_LATER = frozenset({1, 131000, 131056})


def whatsapp_words(code: int, error: Mapping[str, object]) -> str:
    """An error as it is kept with the message: the number, what it says, and the details, which say most."""
    details = error.get("error_data")
    told = [error.get("message") or error.get("title"), details.get("details") if isinstance(details, dict) else None]
    words = " ".join(": ".join(str(each) for each in told if each).replace(f"(#{code})", "").split())
    return f"{code} {words}"[:300].strip()
