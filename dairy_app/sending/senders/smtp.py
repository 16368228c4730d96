"""E-mail, by SMTP.

A message that the server took twice (the first answer was lost) has the same Message-ID both times.
"""

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any

from dairy_app.sending.rules import SmtpServer
from dairy_app.sending.senders.letters import ANSWER, PATIENCE, NotNow, Outgoing, Refused, said

#: "Closing the connection", at any point.
_CLOSING = 421


class _Known:
    """A connection that is known before it is open: smtplib waits for a greeting while it makes one."""

    def __init__(self, keep: Callable[[Any], None], **where: Any) -> None:
        keep(self)
        super().__init__(**where)


class _Plain(_Known, smtplib.SMTP):
    """Plain, at least to begin with."""


class _Protected(_Known, smtplib.SMTP_SSL):
    """Protected from the first byte."""


class SmtpSender:
    """One connection, opened for the first message and kept for the next ones."""

    def __init__(self, server: SmtpServer, *, patience: float = PATIENCE, answer: float = ANSWER) -> None:
        self._server, self._patience, self._answer = server, patience, answer
        self._open: smtplib.SMTP | None = None

    def send(self, letter: Outgoing) -> None:
        """Hand over one e-mail, within the time that it may take."""
        content = compose(letter, self._server.sender)
        deadline = time.monotonic() + self._patience
        try:
            with self._ending_at(deadline):
                self._hand_over(self._connected(), letter, content, deadline)
        except (NotNow, Refused) as error:
            if isinstance(error, NotNow) and error.is_down:
                self.close()
            raise
        except smtplib.SMTPResponseException as error:  # while connecting: at whoever it is, it is no one message's
            self.close()
            raise NotNow(said(letter, error.smtp_code, error.smtp_error), is_down=True) from None
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise NotNow(_reason(error), is_down=True) from None

    def close(self) -> None:
        """End the connection; what it says to that does not matter."""
        connection, self._open = self._open, None
        if connection is not None:
            with suppress(OSError, smtplib.SMTPException):
                connection.close()

    def _connected(self) -> smtplib.SMTP:
        if self._open is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self._open.rset()[0] == 250:
                    return self._open
            self.close()
        server = self._server
        context = ssl.create_default_context()
        where = {"host": server.host, "port": server.port, "timeout": self._answer}
        if server.security == "tls":
            self._open = _Protected(self._keep, **where, context=context)
        else:
            self._open = _Plain(self._keep, **where)
        if server.security == "starttls":
            self._open.starttls(context=context)
        self._open.ehlo_or_helo_if_needed()
        if server.user is not None:
            self._open.login(server.user, server.password or "")
        return self._open

    def _keep(self, connection: smtplib.SMTP) -> None:
        self._open = connection

    def _hand_over(self, smtp: smtplib.SMTP, letter: Outgoing, content: bytes, deadline: float) -> None:
        options = []
        if not letter.recipient.isascii():
            if not smtp.has_extn("smtputf8"):
                raise Refused("the mail server takes no addresses with such letters")
            options = ["SMTPUTF8"]
        code, text = smtp.mail(self._server.sender, options)
        if code != 250:
            raise NotNow(said(letter, code, text), is_down=True)  # whom it comes from is the same for all
        code, text = smtp.rcpt(letter.recipient)
        if code not in (250, 251):
            raise _judged(letter, code, text)
        if time.monotonic() >= deadline:
            raise NotNow("the mail server was too slow", is_down=True)
        try:
            code, text = smtp.data(content)
        except smtplib.SMTPDataError as error:
            raise _judged(letter, error.smtp_code, error.smtp_error) from None
        if code != 250:
            raise _judged(letter, code, text)

    @contextmanager
    def _ending_at(self, deadline: float) -> Iterator[None]:
        """Whoever sends a byte now and then is cut off at last: each byte alone comes in time."""
        timer = threading.Timer(max(deadline - time.monotonic(), 0), self._cut_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut_off(self) -> None:
        connection = self._open.sock if self._open is not None else None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _judged(letter: Outgoing, code: int, text: bytes | str) -> Exception:
    if 500 <= code < 600:
        return Refused(said(letter, code, text))
    return NotNow(said(letter, code, text), is_down=code == _CLOSING)


def _reason(error: Exception) -> str:
    """Why there was no answer, in words that hold nothing of what was sent."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "the mail server did not answer in time"
    if isinstance(error, ssl.SSLError):
        return f"no protected connection to the mail server: {error.reason or 'refused'}"
    if isinstance(error, socket.gaierror):
        return "the mail server's name is not known"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "the mail server does not offer what DAIRY_SMTP_URL asks for (STARTTLS, or a login)"
    if isinstance(error, OSError) and error.strerror:
        return f"the mail server: {error.strerror}"
    return "the mail server ended the connection"


def compose(letter: Outgoing, sender: str) -> bytes:
    """The e-mail as it goes over the wire. Raises Refused when it cannot be written as one."""
    name, _, domain = sender.rpartition("@")
    message = EmailMessage(policy=SMTP.clone(utf8=not letter.recipient.isascii()))
    try:
        message["From"] = Address(" ".join(letter.dairy.split()), name, domain)
        message["To"] = letter.recipient
        message["Subject"] = letter.subject or letter.dairy
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{letter.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.body + "\n")
        message["Content-Language"] = letter.language
        for each in letter.attachments:
            message.add_attachment(each.content, "application", "pdf", filename=each.name)
        return message.as_bytes()
    except (ValueError, MessageError, IndexError):
        raise Refused("it cannot be written as an e-mail: look at the address") from None
