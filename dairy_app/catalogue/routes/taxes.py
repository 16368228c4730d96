"""``/tax-classes``: how goods are taxed, since when, and where that is written."""

from typing import Any

from dairy_app.catalogue import queries, service
from dairy_app.catalogue.schemas import TaxClassesOut, TaxClassIn, TaxClassOut, TaxRateIn
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_session
from dairy_app.web.idempotency import idempotent

taxes = Blueprint("taxes", __name__, description="Tax classes and their dated rates")


@taxes.route("/tax-classes")
@taxes.response(200, TaxClassesOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_tax_classes() -> dict[str, Any]:
    """Every tax class with its rates. Verify them with your accountant."""
    return {"items": queries.list_tax_classes(current_session())}


@taxes.route("/tax-classes", methods=["POST"])
@idempotent
@taxes.arguments(TaxClassIn)
@taxes.response(201, TaxClassOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def create_tax_class(wanted: service.NewTaxClass) -> dict[str, Any]:
    """A new class. Goods of it cannot be billed before it has a rate."""
    return service.create_tax_class(current_session(), wanted)


@taxes.route("/tax-classes/<code>/rates", methods=["POST"])
@idempotent
@taxes.arguments(TaxRateIn)
@taxes.response(201, TaxClassOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def set_rate(wanted: service.NewRate, code: str) -> dict[str, Any]:
    """Set the rate from a day on; the one in force ends the day before. Issued documents keep theirs."""
    return service.set_rate(current_session(), code, wanted)
