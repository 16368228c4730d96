"""Who may call which route: every route × every role, called for real and pinned in ``access_matrix.txt``.

The routes are taken from the application, so a new one is covered the moment it is mounted. When a change of
the table is meant, write it anew:  python -m tests.test_access_matrix > tests/access_matrix.txt
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from dairy_app.app import create_app
from dairy_app.settings import Settings
from dairy_app.web.access import Policy, Role, policy_of
from dairy_app.web.http import DairyFlask, check_policies
from tests.dairy import PASSWORD, Client, Dairy, ok, refused

pytestmark = pytest.mark.slow

PINNED = Path(__file__).with_name("access_matrix.txt")
LETTERS = dict(zip(Role, "ACDMKS", strict=True))
HEADING = """\
# Who may call which route: A admin, C accountant, D delivery boy, M marketing staff, K customer, S supplier;
# "public": no login. Which rows a role sees is decided per row (not visible: 404).
"""
#: Well-formed, and nobody's.
NOBODYS_ID = "00000000-0000-7000-8000-000000000000"
DUMMIES = {"UUIDConverter": NOBODYS_ID, "IntegerConverter": "1", "PathConverter": "x/y"}
A_DATE = "2026-11-02"
SECRETS = (b"password_hash", b"token_hash", b"pin_hash", b"$argon2")
#: Public, and yet about who calls: what it refuses is the token or the password in the request.
JUDGES_TOKENS = {"auth.refresh", "console.sign_in"}


@dataclass(frozen=True)
class Route:
    """One method of one address, and the policy it declares."""

    method: str
    rule: Rule
    policy: Policy

    def path(self) -> str:
        values = {}
        for name in self.rule.arguments:
            values[name] = DUMMIES.get(type(self.rule._converters[name]).__name__, A_DATE)
        built = self.rule.build(values, append_unknown=False)
        assert built is not None
        return built[1]

    def call(self, client: Client) -> TestResponse:
        if self.is_page:
            return client.browse(self.method, self.path())
        body = {} if self.method == "GET" else {"json": {}}
        return client.call(self.method, self.path(), buffered=True, **body)

    @property
    def is_page(self) -> bool:
        return self.rule.endpoint.startswith("console.")

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


def routes(app: DairyFlask) -> Iterator[Route]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        policy = policy_of(app.view_functions[rule.endpoint])
        assert policy is not None
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(method, rule, policy)


def table(app: DairyFlask) -> str:
    """One line a route: the letters of the roles it admits."""
    lines = []
    for route in routes(app):
        admitted = [letter if route.policy.admits(role) else "." for role, letter in LETTERS.items()]
        who = "public" if route.policy.roles is None else "".join(admitted)
        lines.append(f"{who}  {route.method:<6} {route.rule.rule}\n")
    return HEADING + "".join(lines)


def client_of(dairy: Dairy, role: Role) -> tuple[Client, str]:
    """A client of this role, and what it logs in with."""
    if role is Role.CUSTOMER:
        customer, client = dairy.customer_login()
        return client, customer["phone"]
    client = dairy.staff(role.value)
    return client, client.user["email"]


def test_the_table_is_the_one_agreed_on(app: DairyFlask) -> None:
    assert table(app).splitlines() == PINNED.read_text(encoding="utf-8").splitlines()


def test_without_a_login_only_public_routes_answer(dairy: Dairy) -> None:
    for route in routes(dairy.app):
        answer = route.call(dairy.nobody)
        if route.policy.roles is not None:
            refused(answer, 401, "not_authenticated")
        elif route.rule.endpoint not in JUDGES_TOKENS:
            assert answer.status_code not in {401, 403}, route
        assert answer.status_code < 500, route


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_refused_exactly_where_the_policy_does_not_admit_it(dairy: Dairy, role: Role) -> None:
    client, login = client_of(dairy, role)
    for route in routes(dairy.app):
        answer = route.call(client)
        if route.policy.admits(role):
            code = (answer.get_json(silent=True) or {}).get("code") if answer.is_json else None
            assert answer.status_code != 403, f"{route} refuses {role}: {code}"
            assert answer.status_code != 401 or route.rule.endpoint in JUDGES_TOKENS, route
            assert answer.status_code < 500, route
        else:
            refused(answer, 403, "forbidden")
        assert not [secret for secret in SECRETS if secret in answer.data], route
        if client.get("/auth/me").status_code == 401:  # it was the way out
            client = dairy.login(login)


def test_some_route_is_public_some_is_not_and_each_role_is_refused_somewhere(app: DairyFlask) -> None:
    """The walks above compare something: the table is neither empty nor all alike."""
    found = list(routes(app))
    assert {route.policy.roles is None for route in found} == {True, False}
    for role in set(Role) - {Role.ADMIN}:
        assert {route.policy.admits(role) for route in found} == {True, False}, role
    assert all(route.policy.admits(Role.ADMIN) for route in found)


def test_a_route_that_lost_its_policy_is_named(app: DairyFlask) -> None:
    check_policies(app)
    for route in routes(app):
        view = app.view_functions[route.rule.endpoint]
        kept = vars(view).pop("policy")
        try:
            with pytest.raises(LookupError, match=route.rule.endpoint.replace(".", r"\.")):
                check_policies(app)
        finally:
            view.policy = kept  # type: ignore[attr-defined]
    check_policies(app)


def test_a_route_that_lost_its_policy_stops_the_start(app: DairyFlask, settings: Settings) -> None:
    view = app.view_functions["users.list_users"]
    kept = vars(view).pop("policy")
    try:
        with pytest.raises(LookupError, match=r"/users \(users\.list_users\)"):
            create_app(settings, app.database)
    finally:
        view.policy = kept  # type: ignore[attr-defined]
    assert create_app(settings, app.database).view_functions["users.list_users"] is view


def test_answers_about_real_users_hold_no_secret(dairy: Dairy) -> None:
    client = dairy.staff("accountant")
    address = f"/users/{client.user['id']}"
    answers = [dairy.admin.get("/users"), dairy.admin.get(address), dairy.admin.patch(address, {"name": "X"})]
    answers.append(dairy.nobody.post("/auth/login", {"email": client.user["email"], "password": PASSWORD}))
    for answer in answers:
        ok(answer)
        assert not [secret for secret in SECRETS if secret in answer.data]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        url = "postgresql://nobody@127.0.0.1:1/none"  # nothing connects: only the routes are asked for
        made = create_app(Settings(Path(folder), database_url=url, secret_key="x" * 32))
        print(table(made), end="")  # noqa: T201 - the table is the output


#: POSTs that take no Idempotency-Key, and why not.
WITHOUT_KEY = {
    "auth.log_in": "no login yet",
    "auth.refresh": "a rotated token is accepted once more within 30 seconds",
    "auth.log_out": "makes nothing",
    "auth.change_password": "makes nothing",
    "auth.accept_invitation": "no login yet; an invitation is used once",
    "customers.make_account_link": "makes nothing; its answer is the secret",
    "users.invite": "its answer is the secret: asked again it is another one",
    "shared.unlock_shared_link": "no login",
    "shared.confirm_shared_delivery": "no login; a repeat is answered as such",
    "shared.confirm_shared_deliveries": "no login; a repeat is answered as such",
    "shared.take_cash": "no login; a repeat is answered as such",
    "shared.ask_for_change": "no login; a wish that waits already is counted once",
    "auth.ask_for_reset": "no login; a new code ends the one before",
    "auth.reset_password": "no login; a code is good once",
    "photos.take_photo": "the same photo again changes nothing",
    "shared.take_shared_photo": "the same photo again changes nothing",
    "billing.post_run": "many transactions; keeps the key with the run",
    "documents.revoke_links": "makes nothing",
    "documents.share_invoice": "a message that waits already is the answer",
    "outbox.message_sent": "said again it changes nothing",
    "outbox.withdraw_message": "said again it changes nothing",
    "templates.preview_message_template": "makes nothing",
    "outbox.retry_message": "said again it changes nothing: it waits already",
    "outbox.message_failed": "a state of its message",
    "pages.send_pin": "no login",
    "payment_links.make_link": "for the same there is one link; several transactions",
    "payment_links.cancel_link": "said again it changes nothing; several transactions",
    "gateway_events.take_razorpay_event": "no login; an event is kept once",
    "whatsapp.whatsapp_receipts": "no login; a receipt says the same however often it comes",
}
#: Forms carry the key of the route that they ask.
FORMS = "console."


def test_every_post_that_makes_something_can_be_repeated_safely(app: DairyFlask) -> None:
    without = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
        and not rule.endpoint.startswith(FORMS)
        and not getattr(app.view_functions[rule.endpoint], "idempotent", False)
    }
    assert without == set(WITHOUT_KEY)
