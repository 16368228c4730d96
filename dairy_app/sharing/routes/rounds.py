"""``/deliveries/round``: a helper's round, with what is owed at its doors where the dairy wants that to be shown."""

from typing import Any
from zoneinfo import ZoneInfo

from dairy_app.business.queries import business_settings
from dairy_app.common.clock import now
from dairy_app.deliveries.policy import round_of
from dairy_app.deliveries.queries import round_view
from dairy_app.deliveries.rules import RoundChoice
from dairy_app.deliveries.schemas.rounds import RoundOut, RoundQuery
from dairy_app.sharing.rules.links import customers_of, with_dues
from dairy_app.sharing.service.visits import owed_at
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session

rounds = Blueprint("rounds", __name__, description="Rounds with what is to be collected")


@rounds.route("/deliveries/round")
@etagged
@rounds.arguments(RoundQuery, location="query")
@rounds.response(200, RoundOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY, may_lag=True)
def show_round(query: RoundChoice) -> dict[str, Any]:
    """The stops of a round in sequence, what to load, and how far it is. A delivery boy sees his own.

    With the setting `show_due_at_door` each stop says what its customer owes. An app that asks again sends the `ETag`
    that it has (`If-None-Match`): while nothing changed the answer is 304, without a body.
    """
    session = current_session()
    settings = business_settings(session)  # read for the dues; they say what day it is, too
    day = query.delivery_date or now().astimezone(ZoneInfo(settings.time_zone)).date()
    round_ = round_view(session, round_of(current_actor(), query, day))
    return with_dues(round_, owed_at(session, customers_of(round_)))
