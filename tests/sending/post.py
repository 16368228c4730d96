"""A real mail server on this machine, and how it misbehaves."""

import asyncio
import email
import email.policy
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

#: What a handler of one command answers; None: as a server does that is well.
Answer = Callable[[str], str | None]


class Post:
    """Takes e-mails. ``at_rcpt`` and ``at_data`` say otherwise, given the recipient or the Message-ID."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.at_rcpt: Answer = lambda _: None
        self.at_data: Answer = lambda _: None
        #: Seconds from taking an e-mail to saying so.
        self.slowness = 0.0
        self.arrived = threading.Semaphore(0)
        self.port = 0
        self.logins: list[Any] = []

    @property
    def ids(self) -> Counter[str]:
        return Counter(str(each["Message-ID"]).strip("<>").partition("@")[0] for each in self.letters)

    async def handle_RCPT(  # noqa: N802 - its name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        answer = self.at_rcpt(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        answer = self.at_data(str(letter["Message-ID"]))
        if answer is None:
            self.letters.append(letter)
            self.to.append(envelope.rcpt_tos)
        self.arrived.release()
        if self.slowness:
            await asyncio.sleep(self.slowness)
        return answer or "250 OK"


@contextmanager
def open_post(
    tls: SSLContext | None = None, password: str | None = None, *, from_the_first: SSLContext | None = None
) -> Iterator[Post]:
    """The server, on a port of its own until the end: plain, by STARTTLS, or protected from the first byte."""
    post, loop = Post(), asyncio.new_event_loop()

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        post.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password.decode() == password, handled=False)

    def make() -> SMTP:
        login = {"authenticator": check, "auth_required": True} if password else {}
        return SMTP(post, tls_context=tls, require_starttls=tls is not None, loop=loop, **login)

    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0, ssl=from_the_first))
    post.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield post
    finally:

        async def end() -> None:
            server.close()
            others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
