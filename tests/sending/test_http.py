"""SMS and the dairy's own program against a real receiver that is well, slow, rude, or answers twice."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from dairy_app.sending.rules import Gateway, sms_gateway, webhook
from dairy_app.sending.senders.http import HttpSender
from dairy_app.sending.service.sending import Done, Emptying
from tests.command_line import run_command
from tests.conftest import psycopg_dsn
from tests.dairy import ok
from tests.sending.conftest import Mailing
from tests.sending.test_smtp import dripping


@dataclass
class Receiver:
    """What came, and what is answered; ``stay`` is waited for before each answer."""

    port: int = 0
    came: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    answer: Callable[[str], bytes] = lambda _: b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
    stay: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.stay.set()

    class Handler(BaseHTTPRequestHandler):
        def take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            made.came.append((self.command, self.path, dict(self.headers), body))
            made.stay.wait(20)
            self.wfile.write(made.answer(body))

        do_GET = do_POST = take  # noqa: N815 - their names

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield made
        made.stay.set()
        server.shutdown()
        thread.join(10)


def answers(line: str, body: str = "") -> Callable[[str], bytes]:
    return lambda _: f"HTTP/1.0 {line}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def send(mailing: Mailing, gateway: Gateway, **options: float) -> Done:
    channel = "sms" if gateway.fields else "webhook"
    return Emptying(mailing.dairy.app.database, {channel: HttpSender(gateway, **options)}).send_due()


def texts(mailing: Mailing, *recipients: str, channel: str = "sms", **fields: Any) -> list[str]:
    return mailing.queue(*recipients, **({"channel": channel, "subject": None, "body": "दूध & {to}"} | fields))


def sms(receiver: Receiver, way: str = "") -> Gateway:
    return sms_gateway(f"http://127.0.0.1:{receiver.port}/send?key=s3cret&to={{number}}&text={{text}}&ref={{id}}{way}")


@pytest.mark.parametrize("way", ["", "#get", "#json"])
def test_a_gateway_gets_what_its_address_says(mailing: Mailing, receiver: Receiver, way: str) -> None:
    (message,) = texts(mailing, "+919812345678")
    assert send(mailing, sms(receiver, way)) == Done(sent=1)
    ((method, path, headers, body),) = receiver.came
    expected = {"key": "s3cret", "to": "919812345678", "text": "दूध & {to}", "ref": message}
    if way == "#json":
        assert json.loads(body) == expected
    else:
        query = path.partition("?")[2] if way == "#get" else body
        assert {name: values[0] for name, values in parse_qs(query).items()} == expected
    assert (method, path.partition("?")[0]) == ("GET" if way == "#get" else "POST", "/send")
    assert headers["Idempotency-Key"] == message


def test_the_dairys_own_program_gets_the_message_whole(mailing: Mailing, receiver: Receiver) -> None:
    (message,) = texts(mailing, "+919812345678", channel="webhook")
    assert send(mailing, webhook(f"http://localhost:{receiver.port}/take?key=s3cret")) == Done(sent=1)
    ((method, path, headers, body),) = receiver.came
    assert (method, path, headers["Idempotency-Key"]) == ("POST", "/take?key=s3cret", message)
    assert json.loads(body) == {
        "id": message, "kind": "not_delivered", "recipient": "+919812345678", "language": "en", "body": "दूध & {to}",
        "dairy": "Sunrise Dairy",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "done", "rest"),
    [
        ("400 No such number", Done(failed=2), 0),
        ("422 Odd", Done(failed=2), 0),
        ("409 In hand", Done(waiting=2), 0),
        ("401 Wrong key", Done(waiting=1), 1),
        ("429 Slowly", Done(waiting=1), 1),
        ("302 Elsewhere", Done(waiting=1), 1),
        ("503 Closed", Done(waiting=1), 1),
    ],
)
def test_what_is_answered_decides(mailing: Mailing, receiver: Receiver, line: str, done: Done, rest: int) -> None:
    first, second = texts(mailing, "+919812345678", "+919812345679")
    receiver.answer = answers(line, "because")
    assert send(mailing, sms(receiver)) == done
    assert mailing.message(first)["last_error"] == f"{line[:3]} because"
    assert mailing.message(second)["attempts"] == 1 - rest
    assert "s3cret" not in repr(mailing.message(first))


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: b"",
        lambda _: b"nonsense\r\n\r\n",
        lambda _: b"HTTP/1.0 200",
    ],
)  # fmt: skip
def test_no_answer_is_asked_again(mailing: Mailing, receiver: Receiver, answer: Callable[[str], bytes]) -> None:
    (message,) = texts(mailing, "+919812345678")
    receiver.answer = answer
    done = send(mailing, sms(receiver))
    if answer("") == b"HTTP/1.0 200":
        assert done == Done(sent=1)  # it said so
        return
    assert done == Done(waiting=1)
    assert "the server ended the connection" in mailing.message(message)["last_error"]


def test_a_second_answer_is_nobodys(mailing: Mailing, receiver: Receiver) -> None:
    texts(mailing, "+919812345678", "+919812345679")
    good = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"
    receiver.answer = lambda _: good + b"HTTP/1.0 400 Bad\r\n\r\n"
    assert send(mailing, sms(receiver)) == Done(sent=2)


@pytest.mark.timeout(30)  # it would drip for ever
def test_a_server_that_never_ends_its_answer_is_left(mailing: Mailing) -> None:
    texts(mailing, "+919812345678", channel="webhook")
    with dripping(b"HTTP/1.0 2") as port:
        assert send(mailing, webhook(f"http://127.0.0.1:{port}/"), answer=5.0, patience=1.0) == Done(waiting=1)


def test_who_is_slow_is_left_and_asked_again_under_the_same_id(mailing: Mailing, receiver: Receiver) -> None:
    (message,) = texts(mailing, "+919812345678")
    receiver.stay.clear()
    assert send(mailing, sms(receiver), answer=0.3) == Done(waiting=1)
    receiver.stay.set()
    mailing.due()
    assert send(mailing, sms(receiver)) == Done(sent=1)
    assert [headers["Idempotency-Key"] for _, _, headers, _ in receiver.came] == [message] * 2


def test_the_command_sends_by_every_way_that_is_named(mailing: Mailing, receiver: Receiver, database_url: str) -> None:
    texts(mailing, "+919812345678"), texts(mailing, "+919812345678", channel="webhook")
    texts(mailing, "+919812345678", channel="whatsapp")
    base = f"http://127.0.0.1:{receiver.port}"
    done = run_command(
        "outbox", "send", DATABASE_URL=psycopg_dsn(database_url), DAIRY_MESSAGES_URL=f"{base}/take",
        DAIRY_SMS_URL=f"{base}/send?to={{to}}&text={{text}}",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "2 sent, 0 to be tried again, 0 failed, 0 withdrawn\n")
    waiting = ok(mailing.dairy.admin.get("/outbox", status="queued"))["items"]
    assert [(each["channel"], each["attempts"]) for each in waiting] == [("whatsapp", 0)]


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example",
        "http://gateway.example/?to={to}&text={text}&key=sEcret",
        "https://gateway.example/?to={to}&key=sEcret",
        "https://gateway.example/?text={text}&key=sEcret",
        "https://gateway.example/?to={to}&text={text}&key={sEcret}",
        "https://gateway.example/?to={to}&text={text}&key=sEcret#put",
        "https://me:sEcret@gateway.example/?to={to}&text={text}",
        "https://gateway.example:many/?to={to}&text={text}&key=sEcret",
        "https://gateway.example/\r\nsEcret?to={to}&text={text}",
    ],
)
def test_a_wrong_address_is_refused_without_its_key(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not|must|may|would) ") as caught:
        sms_gateway(url)
    assert "sEcret" not in str(caught.value)
    assert "sEcret" not in repr(sms_gateway("https://g.example/?to={to}&text={text}&key=sEcret"))
