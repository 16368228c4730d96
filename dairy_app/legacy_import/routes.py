"""``/billing/import-review``: which orders of the earlier system were billed there, and which only looked so."""

from typing import Any
from uuid import UUID

from dairy_app.legacy_import.queries.review import waiting
from dairy_app.legacy_import.schemas import RebilledOut, ReviewPage, ReviewQuery
from dairy_app.legacy_import.service import review
from dairy_app.orders.models import Order
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page

import_review = Blueprint("import_review", __name__, description="Orders that the earlier system marked as billed")


@import_review.route("/billing/import-review")
@import_review.arguments(ReviewQuery, location="query")
@import_review.response(200, ReviewPage)
@allow(Role.ADMIN)
def list_import_review(query: dict[str, Any]) -> Page:
    """Imported orders marked as billed by the earlier system, by day, except for those that a paid bill record proves.

    Merely viewing a month set that mark.
    """
    rows = waiting(query["customer_id"], query["period"])
    keys = [Order.delivered_on, Order.id]
    return read_page(current_session(), rows, keys, limit=query["limit"], cursor=query["cursor"])


@import_review.route("/billing/import-review/<uuid:order_id>/rebill", methods=["POST"])
@idempotent
@import_review.response(200, RebilledOut)
@allow(Role.ADMIN)
def rebill_order(order_id: UUID) -> dict[str, Any]:
    """Put one of them on its customer's draft, to be billed here."""
    return review.rebill(current_session(), current_actor(), order_id)
