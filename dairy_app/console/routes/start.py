"""The first steps of a dairy, as a list that ticks itself from what is there."""

from datetime import timedelta
from typing import Any

from flask import Response, url_for

from dairy_app.business.queries import today
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, ask


@console.route("/start")
@console.arguments(PageQuery, location="query")
@allow(Role.ADMIN, page=True)
def start(query: dict[str, str]) -> Response:
    """From an empty database to tomorrow's round; safe to leave and come back to."""
    del query
    return _start()


def _start(**names: Any) -> Response:
    tomorrow = today(current_session()) + timedelta(days=1)
    steps = [
        ("seller", bool(ask("/settings")["business_name"]), f"{url_for('console.settings')}#seller"),
        ("products", _is_any("/products"), url_for("console.products")),
        ("areas", _is_any("/areas"), url_for("console.areas")),
        ("helper", _is_any("/users", role=Role.DELIVERY_BOY.value), url_for("console.people")),
        ("customers", _is_any("/customers"), url_for("console.new_customer")),
        ("standing", _is_any("/subscriptions"), url_for("console.customers")),
        ("orders", _is_any("/orders", delivery_date=tomorrow), None),
        ("link", _is_any("/shared-links"), url_for("console.rounds", date=tomorrow)),
    ]
    following = next((name for name, is_done, _ in steps if not is_done), None)
    return frame.page("start.html", steps=steps, following=following, tomorrow=tomorrow, **names)


def _is_any(path: str, **query: Any) -> bool:
    return bool(ask(path, limit=1, **query)["items"])


@console.route("/start/orders", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def make_orders(form: dict[str, str]) -> Response:
    """Make tomorrow's orders now, or today's; the nightly run would make them, too, and each is made once."""
    told: dict[str, Any] = {}
    present = today(current_session())
    day = present if form.get("day") == present.isoformat() else present + timedelta(days=1)

    def make() -> None:
        told.update(act("POST", "/orders/generate", {"delivery_date": day.isoformat()}, key=form.get("key")))

    refused = frame.send(make, lambda **names: _start(**names), url_for("console.start"))
    if refused is not None:
        return refused
    said = "orders_made" if told["created"] else "no_orders_to_make"
    return frame.done(url_for("console.rounds", date=day), said, n=told["created"])
