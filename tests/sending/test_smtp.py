"""E-mail against a real server that is well, slow, full, rude or gone."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dairy_app.sending.rules import smtp_server
from dairy_app.sending.senders.smtp import SmtpSender
from dairy_app.sending.service.sending import Done, Emptying
from tests.conftest import raw_connection
from tests.dairy import ok
from tests.documents.conftest import Bills
from tests.races import at_once
from tests.sending.conftest import Mailing
from tests.sending.post import open_post


def test_a_bill_goes_with_its_pdf_and_its_words(billing: Mailing, bills: Bills) -> None:
    invoice = bills.bill(email="meera@home.example")
    shared = bills.share(invoice, queue=True, channel="email")
    assert billing.send() == Done(sent=1)
    (letter,) = billing.post.letters
    assert billing.post.to == [["meera@home.example"]]
    assert str(letter["From"]) == "Sunrise Dairy <bills@dairy.example>"
    assert letter["Subject"] == shared["subject"]
    assert letter["Message-ID"] == f"<{shared['outbox_id']}@dairy.example>"
    words, paper = letter.iter_parts()
    assert words.get_content().splitlines() == shared["message"].splitlines()  # type: ignore[attr-defined]
    assert paper.get_filename() == f"{invoice['number'].replace('/', '-')}.pdf"
    assert paper.get_content() == bills.pdf(invoice)  # type: ignore[attr-defined]
    sent = billing.message(shared["outbox_id"])
    assert (sent["status"], sent["attempts"], sent["last_error"], sent["leased_until"]) == ("sent", 1, None, None)
    assert sent["sent_at"] is not None
    assert billing.send() == Done()


def test_a_bill_of_two_documents_has_both(billing: Mailing, bills: Bills) -> None:
    bills.bill(email="meera@home.example", gstin="27AAPFU0939F1ZV", gst_treatment="registered")
    ok(bills.admin.post(f"/billing/runs/{bills.run['id']}/messages", {"channel": "email"}))
    assert billing.send() == Done(sent=1)
    names = {part.get_filename() for part in billing.post.letters[0].iter_attachments()}
    numbers = {each["number"] for each in bills.dairy.invoices(customer_id=bills.person["id"])}
    assert names == {f"{each.replace('/', '-')}.pdf" for each in numbers}
    assert len(names) == 2


def test_hindi_arrives_as_it_was_written(mailing: Mailing) -> None:
    mailing.queue("a@b.example", body="कल दूध नहीं आएगा।", subject="कल", language="hi")
    mailing.send()
    (letter,) = mailing.post.letters
    assert (letter["Subject"], letter.get_content().strip()) == ("कल", "कल दूध नहीं आएगा।")
    assert (letter["Content-Language"], letter["Auto-Submitted"]) == ("hi", "auto-generated")


@pytest.mark.parametrize("where", ["at_rcpt", "at_data"])
def test_what_the_server_refuses_has_failed(mailing: Mailing, where: str) -> None:
    (bad,) = mailing.queue("nobody@b.example")
    setattr(mailing.post, where, lambda _: "550 No such\r\n user here")
    assert mailing.send() == Done(failed=1)
    message = mailing.message(bad)
    assert (message["status"], message["attempts"], message["last_error"][:11]) == ("failed", 1, "550 No such")
    setattr(mailing.post, where, lambda _: None)
    assert mailing.send() == Done()
    ok(mailing.dairy.admin.post(f"/outbox/{bad}/retry"))
    assert mailing.send() == Done(sent=1)


@pytest.mark.parametrize("where", ["at_rcpt", "at_data"])
def test_what_the_server_puts_off_is_tried_eight_times(mailing: Mailing, where: str) -> None:
    (late,) = mailing.queue("full@b.example")
    setattr(mailing.post, where, lambda _: "451 Mailbox is full")
    waits = []
    for attempt in range(1, 9):
        assert mailing.send() == (Done(waiting=1) if attempt < 8 else Done(failed=1))
        assert mailing.send() == Done()  # not before its time
        message = mailing.message(late)
        assert (message["attempts"], message["last_error"]) == (attempt, "451 Mailbox is full")
        waits += mailing.sql("SELECT round(extract(epoch FROM not_before - updated_at) / 60) FROM outbox_messages")
        mailing.due()
    assert [int(minutes) for (minutes,) in waits[:7]] == [1, 2, 4, 8, 16, 32, 64]
    assert message["status"] == "failed"


def test_one_that_is_refused_keeps_no_other_back(mailing: Mailing) -> None:
    mailing.post.at_rcpt = lambda to: {"bad@b.example": "550 No", "busy@b.example": "450 Later"}.get(to)
    mailing.queue("a@b.example", "bad@b.example", "busy@b.example", "b@b.example")
    assert mailing.send() == Done(sent=2, waiting=1, failed=1)
    assert mailing.post.to == [["a@b.example"], ["b@b.example"]]


def test_a_server_that_is_gone_costs_one_message_a_try(mailing: Mailing) -> None:
    first, second = mailing.queue("a@b.example", "b@b.example")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert mailing.send(port=port) == Done(waiting=1)
    assert mailing.message(first)["last_error"] == "the mail server: Connection refused"
    assert mailing.message(second)["attempts"] == 0
    assert mailing.send() == Done(sent=1)


@contextmanager
def dripping(says: bytes) -> Iterator[int]:
    """A server that says a word and then one byte each tenth of a second, for ever."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(says)
                while not over.wait(0.1):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join(10)


@pytest.mark.parametrize(
    ("says", "answer", "patience"), [(b"", 5.0, 1.0), (b"220 hello\r\n250", 5.0, 1.0), (b"421 not today\r\n", 5.0, 9.0)]
)
def test_a_server_that_never_ends_its_answer_is_left(
    mailing: Mailing, says: bytes, answer: float, patience: float
) -> None:
    (message,) = mailing.queue("a@b.example")
    mailing.answer, mailing.patience = answer, patience
    with dripping(says) as port:
        assert mailing.send(port=port) == Done(waiting=1)
    said = mailing.message(message)["last_error"]
    assert said == {b"": "what was answered is no answer", b"4": "421 not today"}.get(
        says[:1], "the mail server ended the connection"
    )


def test_a_silent_server_is_left(mailing: Mailing) -> None:
    (message,) = mailing.queue("a@b.example")
    mailing.answer = 0.3
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert mailing.send(port=server.getsockname()[1]) == Done(waiting=1)
    assert mailing.message(message)["last_error"] == "the mail server did not answer in time"


def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_id(mailing: Mailing) -> None:
    """The server had it, and could know that: this is as narrow as the protocol allows."""
    (message,) = mailing.queue("a@b.example")
    mailing.post.slowness, mailing.answer = 1.0, 0.3
    assert mailing.send() == Done(waiting=1)
    assert mailing.post.arrived.acquire(timeout=10)
    mailing.post.slowness = 0.0
    mailing.due()
    assert mailing.send() == Done(sent=1)
    assert set(mailing.post.ids) == {message}


def test_a_secret_is_sent_and_its_refusal_quotes_nothing(mailing: Mailing) -> None:
    user = {"user_id": mailing.dairy.admin.user["id"], "kind": "login_code", "secret": True}
    _, second = mailing.queue("a@b.example", "bad@b.example", body="777-000", expires_at=mailing.soon(), **user)
    mailing.post.at_rcpt = lambda to: "550 not 777-000" if to == "bad@b.example" else None
    assert mailing.send() == Done(sent=1, failed=1)
    assert mailing.post.letters[0].get_content().strip() == "777-000"
    assert mailing.message(second)["last_error"] == "550"
    assert mailing.sql("SELECT body FROM outbox_messages") == [(None,), (None,)]


def test_what_expired_is_not_sent(mailing: Mailing, sql: Any) -> None:
    (late,) = mailing.queue("a@b.example", expires_at=mailing.soon())
    (last,) = mailing.queue("b@b.example", expires_at=mailing.soon(0.5))
    sql("ALTER TABLE outbox_messages DISABLE TRIGGER tr_outbox_messages_stand")
    sql(
        "UPDATE outbox_messages SET not_before = now() - interval '2 hours', expires_at = now() - interval '1 hour'"
        " WHERE id = %s",
        late,
    )
    sql("ALTER TABLE outbox_messages ENABLE TRIGGER tr_outbox_messages_stand")
    mailing.post.at_rcpt = lambda _: "450 Later"
    assert mailing.send() == Done(failed=2)
    assert mailing.message(late)["last_error"] == "expired before it could be sent"
    assert mailing.message(last)["last_error"] == "450 Later"  # the next try would come too late


def test_messages_wait_for_their_time_and_their_limit(mailing: Mailing) -> None:
    mailing.queue("late@b.example", not_before=mailing.soon())
    mailing.queue("a@b.example", "b@b.example", "c@b.example")
    assert mailing.send(limit=2) == Done(sent=2)
    assert mailing.send() == Done(sent=1)
    assert ["late@b.example"] not in mailing.post.to


def test_a_bill_that_is_void_or_whose_link_is_revoked_is_withdrawn_at_the_lease(
    billing: Mailing, bills: Bills, sql: Any
) -> None:
    invoice = bills.bill(email="meera@home.example")
    first = bills.share(invoice, queue=True, channel="email")["outbox_id"]
    sql("UPDATE outbox_messages SET leased_until = now() + interval '1 minute'")  # somebody has it in hand
    ok(bills.admin.post(f"/invoices/{invoice['id']}/share/revoke"))
    assert billing.message(first)["status"] == "queued"
    sql("UPDATE invoice_links SET revoked_at = revoked_at + interval '1 second'")  # the clock stands still here
    billing.due()
    assert billing.send() == Done(withdrawn=1)
    assert billing.message(first)["last_error"] == "the link was revoked"
    sql("UPDATE invoice_links SET revoked_at = revoked_at - interval '2 seconds'")
    second = bills.share(invoice, queue=True, channel="email")["outbox_id"]
    sql("UPDATE outbox_messages SET leased_until = now() + interval '1 minute' WHERE status = 'queued'")
    ok(bills.admin.post(f"/invoices/{invoice['id']}/void", {"reason": "Wrong price"}))
    billing.due()
    assert billing.send() == Done(withdrawn=1)
    assert billing.message(second)["last_error"] == "the invoice is void"
    assert billing.post.letters == []


# ------------------------------------------------------------------------------------------- logins and protection


@contextmanager
def certified(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's certificate for localhost, which this process trusts."""
    if not shutil.which("openssl"):
        pytest.skip("makes a certificate with openssl")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    yield context


def test_it_logs_in_over_starttls_and_not_where_the_certificate_is_unknown(
    mailing: Mailing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = mailing.queue("a@b.example", "b@b.example")

    def send(url: str) -> Done:
        return Emptying(mailing.dairy.app.database, {"email": SmtpSender(smtp_server(url))}).send_due()

    with certified(tmp_path, monkeypatch) as context, open_post(context, "s3cret") as post:
        url = "smtp://me%40dairy.example:{}@{}:{}?starttls=yes"
        assert send(url.format("wrong", "localhost", post.port)) == Done(waiting=1)
        said = mailing.message(first)["last_error"]
        assert said.startswith("535 ")
        assert "wrong" not in said
        assert send(url.format("s3cret", "127.0.0.1", post.port)) == Done(waiting=1)  # not the name it is for
        assert "protected connection" in mailing.message(second)["last_error"]
        assert set(post.logins) == {("me@dairy.example", "wrong")}  # by each way that there is
        mailing.due()
        assert send(url.format("s3cret", "localhost", post.port)) == Done(sent=2)
        assert [str(each["From"]) for each in post.letters] == ["Sunrise Dairy <me@dairy.example>"] * 2


def test_it_is_protected_from_the_first_byte_where_the_address_says_so(
    mailing: Mailing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailing.queue("a@b.example", "b@b.example")
    with certified(tmp_path, monkeypatch) as context, open_post(from_the_first=context) as post:
        server = smtp_server(f"smtps://localhost:{post.port}?from=bills@dairy.example")
        assert Emptying(mailing.dairy.app.database, {"email": SmtpSender(server)}).send_due() == Done(sent=2)
        assert len(post.letters) == 2


@pytest.mark.parametrize(
    ("url", "security", "port"),
    [
        ("smtps://a%40b.example:p%2Fw@mail.example", "tls", 465),
        ("smtp://a%40b.example:p@mail.example", "starttls", 587),
        ("smtp://localhost?from=a@b.example", "none", 25),
        ("smtp://127.0.0.1:2525?from=a@b.example&starttls=yes", "starttls", 2525),
    ],
)
def test_what_an_address_of_a_mail_server_says(url: str, security: str, port: int) -> None:
    server = smtp_server(url)
    assert (server.security, server.port, server.sender) == (security, port, "a@b.example")
    assert "p/w" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://a%40b.example:sEcret@mail.example?starttls=no",
        "smtp://me:sEcret@mail.example",
        "smtp://me:sEcret@mail.example?from=me",
        "smtp://a%40b.example:sEcret@mail.example:many",
        "smtp://a%40b.example:sEcret@mail.example?tls=1",
        "smtp://a%40b.example:sEcret@mail.example?from=x%0d%0a@b.example",
    ],
)
def test_a_wrong_address_of_a_mail_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not|must|may|would) ") as caught:
        smtp_server(url)
    assert "sEcret" not in str(caught.value)


def test_two_at_once_take_different_messages(mailing: Mailing, database_url: str) -> None:
    mailing.queue(*(f"a{n}@b.example" for n in range(6)))
    mailing.post.slowness = 0.05
    first, second = at_once(database_url, "LOCK TABLE outbox_messages", mailing.send, mailing.send)
    assert first.sent + second.sent == 6
    assert set(mailing.post.ids.values()) == {1}
    assert len(mailing.post.ids) == 6


def test_a_message_that_somebody_holds_keeps_no_other_back(mailing: Mailing, database_url: str) -> None:
    held, _ = mailing.queue("a@b.example", "b@b.example")
    with raw_connection(database_url) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT FROM outbox_messages WHERE id = %s FOR UPDATE", [held])
        assert mailing.send() == Done(sent=1)
        holder.rollback()  # closing alone is told to the server, and not waited for
    assert mailing.send() == Done(sent=1)
    assert mailing.post.to == [["b@b.example"], ["a@b.example"]]
