"""How events are told to other programs: what is said, how it is signed, when it is tried again, to whom never."""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from standardwebhooks.webhooks import Webhook

from dairy_app.common.changes import UNSET, Unset

#: After each failed try but the last: minutes until the next one. An outage of a day and a half loses nothing.
_BETWEEN_TRIES = (1, 5, 30, 120, 300, 600, 840)
#: After a failure an endpoint is left alone so long, whatever else waits for it.
REST = timedelta(minutes=1)
#: For so long after a change messages are signed with the former secret, too.
OVERLAP = timedelta(hours=24)
#: Within them lie addresses of IPv4 that nobody sees: 6to4, Teredo, NAT64.
_TUNNELS = tuple(ipaddress.ip_network(each) for each in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48"))


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An address that wants to be told; no kinds: all."""

    url: str
    kinds: Sequence[str] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What shall be different of an endpoint."""

    url: str | Unset = UNSET
    kinds: Sequence[str] | Unset = UNSET
    description: str | Unset | None = UNSET
    active: bool | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Message:
    """One event for one endpoint, as a sender has leased it."""

    endpoint_id: UUID
    event_id: int
    attempts: int
    url: str
    secrets: tuple[str, ...]
    at: datetime
    kind: str
    object_type: str
    object_id: UUID
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try came to: what was answered (None: nothing), and what is wrong with it (None: it was taken)."""

    status: int | None
    error: str | None

    @property
    def gone(self) -> bool:
        """The other side never wants to be told again."""
        return self.status == HTTPStatus.GONE


def body_of(message: Message) -> bytes:
    """What is sent, as Standard Webhooks asks: ``type``, ``timestamp``, ``data``."""
    data = {"id": message.event_id, "object_type": message.object_type, "object_id": str(message.object_id)}
    said = {"type": message.kind, "timestamp": message.at.isoformat(), "data": {**data, **message.data}}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(message: Message, body: bytes, moment: datetime) -> dict[str, str]:
    """The headers by which the other side knows who sent it, when, and whether it had it before.

    The id is the same at every try. The event's moment is in it: a database restored from a backup gives numbers anew.
    """
    name = f"evt_{message.event_id}_{int(message.at.timestamp())}"
    signatures = [Webhook(secret).sign(name, moment, body.decode()) for secret in message.secrets]
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def next_try(attempts: int, moment: datetime) -> datetime | None:
    """When to try again after so many failed tries; None: never."""
    return moment + timedelta(minutes=_BETWEEN_TRIES[attempts - 1]) if attempts <= len(_BETWEEN_TRIES) else None


def judge_status(status: int) -> str | None:
    """What is wrong with an answer; None: it was taken. A redirect is not followed: nobody signed for its target."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    return f"The address answered {status}."


def refuse_url(url: str, local: bool) -> str | None:
    """Why an address is not taken; None: it is. Names are resolved when something is sent."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "Not an address."
    if parts.scheme not in {"https", "http"} or not host:
        return "Must begin with https:// and a name."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "Must not hold a login or a fragment."
    if local:
        return None
    if parts.scheme != "https":
        return "Must begin with https://."
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        inside = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
        return "Must not be within this machine or its network." if inside else None
    return None if is_public(str(address)) else "Must not be within this machine or its network."


def is_public(written: str) -> bool:
    """Whether an address belongs to the internet, not to this machine, its network or the machines beside it."""
    address = ipaddress.ip_address(written.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if any(address in tunnel for tunnel in _TUNNELS):
            return False
    return address.is_global and not address.is_multicast
