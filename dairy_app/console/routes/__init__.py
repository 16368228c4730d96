"""A module for each part of the menu; ``frame`` is what all pages share."""

from dairy_app.console.routes import (
    customers,
    grid,
    office,
    products,
    registering,
    requests,
    rounds,
    sign_in,
    start,
    wants,
)
from dairy_app.console.routes.frame import console as pages

#: The modules whose routes are on ``pages``.
MODULES = (customers, grid, office, products, registering, requests, rounds, sign_in, start, wants)

__all__ = ["MODULES", "pages"]
