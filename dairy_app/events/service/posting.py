"""One message to one address over HTTP: to the address that was judged, with an end, never behind a redirect."""

import http.client
import socket
import ssl
import time
from functools import cache
from threading import Timer
from urllib.parse import urlsplit

from dairy_app.events.rules import Outcome, is_public, judge_status, refuse_url

#: Seconds for each step, and for all but the look-up of the name together: less than a sender may keep a message.
STEP_SECONDS, ALL_SECONDS = 10.0, 30.0


class _Refused(OSError):
    """The name stands for an address that is not told."""


def post(url: str, body: bytes, headers: dict[str, str], local: bool) -> Outcome:
    """Send ``body``; what came of it. Never raises for what the other side or the network does.

    The name is resolved here, and one of the addresses that were judged is called: whoever answers something else the
    next time a name is asked for cannot lead us inside. ``local``: addresses inside are called, too.
    """
    wrong = refuse_url(url, local)
    if wrong is not None:
        return Outcome(None, wrong)
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = (
        http.client.HTTPSConnection(host, port, timeout=STEP_SECONDS, context=_trust())
        if secure
        else http.client.HTTPConnection(host, port, timeout=STEP_SECONDS)
    )
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    hurry: Timer | None = None
    try:
        addresses, ends = _addresses(host, port, local), time.monotonic() + ALL_SECONDS
        call = _call(addresses, port, ends)
        hurry = Timer(max(ends - time.monotonic(), 0), _hang_up, [call])
        hurry.daemon = True
        hurry.start()
        connection.sock = _trust().wrap_socket(call, server_hostname=host) if secure else call
        connection.request("POST", path, body, {"user-agent": "dairy_app", **headers})
        status = connection.getresponse().status
    except _Refused as error:
        return Outcome(None, str(error))
    except TimeoutError:
        return Outcome(None, f"The address did not answer within {STEP_SECONDS:.0f} seconds.")
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        return Outcome(None, f"The address could not be reached: {type(error).__name__}: {error}"[:500])
    finally:
        if hurry is not None:
            hurry.cancel()
        connection.close()
    return Outcome(status, judge_status(status))


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _addresses(host: str, port: int, local: bool) -> list[str]:
    found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not local and not all(is_public(each) for each in found):
        raise _Refused("The name stands for an address within this machine or its network.")
    return found


def _call(addresses: list[str], port: int, ends: float) -> socket.socket:
    """A connection to the first address that answers, while there is time."""
    failure: OSError = ConnectionError("the name has no address")
    for address in addresses:
        left = ends - time.monotonic()
        if left <= 0:
            break
        try:
            call = socket.create_connection((address, port), timeout=min(STEP_SECONDS, left))
        except OSError as error:
            failure = error
            continue
        call.settimeout(STEP_SECONDS)
        return call
    raise failure


def _hang_up(call: socket.socket) -> None:
    try:
        call.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended meanwhile
        return
