"""A module for each part of the menu; ``frame`` is what all pages share."""

from dairy_app.console.routes import (
    customers,
    downloads,
    invoices,
    month_end,
    office,
    payments,
    products,
    requests,
    rounds,
    sign_in,
    who_owes,
)
from dairy_app.console.routes.frame import console as pages

#: The modules whose routes are on ``pages``.
MODULES = (
    customers,
    downloads,
    invoices,
    month_end,
    office,
    payments,
    products,
    requests,
    rounds,
    sign_in,
    who_owes,
)

__all__ = ["MODULES", "pages"]
