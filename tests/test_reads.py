"""Where each GET reads: every route that shows something is decided on purpose, and pinned in ``reads.txt``.

When a change is meant, write it anew:  python -m tests.test_reads > tests/reads.txt
"""

import tempfile
from pathlib import Path

import pytest
from flask import Response

from dairy_app.app import ROUTES, Mount, create_app
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from dairy_app.web.access import Role, View, allow, allow_anyone
from dairy_app.web.http import Blueprint, DairyFlask
from tests.test_access_matrix import routes

PINNED = Path(__file__).with_name("reads.txt")
HEADING = """\
# Where each GET reads when there are replicas. "replica": its policy says may_lag, so what it shows may be as old as
# DAIRY_READ_LAG allows, but never older than the reader's own last write. "primary": it decides something, or somebody
# acts on it at once, or it is read by its key and costs little. "writes": it records on the primary that it was asked.
"""


def table(app: DairyFlask) -> str:
    lines = []
    for route in routes(app):
        if route.method == "GET" and not (route.policy.own_transactions and route.policy.roles is None):
            read = "replica" if route.policy.may_lag else "primary"
            lines.append(f"{read}  {'writes' if route.policy.records else '      '}  {route.rule.rule}\n")
    return HEADING + "".join(lines)


def test_where_each_route_reads_is_what_was_agreed_on(app: DairyFlask) -> None:
    assert table(app).splitlines() == PINNED.read_text(encoding="utf-8").splitlines()


def test_what_may_lag_is_a_get_and_who_calls_is_known(app: DairyFlask) -> None:
    lagging = [route for route in routes(app) if route.policy.may_lag]
    assert lagging and {route.method for route in lagging} == {"GET"}
    assert {str(route) for route in lagging if route.policy.records or route.policy.roles is None} == {
        "GET /s/<token>", "GET /api/v1/shared/<token>/round",
    }  # fmt: skip


def test_what_decides_money_or_access_is_read_on_the_primary(app: DairyFlask) -> None:
    decisive = (
        "/balance",
        "/consistency",
        "preview",
        "/runs",
        "/settings",
        "/users",
        "/auth/",
        "expected",
        "/events",
        "/health",
    )
    assert not [str(route) for route in routes(app) if route.policy.may_lag and any(w in str(route) for w in decisive)]


@pytest.mark.parametrize(
    ("methods", "policy"),
    [
        (["POST"], allow(Role.ADMIN, may_lag=True)),
        (["GET", "POST"], allow(Role.ADMIN, may_lag=True)),
        (["POST"], allow_anyone(records=True, may_lag=True)),
        (["GET"], allow_anyone(may_lag=True)),
    ],
)
def test_a_route_that_cannot_lag_and_says_it_may_stops_the_start(
    settings: Settings, database: Database, methods: list[str], policy: View
) -> None:
    wrong = Blueprint("wrong", __name__)

    @wrong.route("/wrong", methods=methods)
    @policy
    def view() -> Response:
        return Response()

    with pytest.raises(LookupError, match=r"/wrong \(wrong\.view\) cannot lag"):
        create_app(settings, database, (*ROUTES, Mount(wrong)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        url = "postgresql://nobody@127.0.0.1:1/none"  # nothing connects: only the routes are asked for
        made = create_app(Settings(Path(folder), database_url=url, secret_key="x" * 32))
        print(table(made), end="")  # noqa: T201 - the table is the output
