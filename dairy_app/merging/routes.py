"""``/customers/{id}/merge``: two customers that are one."""

from typing import Any
from uuid import UUID

from dairy_app.merging import service
from dairy_app.merging.schemas import MergeIn, MergeOut, MergePreviewQuery
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_session
from dairy_app.web.idempotency import idempotent

merging = Blueprint("merging", __name__, description="Two customers that are one")


@merging.route("/customers/<uuid:customer_id>/merge-preview")
@merging.arguments(MergePreviewQuery, location="query")
@merging.response(200, MergeOut)
@allow(Role.ADMIN)
def preview_merge(query: dict[str, UUID], customer_id: UUID) -> dict[str, Any]:
    """What merging the customer into another would move and come to, and what stands in its way."""
    return service.preview(current_session(), customer_id, query["into"])


@merging.route("/customers/<uuid:customer_id>/merge", methods=["POST"])
@idempotent
@merging.arguments(MergeIn)
@merging.response(200, MergeOut)
@allow(Role.ADMIN)
def merge(wanted: service.Merge, customer_id: UUID) -> dict[str, Any]:
    """Merge the customer into another, for good.

    Its orders, standing orders, invoices, payments and the rest become the other's. Issued documents keep the name and
    address they bear, and count for the other. The old code leads to the other customer.
    """
    return service.merge(current_session(), customer_id, wanted)
