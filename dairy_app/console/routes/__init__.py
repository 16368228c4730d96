"""A module for each part of the menu; ``frame`` is what all pages share."""

from dairy_app.console.routes import (
    cash,
    changing,
    corrections,
    credits,
    customers,
    downloads,
    grid,
    health,
    invoices,
    messages,
    month_end,
    office,
    orders,
    payments,
    products,
    registering,
    registers,
    requests,
    rounds,
    sending,
    sign_in,
    start,
    wants,
    who_owes,
)
from dairy_app.console.routes.frame import console as pages

#: The modules whose routes are on ``pages``.
MODULES = (
    cash,
    changing,
    corrections,
    credits,
    customers,
    downloads,
    grid,
    health,
    invoices,
    messages,
    month_end,
    orders,
    office,
    payments,
    products,
    registers,
    registering,
    requests,
    rounds,
    sending,
    sign_in,
    start,
    wants,
    who_owes,
)

__all__ = ["MODULES", "pages"]
