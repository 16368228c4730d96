"""An outbox, a mail server, and what sends from one to the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from dairy_app.common.clock import now
from dairy_app.outbox.bulk import Letter, queue
from dairy_app.sending.rules import SmtpServer
from dairy_app.sending.senders.smtp import SmtpSender
from dairy_app.sending.service.sending import Done, Emptying
from tests.dairy import Dairy, ok
from tests.documents.conftest import Bills, bills, living
from tests.sending.post import Post, open_post

__all__ = ["bills", "living"]


@pytest.fixture
def post() -> Iterator[Post]:
    with open_post() as server:
        yield server


@dataclass
class Mailing:
    """A dairy whose e-mails go to ``post``."""

    dairy: Dairy
    post: Post
    sql: Any
    answer: float = 5.0
    patience: float = 20.0

    def queue(self, *recipients: str, **fields: Any) -> list[str]:
        """Messages to a customer of that name, as a service queues them."""
        customer = None if "user_id" in fields else self.dairy.customer()["id"]
        given: dict[str, Any] = {"kind": "not_delivered", "channel": "email", "language": "en", "body": "No milk today"}
        given |= {"customer_id": customer, "subject": "Tomorrow"} | fields
        made = []
        for to in recipients:  # one after the other, so that their ids are in this order
            with self.dairy.app.database.transaction() as session:
                made += queue(session, [Letter(recipient=to, **given)])
        return [str(each) for each in made]

    def sender(self, port: int | None = None) -> SmtpSender:
        server = SmtpServer("127.0.0.1", port or self.post.port, "none", sender="bills@dairy.example")
        return SmtpSender(server, patience=self.patience, answer=self.answer)

    def send(self, limit: int | None = None, port: int | None = None) -> Done:
        return Emptying(self.dairy.app.database, {"email": self.sender(port)}).send_due(limit)

    def message(self, message_id: str) -> Any:
        return ok(self.dairy.admin.get(f"/outbox/{message_id}"))

    def due(self) -> None:
        """Nobody waits for the next try, and who had something in hand is gone."""
        self.sql("UPDATE outbox_messages SET not_before = '2020-01-01', leased_until = NULL WHERE status = 'queued'")

    @staticmethod
    def soon(minutes: float = 10) -> Any:
        return now() + timedelta(minutes=minutes)


@pytest.fixture
def mailing(dairy: Dairy, post: Post, sql: Any) -> Mailing:
    dairy.seller()
    return Mailing(dairy, post, sql)


@pytest.fixture
def billing(bills: Bills, post: Post, sql: Any) -> Mailing:
    """The same, in November 2026, with bills."""
    return Mailing(bills.dairy, post, sql)
