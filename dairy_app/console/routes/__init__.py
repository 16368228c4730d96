"""A module for each part of the menu; ``frame`` is what all pages share."""

from dairy_app.console.routes import (
    customers,
    downloads,
    figures,
    grid,
    invoices,
    month_end,
    office,
    payments,
    products,
    registering,
    requests,
    rounds,
    sign_in,
    start,
    wants,
    who_owes,
)
from dairy_app.console.routes.frame import console as pages

#: The modules whose routes are on ``pages``.
MODULES = (
    customers,
    downloads,
    figures,
    grid,
    invoices,
    month_end,
    office,
    payments,
    products,
    registering,
    requests,
    rounds,
    sign_in,
    start,
    wants,
    who_owes,
)

__all__ = ["MODULES", "pages"]
