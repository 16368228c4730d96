"""Today: how far the rounds are, what waits for a decision, what tomorrow needs."""

from datetime import timedelta
from typing import Any

from flask import Response

from dairy_app.business.queries import today
from dairy_app.console.routes import frame
from dairy_app.web.access import Role
from dairy_app.web.http import current_actor, current_session
from dairy_app.web.inside import admits, ask

#: How many of a list the page shows; the list itself has them all.
SHOWN = 8


def show_today() -> Response:
    """The day at a glance, for each role what it may see; for ``/``, by whoever is signed in."""
    day = today(current_session())
    names: dict[str, Any] = {"day": day, "tomorrow": day + timedelta(days=1)}
    if admits("/closed-days"):
        names["closings"] = ask("/closed-days", **{"from": day, "to": names["tomorrow"]}, limit=SHOWN)["items"]
    if admits("/reports/rounds"):
        names["rounds"] = ask("/reports/rounds")["items"]
        if not names["rounds"] and admits("/orders/generate", "POST"):
            names["not_made"] = bool(ask("/reports/requirements", date=day.isoformat())["totals"])
    if admits("/cash-settlements/expected"):
        names["cash"] = ask("/cash-settlements/expected")["items"]
    if admits("/change-requests"):
        names["requests"] = ask("/change-requests", status="pending", limit=SHOWN)
    if admits("/reports/requirements"):
        report = ask("/reports/requirements", date=names["tomorrow"].isoformat())
        names |= {"needed": report["totals"], "blocked": report["blocked"]}
    if admits("/billing/unbilled"):
        ended = day.replace(day=1) - timedelta(
            days=1
        )  # the orders of this month, most of those on drafts, are not read
        names["unbilled"] = ask("/billing/unbilled", as_of=ended)
    if admits("/outbox"):
        names["failed"] = ask("/outbox", status="failed", limit=SHOWN)
    if admits("/gateway-events"):
        names["unbooked"] = ask("/gateway-events", status=["held", "waiting"], limit=SHOWN)
    if current_actor().role == Role.DELIVERY_BOY:
        names["own_round"] = ask("/deliveries/round")
    return frame.page("today.html", **names)
